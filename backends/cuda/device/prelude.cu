// What kernels are written in: the words for device code, and the sizes that
// every NVIDIA GPU has in common. The source includes nothing, so that NVRTC takes
// it as it is. With P3DC_EMULATOR defined it is C++ for a
// host, on which an emulator gives the primitives their meaning.

#ifdef P3DC_EMULATOR
#include "emulator.h"
#define DEVICE inline
#define KERNEL(threads, resident) extern "C" void
#else
#define DEVICE __device__ __forceinline__
#define KERNEL(threads, resident) extern "C" __global__ void __launch_bounds__(threads, resident)
#endif

// What every kernel takes, null where it has none of it. Nothing that a launch reads is
// written by it, so that loads need not wait for the stores before them.
#define PARAMETERS                                                                                            \
    const void *__restrict__ in, const void *__restrict__ second, void *__restrict__ out,                     \
        const void *__restrict__ weights, const float *__restrict__ bias, int clips

constexpr int WARP = 32;    // threads that run in step
constexpr int ACCESS = 16;  // bytes of the widest access of a thread
