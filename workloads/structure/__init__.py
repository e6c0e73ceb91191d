"""What a sparse pattern looks like: structure by stated statistical criteria, unevenness, origin of its zeros.

| module | what is in it |
|---|---|
| `evenness` | uniform? rows, columns, tiles and neighbours against the hypergeometric law |
| `n_of_m` | N:M along rows or columns, and whether chance would give it |
| `blocks` | b x b blocks, against the same grid half a block off |
| `band` | band and diagonals |
| `heavy_tail` | power law of the counts by row and column, against the geometric law |
| `repeats` | symmetry, rows and columns that are alike |
| `balance` | fullest row, Gini coefficient, most loaded of P partitions |
| `zeros_origin` | natural or induced zeros, with the evidence |
| `description` | `describe_structure(matrix) -> Structure`, all of it; `Structure.findings` in words |
"""

from workloads.structure.description import Structure, describe_structure
from workloads.structure.zeros_origin import Origin, source_of

__all__ = ["Origin", "Structure", "describe_structure", "source_of"]
