"""Writes the document, performance-cuda.md, from the raw figures in
performance-cuda.json: python3 report_gpu.py [FOLDER], docs by default."""

import json
import pathlib
import statistics
import sys

from figures import NETS, best, ratios, score, took_part
from report import spread, table, versions

NAME = "performance-cuda"
TORCH = ("eager, contiguous", "eager, channels_last_3d", "compile, max-autotune")


def save(result, folder):
    """Writes the raw figures."""
    (folder / f"{NAME}.json").write_text(json.dumps(result, indent=1) + "\n")


def resume(result, folder):
    """Adds the events of the raw figures in a folder, if there are some, of the same device."""
    file = folder / f"{NAME}.json"
    if not file.exists():
        return
    old = json.loads(file.read_text())
    for key in ("device", "commit"):
        if old[key] != result[key]:
            sys.exit(f"{file} is of another {key}, {old[key]}: nothing can be added to it")
    result["events"] = old["events"]
    result["command"] = old["command"] + "`, then `" + result["command"]


def add(result, event):
    """Puts an event into its place, or in that of an older one."""
    def place(e):
        return list(NETS).index(e["net"]), e["batch"]

    result["events"] = sorted([e for e in result["events"] if place(e) != place(event)] + [event], key=place)


def write(folder):
    """Writes performance-cuda.md; returns the document's tables."""
    result = json.loads((folder / f"{NAME}.json").read_text())
    tables = "\n\n".join((speed(result["events"]), comparison(result["events"])))
    parts = (intro(result) + tables, details(result["events"]), kernels(result["events"]), METHOD)
    (folder / f"{NAME}.md").write_text("\n\n".join(parts))
    return tables


def title(event):
    return f"{NETS[event['net']]}, {'one clip' if event['batch'] == 1 else str(event['batch']) + ' clips'}"


def rates(event, ms):
    """Clips a second and TFLOP/s of batches that take so long, and the fraction of the peak."""
    clips = 1e3 * event["batch"] / ms
    return [f"{clips:.0f}", f"{clips * event['gflop'] / 1e3:.1f}", f"{100 * clips * event['gflop'] / peak(event):.1f} %"]


def peak(event):
    return max(event["peak_gflops"])


def speed(events):
    """p3dc's rate beside the peak."""
    rows = []
    for e in events:  # p3dc is always there: see measure.compete
        ms = statistics.median(best(e)["p3dc"]["rounds"])
        rows.append([title(e), f"**{ms:.3f}**", *rates(e, ms), f"{peak(e) / 1e3:.0f}"])
    head = ["", "ms a batch", "clips/s", "TFLOP/s", "of the peak", "peak, TFLOP/s"]
    text = (
        "Medians. The arithmetic of a network is counted in full, as if every convolution were computed directly; the peak is the"
        " best product of two bf16 matrices of 8192 x 8192 in PyTorch, measured in the same rounds."
    )
    return f"## p3dc\n\n{text}\n\n{table(head, rows)}"


def comparison(events):
    """A row an event: milliseconds of p3dc and of PyTorch's configurations."""
    rows = []
    for e in events:
        ours = best(e)["p3dc"]
        row = [title(e), f"**{statistics.median(ours['rounds']):.3f}**"]
        others = [c for c in took_part(e) if c["library"] == "torch"]
        for config in TORCH:
            found = [c for c in others if c["config"].startswith(config)]
            row.append(f"{statistics.median(found[0]['rounds']):.3f}" if found else "")
        fastest = best(e).get("torch")
        row.append(f"**{spread(ratios(e, fastest))}**, {fastest['config']}" if fastest else "")
        rows.append(row)
    head = ["", "p3dc", *(f"PyTorch, {config}" for config in TORCH), "times as fast as the best of PyTorch"]
    text = "Milliseconds a batch, medians; the last column is the median of the ratios round by round, with the least and the greatest."
    return f"## Beside PyTorch\n\n{text}\n\n{table(head, rows)}"


def details(events):
    """All configurations of all events."""
    parts = ["## All configurations\n\nWhat fell behind its library's best by half after three rounds went on no further. Errors are relative L2."]
    names = {"p3dc": "p3dc", "torch": "PyTorch"}
    for e in events:
        rows = []
        for c in sorted(took_part(e), key=lambda c: score(e, c)):
            ms = statistics.median(c["rounds"])
            ratio = "" if c["library"] == "p3dc" else spread(ratios(e, c))
            far = "" if c["library"] == "p3dc" else f"{c['apart']:.1e}"
            rows.append([f"{names[c['library']]}, {c['config']}", f"{ms:.3f}", f"{min(c['rounds']):.3f}", *rates(e, ms), ratio, str(len(c["rounds"])), f"{c['error']:.1e}", far])
        rows += [[f"{names[c['library']]}, {c['config']}", "failed"] + [""] * 8 for c in e["contestants"] if "failed" in c]
        head = ["", "median ms", "best", "clips/s", "TFLOP/s", "of the peak", "p3dc is faster, times", "rounds", "error of the logits", "from p3dc's"]
        parts.append(f"### {title(e)}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def kernels(events):
    """The time of every launch; batches whose launches are the same share a table."""
    groups = {}
    for e in events:
        list_of = best(e)["p3dc"]["kernels"]
        groups.setdefault((e["net"], tuple(k["name"] for k in list_of)), []).append((e, list_of))
    parts = ["## Kernel by kernel\n\nMicroseconds between two events of the driver, medians, and the share of their sum."]
    for (_, names), members in groups.items():
        sums = [sum(k["ms"] for k in list_of) for _, list_of in members]
        rows = []
        for i, name in enumerate(names):
            times = [(list_of[i]["ms"], total) for (_, list_of), total in zip(members, sums)]
            rows.append([f"`{name}`", *(cell for ms, total in times for cell in (f"{1e3 * ms:.1f}", f"{100 * ms / total:.1f} %"))])
        rows.append(["sum", *(cell for total in sums for cell in (f"{1e3 * total:.1f}", ""))])
        runs = [statistics.median(best(e)["p3dc"]["rounds"]) for e, _ in members]
        rows.append(["a run, by its graph", *(cell for ms in runs for cell in (f"{1e3 * ms:.1f}", ""))])
        head = ["", *(cell for e, _ in members for cell in ("one clip" if e["batch"] == 1 else f"{e['batch']} clips", ""))]
        parts.append(f"### {NETS[members[0][0]['net']]}, {' and '.join(title(e).split(', ')[1] for e, _ in members)}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def intro(result):
    names = {c["device"] for e in result["events"] for c in e["contestants"] if "device" in c}
    return f"""# Performance on a GPU

What `{result['command']}` measured on {result['date']}, in {result['rounds']} rounds, in bf16; the raw figures are in
[{NAME}.json]({NAME}.json), the method is [below](#method).

| | |
|---|---|
| GPU | {' and '.join(sorted(names))}, {result['device']} |
| system | {result['system']}, Python {result['python']} |
| libraries | {versions({**result, 'starts': []})} |
| p3dc | {result['commit']} |

"""


METHOD = """## Method

Every contestant is a process of its own that has the same network, weights and clips:
the synthetic ones of `p3dc weights convert synthetic`, 3x16x160x160, batch norms folded,
in bfloat16. Logits must be within 2e-2 of PyTorch's in float64, relative L2, or it is
out. Clips lie in the GPU's memory, each at a place of its own, float32 for p3dc and
bfloat16 for PyTorch; a batch's time ends when all logits are on the host. A round is a turn of each,
about 0.7 seconds, the first batch of which does not count; who is first changes from
round to round. A contestant whose turn it is not is stopped (SIGSTOP). What is compared is
medians of turns, and ratios of turns of the same round.

p3dc is the generated package's `RunCUDA`, one graph a batch. PyTorch is measured eager, with
`cudnn.benchmark`, on contiguous tensors and on channels_last_3d, and by
`torch.compile(mode="max-autotune")` on the layout in which eager was faster.

Kernels are those of `CUDASession.Profile`: launches one by one with events between them,
20 runs, each behind two others, so that the GPU never waits for the host. What
events cost is in the times: their sum is more than a run by its graph.
"""


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "docs")
