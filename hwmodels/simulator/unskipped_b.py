"""What the array does where B does not skip: all columns of a tile of B are alike, and A's tiles decide."""

import numpy as np

from hwmodels.simulator.concrete_design import MASK_BITS, ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, PerVisit
from hwmodels.simulator.dense_loads import ALL_STEPS, DECODE, ROWS, STEPS, STORED, busiest_queues
from hwmodels.simulator.places import Places, ceil_div, groups_of, hold_unskipped_b, passes_of, share_of
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.visits import TileVisits


def queue_loads(design: ConcreteDesign, a: StoredOperand, row_work: np.ndarray | None = None) -> np.ndarray:
    """What the most loaded queue has of each tile of A, [tiles, quantities of `dense_loads`].

    `row_work`: what the rows with entries are dealt by, their non-zeros if it is not given.
    """
    by_masks = a.format.has_mask and not design.is_outer
    return busiest_queues(
        a.index,
        a.rows,
        a.row_nonzeros if row_work is None else row_work,
        a.height,
        a.width,
        design.queues,
        design.schedule_index(alike=not design.a_skips),
        design.deals_evenly,
        design.a_skips,
        design.entries_a_step,
        design.mask_word_bits if by_masks else 0,
    )


def column_mask_cycles(design: ConcreteDesign, a: StoredOperand) -> np.ndarray:
    """Cycles in which a decoder of the outer product reads the mask of one column of each tile of A."""
    if not (design.a_skips and a.format.has_mask):
        return np.zeros_like(a.height)
    return ceil_div(ceil_div(a.height, design.queues), MASK_BITS)


def queued_rows(design: ConcreteDesign, a: StoredOperand) -> np.ndarray:
    """Rows of each tile of A that are queued."""
    return a.rows_touched if design.a_skips else a.height


def selects_rows(design: ConcreteDesign, b: StoredOperand) -> bool:
    """Whether only the rows of B that A's tile touches are sent."""
    return design.a_skips and b.format.rows_addressable and not design.lanes_are_on_k


def rows_to_send(design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits) -> PerVisit:
    """Rows of B that are sent to the PEs' buffers in each visit."""
    if selects_rows(design, b):
        return a.columns_touched[visits.a]
    return b.height[visits.b]


def work_on_unskipped_b(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits
) -> tuple[ArrayWork, Places]:
    """What keeps the array busy in each visit, and what is held in the PEs."""
    loads = queue_loads(design, a)[visits.a]
    share = share_of(design, a, loads[:, STORED], loads[:, ROWS])
    places = hold_unskipped_b(design, a, min(b.tile[1], b.shape[1]), share)
    columns = b.width[visits.b]
    groups, passes = groups_of(design, columns), passes_of(design, columns, places)
    decode = loads[:, DECODE]
    if design.is_outer:
        decode = decode + (a.width * column_mask_cycles(design, a))[visits.a]
    port, words = _words(design, a.width[visits.a], columns, rows_to_send(design, a, b, visits))
    stored = a.entries[visits.a]
    work = ArrayWork(
        compute=loads[:, STEPS] * groups + passes * design.pass_cycles,
        decode=passes * (decode + design.pass_cycles),
        buffer_port=port,
        passes=passes,
        entries=stored if design.a_skips else (a.height * a.width)[visits.a],
        decoded=stored,
        word_steps=loads[:, ALL_STEPS] * groups,
        words=words,
    )
    return work, places


def _words(
    design: ConcreteDesign, depth: PerVisit, columns: PerVisit, rows_sent: PerVisit
) -> tuple[PerVisit, PerVisit]:
    """Words of B that a PE takes in each visit, and those of all columns of PEs that hold different ones."""
    if design.fetches_rows:
        return np.zeros_like(columns), np.zeros_like(columns)
    if design.lanes_are_on_k:
        down = ceil_div(depth, design.active_lanes)
        return down * groups_of(design, columns), down * columns
    return rows_sent * groups_of(design, columns), rows_sent * ceil_div(columns, design.active_lanes)
