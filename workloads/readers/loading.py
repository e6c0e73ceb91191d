"""The one matrix of a file, and all that a path holds, from Python."""

import os

from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.finding import find, find_written
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions


def describe(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Found:
    """What a file, an archive or a folder holds, layer by layer, and what was left out and why; print it.

    `notes` are what a reader had to assume. Without `options` the path may have some behind it, `graph.txt:undirected`.
    Values are not read. **Raises** `InputError`, one sentence, for what cannot be read.
    """
    return find_written(os.fspath(path)) if options is None else find(path, options)


def load_matrix(path: str | os.PathLike[str], options: ReadOptions | None = None) -> csr_array:
    """The sparse matrix in a file, shape [rows, columns], float64, canonical CSR.

    A graph becomes its adjacency matrix. Without `options` the path may have some behind it, `graph.txt:undirected`.
    What had to be assumed about the file is not said here: it is `describe(path).notes`. **Raises** `InputError`, one
    sentence with the file, the field and the fix, for whatever is wrong with the file, and for files that hold several
    matrices or none.
    """
    if os.path.isdir(path):
        raise InputError(f"{path}: is a folder, not a file; name one matrix file in it.")
    return matrix_of(describe(path, options))


def matrix_of(found: Found) -> csr_array:
    """The one matrix of what was found, as `load_matrix`. **Raises** `InputError` where there are several or none."""
    path, (layer, *others) = found.path, found.layers
    if others or layer.read is None:
        what = f"{len(found.layers)} layers" if others else "sizes without a pattern" if layer.density else "a tensor"
        raise InputError(
            f"{path}: holds {what}, not one matrix; use it as a workload, resolve_workload({str(path)!r})."
        )
    matrix = layer.read()
    if matrix.nnz == 0:
        raise InputError(f"{path}: holds no non-zero; give a matrix with at least one.")
    return matrix.astype(float)
