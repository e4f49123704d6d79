"""The network as a PyTorch module."""

import torch
import torch.nn.functional as F

import p3d


class Weights(dict):
    """Collects parameters by name; its methods take and return nothing else."""

    def conv(self, x, name, norm, shape, stride=None, pad=None):
        self[name] = p3d.folded(name, norm, shape)

    def linear(self, x, name, shape):
        self[name] = p3d.synthetic(name + ".weight", shape), p3d.synthetic(name + ".bias", shape[:1])

    def relu(self, x):
        pass

    def add(self, x, y):
        pass

    def average(self, x):
        pass

    def max_pool(self, x, kernel, stride, pad):
        pass


class Net(torch.nn.Module):
    """Computes logits, batch x classes, of clips, batch x 3 x 16 x height x width."""

    def __init__(self, depths):
        super().__init__()
        self.depths = depths
        weights = Weights()
        p3d.network(weights, None, depths)
        for name, values in weights.items():
            for part, v in zip("wb", values):
                self.register_buffer(f"{name}.{part}".replace(".", "_"), torch.from_numpy(v))

    def forward(self, clip):
        return p3d.network(self, clip, self.depths)

    def conv(self, x, name, norm, shape, stride=(1, 1, 1), pad=(0, 0, 0)):
        return F.conv3d(x, *self.weights(name), stride, pad)

    def linear(self, x, name, shape):
        return F.linear(x, *self.weights(name))

    def weights(self, name):
        name = name.replace(".", "_")
        return getattr(self, name + "_w"), getattr(self, name + "_b")

    def relu(self, x):
        return F.relu(x)

    def add(self, x, y):
        return x + y

    def average(self, x):
        return F.adaptive_avg_pool3d(x, 1).flatten(1)

    def max_pool(self, x, kernel, stride, pad):
        return F.max_pool3d(x, kernel, stride, pad)
