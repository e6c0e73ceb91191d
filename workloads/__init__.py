"""What is computed: real sparse tensors, kernels, and their exact tiling and partition statistics. No hardware in here.

| room or module | what is in it |
|---|---|
| `kernels` | SpMV, SpMM, SpMSpM, SDDMM, element-wise, convolution, attention, tensor kernels; `Workload` |
| `statistics` | `measure(kernel)`: the tables that the models look up; `sampling_error`, `stack_statistics` |
| `densities` | `Uniform`, `NM`, `Banded`, `PowerLawRows`: patterns known as distributions |
| `generators` | seeded patterns: stencils, R-MAT graphs, uniform, N:M, bands, power laws |
| `readers` | a user's matrices, weights and layer tables; the SuiteSparse collection |
| `networks` | published networks by name, with cited shapes and densities; the embedded classifier `digits` |
| `pruning` | small networks trained and pruned here: masks, accuracy, rounding to integers, the network as a workload |
| `structure` | `describe_structure(matrix)`: uniform, N:M, blocks, bands, power laws, unevenness, origin of the zeros |
| `workload_specs` | `resolve_workload("embedded", "graph.mtx@axa", "llama3-405b:decode:2:4")`: every name and path |
| `cache` | what is kept on disk between runs: measured tables, compiled code; private folders, damage found out |
| `atomic_write` | files that are there whole or not at all |
| `documents` | JSON and TOML files of a user's, read with limits |
| `errors` | `InputError`, the one exception for a user's mistake |

Tables hold exact counts at every lattice point. Of patterns above 2 million non-zeros the loads of the fullest
partitions (and only these; of two sparse operands also skip-ahead steps above 40,000 pairs of fibers and distinct
outputs above 32 million products) come from a sample: `sampling_error(kernel)` is its error, measured on the matrix
itself. On an R-MAT graph of 11 million non-zeros, times a dense B, no load is off by more than 0.5 %. What the fullest
partition holds of SDDMM and element-wise kernels comes from a sample above 10,000 rows of one tile shape.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
