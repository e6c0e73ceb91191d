"""From a line of text to a workload: the embedded suites by name, a user's matrices by path.

A spec is `what` or `what@product`. `what` is a suite's name (names win over paths: write `./digits` for a folder of
that name), a matrix file (`workloads.readers`) or a folder, each of whose matrices becomes a kernel. `product` is

| product | kernel | B |
|---|---|---|
| `spmv` | A @ b | a dense vector |
| `spmm:N` | A @ B | dense with N columns; `spmm` is `spmm:64`, what files get unless told otherwise |
| `axa` | A @ A | A itself, which must be square |
| `axat` | A @ A^T | A transposed |

Named suites have products of their own; one that is given replaces them for all their matrices.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.sparse import csr_array

from workloads.digits import digits_activations, digits_layers
from workloads.errors import InputError
from workloads.generators import n_of_m, rmat, stencil_2d
from workloads.kernels import SparseKernel, Workload, spmm, spmspm, spmv
from workloads.readers import load_matrix, matrix_files

DEFAULT_COLUMNS = 64
"""Columns of a dense B unless told otherwise: a batch of images, the features of a graph's nodes."""

_PRODUCTS = ("spmv", "spmm", "spmm:N", "axa", "axat")


@dataclass(frozen=True)
class _Suite:
    """Matrices by name and the products taken of each."""

    matrices: Callable[[], dict[str, csr_array]]
    products: tuple[str, ...]


_SUITES = {
    "digits": _Suite(lambda: {f"digits_{name}": w for name, w in digits_layers().items()}, ("spmm:64",)),
    "stencil": _Suite(lambda: {"stencil_48x48": stencil_2d(48, 48)}, ("spmm:8",)),
    "rmat": _Suite(lambda: {"rmat_10": rmat(10, 16, seed=0)}, ("axa", "spmm:64")),
    "nm24": _Suite(lambda: {"nm24_256x512": n_of_m(256, 512, 2, 4, seed=0)}, ("spmm:64",)),
}

SUITE_NAMES = ("embedded", *_SUITES, "digits_sparse")
"""Names that need no file: `embedded` is all of `digits`, `stencil`, `rmat` and `nm24`; `digits_sparse` multiplies the
classifier's layers with the measured activations of a batch of held-out images, zeros skipped on both sides."""


def resolve_workload(spec: str) -> Workload:
    """The workload a spec stands for; kernels are named `matrix@product`.

    **Raises** `InputError` for an unknown name or missing path, an unknown product, a folder without matrices, a file
    that cannot be read, and for `axa` of a matrix that is not square.
    """
    what, product = _split(spec)
    if what == "embedded":
        kernels = [kernel for name in _SUITES for kernel in _suite_kernels(name, product)]
    elif what == "digits_sparse":
        if product is not None:
            raise InputError(f"{spec!r}: digits_sparse has its own B; write it without @{product}, or use digits.")
        inputs = digits_activations()
        kernels = [spmspm(w, inputs[name], f"digits_{name}@activations") for name, w in digits_layers().items()]
    elif what in _SUITES:
        kernels = _suite_kernels(what, product)
    else:
        wanted = "spmm" if product is None else product
        kernels = [_kernel(name, load_matrix(path), wanted) for name, path in _files(what).items()]
    return Workload(spec, tuple(kernels))


def resolve_workloads(specs: list[str]) -> Workload:
    """One workload of several specs, in order; a kernel name that returns gets `#2`, `#3`, ... appended."""
    if not specs:
        raise InputError(f"No workload is named; give a matrix file, a folder or one of: {', '.join(SUITE_NAMES)}.")
    kernels: dict[str, SparseKernel] = {}
    for spec in specs:
        for kernel in resolve_workload(spec).kernels:
            name, number = kernel.name, 1
            while name in kernels:
                number += 1
                name = f"{kernel.name}#{number}"
            kernels[name] = replace(kernel, name=name)
    return Workload("+".join(specs), tuple(kernels.values()))


def _split(spec: str) -> tuple[str, str | None]:
    """What a spec names and the product it asks for, None where it asks for none."""
    if os.path.exists(spec):
        return spec, None
    what, at, product = spec.rpartition("@")
    return (what, product) if at else (spec, None)


def _suite_kernels(name: str, product: str | None) -> list[SparseKernel]:
    suite = _SUITES[name]
    products = suite.products if product is None else (product,)
    return [_kernel(matrix, a, one) for matrix, a in suite.matrices().items() for one in products]


def _kernel(matrix: str, a: csr_array, product: str) -> SparseKernel:
    """One product of a matrix, named after both."""
    kind, colon, columns = product.partition(":")
    if kind == "spmm":
        n = _columns(product, columns) if colon else DEFAULT_COLUMNS
        return spmm(a, n, f"{matrix}@spmm:{n}")
    name = f"{matrix}@{product}"
    if product == "spmv":
        return spmv(a, name)
    if product == "axat":
        return spmspm(a, csr_array(a.T), name)
    if product == "axa":
        if a.shape[0] != a.shape[1]:
            rows, columns = a.shape
            raise InputError(f"{name}: A @ A needs a square matrix but A is {rows} x {columns}; use @axat or @spmm.")
        return spmspm(a, a, name)
    raise InputError(f"{name}: unknown product {product!r}; use one of {', '.join('@' + one for one in _PRODUCTS)}.")


def _columns(product: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 2**31 and len(text) <= 12):
        raise InputError(f"@{product}: N is {text!r}; give a whole number of columns above 0, as in @spmm:64.")
    return int(text)


def _files(what: str) -> dict[str, Path]:
    """Matrix files by the name their kernels get: the file's name or, below a folder, the path from there."""
    if not os.path.exists(what):
        names = ", ".join(SUITE_NAMES)
        raise InputError(f"{what!r}: no such path and no workload of that name; check it or use one of: {names}.")
    path = Path(what)
    if not path.is_dir():
        return {path.name: path}
    files = {str(file.relative_to(path)): file for file in matrix_files(path)}
    if not files:
        raise InputError(f"{what}: the folder holds no matrix file; add one (.mtx, .smtx, .npz, .npy, edge list).")
    return files
