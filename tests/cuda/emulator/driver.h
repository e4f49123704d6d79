// A program that runs a list of launches, made by a test, on one network's
// kernels.
#pragma once

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "launch.h"

namespace emulator {

using Kernel = void (*)(const void*, const void*, void*, const void*, const float*, int);

inline std::vector<char> contents(const std::string& path) {
    std::ifstream f(path, std::ios::binary);
    if (!f) throw std::runtime_error("no file " + path);
    return std::vector<char>(std::istreambuf_iterator<char>(f), {});
}

// Driver has the memories of a run. Nobody has written the arena yet: it is
// full of NaNs.
struct Driver {
    const std::map<std::string, Kernel>& kernels;
    std::vector<char> arena, weights, input;
    std::ofstream results;
    int clips = 1;

    // span reads the place of an operand, which is empty where there is none.
    Range span(std::istream& line, const char* name, std::vector<char>& memory, bool writes = false) {
        size_t offset, bytes;
        line >> offset >> bytes;
        if (offset + bytes > memory.size()) throw std::runtime_error(std::string(name) + " lies outside of its memory");
        return {name, bytes ? memory.data() + offset : nullptr, bytes, writes};
    }

    void launch(std::istream& line) {
        std::string name, memory;
        int blocks, threads, shared;
        line >> name >> blocks >> threads >> shared >> memory;
        auto kernel = kernels.find(name);
        if (kernel == kernels.end()) throw std::runtime_error("no kernel " + name);
        Range in = span(line, "the input", memory == "input" ? input : arena), second = span(line, "the second input", arena),
              out = span(line, "the result", arena, true), w = span(line, "the weights", weights), bias = span(line, "the biases", weights);
        emulator::launch(name.c_str(), blocks, threads, shared, {in, second, out, w, bias}, [&] {
            kernel->second(in.begin, second.begin, out.begin, w.begin, (const float*)bias.begin, clips);
        });
    }

    void command(const std::string& text) {
        std::istringstream line(text);
        std::string verb, path;
        size_t bytes, offset;
        line >> verb;
        if (verb == "arena" && line >> bytes) {
            arena.assign(bytes, (char)0xff);
        } else if (verb == "clips") {
            line >> clips;
        } else if (verb == "weights" && line >> path) {
            weights = contents(path);
        } else if (verb == "input" && line >> path) {
            input = contents(path);
        } else if (verb == "results" && line >> path) {
            results.open(path, std::ios::binary);
        } else if (verb == "launch") {
            launch(line);
        } else if (verb == "result" && line >> offset >> bytes && offset + bytes <= arena.size()) {
            results.write(arena.data() + offset, bytes);
        } else {
            throw std::runtime_error("no command: " + text);
        }
        if (!line && !line.eof()) throw std::runtime_error("not understood: " + text);
    }
};

// drive reads commands from a file; see Driver::command.
inline int drive(int argc, char** argv, const std::map<std::string, Kernel>& kernels) {
    try {
        Driver d{kernels, {}, {}, {}, {}};
        std::ifstream jobs(argc > 1 ? argv[1] : "");
        for (std::string line; std::getline(jobs, line);) d.command(line);
        d.results.close();
        return d.results ? 0 : 1;
    } catch (const std::exception& e) {
        std::cerr << e.what() << "\n";
        return 1;
    }
}

}  // namespace emulator
