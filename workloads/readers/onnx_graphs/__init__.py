"""ONNX graphs: the products of a network and their stored weights. A graph is read and never run.

file -> `model`: protobuf or text, functions inlined -> `shapes`, `folding` -> `operators` -> `layers` -> `found.Found`

| module | what is in it |
|---|---|
| `model`, `tensors` | a file as a graph; its stored arrays, in data files too |
| `shapes`, `stand_ins` | the shapes of all values, behind operators of ONNX Runtime too |
| `constants`, `folding`, `quantised` | arrays known from the file: stored, or computed in the graph |
| `nodes` | a node as operators see it |
| `operators` | which operators are products |
| `convolutions`, `matrix_products`, `einsum`, `recurrent` | how each is one |
| `uses` | which nodes lead to an output |
| `edges` | which product's result another one reads, and through what |
| `layers` | the walk through a model |
"""

from workloads.readers.formats import FileFormat
from workloads.readers.found import Found
from workloads.readers.onnx_graphs.layers import find_layers
from workloads.readers.onnx_graphs.model import sureness
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _found(source: Source, options: ReadOptions) -> Found:
    return find_layers(source, options)


FORMATS: tuple[FileFormat, ...] = (FileFormat("ONNX", sureness, _found, heeds=("batch", "tokens")),)
"""Records of the formats in this room."""
