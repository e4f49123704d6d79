// Sums and maxima over the lanes of a warp; every lane gets the result.

DEVICE float warp_sum(float x) {
    for (int mask = WARP / 2; mask > 0; mask /= 2) x += shuffle_xor(x, mask);
    return x;
}

DEVICE float warp_largest(float x) {
    for (int mask = WARP / 2; mask > 0; mask /= 2) x = larger(x, shuffle_xor(x, mask));
    return x;
}
