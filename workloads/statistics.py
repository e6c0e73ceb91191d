"""Statistics of a kernel as JAX arrays: what the models see of a sparse workload, and nothing about any hardware.

Two families with tables of their own: `DenseBStatistics` (SpMV, SpMM) and `SparseBStatistics` (SpMSpM). Members of one
family stack, so that one compiled model serves them all.
"""

from collections.abc import Sequence
from dataclasses import astuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache import cached
from workloads.kernels import SparseKernel
from workloads.lattice import levels, lookup, pad_levels, to_log
from workloads.pairs import pair_tables
from workloads.sampling import SamplingError, summarize
from workloads.segments import RLE_RUN, segments
from workloads.tables import CLASSES, POINT_QUANTITIES, TILE_QUANTITIES, group_occupancy, operand_tables

VERSION = 4
"""Raised whenever a stored table changes its meaning, so that old cache entries are measured again."""

LOADS = ("rows", "nonzeros", "work")
"""What the most loaded partition is measured by; an entry's work is the non-zeros of the row of B that it meets."""

ERROR = "error."
"""Goes before the names of tables whose sampling error is kept."""

Scalar = Float[Array, "..."]
"""A number; a stack of statistics has one for each kernel."""
PerClass = Float[Array, "c ..."]


class OperandStatistics(eqx.Module):
    """Tables of one operand, log2 of counts; see `workloads.tables` for the quantities."""

    rows: Scalar
    columns: Scalar
    nonzeros: Scalar
    group_occupancy: Float[Array, "4 1"]
    """Fullest aligned group of 1, 2, 4 and 8 neighbours along a row."""
    tiles: Float[Array, "lm lk q"]
    loads: Float[Array, "lm lk p r"]
    """Last axis: by `LOADS` (work only where the other operand is sparse), then schedule, then class."""
    passes: Float[Array, "lm lk p c"]
    point: Float[Array, "lm lk 8"]

    def tile_classes(self, height: Scalar, width: Scalar) -> dict[str, PerClass]:
        """Totals per class over the non-empty tiles of `height` x `width`, by `TILE_QUANTITIES`."""
        found = lookup(self.tiles, (height, width)).reshape(len(TILE_QUANTITIES), -1)
        return dict(zip(TILE_QUANTITIES, jnp.unstack(found), strict=True))

    def tile_point(self, height: Scalar, width: Scalar) -> dict[str, Scalar]:
        """Extremes and extents at one tile shape, by `POINT_QUANTITIES`."""
        return dict(zip(POINT_QUANTITIES, jnp.unstack(lookup(self.point, (height, width))), strict=True))

    def most_loaded(
        self,
        height: Scalar,
        width: Scalar,
        partitions: Scalar,
        by_rows: Float[Array, "3"],
        by_work: Float[Array, "3"],
    ) -> dict[str, PerClass]:
        """Sum over the tiles of each class of what the most loaded of P partitions holds, by `LOADS`.

        `by_rows` and `by_work` weight the schedules for non-empty rows and for non-zeros or work.
        """
        found = lookup(self.loads, (height, width, partitions))
        loads = jnp.unstack(found.reshape(self._load_kinds, 3, -1))
        schedules = (by_rows, by_work, by_work)
        return {name: weights @ load for name, load, weights in zip(LOADS, loads, schedules, strict=False)}

    @property
    def _load_kinds(self) -> int:
        """2 without a table of work, 3 with one; the classes follow from the tile table."""
        return self.loads.shape[-1] * len(TILE_QUANTITIES) // (3 * self.tiles.shape[-1])

    def column_passes(self, height: Scalar, width: Scalar, partitions: Scalar) -> PerClass:
        """Sum over the columns of the tiles of each class of ceil(non-zeros / P)."""
        return lookup(self.passes, (height, width, partitions))


class DenseBStatistics(eqx.Module):
    """SpMV and SpMM: a sparse A [m, k], a dense B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    a: OperandStatistics


class SparseBStatistics(eqx.Module):
    """SpMSpM: sparse A [m, k] and B [k, n]; see `workloads.pairs` for the joint quantities (log2 of counts)."""

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
    joint: Float[Array, "lm lk ln 7"]
    row_steps: Float[Array, "ln w 1"]
    a_passes: Float[Array, "lm p c"]
    b_passes: Float[Array, "ln w c"]
    k_classes: Float[Array, " c"]
    fibers: Float[Array, "lk 5"]
    """Pairs of non-empty fibers, A's and B's elements in them, skip-ahead jumps, distinct outputs."""
    products: Scalar
    z_nonzeros: Scalar


KernelStatistics = DenseBStatistics | SparseBStatistics


def measure(kernel: SparseKernel) -> KernelStatistics:
    """Statistics of a kernel, from the disk cache if this pattern was measured before."""
    sizes = {"m": kernel.m, "k": kernel.k, "n": kernel.n}
    scalars = {name: jnp.asarray(float(value), jnp.float32) for name, value in sizes.items()}
    tables = {name: value for name, value in _tables(kernel).items() if not name.startswith(ERROR)}
    if kernel.b is None:
        return DenseBStatistics(**scalars, a=_operand(tables, kernel.a.shape))
    a_tables = {name[2:]: value for name, value in tables.items() if name.startswith("a.")}
    b_tables = {name[2:]: value for name, value in tables.items() if name.startswith("b.")}
    rest = {name: jnp.asarray(value) for name, value in tables.items() if name[1] != "."}
    products, z_nonzeros = rest.pop("totals")[:2]
    return SparseBStatistics(
        **scalars,
        a=_operand(a_tables, kernel.a.shape),
        b=_operand(b_tables, kernel.b.shape[::-1]),
        products=products,
        z_nonzeros=z_nonzeros,
        **rest,
    )


def sampling_error(kernel: SparseKernel) -> dict[str, SamplingError]:
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


def _tables(kernel: SparseKernel) -> dict[str, np.ndarray]:
    """All that is kept of a kernel: tables by name, and by `ERROR` + name the fields of their `SamplingError`."""
    b = kernel.b
    if b is None:
        return cached(f"operand-{pattern_hash(kernel.a)}", lambda: _measure_operand(kernel.a), VERSION)
    return cached(f"pair-{kernel.content_hash()}", lambda: _measure_pair(kernel.a, b), VERSION)


def _operand(tables: dict[str, np.ndarray], shape: tuple[int, int]) -> OperandStatistics:
    arrays = {name: jnp.asarray(value) for name, value in tables.items()}
    sizes = {name: jnp.asarray(float(size), jnp.float32) for name, size in zip(("rows", "columns"), shape, strict=True)}
    return OperandStatistics(**sizes, **arrays)


def _measure_operand(
    pattern: csr_array, weight: np.ndarray | None = None, classes: int = CLASSES, operand: str = "a"
) -> dict[str, np.ndarray]:
    """`operand_tables` in the layout and log scale that the models look up (float32)."""
    raw = operand_tables(pattern, weight, classes)
    lead = raw["tiles"].shape[:2]
    loads = np.moveaxis(raw["loads"], 3, -1).swapaxes(3, 4)
    errors = {
        f"{ERROR}{operand}.loads.{name}": _error(raw["load_errors"][..., kind], raw["loads"][..., kind])
        for kind, name in enumerate(LOADS[: loads.shape[3]])
    }
    return errors | {
        "nonzeros": np.asarray(pattern.nnz, np.float32),
        "group_occupancy": _group_occupancies(pattern),
        "tiles": to_log(np.swapaxes(raw["tiles"], 2, 3).reshape(*lead, -1)),
        "loads": to_log(loads.reshape(*loads.shape[:3], -1)),
        "passes": to_log(raw["passes"]),
        "point": to_log(raw["point"]),
    }


def _error(errors: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.array(astuple(summarize(errors, values)))


def _group_occupancies(pattern: csr_array) -> np.ndarray:
    return to_log(np.array([[group_occupancy(pattern, group)] for group in (1, 2, 4, 8)], float))


def _measure_pair(a: csr_array, b: csr_array) -> dict[str, np.ndarray]:
    """Everything `SparseBStatistics` holds, flat, with `a.` and `b.` before the names of the operands' tables."""
    per_row = np.diff(b.indptr).astype(np.int64)
    padding = [segments(b, level, padding=True)[3].sum() for level in range(levels(b.shape[1]))]
    pairs = pair_tables(a, b)
    b_columns = csr_array(b.T)
    b_columns.sort_indices()
    operands = {"a": _measure_operand(a, per_row), "b": _measure_operand(b_columns, classes=1, operand="b")}
    flat = {
        name if name.startswith(ERROR) else f"{operand}.{name}": value
        for operand, tables in operands.items()
        for name, value in tables.items()
    }
    logs = ("joint", "a_passes", "b_passes", "k_classes", "fibers")
    return (
        flat
        | {name: to_log(pairs[name]) for name in logs}
        | {
            "row_steps": to_log(pairs["row_steps"][..., None]),
            "b_padding": to_log(np.array(padding, float)[:, None]),
            "b_group_occupancy": _group_occupancies(b),
            "totals": pairs["totals"].astype(np.float32),
        }
        | {
            f"{ERROR}{name}": _error(pairs["fiber_errors"][:, at], pairs["fibers"][:, at])
            for at, name in ((3, "jumps"), (4, "distinct"))
        }
    )


RLE_RUN_BITS = RLE_RUN.bit_length() - 1
"""Width of a run in the RLE format, bits."""
