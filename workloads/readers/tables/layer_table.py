"""A network as a table of layers: `name,M,N,K,density`, one product a line, and SCALE-Sim's topologies.

The first line names the columns, in any order and case. Z[M, N] = sum over k of A[M, K] B[K, N]:

| column | meaning |
|---|---|
| `name` (or `layer`) | the kernel's name |
| `M`, `N`, `K` | sizes, whole numbers above 0 |
| `density` | share of non-zeros of A: 0.5, 50 %, or N:M such as `2:4`; 1 without this column |
| `sparsity` | the share of zeros instead, or N:M: n non-zeros in each m |
| `density_b`, `sparsity_b` | the same of B; a dense B without these columns |
| `repeats` | how often the layer runs; 1 without this column |

Instead of M, N, K there may be a convolution, `IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num
Filter, Strides` as SCALE-Sim has it (github.com/scalesim-project/SCALE-Sim, `topologies/`): its maps include the
padding and output sizes are rounded up. `Batch Size` multiplies the columns of B; `padding`, `dilation` and `groups`
are taken into account where a table has them, and then output sizes are rounded down, as by frameworks. Where
`Sparsity` is N:M in any line of a table of M, N, K, that table is SCALE-Sim's too, and the sparse operand its filters
[K, N]: A is then [N, K] and B has M columns.

Non-zeros lie anywhere with equal chance, or n in each m along K. Columns of other names are left out and told; those
that would change a layer (of zeros, batches, groups) are refused.
"""

import re
from dataclasses import dataclass, replace

from workloads.densities import Density
from workloads.readers.formats import Sureness
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tables import cells
from workloads.readers.tables.columns import CONVOLUTION, PRODUCT, Column, would_change
from workloads.readers.tables.delimited import Table, heading_of, lacks_heading, numbered, read_table
from workloads.readers.tables.layers import TableConvolution, convolution, product, with_own_names

_FILTERS_ARE_A = (
    "N:M in a column sparsity beside M, N, K is SCALE-Sim's: in all lines its filters [K, N] become A [N, K]; "
    "name the column density where A [M, K] is meant."
)
_NO_PRODUCT = (
    r"pool|add|eltwise|element|relu|gelu|activation|softmax|norm|concat|reshape|flatten|input|dropout|residual"
)
_AT_MOST_ONE = r"0?[.,]\d+|[01]([.,]0*)?"
_DEPTHWISE = r"\bdw|depth|dsconv|dwconv"
_ROUNDED_UP = (
    "Output sizes are rounded up, as in SCALE-Sim, where the last filter hangs over the map; "
    "add a column padding (0 where maps include it) to have them rounded down."
)
_NOT_OF_SCALE_SIM = ("padding", "dilation", "groups")
_BATCH_REPEATS = "A batch of products is taken as that many of them; multiply N instead where all have the same A."


@dataclass(frozen=True)
class _Row:
    """A line's fields by the meaning of their column."""

    source: Source
    where: str
    fields: dict[str, str]
    columns: dict[str, Column]
    decimal_comma: bool

    def whole(self, role: str, default: int | None = None) -> int:
        text = self.fields.get(role, "")
        if not text and default is not None:
            return default
        shown = role.upper() if role in PRODUCT else role
        return cells.whole_number(self.source, self.where, shown, text, self.decimal_comma)

    def count(self, role: str) -> float:
        text = self.fields.get(role, "")
        return cells.count(self.source, self.where, role, text, self.decimal_comma) if text else 1.0

    def density(self, suffix: str) -> Density | None:
        """Of A (no suffix) or B (`_b`); None where nothing is said."""
        said = [role for role in (f"density{suffix}", f"sparsity{suffix}") if self.fields.get(role)]
        if not said:
            return None
        if len(said) == 2:
            self.source.fail(self.where, f"has both {said[0]} and {said[1]}", "keep one of these columns")
        (role,) = said
        text = self.fields[role]
        if (grouped := cells.n_of_m(self.source, self.where, role, text)) is not None:
            return grouped
        share = cells.share(self.source, self.where, role, text, self.columns[role].percent, self.decimal_comma)
        density = share if role.startswith("density") else round(1 - share, 12)
        return cells.uniform(self.source, self.where, role, text, density)


def recognise(source: Source) -> Sureness:
    """By the heading."""
    if not source.is_text:
        return Sureness.NO
    return Sureness.SIGNED if heading_of(numbered(source.first_lines)) is not None else Sureness.NO


def recognise_without_heading(source: Source) -> Sureness:
    """By names and numbers alone, where the suffix promises a table."""
    promised = source.suffix in (".csv", ".tsv") and source.is_text
    return Sureness.NAMED if promised and lacks_heading(numbered(source.first_lines)) else Sureness.NO


def read_layer_table(source: Source, options: ReadOptions) -> Found:
    """The layers of a table, in order; a name that returns gets `#2`, `#3`, ... appended.

    **Raises** `InputError` that names the file, the line and the column for whatever is wrong with it.
    """
    table = read_table(source)
    columns = _known_columns(source, table)
    convolving = len(set(columns).intersection(CONVOLUTION)) >= 3 and not columns.keys() >= set(PRODUCT)
    sizes = (*CONVOLUTION, *(() if "stride_height" in columns else ("strides",))) if convolving else PRODUCT
    missing = [role for role in sizes if role not in columns]
    if missing:
        source.fail("heading", f"names no column {missing[0]!r}", f"name all of {', '.join(sizes)}")
    layers: list[FoundLayer] = []
    left_out: list[LeftOut] = []
    _check_other_columns(source, table, convolving)
    notes = [*_column_notes(table), *_percent_notes(table, columns)]
    ratios = any(cells.is_n_of_m(one) for one in _cells(table, columns.get("sparsity")))
    if not convolving and set(columns).intersection(CONVOLUTION):
        notes.append("Columns of a convolution are left out, as M, N and K stand beside them.")
    for number, fields in table.rows:
        row = _paired(source, table, columns, number, fields)
        if not any(row.fields.get(role) for role in sizes):
            left_out.append(LeftOut(row.fields.get("name") or f"line {number}", "a line without sizes"))
            continue
        if (why := _no_product(row)) is not None:
            left_out.append(LeftOut(row.fields.get("name") or f"line {number}", why))
            continue
        name = row.fields.get("name") or f"layer{len(layers) + 1}"
        layers.append(_convolution(row, name, notes) if convolving else _product(row, name, ratios, notes))
    if not layers:
        source.fail("table", "has no line with sizes below its heading", "add one for each layer")
    form = "table of convolutions, as SCALE-Sim's" if convolving else "table of layers"
    return Found(source.path, form, with_own_names(layers), tuple(left_out), tuple(dict.fromkeys(notes)))


def _known_columns(source: Source, table: Table) -> dict[str, int]:
    """The place of each column whose meaning is known."""
    places: dict[str, int] = {}
    for at, column in enumerate(table.columns):
        if column.role and places.setdefault(column.role, at) != at:
            first = table.columns[places[column.role]].text
            what = f"has the columns {first!r} and {column.text!r}, which mean the same"
            source.fail(f"line {table.heading_line}", what, "keep one of them")
    return places


def _cells(table: Table, at: int | None) -> list[str]:
    return [] if at is None else [fields[at] for _, fields in table.rows if at < len(fields)]


def _check_other_columns(source: Source, table: Table, convolving: bool) -> None:
    """**Raises** `InputError` for a column that is not read though it may change what layers are."""
    beside = PRODUCT if convolving else ("groups",)
    for at, column in enumerate(table.columns):
        if not column.role or column.role in beside:
            fix = would_change(column, _cells(table, at), convolving)
            if fix:
                what = f"has the column {column.text[:40]!r}, which is not read here but may change what a layer is"
                source.fail(f"line {table.heading_line}", what, fix)


def _percent_notes(table: Table, columns: dict[str, int]) -> list[str]:
    """Of percentages that look like shares."""
    found = []
    for role in ("density", "sparsity", "density_b", "sparsity_b"):
        said = [one for one in _cells(table, columns.get(role)) if one]
        if said and table.columns[columns[role]].percent and all(re.fullmatch(_AT_MOST_ONE, one) for one in said):
            text = table.columns[columns[role]].text
            found.append(f"{text!r} is read in percent, 1 as 0.01; take that out of the heading where 1 means all.")
    return found


def _column_notes(table: Table) -> list[str]:
    unknown = [one.text for one in table.columns if one.text and not one.role and not one.text.startswith("Unnamed:")]
    if not unknown:
        return []
    told = ", ".join(repr(text) for text in unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
    return [f"The columns {told} are of no known meaning and left out."]


def _paired(source: Source, table: Table, columns: dict[str, int], number: int, fields: list[str]) -> _Row:
    """A line's fields under their columns; fields may be missing at the end, and be blank beyond it."""
    while len(fields) > len(table.columns) and not fields[-1]:
        fields.pop()
    if len(fields) > len(table.columns):
        what = f"has {len(fields)} fields where the heading has {len(table.columns)}"
        source.fail(f"line {number}", what, "give it as many, and put a name with a comma in quotes")
    by_role = {role: fields[at] for role, at in columns.items() if at < len(fields)}
    known = {role: table.columns[at] for role, at in columns.items()}
    return _Row(source, f"line {number}:", by_role, known, table.separator == ";")


def _no_product(row: _Row) -> str | None:
    """Why a layer of this kind is left out; None for a product."""
    kind = row.fields.get("kind", "").lower()
    return f"{kind}, no product with weights" if re.search(_NO_PRODUCT, kind) else None


def _product(row: _Row, name: str, filters_are_a: bool, notes: list[str]) -> FoundLayer:
    m, n, k = (row.whole(role) for role in PRODUCT)
    a, b = row.density(""), row.density("_b")
    if filters_are_a:
        m, n = n, m
        notes.append(_FILTERS_ARE_A)
    batch = row.whole("batch", 1)
    if batch > 1:
        notes.append(_BATCH_REPEATS)
    return product(row.source, row.where, name, (m, n, k), a, b, row.count("repeats") * batch)


def _convolution(row: _Row, name: str, notes: list[str]) -> FoundLayer:
    ifmap_height, ifmap_width, height, width, channels, filters = (row.whole(role) for role in CONVOLUTION)
    groups = row.whole("groups", 1)
    if re.search(_DEPTHWISE, row.fields.get("kind", "").lower()) and groups == 1:
        groups, filters = channels, channels if filters == 1 else filters
    stride = row.whole("strides") if "stride_height" not in row.fields else row.whole("stride_height")
    padding = _padding(row)
    sizes = TableConvolution(
        filters, channels, (height, width), (ifmap_height, ifmap_width),
        stride=(stride, row.whole("stride_width", stride)), padding=(padding, padding),
        dilation=(row.whole("dilation", 1),) * 2, groups=groups, images=row.whole("batch", 1),
        rounding_up=not row.columns.keys() & {*_NOT_OF_SCALE_SIM},
    )  # fmt: skip
    if sizes.rounding_up and sizes.out != replace(sizes, rounding_up=False).out:
        notes.append(_ROUNDED_UP)
    return convolution(row.source, row.where, name, sizes, row.density(""), row.density("_b"), row.count("repeats"))


def _padding(row: _Row) -> int:
    text = row.fields.get("padding", "")
    return 0 if text in ("", "0", "0.0") else row.whole("padding")
