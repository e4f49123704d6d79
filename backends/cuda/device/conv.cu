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
//     STEP                bytes of the reduction in a step
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
    static constexpr int STEP = L::STEP, DEPTH = STEP / V::BYTES;  // values of a step
    static constexpr int STAGE = (L::POSITIONS + L::CHANNELS) * STEP;
    static constexpr int SHARED = STAGE * L::STAGES;
    static constexpr int TAPS = L::Taps::T * L::Taps::H * L::Taps::W;

    // Steps of the reduction, and how many channels' columns there are.
    static constexpr int OWN = (TAPS * L::In::PIXEL + DEPTH - 1) / DEPTH;
    static constexpr int MORE = L::PROJECTS ? (L::Second::PIXEL + DEPTH - 1) / DEPTH : 0;
    static constexpr int STEPS = OWN + MORE;
    static constexpr int COLUMNS = (L::Out::C + L::CHANNELS - 1) / L::CHANNELS;

    static constexpr int COPIES = STEP / ACCESS;       // of a row
    static constexpr int ABREAST = THREADS / COPIES;   // rows that are copied at once
    static constexpr int ROWS = L::POSITIONS / ABREAST;  // that a thread copies a part of
    static_assert(ABREAST % 8 == 0, "a thread's rows have their parts in the same order");
    static_assert(ROWS * ABREAST == L::POSITIONS, "threads share the rows evenly");

    // A warp's part of the tile, in matrices of 16 positions and of 8 channels.
    static constexpr int HIGH = L::POSITIONS / L::WARPS_P / 16;
    static constexpr int WIDE = L::CHANNELS / L::WARPS_C / 8;

    using Piece = Pieces<V, WIDE>;
    static constexpr int N = Piece::CHANNELS;

    // Source is where this thread's rows of a step come from: what the window
    // begins with at each, and where that lies.
    struct Source {
        const char* at[ROWS];
        int t[ROWS], h[ROWS], w[ROWS];
    };

    // OUTSIDE is no row of any map, whatever tap is added to it.
    static constexpr int OUTSIDE = -(1 << 20);

    const void* second;
    int first, count;  // of the positions of the results of all clips, strung together
    int tile_column;

    DEVICE int result(int row) const { return first + (L::PAIRS ? pair_of(row) : row); }
    DEVICE bool has(int row) const { return result(row) < count; }

    // at is which position of what is computed a row of the tile is.
    DEVICE Position at(int row) const {
        Position o = position<typename L::Out>(result(row));
        if (L::PAIRS) o.t = o.t * 2 + frame_of_pair(row);
        return o;
    }

    template <class E, class S, class P>
    DEVICE void find(Source& s, const void* map) const {
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            int row = thread_index() / COPIES + i * ABREAST;
            Position o = at(row);
            int t = o.t * S::T - P::T, h = o.h * S::H - P::H, w = o.w * S::W - P::W;
            s.at[i] = (const char*)map + index<E>(o.clip, t, h, w) * V::BYTES + thread_index() % COPIES * ACCESS;
            s.t[i] = t;
            s.h[i] = has(row) ? h : OUTSIDE;
            s.w[i] = w;
        }
    }

    // fetch starts the copies of one step's rows: of a window's taps T, of which P are
    // on padding, or of a single one.
    template <class E, class T, class P>
    static DEVICE void fetch(const Source& s, int stage, int step) {
        int part = thread_index() % COPIES * ACCESS;
        constexpr int ALL = T::T * T::H * T::W;
        // Where a pixel has whole steps, all threads are at the same tap.
        constexpr int WHOLE = E::PIXEL % DEPTH == 0 ? E::PIXEL / DEPTH : 0;
        int n = WHOLE == 0 ? (step * DEPTH + part / V::BYTES) / E::PIXEL : ALL == 1 ? 0 : step / (WHOLE + (WHOLE == 0));
        Tap k = tap<T>(n);
        int offset = (((k.t * E::H + k.h) * E::W + k.w - n) * E::PIXEL + step * DEPTH) * V::BYTES;
        int place = stage + step_place<STEP>(thread_index() / COPIES, part);
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            bool there = (unsigned)(s.h[i] + k.h) < E::H;
            if (WHOLE == 0) there = there && n < ALL;
            if (T::T > 1 || P::T > 0) there = there && (unsigned)(s.t[i] + k.t) < E::T;
            if (T::W > 1 || P::W > 0) there = there && (unsigned)(s.w[i] + k.w) < E::W;
            copy_async<(ALL > 1)>(place + i * ABREAST * STEP, s.at[i] + offset, there);
        }
    }

    // before is what is added to a piece of a result.
    DEVICE Together<V, N> before(const Position& o, int c) const {
        if constexpr (!L::ADDS) return {};
        else return load_piece<V, typename L::Second, N>(second, index<typename L::Second>(o.clip, o.t * L::Every::T, o.h * L::Every::H, o.w * L::Every::W), c);
    }

    // store runs the epilogue on the sums of a row and of the eighth behind it, of the warp's
    // channels from column on, and stores them.
    DEVICE void store(int row, int column, const float (&sums)[WIDE][4], void* out, const float* bias) const {
        Together<V, N> other[2][Piece::COUNT];  // all are asked for before the first is used
#pragma unroll
        for (int half = 0; half < 2; half++) {
            if (!has(row + half * 8)) continue;
            Position o = at(row + half * 8);
#pragma unroll
            for (int i = 0; i < Piece::COUNT; i++) other[half][i] = before(o, column + Piece::channel(i));
        }
#pragma unroll
        for (int i = 0; i < Piece::COUNT; i++) {
            int c = column + Piece::channel(i);
            if (c >= L::Out::PIXEL) continue;
            float x[2][N];
#pragma unroll
            for (int half = 0; half < 2; half++) {
                Piece::take(sums, i, half, x[half]);
                finish_piece<L>(x[half], bias + c, other[half][i]);
                if (L::PAIRS && half == 0) continue;
                if (L::PAIRS) larger_of_pair(x[0], x[1]);
                if (has(row + half * 8)) Together<typename L::Result, N>(x[half]).store(out, (long long)result(row + half * 8) * L::Out::PIXEL + c);
            }
        }
    }

    DEVICE void compute(const void* in, void* out, const void* weights, const float* bias) {
        Source source;
        find<typename L::In, typename L::Stride, typename L::Pad>(source, in);
        const char* columns = (const char*)weights + (long long)tile_column * STEPS * L::CHANNELS * STEP;
        int next = 0, filled = 0;  // the step that is fetched next, and its place
        auto start = [&] {
            if (next < STEPS) {
                if (next < OWN) {
                    fetch<typename L::In, typename L::Taps, typename L::Pad>(source, filled, next);
                } else if constexpr (L::PROJECTS) {
                    if (next == OWN) find<typename L::Second, typename L::Every, Axes<0, 0, 0>>(source, second);
                    fetch<typename L::Second, Axes<1, 1, 1>, Axes<0, 0, 0>>(source, filled, next - OWN);
                }
                copy_columns<Piece, STEP, L::CHANNELS, THREADS>(filled + L::POSITIONS * STEP, columns);
                columns += L::CHANNELS * STEP;
                filled = behind(filled);
                next++;
            }
            copy_commit();  // an empty group, too, so that groups count steps
        };
#pragma unroll
        for (int step = 0; step < L::STAGES - 1; step++) start();

        int warp = thread_index() / WARP, lane = thread_index() % WARP;
        int row = warp / L::WARPS_C * HIGH * 16, column = warp % L::WARPS_C * WIDE * 8;
        int place = step_place<STEP>(row + lane % 16, lane / 16 * ACCESS), stage = 0;
        float sum[HIGH][WIDE][4] = {};
#pragma unroll 1
        for (int step = 0; step < STEPS; step++) {
            copy_wait<L::STAGES - 2>();
            block_barrier();  // all have copied this step, and are done with the one before
            start();
            multiply_step<V, STEP>(sum, stage + L::POSITIONS * STEP, column, [&](int i, int part) { return stage + (place ^ part) + i * 16 * STEP; });
            stage = behind(stage);
        }
#pragma unroll
        for (int i = 0; i < HIGH; i++) store(row + i * 16 + lane / 4, tile_column * L::CHANNELS + column, sum[i], out, bias);
    }

    // behind is the place of the next step.
    static DEVICE int behind(int stage) { return stage == SHARED - STAGE ? 0 : stage + STAGE; }

    static DEVICE void run(const void* in, const void* second, void* out, const void* weights, const float* bias, int clips) {
        int first = block_index() / COLUMNS * (L::PAIRS ? L::POSITIONS / 2 : L::POSITIONS);
        Convolution{second, first, clips * L::Out::POSITIONS, block_index() % COLUMNS}.compute(in, out, weights, bias);
    }
};
