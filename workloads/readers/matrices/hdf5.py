"""Sparse matrices in HDF5: AnnData's `.h5ad`, 10x Genomics' `.h5`, MATLAB 7.3's `.mat`, and CSR or CSC by parts.

AnnData: anndata.readthedocs.io, "On-disk format", `encoding-type` and `shape`; before version 0.7 `h5sparse_format`.
Loom: loompy.org, "Loom file format specs", whose main matrix is dense and called `matrix`. 10x Genomics: "HDF5
feature-barcode matrix format", CSC of features x barcodes. MATLAB: `MATLAB_sparse` is the number of rows, `jc` the
offsets of columns, `ir` the rows; dense variables are stored transposed. Links out of the file, external and virtual
data are not followed.
"""

import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import found_matrix, numbers_of_type
from workloads.readers.matrices.compressed import compressed_matrix
from workloads.readers.matrices.hdf5_process import DamagedHdf5, Dataset, Hdf5File
from workloads.readers.options import ReadOptions
from workloads.readers.source import LARGE, Source, words_of
from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO

_MAGIC = b"\x89HDF\r\n\x1a\n"
_SIGNATURES = (0, 512, 1024, 2048, 4096)
"""Where the signature may stand (HDF5 file format, section II.A)."""
_KERAS = re.compile(
    r"(model_weights|_layer_checkpoint_dependencies)(/|$)|(.*/)?(vars/\d+|(recurrent_|depthwise_|pointwise_)?kernel(:\d+)?)$"
)
"""Names of Keras' groups and datasets (keras.io, "Whole model saving"; HDF5 of Keras 2 and 3)."""
_FIX = "convert it to .npz with scipy.sparse.save_npz or to .mtx"


def _read(source: Source, options: ReadOptions) -> Found:
    room = 2**62 if source.large else 8 * MOST_BYTES + 2 * MOST_RATIO * source.size
    try:
        with _on_disk(source) as path, Hdf5File(path, room) as file:
            return _of_file(source, file, options)
    except ImportError as error:
        source.fail("HDF5 file", "needs h5py to be read", "install it: pip install 'sparse-dse[hdf5]'", error)
    except DamagedHdf5 as error:
        source.fail("HDF5 file", f"is damaged ({words_of(error)})", "write or copy it again", error)
    except KeyError as error:
        source.fail("HDF5 file", f"lacks {words_of(error)}", "write or copy it again", error)


@contextmanager
def _on_disk(source: Source) -> Iterator[Path]:
    """A file that the library can open: the source's own, or for as long as it is read what was unpacked from it."""
    if not source.compressed:
        yield source.path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.h5"
        path.write_bytes(source.content)
        yield path


def _of_file(source: Source, file: Hdf5File, options: ReadOptions) -> Found:
    matlab = source.head.startswith(b"MATLAB 7.3")
    names = {*file.groups, *file.datasets}
    of_keras = "X" not in names and any(_KERAS.match(name) for name in names)
    if of_keras or "keras_version" in file.groups[""]:
        source.fail("HDF5 file", "holds weights of Keras", "export them as .safetensors, .npz or .onnx")
    sparse = {name: made for name in file.groups if (made := _sparse(source, file, name)) is not None}
    matrices: dict[str, tuple[coo_array, list[str]]] = {name: sparse[name] for name in _chosen(sparse)}
    if not matrices:
        dense = [name for name, one in file.datasets.items() if _is_dense(one)]
        dense = next(([name] for name in ("X", "matrix") if name in dense), dense)
        if not dense or (len(dense) > 1 and not matlab):
            listed = ", ".join([*dense, *file.datasets][:4]) or "nothing"
            source.fail("HDF5 file", f"holds no sparse matrix that is known ({listed})", _FIX)
        arrays = {name: _array(source, file, name) for name in dense}
        matrices = {name: (coo_array(one.T if matlab else one), []) for name, one in arrays.items()}
    parts = [
        found_matrix(source, "MATLAB 7.3 file" if matlab else "HDF5 file", matrix, options,
                     pattern=matrix.dtype == bool, numbers=numbers_of_type(matrix.dtype),
                     values=f"{matrix.dtype}", name="" if len(matrices) == 1 else name,
                     notes=tuple(f"{source.name}: {note}." for note in told))
        for name, (matrix, told) in matrices.items()
    ]  # fmt: skip
    notes = tuple(note for part in parts for note in part.notes)
    if len(parts) == 1 and not matlab:
        notes = (f"{source.name}: the matrix read is {next(iter(matrices))!r}.", *notes)
    layers = tuple(layer for part in parts for layer in part.layers)
    return Found(source.path, parts[0].format, layers, _left_out(matrices, sparse, file.datasets), notes)


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
    said, below = file.groups[name], f"{name}/" if name else ""
    names = [f"{below}{part}" for part in ("data", "indices", "indptr", "ir", "jc", "barcodes")]
    data, indices, offsets, rows, columns, barcodes = (one if one in file.datasets else "" for one in names)
    if "MATLAB_sparse" in said:
        if not columns:
            raise KeyError(names[4])
        starts = _whole(source, file, columns)
        places = _whole(source, file, rows) if rows else np.empty(0, np.int64)
        values = _array(source, file, data) if data else np.empty(0)
        values = values.astype(bool) if said.get("MATLAB_class") == "logical" else values
        shape = (_side(source, name, said["MATLAB_sparse"]), len(starts) - 1)
        return compressed_matrix(source, (names[0], names[3], names[4]), (values, places, starts), shape, "csc")
    if not (data and indices and offsets):
        return None
    values, places, starts = _array(source, file, data), _whole(source, file, indices), _whole(source, file, offsets)
    shape = _shape(source, file, name)
    kind = str(said.get("encoding-type", said.get("h5sparse_format", said.get("format", ""))))
    kind = "csc" if barcodes and shape is not None else kind[:3]  # of 10x Genomics
    kind = kind if kind in ("csr", "csc") else ""
    return compressed_matrix(source, (data, indices, offsets), (values, places, starts), shape, kind)


def _shape(source: Source, file: Hdf5File, name: str) -> tuple[int, int] | None:
    for key in ("shape", "h5sparse_shape"):
        dataset = f"{name}/{key}" if name else key
        if key in file.groups[name]:
            sides = file.groups[name][key]
        elif dataset in file.datasets:
            sides = _whole(source, file, dataset).tolist()
        else:
            continue
        if not isinstance(sides, list) or len(sides) != 2:
            axes = len(sides) if isinstance(sides, list) else "no"
            source.fail(name, f"has {axes} axes where a matrix has 2", _FIX)
        return _side(source, name, sides[0]), _side(source, name, sides[1])
    return None


def _side(source: Source, name: str, value: Any) -> int:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(value, int | float) or value != value or abs(value) >= 2**63 or value != int(value):
        source.fail(name, f"has the side {str(value)[:40]}", _FIX)
    return int(value)


def _whole(source: Source, file: Hdf5File, name: str) -> np.ndarray:
    found = _array(source, file, name).ravel()
    if found.dtype.kind not in "iu":
        source.fail(name, f"has the type {found.dtype}, not whole numbers", _FIX)
    return found.astype(np.int64)


def _array(source: Source, file: Hdf5File, name: str) -> np.ndarray:
    """The numbers of a dataset; complex ones that MATLAB stores as pairs among them."""
    dataset = file.datasets[name]
    if dataset.foreign:
        source.fail(name, "is no data of the file itself", _FIX)
    if not source.large and dataset.bytes > MOST_BYTES + MOST_RATIO * dataset.stored:
        most = f"{MOST_BYTES >> 20} MiB and {MOST_RATIO} times the {dataset.stored} stored"
        what = f"says {dataset.bytes} bytes, more than {most}"
        source.fail(name, what, LARGE)
    if dataset.kind not in "biufcV":
        source.fail(name, f"has the type {dataset.kind!r}, not numbers", _FIX)
    found = file.array(name)
    if found.dtype.names == ("real", "imag"):
        return found["real"] + 1j * found["imag"]
    if found.dtype.kind not in "biufc":
        source.fail(name, f"has the type {str(found.dtype)[:40]}, not numbers", _FIX)
    return found


def _is_dense(dataset: Dataset) -> bool:
    return len(dataset.shape) == 2 and dataset.kind in "biuf" and min(dataset.shape) > 1


def _recognise(source: Source) -> Sureness:
    return Sureness.SIGNED if any(source.head[at : at + 8] == _MAGIC for at in _SIGNATURES) else Sureness.NO


FORMAT = FileFormat("HDF5 file", _recognise, _read, heeds=("zeros",))
