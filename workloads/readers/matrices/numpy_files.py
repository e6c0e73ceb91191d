"""NumPy's own files: a dense `.npy`, whose zeros are dropped, and SciPy's sparse `.npz`."""

import zipfile

import numpy as np
from scipy.sparse import coo_array, load_npz

from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.matrices.canonical import canonical, check_sides, number_type
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _read_npz(source: Source) -> tuple[coo_array, bool]:
    with source.open() as stream:
        matrix = load_npz(stream)
    if matrix.ndim != 2:
        source.fail("array", f"has {matrix.ndim} axes", "save a two-dimensional sparse matrix")
    check_sides(source, *matrix.shape)
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    return coo_array(matrix), False


def _read_npy(source: Source) -> tuple[coo_array, bool]:
    dense = np.load(source.open() if source.compressed else source.path, mmap_mode=None if source.compressed else "r")
    if dense.ndim != 2:
        fix = "reshape it to (1, K), or (M, 1)" if dense.ndim == 1 else "reshape it to two axes [rows, columns]"
        source.fail("array", f"has {dense.ndim} axes where a matrix has 2", fix)
    check_sides(source, *dense.shape)
    dtype = number_type(source, dense.dtype)
    rows, columns = np.nonzero(dense)
    values = np.asarray(dense[rows, columns]).astype(dtype)
    return coo_array((values, (rows, columns)), shape=dense.shape), False


def _found_npz(source: Source, options: ReadOptions) -> Found:
    csr = canonical(source, _read_npz(source)[0], options)
    return Found(source.path, "SciPy .npz", (Layer("", csr.shape, lambda: csr),))


def _found_npy(source: Source, options: ReadOptions) -> Found:
    csr = canonical(source, _read_npy(source)[0], options)
    return Found(source.path, "NumPy .npy", (Layer("", csr.shape, lambda: csr),))


def _is_npz(source: Source) -> Sureness:
    if source.suffix != ".npz":
        return Sureness.NO
    try:
        with zipfile.ZipFile(source.path) as archive:
            return Sureness.SIGNED if "format.npy" in archive.namelist() else Sureness.NO
    except zipfile.BadZipFile:
        return Sureness.NAMED


def _is_npy(source: Source) -> Sureness:
    return Sureness.SIGNED if source.head.startswith(b"\x93NUMPY") or source.suffix == ".npy" else Sureness.NO


FORMATS = (Format("SciPy .npz", _is_npz, _found_npz), Format("NumPy .npy", _is_npy, _found_npy))
