// A library that stands in for NVIDIA's driver and for NVRTC: device memory is
// the host's, and kernels run on the emulator. The variable FAKE_CUDA says what it
// lacks, as in "devices=0".
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>

#include "launch.h"

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
    std::map<char*, size_t> memory;
    size_t used = 0;
    int contexts = 0, modules = 0;
    std::string source;
    std::mutex lock;
    static Fake& instance() {
        static Fake fake;
        return fake;
    }
};

}  // namespace emulator

extern "C" {

enum { SUCCESS = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, BAD_IMAGE = 200, NOT_FOUND = 500, FAILED = 719 };

int cuInit(unsigned) { return emulator::setting("devices", 1) ? SUCCESS : NO_DEVICE; }
int cuDeviceGetCount(int* count) { return *count = emulator::setting("devices", 1), SUCCESS; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, SUCCESS; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "Emulated GPU"), SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == 75 ? emulator::setting("capability", 9) : attribute == 97 ? emulator::setting("shared", 99 << 10) : 0;
    return SUCCESS;
}

static thread_local void* current;

int cuDevicePrimaryCtxRetain(void** context, int) {
    emulator::Fake::instance().contexts++;
    return *context = &emulator::Fake::instance(), SUCCESS;
}
// With the last context the library notes, in the file FAKE_CUDA_LOG, what is left.
int cuDevicePrimaryCtxRelease_v2(int) {
    auto& f = emulator::Fake::instance();
    if (f.contexts == 0) return INVALID;
    if (--f.contexts == 0) std::ofstream(std::getenv("FAKE_CUDA_LOG")) << f.used << " bytes, " << f.modules << " modules";
    return SUCCESS;
}
int cuCtxSetCurrent(void* context) { return current = context, SUCCESS; }
int cuCtxSynchronize() { return current ? SUCCESS : INVALID; }

int cuModuleLoadData(void** module, const char* image) {
    if (!current || std::string(image, 5) != "cubin") return BAD_IMAGE;
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

static bool allocated(const char* at, size_t bytes) {
    for (auto& m : emulator::Fake::instance().memory)
        if (at >= m.first && at + bytes <= m.first + m.second) return true;
    return false;
}
int cuMemcpyHtoD_v2(char* to, const char* from, size_t bytes) {
    return current && allocated(to, bytes) ? memcpy(to, from, bytes), SUCCESS : INVALID;
}
int cuMemcpyDtoH_v2(char* to, const char* from, size_t bytes) {
    return current && allocated(from, bytes) ? memcpy(to, from, bytes), SUCCESS : INVALID;
}

int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz, unsigned shared, void*,
                   void** p, void**) {
    if (!current || y != 1 || z != 1 || ty != 1 || tz != 1) return INVALID;
    auto& k = *(const std::pair<const std::string, emulator::Kernel>*)function;
    std::vector<emulator::Range> ranges;
    for (auto& m : emulator::Fake::instance().memory) ranges.push_back({"device memory", m.first, m.second, true});
    auto pointer = [&](int i) { return *(void**)p[i]; };
    int clips = *(int*)p[5];
    try {
        emulator::launch(k.first.c_str(), x, threads, shared, ranges,
                         [&] { k.second(pointer(0), pointer(1), pointer(2), pointer(3), (const float*)pointer(4), clips); }, false);
    } catch (const emulator::Fault& fault) {
        fprintf(stderr, "%s\n", fault.what());
        return FAILED;
    }
    return SUCCESS;
}

int cuGetErrorString(int code, const char** text) {
    *text = code == NO_DEVICE ? "no CUDA-capable device is detected" : "an error of the emulated driver";
    return SUCCESS;
}

int nvrtcVersion(int* major, int* minor) { return *major = 12, *minor = 9, 0; }
const char* nvrtcGetErrorString(int) { return "NVRTC_ERROR_COMPILATION"; }
int nvrtcCreateProgram(void** program, const char* source, const char*, int, void*, void*) {
    emulator::Fake::instance().source = source;
    return *program = &emulator::Fake::instance().source, 0;
}
int nvrtcDestroyProgram(void** program) { return *program = nullptr, 0; }
int nvrtcCompileProgram(void*, int, const char**) { return emulator::setting("compiles", 1) ? 0 : 6; }
int nvrtcGetProgramLogSize(void*, size_t* n) { return *n = 5, 0; }
int nvrtcGetProgramLog(void*, char* to) { return memcpy(to, "logs", 5), 0; }
int nvrtcGetCUBINSize(void*, size_t* n) { return *n = 6, 0; }
int nvrtcGetCUBIN(void*, char* to) { return memcpy(to, "cubin", 6), 0; }
int nvrtcGetPTXSize(void*, size_t* n) { return *n = 4, 0; }
int nvrtcGetPTX(void*, char* to) { return memcpy(to, "ptx", 4), 0; }

}  // extern "C"
