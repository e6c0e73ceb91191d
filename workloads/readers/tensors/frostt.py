"""FROSTT tensors, `.tns`: `index ... index value` a line, indices from 1 (Smith et al., frostt.io, 2017).

The extended form, which MLIR's sparse runtime writes, begins with the lines `modes entries` and `size ... size`
(mlir/lib/ExecutionEngine/SparseTensor, `# extended FROSTT format`), ParTI's with `modes` and `size ... size`
(Li et al., github.com/hpcgarage/ParTI). Sizes alone, or with the number of entries behind them, are known by their
numbers. A tensor of two modes is a matrix.
"""

from functools import partial

import numpy as np
from scipy.sparse import coo_array

from workloads.kernels.tensors import CooTensor
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, FoundLayer
from workloads.readers.matrices.canonical_form import MAX_SIDE, check_emptiness, found_matrix, numbers_of
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, all_rows, whole_numbers

MOST_MODES = 16
"""Above FROSTT's own, which have at most 5."""


def _read(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source)
    sizes, entries, rows, notes = _header(source, rows)
    if not len(rows):
        source.fail("tensor", "has no entries", "write `index ... index value` a line")
    width = int(rows.widths[0])
    if not 3 <= width <= MOST_MODES + 1:
        source.fail("tensor", f"has lines of {width} fields", "write `index ... index value`, two modes or more")
    odd = rows.odd_row(width)
    if odd is not None:
        what = f"has {rows.widths[odd]} fields where the lines before have {width}"
        source.fail(f"line {rows.numbers[odd]}", what, "correct it or copy the file again")
    if sizes and len(sizes) != width - 1:
        source.fail("header", f"says {len(sizes)} modes but lines have {width - 1} indices", "correct it")
    if entries is not None and entries != len(rows):
        source.fail("header", f"promises {entries} entries but {len(rows)} follow", "copy the file again or correct it")
    at = np.stack([rows.integers(rows.column(mode, width), "an index") for mode in range(width - 1)], axis=1)
    values = rows.reals(rows.column(width - 1, width), "the value")
    first, of_first = _first_index(source, at, options)
    notes += of_first
    at -= first
    shape = tuple(sizes) if sizes else tuple(int(size) for size in at.max(axis=0) + 1)
    if at.min() < 0 or np.any(at >= np.array(shape)):
        source.fail("indices", f"reach outside the sizes {shape}", "correct them or the sizes")
    if not sizes:
        notes += (f"{source.name}: sizes are the largest indices, {' x '.join(map(str, shape))}.",)
    return _as_found(source, at, values, shape, options, notes)


def _header(source: Source, rows: Rows) -> tuple[list[int], int | None, Rows, tuple[str, ...]]:
    """Sizes and number of entries where the file says them, the rows behind, and what had to be assumed."""
    said = any("extended frostt" in line.lower() for line in source.first_lines[:5])
    widths = rows.widths[:3].tolist()
    if said and len(widths) < 3:
        source.fail("header", "is not whole", "write `modes entries`, the sizes and the entries")
    if said or (len(widths) == 3 and widths[0] <= 2 and widths[1] == widths[2] - 1 > 0):
        head = [int(one) for one in rows.integers(slice(0, widths[0]), "modes and entries")]
        modes, entries = head[0], head[1] if len(head) == 2 else None
        if len(head) > 2 or widths[1] != modes:
            source.fail(
                "header", f"says {modes} modes and {widths[1]} sizes", "write `modes entries` and then the sizes"
            )
        sizes = rows.integers(slice(widths[0], widths[0] + modes), "a size").tolist()
        return sizes, entries, rows.since(2), ()
    if len(widths) > 1 and 2 <= widths[0] == widths[1] - 1:
        return rows.integers(slice(0, widths[0]), "a size").tolist(), None, rows.since(1), ()
    return _like_an_entry(source, rows)


def _like_an_entry(source: Source, rows: Rows) -> tuple[list[int], int | None, Rows, tuple[str, ...]]:
    """The header of a file whose first line is as long as the others: sizes and entries if its numbers are these."""
    width = int(rows.widths[0])
    if len(rows) < 2 or width < 3 or rows.odd_row(width) is not None:
        return [], None, rows, ()
    first, bad = whole_numbers(rows, slice(0, width))
    if bad is not None:
        return [], None, rows, ()
    rest = rows.since(1)
    tops = [int(rest.integers(rest.column(mode, width), "an index").max()) for mode in range(width - 1)]
    *sizes, entries = first.tolist()
    if any(top > size for top, size in zip(tops, sizes, strict=True)):
        return [], None, rows, ()
    line = " ".join(map(str, first.tolist()))
    if entries == len(rest):
        note = f"{source.name}: the first line, {line}, was read as sizes, since {entries:,} entries follow."
        return sizes, entries, rest, (note,)
    note = (
        f"{source.name}: the first line, {line}, was read as an entry; as sizes it would promise {entries:,} entries."
    )
    return [], None, rows, (note,) if len(rest) > 2 else ()


def _first_index(source: Source, at: np.ndarray, options: ReadOptions) -> tuple[int, tuple[str, ...]]:
    if options.first_id is not None:
        return options.first_id, ()
    if at.min() > 0:
        return 1, ()
    return 0, (f"{source.name}: holds the index 0, so that indices were counted from 0, not from 1 as FROSTT does.",)


def _as_found(
    source: Source,
    at: np.ndarray,
    values: np.ndarray,
    shape: tuple[int, ...],
    options: ReadOptions,
    notes: tuple[str, ...],
) -> Found:
    if max(shape) > MAX_SIDE:
        source.fail("shape", f"{' x '.join(map(str, shape))} exceeds {MAX_SIDE} on a side", "renumber the indices")
    check_emptiness(source, shape, len(values))
    if len(shape) == 2:
        matrix = coo_array((values, (at[:, 0], at[:, 1])), shape=shape)
        return found_matrix(source, "FROSTT tensor of two modes", matrix, options, notes=notes)
    if not np.isfinite(values).all():
        source.fail("values", "hold NaN or infinity", "replace or remove them")
    places, which = np.unique(at, axis=0, return_inverse=True)
    sums = np.bincount(which.ravel(), weights=values)
    if len(places) < len(at):
        notes += (f"{source.name}: {len(at) - len(places):,} entries come twice and were added up.",)
    zeros = sums == 0
    if zeros.any() and options.zeros == "keep":
        sums[zeros] = 1.0
    elif zeros.any():
        notes += (f"{source.name}: {zeros.sum():,} values are zero and were dropped; :keepzeros keeps them.",)
        places, sums = places[~zeros], sums[~zeros]
    if not len(places):
        source.fail("values", "are zero throughout", "give at least one that is not")
    if not np.isfinite(sums).all():
        source.fail("values", "add up to infinity", "correct them")
    layer = FoundLayer("", shape, tensor=partial(CooTensor, places, sums, shape), numbers=numbers_of(sums))
    return Found(source.path, f"FROSTT tensor of {len(shape)} modes", (layer,), (), notes)


def _recognise(source: Source) -> Sureness:
    if any("extended frostt" in line.lower() for line in source.first_lines[:5]):
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix == ".tns" and source.is_text else Sureness.NO


FORMAT = FileFormat("FROSTT tensor", _recognise, _read, heeds=("first_id", "zeros"))
