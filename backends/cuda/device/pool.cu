// Pools: a thread makes two channels of one position. What lies on padding, or
// beyond the map where a ceil-mode pool reaches over it, is no part of a window.
//
// A pool P has Value, Result, In, Out, Taps, Stride, Pad and THREADS, as a
// convolution has, and AVERAGE: without it, it takes the maximum. A NaN in a
// window is its maximum.

template <class P>
DEVICE void pool(const void* in, void* out, int clips) {
    using I = typename P::In;
    using O = typename P::Out;
    using V = typename P::Value;
    long long i = (long long)block_index() * P::THREADS + thread_index();
    int p = i / (O::PIXEL / 2), c = i % (O::PIXEL / 2) * 2;
    if (p >= clips * O::POSITIONS) return;
    if (c >= I::PIXEL) {  // padding that the input has not
        store_pair<typename P::Result>(out, (long long)p * O::PIXEL + c, 0, 0);
        return;
    }
    Position o = position<O>(p);
    float start = P::AVERAGE ? 0 : -infinity();
    float x = start, y = start;
    int count = 0;
    for (int kt = 0; kt < P::Taps::T; kt++)
        for (int kh = 0; kh < P::Taps::H; kh++)
            for (int kw = 0; kw < P::Taps::W; kw++) {
                int t = o.t * P::Stride::T - P::Pad::T + kt, h = o.h * P::Stride::H - P::Pad::H + kh, w = o.w * P::Stride::W - P::Pad::W + kw;
                if ((unsigned)t >= I::T || (unsigned)h >= I::H || (unsigned)w >= I::W) continue;
                auto pair = load_pair<V>(in, index<I>(o.clip, t, h, w) + c);
                x = P::AVERAGE ? x + V::low(pair) : larger(x, V::low(pair));
                y = P::AVERAGE ? y + V::high(pair) : larger(y, V::high(pair));
                count++;
            }
    if (P::AVERAGE) {
        x /= count;
        y /= count;
    }
    store_pair<typename P::Result>(out, (long long)p * O::PIXEL + c, x, y);
}
