// What kernels are written in: the words for device code, and the sizes that
// every NVIDIA GPU has in common. The source includes nothing, so that NVRTC takes
// it as it is. With P3DC_EMULATOR defined it is C++ for a
// host, on which an emulator gives the primitives their meaning.

#ifdef P3DC_EMULATOR
#include "emulator.h"
#define DEVICE inline
#define KERNEL(threads) extern "C" void
#else
#define DEVICE __device__ __forceinline__
#define KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
#endif

constexpr int WARP = 32;    // threads that run in step
constexpr int ACCESS = 16;  // bytes of the widest access of a thread
