"""Matrix Market, coordinate or array (Boisvert, Pozo and Remington, NISTIR 5935, 1996), read strictly.

Read with a note where the meaning is plain: banners with one `%` and size lines of two numbers (Network Repository),
patterns called real and reals called pattern, no banner at all, both triangles of a symmetric matrix. Numbers may have
Fortran's exponents. Refused: indices outside the sizes, counts that do not match, and lines with too few or many
fields. SciPy's own reader is not used: it takes `1.0D+02` for 1, passes over further fields, doubles both triangles,
and ends the process on a file cut inside an exponent.
"""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array

from workloads.kernels.kernel import Numbers
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.matrices.canonical_form import check_sides, found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, rows_of

_BANNER = re.compile(r"\s*%+\s*matrixmarket\b(.*)", re.I)
_FIELDS = {
    "real": "real", "double": "real", "integer": "integer", "unsigned-integer": "integer", "complex": "complex",
    "pattern": "pattern",
}  # fmt: skip
_SYMMETRIES = ("general", "symmetric", "skew-symmetric", "hermitian")
_WIDTHS = {"pattern": 2, "integer": 3, "real": 3, "complex": 4}
"""Fields of a line of coordinates."""


@dataclass(frozen=True)
class _Banner:
    layout: str = "coordinate"
    field: str = "real"
    symmetry: str = "general"


def _read(source: Source, options: ReadOptions) -> Found:
    notes: list[str] = []
    banner = _banner(source, notes)
    parts = rows_of(source)
    first = next(parts, None)
    if first is None:
        source.fail("sizes", "are missing", "copy the file again")
    texts = first.row(0)
    if len(texts) > 3 or (banner.layout == "array" and len(texts) != 2) or len(texts) < 2:
        wanted = "rows columns" if banner.layout == "array" else "rows columns entries"
        source.fail(f"size line (line {first.numbers[0]})", f"has {len(texts)} numbers", f"write `{wanted}`")
    sizes = [int(one) for one in first.integers(slice(0, len(texts)), "a size")]
    if min(sizes) < 0:
        source.fail(f"size line (line {first.numbers[0]})", "holds a negative size", "write the sizes")
    blocks = [first.since(1), *parts] if len(first) > 1 else list(parts)
    if banner.layout == "array":
        matrix = _array(source, banner, (sizes[0], sizes[1]), blocks)
    else:
        matrix, banner = _coordinates(source, banner, sizes, blocks, notes)
    numbers: Numbers = "integer" if banner.field == "integer" else "real"
    told = tuple(f"{source.name}: {note}." for note in notes)
    return found_matrix(source, "Matrix Market", matrix, options, pattern=banner.field == "pattern", notes=told,
                        numbers=numbers)  # fmt: skip


def _banner(source: Source, notes: list[str]) -> _Banner:
    line = next((line for line in source.first_lines if line.strip()), "")
    found = _BANNER.match(line)
    if found is None:
        if line.lstrip().startswith("%%"):
            source.fail("first line", f"{line.strip()[:60]!r} is no banner", "begin it with `%%MatrixMarket matrix`")
        data = next((one for one in source.first_lines if one.strip() and one.strip()[0] not in "%#"), "")
        if not re.fullmatch(r"\s*-?\d+(\s+-?\d+){1,2}\s*", data):
            what = f"{line.strip()[:40]!r} is no banner %%MatrixMarket, and no sizes follow"
            source.fail("first line", what, "begin the file with `%%MatrixMarket matrix coordinate real general`")
        fix = "it was read as `matrix coordinate real general`; write the banner if that is wrong"
        notes.append(f"the banner %%MatrixMarket is missing; {fix}")
        return _Banner()
    words = found[1].lower().split()
    if len(words) == 3 and words[0] == "matrix":
        notes.append("the banner does not say the symmetry; it was taken for general")
        words.append("general")
    if len(words) < 4:
        fix = "write `%%MatrixMarket matrix coordinate real general` or what it is"
        source.fail("banner", f"has {len(words)} words where 4 are needed", fix)
    kind, layout, field, symmetry = words[:4]
    if kind != "matrix":
        source.fail("banner", f"says {kind[:20]!r}, of which only `matrix` is read", "write it as a matrix")
    for word, known in ((layout, ("coordinate", "array")), (field, _FIELDS), (symmetry, _SYMMETRIES)):
        if word not in known:
            source.fail("banner", f"says {word[:20]!r}", f"use one of {', '.join(known)}")
    if layout == "array" and field == "pattern":
        source.fail("banner", "says array and pattern, which has no meaning", "use coordinate")
    return _Banner(layout, _FIELDS[field], symmetry)


def _array(source: Source, banner: _Banner, shape: tuple[int, int], blocks: list[Rows]) -> coo_array:
    rows, columns = shape
    _check_square(source, banner, rows, columns)
    below = {"general": rows * columns, "skew-symmetric": rows * (rows - 1) // 2}
    entries = below.get(banner.symmetry, rows * (rows + 1) // 2)
    values = np.concatenate([np.empty(0), *(block.reals(block.all_fields(), "a value") for block in blocks)])
    if banner.field == "complex":
        if len(values) % 2:
            source.fail("values", f"are {len(values)} numbers, not pairs", "write real and imaginary parts of each")
        values = values.view(complex)
    _check_count(source, entries, len(values))
    if banner.symmetry == "general":
        return coo_array(values.reshape(columns, rows).T)
    # Column by column of the lower triangle, which row by row of the upper one is: no diagonal in a skew one.
    j, i = np.triu_indices(rows, k=int(banner.symmetry == "skew-symmetric"))
    return coo_array(_mirrored(source, banner.symmetry, i, j, values, rows, []))


def _coordinates(
    source: Source, banner: _Banner, sizes: list[int], blocks: list[Rows], notes: list[str]
) -> tuple[coo_array, _Banner]:
    field, width = banner.field, _WIDTHS[banner.field]
    if blocks:
        found = int(blocks[0].widths[0])
        if field != "complex" and found != width and found in (2, 3):
            notes.append(
                "the banner says pattern but entries have values; they were left out"
                if field == "pattern"
                else "the banner says that entries have values but they have none; it was read as a pattern"
            )
            field, width = "pattern", found
    i, j, values = _entries(source, field, width, blocks)
    if len(sizes) == 2:
        if sizes[1] != len(i):
            what = f"has two numbers, and {sizes[1]} is not the count of entries, {len(i)}"
            source.fail("size line", what, "write `rows columns entries`")
        notes.append(f"the size line has two numbers; they were read as {sizes[0]} rows and columns and the entries")
        sizes = [sizes[0], *sizes]
    rows, columns, entries = sizes
    check_sides(source, rows, columns)
    _check_square(source, banner, rows, columns)
    _check_count(source, entries, len(i))
    _check_indices(source, i, j, rows, columns, blocks)
    i, j = i - 1, j - 1
    banner = _Banner(banner.layout, field, banner.symmetry)
    if banner.symmetry != "general":
        return _mirrored(source, banner.symmetry, i, j, values, rows, notes), banner
    return coo_array((values, (i, j)), shape=(rows, columns)), banner


def _entries(source: Source, field: str, width: int, blocks: list[Rows]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns, values = [], [], []
    for block in blocks:
        odd = block.odd_row(width)
        if odd is not None:
            what = f"has {block.widths[odd]} fields where `row column{' value' * (width - 2)}` is {width}"
            source.fail(f"line {block.numbers[odd]}", what, "correct it or copy the file again")
        rows.append(block.integers(block.column(0, width), "the row"))
        columns.append(block.integers(block.column(1, width), "the column"))
        if field == "pattern":
            values.append(np.ones(len(block)))
        else:
            parts = [block.reals(block.column(at, width), "the value") for at in range(2, width)]
            values.append(parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1])
    none = np.empty(0, np.int64)
    return np.concatenate([none, *rows]), np.concatenate([none, *columns]), np.concatenate([np.empty(0), *values])


def _mirrored(
    source: Source, symmetry: str, i: np.ndarray, j: np.ndarray, values: np.ndarray, side: int, notes: list[str]
) -> coo_array:
    """Both triangles. **Raises** `InputError` where they are stored and do not agree."""
    sign = -1 if symmetry == "skew-symmetric" else 1
    apart = i != j
    if sign < 0 and np.any(values[~apart]):
        source.fail("diagonal", "of a skew-symmetric matrix is not zero", "correct it or make the matrix general")
    other = sign * (values.conj() if symmetry == "hermitian" else values)
    lower, upper = bool((i[apart] > j[apart]).any()), bool((i[apart] < j[apart]).any())
    if not (lower and upper):
        every = (np.append(i, j[apart]), np.append(j, i[apart]))
        return coo_array((np.append(values, other[apart]), every), shape=(side, side))
    return _of_both_triangles(source, symmetry, (i, j), values, other, side, notes)


def _of_both_triangles(
    source: Source,
    symmetry: str,
    places: tuple[np.ndarray, np.ndarray],
    values: np.ndarray,
    other: np.ndarray,
    side: int,
    notes: list[str],
) -> coo_array:
    keys, which = np.unique(places[0] * side + places[1], return_inverse=True)
    stored, mirror = (_summed(which.ravel(), part, len(keys)) for part in (values, other))
    i, j = keys // side, keys % side
    partner = np.minimum(np.searchsorted(keys, j * side + i), len(keys) - 1)
    paired = (keys[partner] == j * side + i) & (i != j)
    if np.any(np.abs(stored[partner] - mirror)[paired] > 1e-12 * np.abs(values).max()):
        what = f"says {symmetry} but the two triangles that are stored differ"
        source.fail("banner", what, "make it general, or keep the lower triangle")
    if paired.any():
        notes.append(f"the banner says {symmetry} and both triangles are stored; they were read once")
    if len(keys) < len(values):
        notes.append(f"{len(values) - len(keys):,} entries come twice and were added up")
    lone = (i != j) & ~paired
    every = (np.append(i, j[lone]), np.append(j, i[lone]))
    return coo_array((np.append(stored, mirror[lone]), every), shape=(side, side))


def _summed(which: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    if values.dtype.kind != "c":
        return np.bincount(which, values, count)
    return np.bincount(which, values.real, count) + 1j * np.bincount(which, values.imag, count)


def _check_square(source: Source, banner: _Banner, rows: int, columns: int) -> None:
    check_sides(source, rows, columns)
    if banner.symmetry != "general" and rows != columns:
        source.fail("header", f"says {banner.symmetry} but {rows} x {columns} is not square", "make it general")


def _check_count(source: Source, promised: int, found: int) -> None:
    if found < promised:
        what = f"promises {promised} entries but the file holds {found} (truncated?)"
        source.fail("header", what, "copy the file again or correct the count")
    if found > promised:
        what = f"promises {promised} entries but the file holds {found}"
        source.fail("header", what, "correct the count or remove the others")


def _check_indices(source: Source, i: np.ndarray, j: np.ndarray, rows: int, columns: int, blocks: list[Rows]) -> None:
    for what, indices, size in (("row", i, rows), ("column", j, columns)):
        bad = (indices < 1) | (indices > size)
        if not bad.any():
            continue
        at = int(np.argmax(bad))
        line = np.concatenate([block.numbers for block in blocks])[at]
        if min(i.min(), j.min()) == 0 and i.max() < rows and j.max() < columns:
            source.fail(f"line {line}", f"has the {what} index 0: indices count from 1", "add one to all indices")
        problem = f"has the {what} index {indices[at]}, out of range: there are {size} {what}s"
        source.fail(f"line {line}", problem, "correct the index or the sizes")


def _recognise(source: Source) -> Sureness:
    line = next((line for line in source.first_lines if line.strip()), "")
    if _BANNER.match(line):
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix == ".mtx" and source.is_text else Sureness.NO


FORMAT = FileFormat("Matrix Market", _recognise, _read, heeds=("zeros",))
