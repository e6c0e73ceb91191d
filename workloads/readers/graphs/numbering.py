"""From a graph's own ids to rows and columns: counted from 0 or 1, gaps kept or closed, names in order.

What a file does not say is concluded from all of its ids and told in a note, with the option that says otherwise.
"""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array

from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import MAX_SIDE, found_matrix, places_mirror
from workloads.readers.options import Direction, ReadOptions
from workloads.readers.source import Source

_SPARSEST = 4
"""Ids that reach beyond this many times their count are renumbered unless told otherwise: our choice."""


@dataclass(frozen=True)
class GraphHeader:
    """What a file says of its graph; None where it does not."""

    direction: Direction | None = None
    first_id: int | None = None
    nodes: int | None = None
    """Of the rows where the graph is bipartite."""
    targets: int | None = None
    """Nodes of the columns of a bipartite graph."""


def found_graph(
    source: Source,
    format: str,
    edges: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray | None,
    header: GraphHeader,
    options: ReadOptions,
    notes: tuple[str, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
) -> Found:
    """The adjacency matrix of a graph; `edges` are ids [edges] of both ends, whole numbers or names."""
    told = list(notes)
    direction = options.direction or header.direction
    if direction == "bipartite":
        sides = ("row", "column")
        sizes = (header.nodes, header.targets)
        first = _likely_first(edges, sizes, apart=True)
        parts = [
            _placed(source, [ids], size, header, first, options, what, told)
            for ids, size, what in zip(edges, sizes, sides, strict=True)
        ]
        (i,), rows = parts[0]
        (j,), columns = parts[1]
    else:
        first = _likely_first(edges, (header.nodes, header.nodes), apart=False)
        (i, j), rows = _placed(source, list(edges), header.nodes, header, first, options, "node", told)
        columns = rows
    matrix = coo_array((np.ones(len(i)) if weights is None else weights, (i, j)), shape=(rows, columns))
    if direction is None and not places_mirror(matrix):
        told.append("nothing says whether edges are directed; each was read as it stands, :undirected adds its reverse")
    elif direction == "undirected" and options.direction is None:
        told.append("edges are undirected, so that each stands for both directions; :directed reads them as they stand")
    elif direction == "bipartite" and options.direction is None:
        told.append("the two ends of edges are counted apart, as rows and columns; :directed counts them together")
    told = [note if note.startswith(f"{source.name}: ") else f"{source.name}: {note}." for note in told]
    return found_matrix(
        source,
        format,
        matrix,
        options,
        pattern=weights is None,
        mirror=direction == "undirected",
        notes=tuple(told),
        left_out=left_out,
    )


def _likely_first(edges: tuple[np.ndarray, np.ndarray], sizes: tuple[int | None, int | None], apart: bool) -> int:
    """The number that ids begin with where neither format nor user say it; rows and columns count from the same one."""
    if any(ids.dtype.kind != "i" for ids in edges):
        return 0
    low = min(int(ids.min()) for ids in edges)
    full = any(int(ids.max()) == size for ids, size in zip(edges, sizes, strict=True))
    return int(low >= 1 and (full or (low == 1 and (apart or None in sizes))))


def _placed(
    source: Source,
    parts: list[np.ndarray],
    nodes: int | None,
    header: GraphHeader,
    likely: int,
    options: ReadOptions,
    what: str,
    told: list[str],
) -> tuple[list[np.ndarray], int]:
    """Places from 0 of the ids of one set of nodes, which are likely to count from `likely`, and the set's size."""
    if parts[0].dtype.kind != "i":
        return _names_placed(parts, what, told)
    low, high = min(int(ids.min()) for ids in parts), max(int(ids.max()) for ids in parts)
    if low < 0:
        source.fail(f"{what} id {low}", f"is not a whole number from 0 to {MAX_SIDE - 1}", "renumber the nodes from 0")
    first = header.first_id if options.first_id is None else options.first_id
    if first is not None and low < first:
        if options.first_id is not None:
            source.fail(f"{what} id {low}", f"is below {first}", "leave out :from1, or renumber the nodes from 1")
        told.append(f"the format counts {what}s from 1 but the id 0 occurs; they were counted from 0")
        first = 0
    last = None if nodes is None or first is None else nodes - 1 + first
    if options.gaps == "close":
        return _closed(parts, None, what, told)
    if nodes is not None and options.gaps != "keep" and high > (nodes if last is None else last):
        return _closed(parts, nodes, what, told)
    if nodes is None and high >= MAX_SIDE and options.gaps == "keep":
        source.fail(f"{what} id {high}", f"is above {MAX_SIDE - 1}", "leave out :keepgaps or renumber the nodes")
    if nodes is None:
        nodes, first = _concluded(parts, low, high, likely if first is None else first, options, what, told)
        if nodes is None:
            return _closed(parts, None, what, told)
        if header.first_id is None and options.first_id is None and low >= 1:
            told.append(_first_told(what, low, first))
    elif first is None:
        first = likely
        if low >= 1:
            told.append(_first_told(what, low, first))
        if high + 1 - first > nodes:
            told.append(f"the header says {nodes:,} {what}s but their ids reach from {low} to {high}")
    size = max(nodes, high + 1 - first)
    if size > MAX_SIDE:
        source.fail(f"{what} id {high}", f"is above {MAX_SIDE - 1}", "renumber the nodes from 0")
    return [ids - first for ids in parts], size


def _concluded(
    parts: list[np.ndarray], low: int, high: int, first: int, options: ReadOptions, what: str, told: list[str]
) -> tuple[int | None, int]:
    """The number of nodes and the first id where no header says it; None where the ids are to be renumbered."""
    counted = 0
    if high < MAX_SIDE:
        seen = np.zeros(high + 1, np.bool_)
        for ids in parts:
            seen[ids] = True
        counted = int(np.count_nonzero(seen))
    if options.gaps is None and (high >= MAX_SIDE or high > _SPARSEST * counted):
        return None, 0
    if counted < high + 1 - first and options.gaps is None:
        missing = high + 1 - first - counted
        told.append(f"{missing:,} {what}s below the largest id have no edge and stay empty; :closegaps renumbers")
    return high + 1 - first, first


def _first_told(what: str, low: int, first: int) -> str:
    """That nothing says what ids begin with."""
    if first:
        return f"{what} ids begin with {low} and were counted from 1; :from0 counts them from 0, with an empty {what} 0"
    return f"no {what} has the id 0; ids begin with {low} and were counted from 0, :from1 counts them from 1"


def _closed(parts: list[np.ndarray], nodes: int | None, what: str, told: list[str]) -> tuple[list[np.ndarray], int]:
    """Ids renumbered in their order; all `nodes` that the header says, those without an edge last."""
    known, places = np.unique(np.concatenate(parts), return_inverse=True)
    told.append(f"{len(known):,} {what} ids up to {known[-1]} were renumbered in their order; :keepgaps keeps them")
    if nodes is not None and len(known) != nodes:
        told.append(f"the header says {nodes:,} {what}s but {len(known):,} ids occur")
    cuts = np.cumsum([len(ids) for ids in parts])[:-1]
    return np.split(places.ravel(), cuts), max(len(known), nodes or 0)


def _names_placed(parts: list[np.ndarray], what: str, told: list[str]) -> tuple[list[np.ndarray], int]:
    known, places = np.unique(np.concatenate(parts), return_inverse=True)
    order = sorted(range(len(known)), key=lambda at: name_order(str(known[at])))
    rank = np.empty(len(known), np.int64)
    rank[order] = np.arange(len(known))
    told.append(f"{len(known):,} {what}s have names and were numbered in the names' order, {known[order[0]]} first")
    cuts = np.cumsum([len(ids) for ids in parts])[:-1]
    return np.split(rank[places.ravel()], cuts), len(known)


def check_ids(source: Source, ids: np.ndarray, nodes: int, first: int = 1) -> None:
    """**Raises** `InputError` for ids that are outside what a format's header says."""
    bad = (ids < first) | (ids >= nodes + first)
    if bad.any():
        what = f"is out of range: the header says {nodes} nodes, counted from {first}"
        source.fail(f"node id {ids[bad][0]}", what, "correct it or the header")


def check_nodes(source: Source, nodes: int) -> None:
    """**Raises** `InputError` for a number of nodes that no matrix has."""
    if not 0 < nodes <= MAX_SIDE:
        source.fail("header", f"says {nodes} nodes", f"give a number from 1 to {MAX_SIDE}")


def name_order(name: str) -> tuple:
    """By which names are put in order: numbers in them count as numbers."""
    pieces = re.split(r"([0-9]{1,18})", name)
    return tuple((0, int(piece), "") if at % 2 else (1, 0, piece) for at, piece in enumerate(pieces) if piece)


def listed_places(source: Source, listed: list[str], parts: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Places of the ids of edges among the ids of nodes that a file lists, in the order of `name_order`."""
    place = {name: at for at, name in enumerate(sorted(listed, key=name_order))}
    if len(place) < len(listed):
        source.fail("nodes", "have an id twice", "give each an id of its own")
    try:
        return tuple(np.fromiter((place[str(one)] for one in ids), np.int64, len(ids)) for ids in parts)
    except KeyError as error:
        source.fail(f"edge to {str(error)[:40]}", "leads to a node that is not listed", "list all nodes", error)
