"""Files that hold one graph, as a list of edges or of neighbours.

| module | format |
|---|---|
| `edge_list` | `source target [weight]` a line |
"""

from workloads.readers.formats import Format
from workloads.readers.graphs import edge_list

FORMATS: tuple[Format, ...] = (edge_list.FORMAT,)
"""Records of the formats in this room."""
