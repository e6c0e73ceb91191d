"""Networks as tables of layers and other tools' problem files.

| module | format |
|---|---|
| `layer_table` | a CSV of sizes and densities |
"""

from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tables.layer_table import is_layer_table, read_layer_table


def _found(source: Source, options: ReadOptions) -> Found:
    layers = [
        Layer(one.name, (one.m, one.k), density=one.a, columns=one.n, activations=one.b, repeats=one.repeats)
        for one in read_layer_table(source.path)
    ]
    return Found(source.path, "table of layers", tuple(layers))


FORMATS: tuple[Format, ...] = (
    Format("table of layers", lambda source: Sureness.SIGNED if is_layer_table(source.path) else Sureness.NO, _found),
)
"""Records of the formats in this room."""
