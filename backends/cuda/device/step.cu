// A step of a reduction: so many bytes of it, 64, 128 or 256, of each row and column of a
// tile. More of them are fewer barriers for tiles that have few products between two.
//
// The bytes lie in rows in shared memory, one for each position and each column. Their
// 16-byte parts change places from row to row, so that the eight rows of a matrix lie in
// different banks.

template <int STEP>
DEVICE int step_place(int row, int byte) {
    int part = (byte / ACCESS) ^ (STEP == 64 ? row / 2 % 4 : row % 8);
    return row * STEP + part * ACCESS + byte % ACCESS;
}

// copy_columns starts the copies of a step's weights, which lie channel after channel,
// to columns in the order of pieces.
template <class Piece, int STEP, int CHANNELS, int THREADS>
DEVICE void copy_columns(int to, const char* from) {
    constexpr int COPIES = STEP / ACCESS, ABREAST = THREADS / COPIES;  // columns that are copied at once
    static_assert(CHANNELS % ABREAST == 0, "threads share the columns evenly");
    static_assert(ABREAST % 8 == 0, "a thread's columns have their parts in the same order");
    int column = thread_index() / COPIES, part = thread_index() % COPIES * ACCESS;
    to += step_place<STEP>(column, part);
    from += Piece::channel_of(column) * STEP + part;
#pragma unroll
    for (int i = 0; i < CHANNELS / ABREAST; i++)
        copy_async(to + i * ABREAST * STEP, from + Piece::channel_of(i * ABREAST) * STEP, true);
}

// multiply_step adds the products of one step to a warp's sums, of HIGH times 16
// positions by WIDE times 8 columns, which begin with the warp's first one.
// place(i, part) is where the lane's row of the i-th 16 positions has its 16 bytes of
// the 32 at part of the step: the first ones for lanes of the warp's first half.
template <class V, int STEP, int HIGH, int WIDE, class Place>
DEVICE void multiply_step(float (&sum)[HIGH][WIDE][4], int columns, int column, Place place) {
    static_assert(WIDE % 2 == 0, "columns are loaded two matrices at a time");
    int lane = thread_index() % WARP;
    int first = step_place<STEP>(column + lane / 16 * 8 + lane % 8, lane / 8 % 2 * ACCESS);
#pragma unroll
    for (int part = 0; part < STEP; part += 32) {
        unsigned a[HIGH][4];
#pragma unroll
        for (int i = 0; i < HIGH; i++) load_matrices(a[i], place(i, part));
#pragma unroll
        for (int j = 0; j < WIDE; j += 2) {
            unsigned b[4];
            load_matrices(b, columns + (first ^ part) + j * 8 * STEP);
#pragma unroll
            for (int i = 0; i < HIGH; i++) {
                V::multiply(sum[i][j], a[i], b[0], b[1]);
                V::multiply(sum[i][j + 1], a[i], b[2], b[3]);
            }
        }
    }
}
