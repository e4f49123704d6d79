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

// What every kernel takes, null where it has none of it. Results may lie in the place of
// what they are added to, which is second; nothing else that a launch reads is written by
// it, so that loads of that need not wait for the stores before them.
#define PARAMETERS \
    const void *__restrict__ in, const void *second, void *out, const void *__restrict__ weights, const float *__restrict__ bias, int clips

constexpr int WARP = 32;    // threads that run in step
constexpr int ACCESS = 16;  // bytes of the widest access of a thread
