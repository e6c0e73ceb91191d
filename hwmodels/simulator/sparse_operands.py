"""Two sparse operands as compiled code wants them: tiles of A, and the parts of B's rows that they meet."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.multiplication import multiply_sparse
from hwmodels.simulator.sparse_loads import conflicts_of, deal_columns
from hwmodels.simulator.stored_operand import RowFibers, StoredOperand
from hwmodels.simulator.tile_cutting import across_tiles
from hwmodels.simulator.visits import Numbering


class ATiles(NamedTuple):
    """Of each tile of A with entries: the row and the tile of B that it meets first, its first visit, its sizes."""

    top: np.ndarray
    b_first: np.ndarray
    first_visit: np.ndarray
    height: np.ndarray
    width: np.ndarray


class AEntries(NamedTuple):
    """The entries of A, tile by tile and row by row."""

    start: np.ndarray
    column: np.ndarray
    rows: RowFibers
    row_nonzeros: np.ndarray


class BRowParts(NamedTuple):
    """The parts of B's rows that lie in one tile each, row by row of the matrix.

    Of each part: its tile among those with entries, visits of a tile of A before that of its tile, first and last + 1
    entry, non-zeros, steps if the row is worked on by its owners.
    """

    of_row: np.ndarray
    tile: np.ndarray
    rank: np.ndarray
    first: np.ndarray
    end: np.ndarray
    nonzeros: np.ndarray
    steps: np.ndarray

    @property
    def entries(self) -> np.ndarray:
        """Stored entries of each part."""
        return self.end - self.first


class BLanes(NamedTuple):
    """Lanes that have columns of B, tile by tile; see `sparse_loads.deal_columns`.

    `of_entry`: the lane of each entry. Non-empty columns tile by tile (`fibers_of`) and lane by lane: of each its
    `lane` and the rows of its entries, `row[start : end]`.
    """

    of_entry: np.ndarray
    first: np.ndarray
    columns: np.ndarray
    entries: np.ndarray
    fibers_of: np.ndarray
    lane: np.ndarray
    start: np.ndarray
    end: np.ndarray
    row: np.ndarray


def a_tiles_of(a: StoredOperand, b: StoredOperand, numbering: Numbering) -> ATiles:
    """Tiles of A, in their order."""
    of = a.stored
    return ATiles(
        top=a.j[of] * b.tile[0],
        b_first=np.searchsorted(b.i, a.j[of]),
        first_visit=numbering.first[np.append(of, len(a.i))],
        height=a.height[of],
        width=a.width[of],
    )


def a_entries_of(a: StoredOperand) -> AEntries:
    """A row by row."""
    return AEntries(a.start, a.column, a.rows, a.row_nonzeros)


def b_row_parts_of(design: ConcreteDesign, b: StoredOperand, numbering: Numbering) -> BRowParts:
    """B in parts of rows."""
    of, rows = b.stored, b.rows
    tile_of = np.repeat(np.arange(len(of)), np.diff(rows.fibers_of))
    of_row, part = across_tiles(b.i[of], rows.fibers_of, rows.number, b.tile[0], b.shape[0])
    steps = conflicts_of(rows, b.column, design.width)
    first, end = rows.first[:-1][part], rows.first[1:][part]
    tile = tile_of[part]
    return BRowParts(of_row, tile, numbering.rank[of][tile], first, end, b.row_nonzeros[part], steps[part])


def b_lanes_of(design: ConcreteDesign, b: StoredOperand) -> tuple[BLanes, np.ndarray]:
    """Lanes of B's columns, and the entries of the most loaded lane of each tile that a visit can see."""
    fibers = b.columns
    lane_of, first, columns, entries, most = deal_columns(
        fibers, b.width[b.stored], design.width, design.schedule_index()
    )
    of_entry = np.empty(len(b.value), np.int64)
    of_entry[fibers.order] = np.repeat(lane_of, np.diff(fibers.first))
    by_lane, row = np.argsort(lane_of, kind="stable"), b.row[fibers.order]
    ends = fibers.first[:-1][by_lane], fibers.first[1:][by_lane]
    lanes = BLanes(of_entry, first, columns, entries, fibers.fibers_of, lane_of[by_lane], *ends, row)
    return lanes, b.per_tile(most)


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
