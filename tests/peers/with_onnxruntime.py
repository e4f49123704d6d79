"""Runs the network in ONNX Runtime.

Settings: `saved`, load the graph as ONNX Runtime itself optimised and saved it;
`pinned`, leave the number of threads to the library, which then pins them.
"""

import onnxruntime
from onnxruntime import GraphOptimizationLevel as Level

import files


def versions():
    return {"onnxruntime": onnxruntime.__version__}


def session(model, spec, level=Level.ORT_ENABLE_ALL, save=None):
    o = onnxruntime.SessionOptions()
    o.graph_optimization_level = level
    o.intra_op_num_threads = 0 if spec.get("pinned") else spec["threads"]
    o.inter_op_num_threads = 1
    if save:
        o.optimized_model_filepath = str(save)
    return onnxruntime.InferenceSession(str(model), o, providers=["CPUExecutionProvider"])


def load(spec):
    """Returns a function a stream, each of which returns its logits."""
    model = files.onnx(spec)
    saved = model.with_suffix(".ort.onnx")
    if not spec.get("saved"):
        s = session(model, spec)
    else:
        if not saved.exists():
            session(model, spec, save=saved)
        s = session(saved, spec, level=Level.ORT_DISABLE_ALL)
    feed = {"clip": files.clip(spec)}
    return [lambda: s.run(None, feed)[0]] * spec["streams"]
