// A fiber is a stack and where it stopped on it. Threads of a block are fibers,
// which run one at a time and stop only where a primitive waits for others.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__x86_64__)

// emulator_switch keeps what a call must leave as it was, notes in *from where
// that is, and goes on where another stack stopped.
extern "C" void emulator_switch(void** from, void* to);
asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch, .-emulator_switch
)");

#endif

namespace emulator {

class Fiber {
   public:
    static constexpr size_t STACK = 64 << 10;

    Fiber() : stack(new char[STACK]) {}

    // start makes entry what the next switch to the fiber calls. It must not
    // return.
    void start(void (*entry)()) {
#if defined(__x86_64__)
        auto top = (void**)(((uintptr_t)stack.get() + STACK) & ~(uintptr_t)15);
        *--top = nullptr;  // where entry would return to; the stack is aligned as behind a call
        *--top = (void*)entry;
        top -= 6;
        at = top;
#else
        getcontext(&at);
        at.uc_stack.ss_sp = stack.get();
        at.uc_stack.ss_size = STACK;
        makecontext(&at, entry, 0);
#endif
    }

#if defined(__x86_64__)
    using Place = void*;
    static void go(Place& from, Place& to) { emulator_switch(&from, to); }
#else
    using Place = ucontext_t;
    static void go(Place& from, Place& to) { swapcontext(&from, &to); }
#endif

    Place at;

   private:
    std::unique_ptr<char[]> stack;
};

}  // namespace emulator
