// Launches of kernels: blocks are shared out to the host's processors.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "block.h"

namespace emulator {

// launch runs a kernel's body on all blocks, and throws the first fault.
inline void launch(const char* kernel, int blocks, int threads, int shared, std::vector<Range> operands, const std::function<void()>& body,
                   bool exact = true) {
    Global global(std::move(operands), exact);
    std::atomic<int> next{0};
    std::mutex lock;
    std::string fault;
    auto work = [&] {
        try {
            Block block(kernel, threads, shared, global);
            for (int i = next++; i < blocks; i = next++) block.run(i, body);
        } catch (const Fault& f) {
            std::lock_guard<std::mutex> hold(lock);
            if (fault.empty()) fault = f.what();
            next = blocks;
        }
    };
    std::vector<std::thread> workers;
    int count = std::min<int>(blocks, std::max(1u, std::thread::hardware_concurrency()));
    for (int i = 1; i < count; i++) workers.emplace_back(work);
    work();
    for (auto& w : workers) w.join();
    if (fault.empty() && !(fault = global.finish()).empty()) fault = format("kernel %s: %s", kernel, fault.c_str());
    if (!fault.empty()) throw Fault(fault);
}

}  // namespace emulator
