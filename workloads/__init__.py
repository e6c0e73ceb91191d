"""What is computed: real sparse tensors, kernels, and their exact tiling and partition statistics. No hardware in here.

| module | what is in it |
|---|---|
| `readers` | `load_matrix(path)`: Matrix Market, DLMC `.smtx`, SciPy `.npz`, dense `.npy`, edge lists |
| `generators` | stencils, R-MAT graphs, uniform, N:M, banded and power-law patterns |
| `digits` | the embedded classifier, trained and pruned by the project |
| `kernels` | `SparseKernel` (SpMV, SpMM, SpMSpM) and `Workload` |
| `suites` | `resolve_workload("embedded" or "graph.mtx@axa")` |
| `statistics` | `measure(kernel)`: the tables that the models look up; `stack_statistics` |
| `lattice` | interpolation between powers of two |
| `scan`, `tables`, `pairs` | the compiled passes over the non-zeros, and the tables made of them |
| `cache` | measured tables on disk, by content hash |
| `errors` | `InputError`, the one exception for a user's mistake |
"""

from workloads.errors import InputError
from workloads.kernels import SparseKernel, Workload
from workloads.readers import load_matrix, matrix_files
from workloads.statistics import (
    DenseBStatistics,
    KernelStatistics,
    OperandStatistics,
    SparseBStatistics,
    measure,
    stack_statistics,
    table_bytes,
)
from workloads.suites import resolve_workload, resolve_workloads

__all__ = [
    "DenseBStatistics",
    "InputError",
    "KernelStatistics",
    "OperandStatistics",
    "SparseBStatistics",
    "SparseKernel",
    "Workload",
    "load_matrix",
    "matrix_files",
    "measure",
    "resolve_workload",
    "resolve_workloads",
    "stack_statistics",
    "table_bytes",
]
