"""On a machine with an NVIDIA GPU: runs the tests that need one, then compares p3dc
with PyTorch there and writes docs/performance-cuda.*; README.md says how it is done.
Start it by tests/peers/gpu."""

import argparse
import ctypes
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys

import programs

BATCHES = (1, 8, 32, 128)


def arguments():
    a = argparse.ArgumentParser(prog="tests/peers/gpu", description=__doc__)
    a.add_argument("--net", action="append", choices=programs.NETS, help="a network; both by default. Repeatable")
    a.add_argument("--batch", action="append", type=int, metavar="N", help=f"a batch's clips; {BATCHES} by default. Repeatable")
    a.add_argument("--only", action="append", metavar="TEXT", help="of PyTorch's configurations, only those whose name holds the text. Repeatable")
    a.add_argument("--rounds", type=int, default=7)
    a.add_argument("--out", type=pathlib.Path, default=programs.ROOT / "docs", help="the folder of performance-cuda.md and .json")
    a.add_argument("--add", action="store_true", help="keep what performance-cuda.json has and is not measured now")
    a.add_argument("--step", choices=("tests", "measure"), help="only the tests, or only the measuring")
    a.add_argument("--prepare", type=pathlib.Path, metavar="DIR", help="only build what needs Go, into DIR, for another machine")
    a.add_argument("--prepared", type=pathlib.Path, metavar="DIR", help="take DIR as --prepare left it, and build nothing")
    return a.parse_args()


def nvrtc():
    """NVRTC, where the system would not find it: PyTorch brings one."""
    if "P3DC_NVRTC" in os.environ:
        return os.environ["P3DC_NVRTC"]
    for name in ("libnvrtc.so.13", "libnvrtc.so.12"):
        try:
            ctypes.CDLL(name)
            return ""
        except OSError:
            pass
    nvidia = importlib.util.find_spec("nvidia")
    folders = [pathlib.Path(p) for p in nvidia.submodule_search_locations] if nvidia else []
    found = [f for folder in folders for f in sorted(folder.glob("*/lib/libnvrtc.so.*")) if "alt" not in f.name]
    return str(found[-1]) if found else ""


def tests(work):
    """Runs the tests that need a GPU."""
    command = [work / "cuda.test", "-test.run", "GPU", "-test.v", "-test.timeout", "2h", "-prepared", work]
    if subprocess.run(command, cwd=programs.ROOT / "tests" / "cuda").returncode != 0:
        sys.exit("the tests failed: nothing is measured")


def events(a, work, library):
    """Runs what is asked for; yields results one by one."""
    import files
    import lineup
    import measure
    import prepare

    gflop = json.loads((work / "gflop.json").read_text())
    for net in a.net or programs.NETS:
        prepare.values(work, net)
        files.module({"work": work, "net": net}).unlink(missing_ok=True)  # of an older network, maybe
        prepare.module({"work": work, "net": net})
        cores = os.sched_getaffinity(0)
        for batch in a.batch or BATCHES:
            spec = {
                "net": net, "work": str(work), "isa": "", "streams": 1, "batch": batch, "threads": len(cores), "device": "cuda",
                "clip": str(files.clip_file({"work": work})), "gflop": gflop[net], "nvrtc": library,
            }
            yield measure.compete("gpu", net, lineup.chosen(lineup.gpu(net), a.only), spec, cores, a.rounds)


def device():
    """What the driver says of the GPU, besides its name, and of itself."""
    version = pathlib.Path("/proc/driver/nvidia/version")
    if not shutil.which("nvidia-smi"):
        return version.read_text().splitlines()[0] if version.exists() else "driver unknown: there is no nvidia-smi"
    query = ["nvidia-smi", "--id=0", "--query-gpu=memory.total,power.limit,driver_version", "--format=csv,noheader"]
    memory, power, driver = subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip().split(", ")
    return f"{memory}, limit {power}, driver {driver}"


def header(a, work):
    words = [word for flag in ("net", "batch", "only") for value in getattr(a, flag) or () for word in (f"--{flag}", str(value))]
    return {
        "date": datetime.date.today().isoformat(), "commit": (work / "commit").read_text(), "rounds": a.rounds,
        "command": " ".join(["tests/peers/gpu", *words]), "device": device(),
        "system": platform.system() + " " + platform.release().split("-")[0], "python": platform.python_version(), "events": [],
    }


def main():
    a = arguments()
    if a.prepare:
        programs.prepare(a.prepare)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # an exit that ends the contestants
    work = (a.prepared or programs.ROOT / ".venv" / "work-gpu").resolve()
    if not a.prepared:
        programs.prepare(work)
    library = os.environ["P3DC_NVRTC"] = nvrtc()
    if a.step != "measure":
        tests(work)
    if a.step != "tests":
        import report_gpu

        a.out.mkdir(parents=True, exist_ok=True)
        result = header(a, work)
        if a.add:
            report_gpu.resume(result, a.out)
        for r in events(a, work, library):
            report_gpu.add(result, r)
            report_gpu.save(result, a.out)  # as far as it has come
        print(report_gpu.write(a.out))


if __name__ == "__main__":
    main()
