"""EIE: sparse weights in on-chip SRAM, non-zero activations broadcast to PEs that each own every 64th row.

Han et al., "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA 2016 (arXiv:1602.01528).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.sparse import csc_array

from hwmodels.cost import Cost
from hwmodels.systems.estimates.broadcast_queues import queued_cycles
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from workloads import SparseKernel
from workloads.errors import InputError

SEED = 0
"""Of the patterns drawn where only a density is known."""
MOST_DRAWN = 2**16
"""Shares of a column drawn in a pass; where there are more, each is one of these."""
MOST_WALKED = 8
"""Passes, times vectors of B, of a known pattern that are walked; more are represented by evenly spaced ones."""


@dataclass(frozen=True)
class Eie(System):
    """64 PEs of one 16-bit MAC. Rows are dealt to PEs in turn; entries of a column are stored as 4-bit weight and gap.

    A gap of 16 zeros or more inside a PE's share of a column stores padding zeros, which take a cycle each. A non-zero
    activation enters the queues of all PEs at once, one a cycle, and waits while any queue is full; a PE takes a cycle
    for each stored entry of that column, and one to pass over a column of which it stores none. Inputs and outputs
    beyond 64 registers a PE take several passes, and the queues run empty between them. Where only densities are
    known, patterns are drawn with equal chance everywhere, from a fixed seed. Nothing is fitted. Energy: the power of
    Table II, whatever the activity; `eie_units` has both tables by this project's technology.
    """

    pes: int = 64
    clock_ghz: float = 0.8
    fifo_depth: int = 8
    """Activations that wait in front of each PE."""
    index_bits: int = 4
    """Of the number of zeros before an entry."""
    weight_bits: int = 4
    """Of an index into 16 shared weights."""
    value_bits: int = 16
    registers: int = 64
    """Activations that a PE holds of a pass, of inputs and of outputs."""
    weight_bytes: int = 128 * 1024
    pointer_bytes: int = 32 * 1024
    """In two banks, so that begin and end of a column are read at once."""
    activation_bytes: int = 2 * 1024
    weight_word_bits: int = 64
    node_nm: float = 45.0
    queue_mw: float = 0.112
    """Power of the five units of a PE: Table II."""
    pointers_mw: float = 1.807
    weights_mw: float = 4.955
    arithmetic_mw: float = 1.162
    activations_mw: float = 1.122
    queue_um2: float = 758.0
    """Areas of a PE: Table II; that of the queue, then as above, then filler cells."""
    pointers_um2: float = 121_849.0
    weights_um2: float = 469_412.0
    arithmetic_um2: float = 3_110.0
    activations_um2: float = 18_934.0
    filler_um2: float = 23_961.0
    nonzero_mw: float = 0.023
    """Of one unit that finds the leading non-zero activation among four."""
    nonzero_um2: float = 189.0

    name = "eie"
    title = "EIE"
    source = "Han et al., ISCA 2016"
    limits = (
        "Weights must fit the SRAM; one power whatever the activity; drawn patterns have no rows or columns that are "
        "fuller than others, and real ones wait longer for the fullest PE."
    )

    @property
    def nonzero_units(self) -> int:
        """Units of the tree that finds non-zero activations: four PEs or units below each."""
        level, units = self.pes, 0
        while level > 1:
            level = ceil(level / 4)
            units += level
        return units

    def stored_entries(self, work: Work) -> float:
        """Entries of A with padding."""
        if work.kernel is None:
            return sum(
                columns * self.pes * self._expected_entries(rows, work.a_density)
                for rows, columns in self._passes(work.m, work.k)
            )
        return float(self._stored(work.kernel)[2].sum())

    def theoretical_cycles(self, work: Work) -> float:
        """Cycles if all PEs were busy all the time: stored entries that meet an activation, over PEs."""
        if work.kernel is None:
            return self.stored_entries(work) * work.b_density * work.n / self.pes
        _, column, entries = self._stored(work.kernel)
        met = np.bincount(column, entries, work.kernel.k)
        b = work.kernel.b
        vectors = np.full(work.kernel.k, work.n) if b is None else np.diff(b.indptr)
        return float(met @ vectors) / self.pes

    def cycles(self, work: Work) -> float:
        """Cycles with the waiting that finite queues leave."""
        if work.kernel is not None:
            return self._counted_cycles(work, work.kernel)
        rng = np.random.default_rng(SEED)
        return work.n * sum(
            times * self._drawn_cycles(rng, rows, max(round(columns * work.b_density), 1), work.a_density)
            for (rows, columns), times in Counter(self._passes(work.m, work.k)).items()
        )

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights) times B (a vector of activations a column). **Raises** `InputError` if A is too large."""
        room = self.pes * self.weight_bytes * 8 / (self.weight_bits + self.index_bits)
        stored = self.stored_entries(work)
        if stored > room:
            raise InputError(
                f"{self.name}: A takes {stored:.3g} entries of {room:.3g} that its SRAM holds; prune more."
            )
        cycles = self.cycles(work)
        pj = cycles / self.clock_ghz
        area = {
            "mac": self.arithmetic_um2,
            "pe_buffer": self.weights_um2,
            "accumulator": self.activations_um2,
            "decoder": self.pointers_um2,
            "noc": self.queue_um2 + self.filler_um2,
        }
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={"compute": cycles},
            energy_pj={
                "mac": pj * self.pes * self.arithmetic_mw,
                "pe_buffer": pj * self.pes * self.weights_mw,
                "accumulator": pj * self.pes * self.activations_mw,
                "intersect_decode": pj * self.pes * self.pointers_mw,
                "noc": pj * (self.pes * self.queue_mw + self.nonzero_units * self.nonzero_mw),
            },
            area_mm2={part: self.pes * um2 * 1e-6 for part, um2 in area.items()}
            | {"scheduler": self.nonzero_units * self.nonzero_um2 * 1e-6},
            peak_macs_per_cycle=float(self.pes),
        )

    def _passes(self, m: float, k: float) -> Iterator[tuple[float, float]]:
        """Rows a PE and columns of each pass, of the outputs and inputs that the registers hold at a time."""
        held = self.registers * self.pes
        for first_row in range(0, ceil(m), held):
            for first_column in range(0, ceil(k), held):
                yield min(m - first_row, held) / self.pes, min(k - first_column, held)

    def _expected_entries(self, rows: float, density: float) -> float:
        """Mean entries of a share of a column, `rows` long: non-zeros, and a padding for each 16 zeros before one."""
        gap = 2**self.index_bits
        bridged = np.arange(gap, max(rows, gap), gap)
        return float(density * (rows + ((rows - bridged) * (1 - density) ** bridged).sum()))

    def _drawn_cycles(self, rng: np.random.Generator, rows: float, columns: int, density: float) -> float:
        """Cycles of a pass of uniform patterns; PEs differ by a row where `rows` is no whole number."""
        share = np.full(self.pes, int(rows))
        share[: round((rows - int(rows)) * self.pes)] += 1
        entries = np.zeros((columns, self.pes))
        for count in np.unique(share):
            here = np.flatnonzero(share == count)
            kept = rng.random((min(columns * len(here), MOST_DRAWN), count), np.float32) < density
            entries[:, here] = rng.choice(self._padded(kept), (columns, len(here)))
        return queued_cycles(entries, self.fifo_depth)

    def _padded(self, kept: np.ndarray) -> np.ndarray:
        """Stored entries [share] of shares of columns [share, row] that are True where a weight is kept."""
        row = np.arange(kept.shape[1])
        last = np.maximum.accumulate(np.where(kept, row, -1), axis=1)
        before = np.concatenate([np.full((len(kept), 1), -1), last[:, :-1]], axis=1)
        return (kept * (1 + (row - before - 1) // 2**self.index_bits)).sum(axis=1)

    def _stored(self, kernel: SparseKernel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column of each non-zero of A, and the entries it takes with the padding before it."""
        column, row = (index.astype(np.int64) for index in csc_array(kernel.a).T.nonzero())
        held = self.registers * self.pes
        order = np.lexsort((row, row % self.pes, row // held, column))
        row, column = row[order], column[order]
        share = (column * ceil(kernel.m / held) + row // held) * self.pes + row % self.pes
        local = row % held // self.pes
        before = np.where(np.diff(share, prepend=-1) == 0, np.diff(local, prepend=0) - 1, local)
        return row, column, 1.0 + before // 2**self.index_bits

    def _counted_cycles(self, work: Work, kernel: SparseKernel) -> float:
        """Cycles of a known pattern: passes times vectors of B, of which up to `MOST_WALKED` are walked."""
        row, column, entries = self._stored(kernel)
        held = self.registers * self.pes
        down, across = ceil(kernel.m / held), ceil(kernel.k / held)
        vectors = 1 if kernel.b is None else kernel.n
        runs = down * across * vectors
        spent = seen = 0.0
        for run in np.unique(np.linspace(0, runs - 1, min(runs, MOST_WALKED)).round().astype(int)):
            turn, vector = divmod(int(run), vectors)
            first = turn % across * held
            here = (row // held == turn // across) & (column // held == turn % across)
            columns = min(held, kernel.k - first)
            place = column[here] % held * self.pes + row[here] % self.pes
            share = np.bincount(place, entries[here], columns * self.pes).reshape(columns, self.pes)
            if kernel.b is not None:
                share = share[np.flatnonzero(kernel.b[first : first + columns, [vector]].toarray()[:, 0])]
            spent += queued_cycles(share, self.fifo_depth)
            seen += share.mean(axis=1).sum() + len(share)
        sent = kernel.k * kernel.n if kernel.b is None else kernel.b.nnz
        whole = self.theoretical_cycles(work) + down * sent
        return spent * whole / max(seen, 1.0)
