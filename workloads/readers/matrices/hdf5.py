"""Sparse matrices in HDF5: AnnData's `.h5ad`, 10x Genomics' `.h5`, MATLAB 7.3's `.mat`, and CSR or CSC by parts.

AnnData: anndata.readthedocs.io, "On-disk format", `encoding-type` and `shape`; before version 0.7 `h5sparse_format`.
Loom: loompy.org, "Loom file format specs", whose main matrix is dense and called `matrix`. 10x Genomics: "HDF5
feature-barcode matrix format", CSC of features x barcodes. MATLAB: `MATLAB_sparse` is the number of rows, `jc` the
offsets of columns, `ir` the rows; dense variables are stored transposed. Links out of the file, external and virtual
data are not followed.
"""

import io
import re
from collections.abc import Collection
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import found_matrix
from workloads.readers.matrices.compressed import compressed_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, LARGE, Source, words_of
from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO

_MAGIC = b"\x89HDF\r\n\x1a\n"
_SIGNATURES = (0, 512, 1024, 2048, 4096)
"""Where the signature may stand (HDF5 file format, section II.A)."""
_MOST_OBJECTS = 10_000
_KERAS = re.compile(
    r"(model_weights|_layer_checkpoint_dependencies)(/|$)|(.*/)?(vars/\d+|(recurrent_|depthwise_|pointwise_)?kernel(:\d+)?)$"
)
"""Names of Keras' groups and datasets (keras.io, "Whole model saving"; HDF5 of Keras 2 and 3)."""
_FIX = "convert it to .npz with scipy.sparse.save_npz or to .mtx"


def _read(source: Source, options: ReadOptions) -> Found:
    try:
        import h5py
    except ImportError as error:
        source.fail("HDF5 file", "needs h5py to be read", "install it: pip install 'sparse-dse[hdf5]'", error)
    try:
        with h5py.File(io.BytesIO(source.content) if source.compressed else source.path, "r") as file:
            return _of_file(source, file, options)
    except KeyError as error:
        source.fail("HDF5 file", f"lacks {words_of(error)}", "write or copy it again", error)
    except BROKEN as error:
        if type(error).__name__ == "InputError":
            raise
        source.fail("HDF5 file", f"is damaged ({words_of(error)})", "write or copy it again", error)


def _of_file(source: Source, file: Any, options: ReadOptions) -> Found:
    matlab = source.head.startswith(b"MATLAB 7.3")
    groups, datasets = _objects(source, file)
    of_keras = "X" not in file and any(_KERAS.match(name) for name in (*groups, *datasets))
    if of_keras or "keras_version" in file.attrs:
        source.fail("HDF5 file", "holds weights of Keras", "export them as .safetensors, .npz or .onnx")
    sparse = {name: made for name, group in groups.items() if (made := _sparse(source, name, group)) is not None}
    matrices: dict[str, tuple[coo_array, list[str]]] = {name: sparse[name] for name in _chosen(sparse)}
    if not matrices:
        dense = {name: one for name, one in datasets.items() if _is_dense(one)}
        main = next((name for name in ("X", "matrix") if name in dense), None)
        dense = {main: dense[main]} if main else dense
        if not dense or (len(dense) > 1 and not matlab):
            listed = ", ".join([*dense, *datasets][:4]) or "nothing"
            source.fail("HDF5 file", f"holds no sparse matrix that is known ({listed})", _FIX)
        arrays = {name: _array(source, name, one) for name, one in dense.items()}
        matrices = {name: (coo_array(one.T if matlab else one), []) for name, one in arrays.items()}
    parts = [
        found_matrix(source, "MATLAB 7.3 file" if matlab else "HDF5 file", matrix, options,
                     pattern=matrix.dtype == bool, values=f"{matrix.dtype}", name="" if len(matrices) == 1 else name,
                     notes=tuple(f"{source.name}: {note}." for note in told))
        for name, (matrix, told) in matrices.items()
    ]  # fmt: skip
    notes = tuple(note for part in parts for note in part.notes)
    if len(parts) == 1 and not matlab:
        notes = (f"{source.name}: the matrix read is {next(iter(matrices))!r}.", *notes)
    layers = tuple(layer for part in parts for layer in part.layers)
    return Found(source.path, parts[0].format, layers, _left_out(matrices, sparse, datasets), notes)


def _left_out(matrices: Collection[str], sparse: Collection[str], datasets: dict[str, Any]) -> tuple[LeftOut, ...]:
    """Sparse matrices that are not read, and datasets that are no part of one."""
    beside = [name for name in sparse if name not in matrices]
    lone = [name for name in datasets if not any(name.startswith(f"{one}/") for one in (*matrices, *sparse))]
    beside += [name for name in lone if name not in matrices and _is_dense(datasets[name])]
    others = [name for name in lone if name not in matrices and not _is_dense(datasets[name])]
    return (
        *(LeftOut(name, "a matrix beside the main one") for name in beside),
        *(LeftOut(name, "no matrix of numbers") for name in others),
    )


def _objects(source: Source, file: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Groups and datasets by path, by hard links only, MATLAB's references left out."""
    import h5py

    groups, datasets, waiting, seen = {}, {}, [("", file)], set()
    while waiting:
        path, group = waiting.pop()
        for name in list(group)[:_MOST_OBJECTS]:
            if name.startswith("#") or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            child = group[name]
            address = h5py.h5o.get_info(child.id).addr
            if address in seen:
                continue
            seen.add(address)
            below = f"{path}/{name}".strip("/")
            if isinstance(child, h5py.Group):
                groups[below] = child
                waiting.append((below, child))
            elif isinstance(child, h5py.Dataset):
                datasets[below] = child
            if len(groups) + len(datasets) > _MOST_OBJECTS:
                source.fail("HDF5 file", f"holds more than {_MOST_OBJECTS} objects", _FIX)
    return groups, datasets


def _chosen(sparse: dict[str, Any]) -> list[str]:
    """AnnData's X, 10x' matrix and SuiteSparse's A where they are; else all."""
    main = next((name for name in ("X", "matrix", "Problem/A") if name in sparse), None)
    return [main] if main else list(sparse)


def _sparse(source: Source, name: str, group: Any) -> tuple[coo_array, list[str]] | None:
    """The sparse matrix that a group is, and what had to be assumed; None for others."""
    if "MATLAB_sparse" in group.attrs:
        rows, offsets = int(group.attrs["MATLAB_sparse"]), _whole(source, f"{name}/jc", group["jc"])
        indices = _whole(source, f"{name}/ir", group["ir"]) if "ir" in group else np.empty(0, np.int64)
        data = _array(source, f"{name}/data", group["data"]) if "data" in group else np.empty(0)
        if group.attrs.get("MATLAB_class") == b"logical":
            data = data.astype(bool)
        names = (f"{name}/data", f"{name}/ir", f"{name}/jc")
        return compressed_matrix(source, names, (data, indices, offsets), (rows, len(offsets) - 1), "csc")
    if not {"data", "indices", "indptr"} <= set(group):
        return None
    names = (f"{name}/data", f"{name}/indices", f"{name}/indptr")
    data = _array(source, names[0], group["data"])
    indices, offsets = (
        _whole(source, of, group[part]) for of, part in zip(names[1:], ("indices", "indptr"), strict=True)
    )
    shape = _shape(source, name, group)
    kind = group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", group.attrs.get("format", "")))
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    kind = "csc" if "barcodes" in group and shape is not None else kind[:3]  # of 10x Genomics
    kind = kind if kind in ("csr", "csc") else ""
    return compressed_matrix(source, names, (data, indices, offsets), shape, kind)


def _shape(source: Source, name: str, group: Any) -> tuple[int, int] | None:
    for key in ("shape", "h5sparse_shape"):
        if key in group.attrs or key in group:
            stored = group.attrs[key] if key in group.attrs else _whole(source, f"{name}/{key}", group[key])
            sides = np.asarray(stored).ravel().tolist()
            if len(sides) != 2:
                source.fail(name, f"has {len(sides)} axes where a matrix has 2", _FIX)
            return int(sides[0]), int(sides[1])
    return None


def _whole(source: Source, name: str, dataset: Any) -> np.ndarray:
    found = _array(source, name, dataset).ravel()
    if found.dtype.kind not in "iu":
        source.fail(name, f"has the type {found.dtype}, not whole numbers", _FIX)
    return found.astype(np.int64)


def _array(source: Source, name: str, dataset: Any) -> np.ndarray:
    """The numbers of a dataset; complex ones that MATLAB stores as pairs among them."""
    if getattr(dataset, "dtype", None) is None or dataset.external or dataset.is_virtual:
        source.fail(name, "is no data of the file itself", _FIX)
    stored = dataset.id.get_storage_size()
    if not source.large and dataset.nbytes > MOST_BYTES + MOST_RATIO * stored:
        most = f"{MOST_BYTES >> 20} MiB and {MOST_RATIO} times the {stored} stored"
        what = f"says {dataset.nbytes} bytes, more than {most}"
        source.fail(name, what, LARGE)
    found = dataset[()]
    if found.dtype.names == ("real", "imag"):
        return found["real"] + 1j * found["imag"]
    if found.dtype.kind not in "biufc":
        source.fail(name, f"has the type {str(found.dtype)[:40]}, not numbers", _FIX)
    return found


def _is_dense(dataset: Any) -> bool:
    return dataset.ndim == 2 and dataset.dtype.kind in "biuf" and min(dataset.shape) > 1


def _recognise(source: Source) -> Sureness:
    return Sureness.SIGNED if any(source.head[at : at + 8] == _MAGIC for at in _SIGNATURES) else Sureness.NO


FORMAT = FileFormat("HDF5 file", _recognise, _read, heeds=("zeros",))
