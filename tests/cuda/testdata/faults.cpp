// Kernels that are wrong, each in one way, and right ones beside them: what the
// emulator is for.
#include "driver.h"

using emulator::Range;

alignas(16) static float memory[288], out[64];
static float* in = memory + 16;

// meeting has threads write 4 bytes each by a copy, and read 16 that others wrote.
static void meeting(bool wait, bool barrier) {
    int t = thread_index();
    copy_async(t * 16, in + t % 32 * 4, true);
    copy_commit();
    if (wait) copy_wait<0>();
    if (barrier) block_barrier();
    unsigned m[4];
    load_matrices(m, (31 - t) * 16);
    store(out + t, float_of(m[0]));
    if (!wait) copy_wait<0>();
}

static std::map<std::string, void (*)()> cases() {
    return {
        {"right", [] { meeting(true, true); }},
        {"race", [] { meeting(true, false); }},
        {"not waited for", [] { meeting(false, true); }},
        {"waited for too few",
         [] {
             for (int i = 0; i < 2; i++) {
                 copy_async((i * 32 + thread_index()) * 16, in, true);
                 copy_commit();
             }
             copy_wait<1>();
             block_barrier();
             unsigned m[4];
             load_matrices(m, (32 + thread_index()) * 16);
             store(out + thread_index(), float_of(m[0]));
             copy_wait<0>();
         }},
        {"two writers",
         [] {
             copy_async(0, in, true);
             copy_commit();
             copy_wait<0>();
         }},
        {"overwritten too early",
         [] {
             int t = thread_index();
             copy_async(t * 16, in, true);
             copy_commit();
             copy_wait<0>();
             block_barrier();
             unsigned m[4];
             load_matrices(m, (31 - t) * 16);
             copy_async(t * 16, in, true);
             copy_commit();
             copy_wait<0>();
         }},
        {"never written",
         [] {
             unsigned m[4];
             load_matrices(m, thread_index() * 16);
         }},
        {"beyond shared memory", [] { copy_async(1024 + thread_index() * 16, in, true); }},
        {"shared memory out of line", [] { copy_async(8 + thread_index() * 16, in, true); }},
        {"beyond an operand", [] { store(out + thread_index(), load(in + 250 + thread_index())); }},
        {"before an operand", [] { copy_async(thread_index() * 16, in - 4, true); }},
        {"result as input", [] { store(out + thread_index(), load(out + 40)); }},
        {"beyond the result", [] { store(out + 32 + thread_index(), 1.f); }},
        {"input as result", [] { store(in + thread_index(), 1.f); }},
        {"written twice", [] { store(out + thread_index() / 2, 1.f); }},
        {"left out",
         [] {
             if (thread_index() != 7) store(out + thread_index(), 1.f);
         }},
        {"address out of line", [] { load((float*)((char*)in + 2)); }},
        {"copies at the end",
         [] {
             copy_async(thread_index() * 16, in, true);
             copy_commit();
         }},
        {"barrier for some",
         [] {
             if (thread_index() < 16) block_barrier();
         }},
        {"warp apart",
         [] {
             unsigned m[4];
             if (thread_index() < 16)
                 shuffle_xor(0, 1);
             else
                 load_matrices(m, 0);
         }},
        {"lane missing",
         [] {
             if (thread_index() != 3) shuffle_xor(0, 1);
         }},
    };
}

int main(int argc, char** argv) {
    for (int i = 0; i < 256; i++) in[i] = i;
    std::string name = argc > 1 ? argv[1] : "";
    auto body = cases().at(name);
    try {
        Range operands[] = {{"the input", (char*)in, 256 * sizeof(float), false}, {"the result", (char*)out, 32 * sizeof(float), true}};
        emulator::launch("test", 1, 32, 1024, {operands[0], operands[1]}, body);
    } catch (const emulator::Fault& f) {
        std::cout << f.what() << "\n";
        return 0;
    }
    for (int i = 0; i < 32; i++)
        if (out[i] != in[(31 - i / 4) * 4 + i % 4]) return 1;
    std::cout << "right\n";
}
