"""Networks as tables of layers and other tools' problem files.

| module | what is in it |
|---|---|
| `layer_table` | tables of sizes and densities, SCALE-Sim's topologies |
| `delimited`, `columns`, `cells` | a table's text, its heading, its cells |
| `layers` | sizes of a product or a convolution -> `found.Layer` |
"""

from workloads.readers.formats import Format
from workloads.readers.tables.layer_table import read_layer_table, recognise

FORMATS: tuple[Format, ...] = (Format("table of layers", recognise, read_layer_table),)
"""Records of the formats in this room."""
