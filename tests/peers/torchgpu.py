"""The network in PyTorch on a GPU, in bfloat16, on clips that lie there already.

Settings: `device`; `compile`, the mode of torch.compile, without it eager;
`channels_last`, or `better`, whichever layout eager is faster in."""

import time

import torch

import files


def load(spec):
    """Returns a function that returns the logits of a batch, on the host."""
    torch.backends.cudnn.benchmark = True  # the fastest convolutions that cuDNN has
    torch.set_grad_enabled(False)
    last = spec.get("channels_last", False)
    if spec.get("better"):
        last = min((False, True), key=lambda last: eager_ms(spec, last))
    net, clip = placed(spec, last)
    if spec.get("compile"):
        net = torch.compile(net, mode=spec["compile"])

    def run():
        return net(clip).float().cpu().numpy()

    for _ in range(3):  # compiles, and records graphs
        run()
    run.layout = "channels_last_3d" if last else "contiguous"
    return [run]


def placed(spec, last):
    """The network and its clips in a layout."""
    layout = torch.channels_last_3d if last else torch.contiguous_format
    net = torch.load(files.module(spec), weights_only=False)
    net = net.to(spec["device"], torch.bfloat16, memory_format=layout)
    clip = torch.from_numpy(files.clip(spec)).to(spec["device"], torch.bfloat16)
    return net, clip.contiguous(memory_format=layout)


def eager_ms(spec, last):
    """The least milliseconds of a few batches."""
    net, clip = placed(spec, last)
    times = []
    for _ in range(8):
        begin = time.perf_counter()
        net(clip).cpu()
        times.append(1e3 * (time.perf_counter() - begin))
    del net, clip
    if spec["device"] == "cuda":
        torch.cuda.empty_cache()
    return min(times)
