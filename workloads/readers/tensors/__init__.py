"""Files that hold one sparse tensor of any number of modes.

| module | format |
|---|---|
| `frostt` | `.tns`: indices and a value a line |
"""

from workloads.readers.formats import FileFormat
from workloads.readers.tensors import frostt

FORMATS: tuple[FileFormat, ...] = (frostt.FORMAT,)
"""Records of the formats in this room."""
