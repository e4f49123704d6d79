// A block of threads. One at a time runs until it waits for others: for all
// threads of the block at a barrier, for those of its warp in a primitive that
// the warp executes as one.
#pragma once

#include <deque>
#include <functional>

#include "fiber.h"
#include "global.h"
#include "shared.h"

namespace emulator {

constexpr int LANES = 32;

class Block {
   public:
    Block(const char* kernel, int threads, int shared, Global& global)
        : global(global), kernel(kernel), shared_bytes(shared), threads(threads), warps((threads + LANES - 1) / LANES) {}

    // run executes the body by every thread of block number index.
    void run(int index, const std::function<void()>& body) {
        this->index = index;
        this->body = &body;
        memory.start(shared_bytes);
        current() = this;
        for (auto& w : warps) w.arrived = 0;
        for (auto& t : threads) {
            t.waits = nullptr;
            t.done = false;
            t.open.clear();
            t.groups.clear();
            t.fiber.start(enter);
        }
        at_barrier = 0;
        for (size_t left = threads.size(); left > 0;) {
            bool moved = false;
            for (now = 0; now < (int)threads.size(); now++) {
                Thread& t = threads[now];
                if (t.done || t.waits) continue;
                moved = true;
                Fiber::go(scheduler, t.fiber.at);
                if (!problem.empty()) throw Fault(format("kernel %s, block %d: %s", kernel, index, problem.c_str()));
                left -= t.done;
            }
            if (!moved) throw Fault(stuck());
        }
    }

    static Block*& current() {
        static thread_local Block* block;
        return block;
    }

    int thread() const { return now; }
    int block() const { return index; }

    void barrier() {
        if (++at_barrier < (int)threads.size()) return wait("a barrier");
        at_barrier = 0;
        memory.barrier();
        for (auto& t : threads) t.waits = nullptr;
    }

    // together calls what the warp does as one, with the arguments of all
    // lanes, when the last of them is there.
    void together(const char* what, void* argument, void (*act)(Block&, void* const*)) {
        Warp& w = warps[now / LANES];
        if (w.arrived && w.what != what) fail(format("thread %d is at %s, others of its warp at %s", now, what, w.what));
        w.what = what;
        w.arguments[now % LANES] = argument;
        if (++w.arrived < LANES) return wait(what);
        w.arrived = 0;
        act(*this, w.arguments);
        for (int i = now / LANES * LANES; i < now / LANES * LANES + LANES; i++) threads[i].waits = nullptr;
    }

    template <class T>
    T load(const T* from) {
        global.read(from, sizeof(T), now, problem);
        stop_on_problem();
        return *from;
    }
    template <class T>
    void store(T* to, T x) {
        global.write(to, sizeof(T), now, problem);
        stop_on_problem();
        *to = x;
    }

    // read is a lane's read of shared memory.
    const char* read(int at, int count, int lane) {
        const char* p = memory.read(at, count, now / LANES * LANES + lane, problem);
        stop_on_problem();
        return p;
    }
    char* write(int at, int count) {
        char* p = memory.write(at, count, now, problem);
        stop_on_problem();
        return p;
    }

    template <class T>
    T shared_load(int at) {
        T x;
        memcpy(&x, read(at, sizeof(T), now % LANES), sizeof(T));
        return x;
    }
    template <class T>
    void shared_store(int at, T x) {
        memcpy(write(at, sizeof(T)), &x, sizeof(T));
    }

    void copy(int to, const void* from, int count, bool there) {
        if (there) global.read(from, count, now, problem);
        stop_on_problem();
        memory.begin_copy(to, count, now, problem);
        stop_on_problem();
        threads[now].open.push_back({to, count, there ? (const char*)from : nullptr});
    }
    void commit() {
        Thread& t = threads[now];
        t.groups.push_back(std::move(t.open));
        t.open.clear();
    }
    // finish_copies makes the copies of the oldest groups.
    void finish_copies(size_t left) {
        static const char zeros[16] = {};
        Thread& t = threads[now];
        for (; t.groups.size() > left; t.groups.pop_front())
            for (auto& c : t.groups.front()) memory.end_copy(c.to, c.from ? c.from : zeros, c.count, now);
    }

   private:
    struct Copy {
        int to, count;
        const char* from;  // null for zeros
    };
    struct Thread {
        Fiber fiber;
        const char* waits = nullptr;
        bool done = false;
        std::vector<Copy> open;
        std::deque<std::vector<Copy>> groups;
    };
    struct Warp {
        const char* what = nullptr;
        void* arguments[LANES];
        int arrived = 0;
    };

    static void enter() {
        Block& b = *current();
        (*b.body)();
        Thread& t = b.threads[b.now];
        b.leftovers(t);
        t.done = true;
        Fiber::go(t.fiber.at, b.scheduler);
        abort();
    }

    void leftovers(const Thread& t) {
        bool left = !t.open.empty();
        for (auto& g : t.groups) left = left || !g.empty();
        if (left) fail(format("thread %d ends with copies that nobody waited for", now));
    }

    void wait(const char* what) {
        Thread& t = threads[now];
        t.waits = what;
        Fiber::go(t.fiber.at, scheduler);
    }

    void fail(std::string text) {
        problem = std::move(text);
        stop_on_problem();
    }

    // stop_on_problem leaves the thread for good: the scheduler reports.
    void stop_on_problem() {
        if (!problem.empty()) Fiber::go(threads[now].fiber.at, scheduler);
    }

    std::string stuck() {
        for (size_t i = 0; i < threads.size(); i++)
            if (threads[i].waits) return format("kernel %s, block %d: thread %zu waits at %s for threads that never come", kernel, index, i, threads[i].waits);
        return "no thread can run";
    }

    Global& global;
    Shared memory;
    const char* kernel;
    int shared_bytes, index = 0, now = 0, at_barrier = 0;
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    const std::function<void()>* body = nullptr;
    Fiber::Place scheduler;
    std::string problem;
};

}  // namespace emulator
