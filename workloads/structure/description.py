"""Everything that is found in one pattern, and in words."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from workloads.structure.balance import Balance, measure_balance
from workloads.structure.band import Band, find_band, find_reordered_band
from workloads.structure.blocks import Blocks, find_blocks
from workloads.structure.evenness import NEAR_CORRELATION, SIGNIFICANCE, Evenness, measure_evenness
from workloads.structure.heavy_tail import Tail, find_tail
from workloads.structure.n_of_m import NofM, find_n_of_m
from workloads.structure.repeats import Repeats, find_repeats
from workloads.structure.zeros_origin import Findings, Origin, find_origin

CLUSTERED = 0.1
"""Correlation of neighbours from which non-zeros come in runs. Our choice."""
EVEN = 0.5
"""Variance over that of chance, below which counts are even by design. Our choice."""
EMPTY = 0.25
"""Share of empty rows or columns, beyond chance, that is worth a word. Our choice."""
HUBS = 1.5
"""Coefficient of variation from which a few rows or columns hold much; the geometric law has 1. Our choice."""


@dataclass(frozen=True)
class Structure:
    """A pattern, described. Every part says by which criterion in its module."""

    shape: tuple[int, int]
    nnz: int
    evenness: Evenness
    n_of_m: NofM
    blocks: Blocks | None
    """The best to store by."""
    grid: Blocks | None
    """The best aligned."""
    band: Band | None
    reordered: Band | None
    """The band in reverse Cuthill-McKee order."""
    row_tail: Tail | None
    column_tail: Tail | None
    repeats: Repeats
    balance: Balance
    column_balance: Balance
    origin: Origin

    @property
    def density(self) -> float:
        """Share of non-zeros."""
        return self.nnz / (float(self.shape[0]) * self.shape[1])

    @property
    def zeros(self) -> float:
        """Share of zeros."""
        return 1.0 - self.density

    @property
    def findings(self) -> dict[str, str]:
        """Name of each structure found -> one phrase. The first is the one to build for; there is at least one."""
        if self.zeros == 0:
            return {"dense": "no zeros"}
        found = self._regular() | self._heavy()
        if not found:
            even, uneven = self.evenness, self._unevenness()
            if even.uniform:
                found["uniform"] = "rows, columns, tiles and neighbours are as chance has them"
            elif even.nearly_uniform:
                found["uniform"] = f"but for small differences: {uneven}"
            else:
                found["unstructured"] = uneven
        return found | self._also()

    def _regular(self) -> dict[str, str]:
        """N:M, blocks, diagonals, band."""
        found, nm, block, near = {}, self.n_of_m, self.blocks, self.band
        if nm.found:
            found["N:M"] = f"{nm.n}:{nm.m} along {nm.along}, {nm.fill:.0%} of the slots in use"
        if block is not None:
            found["block"] = f"{block.side} x {block.side} blocks, {block.fill:.0%} full"
        if near is not None and near.diagonal and min(self.shape) > 2 * near.diagonals:
            number = f"{near.diagonals} diagonal{'s' if near.diagonals > 1 else ''}"
            found["diagonals"] = f"95% of the non-zeros on {number}, {near.diagonal_fill:.0%} full"
        if near is not None and near.found:
            found["banded"] = (
                f"95% of the non-zeros within {near.half_width} of the diagonal, {near.area:.2g} of the area"
            )
        return found

    def _heavy(self) -> dict[str, str]:
        """Heavy tails of the counts by row or column."""
        sides = {"row": (self.row_tail, self.balance), "column": (self.column_tail, self.column_balance)}
        laws = [
            f"counts by {what} fall with exponent {one.exponent:.2f} from {one.start} to {one.start * one.reach:.0f}"
            for what, (one, _) in sides.items()
            if one is not None and one.found
        ]
        if laws:
            return {"power law": ", ".join(laws)}
        hubs = [
            f"counts by {what} have a variation of {one.variation:.2g}, the fullest {one.fullest:.0f} times the mean"
            for what, (_, one) in sides.items()
            if one.variation >= HUBS
        ]
        return {"heavy tail": ", ".join(hubs)} if hubs else {}

    def _unevenness(self) -> str:
        """Where counts vary other than by chance: coefficients of variation beyond it."""
        even = self.evenness
        parts = {"rows": even.rows, "columns": even.columns, f"{even.tile} x {even.tile} tiles": even.tiles}
        told = {what: s for what, s in parts.items() if s.p_value < SIGNIFICANCE}
        more = [f"{what} {s.excess:.2f}" for what, s in told.items() if s.excess > 0]
        if more:
            return f"variation beyond chance {', '.join(more)}"
        runs = (even.along_rows, even.along_columns)
        correlated = any(one.p_value < SIGNIFICANCE and abs(one.correlation) > NEAR_CORRELATION for one in runs)
        return "neighbours are not independent" if correlated else "counts more even than chance"

    def _also(self) -> dict[str, str]:
        """What goes with any of the above."""
        found, even, again = {}, self.evenness, self.repeats
        runs = {"rows": even.along_rows, "columns": even.along_columns}
        runs = [
            f"{one.correlation:.2f} along {along}"
            for along, one in runs.items()
            if one.correlation >= CLUSTERED and one.p_value < SIGNIFICANCE
        ]
        if runs:
            found["clustered"] = f"correlation of neighbours {' and '.join(runs)}"
        empty = {"rows": (self.balance.empty, self.shape[1]), "columns": (self.column_balance.empty, self.shape[0])}
        empty = [
            f"{share:.0%} of the {what}"
            for what, (share, length) in empty.items()
            if share - self.zeros**length >= EMPTY
        ]
        if empty:
            found["empty"] = " and ".join(empty)
        even_ones = {"row": even.rows, "column": even.columns}
        even_ones = [
            f"counts by {what} more even than chance, variation {one.variation:.2g}"
            for what, one in even_ones.items()
            if one.p_value < SIGNIFICANCE and one.dispersion < EVEN
        ]
        if even_ones:
            found["even"] = ", ".join(even_ones)
        near = self.reordered
        if near is not None and near.found and not (self.band is not None and self.band.found):
            found["reorderable"] = (
                f"in reverse Cuthill-McKee order 95% of the non-zeros lie within {near.half_width} of the diagonal, "
                f"{near.area:.2g} of the area"
            )
        grid, block = self.grid, self.blocks
        if grid is not None and (block is None or grid.side != block.side):
            found["aligned"] = (
                f"to a grid of {grid.side} x {grid.side}, whose occupied squares are {grid.fill:.0%} full"
            )
        if again.symmetric:
            found["symmetric"] = "the pattern is its own transpose"
        elif again.symmetry > 0.9:
            found["nearly symmetric"] = f"{again.symmetry:.1%} of the non-zeros are mirrored"
        twins = {"rows": again.rows, "columns": again.columns}
        twins = [f"{one.share:.0%} of the {what}" for what, one in twins.items() if one.found]
        if twins:
            found["repeated"] = f"{' and '.join(twins)} have the pattern of another"
        return found


def describe_structure(matrix: csr_array, source: Origin | None = None) -> Structure:
    """Everything about the pattern of a canonical CSR matrix; `source`: what is known of where it is from."""
    by_row, by_column = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])
    nm, near, again, (block, grid) = find_n_of_m(matrix), find_band(matrix), find_repeats(matrix), find_blocks(matrix)
    tails = (find_tail(by_row), find_tail(by_column))
    return Structure(
        (int(matrix.shape[0]), int(matrix.shape[1])),
        int(matrix.nnz),
        measure_evenness(matrix),
        nm,
        block,
        grid,
        near,
        find_reordered_band(matrix),
        *tails,
        again,
        measure_balance(by_row),
        measure_balance(by_column),
        find_origin(matrix, Findings(nm, block, near, tails, again), source),
    )
