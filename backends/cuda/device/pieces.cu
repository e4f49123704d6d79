// Pieces of rows. Tensor cores leave a lane two neighbouring columns of each 8. The
// columns of a tile are in such an order that what a lane has of several 8s is a
// piece of neighbouring channels, which it loads and stores at once.

// Pieces is how the lanes of a warp share a row of WIDE times 8 channels.
template <class V, int WIDE>
struct Pieces {
    static constexpr int MOST = ACCESS / V::BYTES / 2, EIGHTS = WIDE < MOST ? WIDE : MOST;
    static constexpr int CHANNELS = EIGHTS * 2, COUNT = WIDE / EIGHTS;
    static_assert(WIDE % EIGHTS == 0, "all pieces have as many channels");

    // channel_of is the channel that a column of the tile has. Of columns whose binary
    // digits do not meet it is a sum.
    static DEVICE int channel_of(int column) {
        return column / (EIGHTS * 8) * (EIGHTS * 8) + column % 8 / 2 * CHANNELS + column / 8 % EIGHTS * 2 + column % 2;
    }

    // channel is the first one of this lane's i-th piece, counted from the warp's.
    static DEVICE int channel(int i) { return i * EIGHTS * 8 + thread_index() % 4 * CHANNELS; }

    // take copies the i-th piece of one of the two rows whose sums a lane has.
    static DEVICE void take(const float (&sums)[WIDE][4], int i, int half, float (&x)[CHANNELS]) {
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) x[j] = sums[i * EIGHTS + j / 2][half * 2 + j % 2];
    }
};

// Together is N values of V that lie together, and are loaded and stored with as few
// accesses as can be.
template <class V, int N>
struct Together {
    static constexpr int BYTES = N * V::BYTES < ACCESS ? N * V::BYTES : ACCESS, ACCESSES = N * V::BYTES / BYTES;
    static constexpr int PAIRS = BYTES / (2 * V::BYTES);
    struct alignas(BYTES) Access {
        typename V::Pair pair[PAIRS];
    };
    Access access[ACCESSES] = {};

    Together() = default;
    DEVICE explicit Together(const float (&x)[N]) {
#pragma unroll
        for (int i = 0; i < N / 2; i++) access[i / PAIRS].pair[i % PAIRS] = V::pack(x[i * 2], x[i * 2 + 1]);
    }
    DEVICE float operator[](int i) const {
        auto pair = access[i / 2 / PAIRS].pair[i / 2 % PAIRS];
        return i % 2 ? V::high(pair) : V::low(pair);
    }

    // Of global memory, from the value at i on.
    DEVICE void load(const void* values, long long i) {
#pragma unroll
        for (int k = 0; k < ACCESSES; k++) access[k] = ::load((const Access*)((const char*)values + i * V::BYTES) + k);
    }
    DEVICE void store(void* values, long long i) const {
#pragma unroll
        for (int k = 0; k < ACCESSES; k++) ::store((Access*)((char*)values + i * V::BYTES) + k, access[k]);
    }

    // Of shared memory, from a byte on.
    DEVICE void shared_load(int at) {
#pragma unroll
        for (int k = 0; k < ACCESSES; k++) access[k] = ::shared_load<Access>(at + k * BYTES);
    }
    DEVICE void shared_store(int at) const {
#pragma unroll
        for (int k = 0; k < ACCESSES; k++) ::shared_store(at + k * BYTES, access[k]);
    }
};

// load_piece loads what is added to N channels of results, from a map E on: zeros
// where that has fewer.
template <class V, class E, int N>
DEVICE Together<V, N> load_piece(const void* map, long long pixel, int c) {
    static_assert(E::PIXEL % N == 0, "pixels are whole pieces");
    Together<V, N> values;
    if (c < E::PIXEL) values.load(map, pixel + c);
    return values;
}

// finish_piece runs a layer's epilogue on N channels, the first of which has the
// given bias.
template <class L, class V, int N>
DEVICE void finish_piece(float (&x)[N], const float* bias, const Together<V, N>& other) {
    Together<Wide, N> biases;
    biases.load(bias, 0);
#pragma unroll
    for (int i = 0; i < N; i++) x[i] = L::finish(x[i], biases[i], other[i]);
}
