// The primitives of backends/cuda/device on a host. Each has the meaning that
// its comment there says.
#pragma once

#include "matrix.h"

inline int thread_index() { return emulator::Block::current()->thread(); }
inline int block_index() { return emulator::Block::current()->block(); }
inline void block_barrier() { emulator::Block::current()->barrier(); }

inline float shuffle_xor(float x, int mask) {
    emulator::Shuffle s{x, 0, mask};
    emulator::Block::current()->together("shuffle_xor", &s, emulator::shuffle);
    return s.y;
}

template <class T>
T load(const T* from) {
    return emulator::Block::current()->load(from);
}
template <class T>
void store(T* to, T x) {
    emulator::Block::current()->store(to, x);
}

template <class T>
T shared_load(int at) {
    return emulator::Block::current()->shared_load<T>(at);
}
template <class T>
void shared_store(int at, T x) {
    emulator::Block::current()->shared_store(at, x);
}

template <bool AGAIN = false>
void copy_async(int to, const void* from, bool there) {
    emulator::Block::current()->copy(to, from, 16, there);
}
inline void copy_commit() { emulator::Block::current()->commit(); }
template <int LEFT>
void copy_wait() {
    emulator::Block::current()->finish_copies(LEFT);
}

inline void load_matrices(unsigned (&m)[4], int at) {
    emulator::LoadMatrices l{m, at};
    emulator::Block::current()->together("load_matrices", &l, emulator::load_matrices);
}

template <class F>
void emulate_multiply(const char* what, float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    emulator::Multiply m{sum, a, {b0, b1}};
    emulator::Block::current()->together(what, &m, emulator::multiply<F>);
}
inline void multiply_bf16(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    emulate_multiply<emulator::FormatBf16>("multiply_bf16", sum, a, b0, b1);
}
inline void multiply_f16(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    emulate_multiply<emulator::FormatF16>("multiply_f16", sum, a, b0, b1);
}
inline void multiply_tf32(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    emulate_multiply<emulator::FormatTf32>("multiply_tf32", sum, a, b0, b1);
}

inline unsigned pack_bf16(float low, float high) { return emulator::to_bf16(low) | (unsigned)emulator::to_bf16(high) << 16; }
inline unsigned pack_f16(float low, float high) { return emulator::to_f16(low) | (unsigned)emulator::to_f16(high) << 16; }
inline float unpack_f16(unsigned short half) { return emulator::from_f16(half); }
inline unsigned round_tf32(float x) { return emulator::to_tf32(x); }
inline float float_of(unsigned bits) { return emulator::real(bits); }
inline unsigned bits_of(float x) { return emulator::bits(x); }
inline float larger(float x, float y) { return y > x || y != y ? y : x; }
inline float power_of_two(float x) {
    float y = std::exp2(x);
    return y < 0x1p-126f ? 0 : y;
}
