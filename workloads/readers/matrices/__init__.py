"""Files that hold one matrix.

| module | format |
|---|---|
| `market` | Matrix Market |
| `smtx` | DLMC patterns |
| `numpy_files` | SciPy's sparse `.npz`, dense `.npy` |
| `canonical` | what every reader of matrices ends with |
"""

from workloads.readers.formats import Format
from workloads.readers.matrices import market, numpy_files, smtx

FORMATS: tuple[Format, ...] = (market.FORMAT, smtx.FORMAT, *numpy_files.FORMATS)
"""Records of the formats in this room."""
