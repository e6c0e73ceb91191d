"""What entries of A and rows of B make of each other in each visit, added up."""

from typing import NamedTuple

import numpy as np

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import PerVisit
from hwmodels.simulator.multiplication import EFFECTUAL
from hwmodels.simulator.places import ceil_div
from hwmodels.simulator.sparse_loads import meet
from hwmodels.simulator.sparse_operands import AEntries, ATiles, BRowParts
from hwmodels.simulator.stored_operand import PerTile, StoredOperand
from hwmodels.simulator.unskipped_b import selects_rows
from hwmodels.simulator.visits import Numbering, TileVisits


class RowSums(NamedTuple):
    """Sums over non-empty rows of B in each visit: of the rows, their entries, steps by their owners, and cycles in
    which they cross the buses alone (of a B that does not skip: beyond those of an empty row)."""

    rows: PerVisit
    entries: PerVisit
    steps: PerVisit
    value_cycles: PerVisit
    index_cycles: PerVisit


class MetRows(NamedTuple):
    """`sent`: over the rows that are sent; `met`: over the row that each entry of A meets.

    Of each tile of B: metadata of a row that is fetched, but for its entries, and cycles in which an empty row crosses
    each bus (none of a B that skips: it is not fetched).
    """

    sent: RowSums
    met: RowSums
    row_index_bits: PerTile
    empty_value_cycles: PerTile
    empty_index_cycles: PerTile


def meetings_of(
    design: ConcreteDesign,
    stored: tuple[StoredOperand, StoredOperand],
    operands: tuple[ATiles, AEntries, BRowParts],
    visits: TileVisits,
    numbering: Numbering,
) -> MetRows:
    """What is sent and met of B in each visit."""
    (a, b), (tiles, left, right) = stored, operands
    rates = b.rates
    row_index_bits = np.zeros_like(b.height) if b.format.pointers == "rows" else rates["metadata_row"]
    on_value, on_index = design.value_bus_bits, design.index_bus_bits
    empty = [ceil_div(rates["value_row"], on_value), ceil_div(row_index_bits, on_index)]
    if design.b_skips:
        empty = [np.zeros_like(cycles) for cycles in empty]
    of = b.stored[right.tile]
    figures = np.stack(
        RowSums(
            rows=np.ones_like(right.steps),
            entries=right.entries,
            steps=right.steps,
            value_cycles=ceil_div(rates["value_entry"][of] * right.entries + rates["value_row"][of], on_value)
            - empty[0][of],
            index_cycles=ceil_div(rates["metadata_entry"][of] * right.entries + row_index_bits[of], on_index)
            - empty[1][of],
        ),
        axis=1,
    )
    totals = [np.bincount(right.tile, column, len(b.stored)).astype(np.int64) for column in figures.T]
    sent = np.stack([b.per_tile(column) for column in totals], axis=1)[visits.b]
    met = sent * a.height[visits.a][:, None]
    if design.a_skips:
        extent = min(design.tile_k, a.shape[1])
        touched, met = (numbering.in_order(sums) for sums in meet(extent, left, tiles, right, figures, len(visits)))
        sent = touched if selects_rows(design, b) else sent
    return MetRows(RowSums(*sent.T), RowSums(*met.T), row_index_bits, *empty)


def pairs_of_entries(a: StoredOperand, b: StoredOperand, meetings: MetRows, found: np.ndarray) -> PerVisit:
    """Pairs of entries that meet where both operands skip, padding included; `found` by `multiply_sparse`."""
    return meetings.met.entries if a.format.has_runs or b.format.has_runs else found[:, EFFECTUAL]
