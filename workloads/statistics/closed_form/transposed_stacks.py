"""Tiles of a transposed density, from the rows of the density itself."""

import numpy as np

from workloads.densities.density import Density
from workloads.statistics.closed_form.row_distributions import row_laws
from workloads.statistics.closed_form.row_stacks import Stack
from workloads.statistics.closed_form.sum_distributions import Law


class StacksOfRows:
    """What tiles of a matrix hold, from its rows, if the tables are of its transpose."""

    def __init__(self, density: Density, rows: int, columns: int):
        self.density, self.rows, self.columns = density, rows, columns
        self._stacks: dict[int, Stack] = {}

    def law(self, width: int, height: int) -> Law:
        """Law of tiles of `height` rows and `width` columns."""
        if width not in self._stacks:
            laws = row_laws(self.density, self.rows, self.columns, 1 << max(width - 1, 0).bit_length())
            if all(one.width != width for one in laws):
                laws = row_laws(self.density, self.rows, self.columns, width)
            self._stacks[width] = Stack(max((one for one in laws if one.width == width), key=lambda one: one.count))
        return self._stacks[width].law(height)

    def along_columns(self, width: int, height: int, alone: Law) -> Law:
        """`law` with columns for rows: how rows of the tile fill up is known, its columns are `used_columns`.

        `alone`: the law if columns were independent, for the padding along them.
        """
        law = self.law(width, height)
        held, chance = law.points, law.probability
        used = used_columns(law, height, width)
        mean = held / height
        variance = np.maximum(law.given("squares") / height - mean**2, 0.0)
        squares = (mean - variance) * height**2
        rows_squared = used**2 + used * (1 - used / width)
        padding = [np.interp(held, alone.points, alone.given(name)) for name in ("padding", "padding_squared")]
        given = [np.ones(held.size), used, rows_squared, 1 - law.given("rows") / height, squares, *padding]
        return Law(held, np.stack(given, axis=1) * chance[:, None], law.mean, law.variance, law.sums)


def used_columns(law: Law, height: int, width: int) -> np.ndarray:
    """Non-empty columns of a tile given its non-zeros, [n]; entries of a row are at uniform places."""
    mean = law.points / width
    some = np.minimum(np.maximum(1 - law.given("no_entry"), mean / height), np.minimum(mean, 1.0))
    return np.where(mean > 0, some, 0.0) * width
