"""The files that contestants read, and where they are.

All lie in one folder and are made once: a spec's `work` names it.
"""

import pathlib

import numpy as np

import p3d


def folder(spec):
    return pathlib.Path(spec["work"])


def onnx(spec):
    return folder(spec) / f"{spec['net']}-{spec['batch']}.onnx"


def module(spec):
    """A pickled torchnet.Net."""
    return folder(spec) / f"{spec['net']}.pt"


def script(spec):
    """Frozen TorchScript."""
    layout = "channels_last" if spec.get("channels_last") else "contiguous"
    return folder(spec) / f"{spec['net']}-{spec['batch']}-{layout}.ts"


def weights(spec):
    """What p3dc opens."""
    return folder(spec) / (spec["net"] + (".p3dw" if spec.get("packed") else ".safetensors"))


def clip_file(spec):
    """One clip, float32, C x T x H x W."""
    return folder(spec) / "clip.f32"


def clip(spec):
    """The clip as often as a batch has clips."""
    values = np.fromfile(clip_file(spec), np.float32).reshape(p3d.clip_shape())
    return np.repeat(values, spec["batch"], axis=0)
