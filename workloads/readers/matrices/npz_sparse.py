"""Sparse matrices in an `.npz`, as SciPy, pydata/sparse and JAX write them, or by parts.

| arrays | what |
|---|---|
| `format`, `shape`, `data`, ... | scipy.sparse.save_npz: csr, csc, bsr, coo, dia |
| `coords`, `data`, `shape`, `fill_value` | pydata/sparse COO, of any number of axes |
| `indices`, `indptr`, `compressed_axes`, ... | pydata/sparse GCXS |
| `data`, `indices` [nnz, 2], `shape` | JAX BCOO; indices outside the shape are padding (jax.experimental.sparse) |
| `data`, `indices`, `indptr`, with or without `shape` | CSR or CSC by parts, also behind `adj_` (gnn-benchmark) |
| `crow_indices`, `col_indices`, `values` | CSR of PyTorch |
| `row`, `col`, with or without `data`, `shape` | COO by parts |
"""

from functools import partial

import numpy as np
from scipy.sparse import bsr_array, coo_array, csc_array, csr_array, dia_array

from workloads.kernels.tensors import CooTensor
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, FoundLayer
from workloads.readers.matrices.canonical_form import (
    check_emptiness,
    check_sides,
    found_matrix,
    number_type,
    numbers_of_type,
)
from workloads.readers.matrices.compressed import compressed_matrix
from workloads.readers.matrices.npz_archive import NpzArchive, npz_names, opened_npz
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_ENDS = (("row", "col"), ("rows", "cols"), ("senders", "receivers"), ("src", "dst"), ("sources", "targets"))
"""Without a shape the latter are edges (`graphs.edge_index`)."""
_VALUES = ("data", "values", "vals", "value", "val", "weights", "weight", "edge_weight")


def _read(source: Source, options: ReadOptions) -> Found:
    with opened_npz(source) as archive:
        prefixes = _prefixes(archive.names)
        if prefixes:
            found = [_by_prefix(archive, prefix, options) for prefix in _chosen(prefixes)]
            layers = tuple(layer for one in found for layer in one.layers)
            notes = tuple(note for one in found for note in one.notes)
            return Found(source.path, "sparse .npz", layers, archive.left_out(), notes)
        matrix = _whole(archive)
        if isinstance(matrix, FoundLayer):
            return Found(source.path, "sparse .npz", (matrix,), archive.left_out(), archive.told())
        pattern = matrix.dtype == bool
        return found_matrix(source, "sparse .npz", matrix, options, pattern=pattern, notes=archive.told(),
                            left_out=archive.left_out(), numbers=numbers_of_type(matrix.dtype))  # fmt: skip


def _whole(archive: NpzArchive) -> coo_array | csr_array | FoundLayer:
    """The one matrix or tensor of an archive."""
    kind = ""
    if archive.has("format"):
        text = archive.array("format").ravel()[:1].tolist()
        kind = text[0].decode("ascii", "replace") if text and isinstance(text[0], bytes) else str((text or [""])[0])
    shape = archive.shape() or archive.shape("size")
    if archive.has("fill_value") and np.any(archive.array("fill_value") != 0):
        archive.source.fail("fill_value", "is not zero, so that the matrix is dense", "save it as a dense .npy")
    if archive.has("coords", "data"):
        return _coordinates(archive, archive.whole("coords"), archive.array("data"), shape)
    if archive.has("compressed_axes"):
        return _gcxs(archive, shape)
    if kind in ("csr", "csc", "bsr", "dia", "coo") and shape is not None and len(shape) == 2:
        return _of_scipy(archive, kind, shape)
    if archive.has("crow_indices", "col_indices", "values"):
        return _compressed(archive, "values", "col_indices", "crow_indices", shape, "csr")
    if archive.has("data", "indices", "indptr"):
        return _compressed(archive, "data", "indices", "indptr", shape)
    values = next((name for name in _VALUES if archive.has(name)), None)
    if archive.has("indices") and values is not None:
        return _bcoo(archive, archive.whole("indices"), archive.array(values), shape)
    ends = next((pair for pair in _ENDS if archive.has(*pair)), None)
    if ends is not None:
        at = [archive.whole(name).ravel() for name in ends]
        if len(at[0]) != len(at[1]):
            archive.source.fail(ends[0], f"and {ends[1]} have {len(at[0])} and {len(at[1])} numbers", "save as many")
        data = np.ones(len(at[0]), bool) if values is None else archive.array(values)
        return _coordinates(archive, np.stack(at), data, shape)
    archive.source.fail("format", f"{kind[:20]!r} is unknown", "save it with scipy.sparse.save_npz")


def _of_scipy(archive: NpzArchive, kind: str, shape: tuple[int, ...]) -> coo_array | csr_array:
    check_sides(archive.source, shape[0], shape[1])
    data = archive.array("data")
    number_type(archive.source, data.dtype)
    if kind == "coo":
        return _coordinates(archive, np.stack([archive.whole("row"), archive.whole("col")]), data, shape)
    if kind == "dia":
        return coo_array(dia_array((data, archive.whole("offsets")), shape=shape))
    make = {"csr": csr_array, "csc": csc_array, "bsr": bsr_array}[kind]
    made = make((data, archive.whole("indices"), archive.whole("indptr")), shape=shape)
    made.check_format(full_check=True)
    return coo_array(made)


def _coordinates(archive: NpzArchive, at: np.ndarray, data: np.ndarray, shape: tuple[int, ...] | None):
    """A matrix, or a tensor of more axes, of coordinates [axes, nnz]."""
    source = archive.source
    number_type(source, data.dtype)
    data = np.broadcast_to(data.ravel() if data.size != 1 else data.reshape(()), at.shape[1:2])
    if at.ndim != 2 or not at.shape[1]:
        source.fail("coords", f"has the shape {at.shape}", "save coordinates [axes, non-zeros]")
    if shape is None:
        shape = tuple(int(top) + 1 for top in at.max(axis=1))
        archive.notes.append(f"no shape is stored; the largest indices give {' x '.join(map(str, shape))}")
    if len(shape) != len(at):
        source.fail("shape", f"has {len(shape)} axes but coordinates {len(at)}", "save both alike")
    if at.min() < 0 or np.any(at.max(axis=1) >= np.array(shape)):
        source.fail("coords", f"reach outside the shape {shape}", "correct the indices or the shape")
    if len(shape) == 2:
        check_sides(source, *shape)
        return coo_array((data, (at[0], at[1])), shape=shape)
    if len(shape) == 1:
        source.fail("array", "has 1 axis where a matrix has 2", "reshape it to (1, K), or (M, 1)")
    check_emptiness(source, shape, at.shape[1])
    return FoundLayer("", shape, tensor=partial(_tensor, at, data, shape), numbers=numbers_of_type(data.dtype))


def _tensor(at: np.ndarray, data: np.ndarray, shape: tuple[int, ...]) -> CooTensor:
    places, which = np.unique(at.T, axis=0, return_inverse=True)
    sums = np.bincount(which.ravel(), weights=np.abs(data).astype(float) if data.dtype.kind == "c" else data)
    return CooTensor(places[sums != 0], sums[sums != 0], shape)


def _compressed(
    archive: NpzArchive, data: str, indices: str, indptr: str, shape: tuple[int, ...] | None, kind: str = ""
) -> coo_array:
    """CSR, or CSC where only that fits the shape."""
    parts = (archive.array(data), archive.whole(indices), archive.whole(indptr))
    matrix, notes = compressed_matrix(archive.source, (data, indices, indptr), parts, shape, kind)
    archive.notes += notes
    return matrix


def _gcxs(archive: NpzArchive, shape: tuple[int, ...] | None) -> coo_array:
    axes = archive.whole("compressed_axes").ravel().tolist()
    if shape is None or len(shape) != 2 or axes not in ([0], [1]):
        axes_count = "unknown" if shape is None else f"{len(shape)}"
        archive.source.fail(
            "GCXS array", f"has {axes_count} axes, compressed along {axes}", "save it as COO, of 2 axes"
        )
    return _compressed(archive, "data", "indices", "indptr", shape, "csr" if axes == [0] else "csc")


def _bcoo(archive: NpzArchive, indices: np.ndarray, data: np.ndarray, shape: tuple[int, ...] | None):
    """JAX's BCOO [nnz, axes], or PyTorch's COO [axes, nnz]."""
    if indices.ndim != 2:
        archive.source.fail("indices", f"have {indices.ndim} axes", "save them [non-zeros, 2]")
    axes = 2 if shape is None else len(shape)
    at = indices.T if indices.shape[1] == axes and data.shape[:1] == indices.shape[:1] else indices
    if at.shape != (axes, data.shape[0]) or data.ndim != 1:
        what = f"have the shape {indices.shape} for values {data.shape}"
        archive.source.fail("indices", what, "save a BCOO without batch and dense axes")
    if shape is not None and indices is not at:
        inside = np.all(at < np.array(shape)[:, None], axis=0)
        if not inside.all():
            archive.notes.append(f"{(~inside).sum():,} entries outside the shape are padding and were left out (BCOO)")
        at, data = at[:, inside], data[inside]
    return _coordinates(archive, at, data, shape)


def _by_prefix(archive: NpzArchive, prefix: str, options: ReadOptions) -> Found:
    parts = [f"{prefix}{part}" for part in ("data", "indices", "indptr")]
    matrix = _compressed(archive, *parts, archive.shape(f"{prefix}shape"))
    notes, archive.notes = archive.told(), []
    return found_matrix(archive.source, "sparse .npz", matrix, options, notes=notes, name=prefix.rstrip("_./"),
                        numbers=numbers_of_type(matrix.dtype))  # fmt: skip


def _chosen(prefixes: list[str]) -> list[str]:
    """The adjacency where there is one: attributes of nodes beside it are no graph."""
    return [one for one in prefixes if one.startswith("adj")] or prefixes


def _prefixes(names: list[str]) -> list[str]:
    """What stands before `data`, `indices` and `indptr` where that is not nothing."""
    begins = [name.removesuffix("indptr") for name in names if name.endswith("indptr")]
    return [one for one in begins if one and {f"{one}data", f"{one}indices"} <= set(names)]


def _recognise(source: Source) -> Sureness:
    names = set(npz_names(source))
    known = (
        {"format", "shape", "data"} <= names
        or {"coords", "data"} <= names
        or {"indices", "indptr", "data"} <= names
        or {"crow_indices", "col_indices", "values"} <= names
        or ("indices" in names and bool(names & set(_VALUES)) and names <= {"indices", "shape", "size", *_VALUES})
        or any(set(pair) <= names for pair in _ENDS)
        or bool(_prefixes(list(names)))
    )
    return Sureness.SIGNED if known else Sureness.NO


FORMAT = FileFormat("sparse .npz", _recognise, _read, heeds=("zeros",))
