"""Who takes part in which event, in which configurations."""

import dataclasses


@dataclasses.dataclass
class Entry:
    """A library in one configuration; spec is what its with_*.py reads."""

    library: str
    config: str
    spec: dict = dataclasses.field(default_factory=dict)
    processes: int = 1
    environment: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.spec = {"library": self.library, **self.spec}


def chosen(entries, only):
    """p3dc, and those of the others that are asked for."""
    return [e for e in entries if e.library == "p3dc" or not only or any(t in f"{e.library} {e.config}" for t in only)]


LAYOUTS = {"contiguous": {}, "channels_last_3d": {"channels_last": True}}


def latency(threads, isa):
    """One clip at a time."""
    yield Entry("p3dc", "threads not pinned")
    yield Entry("p3dc", "threads pinned", {"pinned": True})
    if isa != "avx2":  # it always takes the widest vectors that there are
        yield Entry("onnxruntime", "threads not pinned")
        if threads > 1:
            yield Entry("onnxruntime", "threads pinned", {"pinned": True})
    yield Entry("openvino", "threads not pinned")
    yield Entry("openvino", "threads pinned", {"pinned": True})
    for layout, spec in LAYOUTS.items():
        yield Entry("torch", f"TorchScript, frozen, {layout}", spec)
        yield Entry("torch", f"TorchScript, frozen and optimized, {layout}", {"optimized": True, **spec})
        for mode in ("default", "max-autotune"):
            yield Entry("torch", f"compile, {mode}, {layout}", {"compile": mode, **spec})
    if threads > 1:
        bound = {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}
        yield Entry("torch", "compile, default, contiguous, threads pinned", {"compile": "default"}, environment=bound)


def throughput(cores, isa):
    """As many clips a second as there can be."""
    one, all_cores = {"threads": 1}, {"threads": cores}
    streams = {**one, "streams": cores}
    batch = {**all_cores, "batch": cores}
    yield Entry("p3dc", f"{cores} sessions of one thread", streams)
    yield Entry("p3dc", f"{cores} sessions of one thread, pinned", {**streams, "pinned": True})
    if isa != "avx2":
        yield Entry("onnxruntime", f"{cores} callers of one thread each", streams)
        yield Entry("onnxruntime", "one caller, all cores", all_cores)
        yield Entry("onnxruntime", f"batch of {cores}, all cores", batch)
    yield Entry("openvino", f"{cores} streams of one thread, pinned", {**streams, "hint": "THROUGHPUT", "pinned": True})
    yield Entry("openvino", f"{cores} processes of one thread", one, processes=cores)
    yield Entry("openvino", "one caller, all cores", all_cores)
    yield Entry("openvino", f"batch of {cores}, all cores", batch)
    yield Entry("torch", f"TorchScript, {cores} callers of one thread", {**streams, "optimized": True})
    yield Entry("torch", f"TorchScript, batch of {cores}, all cores", {**batch, "optimized": True})
    yield Entry("torch", f"compile, {cores} processes of one thread", {**one, "compile": "default"}, processes=cores)
    yield Entry("torch", "compile, one caller, all cores", {**all_cores, "compile": "default"})
    yield Entry("torch", f"compile, batch of {cores}, all cores", {**batch, "compile": "default"})


def gpu(net):
    """Batches of clips that lie in a GPU's memory."""
    yield Entry("p3dc", "bf16", {"program": f"p3dc-{net}"})
    for layout, spec in LAYOUTS.items():
        yield Entry("torch", f"eager, {layout}", spec)
    yield Entry("torch", "compile, max-autotune", {"compile": "max-autotune", "better": True})


def start(packed):
    """From a process's start to the first result, everything in the page cache."""
    if packed:
        yield Entry("p3dc", "packed weights", {"packed": True})
    yield Entry("p3dc", "safetensors")
    yield Entry("onnxruntime", "ONNX file")
    yield Entry("onnxruntime", "graph saved after optimization", {"saved": True})
    yield Entry("openvino", "ONNX file")
    yield Entry("openvino", "compiled network from its cache", {"cached": True})
    yield Entry("torch", "TorchScript, frozen and optimized", {"optimized": True})
    yield Entry("torch", "compile, from its cache", {"compile": "default"})
