// Linear layers: a warp makes one channel of one clip, each lane a part of the
// sum. A layer has Value, the weights'; Source, the input's; Result, In, Out,
// THREADS and finish as a convolution has.

template <class L>
DEVICE void linear(const void* in, void* out, const void* weights, const float* bias, int clips) {
    using S = typename L::Source;
    using V = typename L::Value;
    int lane = thread_index() % WARP;
    int i = block_index() * (L::THREADS / WARP) + thread_index() / WARP;
    int clip = i / L::Out::PIXEL, c = i % L::Out::PIXEL;
    if (clip >= clips) return;  // the whole warp
    float sum = 0;
    if (c < L::Out::C)
        for (int k = lane * 2; k < L::In::PIXEL; k += WARP * 2) {
            auto x = load_pair<S>(in, (long long)clip * L::In::PIXEL + k);
            auto w = load_pair<V>(weights, (long long)c * L::In::PIXEL + k);
            sum += S::low(x) * V::low(w) + S::high(x) * V::high(w);
        }
    sum = warp_sum(sum);
    if (lane == 0) store_one<typename L::Result>(out, (long long)clip * L::Out::PIXEL + c, c < L::Out::C ? L::finish(sum, load(bias + c), 0) : 0);
}
