// Streams, events and graphs of the emulated driver.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "launch.h"

namespace emulator {

using Work = std::function<int()>;  // returns the driver's code
using Graph = std::vector<Work>;

// Stream is work that has been queued. It is done when somebody waits.
class Stream {
   public:
    void add(Work work) {
        std::lock_guard<std::mutex> hold(lock);
        if (recording) {
            recording->push_back(std::move(work));
        } else {
            queue.push_back(std::move(work));
        }
    }

    // wait does everything, and returns the first fault. A stream that records
    // cannot be waited for.
    int wait() {
        if (recording) return 900;
        for (int first = 0;;) {
            Work work;
            {
                std::lock_guard<std::mutex> hold(lock);
                if (queue.empty()) return first;
                work = std::move(queue.front());
                queue.pop_front();
            }
            int code = work();
            if (!first) first = code;
        }
    }

    std::unique_ptr<Graph> recording;

   private:
    std::mutex lock;
    std::deque<Work> queue;
};

// Event is a place in a stream's queue, and when it was reached.
struct Event {
    Stream* stream = nullptr;
    bool timed = false, reached = false;
    std::chrono::steady_clock::time_point time{};
};

}  // namespace emulator
