// The caller's clip in the layout of maps: frames of bytes, or normalised
// float32 values. A thread makes one pixel, padded with zeros.

// A clip I is a struct of constants:
//
//     Value, Out      precision and extent of the map
//     SWAPS           whether the network wants blue first; frames come red first
//     scale(c), shift(c)    byte x of channel c becomes x·scale + shift

template <class I, class F>
DEVICE void ingest(void* out, int clips, F value) {
    using E = typename I::Out;
    int p = block_index() * I::THREADS + thread_index();
    if (p >= clips * E::POSITIONS) return;
    for (int c = 0; c < E::PIXEL; c += 2)
        store_pair<typename I::Value>(out, (long long)p * E::PIXEL + c, c < E::C ? value(p, c) : 0, c + 1 < E::C ? value(p, c + 1) : 0);
}

// ingest_floats takes clips of channels x frames x rows x columns.
template <class I>
DEVICE void ingest_floats(const void* in, void* out, int clips) {
    using E = typename I::Out;
    ingest<I>(out, clips, [&](int p, int c) {
        long long clip = p / E::POSITIONS, at = p % E::POSITIONS;
        return load((const float*)in + (clip * E::C + c) * E::POSITIONS + at);
    });
}

// ingest_frames takes clips of frames x rows x columns x channels bytes.
template <class I>
DEVICE void ingest_frames(const void* in, void* out, int clips) {
    using E = typename I::Out;
    ingest<I>(out, clips, [&](int p, int c) {
        int from = I::SWAPS ? E::C - 1 - c : c;
        return (float)load((const unsigned char*)in + (long long)p * E::C + from) * I::scale(c) + I::shift(c);
    });
}
