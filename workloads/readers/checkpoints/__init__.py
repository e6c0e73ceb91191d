"""Weights of trained networks, by layer.

    container -> `stored.Stored` -> `packed` -> `stored.Weights` -> `roles`, `layouts` -> `found.Layer`

| module or room | what is in it |
|---|---|
| `safetensors`, `numpy_archive`, `gguf` | files of named arrays |
| `containers` | all of these as formats |
| `sharded`, `models` | one network in several files; the networks of a folder |
| `configuration` | `config.json` beside weights |
| `packed` | quantised, compressed and masked arrays unpacked |
| `names`, `network` | what arrays say of each other |
| `roles` | which arrays are operands of products |
| `layouts` | how an operand's array lies |
| `layers`, `arrays` | operands as matrices of layers |
"""

from workloads.readers.checkpoints import sharded
from workloads.readers.checkpoints.containers import CONTAINERS
from workloads.readers.formats import Format

FORMATS: tuple[Format, ...] = (
    *(one.format for one in CONTAINERS),
    sharded.FORMAT,
    sharded.PICKLED_INDEX,
)
"""Records of the formats in this room."""
