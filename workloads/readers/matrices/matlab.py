"""MATLAB's `.mat`: versions 5 to 7 (`mat5`), and version 4 by SciPy; version 7.3 is HDF5 (`hdf5`).

Sparse variables are read, SuiteSparse's `Problem.A`, or else dense matrices. Where a file has sparse matrices, dense
variables beside them are left out; Davis and Hu's `Problem.Zeros` are entries that are stored as zeros.
"""

import io

import numpy as np
import scipy
from scipy.sparse import coo_array, issparse

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import check_sides, found_matrix, numbers_of_type
from workloads.readers.matrices.mat5 import mat5_variables
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source, words_of

_SIGNATURES = (b"MATLAB 5.0 MAT-file", b"MATLAB 6", b"MATLAB 7.0 MAT-file")


def _read(source: Source, options: ReadOptions) -> Found:
    if source.head.startswith(_SIGNATURES):
        return _as_found(source, mat5_variables(source), options)
    try:
        variables = scipy.io.loadmat(io.BytesIO(source.content), spmatrix=False)
    except Exception as error:  # SciPy's reader raises its own kinds, which derive from Exception alone
        source.fail("MATLAB file", f"is malformed ({words_of(error)})", "save it again with -v7", error)
    found = {name: value for name, value in variables.items() if not name.startswith("__")}
    return _as_found(source, found, options)


def _as_found(source: Source, found: dict[str, object], options: ReadOptions) -> Found:
    sparse = {name: value for name, value in found.items() if issparse(value)}
    zeros = {name for name in sparse if name == "Problem.Zeros"}
    chosen = {name: value for name, value in sparse.items() if name not in zeros and value.ndim == 2}
    why = "no sparse matrix, beside one"
    if "Problem.A" in chosen:
        chosen, why = {"Problem.A": chosen["Problem.A"]}, "not A of SuiteSparse's Problem"
    elif not chosen:
        chosen, why = {name: value for name, value in found.items() if _is_dense(value)}, "no matrix of numbers"
    if not chosen:
        listed = ", ".join(name[:40] for name in list(found)[:5] if name.isprintable()) or "nothing"
        source.fail("MATLAB file", f"holds no matrix ({listed})", "save a sparse matrix with save -v7")
    alone = len(chosen) == 1
    left_out = tuple(LeftOut(name, why) for name in found if name not in chosen)
    parts = []
    for name, value in chosen.items():
        check_sides(source, *value.shape)
        matrix, notes = coo_array(value), ()
        if zeros and name == "Problem.A":
            matrix = _with_zeros(matrix, coo_array(found["Problem.Zeros"]))
        if not issparse(value):
            notes = (f"{source.name}: {name} is dense; its zeros were dropped.",)
        parts.append(
            found_matrix(source, "MATLAB file", matrix, options, pattern=matrix.dtype == bool, notes=notes,
                         values="" if matrix.dtype == bool else f"{matrix.dtype}", name="" if alone else name,
                         numbers=numbers_of_type(matrix.dtype))
        )  # fmt: skip
    layers = tuple(layer for part in parts for layer in part.layers)
    return Found(source.path, "MATLAB file", layers, left_out, tuple(note for part in parts for note in part.notes))


def _is_dense(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "biufc" and min(value.shape) > 1


def _with_zeros(matrix: coo_array, zeros: coo_array) -> coo_array:
    """The matrix with entries of the value zero where `zeros` has any."""
    if zeros.shape != matrix.shape or not zeros.nnz:
        return matrix
    data = np.append(matrix.data, np.zeros(zeros.nnz, matrix.dtype))
    places = tuple(np.append(a, b) for a, b in zip(matrix.coords, zeros.coords, strict=True))
    return coo_array((data, places), shape=matrix.shape)


def _recognise(source: Source) -> Sureness:
    if source.head.startswith(_SIGNATURES):
        return Sureness.SIGNED
    version_4 = int.from_bytes(source.head[:4], "little") in range(5000) or source.head[:2] == b"\0\0"
    return Sureness.NAMED if source.suffix == ".mat" and version_4 and not source.is_text else Sureness.NO


FORMAT = FileFormat("MATLAB file", _recognise, _read, heeds=("zeros",))
