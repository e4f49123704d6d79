"""Writes reference vectors of torchvision's networks, and of C3D: see README.md.

    pip install -r requirements.txt
    python make.py [NAME...]

NAME is one of `CASES`; all are written without one. The P3D networks' files were
made elsewhere, by the same rules.
"""

import json
import pathlib
import random
import sys
from dataclasses import dataclass
from typing import Callable

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models import resnet50, resnet152
from torchvision.models.video import mc3_18, r2plus1d_18, r3d_18
from torchvision.models.video.resnet import BasicBlock, Conv2Plus1D, R2Plus1dStem, VideoResNet

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "peers"))

from c3d import CONVOLUTIONS as C3D_CONVOLUTIONS, c3d  # noqa: E402
from p3d import synthetic  # noqa: E402

SAMPLES = 64  # of each tap
DIGITS = 10  # that are written: five more than a comparison looks at


def r2plus1d_34(num_classes):
    return VideoResNet(BasicBlock, [Conv2Plus1D] * 4, [3, 4, 6, 3], R2Plus1dStem, num_classes)


@dataclass
class Family:
    """Networks whose modules have the same names."""

    taps: dict[str, str]  # modules whose outputs are sampled, and what p3dc calls them
    feature: str  # the module whose output is the feature
    per_frame: bool = False  # 2-D: scores and features are averages over the clip


STAGES = {f"layer{i}": f"layer{i}" for i in range(1, 5)}
FRAMES = Family({"maxpool": "pool1"} | STAGES, "avgpool", per_frame=True)
VIDEO = Family({"stem": "stem"} | STAGES, "avgpool")
PLAIN = Family(
    {name.replace("conv", "relu"): name for name in C3D_CONVOLUTIONS}
    | {"pool5": "pool5", "relu6": "fc6", "relu7": "fc7", "fc8": "fc8"},
    "relu6",
)


@dataclass
class Case:
    """One file."""

    network: str  # p3dc's preset
    family: Family
    build: Callable[[int], nn.Module]  # of the number of classes
    classes: int
    clip: tuple[int, int, int, int]  # C, T, H, W


CASES = {
    "resnet50": Case("resnet50", FRAMES, lambda n: resnet50(num_classes=n), 1000, (3, 4, 160, 160)),
    "resnet152": Case("resnet152", FRAMES, lambda n: resnet152(num_classes=n), 1000, (3, 4, 160, 160)),
    "c3d": Case("c3d", PLAIN, c3d, 487, (3, 16, 112, 112)),
    "r2plus1d_18": Case("r2plus1d_18", VIDEO, lambda n: r2plus1d_18(num_classes=n), 400, (3, 16, 112, 112)),
    "r2plus1d_18-odd": Case("r2plus1d_18", VIDEO, lambda n: r2plus1d_18(num_classes=n), 101, (3, 9, 72, 88)),
    "r2plus1d_34": Case("r2plus1d_34", VIDEO, r2plus1d_34, 400, (3, 16, 112, 112)),
    "r3d_18": Case("r3d_18", VIDEO, lambda n: r3d_18(num_classes=n), 400, (3, 16, 112, 112)),
    "mc3_18": Case("mc3_18", VIDEO, lambda n: mc3_18(num_classes=n), 400, (3, 16, 112, 112)),
}


def fill(model):
    """Sets synthetic values; returns how many parameters a checkpoint holds."""
    count = 0
    for name, tensor in model.state_dict().items():
        if name.endswith(".num_batches_tracked"):
            continue
        tensor.copy_(torch.from_numpy(synthetic(name, tuple(tensor.shape))))
        count += tensor.numel()
    return count


def run(case, model, dtype):
    """Runs the synthetic clip; returns the taps, features and logits in float64."""
    model.to(dtype)
    clip = torch.from_numpy(synthetic("clip", (1,) + case.clip)).to(dtype)
    values = {}

    def keep(name):
        def hook(module, args, out):
            values[name] = out.double().clone()  # later modules may write over it

        return hook

    modules = dict(model.named_modules())
    wanted = [*case.family.taps.items(), (case.family.feature, "features")]
    hooks = [modules[m].register_forward_hook(keep(name)) for m, name in wanted]
    with torch.inference_mode():
        if case.family.per_frame:
            logits = model(clip[0].transpose(0, 1)).double().mean(0)
        else:
            logits = model(clip)[0].double()
    for h in hooks:
        h.remove()
    features = values.pop("features")
    if case.family.per_frame:
        features = features.mean(0)
        values = {name: v.transpose(0, 1)[None] for name, v in values.items()}
    return values, features.flatten(), logits


def rounded(x, digits=DIGITS):
    return float(f"{x:.{digits}g}")


def summary(name, tap):
    """The shape, moments and samples of a tap."""
    if tap.dim() == 2:  # a linear layer's
        tap = tap[:, :, None, None]
    flat = tap.flatten().numpy()
    at = sorted(random.Random(name).sample(range(flat.size), SAMPLES))
    return {
        "shape": list(tap.shape),
        "mean": rounded(flat.mean()),
        "rms": rounded(np.sqrt(np.square(flat).mean())),
        "samples": [[i, rounded(flat[i])] for i in at],
    }


def make(name, case):
    """Writes a case's file."""
    model = case.build(case.classes).eval()
    parameters = fill(model)
    taps, features, logits = run(case, model, torch.float64)
    single = run(case, model, torch.float32)[2]
    off = torch.linalg.norm(single - logits) / torch.linalg.norm(logits)
    file = {
        "name": name,
        "network": case.network,
        "parameters": parameters,
        "input": [1, *case.clip],
        "classes": case.classes,
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "torch_float32_rel_l2": rounded(float(off), 3),
        "taps": {name: summary(name, tap) for name, tap in taps.items()},
        "features": [rounded(x) for x in features.tolist()],
        "logits": [rounded(x) for x in logits.tolist()],
    }
    (HERE / "testdata" / f"{name}.json").write_text(json.dumps(file) + "\n")
    print(f"{name}: {parameters} parameters, float32 is off by {off:.2g}")


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        make(name, CASES[name])
