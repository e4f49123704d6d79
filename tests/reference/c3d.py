"""C3D, which torchvision has not.

Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with
3D Convolutional Networks, ICCV 2015. Parameters have the names of the common
PyTorch ports, and the last pool their padding: the authors' Caffe pool has none
and rounds up, which gives another 4x4 of 7x7.
"""

from collections import OrderedDict

from torch import nn

# The convolutions by name: their output channels, and the window of the pool
# that follows, if there is one.
CONVOLUTIONS = {
    "conv1": (64, (1, 2, 2)),
    "conv2": (128, 2),
    "conv3a": (256, None),
    "conv3b": (256, 2),
    "conv4a": (512, None),
    "conv4b": (512, 2),
    "conv5a": (512, None),
    "conv5b": (512, 2),
}


def c3d(classes):
    """The network on clips of 3x16x112x112."""
    layers = OrderedDict()
    channels = 3
    for name, (width, window) in CONVOLUTIONS.items():
        layers[name] = nn.Conv3d(channels, width, 3, padding=1)
        layers[name.replace("conv", "relu")] = nn.ReLU()
        if window:
            padding = (0, 1, 1) if name == "conv5b" else 0
            layers["pool" + name[len("conv")]] = nn.MaxPool3d(window, padding=padding)
        channels = width
    layers["flatten"] = nn.Flatten()
    layers["fc6"] = nn.Linear(8192, 4096)
    layers["relu6"] = nn.ReLU()
    layers["fc7"] = nn.Linear(4096, 4096)
    layers["relu7"] = nn.ReLU()
    layers["fc8"] = nn.Linear(4096, classes)
    return nn.Sequential(layers)
