"""Makes the files that contestants read, and the two Go programs."""

import subprocess

import files
import p3d


def programs(root, work):
    """Builds the tool and the contestants that are Go programs."""
    for package in ("./cmd/p3dc", "./tests/peers/p3dc", "./tests/peers/peak"):
        name = "tool" if package == "./cmd/p3dc" else package.rsplit("/", 1)[1]
        subprocess.run(["go", "build", "-o", work / name, package], cwd=root, check=True)


def packs(work):
    """Whether the tool can pack weights ahead of time."""
    return subprocess.run([work / "tool", "weights", "pack", "--help"], capture_output=True).returncode == 0


def network(work, net, batches):
    """Writes a network's files, in as many batch sizes."""
    import onnx

    import onnxnet

    spec = {"work": work, "net": net}
    values(work, net)
    if packs(work):
        tool(work, "weights", "pack", files.weights(spec), "--net", net, "-o", files.weights({**spec, "packed": True}))
    for batch in batches:
        file = files.onnx({**spec, "batch": batch})
        if not file.exists():
            onnx.save(onnxnet.model(p3d.DEPTHS[net], batch), file)
    module(spec)


def values(work, net):
    """Writes the clip and p3dc's weights."""
    spec = {"work": work, "net": net}
    p3d.synthetic("clip", p3d.clip_shape()).tofile(files.clip_file(spec))
    tool(work, "weights", "convert", "synthetic", files.weights(spec), "--net", net)


def module(spec):
    """Writes the PyTorch module."""
    import torch

    import torchnet

    file = files.module(spec)
    if not file.exists():
        torch.save(torchnet.Net(p3d.DEPTHS[spec["net"]]).eval(), file)


def tool(work, *arguments):
    subprocess.run([work / "tool", *arguments], check=True, stdout=subprocess.DEVNULL)
