"""How the results of each visit reach DRAM, and how partial ones come back (docs/machine.md, section 5)."""

import numpy as np

from hwmodels.simulator.accounting import Memory
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import Bits, Fates
from hwmodels.simulator.visits import TileVisits, VisitGroups, group


def traffic_in_place(
    memory: Memory, visits: TileVisits, finished_bits: np.ndarray, partial_bits: np.ndarray
) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit where the places of all results are known, and its tile of Z takes so many.

    Complete: written once, in the background of the tile's visits. Partial: out as accumulator words, and back at the
    next visit.
    """
    finished_bits, partial_bits = memory.in_bursts(finished_bits), memory.in_bursts(partial_bits)
    tiles = group(visits.m * visits.trips["n"] + visits.n)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished_bits * tiles.first)
    return np.where(tiles.first, 0.0, partial_bits), np.where(tiles.last, finished_bits, partial_bits).astype(float)


def traffic_appended(
    design: ConcreteDesign, memory: Memory, visits: TileVisits, fates: Fates, rows: np.ndarray
) -> tuple[Bits, Bits]:
    """(read, written) bits of each visit where Z is sparse; `rows` in its tile of Z.

    Complete: written once, in the background of the tile's visits. Partial: each visit appends its outputs; the last
    reads them back and writes Z. One pointer for each row of a visited row block is spread over the block's visits.
    """
    widths = design.widths("m", "n")
    tiles = group(visits.m * visits.trips["n"] + visits.n)
    fresh = tiles.total(fates.fresh).astype(np.int64)
    finished = memory.in_bursts(fresh * (design.value_bits + widths.column))
    pointers = pointer_bits(memory, group(visits.m), rows * widths.pointer)
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished * tiles.first) + pointers
    appended = memory.in_bursts(fates.results * (design.accumulator_bits + widths.row + widths.column))
    read = np.where(tiles.last, tiles.total(appended), 0.0)
    return read, appended + np.where(tiles.last, finished, 0) + pointers


def pointer_bits(memory: Memory, blocks: VisitGroups, bits: np.ndarray) -> Bits:
    """The pointers of a row block, of so many bits, written once and spread over its visits."""
    return blocks.mean(memory.in_bursts(bits) * blocks.first)
