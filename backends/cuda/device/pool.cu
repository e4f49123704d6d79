// Pools: a thread makes two channels of one position. What lies on padding, or
// beyond the map where a ceil-mode pool reaches over it, is no part of a window.
//
// A pool P has Value, Result, In, Out, Taps, Stride, Pad and THREADS, as a
// convolution has, and AVERAGE: without it, it takes the maximum. A NaN in a
// window is its maximum.

// pool_window reduces the window at a position to two channels of it; read(t, h, w)
// is the pair at a position that lies on the map.
template <class P, class Read>
DEVICE void pool_window(Position o, float& x, float& y, Read read) {
    using I = typename P::In;
    using V = typename P::Value;
    x = y = P::AVERAGE ? 0 : -infinity();
    int count = 0;
    for (int kt = 0; kt < P::Taps::T; kt++)
        for (int kh = 0; kh < P::Taps::H; kh++)
            for (int kw = 0; kw < P::Taps::W; kw++) {
                int t = o.t * P::Stride::T - P::Pad::T + kt, h = o.h * P::Stride::H - P::Pad::H + kh, w = o.w * P::Stride::W - P::Pad::W + kw;
                if ((unsigned)t >= I::T || (unsigned)h >= I::H || (unsigned)w >= I::W) continue;
                auto pair = read(t, h, w);
                x = P::AVERAGE ? x + V::low(pair) : larger(x, V::low(pair));
                y = P::AVERAGE ? y + V::high(pair) : larger(y, V::high(pair));
                count++;
            }
    if (P::AVERAGE) {
        x /= count;
        y /= count;
    }
}

template <class P>
DEVICE void pool(const void* in, void* out, int clips) {
    using I = typename P::In;
    using O = typename P::Out;
    long long i = (long long)block_index() * P::THREADS + thread_index();
    int p = i / (O::PIXEL / 2), c = i % (O::PIXEL / 2) * 2;
    if (p >= clips * O::POSITIONS) return;
    float x = 0, y = 0;
    if (c < I::PIXEL) {  // behind them is padding that the input has not
        Position o = position<O>(p);
        pool_window<P>(o, x, y, [&](int t, int h, int w) { return load_pair<typename P::Value>(in, index<I>(o.clip, t, h, w) + c); });
    }
    store_pair<typename P::Result>(out, (long long)p * O::PIXEL + c, x, y);
}
