"""Times p3dc and ONNX Runtime in turn on the same network and weights.

    python3 -m venv .venv && .venv/bin/pip install -r tests/peers/requirements.txt
    .venv/bin/python tests/peers/compare.py --net p3d63 --threads 4

One round is some clips of each, one after the other, so that both meet the same
neighbours. The ratio is that of the medians, round by round; the network that
ONNX Runtime runs is first checked against reference logits.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

import p3d

ROOT = pathlib.Path(__file__).resolve().parents[2]


def session(model, threads):
    o = onnxruntime.SessionOptions()
    o.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), o, providers=["CPUExecutionProvider"])


def check():
    """Compares the graph with PyTorch's float64 logits, on the small network."""
    reference = json.loads((ROOT / "tests/reference/testdata/p3d63-abc-112.json").read_text())
    s = session(p3d.model(p3d.DEPTHS["p3d63"], size=112, classes=101), 1)
    got = s.run(None, {"clip": p3d.synthetic("clip", (1, 3, 16, 112, 112))})[0].ravel()
    want = np.array(reference["logits"])
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    assert error < 2e-6, f"the ONNX graph is not the network: relative L2 {error}"


def peer(s, clip, runs):
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        s.run(None, {"clip": clip})
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def ours(tool, net, threads, isa, runs):
    command = [tool, "bench", net, "--json", "--runs", str(runs), "--threads", str(threads)]
    if isa:
        command += ["--isa", isa]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--net", choices=p3d.DEPTHS, default="p3d63")
    a.add_argument("--threads", type=int, default=4)
    a.add_argument("--isa", help="force p3dc's: avx512, avx2 or generic")
    a.add_argument("--rounds", type=int, default=15)
    a.add_argument("--runs", type=int, default=10, help="clips of each in a round")
    a = a.parse_args()
    check()
    s = session(p3d.model(p3d.DEPTHS[a.net]), a.threads)
    clip = p3d.synthetic("clip", (1, 3, 16, 160, 160))
    peer(s, clip, 3)
    with tempfile.TemporaryDirectory() as d:
        tool = f"{d}/p3dc"
        subprocess.run(["go", "build", "-o", tool, "./cmd/p3dc"], cwd=ROOT, check=True)
        rounds = [(ours(tool, a.net, a.threads, a.isa, a.runs), peer(s, clip, a.runs)) for _ in range(a.rounds)]
    mine = [r["median_ms"] for r, _ in rounds]
    theirs = [t for _, t in rounds]
    ratio = [t / m for m, t in zip(mine, theirs)]
    isa, peak = rounds[0][0]["isa"], statistics.median(r["peak_fraction"] for r, _ in rounds)
    print(f"{a.net}, {a.threads} threads, {a.rounds} rounds of {a.runs} clips each, ms a clip: median of medians (least)")
    print(f"  p3dc {isa:<18} {statistics.median(mine):7.1f} ({min(mine):.1f}), {100 * peak:.0f} % of the multiply-add peak")
    print(f"  onnxruntime {onnxruntime.__version__:<11} {statistics.median(theirs):7.1f} ({min(theirs):.1f})")
    print(f"  onnxruntime / p3dc      {statistics.median(ratio):7.2f} ({min(ratio):.2f} to {max(ratio):.2f})")


if __name__ == "__main__":
    main()
