"""Harwell-Boeing and Rutherford-Boeing: columns compressed, in lines of fixed width that Fortran formats describe.

Duff, Grimes and Lewis, "Users' guide for the Harwell-Boeing sparse matrix collection", 1992, and "The Rutherford-Boeing
sparse matrix collection", 1997. Types are three letters: R, C, I, Q or P for the values; U, R, S, H or Z for the
symmetry, of which one triangle is stored; A for assembled. Fields may touch each other, so that they are cut by width.
"""

import re

import numpy as np
from scipy.sparse import coo_array, csc_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.matrices.canonical_form import check_sides, found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_TYPE = re.compile(r"[RCPIQ][USHZR][AE]", re.I)
_SCALE = r"\(?\s*(?:\d*P\s*,?\s*)?"
_FORMAT = re.compile(rf"\({_SCALE}(\d*)\s*{_SCALE}(\d*)([IEDFG])(\d+)(?:\.(\d+))?(?:E\d+)?\s*\)+", re.I)
"""A Fortran format of one kind of field: repeats, letter, width, decimals; a scale (`1P`) changes nothing."""


def _read(source: Source, options: ReadOptions) -> Found:
    lines = [line for _, line in source.lines()]
    counts = [int(one) for one in lines[1].split()[:5]]
    kind = lines[2][:3].upper()
    rows, columns, entries = _sizes(source, lines[2])
    if kind[2] == "E":
        source.fail(f"type {kind}", "is a matrix in finite elements, not assembled", "assemble it and save it as .mtx")
    check_sides(source, rows, columns)
    formats = [lines[3][16 * at : 16 * (at + 1)].strip() for at in (0, 1)] + [lines[3][32:52].strip()]
    begin = 4 + (len(counts) > 4 and counts[4] > 0)
    pointers, begin = _numbers(source, lines, begin, columns + 1, formats[0], "pointers")
    indices, begin = _numbers(source, lines, begin, entries, formats[1], "row indices")
    valued = kind[0] != "P" and len(counts) > 3 and counts[3] > 0
    values = np.ones(entries)
    if valued:
        values, begin = _numbers(source, lines, begin, entries * (1 + (kind[0] == "C")), formats[2], "values")
        values = values[::2] + 1j * values[1::2] if kind[0] == "C" else values
    pointers, indices = pointers.astype(np.int64) - 1, indices.astype(np.int64) - 1
    if pointers[0] != 0 or pointers[-1] != entries or np.any(np.diff(pointers) < 0):
        source.fail("pointers", f"do not rise from 1 to {entries + 1}", "copy the file again")
    if entries and (indices.min() < 0 or indices.max() >= rows):
        source.fail("row indices", f"reach outside {rows} rows", "copy the file again")
    matrix = coo_array(csc_array((values, indices, pointers), shape=(rows, columns)))
    matrix = _both_triangles(source, kind, matrix)
    missing = f"{source.name}: type {kind} but no values are stored; it was read as a pattern."
    notes = (missing,) if kind[0] != "P" and not valued else ()
    return found_matrix(source, f"Harwell-Boeing {kind}", matrix, options, pattern=not valued, notes=notes,
                        numbers="integer" if kind[0] == "I" else "real")  # fmt: skip


def _sizes(source: Source, line: str) -> tuple[int, int, int]:
    numbers = line[3:].split()
    if len(numbers) < 3 or not all(re.fullmatch(r"\d{1,14}", one) for one in numbers[:3]):
        source.fail("line 3", "is no type, rows, columns and entries", "copy the file again")
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


def _both_triangles(source: Source, kind: str, matrix: coo_array) -> coo_array:
    if kind[1] not in "SHZ":
        return matrix
    if matrix.shape[0] != matrix.shape[1]:
        source.fail(f"type {kind}", f"is {matrix.shape[0]} x {matrix.shape[1]}, not square", "correct the header")
    i, j = matrix.coords
    if (i < j).any() and (i > j).any():
        source.fail(f"type {kind}", "has entries of both triangles", "keep the lower one")
    apart = i != j
    other = {"S": matrix.data, "H": matrix.data.conj(), "Z": -matrix.data}[kind[1]][apart]
    every = (np.append(i, j[apart]), np.append(j, i[apart]))
    return coo_array((np.append(matrix.data, other), every), shape=matrix.shape)


def _numbers(source: Source, lines: list[str], begin: int, count: int, form: str, what: str) -> tuple[np.ndarray, int]:
    """As many numbers as asked for, from a line on, cut as a Fortran format says; and the line behind them."""
    found = _FORMAT.fullmatch(form.replace(" ", ""))
    if found is None:
        source.fail(f"format of the {what}", f"is {form[:20]!r}", "write one such as (13I6) or (3E26.18)")
    each, width = int(found[1] or 1) * int(found[2] or 1), int(found[4])
    if not 0 < width <= 80 or not 0 < each <= 200:
        source.fail(f"format of the {what}", f"is {form[:20]!r}", "write one such as (13I6) or (3E26.18)")
    used = -(-count // each)
    if begin + used > len(lines):
        source.fail(what, f"are cut off: {count} are promised", "copy the file again")
    cells = _cells(lines[begin : begin + used], each, width, count)
    try:
        if found[3].upper() == "I":
            return cells.astype(np.int64), begin + used
        return _reals(cells, int(found[5] or 0) if found[3].upper() == "F" else 0), begin + used
    except ValueError as error:
        source.fail(what, f"hold something that is no number ({str(error)[:60]})", "copy the file again", error)


def _cells(lines: list[str], each: int, width: int, count: int) -> np.ndarray:
    """Fields as bytes: apart where blanks part them all (SciPy writes them narrower than it says), else by width."""
    apart = " ".join(lines).split()
    if len(apart) == count:
        return np.array([one.encode("ascii", "replace") for one in apart] or [b""])[:count]
    text = "".join(line[: each * width].ljust(each * width) for line in lines)
    return np.frombuffer(text.encode("ascii", "replace"), f"S{width}")[:count]


def _reals(cells: np.ndarray, places: int) -> np.ndarray:
    """Reals, D for E in exponents or neither; without a point the last `places` digits are decimals (format F)."""
    texts = np.char.replace(np.char.upper(np.char.strip(cells)), b"D", b"E")
    if np.any(bare := np.array([re.fullmatch(rb"[^E]*[\d.][+-]\d+", one) is not None for one in texts])):
        texts = texts.astype(f"S{texts.dtype.itemsize + 1}")
        texts[bare] = [re.sub(rb"(?<=[\d.])([+-]\d+)$", rb"E\1", one) for one in texts[bare]]
    found = texts.astype(float)
    if places:
        found[np.char.find(texts, b".") < 0] /= 10.0**places
    return found


def _recognise(source: Source) -> Sureness:
    lines = source.first_lines
    if len(lines) < 4 or not source.is_text:
        return Sureness.NO
    numbers = [one for at in (1, 2) for one in lines[at][(at == 2) * 3 :].split()]
    whole = len(numbers) >= 7 and all(re.fullmatch(r"\d{1,14}", one) for one in numbers)
    formats = re.match(r"\s*\(.*[IEDFG]\d.*\)", lines[3], re.I)
    return Sureness.SIGNED if _TYPE.fullmatch(lines[2][:3]) and whole and formats else Sureness.NO


FORMAT = FileFormat("Harwell-Boeing", _recognise, _read, heeds=("zeros",))
