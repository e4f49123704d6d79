// A convolution and the pool of its result in one kernel: what is pooled never
// leaves shared memory. A block of threads has a tile of the pool's result, and
// computes what the windows there visit; where they overlap those of a neighbour,
// both do.
//
// The convolution is a block of one layer L, as in block.cu, whose result is in shared
// memory. What B has as rows and columns of a tile are those that the windows visit. The
// pool Q is one as in pool.cu, of that result, and has besides
//
//     Map                 what a tile's windows visit, in shared memory
//     Begin, Before       where Map begins: Begin for each position of the
//                         tile's corner, less Before
//     FRAMES, ROWS, COLS  of a tile

template <class B, class L, class Q>
struct PooledConvolution {
    using F = FusedBlock<B, L>;
    using V = typename B::Value;
    using M = typename Q::Map;
    using Out = typename Q::Out;
    static constexpr int ALONG = (Out::T + Q::FRAMES - 1) / Q::FRAMES, DOWN = (Out::H + Q::ROWS - 1) / Q::ROWS, ACROSS = (Out::W + Q::COLS - 1) / Q::COLS;

    static DEVICE void run(const void* in, void* out, const void* weights, const float* bias) {
        int tile = block_index() % (ALONG * DOWN * ACROSS), clip = block_index() / (ALONG * DOWN * ACROSS);
        int t0 = tile / (DOWN * ACROSS) * Q::FRAMES, h0 = tile / ACROSS % DOWN * Q::ROWS, w0 = tile % ACROSS * Q::COLS;
        int front = t0 * Q::Begin::T - Q::Before::T, top = h0 * Q::Begin::H - Q::Before::H, left = w0 * Q::Begin::W - Q::Before::W;
        F f((const char*)in + index<typename B::In>(clip, 0, 0, 0) * V::BYTES, nullptr, nullptr, weights, bias, front, top, left);
        f.run();
        block_barrier();  // the map is complete
        for (int i = thread_index(); i < Q::FRAMES * Q::ROWS * Q::COLS * (Out::PIXEL / 2); i += F::THREADS) {
            int p = i / (Out::PIXEL / 2), c = i % (Out::PIXEL / 2) * 2;
            int t = t0 + p / (Q::ROWS * Q::COLS), h = h0 + p / Q::COLS % Q::ROWS, w = w0 + p % Q::COLS;
            if (t >= Out::T || h >= Out::H || w >= Out::W) continue;
            float x, y;
            pool_window<Q>({clip, t, h, w}, x, y, [&](int t, int h, int w) {
                return shared_load<typename V::Pair>(M::AT + (((t - front) * M::H + h - top) * M::W + w - left) * M::PITCH + c * V::BYTES);
            });
            store_pair<typename Q::Result>(out, index<Out>(clip, t, h, w) + c, x, y);
        }
    }
};
