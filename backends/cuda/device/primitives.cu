// The primitives on a device: everything that is not C++. The emulator has
// another body for each, with the same meaning.

#ifndef P3DC_EMULATOR

extern __shared__ __align__(128) unsigned char shared_memory[];

DEVICE int thread_index() { return threadIdx.x; }
DEVICE int block_index() { return blockIdx.x; }

// block_barrier waits for all threads of the block. What they wrote to shared
// memory before it is seen by all of them behind it.
DEVICE void block_barrier() { __syncthreads(); }

// shuffle_xor returns the value that the lane with another number has: this
// lane's with the bits of mask flipped. All lanes of the warp take part.
DEVICE float shuffle_xor(float x, int mask) {
    float y;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(y) : "f"(x), "r"(mask));
    return y;
}

// load and store move one value from and to global memory, aligned to its size.
template <class T>
DEVICE T load(const T* from) {
    return *from;
}
template <class T>
DEVICE void store(T* to, T x) {
    *to = x;
}

// shared_address is what instructions call a place in the block's shared memory.
DEVICE unsigned shared_address(int at) {
    unsigned begin;
    asm("{ .reg .u64 wide; cvta.to.shared.u64 wide, %1; cvt.u32.u64 %0, wide; }" : "=r"(begin) : "l"(shared_memory));
    return begin + at;
}

// shared_load and shared_store move one value from and to the block's shared
// memory, aligned to its size.
template <class T>
DEVICE T shared_load(int at) {
    return *(const T*)(shared_memory + at);
}
template <class T>
DEVICE void shared_store(int at, T x) {
    *(T*)(shared_memory + at) = x;
}

// copy_async starts to copy an access from global to shared memory, or to write zeros
// where there is nothing to copy; from may then be anywhere. What the block copies AGAIN
// goes through the first-level cache. Nobody may look before the copy was committed and
// waited for.
template <bool AGAIN = false>
DEVICE void copy_async(int to, const void* from, bool there) {
    int bytes = there ? ACCESS : 0;
    if constexpr (AGAIN)
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
    else
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}

// copy_commit makes the copies that this thread has started since the last
// commit a group; copy_wait waits until at most LEFT groups are under way.
DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LEFT>
DEVICE void copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}

// load_matrices loads four matrices of 8 rows of 16 bytes from shared memory.
// Lane i gives the place of row i%8 of matrix i/8, and gets of each matrix the
// four bytes i%4 of row i/4.
DEVICE void load_matrices(unsigned (&m)[4], int at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(shared_address(at))
                 : "memory");
}

// The products of 16 rows by 32 bytes and 32 bytes by 8 columns, added to sums
// in float32. Lane i holds of the sums rows i/4 and i/4+8, columns i%4*2 and the
// next: {row, row; row+8, row+8}. The operands are as load_matrices leaves them.
DEVICE void multiply_bf16(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
DEVICE void multiply_f16(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
DEVICE void multiply_tf32(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Conversions round to the nearest, ties to even; round_tf32 rounds ties away
// from zero and leaves a float32 value whose last 13 bits are 0. Two 16-bit
// values share a word, the first in the low half.
DEVICE unsigned pack_bf16(float low, float high) {
    unsigned word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
}
DEVICE unsigned pack_f16(float low, float high) {
    unsigned word;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
}
DEVICE float unpack_f16(unsigned short half) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
    return x;
}
DEVICE unsigned round_tf32(float x) {
    unsigned y;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
    return y;
}
DEVICE float float_of(unsigned bits) { return __uint_as_float(bits); }
DEVICE unsigned bits_of(float x) { return __float_as_uint(x); }

// larger is the maximum, and NaN if one is.
DEVICE float larger(float x, float y) {
    float z;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
    return z;
}

// power_of_two is 2^x.
DEVICE float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#endif
