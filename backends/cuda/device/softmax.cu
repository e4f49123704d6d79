// Softmax: a warp turns one clip's scores into probabilities. It subtracts the
// largest score first, so that no finite score overflows.

template <class S>
DEVICE void softmax(const void* in, void* out, int clips) {
    using V = typename S::Value;
    using R = typename S::Result;
    constexpr float LOG2_E = 1.44269504f;
    int clip = block_index() * (S::THREADS / WARP) + thread_index() / WARP, lane = thread_index() % WARP;
    if (clip >= clips) return;  // the whole warp
    auto score = [&](int c) { return load_one<V>(in, (long long)clip * S::In::PIXEL + c); };
    float most = -infinity(), sum = 0;
    for (int c = lane; c < S::In::C; c += WARP) most = larger(most, score(c));
    most = warp_largest(most);
    for (int c = lane; c < S::In::C; c += WARP) sum += power_of_two((score(c) - most) * LOG2_E);
    sum = warp_sum(sum);
    for (int c = lane; c < S::Out::PIXEL; c += WARP)
        store_one<R>(out, (long long)clip * S::Out::PIXEL + c, c < S::In::C ? power_of_two((score(c) - most) * LOG2_E) / sum : 0);
}
