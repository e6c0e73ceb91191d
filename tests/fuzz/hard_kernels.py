"""Kernels at the edges of what there is: nothing meets, one entry, one full row, all full, sizes near 2^31."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from workloads import SparseKernel, generators
from workloads.densities import NM, Density, PowerLawRows, Uniform
from workloads.kernels.elementwise import OPERATIONS, ElementwiseKernel
from workloads.kernels.matrix_product import DensityKernel
from workloads.kernels.sddmm import SddmmKernel

FAMILIES = ("dense_b", "sparse_b", "sddmm", "elementwise")
DENSITIES = (0.004, 0.03, 0.2, 0.6, 1.0)
HUGE = 2**31 - 1


def _entries(rows: int, columns: int, *at: tuple[int, int]) -> csr_array:
    """Ones at the places named."""
    down, across = np.array(at).T
    return csr_array((np.ones(len(at)), (down, across)), shape=(rows, columns))


def _random(rng: np.random.Generator, rows: int, columns: int) -> csr_array:
    """Of any density, at least one entry; a third have all their entries in a few rows or columns."""
    places = rng.random((rows, columns)) < rng.choice(DENSITIES)
    if rng.random() < 1 / 3:
        places &= (rng.random((rows, 1)) < 0.2) if rng.random() < 0.5 else (rng.random((1, columns)) < 0.2)
    places[rng.integers(rows), rng.integers(columns)] = True
    return csr_array(places.astype(float))


def patterns() -> dict[str, csr_array]:
    """Patterns by what is hard about them."""
    rows, columns = np.arange(23), np.arange(37)
    return {
        "one by one": _entries(1, 1, (0, 0)),
        "first entry": _entries(9, 9, (0, 0)),
        "last entry": _entries(9, 9, (8, 8)),
        "one row": csr_array(np.ones((1, 45))),
        "one column": csr_array(np.ones((45, 1))),
        "full row": _entries(23, 37, *((11, int(at)) for at in columns)),
        "full column": _entries(23, 37, *((int(at), 36) for at in rows)),
        "full": csr_array(np.ones((24, 20))),
        "hypersparse": _entries(700, 500, (0, 499), (350, 250), (699, 0)),
        "diagonal": csr_array(np.eye(33)),
        "arrow": csr_array(np.eye(40) + np.outer(np.arange(40) == 0, np.ones(40))),
        "long runs": _entries(3, 4000, (0, 3999), (1, 0), (2, 17), (2, 2000)),
        "graph": generators.rmat(6, 4, 1),
    }


def _dense_b(rng: np.random.Generator, count: int) -> list[SparseKernel]:
    found = [
        SparseKernel(f"{name}, n {n}", pattern, None, n)
        for at, (name, pattern) in enumerate(patterns().items())
        for n in ((1, 5) if at % 2 else (19, 64))
    ]
    for at in range(count):
        rows, columns, n = (int(size) for size in rng.integers(1, (60, 60, 40)))
        found.append(SparseKernel(f"random {at}", _random(rng, rows, columns), None, n))
    return found


def _pairs() -> dict[str, tuple[csr_array, csr_array]]:
    """Operands of a product, by what is hard about them."""
    named = patterns()
    odd = np.arange(32) % 2 == 1
    left, right = np.ones((20, 32)) * ~odd, np.ones((32, 20)) * odd[:, None]
    barely = right.copy()
    barely[0, 19] = 1
    return {
        "empty product": (_entries(9, 9, (0, 0)), _entries(9, 9, (8, 8))),
        "empty product, half full": (csr_array(left), csr_array(right)),
        "one product of halves": (csr_array(left), csr_array(barely)),
        "one product": (named["first entry"], named["first entry"]),
        "one by one": (named["one by one"], named["one by one"]),
        "1 x 1 x n": (named["one by one"], named["one row"]),
        "outer": (named["one column"], named["one row"]),
        "inner": (named["one row"], named["one column"]),
        "row by full": (csr_array(named["full row"][:, :24]), named["full"]),
        "column by row": (csr_array(named["full column"].T[:, :20]), csr_array(named["full"].T)),
        "full": (csr_array(named["full"].T), named["full"]),
        "hypersparse": (named["hypersparse"], csr_array(named["hypersparse"].T)),
        "hypersparse by none of its rows": (named["hypersparse"], _entries(500, 60, (3, 3))),
        "diagonal": (named["diagonal"], named["diagonal"]),
        "arrow": (named["arrow"], csr_array(named["arrow"].T)),
        "long runs": (named["long runs"], csr_array(named["long runs"].T)),
        "graph": (named["graph"], named["graph"]),
    }


def _sparse_b(rng: np.random.Generator, count: int) -> list[SparseKernel]:
    found = [SparseKernel(name, a, b, b.shape[1]) for name, (a, b) in _pairs().items()]
    for at in range(count):
        m, k, n = (int(size) for size in rng.integers(1, (60, 60, 40)))
        found.append(SparseKernel(f"random {at}", _random(rng, m, k), _random(rng, k, n), n))
    return found


def _sddmm(rng: np.random.Generator, count: int) -> list[SddmmKernel]:
    depths = (1, 7, 33, 64)
    found = [SddmmKernel(name, mask, depths[at % 4]) for at, (name, mask) in enumerate(patterns().items())]
    for at in range(count):
        rows, columns, depth = (int(size) for size in rng.integers(1, (60, 60, 40)))
        found.append(SddmmKernel(f"random {at}", _random(rng, rows, columns), depth))
    return found


def _elementwise(rng: np.random.Generator, count: int) -> list[ElementwiseKernel]:
    named = patterns()
    flipped = {name: csr_array(pattern.tocsr()[::-1, ::-1]) for name, pattern in named.items()}
    pairs = {f"{name} and its mirror": (one, flipped[name]) for name, one in named.items()}
    pairs |= {f"{name} twice": (named[name], named[name]) for name in ("full", "hypersparse", "one by one")}
    pairs["entry in a full"] = csr_array(named["full"]), _entries(24, 20, (23, 19))
    for at in range(count):
        rows, columns = (int(size) for size in rng.integers(1, (60, 60)))
        pairs[f"random {at}"] = _random(rng, rows, columns), _random(rng, rows, columns)
    return [
        ElementwiseKernel(f"{name}, {operation}", a, b, operation)
        for name, (a, b) in pairs.items()
        for operation in OPERATIONS
    ]


def hard_kernels(family: str, seed: int, count: int = 6) -> list[Any]:
    """Kernels of a family that the simulator can run: those above, and `count` random ones."""
    rng = np.random.default_rng(seed)
    make: dict[str, Callable[[np.random.Generator, int], list[Any]]] = {
        "dense_b": _dense_b,
        "sparse_b": _sparse_b,
        "sddmm": _sddmm,
        "elementwise": _elementwise,
    }
    return make[family](rng, count)


def huge_kernels(family: str) -> list[DensityKernel]:
    """Kernels of which only densities are known, with sizes up to 2^31; there are none of the other families."""
    once = 1 / HUGE
    shapes: dict[str, tuple[int, int, int, Density, Density]] = {
        "long rows": (3, HUGE, 2, Uniform(0.3), Uniform(0.5)),
        "many rows": (HUGE, 5, 64, Uniform(0.01), Uniform(0.2)),
        "many columns": (7, 64, HUGE, NM(2, 4), Uniform(0.1)),
        "all sizes": (2**31, 2**31, 2**31, Uniform(0.5), Uniform(0.5)),
        "all sizes, one a row": (HUGE, HUGE, HUGE, Uniform(once), Uniform(once)),
        "all sizes, full": (HUGE, HUGE, HUGE, Uniform(1.0), Uniform(1.0)),
        "graph": (2**20, 2**20, 2**20, PowerLawRows(2**-17, 2.1), PowerLawRows(2**-17, 2.1)),
    }
    if family not in ("dense_b", "sparse_b"):
        return []
    return [
        DensityKernel(name, m, k, n, a, b if family == "sparse_b" else None) for name, (m, k, n, a, b) in shapes.items()
    ]
