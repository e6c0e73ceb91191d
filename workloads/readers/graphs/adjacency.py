"""Graphs as lists of neighbours: METIS and Chaco, Ligra's `AdjacencyGraph`, networkx' adjacency lists.

METIS: "METIS 5.1.0 manual", section 4.1.1; Chaco's form is the same where a third digit of the format counts one field
more a line (Hendrickson and Leland, "The Chaco user's guide 2.0", section 6.1). Ligra: Shun and Blelloch, PPoPP 2013;
GBBS and GraphBLAS tools write it too. networkx: `networkx.write_adjlist`.
"""

import re

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.graphs.numbering import (
    GraphHeader,
    check_ids,
    check_nodes,
    found_graph,
    listed_places,
)
from workloads.readers.matrices.canonical_form import found_matrix, places_mirror
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, all_rows

_LIGRA = ("AdjacencyGraph", "WeightedAdjacencyGraph")


def _read_metis(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source, blank_rows=True)
    head = int(np.argmax(rows.widths > 0))
    header = rows.integers(slice(int(rows.firsts[head]), int(rows.firsts[head + 1])), "the header").tolist()
    if not 2 <= len(header) <= 4 or min(header) < 0:
        source.fail("header", "is not `nodes edges [format [weights]]`", "write the METIS header")
    nodes, edges = header[:2]
    code = f"{header[2] if len(header) > 2 else 0:03d}"
    if not re.fullmatch("[01]{3}", code):
        source.fail("header", f"has the format {code}", "write 3 digits that are 0 or 1")
    weights = int(code[1]) * (header[3] if len(header) > 3 else 1)
    check_nodes(source, nodes)
    rows = rows.since(head + 1)
    if len(rows) > nodes and rows.firsts[nodes] != rows.firsts[-1]:
        source.fail("header", f"says {nodes} nodes but more lines follow", "correct it or copy the file again")
    i, j, values = _metis_entries(source, rows, int(code[0]) + weights, code[2] == "1")
    if len(i) != 2 * edges:
        what = f"says {edges} edges, each at both its ends, but {len(i)} neighbours follow (truncated?)"
        source.fail("header", what, "correct it or copy the file again")
    check_ids(source, j, nodes)
    matrix = coo_array((values, (i, j - 1)), shape=(nodes, nodes))
    if not places_mirror(matrix):
        source.fail("neighbours", "are not mutual: an edge stands at one end only", "list each edge at both its ends")
    return found_matrix(source, "METIS graph", matrix, options, pattern=code[2] == "0")


def _metis_entries(source: Source, rows: Rows, skipped: int, weighted: bool) -> tuple[np.ndarray, ...]:
    """Node (from 0), neighbour (from 1) and weight of each entry; every line begins with `skipped` other numbers."""
    widths = rows.widths
    short = (widths > 0) & (widths < skipped)
    odd = ((widths - skipped) % 2 == 1) & (widths > skipped) if weighted else np.zeros(len(rows), bool)
    if (short | odd).any():
        line = rows.numbers[int(np.argmax(short | odd))]
        source.fail(f"line {line}", "has not the fields that the header's format says", "correct it or the format")
    node = np.repeat(np.arange(len(rows)), widths)
    place = np.arange(int(rows.firsts[-1] - rows.firsts[0])) - np.repeat(rows.firsts[:-1] - rows.firsts[0], widths)
    field = rows.all_fields().start + np.arange(len(place))
    neighbour = (place >= skipped) & ((place - skipped) % 2 == 0 if weighted else True)
    found = rows.integers(field[neighbour], "a neighbour")
    values = rows.reals(field[neighbour] + 1, "a weight") if weighted else np.ones(len(found))
    return node[neighbour], found, values


def _is_metis(source: Source) -> Sureness:
    if not source.is_text:
        return Sureness.NO
    named = source.suffix in (".graph", ".metis", ".chaco")
    lines = [line.split() for line in source.first_lines if not line.lstrip().startswith("%")]
    while lines and not lines[-1]:
        lines.pop()
    header = next((at for at, line in enumerate(lines) if line), None)
    if header is None or not 2 <= len(lines[header]) <= 4:
        return Sureness.NO
    if not all(re.fullmatch(r"\d{1,12}", text) for line in lines for text in line):
        return Sureness.NAMED if named and all(t.isdigit() for t in lines[header]) and len(lines) < 3 else Sureness.NO
    nodes, edges = int(lines[header][0]), int(lines[header][1])
    rest = lines[header + 1 :]
    whole = len(source.first_lines) < 200 and len(source.head) < 65536
    if not whole:
        widths = {len(line) for line in rest}
        return Sureness.NAMED if named and widths not in ({2}, {3}) else Sureness.NO
    fits = len(rest) <= nodes and (len(lines[header]) > 2 or sum(map(len, rest)) == 2 * edges)
    if named:
        return Sureness.NAMED if fits or {len(line) for line in rest} not in ({2}, {3}) else Sureness.NO
    return (
        Sureness.NAMED if fits and len(lines[header]) == 2 and nodes > 2 and {*map(len, rest)} != {2} else Sureness.NO
    )


def _read_ligra(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source)
    weighted = rows.text(int(rows.firsts[0])) == _LIGRA[1]
    begin, end = int(rows.firsts[0]) + 1, int(rows.firsts[-1])
    if end - begin < 2:
        source.fail("header", "is not whole", "copy the file again")
    nodes, edges = (int(one) for one in rows.integers(slice(begin, begin + 2), "the header"))
    check_nodes(source, nodes)
    wanted = nodes + edges * (1 + weighted) + 2
    if edges < 0 or end - begin != wanted:
        what = f"says {nodes} nodes and {edges} edges, {wanted - 2} numbers, but {end - begin - 2} follow"
        source.fail("header", what, "copy the file again or correct it")
    offsets = np.append(rows.integers(slice(begin + 2, begin + 2 + nodes), "an offset"), edges)
    if offsets[0] != 0 or np.any(np.diff(offsets) < 0):
        source.fail("offsets", f"do not rise from 0 to {edges}", "write the running sum of degrees")
    first = begin + 2 + nodes
    j = rows.integers(slice(first, first + edges), "a neighbour")
    if edges:
        check_ids(source, j, nodes, 0)
    values = rows.reals(slice(first + edges, end), "a weight") if weighted else np.ones(edges)
    matrix = csr_array((values, j, offsets), shape=(nodes, nodes))
    return found_matrix(source, "Ligra adjacency graph", matrix, options, pattern=not weighted)


def _is_ligra(source: Source) -> Sureness:
    first = next((line.strip() for line in source.first_lines if line.strip()), "")
    return Sureness.SIGNED if first.split()[:1] in ([_LIGRA[0]], [_LIGRA[1]]) else Sureness.NO


def _read_adjlist(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source)
    names = np.array(rows.texts(rows.all_fields()))
    if any("{" in name for name in names[:1000]):
        source.fail("adjacency list", "has attributes of edges", "write it with networkx.write_edgelist")
    begins = rows.firsts[:-1] - rows.firsts[0]
    known = np.unique(names).tolist()
    neighbours = np.ones(len(names), bool)
    neighbours[begins] = False
    ends = (np.repeat(names[begins], rows.widths - 1), names[neighbours])
    placed = listed_places(source, known, [*ends])
    notes: tuple[str, ...] = ()
    if {str(at) for at in range(len(known))} != set(known):
        notes = (f"{len(known):,} nodes were numbered in the order of their names",)
    header = GraphHeader(first_id=0, nodes=len(known))
    return found_graph(source, "networkx adjacency list", (placed[0], placed[1]), None, header, options, notes)


def _is_adjlist(source: Source) -> Sureness:
    dated = len(source.first_lines) > 2 and bool(re.match(r"#\s*GMT ", source.first_lines[1]))
    if dated:
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix == ".adjlist" and source.is_text else Sureness.NO


FORMATS = (
    FileFormat("METIS graph", _is_metis, _read_metis, heeds=("zeros",)),
    FileFormat("Ligra adjacency graph", _is_ligra, _read_ligra, heeds=("zeros",)),
    FileFormat("networkx adjacency list", _is_adjlist, _read_adjlist, heeds=("direction",)),
)
