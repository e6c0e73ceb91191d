"""Statistics of a layer of which only counts are known, and those while they change: outputs, inputs, weights.

Tables in closed form of weights spread evenly (`densities.Uniform`) are made once at a grid of counts. Between its
points their logarithms are interpolated linearly in the logarithms of the counts, so that statistics, and with them
every cost, have slopes by the counts.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.densities import Uniform
from workloads.kernels.matrix_product import DensityKernel
from workloads.kernels.unfolding import Unfolding
from workloads.statistics.convolution import NONE_REPEATED, dense_shares
from workloads.statistics.lattice import interpolate_log, pad_levels, to_log
from workloads.statistics.measurement import measure
from workloads.statistics.operand import OperandStatistics
from workloads.statistics.spmm import DenseBStatistics

SIZES = (1.0, 0.25, 0.0625)
"""Shares of a layer's outputs and of its inputs at the points of the grid."""
DENSITIES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
"""Shares of the remaining positions that hold a weight. Fewer count as so many for the pattern, not for its size."""
TABLES = ("used", "group_occupancy", "tiles", "loads", "shares")
"""What of `OperandStatistics` is kept at each point of the grid; and `B_DISTINCT` of the maps that are left."""
B_DISTINCT = "b_distinct"


class LayerTables(eqx.Module):
    """Statistics of layers with a dense B by the counts of each; layers are stacked, or one has no leading axis."""

    outputs: Float[Array, "*layer m"]
    """log2 of the counts at the points of the grid, rising; inputs and densities likewise."""
    inputs: Float[Array, "*layer k"]
    densities: Float[Array, "*layer d"]
    columns: Float[Array, "*layer"]
    """Of B."""
    tables: dict[str, Float[Array, "*layer m k d q"]]
    """By `TABLES`, log2."""
    shapes: dict[str, tuple[int, ...]] = eqx.field(static=True)

    def layer(self, at: int) -> "LayerTables":
        """One of the layers, without the leading axis."""
        return jax.tree.map(lambda leaf: leaf[at], self)

    def statistics(self, log2_counts: Float[Array, "3"]) -> DenseBStatistics:
        """Statistics of one layer (`layer`) with so many outputs, inputs and weights."""
        log_m, log_k, log_w = jnp.unstack(log2_counts)
        log_w = jnp.minimum(log_w, log_m + log_k)
        axes = ((log_m, self.outputs), (log_k, self.inputs), (log_w - log_m - log_k, self.densities))
        places = jnp.stack([jnp.interp(log, nodes, jnp.arange(len(nodes), dtype=log.dtype)) for log, nodes in axes])
        found = {name: interpolate_log(table, places).reshape(self.shapes[name]) for name, table in self.tables.items()}
        m, k, nonzeros = jnp.exp2(log_m), jnp.exp2(log_k), jnp.exp2(log_w)
        used, b_distinct = jnp.exp2(found.pop("used")), found.pop(B_DISTINCT)
        return DenseBStatistics(
            m=m,
            k=k,
            n=self.columns,
            a=OperandStatistics(rows=m, columns=k, nonzeros=nonzeros, work=nonzeros, used=used, **found),
            b_distinct=b_distinct,
        )


def layer_tables(
    shapes: Sequence[tuple[int, int]],
    columns: Sequence[int],
    unfoldings: Sequence[Unfolding | None] | None = None,
    *,
    sizes: Sequence[float] = SIZES,
    densities: Sequence[float] = DENSITIES,
) -> LayerTables:
    """Tables of layers.

    **Arguments**: `shapes`, (outputs, inputs) of each while nothing is pruned; `columns` of each one's B and how maps
    become it, None where they do not; `sizes` and `densities`, falling shares from 1 on.
    """
    grids = [[np.unique([max(round(whole * share), 1) for share in sizes])[-len(sizes) :] for whole in shape]
             for shape in shapes]  # fmt: skip
    grids = [[_filled(side, len(sizes)) for side in grid] for grid in grids]
    rising = sorted(densities)
    points = [
        [
            measure(DensityKernel("layer", int(m), int(k), 1, Uniform(d))).a
            for m, k, d in itertools.product(*grid, rising)
        ]
        for grid in grids
    ]
    of_maps = [
        [_distinct(of, int(k), n) for _, k, _ in itertools.product(*grid, rising)]
        for of, n, grid in zip(unfoldings or [None] * len(shapes), columns, grids, strict=True)
    ]
    tables, kept = {}, {}
    for name in (*TABLES, B_DISTINCT):
        leaves = (
            [[np.asarray(getattr(point, name)) for point in layer] for layer in points] if name in TABLES else of_maps
        )
        if name == "used":
            leaves = [[to_log(leaf) for leaf in layer] for layer in leaves]
        kept[name] = tuple(np.max([leaf.shape for layer in leaves for leaf in layer], axis=0).tolist())
        whole = np.stack([[pad_levels(leaf, kept[name]).ravel() for leaf in layer] for layer in leaves])
        tables[name] = jnp.asarray(whole.reshape(len(shapes), len(sizes), len(sizes), len(rising), -1))
    outputs, inputs = (jnp.asarray(np.log2([grid[side] for grid in grids]), jnp.float32) for side in (0, 1))
    return LayerTables(
        outputs=outputs,
        inputs=inputs,
        densities=jnp.asarray(np.log2([rising] * len(shapes)), jnp.float32),
        columns=jnp.asarray(columns, jnp.float32),
        tables=tables,
        shapes=kept,
    )


def _distinct(of: Unfolding | None, inputs: int, columns: int) -> np.ndarray:
    """`b_distinct` of a layer with so many inputs left, which are whole channels."""
    if of is None:
        return NONE_REPEATED
    channels = max(round(inputs / of.taps), 1)
    return dense_shares(replace(of, channels=channels, channel_block=channels), columns)


def _filled(side: np.ndarray, count: int) -> np.ndarray:
    """As many sizes where small layers have fewer different ones: the least is repeated."""
    return np.concatenate([np.repeat(side[:1], count - len(side)), side])
