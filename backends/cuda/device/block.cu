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
//                         tile's corner, less Before; in frames, too
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
    static constexpr int HIGH = B::POSITIONS / B::WARPS_P / 16, WIDE = B::CHANNELS / B::WARPS_C / 8;
    using Piece = Pieces<V, WIDE>;
    static constexpr int STEP = 64;  // bytes of a step
    static constexpr int N = Piece::CHANNELS;
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

    const char *in, *second;  // of the tile's clip
    char* out;
    const char* weights;
    const float* bias;
    int front, top, left;  // of the tile
    int warp_row, warp_column;
    int next = 0;                                     // step of the stream that is fetched next
    int filled = B::STAGES_AT, stage = B::STAGES_AT;  // places of that step, and of the one that is multiplied next

    DEVICE FusedBlock(const char* in, const char* second, char* out, const void* weights, const float* bias, int front, int top, int left)
        : in(in), second(second), out(out), weights((const char*)weights), bias(bias), front(front), top(top), left(left) {
        int warp = thread_index() / WARP;
        warp_row = warp / B::WARPS_C * HIGH * 16;
        warp_column = warp % B::WARPS_C * WIDE * 8;
    }

    // fetch_source starts the copies of the source's tile, zeros where it lies on padding.
    DEVICE void fetch_source() const {
        using S = typename B::Source;
        for (int i = thread_index(); i < S::T * S::H * S::W * S::PIXEL; i += THREADS) {
            int p = i / S::PIXEL, part = i % S::PIXEL * ACCESS;
            int t = front * B::Begin::T - B::Before::T + p / (S::H * S::W), h = top * B::Begin::H - B::Before::H + p / S::W % S::H, w = left * B::Begin::W - B::Before::W + p % S::W;
            bool there = (unsigned)t < B::In::T && (unsigned)h < B::In::H && (unsigned)w < B::In::W;
            copy_async(S::AT + p * S::PITCH + part, in + index_in_clip<typename B::In>(t, h, w) * V::BYTES + part, there);
        }
        if (thread_index() == 0) copy_async(B::ZEROS_AT, in, false);
    }

    // position_of is which of a layer's positions on the tile a row is.
    template <class L>
    static DEVICE int position_of(int row) {
        if (!L::PAIRS) return row;
        return (pair_of(row) / PLANE * 2 + frame_of_pair(row)) * PLANE + pair_of(row) % PLANE;
    }

    // fetch_second starts the copies of one step's rows of what is projected.
    DEVICE void fetch_second(int place, int k) const {
        using S = typename B::Second;
        constexpr int COPIES = STEP / ACCESS, ABREAST = THREADS / COPIES;  // rows that are copied at once
        static_assert(B::POSITIONS % ABREAST == 0, "threads share the rows evenly");
        int first = thread_index() / COPIES, byte = thread_index() % COPIES * ACCESS;
        place += COLUMNS + step_place<STEP>(first, byte);
        byte += k * STEP;
#pragma unroll
        for (int i = 0; i < B::POSITIONS / ABREAST; i++) {
            int p = position_of<Last>(first + i * ABREAST);
            int t = p / PLANE, h = top + p / B::COLS % B::ROWS, w = left + p % B::COLS;
            bool there = t < Last::To::T && h < B::Out::H && w < B::Out::W && byte < S::PIXEL * V::BYTES;
            copy_async(place + i * ABREAST * STEP, second + index_in_clip<S>(t * B::Every::T, h * B::Every::H, w * B::Every::W) * V::BYTES + byte, there);
        }
    }

    // start starts the copies of the stream's next step.
    DEVICE void start() {
        if (next < ALL) {
            copy_columns<Piece, STEP, B::CHANNELS, THREADS>(filled, weights);
            if constexpr (B::PROJECTS) {
                int k = (next - BEFORE_LAST) % LastStream::STEPS - LastStream::OWN;
                if (next >= BEFORE_LAST && k >= 0) fetch_second(filled, k);
            }
            weights += COLUMNS;
            filled = behind(filled);
            next++;
        }
        copy_commit();  // an empty group, too, so that groups count steps
    }

    // behind is the place of the next step.
    static DEVICE int behind(int place) { return place == B::STAGES_AT + (B::STAGES - 1) * STAGE ? B::STAGES_AT : place + STAGE; }

    // advance waits for the stream's next step and returns where that lies.
    DEVICE int advance() {
        copy_wait<B::STAGES - 2>();
        block_barrier();  // all have copied this step, are done with the one before, and have stored a layer's results
        start();
        int here = stage;
        stage = behind(stage);
        return here;
    }

    // layer computes one layer on the tile, a panel of channels at a time; Part is
    // its part of the stream.
    template <class L, class Part>
    DEVICE void layer() {
        using F = typename L::From;
        int lane = thread_index() % WARP;
        int at[HIGH], frame[HIGH];  // what the windows of this lane's rows begin with
#pragma unroll
        for (int i = 0; i < HIGH; i++) {
            int p = position_of<L>(warp_row + i * 16 + lane % 16);
            if (p >= L::To::T * PLANE) p = 0;  // computed for nothing
            frame[i] = p / PLANE * L::Stride::T - L::Pad::T;
            int h = p / B::COLS % B::ROWS * L::Stride::H + L::Pad::H, w = p % B::COLS * L::Stride::W + L::Pad::W;
            at[i] = F::AT + ((frame[i] * F::H + h) * F::W + w) * F::PITCH;
        }
        int projected = step_place<STEP>(warp_row + lane % 16, lane / 16 * ACCESS);
#pragma unroll 1
        for (int panel = 0; panel < Part::PANELS; panel++) {
            float sum[HIGH][WIDE][4] = {};
#pragma unroll 1
            for (int k = 0; k < Part::OWN; k++) {
                int here = advance();
                multiply_step<V, STEP>(sum, here, warp_column, [&](int i, int byte) {
                    // Where a pixel has whole steps, all lanes are at the same tap.
                    constexpr int WHOLE = F::PIXEL % (STEP / ACCESS) == 0 ? F::PIXEL / (STEP / ACCESS) : 0;
                    constexpr int ALL = L::Taps::T * L::Taps::H * L::Taps::W;
                    int part = k * (STEP / ACCESS) + byte / ACCESS + lane / 16;
                    int n = WHOLE == 0 ? part / F::PIXEL : ALL == 1 ? 0 : k / (WHOLE + (WHOLE == 0));
                    Tap tap = ::tap<typename L::Taps>(n);
                    int offset = ((tap.t * F::H + tap.h) * F::W + tap.w) * F::PITCH + (part - n * F::PIXEL) * ACCESS;
                    bool there = (WHOLE > 0 || n < ALL) && ((L::Taps::T == 1 && L::Pad::T == 0) || (unsigned)(frame[i] + tap.t) < F::T);
                    return there ? at[i] + offset : B::ZEROS_AT;
                });
            }
#pragma unroll 1
            for (int k = Part::OWN; k < Part::STEPS; k++) {
                int here = advance();
                multiply_step<V, STEP>(sum, here, warp_column, [&](int i, int part) { return here + COLUMNS + (projected ^ part) + i * 16 * STEP; });
            }
            store_panel<L>(panel, sum);
        }
    }

    // store_panel runs the epilogue on a warp's sums and stores them.
    template <class L>
    DEVICE void store_panel(int panel, const float (&sum)[HIGH][WIDE][4]) const {
        constexpr int C = L::To::PIXEL * (ACCESS / V::BYTES);
        int lane = thread_index() % WARP, column = panel * B::CHANNELS + warp_column;
#pragma unroll
        for (int i = 0; i < HIGH; i++) {
            int place[2];  // bytes in shared memory, values in global
            bool there[2];
            Together<V, N> other[2][Piece::COUNT];  // all are asked for before the first is used
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int p = position_of<L>(warp_row + i * 16 + half * 8 + lane / 4);
                int t = p / PLANE, h = top + p / B::COLS % B::ROWS, w = left + p % B::COLS;
                there[half] = t < L::To::T && (L::To::AT >= 0 || (h < B::Out::H && w < B::Out::W));
                place[half] = L::To::AT >= 0 ? L::To::AT + p * L::To::PITCH : index_in_clip<typename B::Out>(L::PAIRS ? t / 2 : t, h, w);
#pragma unroll
                for (int j = 0; j < Piece::COUNT; j++) {
                    int c = column + Piece::channel(j);
                    if (there[half] && c < C) other[half][j] = before<L>(p, t, h, w, c);
                }
            }
#pragma unroll
            for (int j = 0; j < Piece::COUNT; j++) {
                int c = column + Piece::channel(j);
                if (c >= C) continue;
                float x[2][N];
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    Piece::take(sum[i], j, half, x[half]);
                    finish_piece<L>(x[half], bias + L::BIAS + c, other[half][j]);
                    if (L::PAIRS && half == 0) continue;
                    if (L::PAIRS) larger_of_pair(x[0], x[1]);
                    if (!there[half]) continue;
                    if constexpr (L::To::AT >= 0)
                        Together<V, N>(x[half]).shared_store(place[half] + c * V::BYTES);
                    else
                        Together<typename L::Result, N>(x[half]).store(out, place[half] + c);
                }
            }
        }
    }

    // before is what is added to a piece of a layer's result.
    template <class L>
    DEVICE Together<V, N> before(int p, int t, int h, int w, int c) const {
        if constexpr (L::ADDS && L::Add::AT >= 0) {
            Together<V, N> values;
            values.shared_load(L::Add::AT + p * L::Add::PITCH + c * V::BYTES);
            return values;
        } else if constexpr (L::ADDS) {
            return load_piece<V, typename B::Second, N>(second, index_in_clip<typename B::Second>(t * B::Every::T, h * B::Every::H, w * B::Every::W), c);
        }
        return {};
    }

    DEVICE void run() {
        fetch_source();
        for (int step = 0; step < B::STAGES - 1; step++) start();
        (layer<Inner, Stream<Inner, 0>>(), ...);
        layer<Last, LastStream>();
    }
};

// fused_block runs a block of layers, of which B::ROWS x B::COLS positions are this
// block of threads'.
template <class B, class Last, class... Inner>
DEVICE void fused_block(const void* in, const void* second, void* out, const void* weights, const float* bias) {
    using F = FusedBlock<B, Last, Inner...>;
    using V = typename B::Value;
    constexpr int DOWN = (B::Out::H + B::ROWS - 1) / B::ROWS, ACROSS = (B::Out::W + B::COLS - 1) / B::COLS;
    int clip = block_index() / (DOWN * ACROSS), tile = block_index() % (DOWN * ACROSS);
    F f((const char*)in + index<typename B::In>(clip, 0, 0, 0) * V::BYTES, (const char*)second + index<typename B::Second>(clip, 0, 0, 0) * V::BYTES,
        (char*)out + index<typename B::Out>(clip, 0, 0, 0) * Last::Result::BYTES, weights, bias, 0, tile / ACROSS * B::ROWS, tile % ACROSS * B::COLS);
    f.run();
}
