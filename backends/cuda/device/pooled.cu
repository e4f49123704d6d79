// A convolution and the pool of its result in one kernel: what is pooled never
// leaves shared memory. A block of threads has a tile of the pool's result, and
// computes what the windows there visit; where they overlap those of a neighbour,
// both do.
//
// The convolution is a layer as in conv.cu, without a second input and with all
// channels in one tile; the pool Q is one as in pool.cu, of its result, and has
// besides
//
//     Map                 what a tile's windows visit, in shared memory
//     Begin, Before       where Map begins: Begin for each position of the
//                         tile's corner, less Before
//     FRAMES, ROWS, COLS  of a tile

template <class L, class Q>
struct PooledConvolution {
    using V = typename L::Value;
    using M = typename Q::Map;
    using Out = typename Q::Out;
    static constexpr int THREADS = Convolution<L>::THREADS;
    static constexpr int ALONG = (Out::T + Q::FRAMES - 1) / Q::FRAMES, DOWN = (Out::H + Q::ROWS - 1) / Q::ROWS, ACROSS = (Out::W + Q::COLS - 1) / Q::COLS;

    // Visited is which positions of the convolution the rows of its tile are.
    struct Visited {
        int clip, t, h, w;  // where the map begins
        DEVICE Position at(int row) const {
            return {clip, t + row / (M::H * M::W), h + row / M::W % M::H, w + row % M::W};
        }
        DEVICE bool has(int row) const {
            Position o = at(row);
            return row < M::T * M::H * M::W && (unsigned)o.t < L::Out::T && (unsigned)o.h < L::Out::H && (unsigned)o.w < L::Out::W;
        }
    };

    static DEVICE int place(const Visited& from, int t, int h, int w, int c) {
        return M::AT + (((t - from.t) * M::H + h - from.h) * M::W + w - from.w) * M::PITCH + c * V::BYTES;
    }

    static DEVICE void run(const void* in, void* out, const void* weights, const float* bias) {
        int tile = block_index() % (ALONG * DOWN * ACROSS), clip = block_index() / (ALONG * DOWN * ACROSS);
        int t0 = tile / (DOWN * ACROSS) * Q::FRAMES, h0 = tile / ACROSS % DOWN * Q::ROWS, w0 = tile % ACROSS * Q::COLS;
        Visited visited{clip, t0 * Q::Begin::T - Q::Before::T, h0 * Q::Begin::H - Q::Before::H, w0 * Q::Begin::W - Q::Before::W};
        Convolution<L>::compute(visited, 0, in, nullptr, weights, [&](int first, int c, const float (&sums)[4]) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = first + half * 8;
                if (visited.has(row) && c < M::PIXEL * (ACCESS / V::BYTES))
                    shared_store(M::AT + row * M::PITCH + c * V::BYTES,
                                 V::pack(L::finish(sums[half * 2], load(bias + c), 0), L::finish(sums[half * 2 + 1], load(bias + c + 1), 0)));
            }
        });
        block_barrier();  // the map is complete
        for (int i = thread_index(); i < Q::FRAMES * Q::ROWS * Q::COLS * (Out::PIXEL / 2); i += THREADS) {
            int p = i / (Out::PIXEL / 2), c = i % (Out::PIXEL / 2) * 2;
            int t = t0 + p / (Q::ROWS * Q::COLS), h = h0 + p / Q::COLS % Q::ROWS, w = w0 + p % Q::COLS;
            if (t >= Out::T || h >= Out::H || w >= Out::W) continue;
            float x, y;
            pool_window<Q>({clip, t, h, w}, x, y, [&](int t, int h, int w) { return shared_load<typename V::Pair>(place(visited, t, h, w, c)); });
            store_pair<typename Q::Result>(out, index<Out>(clip, t, h, w) + c, x, y);
        }
    }
};
