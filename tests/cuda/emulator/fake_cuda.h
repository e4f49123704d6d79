// A library that stands in for NVIDIA's driver and for NVRTC: device memory is
// the host's, and kernels run on the emulator. What is queued on a stream happens
// when somebody waits for the stream, not earlier. The variable FAKE_CUDA says what
// the driver lacks, as in "devices=0".
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>

#include "stream.h"

namespace emulator {

using Kernel = void (*)(const void*, const void*, void*, const void*, const float*, int);

// kernels are those of the network, which the library is made for.
const std::map<std::string, Kernel>& kernels();

// setting returns a number of FAKE_CUDA.
inline long setting(const std::string& name, long otherwise) {
    std::string all = std::getenv("FAKE_CUDA") ? std::getenv("FAKE_CUDA") : "";
    auto at = all.find(name + "=");
    return at == std::string::npos ? otherwise : std::atol(all.c_str() + at + name.size() + 1);
}

struct Fake {
    std::map<char*, size_t> memory, locked;
    size_t used = 0;
    int contexts = 0;
    std::atomic<int> modules{0}, objects{0};        // of the last: streams, events, graphs
    std::atomic<int> graphs{0}, launches{0}, alone{0};  // that were run; the last of plans for one clip
    std::string source, target;  // what is compiled, and for what
    std::mutex lock;
    std::string ptx() const { return "ptx for " + target; }
    static Fake& instance() {
        static Fake fake;
        return fake;
    }
};

}  // namespace emulator

extern "C" {

using emulator::Event;
using emulator::Fake;
using emulator::Graph;
using emulator::Stream;

enum { SUCCESS = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, BAD_IMAGE = 200, NOT_FOUND = 500, FAILED = 719 };

int cuInit(unsigned) { return emulator::setting("devices", 1) ? SUCCESS : NO_DEVICE; }
int cuDriverGetVersion(int* version) { return *version = emulator::setting("driver", 12090), SUCCESS; }
int cuDeviceGetCount(int* count) { return *count = emulator::setting("devices", 1), SUCCESS; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, SUCCESS; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "Emulated GPU"), SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == 75 ? emulator::setting("capability", 9) : attribute == 97 ? emulator::setting("shared", 99 << 10) : 0;
    return SUCCESS;
}

static thread_local void* current;
static thread_local std::vector<void*> pushed;  // what threads had before

int cuDevicePrimaryCtxRetain(void** context, int) {
    emulator::Fake::instance().contexts++;
    return *context = &emulator::Fake::instance(), SUCCESS;
}
// With the last context the library notes, in the file FAKE_CUDA_LOG, what is left. A thread
// that entered it must have left.
int cuDevicePrimaryCtxRelease_v2(int) {
    auto& f = emulator::Fake::instance();
    if (f.contexts == 0 || !pushed.empty()) return INVALID;
    if (--f.contexts == 0)
        std::ofstream(std::getenv("FAKE_CUDA_LOG")) << f.used << " bytes, " << f.locked.size() << " of the host, " << f.modules << " modules, " << f.objects
                                                    << " objects; ran " << f.graphs << " graphs, " << f.launches << " launches, " << f.alone << " kernels for one clip";
    return SUCCESS;
}
int cuCtxSetCurrent(void* context) { return current = context, SUCCESS; }
int cuCtxPushCurrent_v2(void* context) { return pushed.push_back(current), current = context, SUCCESS; }
int cuCtxPopCurrent_v2(void** context) {
    if (pushed.empty()) return INVALID;
    *context = current, current = pushed.back();
    return pushed.pop_back(), SUCCESS;
}

// A driver takes no code of a later CUDA's compiler, and for a GPU that the compiler
// does not know nothing but PTX, with a zero at the end.
int cuModuleLoadData(void** module, const char* image) {
    bool later = emulator::setting("nvrtc", 12) > emulator::setting("driver", 12090) / 1000;
    bool fits = emulator::setting("capability", 9) > 9 ? strcmp(image, "ptx for compute_90") == 0 : strncmp(image, "cubin", 5) == 0;
    if (!current || later || !fits) return BAD_IMAGE;
    emulator::Fake::instance().modules++;
    return *module = &emulator::Fake::instance().modules, SUCCESS;
}
int cuModuleUnload(void*) { return emulator::Fake::instance().modules--, current ? SUCCESS : INVALID; }
int cuModuleGetFunction(void** function, void*, const char* name) {
    auto k = emulator::kernels().find(name);
    if (k == emulator::kernels().end()) return NOT_FOUND;
    *function = (void*)&*k;
    return SUCCESS;
}
int cuFuncSetAttribute(void*, int, int) { return current ? SUCCESS : INVALID; }

int cuMemAlloc_v2(char** address, size_t bytes) {
    auto& f = emulator::Fake::instance();
    std::lock_guard<std::mutex> hold(f.lock);
    if (!current) return INVALID;
    if (f.used + bytes > (size_t)emulator::setting("memory", 1l << 40)) return NO_MEMORY;
    *address = (char*)aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(*address, 0xff, bytes);
    f.memory[*address] = bytes;
    return f.used += bytes, SUCCESS;
}
int cuMemFree_v2(char* address) {
    auto& f = emulator::Fake::instance();
    std::lock_guard<std::mutex> hold(f.lock);
    auto m = f.memory.find(address);
    if (!current || m == f.memory.end()) return INVALID;
    f.used -= m->second;
    f.memory.erase(m);
    return free(address), SUCCESS;
}

// Memory of the host that copies on a stream need.
int cuMemHostAlloc(char** memory, size_t bytes, unsigned) {
    auto& f = Fake::instance();
    std::lock_guard<std::mutex> hold(f.lock);
    if (!current || !bytes) return INVALID;
    if (bytes > (size_t)emulator::setting("locked", 1l << 40)) return NO_MEMORY;
    *memory = (char*)malloc(bytes);
    memset(*memory, 0xff, bytes);
    return f.locked[*memory] = bytes, SUCCESS;
}
int cuMemFreeHost(char* memory) {
    auto& f = Fake::instance();
    std::lock_guard<std::mutex> hold(f.lock);
    if (!current || !f.locked.erase(memory)) return INVALID;
    return free(memory), SUCCESS;
}

static bool within(const std::map<char*, size_t>& all, const char* at, size_t bytes) {
    std::lock_guard<std::mutex> hold(Fake::instance().lock);
    for (auto& m : all)
        if (at >= m.first && at + bytes <= m.first + m.second) return true;
    return false;
}
static bool allocated(const char* at, size_t bytes) { return current && within(Fake::instance().memory, at, bytes); }
static bool locked(const char* at, size_t bytes) { return current && within(Fake::instance().locked, at, bytes); }

// The null stream is the default one.
static Stream& stream_of(Stream* s) {
    static Stream standard;
    return s ? *s : standard;
}
static int copy_now(char* to, const char* from, size_t bytes, bool there) {
    if (!there) return INVALID;
    int code = stream_of(nullptr).wait();
    return memcpy(to, from, bytes), code;
}
int cuMemcpyHtoD_v2(char* to, const char* from, size_t bytes) { return copy_now(to, from, bytes, allocated(to, bytes)); }
int cuMemcpyDtoH_v2(char* to, const char* from, size_t bytes) { return copy_now(to, from, bytes, allocated(from, bytes)); }
int cuMemcpy(char* to, const char* from, size_t bytes) { return copy_now(to, from, bytes, allocated(to, bytes) || allocated(from, bytes)); }
static int queue_copy(char* to, const char* from, size_t bytes, Stream* s) {
    stream_of(s).add([=] { return memcpy(to, from, bytes), SUCCESS; });
    return SUCCESS;
}
int cuMemcpyHtoDAsync_v2(char* to, const char* from, size_t bytes, Stream* s) {
    return allocated(to, bytes) && locked(from, bytes) ? queue_copy(to, from, bytes, s) : INVALID;
}
int cuMemcpyDtoHAsync_v2(char* to, const char* from, size_t bytes, Stream* s) {
    return allocated(from, bytes) && locked(to, bytes) ? queue_copy(to, from, bytes, s) : INVALID;
}
int cuMemcpyDtoDAsync_v2(char* to, const char* from, size_t bytes, Stream* s) {
    return allocated(to, bytes) && allocated(from, bytes) ? queue_copy(to, from, bytes, s) : INVALID;
}

int cuStreamCreate(Stream** s, unsigned flags) { return current && flags == 1 ? Fake::instance().objects++, *s = new Stream, SUCCESS : INVALID; }
int cuStreamDestroy_v2(Stream* s) { return Fake::instance().objects--, delete s, SUCCESS; }
int cuStreamSynchronize(Stream* s) { return current ? stream_of(s).wait() : INVALID; }

int cuEventCreate(Event** e, unsigned flags) { return current ? Fake::instance().objects++, *e = new Event, (*e)->timed = !(flags & 2), SUCCESS : INVALID; }
int cuEventDestroy_v2(Event* e) { return Fake::instance().objects--, delete e, SUCCESS; }
int cuEventRecord(Event* e, Stream* s) {
    e->stream = &stream_of(s);
    e->reached = false;
    if (e->timed) e->stream->add([e] { return e->time = std::chrono::steady_clock::now(), e->reached = true, SUCCESS; });
    return SUCCESS;
}
int cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
    if (!current || !from->reached || !to->reached) return INVALID;
    *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return SUCCESS;
}
int cuStreamWaitEvent(Stream* s, Event* e, unsigned) {
    Stream* other = e->stream;
    return stream_of(s).add([other] { return other->wait(); }), SUCCESS;
}

int cuStreamBeginCapture_v2(Stream* s, int) { return s && !s->recording ? s->recording.reset(new Graph), SUCCESS : INVALID; }
int cuStreamEndCapture(Stream* s, Graph** g) {
    if (!s->recording) return INVALID;
    return Fake::instance().objects++, *g = s->recording.release(), SUCCESS;
}
int cuGraphInstantiateWithFlags(Graph** ready, Graph* g, unsigned long long) { return Fake::instance().objects++, *ready = new Graph(*g), SUCCESS; }
int cuGraphDestroy(Graph* g) { return Fake::instance().objects--, delete g, SUCCESS; }
int cuGraphExecDestroy(Graph* ready) { return Fake::instance().objects--, delete ready, SUCCESS; }
int cuGraphLaunch(Graph* ready, Stream* s) {
    if (!current) return INVALID;
    Fake::instance().graphs++;
    for (auto& work : *ready) stream_of(s).add(work);
    return SUCCESS;
}

static int run_kernel(const std::pair<const std::string, emulator::Kernel>& k, int blocks, int threads, int shared, const std::vector<void*>& p, int clips) {
    std::vector<emulator::Range> ranges;
    {
        std::lock_guard<std::mutex> hold(Fake::instance().lock);
        for (auto& m : Fake::instance().memory) ranges.push_back({"device memory", m.first, m.second, true});
    }
    if (k.first.find("_of1_") != std::string::npos) Fake::instance().alone++;
    try {
        emulator::launch(k.first.c_str(), blocks, threads, shared, ranges, [&] { k.second(p[0], p[1], p[2], p[3], (const float*)p[4], clips); }, false);
    } catch (const emulator::Fault& fault) {
        fprintf(stderr, "%s\n", fault.what());
        return FAILED;
    }
    return SUCCESS;
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz, unsigned shared, Stream* s,
                   void** parameters, void**) {
    if (!current || y != 1 || z != 1 || ty != 1 || tz != 1) return INVALID;
    auto& k = *(const std::pair<const std::string, emulator::Kernel>*)function;
    std::vector<void*> p;  // as they are now
    for (int i = 0; i < 5; i++) p.push_back(*(void**)parameters[i]);
    int clips = *(int*)parameters[5];
    if (!stream_of(s).recording) Fake::instance().launches++;
    return stream_of(s).add([=, &k] { return run_kernel(k, x, threads, shared, p, clips); }), SUCCESS;
}

int cuGetErrorString(int code, const char** text) {
    *text = code == NO_DEVICE ? "no CUDA-capable device is detected" : "an error of the emulated driver";
    return SUCCESS;
}

int nvrtcVersion(int* major, int* minor) { return *major = emulator::setting("nvrtc", 12), *minor = 9, 0; }
int nvrtcGetNumSupportedArchs(int* count) { return *count = 1, 0; }
int nvrtcGetSupportedArchs(int* numbers) { return *numbers = emulator::setting("knows", 90), 0; }
const char* nvrtcGetErrorString(int) { return "NVRTC_ERROR_COMPILATION"; }
int nvrtcCreateProgram(void** program, const char* source, const char*, int, void*, void*) {
    emulator::Fake::instance().source = source;
    return *program = &emulator::Fake::instance().source, 0;
}
int nvrtcDestroyProgram(void** program) { return *program = nullptr, 0; }
int nvrtcCompileProgram(void*, int, const char** options) {
    std::string arch = options[0];
    emulator::Fake::instance().target = arch.substr(arch.find('=') + 1);
    return emulator::setting("compiles", 1) ? 0 : 6;
}
int nvrtcGetProgramLogSize(void*, size_t* n) { return *n = 5, 0; }
int nvrtcGetProgramLog(void*, char* to) { return memcpy(to, "logs", 5), 0; }
// Machine code is made for GPUs alone, PTX always.
int nvrtcGetCUBINSize(void*, size_t* n) { return *n = emulator::Fake::instance().target[0] == 's' ? 6 : 0, 0; }
int nvrtcGetCUBIN(void*, char* to) { return memcpy(to, "cubin", 6), 0; }
int nvrtcGetPTXSize(void*, size_t* n) { return *n = emulator::Fake::instance().ptx().size() + 1, 0; }
int nvrtcGetPTX(void*, char* to) { return strcpy(to, emulator::Fake::instance().ptx().c_str()), 0; }

}  // extern "C"
