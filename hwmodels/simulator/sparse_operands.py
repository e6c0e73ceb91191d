"""Two sparse operands as compiled code wants them: tiles of A, and the parts of B's rows that they meet."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.multiplication import multiply_sparse
from hwmodels.simulator.sparse_loads import deal_columns, row_steps
from hwmodels.simulator.stored_operand import ColumnFibers, RowFibers, StoredOperand
from hwmodels.simulator.tile_cutting import across_tiles
from hwmodels.simulator.visits import Numbering

NONE, NONE_LONG = np.zeros(0, np.int32), np.zeros(0, np.int64)


class ATiles(NamedTuple):
    """Of each tile of A with entries: the row and the tile of B that it meets first, its first visit, its sizes, and
    what a share of it takes for each row and in all."""

    top: np.ndarray
    b_first: np.ndarray
    first_visit: np.ndarray
    height: np.ndarray
    width: np.ndarray
    share_row_bits: np.ndarray
    share_fixed_bits: np.ndarray


class AEntries(NamedTuple):
    """The entries of A; for skip-ahead also column by column, and the row of each among those of all tiles."""

    start: np.ndarray
    column: np.ndarray
    rows: RowFibers
    row_nonzeros: np.ndarray
    columns: ColumnFibers
    row_of: np.ndarray


class BRowParts(NamedTuple):
    """The parts of B's rows that lie in one tile each, row by row of the matrix.

    Of each part: visits of a tile of A before that of its tile, first and last + 1 entry, non-zeros, steps to deal it.
    For skip-ahead, the same rows tile by tile, and of each entry `above` and `below`, the rows of its neighbours in its
    column (-1, and the tile's height, where there is none).
    """

    of_row: np.ndarray
    rank: np.ndarray
    first: np.ndarray
    end: np.ndarray
    nonzeros: np.ndarray
    steps: np.ndarray
    tile_rows: RowFibers
    above: np.ndarray
    below: np.ndarray


class BLanes(NamedTuple):
    """Lanes that have columns of B, tile by tile; see `sparse_loads.deal_columns`. `of_entry`: each entry's lane."""

    of_entry: np.ndarray
    first: np.ndarray
    columns: np.ndarray
    entries: np.ndarray


def a_tiles_of(a: StoredOperand, b: StoredOperand, numbering: Numbering) -> ATiles:
    """Tiles of A, in their order."""
    of = a.stored
    rates = {name: values[of] for name, values in a.rates.items()}
    return ATiles(
        top=a.j[of] * b.tile[0],
        b_first=np.searchsorted(b.i, a.j[of]),
        first_visit=numbering.first[np.append(of, len(a.i))],
        height=a.height[of],
        width=a.width[of],
        share_row_bits=rates["value_row"] + rates["metadata_row"],
        share_fixed_bits=rates["metadata_fixed"],
    )


def a_entries_of(a: StoredOperand, in_order: bool) -> AEntries:
    """A row by row, and in the order of its columns if that matters."""
    rows, columns, row_of = a.rows, ColumnFibers(*(NONE_LONG for _ in range(4))), NONE_LONG
    if in_order:
        columns, row_of = a.columns, np.repeat(np.arange(len(rows.number)), np.diff(rows.first))
    return AEntries(a.start, a.column, rows, a.row_nonzeros, columns, row_of)


def b_row_parts_of(
    design: ConcreteDesign, b: StoredOperand, numbering: Numbering, passes: int, neighbours: bool
) -> BRowParts:
    """B in parts of rows, each dealt to the array in so many column passes."""
    of, rows = b.stored, b.rows
    tile_of = np.repeat(np.arange(len(of)), np.diff(rows.fibers_of))
    of_row, part = across_tiles(b.i[of], rows.fibers_of, rows.number, b.tile[0], b.shape[0])
    steps = row_steps(rows, b.column, b.width[of], passes, design.width)
    first, end = rows.first[:-1][part], rows.first[1:][part]
    nonzeros = b.row_nonzeros[part]
    beside = _neighbours(b) if neighbours else (NONE, NONE)
    return BRowParts(of_row, numbering.rank[of][tile_of[part]], first, end, nonzeros, steps[part], rows, *beside)


def tile_steps(b: StoredOperand, right: BRowParts) -> np.ndarray:
    """Steps of all rows of each tile of B, for all tiles that a visit can see."""
    tile = np.searchsorted(b.start, right.first, side="right") - 1
    return b.per_tile(np.bincount(tile, right.steps, len(b.stored)).astype(np.int64))


def b_lanes_of(design: ConcreteDesign, b: StoredOperand) -> tuple[BLanes, np.ndarray]:
    """Lanes of B's columns, and the entries of the most loaded lane of each tile that a visit can see."""
    fibers = b.columns
    lane_of, first, columns, entries, most = deal_columns(
        fibers, b.width[b.stored], design.width, design.schedule_index()
    )
    of_entry = np.empty(len(b.value), np.int64)
    of_entry[fibers.order] = np.repeat(lane_of, np.diff(fibers.first))
    return BLanes(of_entry, first, columns, entries), b.per_tile(most)


def _neighbours(b: StoredOperand) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the neighbours in its column of each entry of B."""
    fibers = b.columns
    row, starts = b.row[fibers.order], fibers.first[:-1]
    above, below = np.roll(row, 1), np.roll(row, -1)
    above[starts] = -1
    below[fibers.first[1:] - 1] = np.repeat(b.height[b.stored], np.diff(fibers.fibers_of))
    found = np.empty_like(row), np.empty_like(row)
    found[0][fibers.order], found[1][fibers.order] = above, below
    return found


def product_sparse(
    matrices: tuple[csr_array, csr_array], a: StoredOperand, tiles: ATiles, right: BRowParts
) -> tuple[csr_array, np.ndarray]:
    """Z, which keeps entries that cancelled; and by visit what `multiply_sparse` counts."""
    blocks = np.searchsorted(a.i[a.stored], np.arange(a.trips[0] + 1))
    m, n = int(matrices[0].shape[0]), int(matrices[1].shape[1])
    stored = [(x.indptr.astype(np.int64), x.indices.astype(np.int32, copy=False), x.data) for x in matrices]
    start, column, value, found = multiply_sparse(
        *stored,
        (blocks, a.j[a.stored], tiles.first_visit),
        (right.of_row, right.nonzeros, right.rank),
        (a.tile[0], a.tile[1], a.trips[1], n),
        int(tiles.first_visit[-1]),
    )
    return csr_array((value, column, start), shape=(m, n)), found
