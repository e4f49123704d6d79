// What a warp does as one, on values that tell where each came from.
#include "driver.h"

// Values that a test hands in and gets back.
static std::vector<float> a, b, sum;

template <class P>
static void product(P pack, int values, void (*multiply)(float (&)[4], const unsigned (&)[4], unsigned, unsigned)) {
    // The fragments of mma.m16n8k16 (two values a register) and m16n8k8 (one), as
    // the PTX manual has them: groupID = lane / 4, threadID_in_group = lane % 4.
    int group = thread_index() / 4, lane = thread_index() % 4, depth = 8 * values;
    unsigned fa[4], fb[2];
    for (int i = 0; i < 4; i++) {
        int row = i % 2 == 0 ? group : group + 8;
        int col = lane * values + (i < 2 ? 0 : 4 * values);
        fa[i] = pack(a[row * depth + col], a[row * depth + col + values - 1]);
    }
    for (int i = 0; i < 2; i++) {
        int row = lane * values + 4 * values * i;
        fb[i] = pack(b[row * 8 + group], b[(row + values - 1) * 8 + group]);
    }
    float s[4];
    for (int i = 0; i < 4; i++) s[i] = sum[(i < 2 ? group : group + 8) * 8 + lane * 2 + i % 2];
    multiply(s, fa, fb[0], fb[1]);
    for (int i = 0; i < 4; i++) sum[(i < 2 ? group : group + 8) * 8 + lane * 2 + i % 2] = s[i];
}

static std::vector<unsigned short> rows(4 * 8 * 8);

static void matrices() {
    int t = thread_index();
    copy_async(t * 16, rows.data() + t * 8, true);
    copy_commit();
    copy_wait<0>();
    block_barrier();
    unsigned m[4];
    load_matrices(m, t * 16);
    for (int i = 0; i < 4; i++)  // "thread t: row t/4, columns 2·(t%4) and the next"
        for (int half = 0; half < 2; half++)
            if ((m[i] >> 16 * half & 0xffff) != (unsigned)(i * 64 + t / 4 * 8 + t % 4 * 2 + half)) sum[0]++;
    if (shuffle_xor(t, 5) != (t ^ 5)) sum[0]++;
}

template <class T>
static void print(const std::vector<T>& values) {
    for (auto v : values) std::cout << v << " ";
    std::cout << "\n";
}

// numbers reads count values.
static std::vector<float> numbers(int count) {
    std::vector<float> v(count);
    for (auto& x : v) std::cin >> x;
    return v;
}

int main(int, char** argv) {
    std::string what = argv[1];
    auto run = [](auto body) { emulator::launch("test", 1, 32, 512, {{"rows", (char*)rows.data(), rows.size() * 2, false}}, body); };
    if (what == "matrices") {
        for (size_t i = 0; i < rows.size(); i++) rows[i] = i;
        sum = {0};
        run(matrices);
        return sum[0] == 0 ? 0 : 1;
    }
    if (what == "round") {
        uint32_t bits;
        while (std::cin >> bits) {
            float x = emulator::real(bits);
            std::cout << emulator::to_bf16(x) << " " << emulator::to_f16(x) << " " << emulator::to_tf32(x) << " " << emulator::bits(emulator::from_f16(bits)) << "\n";
        }
        return 0;
    }
    int values = what == "tf32" ? 1 : 2;
    a = numbers(16 * 8 * values), b = numbers(8 * values * 8), sum = numbers(16 * 8);
    run([&] {
        if (what == "bf16") product(pack_bf16, 2, multiply_bf16);
        if (what == "f16") product(pack_f16, 2, multiply_f16);
        if (what == "tf32") product([](float x, float) { return bits_of(x); }, 1, multiply_tf32);
    });
    print(sum);
}
