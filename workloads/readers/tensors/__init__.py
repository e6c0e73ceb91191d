"""Files that hold one sparse tensor of any number of modes.

| module | format |
|---|---|
| `frostt` | `.tns`: indices and a value a line |
"""

from workloads.readers.formats import Format
from workloads.readers.tensors import frostt

FORMATS: tuple[Format, ...] = (frostt.FORMAT,)
"""Records of the formats in this room."""
