"""Sparse matrices in HDF5: AnnData's `.h5ad`, 10x Genomics' `.h5`, MATLAB 7.3's `.mat`, and CSR or CSC by parts.

AnnData: anndata.readthedocs.io, "On-disk format", `encoding-type` and `shape`; before version 0.7 `h5sparse_format`.
Loom: loompy.org, "Loom file format specs", whose main matrix is dense and called `matrix`. 10x Genomics: "HDF5
feature-barcode matrix format", CSC of features x barcodes. MATLAB: `MATLAB_sparse` is the number of rows, `jc` the
offsets of columns, `ir` the rows; dense variables are stored transposed. Links out of the file, external and virtual
data are not followed.
"""

import re
from collections.abc import Collection
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from workloads.errors import InputError
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import found_matrix
from workloads.readers.matrices.compressed import compressed_matrix
from workloads.readers.matrices.hdf5_file import Dataset, Hdf5File, opened_hdf5
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, Source, words_of

_MAGIC = b"\x89HDF\r\n\x1a\n"
_SIGNATURES = (0, 512, 1024, 2048, 4096)
"""Where the signature may stand (HDF5 file format, section II.A)."""
_KERAS = re.compile(
    r"(model_weights|_layer_checkpoint_dependencies)(/|$)|(.*/)?(vars/\d+|(recurrent_|depthwise_|pointwise_)?kernel(:\d+)?)$"
)
"""Names of Keras' groups and datasets (keras.io, "Whole model saving"; HDF5 of Keras 2 and 3)."""
_FIX = "convert it to .npz with scipy.sparse.save_npz or to .mtx"


def _read(source: Source, options: ReadOptions) -> Found:
    with opened_hdf5(source) as file:
        try:
            return _of_file(source, file, options)
        except InputError:
            raise
        except BROKEN as error:
            source.fail("HDF5 file", f"is damaged ({words_of(error)})", "write or copy it again", error)


def _of_file(source: Source, file: Hdf5File, options: ReadOptions) -> Found:
    matlab = source.head.startswith(b"MATLAB 7.3")
    # MATLAB keeps what its references point at in #refs#.
    groups, datasets = (
        {name: one for name, one in ones.items() if name and not name.startswith("#")}
        for ones in (file.groups, file.datasets)
    )
    of_keras = "X" not in {*groups, *datasets} and any(_KERAS.match(name) for name in (*groups, *datasets))
    if of_keras or "keras_version" in file.groups[""]:
        source.fail("HDF5 file", "holds weights of Keras", "export them as .safetensors, .npz or .onnx")
    sparse = {name: made for name in groups if (made := _sparse(source, file, name)) is not None}
    matrices: dict[str, tuple[coo_array, list[str]]] = {name: sparse[name] for name in _chosen(sparse)}
    if not matrices:
        dense = {name: one for name, one in datasets.items() if _is_dense(one)}
        main = next((name for name in ("X", "matrix") if name in dense), None)
        dense = {main: dense[main]} if main else dense
        if not dense or (len(dense) > 1 and not matlab):
            listed = ", ".join([*dense, *datasets][:4]) or "nothing"
            source.fail("HDF5 file", f"holds no sparse matrix that is known ({listed})", _FIX)
        arrays = {name: file.array(name) for name in dense}
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


def _left_out(matrices: Collection[str], sparse: Collection[str], datasets: dict[str, Dataset]) -> tuple[LeftOut, ...]:
    """Sparse matrices that are not read, and datasets that are no part of one."""
    beside = [name for name in sparse if name not in matrices]
    lone = [name for name in datasets if not any(name.startswith(f"{one}/") for one in (*matrices, *sparse))]
    beside += [name for name in lone if name not in matrices and _is_dense(datasets[name])]
    others = [name for name in lone if name not in matrices and not _is_dense(datasets[name])]
    return (
        *(LeftOut(name, "a matrix beside the main one") for name in beside),
        *(LeftOut(name, "no matrix of numbers") for name in others),
    )


def _chosen(sparse: dict[str, Any]) -> list[str]:
    """AnnData's X, 10x' matrix and SuiteSparse's A where they are; else all."""
    main = next((name for name in ("X", "matrix", "Problem/A") if name in sparse), None)
    return [main] if main else list(sparse)


def _sparse(source: Source, file: Hdf5File, name: str) -> tuple[coo_array, list[str]] | None:
    """The sparse matrix that a group is, and what had to be assumed; None for others."""
    attributes = file.groups[name]

    def part(of: str) -> np.ndarray | None:
        return file.array(f"{name}/{of}") if f"{name}/{of}" in file.datasets else None

    def whole(of: str) -> np.ndarray:
        found = file.array(f"{name}/{of}").ravel()
        if found.dtype.kind not in "iu":
            source.fail(f"{name}/{of}", f"has the type {found.dtype}, not whole numbers", _FIX)
        return found.astype(np.int64)

    if "MATLAB_sparse" in attributes:
        rows, offsets = int(attributes["MATLAB_sparse"]), whole("jc")
        indices = whole("ir") if f"{name}/ir" in file.datasets else np.empty(0, np.int64)
        data = part("data")
        data = np.empty(0) if data is None else data
        if attributes.get("MATLAB_class") == "logical":
            data = data.astype(bool)
        names = (f"{name}/data", f"{name}/ir", f"{name}/jc")
        return compressed_matrix(source, names, (data, indices, offsets), (rows, len(offsets) - 1), "csc")
    names = tuple(f"{name}/{of}" for of in ("data", "indices", "indptr"))
    if not set(names) <= set(file.datasets):
        return None
    shape = None
    for key in ("shape", "h5sparse_shape"):
        if shape is None and (key in attributes or f"{name}/{key}" in file.datasets):
            sides = np.ravel(attributes[key] if key in attributes else whole(key)).tolist()
            if len(sides) != 2:
                source.fail(name, f"has {len(sides)} axes where a matrix has 2", _FIX)
            shape = int(sides[0]), int(sides[1])
    kind = str(attributes.get("encoding-type", attributes.get("h5sparse_format", attributes.get("format", ""))))
    kind = "csc" if f"{name}/barcodes" in {**file.datasets, **file.groups} and shape is not None else kind[:3]
    kind = kind if kind in ("csr", "csc") else ""
    return compressed_matrix(source, names, (file.array(names[0]), whole("indices"), whole("indptr")), shape, kind)


def _is_dense(dataset: Dataset) -> bool:
    return len(dataset.shape) == 2 and dataset.kind in "biuf" and min(dataset.shape) > 1


def _recognise(source: Source) -> Sureness:
    return Sureness.SIGNED if any(source.head[at : at + 8] == _MAGIC for at in _SIGNATURES) else Sureness.NO


FORMAT = FileFormat("HDF5 file", _recognise, _read, heeds=("zeros",))
