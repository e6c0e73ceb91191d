"""What is computed: real sparse tensors, kernels, and their exact tiling and partition statistics. No hardware in here.

| module | what is in it |
|---|---|
| `readers` | `load_matrix(path)`: Matrix Market, DLMC `.smtx`, SciPy `.npz`, dense `.npy`, edge lists |
| `weights`, `onnx_graph` | `load_weights(path)`: every layer of a safetensors, `.npz` or ONNX file |
| `layer_table` | layers as a CSV of sizes and densities |
| `suitesparse` | matrices of the SuiteSparse collection by name |
| `networks` | published networks by name, with cited shapes and densities |
| `generators` | stencils, R-MAT graphs, uniform, N:M, banded and power-law patterns |
| `digits` | the embedded classifier, trained and pruned by the project |
| `pruning` | small networks trained and pruned here: masks, accuracy, rounding to integers, the network as a workload |
| `kernels` | `SparseKernel` (SpMV, SpMM, SpMSpM), `DensityKernel` (known as a distribution) and `Workload` |
| `sddmm`, `elementwise` | `SddmmKernel`, `ElementwiseKernel` (A * B, A + B) and their statistics |
| `convolution`, `attention`, `tensors` | kernels made of others: im2col, masked attention, TTV, TTM, MTTKRP |
| `densities` | `Uniform`, `NM`, `Banded`, `PowerLawRows`: patterns known as distributions |
| `suites` | `resolve_workload("embedded", "graph.mtx@axa", "llama3-405b:decode:2:4")`: every name and path |
| `structure` | `describe_structure(matrix)`: uniform, N:M, blocks, bands, power laws, unevenness, origin of the zeros |
| `statistics` | `measure(kernel)`: the tables that the models look up; `stack_statistics` |
| `lattice` | interpolation between powers of two |
| `occupancy` | how many places are occupied at any tile size |
| `tables`, `pairs` | the tables of one operand and of two, exact counts at every lattice point |
| `dealing`, `overlay` | what goes with rows as they are dealt; two patterns laid over each other |
| `segments`, `scan`, `loads`, `fibers` | the compiled passes over the non-zeros that they are made of |
| `sampling` | when tables are sampled, and the measured error of that |
| `cache` | measured tables on disk, by content hash |
| `errors` | `InputError`, the one exception for a user's mistake |

Tables hold exact counts at every lattice point. Of patterns above 2 million non-zeros the loads of the fullest
partitions (and only these; of two sparse operands also skip-ahead jumps above 40,000 pairs of fibers and distinct
outputs above 32 million products) come from a sample: `sampling_error(kernel)` is its error, measured on the matrix
itself. On an R-MAT graph of 11 million non-zeros, times a dense B, no load is off by more than 0.5 %. What `dealing`
counts comes from a sample above 10,000 rows of one tile shape.
"""

from workloads.densities import NM, Banded, Dense, Density, PowerLawRows, Uniform
from workloads.errors import InputError
from workloads.kernels.attention import sparse_attention
from workloads.kernels.convolution import UnfoldedKernel, sparse_convolution
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.product import DensityKernel, SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.tensors import CooTensor, mttkrp, ttm, ttv
from workloads.kernels.workload import Workload
from workloads.readers.matrices import load_matrix, matrix_files
from workloads.statistics.elementwise import ElementwiseStatistics
from workloads.statistics.measurement import KernelStatistics, measure, sampling_error, stack_statistics, table_bytes
from workloads.statistics.operand import OperandStatistics
from workloads.statistics.sampling import SamplingError
from workloads.statistics.sddmm import SddmmStatistics
from workloads.statistics.spmm import DenseBStatistics
from workloads.statistics.spmspm import SparseBStatistics
from workloads.workload_specs import resolve_workload, resolve_workloads

__all__ = [
    "NM",
    "Banded",
    "CooTensor",
    "Dense",
    "DenseBStatistics",
    "Density",
    "DensityKernel",
    "ElementwiseKernel",
    "ElementwiseStatistics",
    "InputError",
    "KernelStatistics",
    "OperandStatistics",
    "PowerLawRows",
    "SamplingError",
    "SddmmKernel",
    "SddmmStatistics",
    "SparseBStatistics",
    "SparseKernel",
    "UnfoldedKernel",
    "Uniform",
    "Workload",
    "load_matrix",
    "matrix_files",
    "measure",
    "mttkrp",
    "resolve_workload",
    "resolve_workloads",
    "sampling_error",
    "sparse_attention",
    "sparse_convolution",
    "stack_statistics",
    "table_bytes",
    "ttm",
    "ttv",
]
