"""Statistics of one sparse operand: its tables as they are stored, and what the models look up in them."""

from dataclasses import astuple
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache.tables import cached
from workloads.densities import Density
from workloads.kernels.matrix_product import pattern_hash
from workloads.statistics.closed_form.group_occupancy import fullest_groups
from workloads.statistics.closed_form.operand_counts import expected_operand
from workloads.statistics.lattice import from_log, interpolate, interpolate_log, ratio, to_log
from workloads.statistics.occupancy import Cut, Scalar, occupancy_table, occupied, occupied_along, places_of
from workloads.statistics.operand_counts import POINT_QUANTITIES, TILE_QUANTITIES, count_operand, group_occupancies
from workloads.statistics.sampling import summarize
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.tile_classes import CLASSES

VERSION = 14
"""Raised whenever a stored table of an operand or of a pair changes its meaning, so that it is measured again."""

PEAKS = ("peak_nonzeros", "peak_padding", "peak_blocks")
TILES_ENTRY, SIDE_ENTRY = 7, 3
"""Lengths of entries of occupancy tables: of tiles, and of what goes along one side."""
ALONG = ("columns", "touched", "block_rows", "rows", "block_columns")
"""What the entries that end `OperandStatistics.tiles` count: the first three go down, the others across."""

LOADS = ("rows", "nonzeros", "work")
"""What the most loaded partition is measured by; an entry's work is the non-zeros of the row of B that it meets."""

ERROR = "error."
"""Goes before the names of tables whose sampling error is kept."""

PerClass = Float[Array, "c ..."]


class Tiles(eqx.Module):
    """What the non-empty tiles of one shape hold."""

    classes: dict[str, PerClass]
    """Totals over the tiles of each class, by `TILE_QUANTITIES`."""
    totals: dict[str, Scalar]
    """Totals over all tiles; also rows and columns of the matrix in non-empty blocks of rows and of columns."""
    peaks: dict[str, Scalar]
    """The largest tile, by `PEAKS`."""
    scale: dict[str, Scalar]
    """By `LOADS`: what interpolated sums over tiles are off by, as far as the total is known."""


class OperandStatistics(eqx.Module):
    """Tables of one operand, log2 of counts; see `workloads.statistics.operand_counts` for the quantities."""

    rows: Scalar
    columns: Scalar
    nonzeros: Scalar
    work: Scalar
    """Products with the other operand; non-zeros where that is dense."""
    used: Float[Array, "3"]
    """Non-empty rows, non-empty columns, and the weight of these columns."""
    group_occupancy: Float[Array, "4 1"]
    """Fullest aligned group of 1, 2, 4 and 8 neighbours along a row."""
    tiles: Float[Array, "lm lk q"]
    """Last axis: `TILE_QUANTITIES` by class, `PEAKS`, then of `occupancy.occupancy_table`: tiles with their heights,
    widths and areas; columns of tiles, these by weight, blocks of rows; rows of tiles, blocks of columns."""
    loads: Float[Array, "lm lk p r"]
    """Last axis: by `LOADS` (work only where the other operand is sparse), then schedule, then class."""
    shares: Float[Array, "lm lk p s"]
    """The most that any partition has of any tile; last axis: rows, then non-zeros, each by schedule."""

    def tiles_of(self, down: Cut, across: Cut) -> Tiles:
        """The non-empty tiles of rows and columns cut like this.

        Interpolated sums over classes are scaled to the totals that are known at any shape: the non-zeros, their work,
        and the counts of what is occupied (`occupancy`).
        """
        logs = interpolate_log(self.tiles, places_of(down, across))
        sides = len(ALONG) * SIDE_ENTRY
        held, of_tiles, of_sides = jnp.split(logs, [logs.size - sides - TILES_ENTRY, logs.size - sides])
        tiles = occupied(of_tiles, (down, across))
        by_length = [name.startswith("block") for name in ALONG]
        along = occupied_along(of_sides.reshape(-1, SIDE_ENTRY), [down] * 3 + [across] * 2, by_length)
        found = from_log(held)
        by_class, peaks = jnp.split(found, [found.size - len(PEAKS)])
        by_class = by_class.reshape(len(TILE_QUANTITIES), -1)
        sums = by_class @ jnp.ones_like(by_class[0])
        used_rows, used_columns, used_weight = jnp.unstack(self.used)
        whole = jnp.ones_like(used_rows)
        along = along * jnp.stack([used_columns, used_weight, whole, used_rows, whole])
        totals = dict(zip(ALONG, jnp.unstack(along), strict=True)) | {
            "tiles": tiles.total(0),
            "heights": tiles.total(1, (0,)),
            "widths": tiles.total(2, (1,)),
            "areas": tiles.total(3, (0, 1)),
        }
        each = ratio(self.nonzeros, sums[TILE_QUANTITIES.index("nonzeros")])
        beside = {name: sums[TILE_QUANTITIES.index(name)] * each for name in ("padding", "blocks")}
        known = totals | beside | {"nonzeros": self.nonzeros, "work": self.work}
        scale = ratio(jnp.stack([known[name] for name in TILE_QUANTITIES]), sums)
        return Tiles(
            classes=dict(zip(TILE_QUANTITIES, jnp.unstack(by_class * scale[:, None]), strict=True)),
            totals=totals,
            peaks=dict(zip(PEAKS, jnp.unstack(peaks), strict=True)),
            scale={name: scale[TILE_QUANTITIES.index(name)] for name in LOADS},
        )

    def most_loaded(
        self,
        down: Cut,
        across: Cut,
        partitions: Scalar,
        by_rows: Float[Array, " schedule"],
        by_work: Float[Array, " schedule"],
        scale: dict[str, Scalar],
    ) -> dict[str, PerClass]:
        """Sum over the tiles of each class of what the most loaded of P partitions holds, by `LOADS`.

        `by_rows` and `by_work` weight the schedules for non-empty rows and for non-zeros or work; `scale`: see `Tiles`.
        """
        found = self._by_partitions(self.loads, down, across, partitions)
        loads = jnp.unstack(found.reshape(self._load_kinds, len(SCHEDULES), -1))
        schedules = (by_rows, by_work, by_work)
        named = zip(LOADS, loads, schedules, strict=False)
        return {name: weights @ load * scale[name] for name, load, weights in named}

    @property
    def _load_kinds(self) -> int:
        """2 without a table of work, 3 with one."""
        return self.loads.shape[-1] // (len(SCHEDULES) * self.classes)

    @property
    def classes(self) -> int:
        """Number of classes of tiles."""
        others = len(PEAKS) + TILES_ENTRY + len(ALONG) * SIDE_ENTRY
        return (self.tiles.shape[-1] - others) // len(TILE_QUANTITIES)

    def fullest_share(
        self,
        down: Cut,
        across: Cut,
        partitions: Scalar,
        by_rows: Float[Array, " schedule"],
        by_work: Float[Array, " schedule"],
    ) -> dict[str, Scalar]:
        """The most non-empty `rows`, and the most `nonzeros`, that any of P partitions has of any tile.

        `by_rows` and `by_work` weight the schedules, as for `most_loaded`. No more than a tile has room for, and no
        less than a partition has on average.
        """
        found = self._by_partitions(self.shares, down, across, partitions).reshape(2, len(SCHEDULES))
        parts = (down.inside + 1.0) * (across.inside + 1.0) * partitions
        rows = jnp.clip(by_rows @ found[0], self.used[0] / parts, jnp.minimum(down.size, self.used[0]))
        nonzeros = jnp.clip(
            by_work @ found[1], self.nonzeros / parts, jnp.minimum(down.size * across.size, self.nonzeros)
        )
        return {"rows": rows, "nonzeros": nonzeros}

    def _by_partitions(self, table: Float[Array, "lm lk p r"], down: Cut, across: Cut, partitions: Scalar) -> Array:
        return interpolate(table, jnp.append(places_of(down, across), jnp.log2(partitions)))


def pattern_statistics(pattern: csr_array) -> OperandStatistics:
    """Statistics of a pattern beside a dense operand, from the disk cache if it was measured before."""
    return operand_statistics(pattern_tables(pattern), pattern.shape)


def operand_statistics(tables: dict[str, np.ndarray], shape: tuple[int, ...]) -> OperandStatistics:
    """Stored tables of an operand [rows, columns] as JAX arrays."""
    arrays = jax.device_put({name: table for name, table in tables.items() if not name.startswith(ERROR)})
    sizes = {name: jnp.asarray(float(size), jnp.float32) for name, size in zip(("rows", "columns"), shape, strict=True)}
    return OperandStatistics(**sizes, **arrays)  # `device_put` compiles nothing, unlike `jnp.asarray`


def pattern_tables(pattern: csr_array) -> dict[str, np.ndarray]:
    """Stored tables of a pattern beside a dense operand, by name; by `ERROR` + name the fields of a `SamplingError`."""
    return cached(f"operand-{pattern_hash(pattern)}", lambda: counted_tables(pattern), VERSION)


def counted_tables(
    pattern: csr_array, weight: np.ndarray | None = None, classes: int = CLASSES, operand: str = "a"
) -> dict[str, np.ndarray]:
    """Tables of a pattern, counted now; `weight` as in `count_operand`, `operand` names the errors."""
    counts = count_operand(pattern, weight, classes)
    return operand_layout(counts, pattern.shape, pattern.nnz, group_occupancies(pattern), operand)


@lru_cache(maxsize=64)
def density_tables(density: Density, rows: int, columns: int) -> dict[str, np.ndarray]:
    """Expected tables of a density beside a dense operand."""
    groups = fullest_groups(density, rows, columns)
    counts = expected_operand(density, rows, columns)
    return operand_layout(counts, (rows, columns), density.nonzeros(rows, columns), groups)


def operand_layout(
    raw: dict[str, np.ndarray], shape: tuple[int, int], nonzeros: float | int, groups: np.ndarray, operand: str = "a"
) -> dict[str, np.ndarray]:
    """Counts or expected counts of an operand in the layout and log scale that the models look up (float32)."""
    lead = raw["tiles"].shape[:2]
    totals = dict(zip(TILE_QUANTITIES, np.moveaxis(raw["tiles"].sum(axis=2), -1, 0), strict=True))
    totals |= dict(zip(POINT_QUANTITIES, np.moveaxis(raw["point"], -1, 0), strict=True))
    rows, columns = shape
    used = np.array([totals[name][-1, -1] for name in ("rows", "columns", "touched")])
    sides = (rows, columns)
    entries = [
        occupancy_table(
            sides,
            (totals["tiles"], ()),
            (totals["heights"], (0,)),
            (totals["widths"], (1,)),
            (totals["areas"], (0, 1)),
        )
    ]
    for name, full, axis, by_length in (
        ("columns", used[1], 0, ()),
        ("touched", used[2], 0, ()),
        ("block_rows", 1.0, 0, (0,)),
        ("rows", used[0], 1, ()),
        ("block_columns", 1.0, 1, (0,)),
    ):
        counts = np.take(totals[name], -1, axis=1 - axis)
        share = np.divide(counts, full, out=np.zeros_like(counts), where=counts > 0)
        entry = occupancy_table((sides[axis],), (share, by_length), by_length=by_length)
        entries.append(np.broadcast_to(np.expand_dims(entry, 1 - axis), (*lead, entry.shape[-1])))
    held = [to_log(np.swapaxes(raw["tiles"], 2, 3).reshape(*lead, -1))]
    held += [to_log(np.stack([totals[name] for name in PEAKS], axis=-1))]
    loads = np.moveaxis(raw["loads"], 3, -1).swapaxes(3, 4)
    errors = {
        f"{ERROR}{operand}.loads.{name}": error_of(raw["load_errors"][..., kind], raw["loads"][..., kind])
        for kind, name in enumerate(LOADS[: loads.shape[3]])
    }
    return errors | {
        "nonzeros": np.asarray(nonzeros, np.float32),
        "group_occupancy": to_log(groups),
        "work": np.asarray(totals["work"][-1, -1], np.float32),
        "used": used.astype(np.float32),
        "tiles": np.concatenate([*held, *entries], axis=-1),
        "loads": to_log(loads.reshape(*loads.shape[:3], -1)),
        "shares": to_log(raw["shares"].swapaxes(3, 4).reshape(*raw["shares"].shape[:3], -1)),
    }


def error_of(errors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The fields of the `SamplingError` of a table."""
    return np.array(astuple(summarize(errors, values)))
