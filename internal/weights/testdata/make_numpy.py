"""Writes the .npz files in this folder with NumPy.

    pip install numpy==2.4.6
    python make_numpy.py

They hold the tensors of make.py's checkpoints. Every run writes the same bytes
but for the dates in the archives.
"""

import io
import pathlib
import zipfile

import numpy

HERE = pathlib.Path(__file__).parent


def values(shape, start, dtype):
    """Returns start, start + 1/8, ... wrapped into -16 to 16 exclusive."""
    i = numpy.arange(numpy.prod(shape))
    return (((i + start) % 256 - 128) / 8).reshape(shape).astype(dtype)


def network(dtype):
    """The network in miniature of make.py."""
    return {
        "conv1_custom.weight": values((4, 3, 1, 3, 3), 1, dtype),
        "bn1.weight": values((4,), 7, dtype),
        "bn1.bias": values((4,), 11, dtype),
        "bn1.running_mean": values((4,), 13, dtype),
        "bn1.running_var": values((4,), 17, dtype),
        "bn1.num_batches_tracked": numpy.array(42, dtype="<i8"),
        "fc.weight": values((5, 4), 19, dtype),
        "fc.bias": values((5,), 23, dtype),
    }


def versions(name):
    """Writes an archive by hand, each array in another version of the format."""
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_STORED) as archive:
        for i, (key, array) in enumerate(network("<f4").items()):
            entry = io.BytesIO()
            numpy.lib.format.write_array(entry, array, version=(i % 3 + 1, 0))
            archive.writestr(key + ".npy", entry.getvalue())


def main():
    numpy.savez(HERE / "numpy.npz", **network("<f4"))
    numpy.savez(HERE / "numpy_f16.npz", **network("<f2"))
    numpy.savez(HERE / "numpy_f64.npz", **network("<f8"))
    numpy.savez(HERE / "numpy_big_endian.npz", **network(">f4"))
    numpy.savez_compressed(HERE / "numpy_compressed.npz", **network("<f4"))
    fortran = {k: numpy.asfortranarray(v) for k, v in network("<f4").items()}
    numpy.savez(HERE / "numpy_fortran.npz", **fortran)
    versions("numpy_versions.npz")

    # What must be refused.
    numpy.savez(HERE / "refused_objects.npz", a=numpy.array([{}, []], dtype=object))
    numpy.savez(HERE / "refused_records.npz", a=numpy.zeros(2, dtype=[("x", "<f4"), ("y", "<f4")]))
    numpy.savez(HERE / "refused_strings.npz", a=numpy.array(["a", "b"]))
    numpy.save(HERE / "refused_single.npy", values((4,), 7, "<f4"))


if __name__ == "__main__":
    main()
