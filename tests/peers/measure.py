"""Measures the events, contestants taking turns."""

import contextlib
import json
import pathlib
import statistics
import sys

import numpy as np

from contestant import Contestant, Failed
from lineup import Entry

ROOT = pathlib.Path(__file__).resolve().parents[2]

TOLERANCE = {"gpu": 2e-2}  # relative L2 of logits, in bfloat16; else
STRICT = 2e-6  # as in tests/reference
HEATS, CUT = 3, 1.5  # after so many rounds, what is so many times slower than its library's best is out
TURN = {"latency": 0.7, "throughput": 2, "gpu": 0.7}  # seconds, about; the last clips of streams do not end together


def say(text):
    print(text, file=sys.stderr, flush=True)


def reference(net):
    """PyTorch's logits in float64."""
    return np.array(json.loads((ROOT / f"tests/reference/testdata/{net}-abc.json").read_text())["logits"])


def apart(logits, want):
    """The largest relative L2 distance of logits from others, clip by clip; NaN if one is."""
    return float(np.max([np.linalg.norm(np.array(row) - want) / np.linalg.norm(want) for row in logits]))


def checked(net, logits, most=STRICT):
    """The largest relative L2 error of a contestant's logits."""
    error = apart(logits, reference(net))
    if not error <= most:
        raise Failed(f"its logits are off by {error:.1e}, relative L2; expected at most {most:.0e}")
    return error


class Measured:
    """A contestant and what it has done."""

    def __init__(self, entry, spec, cpus):
        self.contestant = Contestant(entry, spec, cpus)
        self.calls = None  # a turn, each process
        self.record = {"library": entry.library, "config": entry.config, "rounds": []}

    def start(self, event, net):
        ready = self.contestant.start()
        self.logits = ready["logits"]
        self.record["versions"], self.record["error"] = ready["versions"], checked(net, self.logits, TOLERANCE.get(event, STRICT))
        if self.contestant.entry.spec.get("better"):
            self.record["config"] += f", {ready['layout']}"
        self.record.update((key, ready[key]) for key in ("device", "kernels") if key in ready)

    @property
    def name(self):
        return f"{self.record['library']} {self.record['config']}".strip()

    def turn(self, event):
        """Takes a turn. Its first calls bring its data back into the caches and do not count."""
        c = self.contestant
        c.resume()
        warm = c.turn(c.spec["streams"])
        if self.calls is None:
            warm = c.turn(c.spec["streams"])
            self.calls = c.spec["streams"] * max(1, round(1e3 * TURN[event] / max(a["wall_ms"] for a in warm)))
        answers = c.turn(self.calls)
        c.pause()
        if event in ("latency", "gpu"):
            value = statistics.median(answers[0]["ms"])
        else:
            value = sum(1e3 * self.calls * c.spec["batch"] / a["wall_ms"] for a in answers)
        self.record["rounds"].append(value)


def standing(field, do):
    """Does something with everyone; ends those that fail, and returns the others."""
    left = []
    for m in field:
        try:
            do(m)
        except Failed as e:
            m.record["failed"] = str(e)
            say(f"  {m.name}: {e}")
            m.contestant.end()
        else:
            left.append(m)
    if not any(m.record["library"] == "p3dc" for m in left):
        raise SystemExit("p3dc cannot take part: there is nothing to compare with")
    return left


def slower(event, a, b):
    """How many times slower a is than b, by their medians."""
    a, b = (statistics.median(m.record["rounds"]) for m in (a, b))
    return b / a if event == "throughput" else a / b


def cut(event, field):
    """Ends those that have no chance to be their library's best; returns the others."""
    left = []
    for m in field:
        best = min((o for o in field if o.record["library"] == m.record["library"]), key=lambda o: slower(event, o, m))
        if slower(event, m, best) > CUT:
            m.contestant.end()
        else:
            left.append(m)
    return left


def compete(event, net, entries, spec, cpus, rounds):
    """Runs an event; returns what is to be kept of it."""
    say(f"{net}, {event}, " + (f"batch of {spec['batch']}" if event == "gpu" else f"{len(cpus)} cores, {spec['isa'] or 'widest vectors'}"))
    everyone = [Measured(e, spec, cpus) for e in entries]
    with contextlib.ExitStack() as stack:
        for m in everyone:
            stack.callback(m.contestant.end)
        field = standing(everyone, lambda m: m.start(event, net))
        ours = next(m.logits[0] for m in field if m.record["library"] == "p3dc")
        for m in field:
            m.record["apart"] = apart(m.logits, ours)
        peak = Contestant(Entry("peak", ""), {**spec, "threads": len(cpus)}, cpus)
        stack.callback(peak.end)
        gflop = peak.start()["gflop"][net]
        peaks = []
        for r in range(rounds):
            if r == HEATS:
                field = cut(event, field)
            field = standing(field[1:] + field[:1], lambda m: m.turn(event))  # another begins each round
            peak.resume()
            peaks.append(peak.turn(1)[0]["gflops"])
            peak.pause()
            say(f"  round {r + 1} of {rounds}: " + ", ".join(f"{m.name} {m.record['rounds'][-1]:.1f}" for m in field))
    return {
        "event": event, "net": net, "cores": len(cpus), "isa": spec["isa"], "batch": spec["batch"],
        "gflop": gflop, "peak_gflops": peaks, "contestants": [m.record for m in everyone],
    }


def starts(net, entries, spec, cpus, rounds):
    """Starts each contestant afresh in every round, after one that does not count."""
    say(f"{net}, start")
    records = [{"library": e.library, "config": e.config, "starts": []} for e in entries]
    for r in range(rounds + 1):
        for entry, record in zip(entries, records):
            if "failed" in record:
                continue
            c = Contestant(entry, spec, cpus)
            try:
                ready = c.start()
                record["versions"], record["error"] = ready["versions"], checked(net, ready["logits"])
            except Failed as e:
                record["failed"] = str(e)
                say(f"  {entry.library} {entry.config}: {e}")
            else:
                if r > 0:
                    record["starts"].append({k: v for k, v in ready.items() if k.endswith(("_ms", "_mb"))})
            finally:
                c.end()
    return {"net": net, "cores": len(cpus), "contestants": records}
