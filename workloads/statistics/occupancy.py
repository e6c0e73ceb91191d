r"""How many places are occupied when an operand is cut into tiles of any size: exact at lattice points, close between.

What counts occupied places (non-empty tiles, rows or columns of tiles, visits) follows two laws at once: crowded places
are all occupied, so their number jumps with the number of tiles; where few are, the count hardly depends on how tiles
are cut. Both hold if what is interpolated is the *share* f of places that are occupied, as a power law of the tile's
sides, and the count is put together from the tiles inside the matrix and those at its edges, which are smaller:

$$ c(t) = r \, f(t) \prod_d \left[ (n_d - 1) + (e_d / t_d)^{a_d} \right] $$

with $n_d$ tiles along a side, the last of which is $e_d$ long, and the slope $a_d$ of log f along that side. At lattice
points f is the count over the number of tiles, and r, nearly one, makes up for the edges being in it.
"""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.statistics.lattice import levels, to_log

Scalar = Float[Array, "..."]
"""A number; a stack of statistics has one for each kernel."""


class Cut(eqx.Module):
    """One side of a matrix cut into pieces of one size, and what is left as the last piece."""

    inside: Scalar
    """Pieces before the last one."""
    size: Scalar
    edge: Scalar
    """Length of the last piece."""
    octaves: Scalar
    """log2 of the last piece over the others."""
    place: Scalar
    """Where the size lies on the lattice's axis."""


def cut(span: Scalar, size: Scalar, pieces: Scalar) -> Cut:
    """Cut a side into `pieces` of which all but the last have the `size`, or the whole side is one."""
    size = jnp.minimum(size, span)
    inside = pieces - 1.0
    edge = jnp.clip(span - inside * size, jnp.minimum(1.0, span), size)
    log_span, log_size, log_edge = jnp.unstack(jnp.log2(jnp.stack([span, size, edge])))
    return Cut(inside, size, edge, log_edge - log_size, _place(log_span, log_size))


def place_of(span: Scalar, size: Scalar) -> Scalar:
    """Where pieces of a size of a side lie on the lattice's axis."""
    return _place(*jnp.unstack(jnp.log2(jnp.stack([span, jnp.minimum(size, span)]))))


def _place(log_span: Scalar, log_size: Scalar) -> Scalar:
    last = jnp.ceil(log_span * (1.0 - 1e-6))
    before = jnp.maximum(last - 1.0, 0.0)
    # The last point of the axis stands for the whole side, which may be nearer than twice the point before it.
    beyond = jnp.clip((log_size - before) / jnp.maximum(log_span - before, 1e-6), 0.0, 1.0)
    return jnp.minimum(log_size, before) + beyond * jnp.minimum(last, 1.0)


def places_of(*cuts: Cut) -> Float[Array, " d"]:
    """Where tables are looked up for tiles inside."""
    return jnp.stack([cut.place for cut in cuts])


class Occupied(eqx.Module):
    """Occupied places of tiles: the share of them inside, corrections, and how the share falls off at the edges."""

    shares: tuple[Scalar, ...]
    """Corrected, for each quantity of the table."""
    edges: tuple[Scalar, ...]
    """Share of a tile at the edge over that of one inside, for each side."""
    cuts: tuple[Cut, ...]

    def total(self, quantity: int = 0, by_length: Sequence[int] = ()) -> Scalar:
        """Occupied places, each counting for the lengths of its tile along some sides; no more than there are."""
        found, most = self.shares[quantity], 1.0
        for side, (cut, edge) in enumerate(zip(self.cuts, self.edges, strict=True)):
            inside, last, whole = cut.inside, edge, 1.0
            if side in by_length:
                inside, last, whole = inside * cut.size, last * cut.edge, cut.edge
            found, most = found * (inside + last), most * (inside + whole)
        return jnp.minimum(found, most)


def occupied(logs: Float[Array, " q"], cuts: Sequence[Cut]) -> Occupied:
    """What an entry of `occupancy_table`, interpolated at `cuts`, says of the places that are occupied."""
    share, *rest = jnp.unstack(logs)
    corrections, slopes = rest[: -len(cuts)], rest[-len(cuts) :]
    corrected = [share + correction for correction in corrections]
    falls = [slope * cut.octaves for slope, cut in zip(slopes, cuts, strict=True)]
    found = jnp.unstack(jnp.exp2(jnp.stack(corrected + falls)))
    return Occupied(tuple(found[: -len(cuts)]), tuple(found[-len(cuts) :]), tuple(cuts))


def occupied_along(logs: Float[Array, "e 3"], cuts: Sequence[Cut], by_length: Sequence[bool]) -> Float[Array, " e"]:
    """Occupied places by several tables of one side each: what `occupied(...).total(...)` says, all at once."""
    share, correction, slope = jnp.unstack(logs, axis=1)
    octaves = jnp.stack([cut.octaves for cut in cuts])
    found, fall = jnp.exp2(jnp.stack([share + correction, slope * octaves]))
    inside = [cut.inside * cut.size if long else cut.inside for cut, long in zip(cuts, by_length, strict=True)]
    last = jnp.stack([cut.edge if long else jnp.ones_like(cut.edge) for cut, long in zip(cuts, by_length, strict=True)])
    return jnp.minimum(found * (jnp.stack(inside) + fall * last), jnp.stack(inside) + last)


def occupancy_table(
    spans: Sequence[int], *counted: tuple[np.ndarray, tuple[int, ...]], by_length: tuple[int, ...] = ()
) -> np.ndarray:
    """Table of occupied places, log2, from their counts at all lattice points of the sides `spans`.

    `counted`: counts of occupied places, one in each tile, and the sides along which a tile counts by its length; the
    first is what shares are taken of, with as many places as tiles have length along `by_length`.
    **Returns** on the last axis: log2 of the share, log2 of the corrections of each of `counted`, slopes by side.
    """
    places = np.ones(1)
    for axis, span in enumerate(spans):
        places = places * _along(_side(span, axis in by_length).sum(axis=0), axis, len(spans))
    share = to_log(counted[0][0] / places).astype(float)
    slopes = [_slope(share, axis, span) for axis, span in enumerate(spans)]
    corrections = []
    for counts, lengths in counted:
        model = np.exp2(share)
        for axis, span in enumerate(spans):
            inside, edge = _side(span, axis in lengths)
            fall = np.exp2(slopes[axis] * _along(_edge_octaves(span), axis, len(spans)))
            model = model * (_along(inside, axis, len(spans)) + _along(edge, axis, len(spans)) * fall)
        corrections.append(np.log2(np.maximum(counts, 1e-300) / model))
    return np.stack([share, *corrections, *slopes], axis=-1).astype(np.float32)


def _along(values: np.ndarray, axis: int, axes: int) -> np.ndarray:
    return values.reshape([-1 if at == axis else 1 for at in range(axes)])


def _side(span: int, by_length: bool) -> np.ndarray:
    """Pieces inside and at the edge at each lattice point of a side, or their lengths together, [2, levels]."""
    size = 1 << np.arange(levels(span))
    pieces = -(-span // size)
    numbers = np.stack([pieces - 1, np.ones(size.size)])
    return numbers * np.stack([np.minimum(size, span), span - (pieces - 1) * size]) if by_length else numbers


def _edge_octaves(span: int) -> np.ndarray:
    """log2 of the last piece over the others at each lattice point of a side."""
    size = 1 << np.arange(levels(span))
    return np.log2((span - (-(-span // size) - 1) * size) / np.minimum(size, span))


def _slope(share: np.ndarray, axis: int, span: int) -> np.ndarray:
    """Slope of log2 of the share per octave of a side, from the next finer lattice point."""
    if share.shape[axis] == 1:
        return np.zeros_like(share)
    lengths = np.minimum(1 << np.arange(share.shape[axis]), span)
    octaves = _along(np.diff(np.log2(lengths)), axis, share.ndim)
    slope = np.diff(share, axis=axis) / octaves
    return np.concatenate([np.take(slope, [0], axis=axis), slope], axis=axis)
