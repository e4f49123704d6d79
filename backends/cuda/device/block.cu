// Blocks of layers: S, T, their sum, the expanding convolution and the shortcut
// in one kernel. A block of threads has a tile of the picture with all its
// frames. It loads what the first layers read, with the halo that their windows
// reach, and goes through the layers; what flows between them stays in shared
// memory. Weights come step by step, as in a convolution by itself, in one stream
// through all layers: a layer's first weights are on their way before the one
// before it is done.
//
// A block B is a struct of constants:
//
//     Value               precision of the maps and weights
//     In, Out, Second     extents of the maps in global memory
//     Source              the tile of In in shared memory
//     Begin, Before       where Source begins: Begin for each position of the
//                         tile's corner, less Before
//     Every               which positions of Second belong to the results
//     ROWS, COLS          of a tile of results
//     POSITIONS, CHANNELS what is computed at once: all frames of those rows and
//                         columns, and some channels
//     WARPS_P, WARPS_C, STAGES    as a convolution has them
//     STAGES_AT, ZEROS_AT places in shared memory of what is under way, and of
//                         an access of zeros
//     PROJECTS            the last layer projects Second
//
// and each layer L of it:
//
//     From, To            the tiles that it reads and writes; To of the last one
//                         has frames and channels, and its place is -1
//     Taps, Stride        the window
//     Pad                 in frames how far the window begins before the first, in
//                         rows and columns how far behind the corner of From
//     ADDS, Add           whether something is added, and the tile that is; the
//                         place is -1 where that is Second
//     PAIRS               of the last one, whether a pool over pairs of frames is part
//                         of it: see pairs.cu. Out is the pool's result
//     BIAS                where its biases begin
//     Result, finish      as a convolution has them

// Tile is a part of a map in shared memory, at a place in bytes: pixels of so many
// accesses, some more accesses apart. An odd distance keeps neighbours in different
// banks.
template <int FRAMES, int ROWS, int COLS, int PARTS, int APART, int PLACE>
struct Tile {
    static constexpr int T = FRAMES, H = ROWS, W = COLS, PIXEL = PARTS, PITCH = APART * ACCESS, AT = PLACE;
};

template <class B, class Last, class... Inner>
struct FusedBlock {
    using V = typename B::Value;
    static constexpr int THREADS = B::WARPS_P * B::WARPS_C * WARP;
    static constexpr int PLANE = B::ROWS * B::COLS;
    static constexpr int DOWN = (B::Out::H + B::ROWS - 1) / B::ROWS, ACROSS = (B::Out::W + B::COLS - 1) / B::COLS;
    static constexpr int HIGH = B::POSITIONS / B::WARPS_P / 16, WIDE = B::CHANNELS / B::WARPS_C / 8;
    static constexpr int COLUMNS = B::CHANNELS * STEP;  // bytes of a step's weights
    static constexpr int STAGE = COLUMNS + B::PROJECTS * B::POSITIONS * STEP;

    // Stream is a layer's part of the stream of weights, in steps: for each panel its
    // OWN, through so many accesses of the reduction, and those of a projection.
    template <class L, int MORE>
    struct Stream {
        static constexpr int ACCESSES = L::Taps::T * L::Taps::H * L::Taps::W * L::From::PIXEL;
        static constexpr int OWN = (ACCESSES + STEP / ACCESS - 1) / (STEP / ACCESS);
        static constexpr int STEPS = OWN + MORE;
        static constexpr int PANELS = (L::To::PIXEL + B::CHANNELS * V::BYTES / ACCESS - 1) / (B::CHANNELS * V::BYTES / ACCESS);
        static constexpr int ALL = STEPS * PANELS;
    };
    static constexpr int MORE = B::PROJECTS ? (B::Second::PIXEL * V::BYTES + STEP - 1) / STEP : 0;
    using LastStream = Stream<Last, MORE>;
    static constexpr int BEFORE_LAST = (0 + ... + Stream<Inner, 0>::ALL);
    static constexpr int ALL = BEFORE_LAST + LastStream::ALL;

    const char *in, *second, *weights;
    const float* bias;
    void* out;
    int clip, top, left;  // of the tile
    int step = 0;         // of the stream
    int warp_row, warp_column;

    // fetch_source starts the copies of the source's tile, zeros where it lies on padding.
    DEVICE void fetch_source() const {
        using S = typename B::Source;
        for (int i = thread_index(); i < S::T * S::H * S::W * S::PIXEL; i += THREADS) {
            int p = i / S::PIXEL, part = i % S::PIXEL * ACCESS;
            int t = p / (S::H * S::W), h = top * B::Begin::H - B::Before::H + p / S::W % S::H, w = left * B::Begin::W - B::Before::W + p % S::W;
            bool there = (unsigned)h < B::In::H && (unsigned)w < B::In::W;
            copy_async<ACCESS>(S::AT + p * S::PITCH + part, there ? in + index<typename B::In>(clip, t, h, w) * V::BYTES + part : in, there);
        }
        if (thread_index() == 0) copy_async<ACCESS>(B::ZEROS_AT, in, false);
    }

    // position_of is which of a layer's positions on the tile a row is.
    template <class L>
    static DEVICE int position_of(int row) {
        if (!L::PAIRS) return row;
        return (pair_of(row) / PLANE * 2 + frame_of_pair(row)) * PLANE + pair_of(row) % PLANE;
    }

    // fetch_second starts the copies of one step's rows of what is projected.
    DEVICE void fetch_second(int stage, int k) const {
        using S = typename B::Second;
        for (int i = thread_index(); i < B::POSITIONS * (STEP / ACCESS); i += THREADS) {
            int row = i / (STEP / ACCESS), byte = i % (STEP / ACCESS) * ACCESS, p = position_of<Last>(row);
            int t = p / PLANE, h = top + p / B::COLS % B::ROWS, w = left + p % B::COLS;
            bool there = t < Last::To::T && h < B::Out::H && w < B::Out::W && k * STEP + byte < S::PIXEL * V::BYTES;
            const char* from = second + index<S>(clip, t * B::Every::T, h * B::Every::H, w * B::Every::W) * V::BYTES + k * STEP + byte;
            copy_async<ACCESS>(stage + COLUMNS + step_place(row, byte), there ? from : second, there);
        }
    }

    // start starts the copies of a step of the stream.
    DEVICE void start(int next) const {
        if (next < ALL) {
            int stage = B::STAGES_AT + next % B::STAGES * STAGE;
            copy_columns<B::CHANNELS, THREADS>(stage, weights + (long long)next * COLUMNS);
            if constexpr (B::PROJECTS) {
                int k = (next - BEFORE_LAST) % LastStream::STEPS - LastStream::OWN;
                if (next >= BEFORE_LAST && k >= 0) fetch_second(stage, k);
            }
        }
        copy_commit();  // an empty group, too, so that groups count steps
    }

    // advance waits for the stream's next step and returns where that lies.
    DEVICE int advance() {
        copy_wait<B::STAGES - 2>();
        block_barrier();  // all have copied this step, are done with the one before, and have stored a layer's results
        start(step + B::STAGES - 1);
        return B::STAGES_AT + step++ % B::STAGES * STAGE;
    }

    // layer computes one layer on the tile, a panel of channels at a time; Part is
    // its part of the stream.
    template <class L, class Part>
    DEVICE void layer() {
        using F = typename L::From;
        int lane = thread_index() % WARP;
        int at[HIGH], frame[HIGH];  // what the windows of this lane's rows begin with
        for (int i = 0; i < HIGH; i++) {
            int p = position_of<L>(warp_row + i * 16 + lane % 16);
            if (p >= L::To::T * PLANE) p = 0;  // computed for nothing
            frame[i] = p / PLANE * L::Stride::T - L::Pad::T;
            int h = p / B::COLS % B::ROWS * L::Stride::H + L::Pad::H, w = p % B::COLS * L::Stride::W + L::Pad::W;
            at[i] = F::AT + ((frame[i] * F::H + h) * F::W + w) * F::PITCH;
        }
#pragma unroll 1
        for (int panel = 0; panel < Part::PANELS; panel++) {
            float sum[HIGH][WIDE][4] = {};
#pragma unroll 1
            for (int k = 0; k < Part::OWN; k++) {
                int stage = advance();
                multiply_step<V>(sum, stage, warp_column, [&](int i, int byte) {
                    // Where a pixel has whole steps, all lanes are at the same tap.
                    constexpr int WHOLE = F::PIXEL % (STEP / ACCESS) == 0 ? STEP / ACCESS : 1;
                    int part = k * (STEP / ACCESS) + byte / ACCESS;
                    int tap = WHOLE > 1 ? k / (F::PIXEL / WHOLE) : part / F::PIXEL;
                    int kt = tap / (L::Taps::H * L::Taps::W), kh = tap / L::Taps::W % L::Taps::H, kw = tap % L::Taps::W;
                    int offset = ((kt * F::H + kh) * F::W + kw) * F::PITCH + (part - tap * F::PIXEL) * ACCESS;
                    bool there = (WHOLE > 1 || part < Part::ACCESSES) && ((L::Taps::T == 1 && L::Pad::T == 0) || (unsigned)(frame[i] + kt) < F::T);
                    return there ? at[i] + offset : B::ZEROS_AT;
                });
            }
#pragma unroll 1
            for (int k = Part::OWN; k < Part::STEPS; k++) {
                int stage = advance();
                multiply_step<V>(sum, stage, warp_column, [&](int i, int byte) {
                    return stage + COLUMNS + step_place(warp_row + i * 16 + lane % 16, byte);
                });
            }
            store_panel<L>(panel, sum);
        }
    }

    // store_panel runs the epilogue on a warp's sums and stores them.
    template <class L>
    DEVICE void store_panel(int panel, float (&sum)[HIGH][WIDE][4]) const {
        constexpr int C = L::To::PIXEL * (ACCESS / V::BYTES);
        int lane = thread_index() % WARP;
#pragma unroll
        for (int i = 0; i < HIGH; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int p = position_of<L>(warp_row + i * 16 + half * 8 + lane / 4);
                int t = p / PLANE, h = top + p / B::COLS % B::ROWS, w = left + p % B::COLS;
                bool there = t < L::To::T && (L::To::AT >= 0 || (h < B::Out::H && w < B::Out::W));
#pragma unroll
                for (int j = 0; j < WIDE; j++) {
                    int c = panel * B::CHANNELS + warp_column + j * 8 + lane % 4 * 2;
                    if (!there || c >= C) continue;
                    float &x = sum[i][j][half * 2], &y = sum[i][j][half * 2 + 1];
                    finish_pair<L>(p, t, h, w, c, x, y);
                    if (L::PAIRS && half == 0) continue;
                    if (L::PAIRS) larger_of_pair(sum[i][j]);
                    if constexpr (L::To::AT >= 0)
                        shared_store(L::To::AT + p * L::To::PITCH + c * V::BYTES, V::pack(x, y));
                    else
                        store_pair<typename L::Result>(out, index<typename B::Out>(clip, L::PAIRS ? t / 2 : t, h, w) + c, x, y);
                }
            }
    }

    // finish_pair runs a layer's epilogue on two neighbouring channels.
    template <class L>
    DEVICE void finish_pair(int p, int t, int h, int w, int c, float& x, float& y) const {
        using Pair = typename V::Pair;
        float x2 = 0, y2 = 0;
        if constexpr (L::ADDS && L::Add::AT >= 0) {
            Pair pair = shared_load<Pair>(L::Add::AT + p * L::Add::PITCH + c * V::BYTES);
            x2 = V::low(pair);
            y2 = V::high(pair);
        } else if constexpr (L::ADDS) {
            if (c < B::Second::PIXEL) {
                auto pair = load_pair<V>(second, index<typename B::Second>(clip, t * B::Every::T, h * B::Every::H, w * B::Every::W) + c);
                x2 = V::low(pair);
                y2 = V::high(pair);
            }
        }
        x = L::finish(x, load(bias + L::BIAS + c), x2);
        y = L::finish(y, load(bias + L::BIAS + c + 1), y2);
    }

    DEVICE void run() {
        fetch_source();
        for (int next = 0; next < B::STAGES - 1; next++) start(next);
        (layer<Inner, Stream<Inner, 0>>(), ...);
        layer<Last, LastStream>();
    }
};

// fused_block runs a block of layers, of which B::ROWS x B::COLS positions are this
// block of threads'.
template <class B, class Last, class... Inner>
DEVICE void fused_block(const void* in, const void* second, void* out, const void* weights, const float* bias) {
    using F = FusedBlock<B, Last, Inner...>;
    int tile = block_index() % (F::DOWN * F::ACROSS), warp = thread_index() / WARP;
    F f{(const char*)in, (const char*)second, (const char*)weights, bias, out, block_index() / (F::DOWN * F::ACROSS),
        tile / F::ACROSS * B::ROWS, tile % F::ACROSS * B::COLS, 0, warp / B::WARPS_C * F::HIGH * 16, warp % B::WARPS_C * F::WIDE * 8};
    f.run();
}
