"""Weights of trained networks, by layer.

    container -> `stored.StoredArrays` -> `packed` -> `stored.Weights` -> `roles`, `layouts` -> `found.FoundLayer`

| module or room | what is in it |
|---|---|
| `safetensors`, `numpy_archive`, `gguf` | files of named arrays |
| `containers` | all of these as formats |
| `sharded`, `models`, `same_tables` | one network in several files; the networks of a folder, and copies among them |
| `configuration` | `config.json` beside weights |
| `stored` | what a container holds, and the weights that it becomes |
| `packed` | quantised, compressed and masked arrays unpacked |
| `names`, `network` | what arrays say of each other |
| `roles`, `copies` | which arrays are operands of products; second copies of a network in a file |
| `layouts`, `chains`, `convolution_groups` | how an operand's array lies; series that tell; groups of convolutions |
| `layers`, `arrays` | operands as matrices of layers |
| `blocks` | which layer's result another one reads, in blocks of transformers |
"""

from workloads.readers.checkpoints import sharded
from workloads.readers.checkpoints.containers import CONTAINERS
from workloads.readers.formats import FileFormat

FORMATS: tuple[FileFormat, ...] = (
    *(one.format for one in CONTAINERS),
    sharded.FORMAT,
    sharded.PICKLED_INDEX,
)
"""Records of the formats in this room."""
