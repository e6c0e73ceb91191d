"""Matrix Market, coordinate or array (Boisvert et al., NISTIR 5935, 1996)."""

import io

import scipy.io
from scipy.sparse import coo_array

from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.matrices.canonical import canonical, check_sides
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _read_matrix_market(source: Source) -> tuple[coo_array, bool]:
    # SciPy's bridge to Python streams can abort the process by seeking too far back: give it paths and memory only.
    def whole() -> io.BytesIO:
        return io.BytesIO(source.content)

    rows, columns, entries, layout, field, symmetry = scipy.io.mminfo(whole())
    check_sides(source, rows, columns)
    if symmetry != "general" and rows != columns:
        source.fail("header", f"says {symmetry} but {rows} x {columns} is not square", "make it general")
    stored = entries if symmetry == "general" or layout == "coordinate" else rows * (rows - 1) // 2
    shortest = 4 if layout == "coordinate" else 2  # bytes of "1 1\n" and "1\n"
    if stored * shortest > len(source.content):
        source.fail("header", f"promises {entries} entries, more than the file can hold (truncated?)", "copy it again")
    return coo_array(scipy.io.mmread(whole())), field == "pattern"


def _found(source: Source, options: ReadOptions) -> Found:
    matrix, pattern = _read_matrix_market(source)
    csr = canonical(source, matrix, options, pattern)
    return Found(source.path, "Matrix Market", (Layer("", csr.shape, lambda: csr),))


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.suffix == ".mtx" else Sureness.NO


FORMAT = Format("Matrix Market", _recognise, _found)
