// Conversions as the hardware makes them, bit by bit.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace emulator {

inline uint32_t bits(float x) {
    uint32_t b;
    memcpy(&b, &x, 4);
    return b;
}

inline float real(uint32_t b) {
    float x;
    memcpy(&x, &b, 4);
    return x;
}

// to_bf16 rounds to the nearest, ties to even.
inline uint16_t to_bf16(float x) {
    uint32_t b = bits(x);
    if (x != x) return 0x7fff;
    return (b + 0x7fff + (b >> 16 & 1)) >> 16;
}

// to_f16 rounds to the nearest, ties to even; what is too large is infinite.
inline uint16_t to_f16(float x) {
    uint32_t b = bits(x), sign = b >> 16 & 0x8000, magnitude = b & 0x7fffffff;
    if (x != x) return 0x7fff;
    if (magnitude >= 0x47800000) return sign | 0x7c00;  // 65536 and more
    if (magnitude < 0x38800000) {                       // below 2^-14: multiples of 2^-24
        return sign | (uint16_t)std::nearbyint(std::ldexp((double)real(magnitude), 24));
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return sign | (rounded - 0x38000000) >> 13;
}

inline float from_f16(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                      : exponent     ? std::ldexp((float)(1024 + fraction), exponent - 25)
                                     : std::ldexp((float)fraction, -24);
    return h & 0x8000 ? -magnitude : magnitude;
}

// to_tf32 rounds to 10 bits of fraction, ties away from zero.
inline uint32_t to_tf32(float x) {
    uint32_t b = bits(x);
    if ((b & 0x7f800000) == 0x7f800000) return b;
    return (b + 0x1000) & ~0x1fffu;
}

}  // namespace emulator
