"""Compares p3dc with other libraries and writes docs/performance.*; README.md
says how it is done. Start it by tests/peers/run, which installs the libraries."""

import argparse
import datetime
import hashlib
import os
import pathlib
import platform
import signal
import subprocess
import sys

import files
import lineup
import measure
import prepare
import report

EVENTS = ("latency", "throughput", "avx2", "start")


def arguments():
    a = argparse.ArgumentParser(prog="tests/peers/run", description=__doc__)
    a.add_argument("--net", action="append", choices=("p3d63", "p3d199"), help="a network; both by default. Repeatable")
    a.add_argument("--event", action="append", choices=EVENTS, help="what to measure; all by default. Repeatable")
    a.add_argument("--only", action="append", metavar="TEXT", help="of the other libraries, only contestants whose name holds the text. Repeatable")
    a.add_argument("--rounds", type=int, default=15)
    a.add_argument("--out", type=pathlib.Path, default=measure.ROOT / "docs", help="the folder of performance.md, .json and .svg")
    return a.parse_args()


def work_folder():
    """A folder for the files that contestants read, one for each state of what makes them."""
    here = pathlib.Path(__file__).parent
    made_by = ("requirements.txt", "p3d.py", "onnxnet.py", "torchnet.py", "with_torch.py")
    state = hashlib.sha256(b"".join((here / f).read_bytes() for f in made_by)).hexdigest()[:8]
    folder = measure.ROOT / ".venv" / f"work-{state}"
    folder.mkdir(exist_ok=True)
    return folder


def events(a, work, cores):
    """Runs what is asked for; yields results one by one, with the list that each belongs to."""
    for net in a.net or ("p3d63", "p3d199"):
        wanted = a.event or EVENTS
        prepare.network(work, net, {1, len(cores)})
        spec = {
            "net": net, "work": str(work), "isa": "", "streams": 1, "batch": 1,
            "clip": str(files.clip_file({"work": work})),
        }
        for isa in ("", "avx2"):
            if ("avx2" if isa else "latency") not in wanted:
                continue
            for some in (cores[-1:], cores):
                entries = lineup.chosen(lineup.latency(len(some), isa), a.only)
                yield "events", measure.compete("latency", net, entries, {**spec, "isa": isa, "threads": len(some)}, set(some), a.rounds)
        if "throughput" in wanted:
            entries = lineup.chosen(lineup.throughput(len(cores), ""), a.only)
            yield "events", measure.compete("throughput", net, entries, {**spec, "threads": 1}, set(cores), a.rounds)
        if "start" in wanted:
            entries = lineup.chosen(lineup.start(prepare.packs(work)), a.only)
            yield "starts", measure.starts(net, entries, {**spec, "threads": len(cores)}, set(cores), min(a.rounds, 5))


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    info = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    vectors = [v for v in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if v in info["flags"].split()]
    return {"name": info["model name"], "family": int(info["cpu family"]), "model": int(info["model"]), "vectors": vectors}


def header(cores, rounds):
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=measure.ROOT, capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(), "commit": commit, "command": "tests/peers/run " + " ".join(sys.argv[1:]),
        "processor": processor(), "cores": len(cores), "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(), "rounds": rounds, "events": [], "starts": [],
    }


def main():
    a = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # an exit that ends the contestants
    a.out.mkdir(parents=True, exist_ok=True)
    work, cores = work_folder(), sorted(os.sched_getaffinity(0))
    prepare.programs(measure.ROOT, work)
    result = header(cores, a.rounds)
    for kind, r in events(a, work, cores):
        result[kind].append(r)
        report.save(result, a.out)  # as far as it has come
    print(report.write(a.out))


if __name__ == "__main__":
    main()
