"""Writes the document, performance.md, and the chart from the raw figures in
performance.json: python3 report.py [FOLDER], docs by default."""

import collections
import json
import pathlib
import statistics
import sys

import chart
from figures import NAMES, NETS, best, ratios, score, title, took_part


def save(result, folder):
    """Writes the raw figures."""
    (folder / "performance.json").write_text(json.dumps(result, indent=1) + "\n")


def write(folder):
    """Writes performance.md and performance.svg; returns the document's tables."""
    result = json.loads((folder / "performance.json").read_text())
    tables = "\n\n".join(section for section in sections(result) if section)
    (folder / "performance.md").write_text(intro(result) + tables + "\n\n" + details(result) + "\n" + METHOD)
    (folder / "performance.svg").write_text(chart.draw(result))
    return tables


def sections(result):
    def events(event, isa):
        return [e for e in result["events"] if e["event"] == event and e["isa"] == isa]

    yield comparison("One clip", "Milliseconds a clip, medians", events("latency", ""))
    yield arithmetic(events("latency", ""))
    yield comparison("Many clips", "Clips a second, medians, each library in the way that gives the most", events("throughput", ""))
    yield comparison("AVX2", "As the first table, everyone held to AVX2 on the same machine; ONNX Runtime cannot be", events("latency", "avx2"))
    yield starts(result["starts"])


def spread(values, form="{:.2f}"):
    low, middle, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


def table(head, rows):
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, align, *rows))


def comparison(name, caption, events):
    """A row an event: medians by library, and the ratio to the best of the others."""
    if not events:
        return ""
    libraries = [k for k in NAMES if any(k in best(e) for e in events)]
    rows = []
    for e in events:
        found = best(e)
        row = [title(e)]
        for k in libraries:
            value = f"{statistics.median(found[k]['rounds']):.1f}" if k in found else ""
            row.append(f"**{value}**" if k == "p3dc" else value)
        others = sorted((c for k, c in found.items() if k != "p3dc"), key=lambda c: score(e, c))
        row.append(f"**{spread(ratios(e, others[0]))}**, {NAMES[others[0]['library']]}" if others else "")
        rows.append(row)
    head = [""] + [NAMES[k] for k in libraries] + ["times as fast as the best of the others"]
    return f"## {name}\n\n{caption}; the last column is the median of the ratios round by round, with the least and the greatest.\n\n{table(head, rows)}"


def arithmetic(events):
    """p3dc's rate beside the peak."""
    rows = []
    for e in events:  # p3dc is always there: see measure.compete
        rate = e["gflop"] / statistics.median(best(e)["p3dc"]["rounds"]) * 1e3
        peak = statistics.median(e["peak_gflops"])
        rows.append([title(e), f"{e['gflop']:.2f}", f"{rate:.0f}", f"{peak:.0f}", f"{100 * rate / peak:.0f} %"])
    if not rows:
        return ""
    head = ["", "GFLOP a clip", "GFLOP/s of p3dc", "peak, GFLOP/s", "of the peak"]
    text = (
        "The arithmetic of a network is counted in full, as if every convolution were computed directly; the peak is that of"
        " multiply-adds in registers on as many cores, measured in the same rounds. More than 100 % is possible because p3dc"
        " does less arithmetic than that."
    )
    return f"## Beside the processor's peak\n\n{text}\n\n{table(head, rows)}"


def starts(events):
    """Time to the first result, and memory."""
    rows = []
    for e in events:
        for c in e["contestants"]:
            label = f"{NETS[e['net']]}, {NAMES[c['library']]}, {c['config']}"
            if "failed" in c:
                rows.append([label, "failed", "", "", ""])
                continue

            def median(key):
                values = [s[key] for s in c["starts"] if key in s]
                return f"{statistics.median(values):.0f}" if values else ""

            loading = statistics.median(s["load_ms"] + s["first_ms"] for s in c["starts"])
            rows.append([label, median("start_ms"), f"{loading:.0f}", median("peak_rss_mb"), median("pss_mb")])
    if not rows:
        return ""
    head = ["", "start to first logits, ms", "of it loading and the first clip", "peak RSS, MB", "PSS, MB"]
    text = (
        "From the start of a process to its first logits on all cores, files in the page cache, and its memory then; medians of"
        " fresh processes. What is not loading is, for the Python libraries, the interpreter and their import."
    )
    return f"## Start and memory\n\n{text}\n\n{table(head, rows)}"


def details(result):
    """All configurations of all events."""
    parts = ["## All configurations\n\nWhat fell behind its library's best by half after three rounds went on no further."]
    for e in result["events"]:
        unit = "ms" if e["event"] == "latency" else "clips/s"
        held = ", held to AVX2" if e["isa"] else ""
        rows = []
        for c in sorted(took_part(e), key=lambda c: score(e, c)):
            name = ", ".join(filter(None, (NAMES[c["library"]], c["config"])))
            extreme = min(c["rounds"]) if e["event"] == "latency" else max(c["rounds"])
            ratio = "" if c["library"] == "p3dc" else spread(ratios(e, c))
            rows.append([name, f"{statistics.median(c['rounds']):.1f}", f"{extreme:.1f}", ratio, str(len(c["rounds"])), f"{c['error']:.1e}"])
        rows += [[f"{NAMES[c['library']]}, {c['config']}", "failed", "", "", "0", ""] for c in e["contestants"] if "failed" in c]
        head = ["", f"median {unit}", "best", "p3dc is faster, times", "rounds", "error of the logits"]
        parts.append(f"### {title(e)}: {e['event']}{held}\n\n{table(head, rows)}")
    return "\n\n".join(parts) + "\n"


def versions(result):
    found = collections.ChainMap(*(c.get("versions", {}) for e in result["events"] + result["starts"] for c in e["contestants"]))
    return ", ".join(found[name] if found[name].startswith(name) else f"{name} {found[name]}" for name in sorted(found))


def intro(result):
    p = result["processor"]
    vectors = ", ".join(v.upper().replace("F", "-F") if v == "avx512f" else v.upper().replace("_", " ") for v in p["vectors"])
    return f"""# Performance

What `{result['command'].strip()}` measured on {result['date']}, in {result['rounds']} rounds; the raw figures are in
[performance.json](performance.json), the method is [below](#method).

| | |
|---|---|
| processor | {p['name']}, family {p['family']}, model {p['model']}; {result['cores']} cores; {vectors} |
| system | {result['system']}, Python {result['python']} |
| libraries | {versions(result)} |
| p3dc | {result['commit']} |

![Milliseconds a clip of p3dc and the best configuration of each other library](performance.svg)

"""


METHOD = """## Method

Every contestant is a process of its own that has the same network, weights and
clip: the synthetic ones of `p3dc weights convert synthetic`, float32, 3x16x160x160.
Logits must be within 2e-6 of PyTorch's in float64, relative L2, or it is out. A
round is a turn of each, about 0.7 seconds, or two with many clips, the first clip of
which does not count; who is first changes from round to round. A contestant whose
turn it is not is stopped (SIGSTOP), so it cannot spin. Processes are held to the cores of the event
by their affinity. What is compared is medians of turns, and ratios of turns of the
same round. Of each library the best configuration counts, event by event.

PyTorch is measured as TorchScript, frozen, with and without
`optimize_for_inference`, and by `torch.compile` with frozen weights; each with
contiguous tensors and channels_last_3d. OpenVINO is held to float32. With many
clips a library may use streams, processes, batches, or all cores for one clip.

What is not here:

- **TVM** (apache-tvm 0.27.0.post1): its wheel runs, and compiles the network from
  the same ONNX file for the processor in five seconds; without tuning a clip of
  P3D-63 takes ten seconds on one core, some fifty times as long as in OpenVINO.
  Tuning (`static_shape_tuning`, 200 trials) ended in a segmentation fault.
- **ONNX Runtime held to AVX2**: its kernels have no such switch. The others' convolutions
  are those for AVX2 then: oneDNN's in PyTorch and OpenVINO say so, and p3dc's package.
- **Ahead-of-time PyTorch** (AOTInductor): its code runs these convolutions three
  times and more as long as `torch.compile` does.
"""


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "docs")
