"""Files that hold one graph, as a list of edges or of neighbours.

| module | format |
|---|---|
| `edge_list`, `edge_layout`, `edge_headers` | `source target [weight]` a line, from SNAP, KONECT and many others |
| `numbering` | from ids to rows and columns, what every reader of edges ends with |
| `adjacency` | METIS and Chaco, Ligra, networkx' adjacency lists |
| `dimacs`, `pajek`, `markup` | DIMACS; Pajek; GraphML, GEXF, GML |
| `edge_index` | arrays [2, edges] in `.npy` and `.npz` |
| `binary` | what is refused by name |
"""

from workloads.readers.formats import FileFormat
from workloads.readers.graphs import adjacency, binary, dimacs, edge_index, edge_list, markup, pajek

FORMATS: tuple[FileFormat, ...] = (
    *edge_index.FORMATS, *dimacs.FORMATS, *pajek.FORMATS, *markup.FORMATS, *adjacency.FORMATS, *binary.FORMATS,
    *edge_list.FORMATS,
)  # fmt: skip
"""Records of the formats in this room."""
