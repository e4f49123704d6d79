"""Runs the network in OpenVINO, in float32.

Settings: `pinned`, whether it pins its threads; `hint`, LATENCY or THROUGHPUT;
`cached`, load the network as OpenVINO compiled it before.
"""

import openvino

import files


def versions():
    return {"openvino": openvino.__version__.split("-")[0]}


def compiled(spec):
    config = {
        "PERFORMANCE_HINT": spec.get("hint", "LATENCY"),
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": spec["threads"] * spec["streams"],
        "ENABLE_CPU_PINNING": spec.get("pinned", False),
    }
    if spec["streams"] > 1:
        config["NUM_STREAMS"] = spec["streams"]
    if spec.get("cached"):
        config["CACHE_DIR"] = str(files.folder(spec) / "openvino")
    return openvino.Core().compile_model(str(files.onnx(spec)), "CPU", config)


def load(spec):
    """Returns a function a stream, each of which returns its logits."""
    model, clip = compiled(spec), files.clip(spec)

    def stream(request):
        return lambda: request.infer({0: clip}, share_inputs=True)[0]

    return [stream(model.create_infer_request()) for _ in range(spec["streams"])]
