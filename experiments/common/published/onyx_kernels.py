"""Energy-delay product of eight kernels on a CPU over Onyx's, from what both do for each element; nothing is fitted.

The paper (VLSI 2024, Fig. 7b) prints gains, but neither operands nor times. The authors' repository
(github.com/weiya711/sam) lists, for these eight kernels by the paper's names, what they run on (sparse_tile_flow.sh):

- matrices: `bcsstm26`, a diagonal of 1,922 entries, in tiles of `TILES`; with a copy shifted by a column, for three
  operands by two, with a vector that is half full (compiler/bench.h);
- tensors: `rand_large_tensor5`, 8 x 37 x 10 with a third of the entries (drawn again by the recipe and seed of
  sam/onyx/tensordataset), in tiles of 10 x 10 x 10; with itself, entries at even places of the last mode shifted by
  one, or with a vector or matrices of ten rows that are half full (compiler/baseline.cpp).

That the figure is of these two alone, not of a mean over the script's further inputs, is taken from its headings.

*Onyx* loads the segments, coordinates and values of the operands of a tile a word a cycle, merges fibers an element of
their union and a stop a cycle, and stores the output a word a cycle; the three follow each other. IEEE Micro 2025, Fig.
9, agrees with the merging (bcsstm26: 175,000 cycles against 178,170) and is slower in moving (87,000 before their
improvements, 32,000 here: nothing is counted for the start of a tile).

*The CPU* runs TACO's code for the same expression, one thread, `STEP_CYCLES` for each step of a merge. An intersection
ends with the shorter fiber; random fibers mispredict their end, and a match as often as there is one. A union copies
what is left. The time includes making the arrays of a sparse result, as the authors' loop does, which runs once. The
product of two matrices is the faster of that and of MKL's `mkl_sparse_s_spmmd`, the authors' call, which writes a dense
result. Left out: cache misses and the first call.

How sure: over all that follows the ranking holds (rank correlation at least 0.90), the factor of two does not. At the
CPU's turbo clock (3.3 GHz) gains are 0.57 to 0.68 times those here (MTTKRP misses); with 2 us for an array up to 1.6
times, with nothing for it down to 0.55 times (TTV and MTTKRP miss); with words moved as slowly as in that Fig. 9 down
to a fifth (five miss), with two moved a cycle up to 2.9 times (four miss).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from scipy.sparse import csr_array

from hwmodels.systems.onyx import Onyx
from hwmodels.systems.work import work_of
from workloads import SparseKernel

ROWS = 1922
"""Of bcsstm26 (SuiteSparse collection, HB)."""
TILES = {"ElemAdd3": 300, "ElemMult": 760, "SpMSpV": 760, "SpMSpM": 30}
TENSOR, TENSOR_TILE = (8, 37, 10), 10
FILLED, OTHER_FILLED, EXTRA = 1 / 3, 1 / 2, 10
STEP_CYCLES = 12.0
"""From a position to the next: load 5, minimum 3, compare and set 2, extend and add 2 (Agner Fog's tables, Haswell)."""
THIRD_CYCLES = 3.0
"""More of them where three are merged: another minimum."""
COPY_CYCLES = 2.0
"""Of an element of which no other operand has any left: extend and add."""
MISPREDICTION_CYCLES = 17.5
"""Middle of the 15 to 20 of Haswell (Agner Fog, "The microarchitecture of Intel, AMD and VIA CPUs")."""
ARRAY_S = 1e-6
"""To map an array and touch its first page (a guess). TACO's start with 2^20 entries, which malloc maps anew."""
CPU_GHZ, CPU_GBPS = 2.5, 68.0
"""Xeon E5-2680 v3 (Intel ARK): base clock and memory bandwidth of a socket. A guess: the scripts name a partition of
MIT's cluster, whose TACO papers ran on this CPU."""
POWER_RATIO = 70 / 8
"""CPU over Onyx: Stanford's "1/70 of the energy" and "8 times as fast", which multiply to the best single kernel."""
DRAWN_FIBERS = 100_000
"""Pairs of random fibers whose merges are averaged; from a fixed seed."""


@dataclass(frozen=True)
class OnyxKernel:
    """Cycles on the CPU; cycles on Onyx of moving words and of merging."""

    cpu_cycles: float
    moved: float
    merged: float
    result_order: int = 0
    """Compressed levels of what TACO allocates: two arrays each, and the values'."""

    @property
    def cpu_s(self) -> float:
        """Time on the CPU."""
        arrays = 2 * self.result_order + 1 if self.result_order else 0
        return self.cpu_cycles / CPU_GHZ * 1e-9 + arrays * ARRAY_S

    @property
    def edp_gain(self) -> float:
        """EDP on the CPU over EDP on Onyx."""
        return (self.cpu_s / (self.moved + self.merged) * Onyx().clock_ghz * 1e9) ** 2 * POWER_RATIO


@dataclass(frozen=True)
class Merge:
    """Means over pairs of random fibers of `TENSOR_TILE` positions."""

    union: float
    until_end: float
    """Steps before one of the two ends."""
    matches: float

    @property
    def cpu_cycles(self) -> float:
        """Of one merge on the CPU."""
        share = self.matches / self.until_end
        return self.until_end * (STEP_CYCLES + MISPREDICTION_CYCLES * min(share, 1 - share)) + MISPREDICTION_CYCLES

    @property
    def onyx_cycles(self) -> float:
        """Of one merge on Onyx."""
        return self.union + 1


def _merge(shifted: bool) -> Merge:
    """Of a fiber of the tensor with its shifted copy, or with a fiber of the other operand."""
    rng = np.random.default_rng(0)
    size = (DRAWN_FIBERS, TENSOR_TILE)
    b = rng.random(size) < FILLED
    c = rng.random(size) < OTHER_FILLED
    if shifted:
        c = np.zeros(size, bool)
        c[:, 1::2] = b[:, ::2] | b[:, 1::2]
    places = np.arange(1, TENSOR_TILE + 1)
    last = np.minimum((b * places).max(1), (c * places).max(1))
    reached = (b | c) & (places <= last[:, None])
    return Merge(*(float(kept.sum(1).mean()) for kept in (b | c, reached, b & c)))


def _words(*entries: float) -> float:
    """Words of a compressed tensor with so many `entries` at each level: segments, coordinates, values."""
    return float(sum(above + 1 + here for above, here in zip((1, *entries), entries, strict=False)) + entries[-1])


def _sizes(count: int, tile: int) -> np.ndarray:
    """Lengths of the tiles of a side."""
    return np.diff(np.minimum(np.arange(ceil(count / tile) + 1) * tile, count))


def bcsstm26_cycles() -> float:
    """Cycles of one lane on the inner products of the diagonal with its shifted copy, words not counted."""
    here = np.arange(ROWS)
    diagonal, shifted = (csr_array((np.ones(ROWS), (here, at)), shape=(ROWS, ROWS)) for at in (here, (here + 1) % ROWS))
    one_lane = replace(Onyx(), lanes=1, tile=TILES["SpMSpM"])
    return one_lane.sparse_cycles(work_of(SparseKernel("bcsstm26", diagonal, shifted, ROWS)))


def _matrix_kernels() -> dict[str, OnyxKernel]:
    sizes = {name: _sizes(ROWS, tile) for name, tile in TILES.items()}
    add, mult, vector, square = (sizes[name] for name in TILES)
    half = OTHER_FILLED * vector
    dense_result = 4.0 * ROWS**2 / CPU_GBPS * CPU_GHZ
    return {
        "ElemAdd3": OnyxKernel(
            ROWS * (3 * STEP_CYCLES + 2 * THIRD_CYCLES + COPY_CYCLES),
            sum(3 * _words(s, s) + _words(s, 3 * s) for s in add),
            4.0 * ROWS,
            result_order=2,
        ),
        "ElemMult": OnyxKernel(2 * ROWS * STEP_CYCLES, sum(2 * _words(s, s) for s in mult), 3.0 * ROWS, result_order=2),
        "SpMSpV": OnyxKernel(
            ROWS * (1 + OTHER_FILLED * ROWS / 2) * STEP_CYCLES,
            sum(_words(s, s) + 2 * _words(h) for s, h in zip(vector, half, strict=True)),
            float(vector @ (half + 1 - OTHER_FILLED + 1)),
            result_order=1,
        ),
        "SpMSpM": OnyxKernel(
            min(2 * ROWS**2 * STEP_CYCLES, dense_result),
            # the shifted copy has one entry beyond the edge of each tile
            sum(3 * _words(s, s) + _words(s, s) + _words(1, 1) for s in square),
            bcsstm26_cycles(),
        ),
    }


def _tensor_kernels() -> dict[str, OnyxKernel]:
    rows, columns, depth = TENSOR
    pair, itself = _merge(shifted=False), _merge(shifted=True)
    tiles = _sizes(columns, TENSOR_TILE)
    # a match at the level above, of a full fiber with a half full one, and the merge below it
    matched = OTHER_FILLED * columns
    above = columns * (STEP_CYCLES + MISPREDICTION_CYCLES * OTHER_FILLED)
    fibers = rows * columns
    tensor = sum(_words(rows, rows * c, FILLED * rows * c * depth) for c in tiles)
    entry = 1 - (1 - FILLED * OTHER_FILLED) ** depth
    half = OTHER_FILLED * TENSOR_TILE
    other = len(tiles) * _words(EXTRA, EXTRA * half)
    ttv_stored = sum(_words(rows, entry * rows * c) for c in tiles)
    ttm_stored = sum(_words(rows, rows * c, entry * rows * c * EXTRA) for c in tiles)
    mttkrp_stored = len(tiles) * _words(rows, rows * EXTRA)
    dot, merge = (m.cpu_cycles + STEP_CYCLES for m in (itself, pair))
    inner, outer = EXTRA * rows * matched, EXTRA * fibers
    return {
        "InnerProd": OnyxKernel(fibers * dot, 2 * tensor + 1, fibers * itself.onyx_cycles),
        "TTV": OnyxKernel(
            fibers * merge, tensor + len(tiles) * _words(half) + ttv_stored, fibers * pair.onyx_cycles, result_order=2
        ),
        "TTM": OnyxKernel(outer * merge, tensor + other + ttm_stored, outer * pair.onyx_cycles, result_order=3),
        "MTTKRP": OnyxKernel(
            EXTRA * rows * above + inner * pair.cpu_cycles,
            tensor + 2 * other + mttkrp_stored,
            inner * pair.onyx_cycles,
            result_order=2,
        ),
    }


ONYX_KERNELS: Mapping[str, OnyxKernel] = _matrix_kernels() | _tensor_kernels()
"""By the paper's names."""
