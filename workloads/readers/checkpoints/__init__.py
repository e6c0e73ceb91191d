"""Weights of trained networks, by layer.

| module | what is in it |
|---|---|
| `safetensors`, `numpy_archive` | files of named arrays |
| `stored` | what such a file holds, and the weights that it becomes |
| `packed` | quantised, compressed and masked weights unpacked |
| `arrays` | an array of weights as the matrix of a layer |
"""

from workloads.readers.checkpoints import numpy_archive, safetensors
from workloads.readers.formats import Format

FORMATS: tuple[Format, ...] = (safetensors.FORMAT, numpy_archive.FORMAT)
"""Records of the formats in this room."""
