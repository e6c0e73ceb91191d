"""ONNX graphs: the products of a network and their stored weights.

| module | what is in it |
|---|---|
| `products` | convolutions and matrix products of a graph |
"""

from scipy.sparse import csr_array

from workloads.readers.checkpoints.arrays import as_layer
from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.onnx_graphs.products import onnx_layers
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _found(source: Source, options: ReadOptions) -> Found:
    layers = []
    for name, read, columns in onnx_layers(source):
        matrix = as_layer(source, name, read())
        layers.append(_layer(name, matrix, columns))
    if not layers:
        source.fail("file", "holds no product with stored weights", "check the file")
    return Found(source.path, "ONNX", tuple(layers))


def _layer(name: str, matrix: csr_array, columns: int | None) -> Layer:
    return Layer(name, matrix.shape, lambda: matrix, columns=columns)


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.suffix == ".onnx" else Sureness.NO


FORMATS: tuple[Format, ...] = (Format("ONNX", _recognise, _found),)
"""Records of the formats in this room."""
