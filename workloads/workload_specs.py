"""From a line of text to a workload: suites and networks by name, a user's matrices and weights by path.

A spec is `what` or `what@product`. `what` is

| `what` | kernels |
|---|---|
| `embedded`, `digits`, ... | a suite; names win over paths: write `./digits` for a folder of that name |
| `digits:train`, `vgg16:train` | a training step, three products a layer (`workloads.networks.training`) |
| `llama3-405b:decode:2:4` | a published network, options after colons (`workloads.networks`) |
| `gcn:GRAPH`, `graphsage:GRAPH` | a graph network on a user's graph (`workloads.networks.graph`) |
| `suitesparse:GROUP/NAME` | a matrix of the SuiteSparse collection, downloaded once (`workloads.readers.suitesparse`) |
| a file or a folder | every matrix and every layer in it (`workloads.readers`); `net.onnx:b8:128`: batch, tokens |
| `graph.txt:undirected:from1` | with options of `workloads.readers.options`: what a file cannot say |
| `model.safetensors#*mlp*` | the layers whose names match a pattern |

and `product` is

| product | kernel | B |
|---|---|---|
| `spmv` | A @ b | a dense vector |
| `spmm:N` | A @ B | dense with N columns; `spmm` is `spmm:64`, what files get unless they or a product say otherwise |
| `axa` | A @ A | A itself, which must be square |
| `axat` | A @ A^T | A transposed |
| `axb:FILE` | A @ B | the sparse matrix in a file, options behind it as above |
| `sddmm:K` | A * (P @ Q) at the non-zeros of A | P and Q dense, K columns and rows |
| `attention:H:D` | H heads of depth D under the mask A (`workloads.kernels.attention`) | dense |
| `ttv:MODE`, `ttm:MODE:RANK`, `mttkrp:MODE:RANK` | of a tensor, modes from 0 (`workloads.kernels.tensors`) | dense |
| `add:FILE`, `multiply:FILE` | A + B, A * B, element by element | the sparse matrix in a file |

Suites, networks and tables have products of their own; one that is given replaces them for all their matrices. What is
only described by densities takes `spmv` and `spmm:N`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from workloads.densities import NM
from workloads.errors import InputError
from workloads.generators import n_of_m, rmat, stencil_2d
from workloads.kernels.attention import sparse_attention
from workloads.kernels.elementwise import OPERATIONS, ElementwiseKernel
from workloads.kernels.graph_building import graph_of, in_order
from workloads.kernels.kernel import Kernel, Numbers
from workloads.kernels.matrix_product import DensityKernel, SparseKernel, spmm, spmspm, spmv
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.tensors import CooTensor, mttkrp, ttm, ttv
from workloads.kernels.unfolding import filter_order
from workloads.kernels.workload import Workload
from workloads.networks import GRAPH_NETWORKS, NETWORK_NAMES, graph_workload, network_workload
from workloads.networks.digits import digits_activations, digits_layers, digits_tensors, digits_training_step
from workloads.networks.training import measured_step
from workloads.readers.finding import find_written, taken_apart
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.loading import matrix_of
from workloads.readers.matrices.canonical_form import numbers_of
from workloads.readers.measurable import check_measurable
from workloads.readers.suitesparse import PREFIX, found_in_suitesparse

DEFAULT_COLUMNS = 64
"""Columns of a dense B unless told otherwise: a batch of images, the features of a graph's nodes."""

_PRODUCTS = (
    "spmv",
    "spmm",
    "spmm:N",
    "axa",
    "axat",
    "axb:FILE",
    "sddmm:K",
    "attention:H:D",
    "add:FILE",
    "multiply:FILE",
)

_OF_FILES = ("axb", *OPERATIONS)
"""Products whose second operand comes from a file."""


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

SUITE_NAMES = ("embedded", *_SUITES, "digits_sparse", "digits:train")
"""Names that need no file: `embedded` is all of `digits`, `stencil`, `rmat` and `nm24`; `digits_sparse` multiplies the
classifier's layers with the measured activations of a batch of held-out images, zeros skipped on both sides;
`digits:train` is a training step of it, with the zeros that weights, activations and gradients of a batch have."""


def resolve_workload(spec: str) -> Workload:
    """The workload a spec stands for; kernels are named `matrix@product`, or `network/layer`.

    **Raises** `InputError` for an unknown name, option or product, a missing path, a folder without matrices, what
    cannot be read or downloaded, and for `axa` of a matrix that is not square.
    """
    if spec.partition(":")[0] in GRAPH_NETWORKS and ":" in spec:
        return graph_workload(spec)
    what, product = _split(spec)
    second = _second_operand(product)
    b = None if second is None else matrix_of(second)
    notes: tuple[str, ...] = ()
    if what in ("digits_sparse", "digits:train") and product is not None:
        raise InputError(f"{spec!r}: {what} has its own B; write it without @{product}, or use digits.")
    if what == "digits:train":
        kernels = list(measured_step(digits_training_step(), "digits"))
    elif what == "embedded":
        kernels = [kernel for name in _SUITES for kernel in _suite_kernels(name, product, b)]
    elif what == "digits_sparse":
        inputs = digits_activations()
        kernels = [spmspm(w, inputs[name], f"digits_{name}@activations") for name, w in digits_layers().items()]
        kernels = digits_tensors(kernels)
    elif what in _SUITES:
        kernels = _suite_kernels(what, product, b)
    elif what.partition(":")[0] in NETWORK_NAMES:
        kernels = [_replaced(kernel, product) for kernel in network_workload(what).kernels]
    elif what.startswith(PREFIX):
        name = what.removeprefix(PREFIX)
        found = found_in_suitesparse(name)
        kernels, notes = _kernels(name, matrix_of(found), product or "spmm", b), found.remarks
        kernels = _with_numbers(kernels, found.layers[0].numbers)
    else:
        kernels, notes = _found_kernels(found_at(what), product, b)
    if second is not None:
        kernels = _with_numbers(kernels, second.layers[0].numbers)
    of_second = () if second is None else second.remarks
    return Workload(spec, tuple(kernels), tuple(dict.fromkeys((*notes, *of_second))))


def resolve_workloads(specs: list[str]) -> Workload:
    """One workload of several specs, in order; a kernel name that returns gets `#2`, `#3`, ... appended."""
    if not specs:
        raise InputError(f"No workload is named; give a matrix file, a folder or one of: {', '.join(SUITE_NAMES)}.")
    kernels: dict[str, Kernel] = {}
    workloads = [resolve_workload(spec) for spec in specs]
    for at, workload in enumerate(workloads):
        for kernel in workload.kernels:
            name, number = kernel.name, 1
            while name in kernels:
                number += 1
                name = f"{kernel.name}#{number}"
            tensors = kernel.tensors.renamed(f"#{at + 1}") if at and kernel.tensors else kernel.tensors
            kernels[name] = replace(kernel, name=name, tensors=tensors)
    notes = dict.fromkeys(note for workload in workloads for note in workload.notes)
    return Workload("+".join(specs), tuple(kernels.values()), tuple(notes))


def found_at(what: str) -> Found:
    """What a path holds: `PATH`, options after colons, a pattern for layers' names after #.

    **Raises** `InputError` where there is no such path, for what cannot be read or measured, and where no name matches.
    """
    path, options, _ = taken_apart(what)
    if not os.path.exists(path):
        names = ", ".join([*SUITE_NAMES, *NETWORK_NAMES, *(f"{name}:GRAPH" for name in GRAPH_NETWORKS)])
        fix = f"check it or use one of: {names}, {PREFIX}GROUP/NAME"
        raise InputError(f"{what[:200]!r}: no such path and no workload of that name; {fix}.")
    found = find_written(what)
    if not options.large:
        check_measurable(found)
    return found


def as_workload(what: Any) -> Any:
    """The workload meant by what has its name and kernels, by a kernel, kernels, or specs by name or path.

    **Raises** `InputError` for anything else, a matrix among them: a matrix alone does not say what it is multiplied
    with.
    """
    if hasattr(what, "name") and hasattr(what, "kernels"):
        return what
    if isinstance(what, str | os.PathLike):
        return resolve_workload(os.fspath(what))
    listed = list(what) if isinstance(what, list | tuple) else [what]
    if listed and all(isinstance(one, Kernel) for one in listed):
        return Workload("+".join(kernel.name for kernel in listed), tuple(listed))
    if listed and all(isinstance(one, str | os.PathLike) for one in listed):
        return resolve_workloads([os.fspath(one) for one in listed])
    if issparse(what) or isinstance(what, np.ndarray):
        raise InputError(
            "A matrix alone is no workload; say what it is multiplied with: SparseKernel('name', matrix, None, 64) for "
            "64 dense columns, or SparseKernel('name', a, b, b.shape[1]) for a sparse b."
        )
    kind = type(what).__name__ if listed else "list without kernels"
    raise InputError(f"A {kind} is no workload; give a Workload, kernels, or a name such as 'embedded' or a path.")


def _split(spec: str) -> tuple[str, str | None]:
    """What a spec names and the product it asks for, None where it asks for none."""
    if os.path.exists(spec):
        return spec, None
    what, at, product = spec.rpartition("@")
    return (what, product) if at else (spec, None)


def _second_operand(product: str | None) -> Found | None:
    """What the file of `axb:FILE`, `add:FILE` or `multiply:FILE` holds; None for other products."""
    kind, _, path = (product or "").partition(":")
    return find_written(path) if kind in _OF_FILES and path else None


def _suite_kernels(name: str, product: str | None, b: csr_array | None) -> list[Kernel]:
    suite = _SUITES[name]
    products = suite.products if product is None else (product,)
    matrices = suite.matrices().items()
    kernels = [kernel for matrix, a in matrices for one in products for kernel in _kernels(matrix, a, one, b)]
    dense_batch = len(products) == 1 and products[0].partition(":")[0] in ("spmm", "spmv")
    return digits_tensors(kernels) if name == "digits" and dense_batch else kernels


def _kernels(matrix: str, a: csr_array, product: str, b: csr_array | None) -> list[Kernel]:
    """The kernels of one product of a matrix, named after both; `b` is the second operand that comes from a file."""
    heads, colon, depth = product.removeprefix("attention:").partition(":")
    if product.startswith("attention:") and colon:
        sizes = (_columns(product, heads), _columns(product, depth))
        return list(sparse_attention(a, *sizes, f"{matrix}@attention").kernels)
    return [_kernel(matrix, a, product, b)]


def _kernel(matrix: str, a: csr_array, product: str, b: csr_array | None) -> Kernel:
    """One product of a matrix, named after both."""
    kind, colon, rest = product.partition(":")
    if kind == "spmm":
        n = _columns(product, rest) if colon else DEFAULT_COLUMNS
        return spmm(a, n, f"{matrix}@spmm:{n}")
    name = f"{matrix}@{product}"
    if kind == "sddmm" and colon:
        return SddmmKernel(name, a, _columns(product, rest))
    if kind in _OF_FILES and b is not None:
        name = f"{matrix}@{kind}:{os.path.basename(taken_apart(rest)[0])}"
        return spmspm(a, b, name) if kind == "axb" else ElementwiseKernel(name, a, b, kind)
    if product == "spmv":
        return spmv(a, name)
    if product == "axat":
        return spmspm(a, csr_array(a.T), name)
    if product == "axa":
        if a.shape[0] != a.shape[1]:
            rows, columns = a.shape
            raise InputError(f"{name}: A @ A needs a square matrix but A is {rows} x {columns}; use @axat or @spmm.")
        return spmspm(a, a, name)
    if kind in ("ttv", "ttm", "mttkrp"):
        raise InputError(f"{name}: @{kind} is of a tensor of three modes or more, and this is a matrix; use @spmm:N.")
    raise InputError(f"{name}: unknown product {product!r}; use one of {', '.join('@' + one for one in _PRODUCTS)}.")


def _columns(product: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 2**31 and len(text) <= 12):
        kind, what = product.partition(":")[0], {"spmm": "N", "sddmm": "K"}.get(product.partition(":")[0], "a number")
        right = {"attention": "attention:8:64"}.get(kind, f"{kind}:64")
        raise InputError(f"@{product}: {what} is {text!r}; give a whole number of columns above 0, as in @{right}.")
    return int(text)


def _replaced(kernel: Kernel, product: str | None) -> Kernel:
    """A kernel described by densities, with another product if one is given."""
    if product is None or not isinstance(kernel, DensityKernel):
        return kernel
    kind, colon, columns = product.partition(":")
    if product == "spmv" or kind == "spmm":
        n = 1 if product == "spmv" else _columns(product, columns) if colon else DEFAULT_COLUMNS
        return replace(kernel, n=n, b=None, unfolding=None, tensors=None)
    raise InputError(
        f"{kernel.name}: is described by densities, not by a pattern; use @spmv or @spmm:N, not @{product}."
    )


def _found_kernels(found: Found, product: str | None, b: csr_array | None) -> tuple[list[Kernel], tuple[str, ...]]:
    """The kernels of all layers, those of zeros left out, and what is to be said of them."""
    made = [_layer_kernels(layer, found.path, product, b) for layer in found.layers]
    made = [_with_names(kernels, layer, product) for kernels, layer in zip(made, found.layers, strict=True)]
    empty = [layer.name or found.path.name for layer, kernels in zip(found.layers, made, strict=True) if not kernels]
    if len(empty) == len(made):
        raise InputError(f"{found.path}: {empty[0]} holds no non-zero; remove it, or keep one of its weights.")
    zeros = replace(found, layers=(), notes=(), left_out=tuple(LeftOut(name, "all zeros") for name in empty))
    kernels, notes = _as_graph(found, [kernel for kernels in made for kernel in kernels])
    return kernels, (*found.remarks, *zeros.remarks, *notes)


def _with_names(kernels: list[Kernel], layer: FoundLayer, product: str | None) -> list[Kernel]:
    """With what a layer reads and writes, where all layers have the columns that the file or the product says."""
    columns_said = product is not None and product.partition(":")[0] in ("spmm", "spmv") and layer.columns is None
    known = layer.tensors is not None and (product is None or columns_said)
    return [replace(kernel, tensors=layer.tensors) for kernel in kernels] if known else kernels


def _as_graph(found: Found, kernels: list[Kernel]) -> tuple[list[Kernel], list[str]]:
    """Kernels in the order in which they feed each other; without names, and with a note, where these make no graph."""
    kernels = in_order(kernels)
    try:
        graph_of(str(found.path), kernels)
    except InputError as error:
        note = f"{found.path}: what its layers feed each other is not taken from the file ({error})"
        return [replace(kernel, tensors=None) for kernel in kernels], [note]
    return kernels, []


def _layer_kernels(layer: FoundLayer, path: Path, product: str | None, b: csr_array | None) -> list[Kernel]:
    """The kernels that a layer takes part in, named after it, or after the file; none where it is all zeros."""
    name = layer.name or path.name
    if layer.density is not None:
        return [_replaced(_density_kernel(name, layer), product)]
    if layer.tensor is not None:
        return _with_numbers([_tensor_kernel(name, layer.tensor(), product)], layer.numbers)
    assert layer.read is not None
    matrix = layer.read()
    if matrix.nnz == 0:
        return []
    if issparse(layer.activations) and product is None:
        return [spmspm(matrix, layer.activations, f"{name}@activations")]
    taps = layer.unfolding.taps if layer.unfolding else layer.taps
    block = _pruned_channels(matrix, taps)
    if block > 1:
        matrix = csr_array(matrix[:, filter_order(matrix.shape[1] // taps, taps, block)])
    if layer.unfolding is not None and product is None:
        unfolding = replace(layer.unfolding, channel_block=block)
        n = layer.columns or unfolding.positions
        return [SparseKernel(f"{name}@spmm:{n}", matrix, None, n, layer.repeats, unfolding)]
    found = _kernels(name, matrix, product or (f"spmm:{layer.columns}" if layer.columns else "spmm"), b)
    found = _with_numbers(found, _numbers(layer, path, matrix))
    if layer.repeats == 1:
        return found
    return [replace(kernel, repeats=kernel.repeats * layer.repeats, tensors=None) for kernel in found]


def _numbers(layer: FoundLayer, path: Path, matrix: csr_array) -> Numbers:
    """What the values of a layer are: reals that are weights by what the file says of itself, or by an n:m pattern, are
    to be quantised."""
    if layer.numbers != "real" or numbers_of(matrix.data, "real") != "real":
        return "pattern" if layer.numbers == "real" else layer.numbers
    from workloads.structure import source_of
    from workloads.structure.n_of_m import find_n_of_m

    file = path / layer.name if path.is_dir() else path
    origin = source_of(layer.name or path.name, file if file.is_file() else None)
    known = origin is not None and origin.kind != "unknown"
    pruned = origin.kind == "induced" if origin is not None and known else find_n_of_m(matrix).found
    return "integer" if pruned else "real"


def _with_numbers(kernels: Sequence[Kernel], numbers: Numbers) -> list[Kernel]:
    """The kernels, of real numbers if this operand or the one that they have is."""
    return [kernel if kernel.numbers == "real" else replace(kernel, numbers=numbers) for kernel in kernels]


def _density_kernel(name: str, layer: FoundLayer) -> DensityKernel:
    """A layer that is known by densities; weights that are n:m are so along the channels, where these have groups."""
    (m, k), a, unfolding = layer.shape, layer.density, layer.unfolding
    assert a is not None
    n = layer.columns or (unfolding.positions if unfolding else DEFAULT_COLUMNS)
    if unfolding is not None and isinstance(a, NM) and not unfolding.channels % a.m:
        unfolding = replace(unfolding, channel_block=a.m)
    b = layer.activations
    return DensityKernel(name, m, k, n, a, b, layer.repeats, unfolding)


def _pruned_channels(matrix: csr_array, taps: int) -> int:
    """Channels to keep together for the n:m that the weights have been pruned to."""
    if taps == 1:
        return 1
    from workloads.structure.n_of_m import pruned_channels

    return pruned_channels(matrix, taps)


def _tensor_kernel(name: str, tensor: CooTensor, product: str | None) -> Kernel:
    """`ttv:MODE`, `ttm:MODE:RANK` or `mttkrp:MODE:RANK` of a tensor; modes count from 0."""
    kind, *numbers = (product or "").split(":")
    sizes = [int(text) for text in numbers if text.isascii() and text.isdecimal() and len(text) < 10]
    if kind == "ttv" and len(sizes) == len(numbers) == 1:
        return ttv(tensor, sizes[0], name)
    if kind in ("ttm", "mttkrp") and len(sizes) == len(numbers) == 2 and sizes[1] > 0:
        return (ttm if kind == "ttm" else mttkrp)(tensor, *sizes, name)
    what = f"is a tensor of {len(tensor.shape)} modes, which is no matrix"
    raise InputError(f"{name}: {what}; give a product that unfolds it: @mttkrp:0:16, @ttm:0:16 or @ttv:0.")
