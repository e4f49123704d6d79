"""Writes the models in this folder with PyTorch: a small P3D network with blocks
of every kind, exported by both of PyTorch's exporters, batch norms kept and
folded, its checkpoint, and its logits in float64 for the synthetic clip.

    pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2
    python make.py

The values are PyTorch's own initialisation, with batch norms moved off theirs.
The names of modules are those of the public port of P3D, as tiny.p3d says.
"""

import json
import pathlib
import sys

import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[2] / "tests" / "peers"))
import p3d  # noqa: E402, for the synthetic clip


class Block(nn.Module):
    """A bottleneck of kind A, B or C, or flat."""

    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        self.kind, outputs = kind, 2 * width
        conv, norm, strides = nn.Conv3d, nn.BatchNorm3d, (1, stride, stride)
        if kind == "flat":
            conv, norm, strides = nn.Conv2d, nn.BatchNorm2d, stride
        self.conv1 = conv(inputs, width, 1, strides, bias=False)
        self.bn1 = norm(width)
        if kind == "flat":
            self.conv_normal = conv(width, width, 3, padding=1, bias=False)
            self.bn_normal = norm(width)
        else:
            self.conv2 = conv(width, width, (1, 3, 3), padding=(0, 1, 1), bias=False)
            self.bn2 = norm(width)
            self.conv3 = conv(width, width, (3, 1, 1), padding=(1, 0, 0), bias=False)
            self.bn3 = norm(width)
        self.conv4 = conv(width, outputs, 1, bias=False)
        self.bn4 = norm(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, strides, bias=False), norm(outputs))

    def middle(self, x):
        if self.kind == "flat":
            return self.bn_normal(self.conv_normal(x)).relu()
        s = self.bn2(self.conv2(x)).relu()
        if self.kind == "B":
            return s + self.bn3(self.conv3(x)).relu()
        t = self.bn3(self.conv3(s)).relu()
        return t if self.kind == "A" else s + t

    def forward(self, x):
        y = self.middle(self.bn1(self.conv1(x)).relu())
        y = self.bn4(self.conv4(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return (y + x).relu()


class Tiny(nn.Module):
    """As tiny.p3d describes it."""

    def __init__(self):
        super().__init__()
        self.conv1_custom = nn.Conv3d(3, 4, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        self.bn1 = nn.BatchNorm3d(4)
        self.maxpool = nn.MaxPool3d((2, 3, 3), 2, (0, 1, 1))
        self.shorten = nn.MaxPool3d((2, 1, 1), (2, 1, 1))
        self.layer1 = nn.Sequential(Block("A", 4, 4, 1), Block("B", 8, 4, 1))
        self.layer2 = nn.Sequential(Block("C", 8, 6, 2), Block("A", 12, 6, 1))
        self.layer3 = nn.Sequential(Block("flat", 12, 8, 2), Block("flat", 16, 8, 1))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1_custom(x)).relu())
        x = self.shorten(self.layer1(x))
        x = self.shorten(self.layer2(x))
        x = self.layer3(x.squeeze(2))  # one frame is left, as in the port
        x = self.average(x)
        x = x.view(x.size(0), -1)
        return self.fc(self.dropout(x))


def export(net, clip, name, **how):
    file = HERE / name
    torch.onnx.export(net, (clip,), file, input_names=["clip"], output_names=["logits"], **how)
    model = onnx.load(file)  # with what lies beside it
    (HERE / (name + ".data")).unlink(missing_ok=True)
    for node in model.graph.node:  # where in a Python program it was made
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.graph.metadata_props[:], model.graph.value_info[:], model.metadata_props[:]
    onnx.save(model, file)


def main():
    torch.manual_seed(1)
    net = Tiny()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    net.eval()
    torch.save(net.state_dict(), HERE / "tiny.pth")
    clip = torch.zeros(1, 3, 8, 32, 32)
    synthetic = torch.from_numpy(p3d.synthetic("clip", clip.shape)).double()
    logits = net.double()(synthetic)[0].tolist()
    (HERE / "logits.json").write_text(json.dumps(logits) + "\n")
    net.float()
    kept = torch.onnx.TrainingMode.PRESERVE
    export(net, clip, "script-folded.onnx", dynamo=False)
    export(net, clip, "script.onnx", dynamo=False, training=kept)
    export(net, clip, "script-batch.onnx", dynamo=False, training=kept, dynamic_axes={"clip": {0: "N"}})
    export(net, clip, "dynamo-folded.onnx", dynamo=True)
    export(net, clip, "dynamo-batch.onnx", dynamo=True, dynamic_shapes=({0: torch.export.Dim("N")},))


if __name__ == "__main__":
    main()
