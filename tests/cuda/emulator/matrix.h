// What a warp does as one: matrices from shared memory, products of matrices on
// tensor cores, values of other lanes. The places of values in the lanes are
// those of the PTX manual.
#pragma once

#include "block.h"
#include "rounding.h"

namespace emulator {

struct LoadMatrices {
    unsigned* to;
    int at;
};

// load_matrices: lane 8·m + r names row r of matrix m; lane i gets word i%4 of row i/4
// of each.
inline void load_matrices(Block& b, void* const* lanes) {
    for (int m = 0; m < 4; m++)
        for (int r = 0; r < 8; r++) {
            const char* row = b.read(((LoadMatrices*)lanes[m * 8 + r])->at, 16, m * 8 + r);
            for (int w = 0; w < 4; w++) memcpy(&((LoadMatrices*)lanes[r * 4 + w])->to[m], row + w * 4, 4);
        }
}

struct Multiply {
    float* sum;
    const unsigned* a;
    unsigned b[2];
};

// Format is how a word of an operand is read: VALUES of them share it.
struct FormatBf16 {
    static constexpr int VALUES = 2;
    static float value(unsigned word, int i) { return real(i ? word & 0xffff0000u : word << 16); }
};
struct FormatF16 {
    static constexpr int VALUES = 2;
    static float value(unsigned word, int i) { return from_f16(word >> i * 16); }
};
struct FormatTf32 {
    static constexpr int VALUES = 1;
    static float value(unsigned word, int) { return real(word & ~0x1fffu); }  // the rest is not looked at
};

// multiply: of A, lane i holds in words 0 to 3 those of rows i/4, i/4+8, i/4, i/4+8
// at i%4, i%4, i%4+4, i%4+4; of B, columns i/4, at i%4 and i%4+4; of the sums,
// rows i/4, i/4, i/4+8, i/4+8, columns i%4·2, i%4·2+1 and the same again.
//
// The products are exact. Hardware adds them with a few more bits than
// float32's and cuts off; here one rounding ends each multiplication.
template <class F>
void multiply(Block&, void* const* lanes) {
    constexpr int K = 8 * F::VALUES;
    double a[16][K], b[K][8];
    for (int i = 0; i < LANES; i++) {
        auto& m = *(const Multiply*)lanes[i];
        for (int v = 0; v < F::VALUES; v++)
            for (int half = 0; half < 2; half++) {
                int k = (i % 4 + half * 4) * F::VALUES + v;
                a[i / 4][k] = F::value(m.a[half * 2], v);
                a[i / 4 + 8][k] = F::value(m.a[half * 2 + 1], v);
                b[k][i / 4] = F::value(m.b[half], v);
            }
    }
    double sum[16][8] = {};
    for (int r = 0; r < 16; r++)
        for (int k = 0; k < K; k++)
            for (int c = 0; c < 8; c++) sum[r][c] += a[r][k] * b[k][c];
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < 4; j++) {
            float& x = ((Multiply*)lanes[i])->sum[j];
            x = (float)(x + sum[i / 4 + j / 2 * 8][i % 4 * 2 + j % 2]);
        }
}

struct Shuffle {
    float x, y;
    int mask;
};

inline void shuffle(Block&, void* const* lanes) {
    for (int i = 0; i < LANES; i++) {
        auto& s = *(Shuffle*)lanes[i];
        s.y = ((Shuffle*)lanes[i ^ s.mask])->x;
    }
}

}  // namespace emulator
