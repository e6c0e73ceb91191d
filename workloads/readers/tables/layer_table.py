"""A network as a table of layers: `name,M,N,K,density` in a CSV, one product a line, as SCALE-Sim's users keep them.

The first line names the columns, in any order and case. Z[M, N] = sum over k of A[M, K] B[K, N]:

| column | meaning |
|---|---|
| `name` (or `layer`) | the kernel's name |
| `M`, `N`, `K` | sizes, whole numbers above 0 |
| `density` (or `density_a`) | share of non-zeros of A, up to 1, or N:M such as `2:4`; 1 without this column |
| `density_b` | the same of B; a dense B without this column |
| `repeats` | how often the layer runs; 1 without this column |

Instead of M, N, K there may be SCALE-Sim's columns of a convolution, `IFMAP Height, IFMAP Width, Filter Height, Filter
Width, Channels, Num Filter, Strides` (its heights include the padding; github.com/scalesim-project/SCALE-Sim), which is
taken by im2col with the filters as A, and for `density` its `Sparsity`, which is N:M. In its tables of products the
filters are [K, N]: exchange M and N if they are what is sparse.

Non-zeros lie anywhere with equal chance, or n in each m along a row. Blank lines, lines that begin with # and a comma
at a line's end are passed over.
"""

import math
import os
import re
from pathlib import Path

from workloads.densities import NM, Dense, Density, Uniform
from workloads.errors import InputError
from workloads.kernels.matrix_product import DensityKernel
from workloads.readers.matrices.canonical import MAX_SIDE

_SIZES = ("m", "n", "k")
_CONVOLUTION = ("ifmap_height", "ifmap_width", "filter_height", "filter_width", "channels", "num_filter", "strides")
_REST = ("density", "density_b", "repeats")
_ALIASES = {
    "layer": "name",
    "layer_name": "name",
    "density_a": "density",
    "num_filters": "num_filter",
    "stride": "strides",
}


def is_layer_table(path: str | os.PathLike[str]) -> bool:
    """Whether a `.csv` begins with a line that names a layer's sizes, rather than with an edge list's numbers."""
    path = Path(path)
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as stream:
            first = next((line for line in stream if line.strip() and line.lstrip()[0] != "#"), "")
    except OSError:
        return False
    heading = set(_heading(first.split(",")))
    return len(heading.intersection(_SIZES)) >= 2 or len(heading.intersection(_CONVOLUTION)) >= 2


def read_layer_table(path: str | os.PathLike[str]) -> list[DensityKernel]:
    """The layers of a table, in order; a name that returns gets `#2`, `#3`, ... appended.

    **Raises** `InputError` that names the file, the line and the column for whatever is wrong with it.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8-sig", errors="strict", newline="") as stream:
            lines = [(number, line) for number, line in enumerate(stream.read().splitlines(), 1)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}); save it as a plain CSV.") from error
    rows = [(number, line.split(",")) for number, line in lines if line.strip() and line.lstrip()[0] != "#"]
    heading = _heading(rows[0][1]) if rows else []
    sizes = _CONVOLUTION if len(set(heading).intersection(_CONVOLUTION)) >= 2 else _SIZES
    known = ("name", *sizes, *_REST)
    for name in heading:
        if name not in known or heading.count(name) > 1:
            what = "comes twice" if name in known else "is unknown"
            raise InputError(f"{path}: line {rows[0][0]}: column {name!r} {what}; use {', '.join(known)}.")
    missing = [name for name in ("name", *sizes) if name not in heading]
    if missing:
        raise InputError(f"{path}: the first line names no column {missing[0]!r}; begin with `name,M,N,K,density`.")
    if len(rows) < 2:
        raise InputError(f"{path}: has no line below its heading; add one for each layer.")
    kernels: list[DensityKernel] = []
    for number, fields in rows[1:]:
        where = f"{path}: line {number}"
        kernels.append(_layer(where, _paired(where, heading, fields), kernels))
    return kernels


def _heading(fields: list[str]) -> list[str]:
    names = [re.sub(r"[\s-]+", "_", field.strip().lower()) for field in fields]
    while names and not names[-1]:
        names.pop()
    names = [_ALIASES.get(name, name) for name in names]
    return ["density" if name == "sparsity" and "num_filter" in names else name for name in names]


def _paired(where: str, heading: list[str], fields: list[str]) -> dict[str, str]:
    fields = [field.strip() for field in fields]
    while len(fields) > len(heading) and not fields[-1]:
        fields.pop()
    if len(fields) != len(heading):
        raise InputError(f"{where} has {len(fields)} fields where the heading has {len(heading)}; give it as many.")
    return dict(zip(heading, fields, strict=True))


def _layer(where: str, row: dict[str, str], before: list[DensityKernel]) -> DensityKernel:
    if not row["name"]:
        raise InputError(f"{where}: name is empty; give the layer one.")
    taken, name, number = {kernel.name for kernel in before}, row["name"], 1
    while name in taken:
        number += 1
        name = f"{row['name']}#{number}"
    m, n, k = (_size(where, side, row[side]) for side in _SIZES) if "m" in row else _im2col(where, row)
    a = _density(where, "density", row.get("density", "1"))
    b = _density(where, "density_b", row["density_b"]) if "density_b" in row else None
    return DensityKernel(name, m, k, n, a, b, repeats=_repeats(where, row.get("repeats", "1")))


def _im2col(where: str, row: dict[str, str]) -> tuple[int, int, int]:
    """Filters, output positions and weights of a filter."""
    height, width, rows, columns, channels, filters, stride = (_size(where, side, row[side]) for side in _CONVOLUTION)
    if rows > height or columns > width:
        raise InputError(f"{where}: the filter is {rows} x {columns} but the map {height} x {width}; add its padding.")
    positions = math.ceil((height - rows + stride) / stride) * math.ceil((width - columns + stride) / stride)
    return filters, positions, channels * rows * columns


def _size(where: str, side: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12 and 0 < int(text) <= MAX_SIDE):
        what = f"{side.upper() if side in _SIZES else side} is {text!r}"
        raise InputError(f"{where}: {what}; give a whole number from 1 to {MAX_SIDE}.")
    return int(text)


def _density(where: str, column: str, text: str) -> Density:
    ratio = re.fullmatch(r"(\d{1,3}):(\d{1,3})", text)
    if ratio and 0 < int(ratio[1]) <= int(ratio[2]):
        return NM(int(ratio[1]), int(ratio[2]))
    share = _number(text)
    if not 0 < share <= 1:
        raise InputError(f"{where}: {column} is {text!r}; give a share above 0 and at most 1, or N:M such as 2:4.")
    return Dense() if share == 1 else Uniform(share)


def _repeats(where: str, text: str) -> float:
    if not 0 < _number(text) < math.inf:
        raise InputError(f"{where}: repeats is {text!r}; give a number above 0.")
    return float(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
