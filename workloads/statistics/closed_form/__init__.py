"""Expected counts of patterns that are known only as a distribution (`workloads.densities`), in closed form.

| module | what is in it |
|---|---|
| `operand_counts`, `spmspm_counts` | what `workloads.statistics` counts in modules of the same names, expected |
| `sum_distributions` | distributions on few points, and their sums; joint laws of a sum and a maximum |
| `row_distributions` | what a row of a tile holds under each density model |
| `row_stacks`, `transposed_stacks` | tiles as stacks of rows, and the fullest of parts of them; of columns, for B |
| `transposed` | a density seen along its columns |
| `row_assignment`, `load_balance` | the fullest of parts whose rows are alike, and of parts whose rows are not |
| `blocks` | blocks of 4 x 4 in tiles, given their non-zeros |
| `bands` | tiles of a band, whose rows are not alike |
| `shares` | the fullest of the parts of all tiles |
| `row_conflicts` | what rows of B take: words, and steps of lanes that own columns |
| `tile_classes`, `group_occupancy` | classes of tiles of equal share of the non-zeros; fullest groups of neighbours |
| `fiber_pairs` | skip-ahead steps of two fibers |

Rows are independent; what a tile of h rows holds is the sum of h draws of one law, found by doubling. The fullest of P
parts goes with the tile's non-zeros (tiles are classed by them), so both are followed together: P(the tile holds n, no
part more than c). `experiments/validate_densities.py` compares every table with sampled patterns. Products of a band
with a sparse operand are not there; of power-law rows, tables of the transpose (B) and of few, long rows are rough.
"""
