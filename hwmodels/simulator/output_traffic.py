"""How the results of each visit reach DRAM, and how partial ones come back (docs/machine.md, section 4)."""

import numpy as np

from hwmodels.formats.encoders.encoded import Widths
from hwmodels.simulator.concrete_design import Machine
from hwmodels.simulator.counters import Bits, Work
from hwmodels.simulator.visits import Visits, group


def dense_z(machine: Machine, visits: Visits, words: np.ndarray) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit; `words` in its tile of Z.

    Complete: written once as values, in the background of the tile's visits. Partial: out as accumulator words, and
    back at the next visit.
    """
    tiles = group(visits.m * visits.trips["n"] + visits.n)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(words * machine.value_bits * tiles.first)
    partial = words * machine.accumulator_bits
    return np.where(tiles.first, 0.0, partial), np.where(tiles.last, words * machine.value_bits, partial).astype(float)


def sparse_z(machine: Machine, visits: Visits, work: Work, rows: np.ndarray) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit; `rows` in its tile of Z.

    Complete: written once, in the background of the tile's visits. Partial: each visit appends its outputs; the last
    reads them back and writes Z. One pointer for each row of a visited row block is spread over the block's visits.
    """
    widths: Widths = machine.widths("m", "n")
    tiles, blocks = group(visits.m * visits.trips["n"] + visits.n), group(visits.m)
    finished = work.fresh * (machine.value_bits + widths.column)
    pointers = blocks.mean(rows * widths.pointer * blocks.first)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished) + pointers
    appended = work.outputs * (machine.accumulator_bits + widths.row + widths.column)
    read = np.where(tiles.last, tiles.total(appended), 0.0)
    return read, appended + np.where(tiles.last, tiles.total(finished), 0.0) + pointers
