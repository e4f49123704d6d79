// The values that maps and weights consist of, by precision. Sums are float32
// everywhere. Each has
//
//     BYTES     of a value
//     Pair      two neighbouring values in memory
//     pack, low, high    a pair from and to float32
//     One       a single value in memory
//     one, value         from and to float32
//     multiply  what tensor cores do with 32 bytes of a reduction
//
// and what the kernels need for the rest follows.

struct Bf16 {
    static constexpr int BYTES = 2;
    using Pair = unsigned;
    static DEVICE Pair pack(float low, float high) { return pack_bf16(low, high); }
    static DEVICE float low(Pair p) { return float_of(p << 16); }
    static DEVICE float high(Pair p) { return float_of(p & 0xffff0000u); }
    using One = unsigned short;
    static DEVICE One one(float x) { return (One)pack_bf16(x, 0); }
    static DEVICE float value(One x) { return low(x); }
    static DEVICE void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        multiply_bf16(sum, a, b0, b1);
    }
};

struct F16 {
    static constexpr int BYTES = 2;
    using Pair = unsigned;
    static DEVICE Pair pack(float low, float high) { return pack_f16(low, high); }
    static DEVICE float low(Pair p) { return unpack_f16((unsigned short)p); }
    static DEVICE float high(Pair p) { return unpack_f16((unsigned short)(p >> 16)); }
    using One = unsigned short;
    static DEVICE One one(float x) { return (One)pack_f16(x, 0); }
    static DEVICE float value(One x) { return low(x); }
    static DEVICE void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        multiply_f16(sum, a, b0, b1);
    }
};

struct alignas(8) FloatPair {
    float x, y;
};

// Wide is float32 that no tensor core multiplies.
struct Wide {
    static constexpr int BYTES = 4;
    using Pair = FloatPair;
    static DEVICE Pair pack(float low, float high) { return {low, high}; }
    static DEVICE float low(Pair p) { return p.x; }
    static DEVICE float high(Pair p) { return p.y; }
    using One = float;
    static DEVICE One one(float x) { return x; }
    static DEVICE float value(One x) { return x; }
};

// Tf32 is float32 in memory, rounded to 10 bits of fraction on the way to the
// tensor cores: residual sums keep all of theirs.
struct Tf32 : Wide {
    static DEVICE void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        unsigned rounded[4];
        for (int i = 0; i < 4; i++) rounded[i] = round_tf32(float_of(a[i]));
        multiply_tf32(sum, rounded, round_tf32(float_of(b0)), round_tf32(float_of(b1)));
    }
};

// F32 has nearly float32's accuracy from three products of tf32: each factor
// is a rounded value and a rounded rest, and the product of the rests is lost. Tensor
// cores cut off what float32 has no bits for, always towards zero, which would add up
// from step to step: sums are added outside of them, where they are rounded.
struct F32 : Wide {
    static DEVICE void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        unsigned large[4], rest[4];
        for (int i = 0; i < 4; i++) split(float_of(a[i]), large[i], rest[i]);
        unsigned large0, rest0, large1, rest1;
        split(float_of(b0), large0, rest0);
        split(float_of(b1), large1, rest1);
        float part[4] = {};
        multiply_tf32(part, rest, large0, large1);
        multiply_tf32(part, large, rest0, rest1);
        multiply_tf32(part, large, large0, large1);
        for (int i = 0; i < 4; i++) sum[i] += part[i];
    }
    static DEVICE void split(float x, unsigned& large, unsigned& rest) {
        large = round_tf32(x);
        rest = round_tf32(x - float_of(large));
    }
};

// load_pair and store_pair move the values at i and i+1, where i is even.
template <class V>
DEVICE typename V::Pair load_pair(const void* values, long long i) {
    return load((const typename V::Pair*)values + i / 2);
}
template <class V>
DEVICE void store_pair(void* values, long long i, float low, float high) {
    store((typename V::Pair*)values + i / 2, V::pack(low, high));
}

// load_one and store_one move the value at i.
template <class V>
DEVICE float load_one(const void* values, long long i) {
    return V::value(load((const typename V::One*)values + i));
}
template <class V>
DEVICE void store_one(void* values, long long i, float x) {
    store((typename V::One*)values + i, V::one(x));
}

// relu is max(x, 0) that keeps NaN.
DEVICE float relu(float x) { return larger(x, 0); }

DEVICE float infinity() { return float_of(0x7f800000u); }
