// The driver's and NVRTC's functions, which are looked for at run time. Pointers to a
// GPU's memory are numbers.
typedef uint64_t address;
static struct {
    int (*init)(unsigned flags);
    int (*version)(int *version);
    int (*device)(int *device, int ordinal);
    int (*attribute)(int *value, int attribute, int device);
    int (*retain)(void **context, int device);
    int (*release)(int device);
    int (*enter)(void *context);
    int (*leave)(void **context);
    int (*wait)(void *stream);
    int (*load)(void **module, const void *image);
    int (*unload)(void *module);
    int (*function)(void **function, void *module, const char *name);
    int (*set_function)(void *function, int attribute, int value);
    int (*allocate)(address *memory, size_t bytes);
    int (*free)(address memory);
    int (*copy)(address to, address from, size_t bytes);
    int (*launch)(void *function, unsigned x, unsigned y, unsigned z, unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                  void *stream, void **parameters, void **extra);
    int (*text)(int code, const char **text);
} cuda;

static struct {
    int (*create)(void **program, const char *source, const char *name, int headers, const char *const *contents, const char *const *names);
    int (*compile)(void *program, int count, const char *const *options);
    int (*log_size)(void *program, size_t *bytes);
    int (*log)(void *program, char *text);
    int (*size)(void *program, size_t *bytes);
    int (*code)(void *program, char *code);
    int (*ptx_size)(void *program, size_t *bytes);
    int (*ptx)(void *program, char *text);
    int (*destroy)(void **program);
    int (*count)(int *gpus);
    int (*gpus)(int *numbers);
    int (*version)(int *major, int *minor);
} nvrtc;

struct network {
    int device, batch;
    const schedule *how;
    void *context, *module, *frames;
    void *kernels[LAUNCHES];
    address weights, arena, clips;
};

static _Thread_local char message[1024];

const char *network_error(void) { return message; }

// fail notes what went wrong.
static int fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    return -1;
}

// check makes a fault of the driver's codes but 0.
static int check(const char *doing, int code) {
    const char *text = NULL;
    if (code == 0) return 0;
    if (cuda.text(code, &text) != 0 || !text) text = "of no name";
    return fail("%s: CUDA error %d, %s", doing, code, text);
}

// bind looks functions up. Pointers to them follow one another.
static int bind(void *pointers, const char *const *libraries, const char *const *names) {
    void *library = NULL;
    for (; *libraries && !library; libraries++) library = dlopen(*libraries, RTLD_NOW | RTLD_GLOBAL);
    if (!library) return fail("%s", dlerror());
    for (char *to = pointers; *names; names++, to += sizeof(void *)) {
        void *function = dlsym(library, *names);
        if (!function) return fail("%s", dlerror());
        memcpy(to, &function, sizeof function);
    }
    return 0;
}

static int bind_cuda(void) {
    static const char *const libraries[] = {"libcuda.so.1", "libcuda.so", NULL};
    static const char *const names[] = {
        "cuInit", "cuDriverGetVersion", "cuDeviceGet", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2", "cuCtxPushCurrent_v2",
        "cuCtxPopCurrent_v2", "cuStreamSynchronize", "cuModuleLoadData", "cuModuleUnload", "cuModuleGetFunction", "cuFuncSetAttribute", "cuMemAlloc_v2", "cuMemFree_v2",
        "cuMemcpy", "cuLaunchKernel", "cuGetErrorString", NULL};
    return bind(&cuda, libraries, names);
}

// bind_nvrtc finds a compiler. A driver of CUDA 12 takes no code of 13's compiler, which
// is the last one then.
static int bind_nvrtc(void) {
    static const char *const libraries[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "libnvrtc.so.13", NULL};
    static const char *const names[] = {"nvrtcCreateProgram", "nvrtcCompileProgram", "nvrtcGetProgramLogSize", "nvrtcGetProgramLog",
                                        "nvrtcGetCUBINSize", "nvrtcGetCUBIN", "nvrtcGetPTXSize", "nvrtcGetPTX", "nvrtcDestroyProgram",
                                        "nvrtcGetNumSupportedArchs", "nvrtcGetSupportedArchs", "nvrtcVersion", NULL};
    int version = 0;
    if (check("asking for the driver's version", cuda.version(&version))) return -1;
    return bind(&nvrtc, libraries + (version < 13000), names);
}

// read_file returns a file's bytes and a zero behind them, which the caller frees.
static char *read_file(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    long end = -1;
    if (f && fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) data = malloc((size_t)end + 1);
    if (data && fread(data, 1, (size_t)end, f) != (size_t)end) {
        free(data);
        data = NULL;
    }
    if (!data) fail("%s: %s", path, strerror(errno));
    if (data) data[*bytes = (size_t)end] = 0;
    if (f) fclose(f);
    return data;
}

// crc is CRC-32C.
static uint32_t crc(const uint32_t *table, const char *data, size_t bytes) {
    uint32_t sum = 0xffffffff;
    for (size_t i = 0; i < bytes; i++) sum = table[(sum ^ (unsigned char)data[i]) & 255] ^ sum >> 8;
    return ~sum;
}

static uint64_t number(const char *data, int bytes) {
    uint64_t x = 0;
    for (int i = bytes; i-- > 0;) x = x << 8 | (unsigned char)data[i];
    return x;
}

// check_weights checks the header of packed weights and, block by block, the
// weights behind it.
static int check_weights(const char *path, char *data, size_t bytes) {
    enum { HEADER = 4096, SEAL = 12, BLOCK = 1 << 20 };
    uint32_t table[256], sums = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
    }
    if (bytes < HEADER || memcmp(data, "P3DW\r\n\x1a\n", 8) != 0) return fail("%s: no packed weights", path);
    uint32_t seal = (uint32_t)number(data + SEAL, 4);
    memset(data + SEAL, 0, 4);
    if (number(data + 8, 4) != 1 || crc(table, data, HEADER) != seal) return fail("%s: damaged, or of another format", path);
    if (strncmp(data + 40, NETWORK_ISA, 32) != 0 || number(data + 16, 8) != FINGERPRINT || number(data + 24, 8) * 4 != WEIGHTS)
        return fail("%s: not packed for this network on " NETWORK_ISA, path);
    if (bytes - HEADER != WEIGHTS) return fail("%s: truncated or damaged", path);
    for (size_t at = 0; at < WEIGHTS; at += BLOCK) {
        uint32_t sum = crc(table, data + HEADER + at, WEIGHTS - at < BLOCK ? WEIGHTS - at : BLOCK);
        for (int i = 0; i < 4; i++) sums = table[(sums ^ sum >> 8 * i) & 255] ^ sums >> 8;
    }
    if (~sums != (uint32_t)number(data + 32, 4)) return fail("%s: damaged", path);
    return 0;
}

// newest returns the number of the newest GPU that the compiler knows and that is not
// newer than the given one, 90 for sm_90; without any, 0.
static int newest(int gpu) {
    int count = 0, found = 0;
    if (nvrtc.count(&count) != 0 || count < 1) return 0;
    int *known = calloc((size_t)count, sizeof *known);
    if (known && nvrtc.gpus(known) == 0)
        for (int i = 0; i < count; i++)
            if (known[i] <= gpu && known[i] > found) found = known[i];
    free(known);
    return found;
}

// compile replaces a source by machine code for the GPU or, where the compiler does not
// know that, by PTX, which the driver compiles further.
static int compile(const network *n, const char *path, char **code) {
    enum { OLDEST = 80 };
    int major = 0, minor = 0;
    char arch[64];
    if (check("asking for the GPU's kind", cuda.attribute(&major, 75, n->device)) || check("asking for the GPU's kind", cuda.attribute(&minor, 76, n->device)) ||
        bind_nvrtc())
        return -1;
    int gpu = 10 * major + minor, known = newest(gpu);
    if (known < OLDEST) return fail("%s: this NVRTC does not know the GPU sm_%d, a newer one may", path, gpu);
    snprintf(arch, sizeof arch, "--gpu-architecture=%s_%d", known == gpu ? "sm" : "compute", known);
    int (*size)(void *, size_t *) = known == gpu ? nvrtc.size : nvrtc.ptx_size, (*get)(void *, char *) = known == gpu ? nvrtc.code : nvrtc.ptx;
    const char *options[] = {arch, "--std=c++17", "--split-compile=0"};  // on all processors, from 12.9 on
    void *program = NULL;
    size_t bytes = 0;
    if (nvrtc.create(&program, *code, path, 0, NULL, NULL) != 0) return fail("%s: NVRTC takes no source", path);
    int failed = nvrtc.version(&major, &minor) ? -1 : nvrtc.compile(program, 100 * major + minor < 1209 ? 2 : 3, options);
    nvrtc.log_size(program, &bytes);
    char *log = calloc(bytes + 1, 1);
    if (failed && log) nvrtc.log(program, log);
    if (failed) fail("%s: NVRTC error %d for %s\n%s", path, failed, arch, log ? log : "");
    free(log);
    if (!failed && (size(program, &bytes) != 0 || !(log = malloc(bytes)))) failed = fail("%s: no machine code", path);
    if (!failed) {
        get(program, log);
        free(*code);
        *code = log;
    }
    nvrtc.destroy(&program);
    return failed ? -1 : 0;
}

// load brings the kernels to the GPU.
static int load(network *n, const char *path) {
    size_t bytes = 0, length = strlen(path);
    char *code = read_file(path, &bytes);
    if (!code) return -1;
    int failed = length > 3 && strcmp(path + length - 3, ".cu") == 0 ? compile(n, path, &code) : 0;
    if (!failed) failed = check("loading the kernels", cuda.load(&n->module, code));
    free(code);
    if (failed) return failed;
    for (int i = 0; i < n->how->count; i++) {
        enum { SHARED = 8 };
        const launch *l = &n->how->launches[i];
        if (check(l->kernel, cuda.function(&n->kernels[i], n->module, l->kernel)) ||
            check(l->kernel, cuda.set_function(n->kernels[i], SHARED, l->shared)))
            return -1;
    }
    return check(n->how->frames, cuda.function(&n->frames, n->module, n->how->frames));
}

// load_weights brings the weights to the GPU.
static int load_weights(network *n, const char *path) {
    enum { HEADER = 4096 };
    size_t bytes = 0;
    char *data = read_file(path, &bytes);
    if (!data) return -1;
    int failed = check_weights(path, data, bytes) || check("room for the weights", cuda.allocate(&n->weights, WEIGHTS)) ||
                 check("copying the weights", cuda.copy(n->weights, (address)(uintptr_t)(data + HEADER), WEIGHTS)) ||
                 check("copying the weights", cuda.wait(NULL));
    free(data);
    return failed ? -1 : 0;
}

// enter makes the GPU's context the thread's; leave gives the thread back the one that it had.
static int enter(const network *n) { return check("choosing the GPU", cuda.enter(n->context)); }
static void leave(void) {
    void *context = NULL;
    cuda.leave(&context);
}

// fill brings kernels and weights to the GPU, and takes memory there.
static int fill(network *n, const char *code, const char *weights) {
    if (enter(n)) return -1;
    int failed = load(n, code) || load_weights(n, weights) || check("room for feature maps", cuda.allocate(&n->arena, n->how->arena * n->batch)) ||
                 check("room for clips", cuda.allocate(&n->clips, sizeof(float) * NETWORK_CLIP * n->batch));
    leave();
    return failed;
}

network *network_open(const char *code, const char *weights, int device, int batch) {
    const schedule *how = schedules;
    while (how < schedules + SCHEDULES - 1 && how->clips < batch) how++;
    if (batch < 1 || batch > how->most) return fail("a batch of %d clips, expected 1 to %d", batch, how->most), NULL;
    if (bind_cuda()) return NULL;
    network *n = calloc(1, sizeof *n);
    if (!n) return fail("out of memory"), NULL;
    n->batch = batch;
    n->how = how;
    if (check("starting the driver", cuda.init(0)) || check("opening the GPU", cuda.device(&n->device, device)) ||
        check("making a context", cuda.retain(&n->context, n->device)) || fill(n, code, weights)) {
        network_close(n);
        return NULL;
    }
    return n;
}

void network_close(network *n) {
    if (!n) return;
    if (n->context) {
        if (cuda.enter(n->context) == 0) {
            if (n->weights) cuda.free(n->weights);
            if (n->arena) cuda.free(n->arena);
            if (n->clips) cuda.free(n->clips);
            if (n->module) cuda.unload(n->module);
            leave();
        }
        cuda.release(n->device);
    }
    free(n);
}

// place returns where an operand of so many clips lies; of no bytes it is none.
static address place(address memory, span s, int clips) { return s.bytes ? memory + (address)s.offset * clips : 0; }

// deliver copies an output to the caller's memory, clip by clip.
static int deliver(const network *n, int clips, const output *o, float *to) {
    if (!to) return 0;
    if (!o->values) return fail("%s has no %s that are a vector of float32 values", NAME, o->name);
    for (int i = 0; i < clips; i++) {
        address from = place(n->arena, o->place, clips) + (address)o->place.bytes * i;
        if (check("copying results", cuda.copy((address)(uintptr_t)(to + (size_t)o->values * i), from, sizeof(float) * o->values))) return -1;
    }
    return 0;
}

// run_here runs clips that lie anywhere in the thread's context.
static int run_here(network *n, int clips, void *first, const void *from, size_t bytes, float *logits, float *features, float *probabilities) {
    if (check("copying clips", cuda.copy(n->clips, (address)(uintptr_t)from, bytes * clips))) return -1;
    for (int i = 0; i < n->how->count; i++) {
        const launch *l = &n->how->launches[i];
        address in = i == 0 ? n->clips : place(n->arena, l->in, clips), second = place(n->arena, l->second, clips), out = place(n->arena, l->out, clips),
                weights = place(n->weights, l->weights, 1), bias = place(n->weights, l->bias, 1);
        void *parameters[] = {&in, &second, &out, &weights, &bias, &clips};
        unsigned blocks = (unsigned)(((int64_t)l->units * clips + l->per - 1) / l->per) * l->columns;
        if (check(l->kernel, cuda.launch(i == 0 ? first : n->kernels[i], blocks, 1, 1, l->threads, 1, 1, l->shared, NULL, parameters, NULL))) return -1;
    }
    if (check("running the network", cuda.wait(NULL)) || deliver(n, clips, &n->how->outputs[0], logits) ||
        deliver(n, clips, &n->how->outputs[1], features) || deliver(n, clips, &n->how->outputs[2], probabilities))
        return -1;
    return check("copying results", cuda.wait(NULL));
}

// run is run_here in the GPU's context.
static int run(network *n, int clips, void *first, const void *from, size_t bytes, float *logits, float *features, float *probabilities) {
    if (clips < 1 || clips > n->batch) return fail("%d clips, expected 1 to %d", clips, n->batch);
    if (!from) return fail("no clips");
    if (enter(n)) return -1;
    int failed = run_here(n, clips, first, from, bytes, logits, features, probabilities);
    leave();
    return failed;
}

int network_classify(network *n, int clips, const uint8_t *frames, float *logits, float *features, float *probabilities) {
    return run(n, clips, n->frames, frames, NETWORK_CLIP, logits, features, probabilities);
}

int network_run(network *n, int clips, const float *values, float *logits, float *features, float *probabilities) {
    return run(n, clips, n->kernels[0], values, sizeof(float) * NETWORK_CLIP, logits, features, probabilities);
}
