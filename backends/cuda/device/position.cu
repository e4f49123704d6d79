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

// Position is one of a map's.
struct Position {
    int clip, t, h, w;
};

template <class E>
DEVICE Position position(int p) {
    return {p / E::POSITIONS, p / (E::H * E::W) % E::T, p / E::W % E::H, p % E::W};
}

// index is the place of a position that lies on the map, in values.
template <class E>
DEVICE long long index(int clip, int t, int h, int w) {
    return ((((long long)clip * E::T + t) * E::H + h) * E::W + w) * E::PIXEL;
}
