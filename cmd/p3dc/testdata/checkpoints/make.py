"""Writes the checkpoints in this folder with PyTorch: all tensors of the
network in tiny.p3d, the same in both of PyTorch's formats.

    pip install torch==2.15.0 numpy==2.*
    python make.py

The module's names follow from the description, as docs/language.md says; the
values are PyTorch's own initialisation, with batch norms moved off theirs.
"""

import pathlib

import torch
from torch import nn

HERE = pathlib.Path(__file__).parent


class Bottleneck(nn.Module):
    """A block of kind C: conv3 in time and conv2 in space, and their sum."""

    def __init__(self, inputs, width, expansion=2):
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.bn3 = nn.BatchNorm3d(width)
        self.conv4 = nn.Conv3d(width, width * expansion, 1, bias=False)
        self.bn4 = nn.BatchNorm3d(width * expansion)
        self.downsample = nn.Sequential(
            nn.Conv3d(inputs, width * expansion, 1, bias=False),
            nn.BatchNorm3d(width * expansion),
        )


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1_custom = nn.Conv3d(3, 4, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.bn1 = nn.BatchNorm3d(4)
        self.layer1 = nn.Sequential(Bottleneck(4, 4))
        self.fc = nn.Linear(8, 3)


def main():
    torch.manual_seed(1)
    net = Tiny()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            module.num_batches_tracked.fill_(7)
    torch.save(net.state_dict(), HERE / "zip.pth")
    torch.save(
        {"state_dict": nn.DataParallel(net).state_dict()},
        HERE / "legacy.pth.tar",
        _use_new_zipfile_serialization=False,
    )


if __name__ == "__main__":
    main()
