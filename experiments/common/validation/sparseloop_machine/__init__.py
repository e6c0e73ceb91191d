"""Sparseloop's abstraction on one small architecture, in closed form: expected occupancies instead of a pattern.

Wu, Tsai, Parashar, Sze, Emer, "Sparseloop: An Analytical Approach To Sparse Tensor Accelerator Modeling", MICRO 2022:
a dense data flow is counted first, then what formats and sparse acceleration features (SAFs) remove from it, in
expectation. Here `Z[m,n] = sum_k A[m,k] B[k,n]`, M = K = N = 256 with 16-bit words, on DRAM -> GLB -> 16 PEs. Each PE
holds a tile of 256 words of A and one of B and has one MAC. Everything is loaded into the GLB once; Z is stored dense.

| mapping | GLB loops | a PE works on | a fiber (innermost compressed rank) |
|---|---|---|---|
| `IP` | 16 m1, 256 n; 16 rows m0 side by side | a row of A, a column of B | 256 words: the tile |
| `TILE` | 16 n1, 16 k1; 16 blocks m1 side by side | 16 x 16 blocks | 16 words: a row of the tile |

Rules of Sparseloop that differ from the project's own machine (docs/validation_sparseloop.md has their effect):

* *no imbalance*: a cycle count is the total over the number of PEs (`imbalance` counts what that hides);
* *occupied tiles*: each tile moved into a PE buffer is reported as the average tile that is *not empty*; time and
  energy are charged for the tiles that are not empty only, so there the expectation is right again;
* *whole coordinates*: a fiber stores `ceil` of its mean occupancy as coordinates; run lengths are not rounded up;
* *runs of non-empty fibers*: run lengths are the non-zeros of the mean fiber times the number of non-empty ones;
* *fields at ports*: a metadata field takes the next power of two of bits at a port (5-bit runs take 8);
* *gating removes the compute* as skipping does; what it keeps are the accesses' turns at the PE buffer;
* *an absent pair is no compute*: where both operands are compressed, positions that neither stores take no cycle.

| module | what is in it |
|---|---|
| `architecture` | sizes, mappings, energies, `SparseloopRun` |
| `occupancy` | how many non-zeros fall into a tile |
| `metadata` | bits of compressed operands |
| `model` | `run_quantities(run)`: computes, accesses, sizes, cycles, energy |
| `imbalance` | cycles on a real pattern, where PEs wait for each other |
"""

from experiments.common.validation.sparseloop_machine.architecture import WORDS, SparseloopRun
from experiments.common.validation.sparseloop_machine.imbalance import cycles_of_pattern, expected_barrier_cycles
from experiments.common.validation.sparseloop_machine.model import run_quantities

__all__ = ["WORDS", "SparseloopRun", "cycles_of_pattern", "expected_barrier_cycles", "run_quantities"]
