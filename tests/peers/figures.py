"""What follows from the raw figures of an event."""

import statistics

NAMES = {"p3dc": "p3dc", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}
NETS = {"p3d63": "P3D-63", "p3d131": "P3D-131", "p3d199": "P3D-199"}


def took_part(event):
    return [c for c in event["contestants"] if c["rounds"] and "failed" not in c]


def in_ms(event):
    """Whether the rounds' figures are milliseconds, not clips a second."""
    return event["event"] != "throughput"


def score(event, contestant):
    """The median, such that less is better."""
    m = statistics.median(contestant["rounds"])
    return m if in_ms(event) else -m


def best(event):
    """By library, its best configuration, of those that were not cut on the way."""
    found = {}
    rounds = max((len(c["rounds"]) for c in took_part(event)), default=0)
    for c in took_part(event):
        if len(c["rounds"]) < rounds:
            continue
        held = found.get(c["library"])
        if held is None or score(event, c) < score(event, held):
            found[c["library"]] = c
    return found


def ratios(event, contestant):
    """Round by round, how many times as fast p3dc was as another."""
    ours = best(event)["p3dc"]["rounds"]
    pairs = zip(ours, contestant["rounds"])
    return [other / own if in_ms(event) else own / other for own, other in pairs]


def title(event):
    cores = "one core" if event["cores"] == 1 else f"{event['cores']} cores"
    return f"{NETS[event['net']]}, {cores}"
