"""Runs the network in PyTorch.

Settings: `compile`, the mode of torch.compile, with frozen weights; without it,
frozen TorchScript, with `optimized` also through optimize_for_inference.
`channels_last` takes channels_last_3d for clip and weights.
"""

import torch
import torch._inductor.config as inductor

import files
import torchgpu


def versions():
    if torch.cuda.is_available():
        return {"torch": torch.__version__, "cudnn": str(torch.backends.cudnn.version())}
    return {"torch": torch.__version__, "onednn": onednn()}


def onednn():
    lines = torch.__config__.show().splitlines()
    return next((word for line in lines if "MKL-DNN" in line for word in line.split() if word[:2] in ("v2", "v3")), "none")


def load(spec):
    """Returns a function a stream, each of which returns its logits."""
    if "device" in spec:
        return torchgpu.load(spec)
    torch.set_num_threads(spec["threads"])
    torch.set_grad_enabled(False)
    clip = torch.from_numpy(files.clip(spec))
    if spec.get("channels_last"):
        clip = clip.to(memory_format=torch.channels_last_3d)
    if spec.get("compile"):
        net = compiled(spec)
    else:
        net = script(spec, clip)
    return [lambda: net(clip).numpy()] * spec["streams"]


def compiled(spec):
    inductor.freezing = True  # without it weights are rearranged anew for each clip
    if spec["isa"] == "avx2":
        inductor.cpp.simdlen = 256
    net = torch.load(files.module(spec), weights_only=False)
    if spec.get("channels_last"):
        net = net.to(memory_format=torch.channels_last_3d)
    return torch.compile(net, mode=spec["compile"])


def script(spec, clip):
    file = files.script(spec)
    if not file.exists():
        net = torch.load(files.module(spec), weights_only=False)
        if spec.get("channels_last"):
            net = net.to(memory_format=torch.channels_last_3d)
        torch.jit.save(torch.jit.freeze(torch.jit.trace(net, clip, check_trace=False)), file)
    frozen = torch.jit.load(file)
    return torch.jit.optimize_for_inference(frozen) if spec.get("optimized") else frozen
