"""Writes the .caffemodel files in this folder with Google's protobuf library.

    pip install protobuf==7.36.2
    python make_caffe.py

They hold the tensors of make.py's checkpoints under the names of Caffe's
layers. The messages below have the names and numbers of caffe.proto; of its
other fields there are some that a reader has to skip. Every run writes the same
bytes.
"""

import math
import pathlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HERE = pathlib.Path(__file__).parent

MESSAGES = {
    "BlobShape": "repeated packed int64 dim = 1",
    "BlobProto": """
        optional int32 num = 1
        optional int32 channels = 2
        optional int32 height = 3
        optional int32 width = 4
        repeated packed float data = 5
        repeated packed float diff = 6
        optional BlobShape shape = 7
        repeated packed double double_data = 8""",
    # The field `data` as other writers have it: one value after the other.
    "UnpackedBlobProto": """
        repeated float data = 5
        optional BlobShape shape = 7
        repeated double double_data = 8""",
    "LayerParameter": """
        optional string name = 1
        optional string type = 2
        repeated string bottom = 3
        repeated string top = 4
        repeated BlobProto blobs = 7
        optional int32 phase = 10""",
    "UnpackedLayerParameter": """
        optional string name = 1
        optional string type = 2
        repeated UnpackedBlobProto blobs = 7""",
    "V0LayerParameter": """
        optional string name = 1
        optional string type = 2
        repeated BlobProto blobs = 50""",
    "V1LayerParameter": """
        optional V0LayerParameter layer = 1
        repeated string bottom = 2
        repeated string top = 3
        optional string name = 4
        optional int32 type = 5
        repeated BlobProto blobs = 6
        repeated float blobs_lr = 7""",
    "NetParameter": """
        optional string name = 1
        repeated V1LayerParameter layers = 2
        repeated string input = 3
        repeated int32 input_dim = 4
        repeated LayerParameter layer = 100""",
    "UnpackedNetParameter": """
        optional string name = 1
        repeated UnpackedLayerParameter layer = 100""",
}


def message_classes():
    """Returns a class for each of MESSAGES."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, text in MESSAGES.items():
        message = file.message_type.add(name=name)
        for line in text.strip().splitlines():
            *words, number = line.replace("=", " ").split()
            f = message.field.add(name=words[-1], number=int(number))
            f.label = field.LABEL_REPEATED if words[0] == "repeated" else field.LABEL_OPTIONAL
            f.options.packed = "packed" in words
            kind = words[-2]
            if kind in MESSAGES:
                f.type, f.type_name = field.TYPE_MESSAGE, ".caffe." + kind
            else:
                f.type = getattr(field, "TYPE_" + kind.upper())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe." + name))
        for name in MESSAGES
    }


CAFFE = message_classes()


def values(shape, start):
    """Returns start, start + 1/8, ... wrapped into -16 to 16 exclusive."""
    return [((i + start) % 256 - 128) / 8 for i in range(math.prod(shape))]


# The layers with the shapes of their blobs, and what the values begin with, as
# in make.py.
LAYERS = [
    ("conv1", "Convolution", [((4, 3, 1, 3, 3), 1)]),
    ("bn_conv1", "BN", [((1, 4, 1, 1, 1), 7), ((1, 4, 1, 1, 1), 11), ((1, 4, 1, 1, 1), 13), ((1, 4, 1, 1, 1), 17)]),
    ("fc", "InnerProduct", [((5, 4), 19), ((5,), 23)]),
]


def current(name, cls="NetParameter", data="data"):
    """Writes the current format: blobs have shapes."""
    net = CAFFE[cls](name="tiny")
    net.layer.add(name="data", type="VideoData")
    for layer, kind, blobs in LAYERS:
        message = net.layer.add(name=layer, type=kind)
        for shape, start in blobs:
            blob = message.blobs.add()
            blob.shape.dim.extend(shape)
            getattr(blob, data).extend(values(shape, start))
            if data == "data" and cls == "NetParameter":
                blob.diff.extend([9.0] * 3)
    (HERE / name).write_bytes(net.SerializeToString(deterministic=True))


def four(shape):
    """The extents of a blob from before it had a shape: without the time, and
    with ones before what there is."""
    shape = [d for d in shape if d != 1]
    return [1] * (4 - len(shape)) + shape


def fill(blob, shape, start):
    blob.num, blob.channels, blob.height, blob.width = four(shape)
    blob.data.extend(values(shape, start))


def v1(name):
    """Writes V1: another message for layers, blobs of four dimensions."""
    net = CAFFE["NetParameter"](name="tiny", input=["data"], input_dim=[1, 3, 8, 8])
    net.layers.add(name="relu", type=18, bottom=["conv1"], top=["conv1"])
    for layer, _, blobs in LAYERS:
        message = net.layers.add(name=layer, type=4, blobs_lr=[1, 2])
        for shape, start in blobs:
            fill(message.blobs.add(), shape, start)
    (HERE / name).write_bytes(net.SerializeToString(deterministic=True))


def v0(name):
    """Writes what came before V1."""
    net = CAFFE["NetParameter"](name="tiny")
    old = net.layers.add().layer
    old.name, old.type = "fc", "innerproduct"
    fill(old.blobs.add(), (5, 4), 19)
    (HERE / name).write_bytes(net.SerializeToString(deterministic=True))


def main():
    current("caffe.caffemodel")
    current("caffe_double.caffemodel", data="double_data")
    current("caffe_unpacked.caffemodel", cls="UnpackedNetParameter")
    current("caffe_unpacked_double.caffemodel", cls="UnpackedNetParameter", data="double_data")
    v1("caffe_v1.caffemodel")

    # What must be refused.
    v0("refused_v0.caffemodel")
    net = CAFFE["NetParameter"](name="no weights")
    net.layer.add(name="conv1", type="Convolution", bottom=["data"], top=["conv1"])
    (HERE / "refused_no_blobs.caffemodel").write_bytes(net.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
