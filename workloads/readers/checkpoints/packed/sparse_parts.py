"""Sparse matrices stored as arrays of their parts: COO, CSR, CSC and BSR.

torch.sparse (`indices` [2, nnz], `values`, `size`; `crow_indices`, `col_indices`); jax.experimental.sparse (BCOO:
`data`, `indices` [nnz, 2], where indices beyond the shape are padding; BCSR); tf.SparseTensor (`dense_shape`);
scipy.sparse (`data`, `indices`, `indptr`, `shape`); pydata/sparse (`coords`, `fill_value`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import bsr_array, coo_array, csc_array, csr_array

from workloads.readers.checkpoints.packed.floats import FLOATS, WORDS, as_float32
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked
from workloads.readers.checkpoints.stored import StoredArrays

_SIZES = ("size", "shape", "dense_shape", "sparse_sizes")
_OTHERS = ("fill_value", "nnz", "format", "compressed_axes")
MOST_ROWS = 200_000_000
"""Of a matrix, and its columns: what has more is no operand that fits into memory."""


@dataclass(frozen=True)
class _Layout:
    """How the parts of a sparse matrix are called; pointers count the entries of a row or column."""

    name: str
    pointers: str
    places: str
    values: str


_LAYOUTS = (
    _Layout("csr", "crow_indices", "col_indices", "values"),
    _Layout("csc", "ccol_indices", "row_indices", "values"),
    _Layout("indptr", "indptr", "indices", "data"),
    _Layout("csr", "rowptr", "col", "value"),
    _Layout("coo", "", "coords", "data"),
    _Layout("coo", "", "indices", "values"),
    _Layout("bcoo", "", "indices", "data"),
)


def _find(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for layout in _LAYOUTS:
        for name in list(stored.arrays):
            stem = name.removesuffix(layout.places)
            bounded = stem != name and (not stem or stem[-1] in "./_:")
            roles = {"places": layout.places, "values": layout.values, "pointers": layout.pointers}
            wanted = {role: stem + part for role, part in roles.items() if part}
            if bounded and all(one in stored.arrays for one in wanted.values()):
                group = _group(stored, layout, stem, wanted)
                if group is not None:
                    yield group


def _group(stored: StoredArrays, layout: _Layout, stem: str, wanted: Mapping[str, str]) -> ArrayGroup | None:
    parts = {role: stored.arrays[name] for role, name in wanted.items()}
    if len(parts["places"].shape) != (1 if layout.pointers else 2) or not parts["values"].shape:
        return None
    size = next((stored.arrays[stem + one] for one in _SIZES if stem + one in stored.arrays), None)
    extra = {role: stored.arrays[stem + role] for role in _OTHERS if stem + role in stored.arrays}
    parts = {**parts, **({"size": size} if size is not None else {}), **extra}
    name = stem.rstrip("._/:")
    turned = stem + "barcodes" in stored.arrays
    return ArrayGroup(
        stored, "a sparse matrix by its parts", name, parts, {"layout": layout.name, "by columns": turned}
    )


def _unpacked(group: ArrayGroup) -> Unpacked:
    group.require("size" in group, "its size is missing", "add it as an array called size")
    shape = tuple(group.integers("size"))
    two = len(shape) == 2 and all(0 < side <= MOST_ROWS for side in shape)
    group.require(two, f"its size is {list(shape)}", "unfold it to a matrix of two axes")
    dtype = group.dtype("values")
    real = dtype in FLOATS or dtype == "BOOL" or dtype[:1] in ("I", "U")
    group.require(real, f"its values have the type {dtype}", "save them as float32")
    if "fill_value" in group:
        group.require(not group.floats("fill_value").any(), "what it does not store is not zero", "subtract fill_value")
    layout = _layout(group, shape)
    group = replace(group, settings={"layout": layout})
    make = _by_places if layout in ("coo", "bcoo") else _by_pointers
    _check_lengths(group, shape)

    def read() -> csr_array:
        found = csr_array(make(group, shape))
        found.sum_duplicates()
        found.eliminate_zeros()
        return found

    return Unpacked(group.name, shape, WORDS.get(dtype, dtype), read, dtype)


def _layout(group: ArrayGroup, shape: tuple[int, ...]) -> str:
    """As the names say; pointers of SciPy and pydata may go by columns, as `format`, `compressed_axes` or they tell."""
    layout = group.settings["layout"]
    if layout != "indptr":
        return layout
    if "format" in group:
        said = group.read("format").item()
        said = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
        known = said in ("csr", "csc", "bsr")
        group.require(known, f"its format is {said[:20]!r}", "save it by scipy.sparse.save_npz")
        return "csc" if said == "csc" else "csr"
    if "compressed_axes" in group:
        return "csc" if group.integers("compressed_axes") == [1] else "csr"
    rows, columns = (group.shape("pointers") == (side + 1,) for side in shape)
    return "csc" if columns and (not rows or group.settings["by columns"]) else "csr"


def _check_lengths(group: ArrayGroup, shape: tuple[int, ...]) -> None:
    places, values, layout = group.shape("places"), group.shape("values"), group.settings["layout"]
    if layout in ("csr", "csc"):
        pointers = group.shape("pointers")
        lines = shape[0] if layout == "csr" else shape[1]
        if len(values) == 3 and layout == "csr" and values[1] > 0 and shape[0] % values[1] == 0:
            lines //= values[1]
        fits = values[0] == places[0] and len(values) in (1, 3) and pointers == (lines + 1,)
        group.require(fits, f"its parts have the shapes {list(pointers)}, {list(places)} and {list(values)}")
    else:
        axis = _entries_axis(group)
        fits = len(values) == 1 and places[1 - axis] == 2 and places[axis] == values[0]
        group.require(fits, f"its indices have the shape {list(places)} and its values {list(values)}")


def _entries_axis(group: ArrayGroup) -> int:
    """Which axis of the indices counts the entries: [2, entries] but for JAX and TensorFlow."""
    places, by_entry = group.shape("places"), group.settings["layout"] == "bcoo"
    if places[0] == places[1] == 2:
        return 0 if by_entry else 1
    return 0 if places[1] == 2 else 1


def _values(group: ArrayGroup) -> np.ndarray:
    found = group.read("values")
    if group.dtype("values") in FLOATS and found.dtype != np.float64:
        found = as_float32(found, group.dtype("values"))
    elif found.dtype.kind == "b":
        found = found.astype(np.float32)
    group.require(bool(np.isfinite(found).all()), "it holds values that are NaN or infinite", "replace or remove them")
    return found


def _by_places(group: ArrayGroup, shape: tuple[int, int]) -> coo_array:
    places, values = group.read("places"), _values(group)
    rows, columns = (places.T if _entries_axis(group) == 0 else places).astype(np.int64)
    inside = (rows < shape[0]) & (columns < shape[1])
    negative = bool((rows < 0).any() or (columns < 0).any())
    group.require(not negative, "it has negative indices", "number from 0")
    if not inside.all():
        padded = group.settings["layout"] == "bcoo"
        group.require(padded, f"it has indices beyond its size {list(shape)}", "correct them or its size")
    return coo_array((values[inside], (rows[inside], columns[inside])), shape=shape)


def _by_pointers(group: ArrayGroup, shape: tuple[int, int]) -> csr_array | csc_array | bsr_array:
    pointers, places = group.read("pointers").astype(np.int64), group.read("places").astype(np.int64)
    values, layout = _values(group), group.settings["layout"]
    rising = pointers[0] == 0 and pointers[-1] == len(places) and (np.diff(pointers) >= 0).all()
    group.require(bool(rising), f"its pointers do not rise from 0 to {len(places)}", "correct them")
    block = values.shape[2] if values.ndim == 3 else 1
    most = (shape[1] if layout == "csr" else shape[0]) // max(block, 1)
    inside = places.size == 0 or (places.min() >= 0 and places.max() < most)
    group.require(bool(inside), f"it has indices beyond its size {list(shape)}", "correct them or its size")
    if values.ndim == 3:
        return bsr_array((values, places, pointers), shape=shape)
    return (csr_array if layout == "csr" else csc_array)((values, places, pointers), shape=shape)


SCHEME = Scheme("a sparse matrix by its parts", _find, _unpacked)
