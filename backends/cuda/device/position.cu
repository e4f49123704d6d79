// Positions of a map, strung together over clips, frames, rows and columns.
// All extents are constants of the layer, so that divisions become products.

// Extent is the shape of one clip's map and the distance of its pixels, in
// values.
template <int FRAMES, int ROWS, int COLS, int CHANNELS, int PITCH>
struct Extent {
    static constexpr int T = FRAMES, H = ROWS, W = COLS, C = CHANNELS, PIXEL = PITCH;
    static constexpr int POSITIONS = FRAMES * ROWS * COLS;
};

// Nothing is the extent of a map that a layer has not.
using Nothing = Extent<0, 0, 0, 0, 0>;

// Axes are numbers along time, down the rows and along them.
template <int FRAMES, int ROWS, int COLS>
struct Axes {
    static constexpr int T = FRAMES, H = ROWS, W = COLS;
};

// Tap is one of a window's.
struct Tap {
    int t, h, w;
};

// tap is which of a window's the n-th one is; those beyond the last are none, and nothing may be
// read there.
template <class T>
DEVICE Tap tap(int n) {
    return {T::T == 1 ? 0 : n / (T::H * T::W), T::H == 1 ? 0 : T::T == 1 ? n / T::W : n / T::W % T::H, T::W == 1 ? 0 : n % T::W};
}

// Position is one of a map's.
struct Position {
    int clip, t, h, w;
};

template <class E>
DEVICE Position position(int p) {
    return {p / E::POSITIONS, p / (E::H * E::W) % E::T, p / E::W % E::H, p % E::W};
}

// index_in_clip is the place of a position of a clip's map, in values from where that
// begins; index, in all clips'.
template <class E>
DEVICE int index_in_clip(int t, int h, int w) {
    return ((t * E::H + h) * E::W + w) * E::PIXEL;
}
template <class E>
DEVICE long long index(int clip, int t, int h, int w) {
    return ((((long long)clip * E::T + t) * E::H + h) * E::W + w) * E::PIXEL;
}
