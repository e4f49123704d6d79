"""Writes the checkpoints in this folder with PyTorch and safetensors.

    pip install torch==2.15.0 numpy==2.* safetensors==0.8.0
    python make.py

Every checkpoint holds the same tensors (up to the rounding of narrow types),
so that the tests can compare the formats with each other. Values are multiples
of 1/8 below 16, which float16 and bfloat16 hold exactly.

No two runs write the same bytes: PyTorch names storages of the legacy format by
their addresses, and puts a random identifier into an archive.
"""

import argparse
import hashlib
import json
import math
import pathlib
import pickle
import types
from collections import OrderedDict

import numpy
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def values(shape, start):
    """Returns start, start + 1/8, ... wrapped into -16 to 16 exclusive."""
    n = 1
    for d in shape:
        n *= d
    i = torch.arange(n, dtype=torch.int64)
    return (((i + start) % 256 - 128).to(torch.float32) / 8).reshape(shape)


def state_dict(dtype=torch.float32):
    """A network in miniature: a convolution, its batch norm, a linear layer."""
    sd = OrderedDict()
    sd["conv1_custom.weight"] = values((4, 3, 1, 3, 3), 1).to(dtype)
    sd["bn1.weight"] = values((4,), 7).to(dtype)
    sd["bn1.bias"] = values((4,), 11).to(dtype)
    sd["bn1.running_mean"] = values((4,), 13).to(dtype)
    sd["bn1.running_var"] = values((4,), 17).to(dtype)
    sd["bn1.num_batches_tracked"] = torch.tensor(42, dtype=torch.int64)
    sd["fc.weight"] = values((5, 4), 19).to(dtype)
    sd["fc.bias"] = values((5,), 23).to(dtype)
    return sd


def prefixed(sd):
    """What torch.nn.DataParallel makes of the names."""
    return OrderedDict(("module." + name, tensor) for name, tensor in sd.items())


def strided(sd):
    """The same values, laid out as a training script may leave them."""
    sd = OrderedDict(sd)
    # Transposed: strides (1, 5).
    sd["fc.weight"] = sd["fc.weight"].t().contiguous().t()
    # Channels last: strides (27, 1, 27, 9, 3).
    sd["conv1_custom.weight"] = sd["conv1_custom.weight"].contiguous(
        memory_format=torch.channels_last_3d
    )
    # Two tensors that are views of one storage, the second at an offset.
    both = torch.cat([sd["bn1.weight"], sd["bn1.bias"]])
    sd["bn1.weight"], sd["bn1.bias"] = both[:4], both[4:]
    # Every second element of a larger storage.
    wide = torch.full((5, 2), 99.0)
    wide[:, 0] = sd["fc.bias"]
    sd["fc.bias"] = wide[:, 0]
    return sd


class OldPickler(pickle._Pickler):
    """Pickles as Python 2 and a PyTorch before 0.4 did.

    - a tensor is a call of _rebuild_tensor, without requires_grad and hooks;
    - an OrderedDict is a call of the class with a list of [key, value] lists;
    - numbers of a tensor's size and place are `long`, and the long 0 has no
      bytes at all;
    - strings are byte strings.
    """

    dispatch = dict(pickle._Pickler.dispatch)

    def save_long(self, obj):
        data = b""
        if obj:
            data = obj.to_bytes(obj.bit_length() // 8 + 1, "little", signed=True)
        self.write(pickle.LONG1 + bytes([len(data)]) + data)

    dispatch[int] = save_long

    def save_str(self, obj):
        data = obj.encode()
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        self.memoize(obj)

    dispatch[str] = save_str

    def reducer_override(self, obj):
        if isinstance(obj, torch.Tensor):
            return torch._utils._rebuild_tensor, (
                obj._typed_storage(),
                obj.storage_offset(),
                tuple(obj.size()),
                obj.stride(),
            )
        if isinstance(obj, OrderedDict):
            return OrderedDict, ([[k, v] for k, v in obj.items()],)
        return NotImplemented


def old_module():
    """A stand-in for the pickle module whose Pickler is OldPickler.

    Only the object itself is written the old way: the header's numbers are
    written by pickle.dump, as they always were.
    """
    return types.SimpleNamespace(
        __name__="pickle", Pickler=OldPickler, dump=pickle.dump
    )


def save(obj, name, **kwargs):
    torch.save(obj, HERE / name, **kwargs)


def legacy(obj, name, **kwargs):
    save(obj, name, _use_new_zipfile_serialization=False, **kwargs)


class Model(torch.nn.Module):
    """Pickled whole, by mistake."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(2, 2)


def synthetic(name, shape):
    """The synthetic values of a tensor, by the rule of weights.Synthetic."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    n = math.prod(shape)
    i = numpy.arange(1, n + 1, dtype=numpy.uint64)
    z = numpy.uint64(h) + i * numpy.uint64(0x9E3779B97F4A7C15)
    z ^= z >> numpy.uint64(30)
    z *= numpy.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> numpy.uint64(27)
    z *= numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    u = (z >> numpy.uint64(40)).astype(numpy.float64) / 2**24
    last = name.split(".")[-1]
    if name == "clip":
        v = 4 * u - 2
    elif last in ("running_mean", "bias"):
        v = 0.2 * u - 0.1
    elif last == "running_var":
        v = 0.5 + u
    elif len(shape) >= 2:
        v = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    else:
        v = 0.4 + 0.2 * u
    return v.astype("<f4")


def write_synthetic():
    shapes = {
        "conv1_custom.weight": (64, 3, 1, 7, 7),
        "bn1.weight": (64,),
        "bn1.running_mean": (64,),
        "bn1.running_var": (64,),
        "layer2.0.conv2.weight": (128, 128, 1, 3, 3),
        "fc.weight": (400, 2048),
        "fc.bias": (400,),
        "clip": (3, 16, 16, 16),
    }
    entries = [
        {
            "name": name,
            "shape": shape,
            "sha256": hashlib.sha256(synthetic(name, shape).tobytes()).hexdigest(),
        }
        for name, shape in shapes.items()
    ]
    (HERE / "synthetic.json").write_text(json.dumps(entries, indent=1) + "\n")


def main():
    write_synthetic()
    sd = state_dict()
    checkpoint = {
        "epoch": 12,
        "arch": "P3D",
        "best_prec1": 71.5,
        # What training scripts leave in a checkpoint and nobody needs to load.
        "best_loss": numpy.float64(0.5),
        "args": argparse.Namespace(lr=0.1, names={"a", "b"}),
        "state_dict": prefixed(sd),
        "optimizer": {
            "state": {0: {"momentum_buffer": values((4,), 3)}},
            "param_groups": [{"lr": 0.1, "nesterov": False, "params": [0]}],
        },
    }
    save(sd, "zip.pth")
    save(dict(sd), "zip_dict.pth")
    save(sd, "zip_protocol4.pth", pickle_protocol=4)
    save(checkpoint, "zip_wrapped.pth.tar")
    save(strided(sd), "zip_strided.pth")
    save({k: torch.nn.Parameter(v) for k, v in sd.items() if v.is_floating_point()}, "zip_parameters.pth")
    save(state_dict(torch.float16), "zip_f16.pt")
    save(state_dict(torch.bfloat16), "zip_bf16.pt")
    save(state_dict(torch.float64), "zip_f64.pt")

    legacy(sd, "legacy.pth")
    legacy(sd, "legacy_protocol1.pth", pickle_protocol=1)
    legacy(checkpoint, "legacy_wrapped.pth.tar")
    legacy(strided(sd), "legacy_strided.pth")
    legacy(state_dict(torch.float16), "legacy_f16.pt")
    legacy(state_dict(torch.bfloat16), "legacy_bf16.pt")
    legacy(state_dict(torch.float64), "legacy_f64.pt")
    # num_batches_tracked came with PyTorch 0.4.1.
    old = OrderedDict((k, v) for k, v in prefixed(sd).items() if "num_batches" not in k)
    legacy(
        {"epoch": 12, "arch": "P3D", "state_dict": old},
        "legacy_pre04.pth.tar",
        pickle_module=old_module(),
    )

    save_file(sd, HERE / "python.safetensors", metadata={"format": "pt"})
    save_file(state_dict(torch.bfloat16), HERE / "python_bf16.safetensors")
    for file in HERE.glob("*.safetensors"):
        file.chmod(0o644)

    # What must be refused.
    save(Model(), "refused_model.pth")
    save({"loss": 1.5, "history": [1, 2]}, "refused_no_state_dict.pth")
    save({"a.weight": torch.zeros(3, dtype=torch.complex64)}, "refused_complex.pth")
    save({"a.weight": torch.zeros(1).expand(1000, 1000)}, "refused_expanded.pth")
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), HERE / "refused_torchscript.pt")


if __name__ == "__main__":
    main()
