// The parts of global memory that a launch may touch.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "fault.h"

namespace emulator {

// Range is an operand of a launch. Every byte of one that is written must be,
// once; what is read of it must be read before.
struct Range {
    std::string name;
    char* begin = nullptr;
    size_t bytes = 0;
    bool writes = false;
};

class Global {
   public:
    // With exact operands, each byte of the result is written once. Otherwise the
    // ranges are all memory that there is, and may be read and written.
    explicit Global(std::vector<Range> operands, bool exact = true) : ranges(std::move(operands)), exact(exact) {
        for (auto& r : ranges)
            if (exact && r.writes) written.reset(new unsigned char[r.bytes]()), out = &r;
    }

    void read(const void* p, int count, int thread, std::string& problem) const {
        auto at = (const char*)p;
        for (auto& r : ranges)
            if (within(r, at, count) && !r.writes) return check(at, count, thread, problem);
        for (auto& r : ranges)
            if (within(r, at, count)) return check(at, count, thread, problem);
        problem = format("thread %d reads %d bytes at %s", thread, count, where(at).c_str());
    }

    void write(const void* p, int count, int thread, std::string& problem) {
        auto at = (const char*)p;
        if (!exact) {
            for (auto& r : ranges)
                if (within(r, at, count) && !misaligned(at, count, thread, problem)) return;
        }
        if (!out || !within(*out, at, count)) {
            problem = format("thread %d writes %d bytes at %s", thread, count, where(at).c_str());
            return;
        }
        if (misaligned(at, count, thread, problem)) return;
        for (auto b = at - out->begin; b < at - out->begin + count && problem.empty(); b++)
            if (written[b]++) problem = format("thread %d writes byte %td of %s, which was written before", thread, b, out->name.c_str());
    }

    // finish returns what is wrong with the results as a whole.
    std::string finish() const {
        for (size_t b = 0; out && b < out->bytes; b++)
            if (!written[b]) return format("byte %zu of the %zu of %s is never written", b, out->bytes, out->name.c_str());
        return "";
    }

   private:
    static bool within(const Range& r, const char* at, int count) { return at >= r.begin && at + count <= r.begin + r.bytes; }

    void check(const char* at, int count, int thread, std::string& problem) const {
        if (misaligned(at, count, thread, problem) || !out || at + count <= out->begin || at >= out->begin + out->bytes) return;
        for (int i = 0; i < count && problem.empty(); i++)
            if (written[at + i - out->begin]) problem = format("thread %d reads byte %td of %s, which is written in the same launch", thread, at + i - out->begin, out->name.c_str());
    }

    static bool misaligned(const char* at, int count, int thread, std::string& problem) {
        if ((uintptr_t)at % count) problem = format("thread %d touches %d bytes at an address that is not a multiple of it", thread, count);
        return !problem.empty();
    }

    // where says how an address lies to the operand that is nearest.
    std::string where(const char* at) const {
        std::string best = "no operand";
        size_t least = (size_t)-1;
        for (auto& r : ranges) {
            size_t distance = at < r.begin ? r.begin - at : std::max<ptrdiff_t>(0, at - r.begin - r.bytes);
            if (r.begin && distance < least) least = distance, best = format("byte %td of the %zu of %s", at - r.begin, r.bytes, r.name.c_str());
        }
        return best;
    }

    std::vector<Range> ranges;
    std::unique_ptr<unsigned char[]> written;
    Range* out = nullptr;
    bool exact;
};

}  // namespace emulator
