// A step of a reduction: 64 bytes of it, of each row and column of a tile.
//
// The bytes lie in rows of 64 in shared memory, one for each position and each
// channel. Their 16-byte parts change places from row to row, so that the eight
// rows of a matrix lie in different banks.

constexpr int STEP = 64;  // bytes of a row

DEVICE int step_place(int row, int byte) {
    int part = (byte / ACCESS) ^ (row / 2 % 4);
    return row * STEP + part * ACCESS + byte % ACCESS;
}

// copy_columns starts the copies of a step's weights, which lie in the order of
// their places.
template <int CHANNELS, int THREADS>
DEVICE void copy_columns(int to, const char* from) {
    static_assert(CHANNELS * (STEP / ACCESS) % THREADS == 0, "threads share the columns evenly");
    for (int i = thread_index(); i < CHANNELS * (STEP / ACCESS); i += THREADS)
        copy_async<ACCESS>(to + step_place(i / (STEP / ACCESS), i % (STEP / ACCESS) * ACCESS), from + i * ACCESS, true);
}

// multiply_step adds the products of one step to a warp's sums, of HIGH times 16
// positions by WIDE times 8 channels. place(i, byte) is where this lane's row of
// the i-th 16 positions has 16 bytes of the step, those at byte and behind; the
// columns begin with the warp's first channel.
template <class V, int HIGH, int WIDE, class Place>
DEVICE void multiply_step(float (&sum)[HIGH][WIDE][4], int columns, int column, Place place) {
    static_assert(WIDE % 2 == 0, "columns are loaded two matrices at a time");
    int lane = thread_index() % WARP;
#pragma unroll
    for (int part = 0; part < STEP; part += 32) {
        unsigned a[HIGH][4];
#pragma unroll
        for (int i = 0; i < HIGH; i++) load_matrices(a[i], place(i, part + lane / 16 * ACCESS));
#pragma unroll
        for (int j = 0; j < WIDE; j += 2) {
            unsigned b[4];
            load_matrices(b, columns + step_place(column + j * 8 + lane / 16 * 8 + lane % 8, part + lane / 8 % 2 * ACCESS));
#pragma unroll
            for (int i = 0; i < HIGH; i++) {
                V::multiply(sum[i][j], a[i], b[0], b[1]);
                V::multiply(sum[i][j + 1], a[i], b[2], b[3]);
            }
        }
    }
}
