"""Reading a user's sparse matrices: one function, `load_matrix`, that picks the format by the file's suffix.

| suffix (all but `.npz`, `.npy` also with `.gz`) | format |
|---|---|
| `.mtx` | Matrix Market, coordinate or array (Boisvert et al., NISTIR 5935, 1996), parsed by `scipy.io.mmread` |
| `.smtx` | DLMC pattern (Gale et al., "Sparse GPU Kernels for Deep Learning", SC 2020): shape, offsets, columns |
| `.npz` | SciPy sparse matrix saved with `scipy.sparse.save_npz` |
| `.npy` | dense NumPy matrix; its zeros are dropped |
| `.txt .el .edges .edgelist .tsv .csv` | edge list: `source target [weight]` per line, ids counted from 0 |

Whatever the format, the matrix comes back float64 with sorted column indices, duplicates summed, stored zeros dropped,
complex values replaced by their magnitude (of the sum) and patterns filled with ones. NaN, infinities and a matrix
without non-zeros are refused. Nothing is ever unpickled.
"""

import contextlib
import gzip
import io
import itertools
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import scipy
from scipy.sparse import coo_array, csr_array, load_npz

from workloads.errors import InputError

MAX_SIDE = 2**28
"""Largest number of rows or columns: above SuiteSparse's longest matrix (mawi_201512020330, 226,196,185 rows)."""

_PICKLED = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
"""What PyTorch, scikit-learn and others write with pickle: reading it runs code. Of `.bin` the content decides."""

BROKEN = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, EOFError, OSError, MemoryError,
    RuntimeError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What readers of NumPy, SciPy and others raise where bytes are missing or wrong; `InputError` is a `ValueError`."""


def load_matrix(path: str | os.PathLike[str]) -> csr_array:
    """The sparse matrix in a file, shape [rows, columns], float64, canonical CSR.

    An edge list becomes a square matrix whose side is the largest id + 1. **Raises** `InputError`, one sentence with
    the file, the field and the fix, for whatever is wrong with the file.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; check the path.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file; name one matrix file in it.")
    suffix = _suffix(path)
    if suffix in _PICKLED or (suffix == ".bin" and _begins_like_pickle(path)):
        fix = "save the weights with safetensors.torch.save_file or numpy.savez"
        raise InputError(f"{path}: {suffix} files may hold pickled Python, which runs code when read; {fix}.")
    if suffix not in _READERS:
        known = " ".join(sorted(_READERS))
        raise InputError(f"{path}: unknown suffix {''.join(path.suffixes[-2:])!r}; rename or convert it to {known}.")
    try:
        if path.stat().st_size == 0:
            _fail(path, "file", "is empty", "write it again")
        return _canonical(path, *_READERS[suffix](path))
    except InputError:
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        _fail(path, "compressed data", "is truncated or damaged", "copy or download the file again", error)
    except MemoryError as error:
        _fail(path, "shape or entry count", "needs more memory than there is", "check the header", error)
    except OSError as error:
        _fail(path, "file", f"cannot be read ({error.strerror or error})", "check the file and its permissions", error)
    except BROKEN as error:
        what = " ".join(str(error).split()).rstrip(".")
        _fail(path, suffix, f"content is malformed ({what})", "correct it or write the file again", error)


def matrix_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Sorted paths of the matrices below a folder, at any depth, hidden files left out.

    Files are chosen by suffix. Where the suffix says little the content is looked at: a text file counts when its first
    line of data is two or three numbers, an `.npz` when it holds a SciPy sparse matrix. **Raises** `InputError` where
    there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path.")
    candidates = (path for path in folder.rglob("*") if _suffix(path) in _READERS and path.is_file())
    return sorted(
        path
        for path in candidates
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and _looks_like_matrix(path)
    )


def _read_matrix_market(path: Path) -> tuple[coo_array, bool]:
    # SciPy's bridge to Python streams can abort the process by seeking too far back: give it paths and memory only.
    text = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else None

    def source() -> str | io.BytesIO:
        return str(path) if text is None else io.BytesIO(text)

    rows, columns, entries, layout, field, symmetry = scipy.io.mminfo(source())
    _check_sides(path, rows, columns)
    if symmetry != "general" and rows != columns:
        _fail(path, "header", f"says {symmetry} but {rows} x {columns} is not square", "make it general")
    stored = entries if symmetry == "general" or layout == "coordinate" else rows * (rows - 1) // 2
    shortest = 4 if layout == "coordinate" else 2  # bytes of "1 1\n" and "1\n"
    if stored * shortest > (path.stat().st_size if text is None else len(text)):
        _fail(path, "header", f"promises {entries} entries, more than the file can hold (truncated?)", "copy it again")
    return coo_array(scipy.io.mmread(source())), field == "pattern"


def _read_smtx(path: Path) -> tuple[csr_array, bool]:
    with _open(path) as stream:
        lines = [line.decode("utf-8", "replace") for line in itertools.islice(stream, 3)]
    if len(lines) < 2:
        _fail(path, "row offsets (line 2)", "are missing", "write the three lines of the .smtx format")
    header = _integers(path, "header (line 1)", lines[0].replace(",", " "))
    if len(header) != 3:
        _fail(path, "header (line 1)", f"has {len(header)} numbers", "write `rows, cols, nnz`")
    rows, columns, entries = (int(number) for number in header)
    _check_sides(path, rows, columns)
    offsets = _integers(path, "row offsets (line 2)", lines[1])
    indices = _integers(path, "column indices (line 3)", lines[2] if len(lines) > 2 else "")
    if len(offsets) != rows + 1:
        _fail(path, "row offsets (line 2)", f"are {len(offsets)} numbers for {rows} rows", f"give {rows + 1}")
    if len(indices) != entries:
        what = f"are {len(indices)} numbers where the header says {entries}"
        _fail(path, "column indices (line 3)", what, "copy the file again or correct the header")
    if offsets[0] != 0 or offsets[-1] != entries or np.any(np.diff(offsets) < 0):
        _fail(path, "row offsets (line 2)", f"do not rise from 0 to {entries}", "write the running sum of row lengths")
    if entries and (indices.min() < 0 or indices.max() >= columns):
        what = f"reach from {indices.min()} to {indices.max()} but there are {columns} columns"
        _fail(path, "column indices (line 3)", what, f"keep them from 0 to {columns - 1}")
    return csr_array((np.ones(entries), indices, offsets), shape=(rows, columns)), True


def _read_npz(path: Path) -> tuple[coo_array, bool]:
    with open(path, "rb") as stream:
        matrix = load_npz(stream)
    if matrix.ndim != 2:
        _fail(path, "array", f"has {matrix.ndim} axes", "save a two-dimensional sparse matrix")
    _check_sides(path, *matrix.shape)
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    return coo_array(matrix), False


def _read_npy(path: Path) -> tuple[coo_array, bool]:
    dense = np.lib.format.open_memmap(path, mode="r")
    if dense.ndim != 2:
        fix = "reshape it to (1, K), or (M, 1)" if dense.ndim == 1 else "reshape it to two axes [rows, columns]"
        _fail(path, "array", f"has {dense.ndim} axes where a matrix has 2", fix)
    _check_sides(path, *dense.shape)
    dtype = _number_type(path, dense.dtype)
    rows, columns = np.nonzero(dense)
    values = np.asarray(dense[rows, columns]).astype(dtype)
    return coo_array((values, (rows, columns)), shape=dense.shape), False


def _read_edges(path: Path) -> tuple[coo_array, bool]:
    with _open(path) as stream:
        lines = (line for _, line in _data_lines(stream))
        first = next(lines, None)
        if first is None:
            _fail(path, "edge list", "has no edges", "write one `source target [weight]` per line")
        comma = "," if "," in first else None
        try:
            table = np.loadtxt(itertools.chain([first], lines), delimiter=comma, comments=None, ndmin=2)
        except ValueError as error:
            raise _blame_edge(path, comma) or error from error
    if table.shape[1] not in (2, 3):
        _fail(path, "edge list", f"has {table.shape[1]} columns", "keep `source target` or `source target weight`")
    ids = table[:, :2]
    bad = ~np.isfinite(ids) | (ids < 0) | (ids >= MAX_SIDE) | (ids != np.floor(ids))
    if bad.any():
        value = ids[bad][0]
        what, fix = f"{value:.17g} is not a whole number from 0 to {MAX_SIDE - 1}", "renumber the nodes from 0"
        _fail(path, f"node id of edge {int(np.argmax(bad.any(axis=1))) + 1}", what, fix)
    ids = ids.astype(np.int64)
    side = int(ids.max()) + 1
    values = table[:, 2] if table.shape[1] == 3 else np.ones(len(ids))
    return coo_array((values, (ids[:, 0], ids[:, 1])), shape=(side, side)), table.shape[1] == 2


_READERS: dict[str, Callable[[Path], tuple]] = {
    ".mtx": _read_matrix_market, ".smtx": _read_smtx, ".npz": _read_npz, ".npy": _read_npy,
    **dict.fromkeys((".txt", ".el", ".edges", ".edgelist", ".tsv", ".csv"), _read_edges),
}  # fmt: skip


def _canonical(path: Path, matrix: coo_array | csr_array, pattern: bool) -> csr_array:
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        csr = csr_array(matrix.astype(_number_type(path, matrix.dtype)))
        csr.sum_duplicates()
        values = np.ones(csr.nnz) if pattern else np.abs(csr.data) if csr.data.dtype.kind == "c" else csr.data
    csr = csr_array((values, csr.indices, csr.indptr), shape=csr.shape)
    if not np.isfinite(values).all():
        position = int(np.argmin(np.isfinite(values)))
        row = int(np.searchsorted(csr.indptr, position, side="right")) - 1
        where = f"value at row {row}, column {csr.indices[position]} (counted from 0)"
        _fail(path, where, f"is {values[position]}", "replace or remove values that are NaN or infinite")
    csr.eliminate_zeros()
    csr.sort_indices()
    if csr.nnz == 0:
        _fail(path, "values", "hold no non-zero", "give a matrix with at least one")
    return csr


def _check_sides(path: Path, rows: int, columns: int) -> None:
    if min(rows, columns) < 1:
        _fail(path, "shape", f"{rows} x {columns} is empty", "give at least one row and one column")
    if max(rows, columns) > MAX_SIDE:
        _fail(path, "shape", f"{rows} x {columns} exceeds {MAX_SIDE} on a side", "check the header or cut the matrix")


def _number_type(path: Path, dtype: np.dtype) -> type:
    """The type that values of a file's type are turned into."""
    if dtype.kind not in "biufc":
        _fail(path, "values", f"have the type {dtype}, not numbers", "save them as float64")
    return np.complex128 if dtype.kind == "c" else np.float64


def _integers(path: Path, field: str, text: str) -> np.ndarray:
    try:
        return np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        _fail(path, field, f"holds something that is not a 64-bit integer ({error})", "write whole numbers", error)


def _blame_edge(path: Path, comma: str | None) -> InputError | None:
    """The error for the first line of an edge list that is not like the first one."""
    width = None
    with _open(path) as stream:
        for number, line in _data_lines(stream):
            fields = line.split(comma)
            width = width or len(fields)
            if len(fields) != width:
                what, fix = f"has {len(fields)} columns where the lines before have {width}", "give all lines as many"
                return InputError(f"{path}: line {number} {what}; {fix}.")
            text = next((field.strip() for field in fields if not _is_number(field)), None)
            if text is not None:
                fix = "separate numbers by spaces or commas, and put # before a heading"
                return InputError(f"{path}: line {number} holds {text[:40]!r}, not a number; {fix}.")
    return None


def _data_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and text of what is neither blank nor a comment."""
    for number, line in enumerate(stream, start=1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
        if text and text[0] not in "#%":
            yield number, text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _looks_like_matrix(path: Path) -> bool:
    try:
        if _suffix(path) == ".npz":
            with zipfile.ZipFile(path) as archive:
                return "format.npy" in archive.namelist()
        if _READERS[_suffix(path)] is _read_edges:
            with _open(path) as stream:
                _, line = next(_data_lines(stream), (0, ""))
            fields = line.split("," if "," in line else None)
            return len(fields) in (2, 3) and all(_is_number(field) for field in fields)
    except BROKEN:
        return True  # broken rather than foreign: let `load_matrix` say so
    return True


def _begins_like_pickle(path: Path) -> bool:
    """Whether a file begins like PyTorch's: a zip archive, or a pickle of protocol 2 or later."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        return stream.read(2) in (b"PK", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
    return False


def _suffix(path: Path) -> str:
    """Lower-case suffix that names the format; compression is looked through where the format allows it."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        return suffixes[-2] if len(suffixes) > 1 and suffixes[-2] not in (".npz", ".npy") else ".gz"
    return suffixes[-1] if suffixes else ""


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb")


def _fail(path: Path, field: str, problem: str, fix: str, cause: BaseException | None = None) -> NoReturn:
    raise InputError(f"{path}: {field} {problem}; {fix}.") from cause
