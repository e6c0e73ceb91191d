"""DIMACS graphs: `p` line, then `e u v` or `a u v weight`, nodes from 1.

Colouring and cliques (`.col`, `.clq`: DIMACS challenge 2, 1993), shortest paths (`.gr`: challenge 9, 2006), maximum and
minimum-cost flow (`.max`, `.min`: challenge 1, 1991) and PACE's tree width (`p tw`, lines without a letter, 2016).
"""

import numpy as np

from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.found import Found
from workloads.readers.graphs.numbering import GraphHeader, check_ids, check_nodes, found_graph
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, rows_of

_UNDIRECTED = ("edge", "edges", "col", "tw", "td", "ds", "hs")
_WEIGHT = {"sp": 3, "max": 3, "min": 4, "asn": 3}
"""The field of an arc that is its weight: length or capacity; of `min` lines it is the largest flow."""


def _read(source: Source, options: ReadOptions) -> Found:
    kind, nodes, edges, blocks = _problem(source)
    check_nodes(source, nodes)
    weight = _WEIGHT.get(kind)
    parts = [_arcs(source, block, weight) for block in blocks]
    none = np.empty(0, np.int64)
    i, j = (np.concatenate([none, *(part[at] for part in parts)]) for at in (0, 1))
    weights = None if weight is None else np.concatenate([np.empty(0), *(part[2] for part in parts)])
    notes: tuple[str, ...] = ()
    undirected = kind in _UNDIRECTED
    if len(i) != edges:
        if not undirected or edges not in (2 * len(i), len(i) / 2):
            what = f"promises {edges} edges but {len(i)} follow"
            source.fail("p line", what, "copy the file again or correct it")
        notes = (f"the p line says {edges:,} edges and {len(i):,} lines follow: one of them counts both directions",)
    for ids in (i, j):
        check_ids(source, ids, nodes)
    header = GraphHeader("undirected" if undirected else "directed", 1, nodes)
    return found_graph(source, f"DIMACS graph ({kind})", (i, j), weights, header, options, notes)


def _problem(source: Source) -> tuple[str, int, int, list[Rows]]:
    """Kind, nodes and edges of the `p` line, and the lines behind it."""
    blocks = list(rows_of(source))
    for at, block in enumerate(blocks):
        marked = np.flatnonzero(block.first_bytes() == ord("p"))
        if len(marked):
            fields = block.row(int(marked[0]))
            if fields[1:2] == ["aux"]:
                source.fail("DIMACS file", "holds coordinates, no graph", "give the .gr file")
            if len(fields) < 4 or not all(text.isdigit() and len(text) < 16 for text in fields[-2:]):
                source.fail(
                    "p line", f"is {' '.join(fields)[:60]!r}", "write `p edge nodes edges` or `p sp nodes edges`"
                )
            rest = block.since(int(marked[0]) + 1)
            return fields[1], int(fields[-2]), int(fields[-1]), [one for one in (rest, *blocks[at + 1 :]) if len(one)]
    source.fail("p line", "is missing", "copy the file again")


def _arcs(source: Source, block: Rows, weight: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends and weights of a block's edges; comments and lines on single nodes are passed over."""
    letters, begins, widths = block.first_bytes(), block.firsts[:-1], block.widths
    bare = (letters >= ord("0")) & (letters <= ord("9"))
    edges = (letters == ord("e")) | (letters == ord("a")) | bare
    other = ~edges & ~np.isin(letters, np.frombuffer(b"cndvxp", np.uint8))
    short = edges & (widths + bare < (3 if weight is None else weight + 1))
    if (other | short).any():
        line = block.numbers[int(np.argmax(other | short))]
        source.fail(f"line {line}", "is no edge of a DIMACS graph", "correct it or copy the file again")
    at = begins[edges] - bare[edges]
    i, j = block.integers(at + 1, "a node"), block.integers(at + 2, "a node")
    return i, j, np.ones(len(i)) if weight is None else block.reals(at + weight, "a weight")


def _first_words(source: Source) -> list[str]:
    """The first line that is no comment, in words."""
    lines = (line.split() for line in source.first_lines)
    return next((words for words in lines if words and words[0] != "c"), [])


def _recognise(source: Source) -> Sureness:
    words = _first_words(source)
    known = len(words) >= 4 and words[0] == "p" and words[1] in ("aux", *_UNDIRECTED, *_WEIGHT)
    if known:
        return Sureness.SIGNED
    named = source.suffix in (".col", ".gr", ".clq", ".max", ".dimacs") and source.is_text
    comments = bool(source.first_lines) and source.first_lines[0].split()[:1] == ["c"]
    return Sureness.NAMED if named and (words[:1] == ["p"] or comments) else Sureness.NO


def _is_formula(source: Source) -> Sureness:
    return Sureness.SIGNED if _first_words(source)[:2] in (["p", "cnf"], ["p", "wcnf"]) else Sureness.NO


FORMATS = (
    FileFormat("DIMACS graph", _recognise, _read, heeds=("direction", "zeros")),
    refused("a DIMACS formula (cnf)", _is_formula, "convert it to a matrix of clauses and variables (.mtx)"),
)
