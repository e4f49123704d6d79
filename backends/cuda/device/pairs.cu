// Pools over pairs of frames: a layer with PAIRS stores the larger of what it has at
// frames 2t and 2t+1, each behind its epilogue. Tensor cores leave rows r and r+8 of
// a matrix of 16 in one lane, so these are the two frames of one pixel, and nothing
// has to leave the registers: the eight pairs of a matrix are neighbours, as its 16
// positions are elsewhere.

// pair_of and frame_of_pair are which pair a tile's row belongs to, and which of its
// two frames it is.
DEVICE int pair_of(int row) { return row / 16 * 8 + row % 8; }
DEVICE int frame_of_pair(int row) { return row / 8 % 2; }

// larger_of_pair leaves the larger of the values of row r+8 and of row r where the former
// were.
template <int N>
DEVICE void larger_of_pair(const float (&first)[N], float (&second)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) second[i] = larger(first[i], second[i]);
}
