// Convolutions on tensor cores, as a product of matrices that are never stored:
// rows are output positions, columns output channels, and the reduction goes
// through taps and input channels, and then through the channels of a second
// input, where a layer projects one.
//
// A layer L is a struct of constants:
//
//     Value, Result       precision of the operands and of the results
//     In, Out, Second     extents of the maps; Second is what is added or projected
//     Taps, Stride, Pad   the window
//     Every               which positions of Second belong to the results
//     ADDS, PROJECTS      what is done with Second, if there is one
//     PAIRS               a pool over pairs of frames is part of it: see pairs.cu.
//                         Out is the pool's result
//     POSITIONS, CHANNELS the tile that a block computes
//     WARPS_P, WARPS_C    how many warps share it, either way
//     STAGES              steps of the reduction in shared memory at once
//     finish(sum, bias, other)    the epilogue, a value at a time

template <class L>
struct Convolution {
    using V = typename L::Value;
    static constexpr int THREADS = L::WARPS_P * L::WARPS_C * WARP;
    static constexpr int DEPTH = STEP / V::BYTES;  // values of a step
    static constexpr int STAGE = (L::POSITIONS + L::CHANNELS) * STEP;
    static constexpr int SHARED = STAGE * L::STAGES;
    static constexpr int TAPS = L::Taps::T * L::Taps::H * L::Taps::W;

    // Steps of the reduction, and how many channels' columns there are.
    static constexpr int OWN = (TAPS * L::In::PIXEL + DEPTH - 1) / DEPTH;
    static constexpr int MORE = L::PROJECTS ? (L::Second::PIXEL + DEPTH - 1) / DEPTH : 0;
    static constexpr int STEPS = OWN + MORE;
    static constexpr int COLUMNS = (L::Out::C + L::CHANNELS - 1) / L::CHANNELS;

    // A copy takes values of one tap alone.
    static constexpr bool SMALL = (L::In::PIXEL * V::BYTES | L::PROJECTS * L::Second::PIXEL * V::BYTES) % ACCESS != 0;
    static constexpr int COPY = SMALL ? 8 : ACCESS;
    static constexpr int COPIES = STEP / COPY;         // of a row
    static constexpr int ABREAST = THREADS / COPIES;   // rows that are copied at once
    static constexpr int ROWS = L::POSITIONS / ABREAST;  // that a thread copies a part of
    static_assert(ROWS * ABREAST == L::POSITIONS, "threads share the rows evenly");

    // A warp's part of the tile, in matrices of 16 positions and of 8 channels.
    static constexpr int HIGH = L::POSITIONS / L::WARPS_P / 16;
    static constexpr int WIDE = L::CHANNELS / L::WARPS_C / 8;

    // Source is where this thread's rows of a step come from: what the window
    // begins with at each, and where that lies.
    struct Source {
        const char* at[ROWS];
        int t[ROWS], h[ROWS], w[ROWS];
    };

    // OUTSIDE is no position of any map, whatever tap is added to it.
    static constexpr int OUTSIDE = -(1 << 20);

    // Strung is which positions the rows of a tile are, where those of the results of
    // all clips are strung together.
    struct Strung {
        int first, count;
        DEVICE int result(int row) const { return first + (L::PAIRS ? pair_of(row) : row); }
        DEVICE Position at(int row) const {
            Position o = position<typename L::Out>(result(row));
            if (L::PAIRS) o.t = o.t * 2 + frame_of_pair(row);
            return o;
        }
        DEVICE bool has(int row) const { return result(row) < count; }
    };

    template <class E, class S, class P, class Rows>
    static DEVICE void find(Source& s, const void* map, const Rows& rows) {
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            int row = thread_index() / COPIES + i * ABREAST;
            Position o = rows.at(row);
            s.t[i] = rows.has(row) ? o.t * S::T - P::T : OUTSIDE;
            s.h[i] = o.h * S::H - P::H;
            s.w[i] = o.w * S::W - P::W;
            s.at[i] = (const char*)map + index<E>(o.clip, o.t * S::T - P::T, s.h[i], s.w[i]) * V::BYTES;
        }
    }

    // fetch starts the copies of one step's rows: of a window's taps, or of a
    // single one.
    template <class E, class T>
    static DEVICE void fetch(const Source& s, const void* map, int stage, int step) {
        int part = thread_index() % COPIES * COPY;
        int value = step * DEPTH + part / V::BYTES;
        int tap = value / E::PIXEL;
        int kt = tap / (T::H * T::W), kh = tap / T::W % T::H, kw = tap % T::W;
        bool inside = tap < T::T * T::H * T::W;
        int offset = (((kt * E::H + kh) * E::W + kw) * E::PIXEL + value % E::PIXEL) * V::BYTES;
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            bool there = inside && (unsigned)(s.t[i] + kt) < E::T && (unsigned)(s.h[i] + kh) < E::H && (unsigned)(s.w[i] + kw) < E::W;
            int row = thread_index() / COPIES + i * ABREAST;
            copy_async<COPY>(stage + step_place(row, part), there ? s.at[i] + offset : map, there);
        }
    }

    // fetch_weights starts the copies of one step's columns.
    static DEVICE void fetch_weights(const void* weights, int stage, int column, int step) {
        copy_columns<L::CHANNELS, THREADS>(stage + L::POSITIONS * STEP,
                                           (const char*)weights + (long long)(column * STEPS + step) * L::CHANNELS * STEP);
    }

    // finish runs the epilogue on two neighbouring channels of a row.
    static DEVICE void finish(const void* second, const float* bias, const Strung& rows, int row, int c, float& x, float& y) {
        float x2 = 0, y2 = 0;
        if constexpr (L::ADDS) {
            if (c < L::Second::PIXEL) {
                Position o = rows.at(row);
                auto pair = load_pair<V>(second, index<typename L::Second>(o.clip, o.t * L::Every::T, o.h * L::Every::H, o.w * L::Every::W) + c);
                x2 = V::low(pair);
                y2 = V::high(pair);
            }
        }
        x = L::finish(x, load(bias + c), x2);
        y = L::finish(y, load(bias + c + 1), y2);
    }

    // compute makes a tile's results before their epilogue, at rows' positions, and
    // calls store(row, channel, sums) for two neighbouring channels at a time of a row
    // and of the eighth behind it, counted from the tile's first.
    template <class Rows, class Store>
    static DEVICE void compute(const Rows& rows, int tile_column, const void* in, const void* second, const void* weights, Store store) {
        Source source;
        find<typename L::In, typename L::Stride, typename L::Pad>(source, in, rows);
        auto start = [&](int step) {
            if (step < STEPS) {
                int stage = step % L::STAGES * STAGE;
                if (step < OWN) {
                    fetch<typename L::In, typename L::Taps>(source, in, stage, step);
                } else if constexpr (L::PROJECTS) {
                    if (step == OWN) find<typename L::Second, typename L::Every, Axes<0, 0, 0>>(source, second, rows);
                    fetch<typename L::Second, Axes<1, 1, 1>>(source, second, stage, step - OWN);
                }
                fetch_weights(weights, stage, tile_column, step);
            }
            copy_commit();  // an empty group, too, so that groups count steps
        };
        for (int step = 0; step < L::STAGES - 1; step++) start(step);

        int warp = thread_index() / WARP, lane = thread_index() % WARP;
        int row = warp / L::WARPS_C * HIGH * 16, column = warp % L::WARPS_C * WIDE * 8;
        float sum[HIGH][WIDE][4] = {};
#pragma unroll 1
        for (int step = 0; step < STEPS; step++) {
            copy_wait<L::STAGES - 2>();
            block_barrier();  // all have copied this step, and are done with the one before
            start(step + L::STAGES - 1);
            int stage = step % L::STAGES * STAGE;
            multiply_step<V>(sum, stage + L::POSITIONS * STEP, column,
                             [&](int i, int byte) { return stage + step_place(row + i * 16 + lane % 16, byte); });
        }
#pragma unroll
        for (int i = 0; i < HIGH; i++)
#pragma unroll
            for (int j = 0; j < WIDE; j++) store(row + i * 16 + lane / 4, column + j * 8 + lane % 4 * 2, sum[i][j]);
    }

    static DEVICE void run(const void* in, const void* second, void* out, const void* weights, const float* bias, int clips) {
        int tile_column = block_index() % COLUMNS;
        Strung rows{block_index() / COLUMNS * (L::PAIRS ? L::POSITIONS / 2 : L::POSITIONS), clips * L::Out::POSITIONS};
        compute(rows, tile_column, in, second, weights, [&](int first, int c, float (&sums)[4]) {
            c += tile_column * L::CHANNELS;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = first + half * 8;
                if (!rows.has(row) || c >= L::Out::PIXEL) continue;
                finish(second, bias, rows, row, c, sums[half * 2], sums[half * 2 + 1]);
                if (L::PAIRS && half == 0) continue;
                if (L::PAIRS) larger_of_pair(sums);
                store_pair<typename L::Result>(out, (long long)rows.result(row) * L::Out::PIXEL + c, sums[half * 2], sums[half * 2 + 1]);
            }
        });
    }
};
