"""What users compare an accelerator with: the CPU and the GPU at hand, measured where they can be, else modelled.

| module | what is in it |
|---|---|
| `result` | `Baseline`: latency and energy of one run, each said to be measured or modelled |
| `timing` | `time_runs`: the median of repeated runs after a warm-up, within a budget of seconds |
| `cpu` | `dense_cpu(kernel)` by NumPy's BLAS, `sparse_cpu(kernel)` by SciPy; `gemm_rate`, `call_seconds` |
| `power` | `cpu_power`: energy by RAPL where it can be read, else a power per core from data sheets |
| `gpu` | `dense_gpu(kernel)`, `sparse_gpu(kernel)` through JAX, for machines that have a GPU |

Values are float32: BLAS and SciPy have no products of 8-bit integers. Operands are warm: runs are repeated, so what
fits stays in the caches, where the model of an accelerator fetches everything from DRAM. That favours the CPU.
"""

from hwmodels.baselines.cpu import call_seconds, dense_cpu, gemm_rate, sparse_cpu
from hwmodels.baselines.gpu import dense_gpu, gpu_device, sparse_gpu
from hwmodels.baselines.power import CpuPower, cpu_power
from hwmodels.baselines.result import MEASURED, MODELLED, Baseline

__all__ = [
    "MEASURED",
    "MODELLED",
    "Baseline",
    "CpuPower",
    "call_seconds",
    "cpu_power",
    "dense_cpu",
    "dense_gpu",
    "gemm_rate",
    "gpu_device",
    "sparse_cpu",
    "sparse_gpu",
]
