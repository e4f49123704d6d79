"""P3D networks and the synthetic weights of `p3dc`, for any library.

The names and the rule of the weights are those of internal/weights (Synthetic);
the network is the public PyTorch port's, its batch norms folded in float64.
`network` builds it on anything that has the methods of `onnxnet.Graph`.
"""

import numpy as np

DEPTHS = {"p3d63": (3, 4, 6, 3), "p3d131": (3, 4, 23, 3), "p3d199": (3, 8, 36, 3)}
EPSILON = 1e-5
CLASSES = 400


def clip_shape(batch=1, size=160):
    return (batch, 3, 16, size, size)


def synthetic(name, shape):
    """The synthetic float32 values of a tensor."""
    h = 0xCBF29CE484222325  # FNV-1a
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & (2**64 - 1)
    i = np.arange(1, np.prod(shape) + 1, dtype=np.uint64)
    z = np.uint64(h) + i * np.uint64(0x9E3779B97F4A7C15)  # splitmix64
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2.0**24
    last = name.rsplit(".", 1)[-1]
    if name == "clip":
        v = 4 * u - 2
    elif last in ("running_mean", "bias"):
        v = 0.2 * u - 0.1
    elif last == "running_var":
        v = 0.5 + u
    elif len(shape) >= 2:
        v = (2 * u - 1) * np.sqrt(6.0 / np.prod(shape[1:]))
    else:
        v = 0.4 + 0.2 * u
    return v.astype(np.float32).reshape(shape)


def folded(name, norm, shape):
    """A convolution's weights, five-dimensional, and bias, with its batch norm in them."""
    w = synthetic(name + ".weight", shape).astype(np.float64)
    gamma, beta, mean, var = (
        synthetic(f"{norm}.{p}", shape[:1]).astype(np.float64)
        for p in ("weight", "bias", "running_mean", "running_var")
    )
    if len(shape) == 4:  # a flat stage's
        w = w[:, :, None]
    scale = gamma / np.sqrt(var + EPSILON)
    w = w * scale[:, None, None, None, None]
    return w.astype(np.float32), (beta - mean * scale).astype(np.float32)


def block(g, x, name, kind, width, cin, stride):
    """A bottleneck of kind A, B, C, or 2 for a flat one."""
    one = (1, 1) if kind == "2" else (1, 1, 1)

    def conv(y, conv_name, norm, shape, **how):
        return g.conv(y, name + conv_name, name + norm, shape, **how)

    def spatial(y):
        return g.relu(conv(y, "conv2", "bn2", (width, width, 1, 3, 3), pad=(0, 1, 1)))

    def temporal(y):
        return g.relu(conv(y, "conv3", "bn3", (width, width, 3, 1, 1), pad=(1, 0, 0)))

    y = g.relu(conv(x, "conv1", "bn1", (width, cin) + one, stride=stride))
    if kind == "2":
        y = g.relu(conv(y, "conv_normal", "bn_normal", (width, width, 3, 3), pad=(0, 1, 1)))
    elif kind == "A":
        y = temporal(spatial(y))
    elif kind == "B":
        y = g.add(spatial(y), temporal(y))
    else:
        s = spatial(y)
        y = g.add(s, temporal(s))
    y = conv(y, "conv4", "bn4", (4 * width, width) + one)
    if cin != 4 * width:
        x = conv(x, "downsample.0", "downsample.1", (4 * width, cin) + one, stride=stride)
    return g.relu(g.add(y, x))


def network(g, clip, depths, classes=CLASSES, mix="ABC"):
    """Puts the network on g; returns the logits, batch x classes."""
    x = g.relu(g.conv(clip, "conv1_custom", "bn1", (64, 3, 1, 7, 7), (1, 2, 2), (0, 3, 3)))
    x = g.max_pool(x, (2, 3, 3), (2, 2, 2), (0, 1, 1))
    cin, count = 64, 0
    for stage, depth in enumerate(depths):
        width, flat = 64 << stage, stage == 3
        for i in range(depth):
            kind = "2" if flat else mix[count % len(mix)]
            stride = (1, 2, 2) if stage > 0 and i == 0 else (1, 1, 1)
            x = block(g, x, f"layer{stage + 1}.{i}.", kind, width, cin, stride)
            cin, count = 4 * width, count + 1
        if not flat:
            x = g.max_pool(x, (2, 1, 1), (2, 1, 1), (0, 0, 0))
    return g.linear(g.average(x), "fc", (classes, cin))
