"""Statistics of a kernel as JAX arrays: what the models see of a sparse workload, and nothing about any hardware.

Two families with tables of their own: `DenseBStatistics` (SpMV, SpMM) and `SparseBStatistics` (SpMSpM). Members of one
family stack, so that one compiled model serves them all.
"""

from collections.abc import Sequence
from dataclasses import astuple
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache import cached
from workloads.densities import Density
from workloads.kernels.product import DensityKernel, Kernel, MeasuredKernel, SparseKernel
from workloads.statistics.closed_form.groups import fullest_groups
from workloads.statistics.closed_form.operand import density_tables
from workloads.statistics.closed_form.operand_pairs import joint_tables, row_weights
from workloads.statistics.closed_form.transposed import transposed
from workloads.statistics.lattice import TINY, computed_once, interpolate, interpolate_log, levels, pad_levels, to_log
from workloads.statistics.occupancy import Cut, occupancy_table, occupied, occupied_along, places_of
from workloads.statistics.operand_pairs import DEPTH_QUANTITIES, pair_tables
from workloads.statistics.row_segments import RLE_RUN, segments
from workloads.statistics.sampling import SamplingError, summarize
from workloads.statistics.tables import CLASSES, POINT_QUANTITIES, TILE_QUANTITIES, group_occupancy, operand_tables

VERSION = 10
"""Raised whenever a stored table changes its meaning, so that old cache entries are measured again."""

PEAKS = ("peak_nonzeros", "peak_padding")
TILES_ENTRY, SIDE_ENTRY = 7, 3
"""Lengths of entries of occupancy tables: of tiles, and of what goes along one side."""
ALONG = ("columns", "touched", "block_rows", "rows", "block_columns")
"""What the entries that end `OperandStatistics.tiles` count: the first three go down, the others across."""

LOADS = ("rows", "nonzeros", "work")
"""What the most loaded partition is measured by; an entry's work is the non-zeros of the row of B that it meets."""

MOST_SPREAD = 50.0
"""Largest relative variance that is told apart."""

ERROR = "error."
"""Goes before the names of tables whose sampling error is kept."""

Scalar = Float[Array, "..."]
"""A number; a stack of statistics has one for each kernel."""
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
    """Tables of one operand, log2 of counts; see `workloads.statistics.tables` for the quantities."""

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
    passes: Float[Array, "lm lk p c"]

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
        found = jnp.exp2(held) - TINY
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
        found_nonzeros, found_padding = sums[TILE_QUANTITIES.index("nonzeros")], sums[TILE_QUANTITIES.index("padding")]
        padding = self.nonzeros * found_padding / jnp.maximum(found_nonzeros, TINY)
        known = totals | {"nonzeros": self.nonzeros, "padding": padding, "work": self.work}
        scale = jnp.stack([known[name] for name in TILE_QUANTITIES]) / jnp.maximum(sums, TINY)
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
        by_rows: Float[Array, "3"],
        by_work: Float[Array, "3"],
        scale: dict[str, Scalar],
    ) -> dict[str, PerClass]:
        """Sum over the tiles of each class of what the most loaded of P partitions holds, by `LOADS`.

        `by_rows` and `by_work` weight the schedules for non-empty rows and for non-zeros or work; `scale`: see `Tiles`.
        """
        found = self._by_partitions(self.loads, down, across, partitions)
        loads = jnp.unstack(found.reshape(self._load_kinds, 3, -1))
        schedules = (by_rows, by_work, by_work)
        named = zip(LOADS, loads, schedules, strict=False)
        return {name: weights @ load * scale[name] for name, load, weights in named}

    @property
    def _load_kinds(self) -> int:
        """2 without a table of work, 3 with one; the classes follow from the table of passes."""
        return self.loads.shape[-1] // (3 * self.passes.shape[-1])

    def column_passes(self, down: Cut, across: Cut, partitions: Scalar) -> PerClass:
        """Sum over the columns of the tiles of each class of ceil(non-zeros / P)."""
        return self._by_partitions(self.passes, down, across, partitions)

    def _by_partitions(self, table: Float[Array, "lm lk p r"], down: Cut, across: Cut, partitions: Scalar) -> Array:
        return interpolate(table, jnp.append(places_of(down, across), jnp.log2(partitions)))


class DenseBStatistics(eqx.Module):
    """SpMV and SpMM: a sparse A [m, k], a dense B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    a: OperandStatistics


class SparseBStatistics(eqx.Module):
    """SpMSpM: sparse A [m, k] and B [k, n]; see `workloads.statistics.operand_pairs` for the joint quantities (log2 of counts)."""

    m: Scalar
    k: Scalar
    n: Scalar
    a: OperandStatistics
    b: OperandStatistics
    """Of B transposed (its rows are the columns of B), in one class."""
    b_group_occupancy: Float[Array, "4 1"]
    """Fullest group along the rows of B."""
    b_padding: Float[Array, "ln 1"]
    """RLE padding entries along the rows of B, cut at each tile width."""
    block_products: Float[Array, "lm 1"]
    """Products of the row block of A that has most."""
    visits: Float[Array, "lm lk ln 22"]
    """By class of A's tiles: visits, then squares of the non-zeros of the tiles of B that they meet; then of
    `occupancy_table`: all visits, and the columns of B's tiles in them."""
    met: Float[Array, "lm lk 12"]
    """Non-zeros of B's tiles over the visits, by class of A's tiles; then occupancy of the row blocks of A that each
    non-zero of B meets."""
    a_visits: Float[Array, "lk ln 4"]
    """Occupancy of the column blocks of B that each non-zero of A meets."""
    depth: Float[Array, "lk 13"]
    """By `pairs.DEPTH_QUANTITIES`; then occupancy of pairs of fibers, and of those that make an output."""
    row_steps: Float[Array, "ln w 1"]
    a_passes: Float[Array, "lm p c"]
    b_passes: Float[Array, "ln w c"]
    k_classes: Float[Array, " c"]
    products: Scalar
    z_nonzeros: Scalar
    b_distinct: Float[Array, "lk ln 1"] = eqx.field(default_factory=lambda: jnp.zeros((1, 1, 1)))
    """Share of B's tiles that is fetched, log2: less than all where positions of B are the same (`convolution`)."""

    def meetings(self, tiles: Tiles, m: Cut, k: Cut, n: Cut) -> "Meetings":
        """What tiles of A, which are `tiles`, and of B do to each other."""
        found, by_met = interpolate_log(self.visits, places_of(m, k, n)), interpolate_log(self.met, places_of(m, k))
        visits, squares = jnp.split(jnp.exp2(found[: 2 * CLASSES]), 2)
        all_visits = occupied(found[2 * CLASSES :], (m, k, n))
        visited = all_visits.total()
        met = occupied(by_met[CLASSES:], (m, k)).total(0, (1,)) * self.b.nonzeros / self.k
        by_met = jnp.exp2(by_met[:CLASSES])
        a_met = occupied(interpolate_log(self.a_visits, places_of(k, n)), (k, n)).total(0, (0,))
        a_met = a_met * self.a.nonzeros / self.k
        spread = jnp.clip(squares * visits / jnp.maximum(by_met, TINY) ** 2 - 1.0, 0.0, MOST_SPREAD)
        one = jnp.ones_like(visits)
        visits = visits * (visited / (visits @ one))
        a_visits = visits / jnp.maximum(tiles.classes["tiles"], TINY)
        a_visits = a_visits * (a_met / (a_visits @ tiles.classes["nonzeros"]))
        rows = computed_once([visits, a_visits, by_met * (met / (by_met @ one)), spread])
        depth = interpolate_log(self.depth, places_of(k))
        by_depth = dict(
            zip(DEPTH_QUANTITIES, jnp.unstack(jnp.exp2(depth[: len(DEPTH_QUANTITIES)]) - TINY), strict=True)
        )
        fibers = self.a.used[0] * self.b.used[0]
        of_pairs, of_outputs = jnp.split(depth[len(DEPTH_QUANTITIES) :], 2)
        by_depth["pairs"] = fibers * occupied(of_pairs, (k,)).total()
        by_depth["distinct"] = fibers * occupied(of_outputs, (k,)).total()
        return Meetings(
            visits=rows[0],
            a_visits=rows[1],
            b_nonzeros=rows[2],
            columns=all_visits.total(1, (2,)) / visited,
            spread=rows[3],
            depth=by_depth,
        )


class Meetings(eqx.Module):
    """What the tiles of two sparse operands do to each other, by class of A's tiles."""

    visits: PerClass
    """Pairs of non-empty tiles that meet."""
    a_visits: PerClass
    """Visits of each tile of A."""
    b_nonzeros: PerClass
    """Non-zeros of B's tiles over the visits."""
    columns: Scalar
    """Columns of the tile of B in an average visit."""
    spread: PerClass
    """Variance over squared mean of the non-zeros of the tiles of B that a class meets."""
    depth: dict[str, Scalar]
    """By `pairs.DEPTH_QUANTITIES`."""


KernelStatistics = DenseBStatistics | SparseBStatistics | eqx.Module
"""Those of this module, or of a family with a module of its own (`workloads.kernels.sddmm`, `workloads.kernels.elementwise`)."""


def measure(kernel: Kernel) -> KernelStatistics:
    """Statistics of a kernel, from the disk cache if this pattern was measured before; expected ones of densities."""
    if isinstance(kernel, MeasuredKernel):
        return kernel.measured()
    sizes = {"m": kernel.m, "k": kernel.k, "n": kernel.n}
    scalars = {name: jnp.asarray(float(value), jnp.float32) for name, value in sizes.items()}
    tables = {name: value for name, value in _tables(kernel).items() if not name.startswith(ERROR)}
    if kernel.b is None:
        return DenseBStatistics(**scalars, a=_operand(tables, (kernel.m, kernel.k)))
    a_tables = {name[2:]: value for name, value in tables.items() if name.startswith("a.")}
    b_tables = {name[2:]: value for name, value in tables.items() if name.startswith("b.")}
    rest = {name: jnp.asarray(value) for name, value in tables.items() if name[1] != "."}
    products, z_nonzeros = rest.pop("totals")[:2]
    return SparseBStatistics(
        **scalars,
        a=_operand(a_tables, (kernel.m, kernel.k)),
        b=_operand(b_tables, (kernel.n, kernel.k)),
        products=products,
        z_nonzeros=z_nonzeros,
        **rest,
    )


def sampling_error(kernel: Kernel) -> dict[str, SamplingError]:
    """Measured error of the sampled tables of a kernel, 0 where everything was counted.

    By table: `a.loads.rows`, `a.loads.nonzeros` (for two sparse operands also `a.loads.work`, those of `b`, `jumps` and
    `distinct`). The entries are the totals over the tiles of one class, at every tile shape, number of partitions and
    schedule. All other tables, and every maximum, are exact. Measures the kernel if that was not done before.
    """
    found = _tables(kernel).items()
    return {name.removeprefix(ERROR): SamplingError(*value.tolist()) for name, value in found if name.startswith(ERROR)}


def stack_statistics(kernels: Sequence[KernelStatistics]) -> KernelStatistics:
    """Stack kernels of one family on a new first axis, tables padded to the largest lattice among them."""
    leaves = [jax.tree.leaves(kernel) for kernel in kernels]
    stacked = []
    for same in zip(*leaves, strict=True):
        shape = tuple(max(sizes) for sizes in zip(*(leaf.shape for leaf in same), strict=True))
        stacked.append(jnp.stack([jnp.asarray(pad_levels(np.asarray(leaf), shape)) for leaf in same]))
    return jax.tree.unflatten(jax.tree.structure(kernels[0]), stacked)


def table_bytes(kernel: KernelStatistics) -> int:
    """Size of a kernel's tables in bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(kernel))


def pattern_hash(pattern: csr_array) -> str:
    """Content hash of a pattern: shape and positions of the non-zeros, not their values."""
    return SparseKernel("pattern", pattern, None, 1).content_hash()


def _tables(kernel: Kernel) -> dict[str, np.ndarray]:
    """All that is kept of a kernel: tables by name, and by `ERROR` + name the fields of their `SamplingError`."""
    if isinstance(kernel, DensityKernel):
        if kernel.b is not None:
            return _density_pair(kernel.a, kernel.b, kernel.shape)
        return _density_operand(kernel.a, kernel.m, kernel.k)
    b = kernel.b
    if b is None:
        return cached(f"operand-{pattern_hash(kernel.a)}", lambda: _measure_operand(kernel.a), VERSION)
    return cached(f"pair-{kernel.content_hash()}", lambda: _measure_pair(kernel.a, b), VERSION)


def _operand(tables: dict[str, np.ndarray], shape: tuple[int, int]) -> OperandStatistics:
    arrays = jax.device_put(tables)  # compiles nothing, unlike `jnp.asarray`
    sizes = {name: jnp.asarray(float(size), jnp.float32) for name, size in zip(("rows", "columns"), shape, strict=True)}
    return OperandStatistics(**sizes, **arrays)


def _measure_operand(
    pattern: csr_array, weight: np.ndarray | None = None, classes: int = CLASSES, operand: str = "a"
) -> dict[str, np.ndarray]:
    """`operand_tables` in the layout and log scale that the models look up (float32)."""
    raw = operand_tables(pattern, weight, classes)
    return _operand_layout(raw, pattern.shape, pattern.nnz, group_occupancies(pattern), operand)


@lru_cache(maxsize=64)
def _density_operand(density: Density, rows: int, columns: int) -> dict[str, np.ndarray]:
    raw = density_tables(density, rows, columns)
    groups = fullest_groups(density, rows, columns)
    return _operand_layout(raw, (rows, columns), density.nonzeros(rows, columns), groups)


def _operand_layout(
    raw: dict[str, np.ndarray], shape: tuple[int, int], nonzeros: float | int, groups: np.ndarray, operand: str = "a"
) -> dict[str, np.ndarray]:
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
        entry = occupancy_table((sides[axis],), (counts / full, by_length), by_length=by_length)
        entries.append(np.broadcast_to(np.expand_dims(entry, 1 - axis), (*lead, entry.shape[-1])))
    held = [to_log(np.swapaxes(raw["tiles"], 2, 3).reshape(*lead, -1))]
    held += [to_log(np.stack([totals[name] for name in PEAKS], axis=-1))]
    loads = np.moveaxis(raw["loads"], 3, -1).swapaxes(3, 4)
    errors = {
        f"{ERROR}{operand}.loads.{name}": _error(raw["load_errors"][..., kind], raw["loads"][..., kind])
        for kind, name in enumerate(LOADS[: loads.shape[3]])
    }
    return errors | {
        "nonzeros": np.asarray(nonzeros, np.float32),
        "group_occupancy": to_log(groups),
        "work": np.asarray(totals["work"][-1, -1], np.float32),
        "used": used.astype(np.float32),
        "tiles": np.concatenate([*held, *entries], axis=-1),
        "loads": to_log(loads.reshape(*loads.shape[:3], -1)),
        "passes": to_log(raw["passes"]),
    }


def _error(errors: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.array(astuple(summarize(errors, values)))


def group_occupancies(pattern: csr_array) -> np.ndarray:
    """Fullest group of 1, 2, 4 and 8 neighbours along a row, [4, 1]."""
    return np.array([[group_occupancy(pattern, group)] for group in (1, 2, 4, 8)], float)


def _measure_pair(a: csr_array, b: csr_array) -> dict[str, np.ndarray]:
    """Everything `SparseBStatistics` holds, flat, with `a.` and `b.` before the names of the operands' tables."""
    per_row = np.diff(b.indptr).astype(np.int64)
    padding = [segments(b, level, padding=True)[3].sum() for level in range(levels(b.shape[1]))]
    pairs = pair_tables(a, b) | {"b_padding": np.array(padding, float)}
    b_columns = csr_array(b.T)
    b_columns.sort_indices()
    operands = {"a": _measure_operand(a, per_row), "b": _measure_operand(b_columns, classes=1, operand="b")}
    return _pair_layout(operands, pairs, (*a.shape, b.shape[1]), group_occupancies(b))


@lru_cache(maxsize=64)
def _density_pair(a: Density, b: Density, shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    m, k, n = shape
    across = transposed(b)
    raw = density_tables(a, m, k, row_weights(b, k, n)), density_tables(across, n, k, classes=1)
    operands = {
        "a": _operand_layout(raw[0], (m, k), a.nonzeros(m, k), fullest_groups(a, m, k)),
        "b": _operand_layout(raw[1], (n, k), b.nonzeros(k, n), fullest_groups(across, n, k), "b"),
    }
    return _pair_layout(operands, joint_tables(a, b, shape, raw[0]["extents"]), shape, fullest_groups(b, k, n))


def _pair_layout(
    operands: dict[str, dict[str, np.ndarray]],
    pairs: dict[str, np.ndarray],
    shape: tuple[int, int, int],
    b_groups: np.ndarray,
) -> dict[str, np.ndarray]:
    flat = {
        name if name.startswith(ERROR) else f"{operand}.{name}": value
        for operand, tables in operands.items()
        for name, value in tables.items()
    }
    logs = ("a_passes", "b_passes", "k_classes")
    a, b = operands["a"], operands["b"]
    used = float(a["used"][0]) * float(b["used"][0])
    m, k, n = shape
    all_visits = occupancy_table((m, k, n), (pairs["visits"].sum(axis=-1), ()), (pairs["columns"], (2,)))
    row_blocks, column_blocks = pairs["met"].sum(axis=-1) * k / b["nonzeros"], pairs["a_visits"] * k / a["nonzeros"]
    met = occupancy_table((m, k), (row_blocks, (1,)), by_length=(1,))
    depth = dict(zip(DEPTH_QUANTITIES, pairs["depth"].T, strict=True))
    of_fibers = [occupancy_table((k,), (depth[name] / used, ())) for name in ("pairs", "distinct")]
    return (
        flat
        | {name: to_log(pairs[name]) for name in logs}
        | {
            "visits": np.concatenate([to_log(pairs["visits"]), to_log(pairs["met_squares"]), all_visits], axis=-1),
            "met": np.concatenate([to_log(pairs["met"]), met], axis=-1),
            "a_visits": occupancy_table((k, n), (column_blocks, (0,)), by_length=(0,)),
            "depth": np.concatenate([to_log(pairs["depth"]), *of_fibers], axis=-1),
            "block_products": to_log(pairs["block_products"][:, None]),
            "row_steps": to_log(pairs["row_steps"][..., None]),
            "b_padding": to_log(pairs["b_padding"][:, None]),
            "b_group_occupancy": to_log(b_groups),
            "totals": pairs["totals"].astype(np.float32),
        }
        | {
            f"{ERROR}{name}": _error(pairs["depth_errors"][:, at], pairs["depth"][:, at])
            for at, name in ((DEPTH_QUANTITIES.index(name), name) for name in ("jumps", "distinct"))
        }
    )


RLE_RUN_BITS = RLE_RUN.bit_length() - 1
"""Width of a run in the RLE format, bits."""
