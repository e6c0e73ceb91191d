"""Edge lists: `source target [weight [time]]` a line, in all the ways in which people write them.

Headers and headings say what a graph is (`edge_headers`); where they do not, columns beyond the second are weights or
times, and ids are concluded from all of them (`numbering`). SNAP, KONECT, Network Repository, GAP's `.el` and `.wel`
(Beamer, Asanovic and Patterson, "The GAP benchmark suite", 2015), LDBC Graphalytics' `.e` with its `.v` (Iosup et al.,
arXiv:2011.15028), OGB's `edge.csv` (Hu et al., NeurIPS 2020), MovieLens, networkx and spreadsheets write such lists.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.graphs.edge_layout import GRAPH_SUFFIXES, NAMED_SUFFIXES, EdgeLayout, are_times, layout_of
from workloads.readers.graphs.numbering import GraphHeader, found_graph, listed_places
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, rows_of, whole_numbers

_JUDGED = 100_000
"""Lines from which it is judged whether they are edges."""


@dataclass(frozen=True)
class _Edges:
    """Ids [edges] of both ends, and the other columns that are read."""

    ends: tuple[np.ndarray, np.ndarray]
    weights: np.ndarray | None
    header: GraphHeader
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def _read(source: Source, options: ReadOptions) -> Found:
    layout = layout_of(source)
    if layout is None:
        source.fail("edge list", "has no lines of edges", "write one `source target [weight]` per line")
    edges = _with_dictionaries(source, layout) if layout.dictionaries else _table(source, layout, options)
    promised = layout.comments.edges
    if promised is not None and promised != len(edges.ends[0]):
        what = f"the header says {promised:,} edges but {len(edges.ends[0]):,} follow; check that the file is whole"
        edges = replace(edges, notes=(*edges.notes, what))
    edges = _with_neighbours(source, edges)
    name = "edge list" + (", users and items" if layout.ratings and not layout.labels else "")
    return found_graph(source, name, edges.ends, edges.weights, edges.header, options, edges.notes, edges.left_out)


def _table(source: Source, layout: EdgeLayout, options: ReadOptions) -> _Edges:
    blocks = list(rows_of(source, layout.separator))
    if layout.heading:
        blocks[0] = blocks[0].since(1)
        blocks = [block for block in blocks if len(block)]
    if not blocks:
        source.fail("edge list", "has no edges", "write one `source target [weight]` per line")
    width = int(blocks[-1].widths[-1])
    blocks, header, notes = _without_sizes(source, layout, blocks, width)
    _check_widths(source, blocks, width)
    if not layout.columns and width // layout.stride + width % layout.stride > 4:
        what = f"has {width} columns"
        source.fail("edge list", what, "keep `source target`, `source target weight` or name the columns in a heading")
    first, second = _end_columns(layout)
    ends = tuple(_ids(blocks, at * layout.stride, width, layout) for at in (first, second))
    if ends[0].dtype != ends[1].dtype:
        ends = tuple(_names(blocks, at * layout.stride, width) for at in (first, second))
    header = _direction(source, layout, header, blocks, width)
    if not layout.sure and options.direction is None:
        _refuse_masks(source, ends, width)
    edges = _Edges((ends[0], ends[1]), None, header, tuple(notes))
    edges = _with_values(source, layout, edges, blocks, width)
    if layout.sure or notes or edges.weights is None or source.suffix in NAMED_SUFFIXES:
        return edges
    if options.direction is None:
        _refuse_matrices(source, edges)
    note = "column 3 was read as the weights of edges; save a dense matrix of three columns with numpy.save"
    return replace(edges, notes=(*edges.notes, note))


def _end_columns(layout: EdgeLayout) -> tuple[int, int]:
    columns = layout.columns
    if {"source", "target"} <= columns.keys():
        return columns["source"], columns["target"]
    return columns.get("row", 0), columns.get("column", 1)


def _without_sizes(
    source: Source, layout: EdgeLayout, blocks: list[Rows], width: int
) -> tuple[list[Rows], GraphHeader, list[str]]:
    """Edges without a first line `nodes edges`, or `rows columns entries`, that is told by its numbers."""
    header, first = layout.comments.header, blocks[0]
    count = sum(len(block) for block in blocks)
    texts = first.row(0)[:: layout.stride]
    if layout.heading or count < 2 or not 2 <= len(texts) <= 3 or not all(re.fullmatch(r"\d{1,18}", t) for t in texts):
        return blocks, header, []
    *sizes, edges = (int(text) for text in texts)
    if edges != count - 1 or (len(texts) == 2 and width > 3):
        return blocks, header, []
    rest = [first.since(1), *blocks[1:]] if len(first) > 1 else blocks[1:]
    if any(block.odd_row(width) is not None for block in rest):
        return blocks, header, []
    tops = []
    for column in (0, 1):
        read = [whole_numbers(block, block.column(column * layout.stride, width)) for block in rest]
        if any(bad is not None for _, bad in read):
            return blocks, header, []
        tops.append(max(int(numbers.max()) for numbers, _ in read))
    if max(tops) > max(sizes) or (len(sizes) == 2 and (tops[0] > sizes[0] or tops[1] > sizes[1])):
        return blocks, header, []
    note = f"the first line, {' '.join(texts)}, was read as sizes, since {edges:,} lines follow"
    if len(sizes) == 2 and sizes[0] != sizes[1]:
        return rest, GraphHeader("bipartite", header.first_id, sizes[0], sizes[1]), [note]
    return rest, replace(header, nodes=sizes[0]), [note]


def _check_widths(source: Source, blocks: list[Rows], width: int) -> None:
    first = int(blocks[0].widths[0])
    for block in blocks:
        odd = block.odd_row(first)
        if odd is not None:
            what = f"has {block.widths[odd]} columns where the lines before have {first}"
            source.fail(f"line {block.numbers[odd]}", what, "give all lines as many")


def _ids(blocks: list[Rows], column: int, width: int, layout: EdgeLayout) -> np.ndarray:
    """A column of whole numbers, or of names where nodes have those or numbers exceed 64 bits."""
    found = []
    for block in blocks:
        numbers, bad = whole_numbers(block, block.column(column, width))
        if bad is not None:
            text = block.text(column + int(block.firsts[0]) + bad * width)
            if layout.labels or re.fullmatch(r"\d{19,20}", text):
                return _names(blocks, column, width)
            what = "a node; put # before a heading, or name its columns source,target"
            block.integers(block.column(column, width), what)
        found.append(numbers)
    return np.concatenate(found)


def _names(blocks: list[Rows], column: int, width: int) -> np.ndarray:
    return np.array([text for block in blocks for text in block.texts(block.column(column, width))])


def _refuse_masks(source: Source, ends: tuple[np.ndarray, ...], width: int) -> None:
    """**Raises** `InputError` for tables of zeros and ones, which are a dense matrix sooner than edges."""
    if all(part.dtype.kind == "i" and part.max() <= 1 and part.min() >= 0 for part in ends) and len(ends[0]) > 4:
        what = f"of {width} columns holds only 0 and 1: a dense matrix or an edge list"
        source.fail("table", what, "save a matrix with numpy.save, or add :directed for edges")


def _refuse_matrices(source: Source, edges: _Edges) -> None:
    """**Raises** `InputError` for three columns of whole numbers that are rows of a matrix sooner than weighted edges.

    A matrix of few columns has the same beginning of a row again and again, and zeros in its third column, or nothing
    but numbers of their own; edges come once each, share nodes, and those of weight zero are not written. A quarter of
    such lines is too many: our choice.
    """
    assert edges.weights is not None
    i, j, weights = (part[:_JUDGED] for part in (*edges.ends, edges.weights))
    if i.dtype.kind != "i" or np.any(weights != np.floor(weights)):
        return
    count, what = len(i), f"of {len(edges.weights)} x 3 whole numbers is a dense matrix or an edge list"
    again = count - len(np.unique(np.stack([i, j]), axis=1).T)
    apart = len(np.unique([i, j])) == 2 * count > 4
    zeros = int(np.count_nonzero(weights == 0)) if again or np.any(i == j) else 0
    if count == 3 or apart or 4 * (again + zeros) >= count:
        source.fail("table", what, "save a matrix with numpy.save, or add :directed for edges")


def _direction(source: Source, layout: EdgeLayout, header: GraphHeader, blocks: list[Rows], width: int) -> GraphHeader:
    """The header with the direction that headings and names of files say."""
    if header.direction is not None:
        return header
    if "row" in layout.columns or layout.ratings:
        return replace(header, direction="bipartite")
    if "type" in layout.columns:
        kinds = {text.lower() for block in blocks for text in block.texts(block.column(layout.columns["type"], width))}
        if kinds == {"undirected"}:
            return replace(header, direction="undirected")
        if kinds == {"directed"}:
            return replace(header, direction="directed")
        if kinds == {"directed", "undirected"}:
            source.fail("column Type", "mixes directed and undirected edges", "write undirected ones both ways")
    if source.suffix in (".el", ".wel"):
        return replace(header, first_id=0 if header.first_id is None else header.first_id)
    return header


def _with_values(source: Source, layout: EdgeLayout, edges: _Edges, blocks: list[Rows], width: int) -> _Edges:
    """The edges with their weights; times and further columns are left out and told."""
    columns, notes, left_out = layout.columns, edges.notes, edges.left_out
    if not columns:
        weight, time = (2 if width > 2 * layout.stride else None), (3 if width > 3 * layout.stride else None)
    else:
        weight, time = columns.get("weight"), columns.get("time")
        used = {*_end_columns(layout), weight}
        others = [name or f"column {at + 1}" for at, name in enumerate(layout.heading) if at not in used]
        left_out += tuple(LeftOut(name, "columns that are neither nodes nor weights") for name in others)
    if weight is None:
        return replace(edges, left_out=left_out)
    at = weight * layout.stride
    values = np.concatenate([block.reals(block.column(at, width), "the weight") for block in blocks])
    if not columns and layout.comments.pattern:
        return replace(edges, left_out=(*left_out, LeftOut("column 3", "multiplicities of an unweighted graph")))
    if not columns and time is None and _timed(source, values):
        what = "column 3 was read as the time of an edge, not as its weight; name it in a heading to have it as weights"
        return replace(edges, notes=(*notes, what))
    if not columns and time is not None and not layout.comments.timed and not layout.ratings:
        times = np.concatenate([block.reals(block.column(time, width), "the time") for block in blocks])
        if not _timed(source, times):
            what = f"has {width} columns, and the fourth holds no times"
            source.fail("edge list", what, "keep `source target weight`, or name the columns in a heading")
    return replace(edges, weights=values, left_out=left_out)


def _timed(source: Source, values: np.ndarray) -> bool:
    if np.any(values < 0) or not np.isfinite(values).all():
        return False
    whole = bool(np.all(values == np.floor(values)))
    rising = whole and bool(np.all(np.diff(values) >= 0) and values[0] < values[-1])
    return are_times(values.tolist(), rising or (whole and "temporal" in source.name.lower()))


def _with_dictionaries(source: Source, layout: EdgeLayout) -> _Edges:
    """Edges with networkx' attributes behind them: `0 1 {'weight': 3}`."""
    line_form = re.compile(r"\s*([^\s{]+)\s+([^\s{]+)(?:\s+\{(.*)\})?\s*")
    weight_form = re.compile(r"""['"]weight['"]\s*:\s*([-+0-9.eE]+)""")
    ends: tuple[list[str], list[str]] = ([], [])
    weights: list[float] = []
    for number, line in source.lines():
        if not line.strip() or line.lstrip()[0] == "#":
            continue
        found = line_form.fullmatch(line)
        if found is None:
            source.fail(f"line {number}", "is no `source target {...}`", "write it with data=False")
        ends[0].append(found[1])
        ends[1].append(found[2])
        weight = weight_form.search(found[3] or "")
        if weight is not None:
            try:
                weights.append(float(weight[1]))
            except ValueError:
                source.fail(f"line {number}", f"has the weight {weight[1][:20]!r}", "correct it")
    if weights and len(weights) != len(ends[0]):
        source.fail("edges", "have weights only here and there", "write them all with a weight, or with data=False")
    whole = all(re.fullmatch(r"\d{1,18}", text) for part in ends for text in part)
    parts = tuple(np.array(part, dtype=np.int64 if whole else None) for part in ends)
    left_out = () if weights else (LeftOut("{...}", "attributes of edges"),)
    return _Edges((parts[0], parts[1]), np.array(weights) if weights else None, layout.comments.header, (), left_out)


def _with_neighbours(source: Source, edges: _Edges) -> _Edges:
    """What files beside an edge list say of its nodes: OGB's counts, Graphalytics' list of vertices."""
    stem = source.name.removesuffix(source.suffix)
    if source.name == "edge.csv" and (counts := source.beside("num-node-list.csv")) is not None:
        nodes = [line.strip() for _, line in counts.lines() if line.strip()]
        if len(nodes) > 1:
            source.fail("edge list", f"holds {len(nodes)} graphs, one after the other", "give a file for one of them")
        if not nodes or not re.fullmatch(r"\d{1,9}", nodes[0]):
            what = "num-node-list.csv beside it holds no number of nodes and was passed over"
            edges = replace(edges, notes=(*edges.notes, what))
        else:
            return replace(edges, header=replace(edges.header, nodes=int(nodes[0]), first_id=0))
    if source.suffix == ".e" and (listed := source.beside(f"{stem}.v")) is not None:
        names = [line.strip() for _, line in listed.lines() if line.strip()]
        ends = listed_places(source, names, [part.astype(str) for part in edges.ends])
        header = replace(edges.header, nodes=len(names), first_id=0, direction=_graphalytics_direction(source, stem))
        return replace(edges, ends=(ends[0], ends[1]), header=header)
    return edges


def _graphalytics_direction(source: Source, stem: str):
    said = source.beside(f"{stem}.properties")
    text = "" if said is None else " ".join(line for _, line in said.lines())
    found = re.search(r"\.directed\s*=\s*(true|false)", text)
    return None if found is None else "directed" if found[1] == "true" else "undirected"


def _recognise(source: Source) -> Sureness:
    """For lists that say so, and those whose files are named like one."""
    layout = layout_of(source)
    if layout is None or (layout.labels and not layout.sure and source.suffix not in (".edges", ".edgelist", ".cites")):
        return Sureness.NO
    if layout.comments.known or layout.dictionaries:
        return Sureness.SIGNED
    if layout.columns or layout.ratings:
        return Sureness.NAMED
    return Sureness.LOOKS if source.suffix in GRAPH_SUFFIXES else Sureness.NO


def _resembles(source: Source) -> Sureness:
    """For lists of pairs in files of any name, and for pairs of names."""
    return Sureness.NO if layout_of(source) is None else Sureness.LOOKS


_HEEDS = ("direction", "first_id", "gaps", "zeros")
FORMATS = (
    FileFormat("edge list", _recognise, _read, heeds=_HEEDS),
    FileFormat("edge list", _resembles, _read, in_folders=False, heeds=_HEEDS),
)
