"""Energy-delay product of eight kernels on a CPU over Onyx's, from what both do for each element; operands are assumed.

The paper prints gains, but neither operands nor CPU times. The authors' scripts for evaluating Onyx and its CPU
baseline (github.com/weiya711/sam) say what they may have been: matrices like qiulp, bcsstm26, west2021 and tols2000, of
about 1,900 rows and 4,500 non-zeros (scripts/tensor_names/onyx_eval_final.txt), times or plus themselves shifted by a
column; tensors of sides up to 60 with a third of the entries filled (sam/onyx/tensordataset); vectors and matrices of
ten rows, half filled (compiler/bench.h, compiler/baseline.cpp); on the CPU, TACO's code for the same expression.

*Onyx* loads an operand a word a cycle, all at the same time, merges fibers an element of their union and a stop a
cycle, and writes outputs a word a cycle; the three follow each other, as for one tile. *The CPU* takes `STEP_CYCLES`
for each step of a merge, which ends with the shorter fiber, and mispredicts a match as often as there is one. Nothing
is fitted. Left out: libraries that do not merge (MKL for SpMSpM), caches, calls, real tensors, and the tiles of Onyx.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hwmodels.systems.onyx import Onyx

ROWS, NONZEROS = 1900.0, 4500.0
SIDE, FILLED, OTHER_FILLED, EXTRA = 25.0, 1 / 3, 1 / 2, 10.0
STEP_CYCLES = 11.0
"""From a position to the next: load 5, minimum 2, compare and set 2, extend and add 2 (Agner Fog's tables, Skylake)."""
THIRD_CYCLES = 2.0
"""More of them where three are merged: another minimum."""
MISPREDICTION_CYCLES = 16.0
"""Agner Fog, "The microarchitecture of Intel, AMD and VIA CPUs", of Skylake."""
CPU_GHZ = 3.5
"""A guess: the CPU is not named in what is at hand."""
POWER_RATIO = 70 / 8
"""CPU over Onyx: Stanford's "1/70 of the energy" and "8 times as fast", which multiply to the best single kernel."""


@dataclass(frozen=True)
class Kernel:
    """Steps of merging on the CPU and its cycles for each; cycles on Onyx."""

    steps: float
    step_cycles: float
    loaded: float
    merged: float
    stored: float

    @property
    def edp_gain(self) -> float:
        """EDP on the CPU over EDP on Onyx."""
        cpu_s = self.steps * self.step_cycles / CPU_GHZ
        onyx_s = (self.loaded + self.merged + self.stored) / Onyx().clock_ghz
        return (cpu_s / onyx_s) ** 2 * POWER_RATIO


def _until_end(a: float, b: float) -> float:
    """Elements of the union of two random fibers of `a` and `b` elements before one of them ends, none in common."""
    return a + b - a / (b + 1) - b / (a + 1)


def _kernels() -> dict[str, Kernel]:
    row = NONZEROS / ROWS
    vector = ROWS * OTHER_FILLED
    fibers, tensor = SIDE**2, FILLED * SIDE**3
    union = SIDE * (1 - (1 - FILLED) * (1 - OTHER_FILLED))
    matched = SIDE * FILLED * OTHER_FILLED / union
    guessed = STEP_CYCLES + MISPREDICTION_CYCLES * min(matched, 1 - matched)
    chosen = SIDE * OTHER_FILLED  # of a fiber whose entries are all there
    return {
        "ElemAdd3": Kernel(3 * NONZEROS, STEP_CYCLES + THIRD_CYCLES, NONZEROS, 3 * NONZEROS + ROWS, 3 * NONZEROS),
        "ElemMult": Kernel(2 * NONZEROS, STEP_CYCLES, NONZEROS, 2 * NONZEROS + ROWS, 0.0),
        "SpMSpV": Kernel(ROWS * _until_end(row, vector), STEP_CYCLES, NONZEROS, ROWS * (vector + row + 1), ROWS),
        "SpMSpM": Kernel(ROWS**2 * _until_end(row, row), STEP_CYCLES, NONZEROS, ROWS**2 * (2 * row + 1), ROWS * row**2),
        "InnerProd": Kernel(fibers * union, guessed, tensor, fibers * (union + 1), 1.0),
        "TTV": Kernel(fibers * union, guessed, tensor, fibers * (union + 1), fibers),
        "TTM": Kernel(EXTRA * fibers * union, guessed, tensor, EXTRA * fibers * (union + 1), EXTRA * fibers),
        "MTTKRP": Kernel(
            SIDE * EXTRA * (SIDE + chosen * union), guessed, tensor, SIDE * EXTRA * chosen * (union + 1), SIDE * EXTRA
        ),
    }


KERNELS: Mapping[str, Kernel] = _kernels()
"""By the paper's names (VLSI 2024, Fig. 7b)."""
