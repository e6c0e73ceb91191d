"""Seeded sparse patterns that the project makes itself: grids, graphs, pruned layers, bands and heavy-tailed rows.

Every generator returns a float64 CSR array with sorted indices and no stored zero, the same for the same arguments.
Stencils carry the coefficients of the operator, graphs carry ones, the others standard normal values.
"""

import math

import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError

_CHUNK_EDGES = 1 << 20
"""R-MAT edges drawn at a time: bounds the working memory to tens of megabytes."""


def stencil_2d(nx: int, ny: int) -> csr_array:
    """Five-point Laplacian of an nx x ny grid, zero boundary, shape [nx*ny, nx*ny]: 4 on the diagonal, -1 beside it.

    Source: LeVeque, "Finite Difference Methods for ODEs and PDEs", SIAM 2007, section 3.2.
    """
    for name, side in (("nx", nx), ("ny", ny)):
        _at_least(name, side, 1)
    ids = np.arange(nx * ny).reshape(nx, ny)
    pairs = ((ids[:-1], ids[1:]), (ids[:, :-1], ids[:, 1:]))
    rows = np.concatenate([ids.ravel(), *(side.ravel() for one, other in pairs for side in (one, other))])
    columns = np.concatenate([ids.ravel(), *(side.ravel() for one, other in pairs for side in (other, one))])
    keys = np.sort(rows * ids.size + columns)
    matrix = _from_keys(keys, (ids.size, ids.size), np.full(len(keys), -1.0))
    matrix.setdiag(4.0)
    return matrix


def rmat(
    scale: int,
    edge_factor: int,
    seed: int,
    a: float = 0.57,
    b: float = 0.19,
    c: float = 0.19,
    *,
    renumber: bool = True,
) -> csr_array:
    """Power-law graph by recursive quadrants, shape [2**scale, 2**scale], directed, ones where there is an edge.

    `edge_factor * 2**scale` edges are drawn, each by `scale` choices of a quadrant with probabilities a, b, c and
    1-a-b-c; duplicates are merged, so fewer remain, and self-loops stay. `renumber` permutes the node ids at random:
    without it the hubs line up with power-of-two tiles. **Raises** `InputError` for probabilities that do not fit.

    Source: Chakrabarti, Zhan, Faloutsos, "R-MAT: a recursive model for graph mining", SDM 2004; the default
    probabilities, the merging of duplicates and the renumbering are those of the Graph500 benchmark, section 3.
    """
    _at_least("scale", scale, 1)
    _at_least("edge_factor", edge_factor, 1)
    if scale > 28:
        raise InputError(f"scale is {scale}; give at most 28 (268 million nodes).")
    if min(a, b, c) < 0 or not a + b + c <= 1:
        raise InputError(f"a, b, c are {a}, {b}, {c}; give probabilities of at least 0 whose sum is at most 1.")
    rng = np.random.default_rng(seed)
    side, edges = 1 << scale, edge_factor << scale
    labels = rng.permutation(side) if renumber else np.arange(side)
    keys = np.empty(edges, np.int64)
    for start in range(0, edges, _CHUNK_EDGES):
        count = min(_CHUNK_EDGES, edges - start)
        rows, columns = np.zeros(count, np.int32), np.zeros(count, np.int32)
        for _ in range(scale):
            draw = rng.random(count, np.float32)
            low = draw >= a + b
            rows += rows + low
            columns += columns + np.where(low, draw >= a + b + c, draw >= a)
        keys[start : start + count] = labels[rows] << scale | labels[columns]
    keys = _merged(keys)
    return _from_keys(keys, (side, side), np.ones(len(keys)))


def uniform(m: int, k: int, density: float | int, seed: int) -> csr_array:
    """Exactly round(density * m * k) non-zeros (at least one), every set of positions as likely as any other.

    The number of non-zeros in a tile is hypergeometric.
    """
    _at_least("m", m, 1)
    _at_least("k", k, 1)
    _check_density(density)
    rng = np.random.default_rng(seed)
    keys = _distinct(rng, m * k, max(round(density * m * k), 1))
    return _from_keys(keys, (m, k), rng.standard_normal(len(keys)))


def n_of_m(m: int, k: int, n: int, group: int, seed: int) -> csr_array:
    """N:M fixed-structured sparsity, shape [m, k]: along each row, n non-zeros in every group of `group` columns.

    Which n is uniform; a last group cut short by k holds min(n, its width). 2:4 is `n_of_m(m, k, 2, 4, seed)`: Mishra
    et al., "Accelerating sparse deep neural networks", arXiv:2104.08378.
    """
    for name, value in (("m", m), ("k", k), ("n", n), ("group", group)):
        _at_least(name, value, 1)
    if n > group:
        raise InputError(f"n is {n} but a group has {group} columns; give n of at most {group}.")
    rng = np.random.default_rng(seed)
    groups = -(-k // group)
    scores = rng.random((m, groups * group), np.float32)
    scores[:, k:] = np.inf
    chosen = np.argsort(scores.reshape(m, groups, group), axis=-1)[..., :n]
    columns = (chosen + np.arange(groups)[:, None] * group).reshape(m, -1)
    keys = np.sort((columns + np.arange(m)[:, None] * k)[columns < k])
    return _from_keys(keys, (m, k), rng.standard_normal(len(keys)))


def banded(m: int, half_bandwidth: int, seed: int, density: float | int = 1.0) -> csr_array:
    """Square band, shape [m, m]: non-zeros only where |row - column| <= half_bandwidth.

    The diagonal is full; each other position of the band is a non-zero with probability `density`.
    """
    _at_least("m", m, 1)
    _at_least("half_bandwidth", half_bandwidth, 0)
    _check_density(density)
    rng = np.random.default_rng(seed)
    reach = min(half_bandwidth, m - 1)
    offsets = np.arange(-reach, reach + 1)
    rows = np.arange(m)[:, None]
    columns = rows + offsets
    keep = (columns >= 0) & (columns < m) & ((offsets == 0) | (rng.random(columns.shape, np.float32) < density))
    keys = (rows * m + columns)[keep]
    return _from_keys(keys, (m, m), rng.standard_normal(len(keys)))


def power_law_rows(m: int, k: int, mean_nnz: float | int, exponent: float | int, seed: int) -> csr_array:
    """Rows of heavy-tailed length at uniform columns, shape [m, k].

    Lengths are Pareto, P(length > x) ~ x^(1 - exponent), scaled to the mean `mean_nnz` before they are rounded and cut
    to 1..k. **Raises** `InputError` unless exponent > 2 (a finite mean) and 1 <= mean_nnz <= k. Exponents of 2 to 3
    are typical of real data: Clauset, Shalizi, Newman, SIAM Review 51(4), 2009.
    """
    _at_least("m", m, 1)
    _at_least("k", k, 1)
    if not 2 < exponent < math.inf:
        raise InputError(f"exponent is {exponent}; give a finite one above 2, so that the mean exists.")
    if not 1 <= mean_nnz <= k:
        raise InputError(f"mean_nnz is {mean_nnz}; give a number of non-zeros per row from 1 to k = {k}.")
    rng = np.random.default_rng(seed)
    smallest = mean_nnz * (exponent - 2) / (exponent - 1)
    drawn = smallest * (1 - rng.random(m)) ** (-1 / (exponent - 1))
    lengths = np.clip(np.rint(np.minimum(drawn, k)), 1, k).astype(np.int64)
    heavy = np.flatnonzero(lengths > k // 2)
    parts = [row * k + rng.choice(k, lengths[row], replace=False, shuffle=False) for row in heavy]
    missing = lengths.copy()
    missing[heavy] = 0
    light = np.empty(0, np.int64)
    while missing.any():
        rows = np.repeat(np.arange(m), missing)
        light = _merged(np.concatenate([light, rows * k + rng.integers(k, size=len(rows))]))
        missing = lengths - np.bincount(light // k, minlength=m)
        missing[heavy] = 0
    keys = np.sort(np.concatenate([light, *parts]))
    return _from_keys(keys, (m, k), rng.standard_normal(len(keys)))


def _distinct(rng: np.random.Generator, population: int, count: int) -> np.ndarray:
    """`count` different integers of 0..population-1, sorted, every set as likely, in memory of about `count`."""
    if count > population // 2:
        keep = np.ones(population, bool)
        keep[_distinct(rng, population, population - count)] = False
        return np.flatnonzero(keep)
    drawn = np.empty(0, np.int64)
    while len(drawn) < count:
        drawn = _merged(np.concatenate([drawn, rng.integers(population, size=count - len(drawn) + count // 64 + 8)]))
    return np.delete(drawn, rng.choice(len(drawn), len(drawn) - count, replace=False))


def _merged(keys: np.ndarray) -> np.ndarray:
    """Distinct keys in order; sorts in place (several times faster than `numpy.unique` on distinct 64-bit integers)."""
    keys.sort()
    first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def _from_keys(keys: np.ndarray, shape: tuple[int, int], values: np.ndarray) -> csr_array:
    """CSR from sorted, distinct keys row * columns + column."""
    index = np.int32 if max(len(keys), *shape) < 2**31 else np.int64
    rows, columns = np.divmod(keys, shape[1])
    indptr = np.zeros(shape[0] + 1, index)
    np.cumsum(np.bincount(rows, minlength=shape[0]), out=indptr[1:])
    return csr_array((values, columns.astype(index), indptr), shape=shape)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{name} is {value}; give a whole number of at least {least}.")


def _check_density(density: float | int) -> None:
    if not 0 < density <= 1:
        raise InputError(f"density is {density}; give a share of non-zeros above 0 and up to 1.")
