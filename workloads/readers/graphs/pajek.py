"""Pajek networks, `.net`: `*Vertices`, then `*Arcs`, `*Edges`, lists of neighbours or a matrix, nodes from 1.

Mrvar and Batagelj, "Pajek reference manual", section 5.3; `*Vertices n rows` is a network of two modes.
"""

import re

import numpy as np

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.graphs.numbering import GraphHeader, check_ids, check_nodes, found_graph
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, all_rows

_KINDS = ("arcs", "edges", "arcslist", "edgeslist", "matrix")


def _read(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source)
    stars = np.flatnonzero(rows.first_bytes() == ord("*")).tolist()
    sizes: list[int] = []
    edges: list[tuple[np.ndarray, np.ndarray, np.ndarray, bool]] = []
    for star, after in zip(stars, [*stars[1:], len(rows)], strict=True):
        words = rows.row(star)
        kind = re.sub(r"[^a-z]", "", words[0].lower())
        part = Rows(source, rows.data, rows.starts, rows.ends, rows.firsts[star + 1 : after + 1],
                    rows.numbers[star + 1 : after])  # fmt: skip
        if kind == "vertices":
            if sizes:
                source.fail("file", "holds several Pajek networks", "give one network a file")
            if not 2 <= len(words) <= 3 or not all(re.fullmatch(r"\d{1,12}", word) for word in words[1:]):
                source.fail(f"line {rows.numbers[star]}", "is no `*Vertices n`", "write the number of vertices")
            sizes = [int(word) for word in words[1:]]
            check_nodes(source, sizes[0])
        elif kind in _KINDS and not sizes:
            source.fail("*Vertices", "does not stand before the edges", "write `*Vertices n` first")
        elif kind in _KINDS and len(part):
            i, j, w = _matrix(source, part, sizes[0]) if kind == "matrix" else _edges(part, kind.endswith("list"))
            edges.append((i, j, w, kind.startswith("edges")))
    if not edges:
        source.fail("Pajek network", "has no arcs and no edges", "give one that has")
    return _as_found(source, sizes, edges, options)


def _edges(part: Rows, lists: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends from 1 and weights of `source target [weight ...]`, or of `source target ...`."""
    begins, widths = part.firsts[:-1], part.widths
    if (widths < 2).any():
        part.source.fail(f"line {part.numbers[int(np.argmax(widths < 2))]}", "has one number", "write both ends")
    if lists:
        fields = np.arange(int(part.firsts[0]), int(part.firsts[-1]))
        i = np.repeat(part.integers(begins, "a node"), widths - 1)
        j = np.abs(part.integers(fields[~np.isin(fields, begins)], "a node"))
        return i, j, np.ones(len(i))
    weights = np.ones(len(part))
    weighted = widths > 2
    weights[weighted] = part.reals(begins[weighted] + 2, "a weight")
    return part.integers(begins, "a node"), part.integers(begins + 1, "a node"), weights


def _matrix(source: Source, part: Rows, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = part.reals(part.all_fields(), "a value")
    if len(part) != nodes or len(values) % nodes:
        source.fail("*Matrix", f"has {len(part)} rows for {nodes} vertices", "copy the file again")
    i, j = np.nonzero(values.reshape(nodes, -1))
    return i + 1, j + 1, values.reshape(nodes, -1)[i, j]


def _as_found(source: Source, sizes: list[int], edges: list, options: ReadOptions) -> Found:
    nodes = sizes[0]
    for i, j, _, _ in edges:
        check_ids(source, i, nodes)
        check_ids(source, j, nodes)
    i, j, w = (np.concatenate([part[at] for part in edges]) for at in range(3))
    if len(sizes) == 2:
        rows = sizes[1]
        i, j = np.minimum(i, j), np.maximum(i, j)
        if (i > rows).any() or (j <= rows).any():
            source.fail("edges", "of a network of two modes stay within one", "correct them or the *Vertices line")
        header = GraphHeader("bipartite", 1, rows, nodes - rows)
        return found_graph(source, "Pajek network", (i, j - rows), w, header, options)
    if all(undirected for *_, undirected in edges):
        return found_graph(source, "Pajek network", (i, j), w, GraphHeader("undirected", 1, nodes), options)
    for a, b, weights, undirected in edges:
        if undirected:
            apart = a != b
            i, j, w = np.append(i, b[apart]), np.append(j, a[apart]), np.append(w, weights[apart])
    return found_graph(source, "Pajek network", (i, j), w, GraphHeader("directed", 1, nodes), options)


def _recognise(source: Source) -> Sureness:
    lines = (line.strip().lower() for line in source.first_lines)
    first = next((line for line in lines if line and line[0] != "%" and not line.startswith("*network")), "")
    return Sureness.SIGNED if first.startswith("*vertices") else Sureness.NO


FORMATS = (FileFormat("Pajek network", _recognise, _read, heeds=("direction", "zeros")),)
