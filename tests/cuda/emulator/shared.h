// The shared memory of a block, which remembers who touched what since the last
// barrier.
#pragma once

#include <cstring>
#include <vector>

#include "fault.h"

namespace emulator {

class Shared {
   public:
    // start makes it the memory of a new block: size bytes that nobody wrote.
    void start(int size) {
        if ((int)bytes.size() < size) bytes.resize(size), marks.resize(size);
        this->size = size;
        memset(bytes.data(), 0xff, bytes.size());  // a NaN in every format
        born = ++epoch;
    }

    // barrier orders what was before it and what comes behind it.
    void barrier() { epoch++; }

    // The following return the memory at a place, or a fault's text in problem.
    const char* read(int at, int count, int thread, std::string& problem) {
        if (!inside(at, count, "reads", thread, problem)) return nullptr;
        for (int i = at; i < at + count; i++) {
            Mark& m = marks[i];
            if (m.copying)
                problem = format("thread %d reads byte %d of shared memory, which thread %d's copy has not been waited for", thread, i, m.copying - 1);
            else if (m.written < born)
                problem = format("thread %d reads byte %d of shared memory, which nobody wrote", thread, i);
            else if (m.written == epoch && m.writer != thread)
                problem = format("race on byte %d of shared memory: thread %d reads what thread %d writes, without a barrier between them", i, thread, m.writer);
            if (!problem.empty()) return nullptr;
            m.reader = m.read == epoch && m.reader != thread ? MANY : thread;
            m.read = epoch;
        }
        return bytes.data() + at;
    }

    char* write(int at, int count, int thread, std::string& problem) {
        if (!inside(at, count, "writes", thread, problem)) return nullptr;
        for (int i = at; i < at + count; i++) {
            Mark& m = marks[i];
            if (m.copying)
                problem = format("thread %d writes byte %d of shared memory, which thread %d's copy has not been waited for", thread, i, m.copying - 1);
            else if (m.written == epoch && m.writer != thread)
                problem = format("race on byte %d of shared memory: threads %d and %d write it, without a barrier between them", i, m.writer, thread);
            else if (m.read == epoch && m.reader != thread)
                problem = format("race on byte %d of shared memory: thread %d writes what %s reads, without a barrier between them", i, thread,
                                 m.reader == MANY ? "another thread" : format("thread %d", m.reader).c_str());
            if (!problem.empty()) return nullptr;
            m.written = epoch;
            m.writer = thread;
        }
        return bytes.data() + at;
    }

    // begin_copy takes the place of a copy away from everybody, and end_copy
    // gives it back with what was copied.
    void begin_copy(int at, int count, int thread, std::string& problem) {
        if (char* to = write(at, count, thread, problem)) {
            memset(to, 0xff, count);
            for (int i = at; i < at + count; i++) marks[i].copying = thread + 1;
        }
    }
    void end_copy(int at, const char* from, int count, int thread) {
        for (int i = at; i < at + count; i++) marks[i].copying = 0, marks[i].written = epoch, marks[i].writer = thread;
        memcpy(bytes.data() + at, from, count);
    }

   private:
    static constexpr int MANY = -1;

    // Mark is who touched a byte last, and in which epoch: between which
    // barriers.
    struct Mark {
        unsigned written = 0, read = 0;
        short writer = 0, reader = 0, copying = 0;
    };

    bool inside(int at, int count, const char* does, int thread, std::string& problem) {
        if (at < 0 || at + count > size)
            problem = format("thread %d %s bytes %d to %d of %d bytes of shared memory", thread, does, at, at + count - 1, size);
        else if (at % count)
            problem = format("thread %d %s %d bytes of shared memory at %d, which is not aligned", thread, does, count, at);
        return problem.empty();
    }

    std::vector<char> bytes;
    std::vector<Mark> marks;
    int size = 0;
    unsigned epoch = 0, born = 0;
};

}  // namespace emulator
