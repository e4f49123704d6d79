// CUDA's words for clang, which has them from CUDA's headers, where it is called
// without those (-nocudainc -nocudalib). NVRTC and nvcc have them by themselves.

#if defined(__clang__) && defined(__CUDA__) && !defined(__CUDACC__)

#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(threads, resident) __attribute__((launch_bounds(threads, resident)))

struct Index {
    int x;
};
#define threadIdx Index{__nvvm_read_ptx_sreg_tid_x()}
#define blockIdx Index{__nvvm_read_ptx_sreg_ctaid_x()}

DEVICE float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
DEVICE unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }

#endif
