"""How the results of each visit reach DRAM, and how partial ones come back (docs/machine.md, section 4)."""

import numpy as np

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, Bits
from hwmodels.simulator.visits import TileVisits, group


def traffic_in_place(visits: TileVisits, finished_bits: np.ndarray, partial_bits: np.ndarray) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit where the places of all results are known, and its tile of Z takes so many.

    Complete: written once, in the background of the tile's visits. Partial: out as accumulator words, and back at the
    next visit.
    """
    tiles = group(visits.m * visits.trips["n"] + visits.n)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished_bits * tiles.first)
    return np.where(tiles.first, 0.0, partial_bits), np.where(tiles.last, finished_bits, partial_bits).astype(float)


def traffic_appended(
    design: ConcreteDesign, visits: TileVisits, work: ArrayWork, rows: np.ndarray
) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit where Z is sparse; `rows` in its tile of Z.

    Complete: written once, in the background of the tile's visits. Partial: each visit appends its outputs; the last
    reads them back and writes Z. One pointer for each row of a visited row block is spread over the block's visits.
    """
    widths = design.widths("m", "n")
    tiles, blocks = group(visits.m * visits.trips["n"] + visits.n), group(visits.m)
    finished = work.fresh * (design.value_bits + widths.column)
    pointers = blocks.mean(rows * widths.pointer * blocks.first)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished) + pointers
    appended = work.outputs * (design.accumulator_bits + widths.row + widths.column)
    read = np.where(tiles.last, tiles.total(appended), 0.0)
    return read, appended + np.where(tiles.last, tiles.total(finished), 0.0) + pointers
