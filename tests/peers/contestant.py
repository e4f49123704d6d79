"""A contestant as the driver sees it: one or more processes that stand still
except when it is their turn."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import files

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 1200  # seconds for an answer; compilers may take minutes at first


class Failed(Exception):
    """A contestant broke off; the text is the end of what it said."""


class Process:
    """One process. It runs from its start until pause."""

    def __init__(self, command, environment, cpus, log):
        self.log = log
        self.begin = time.perf_counter()
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, stderr=errors, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )

    def answer(self):
        """The next line that the process writes."""
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            end = "".join(self.log.read_text().splitlines(keepends=True)[-8:])
            raise Failed("no answer; what it said last:\n" + end.replace(f"{self.log.parent}/", ""))
        return json.loads(line)

    def ask(self, n):
        self.process.stdin.write(f"run {n}\n")
        self.process.stdin.flush()

    def signal(self, number):
        """Signals the process and what it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def end(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def memory(self):
        """Megabytes: the most that was resident, and the share of it that is the process's alone or its part."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {"peak_rss_mb": kilobytes(status, "VmHWM") / 1e3, "pss_mb": kilobytes(rollup, "Pss") / 1e3}


def kilobytes(text, key):
    return next(1.024 * int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":"))


class Contestant:
    """A library in one configuration: see lineup.Entry."""

    def __init__(self, entry, spec, cpus):
        self.entry = entry
        self.spec = {**spec, **entry.spec}
        self.spec["weights"] = str(files.weights(self.spec))
        self.environment = {**environment(self.spec), **entry.environment}
        self.cpus = cpus
        self.processes = []

    def start(self):
        """Starts the processes, one after another, and returns what the first says. Milliseconds are from its start."""
        ready = None
        for i in range(self.entry.processes):
            cpus = self.cpus if self.entry.processes == 1 else {sorted(self.cpus)[i % len(self.cpus)]}
            log = pathlib.Path(self.spec["work"]) / f"{self.entry.library}.log"
            p = Process(command(self.spec), self.environment, cpus, log)
            self.processes.append(p)
            answer = p.answer()
            answer["start_ms"] = 1e3 * (time.perf_counter() - p.begin)
            answer.update(p.memory())
            p.pause()
            ready = ready or answer
        return ready

    def turn(self, n):
        """Runs n calls on every process at once; returns their answers."""
        for p in self.processes:
            p.ask(n)
        return [p.answer() for p in self.processes]

    def resume(self):
        for p in self.processes:
            p.resume()

    def pause(self):
        for p in self.processes:
            p.pause()

    def end(self):
        for p in self.processes:
            p.end()
        self.processes = []


def command(spec):
    argument = json.dumps(spec)
    if spec["library"] == "peak" and "device" in spec:
        return [sys.executable, str(HERE / "peak_gpu.py"), argument]
    if spec["library"] in ("p3dc", "peak"):  # Go programs
        return [f"{spec['work']}/{spec.get('program', spec['library'])}", argument]
    return [sys.executable, str(HERE / "child.py"), argument]


def environment(spec):
    """What holds libraries to a number of threads and, if asked to, to AVX2."""
    threads = str(spec["threads"])
    e = {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TORCHINDUCTOR_CACHE_DIR": f"{spec['work']}/inductor",
    }
    if "device" not in spec:
        e["CUDA_VISIBLE_DEVICES"] = ""
    if spec["isa"] == "avx2":
        e.update(
            ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2",
            MKL_ENABLE_INSTRUCTIONS="AVX2", P3DC_ISA="avx2", TORCHINDUCTOR_CACHE_DIR=f"{spec['work']}/inductor-avx2",
        )
    return e
