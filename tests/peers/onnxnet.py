"""The network as an ONNX graph."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import p3d


class Graph:
    """Appends nodes; each method returns the name of its result."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def op(self, kind, *inputs, **attributes):
        out = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def conv(self, x, name, norm, shape, stride=(1, 1, 1), pad=(0, 0, 0)):
        w, b = p3d.folded(name, norm, shape)
        weight, bias = self.constant(name + ".w", w), self.constant(name + ".b", b)
        return self.op("Conv", x, weight, bias, kernel_shape=w.shape[2:], strides=stride, pads=2 * pad)

    def relu(self, x):
        return self.op("Relu", x)

    def add(self, x, y):
        return self.op("Add", x, y)

    def max_pool(self, x, kernel, stride, pad):
        return self.op("MaxPool", x, kernel_shape=kernel, strides=stride, pads=2 * pad)

    def average(self, x):
        return self.op("Flatten", self.op("GlobalAveragePool", x))

    def linear(self, x, name, shape):
        weight = self.constant(name + ".w", p3d.synthetic(name + ".weight", shape))
        bias = self.constant(name + ".b", p3d.synthetic(name + ".bias", shape[:1]))
        return self.op("Gemm", x, weight, bias, transB=1)


def model(depths, batch=1):
    """A network with one input `clip` and one output `logits`."""
    g = Graph()
    out = p3d.network(g, "clip", depths)
    g.nodes[-1].output[0] = "logits"
    clip = helper.make_tensor_value_info("clip", TensorProto.FLOAT, p3d.clip_shape(batch))
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, p3d.CLASSES])
    graph = helper.make_graph(g.nodes, "p3d", [clip], [logits], g.constants)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(m)
    return m
