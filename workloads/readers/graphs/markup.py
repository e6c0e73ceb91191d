"""GraphML, GEXF and GML: nodes and edges with names (Brandes et al., GD 2001; gexf.net/1.3; Himsolt, 1997).

XML is read by expat as it comes; entities of a file's own are refused. Nodes are numbered in the order of their ids.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

import numpy as np

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.graphs.numbering import GraphHeader, found_graph, listed_places
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_GML_TOKEN = re.compile(r'"[^"]*"|\[|\]|[^\s\[\]"]+|#[^\n]*')


@dataclass
class _Graph:
    """What was read so far."""

    directed: bool = False
    nodes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    edges: list[tuple[str, str, bool]] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    graphs: int = 0


def _as_found(source: Source, name: str, graph: _Graph, options: ReadOptions) -> Found:
    if graph.graphs > 1:
        source.fail("file", f"holds {graph.graphs} graphs", "give one graph a file")
    if not graph.edges:
        source.fail(name, "has no edges", "give a graph that has")
    i, j = listed_places(source, graph.nodes, [np.array([edge[end] for edge in graph.edges]) for end in (0, 1)])
    weights = None
    if any(graph.weights):
        if not all(graph.weights):
            source.fail("edges", "have weights only here and there", "write them all with a weight, or none")
        try:
            weights = np.array(graph.weights).astype(float)
        except ValueError as error:
            source.fail("weights", f"hold something that is no number ({str(error)[:60]})", "correct them", error)
    undirected = np.array([not edge[2] for edge in graph.edges])
    header = GraphHeader("undirected" if undirected.all() else "directed", 0, len(graph.nodes))
    if not undirected.all():
        back = undirected & (i != j)
        i, j = np.append(i, j[back]), np.append(j, i[back])
        weights = None if weights is None else np.append(weights, weights[back])
    notes: tuple[str, ...] = ()
    if set(graph.nodes) != {str(at) for at in range(len(graph.nodes))}:
        notes = (f"{len(graph.nodes):,} nodes were numbered in the order of their ids",)
    return found_graph(source, name, (i, j), weights, header, options, notes)


def _read_xml(source: Source, options: ReadOptions) -> Found:
    graph = _Graph()
    gexf = _is_gexf(source)
    reader = _XmlReader(graph, gexf)
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        source.fail("XML", "declares entities of its own", "remove them")

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        for piece in source.pieces(2**20):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        source.fail("XML", f"is malformed ({str(error)[:100]})", "write the file again", error)
    return _as_found(source, "GEXF graph" if gexf else "GraphML graph", graph, options)


class _XmlReader:
    """Takes nodes and edges from the elements of GraphML or GEXF."""

    def __init__(self, graph: _Graph, gexf: bool) -> None:
        self.graph, self.gexf = graph, gexf
        self.weight_keys: set[str] = set()
        self.in_edge = self.in_weight = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag, graph = tag.rpartition(":")[2], self.graph
        if tag == "graph":
            graph.graphs += 1
            way = attributes.get("defaultedgetype" if self.gexf else "edgedefault", "undirected")
            graph.directed = way == "directed"
        elif tag == "key" and attributes.get("for", "edge") == "edge":
            if attributes.get("attr.name", "").lower() in ("weight", "value") and "id" in attributes:
                self.weight_keys.add(attributes["id"])
        elif tag == "node" and "id" in attributes:
            graph.nodes.append(attributes["id"])
        elif tag == "edge" and {"source", "target"} <= attributes.keys():
            said = attributes.get("type" if self.gexf else "directed", "")
            directed = said in ("directed", "true") if said else graph.directed
            graph.edges.append((attributes["source"], attributes["target"], directed))
            graph.weights.append(attributes.get("weight", "1") if self.gexf else "")
            self.in_edge = True
        elif tag == "data" and self.in_edge and attributes.get("key") in self.weight_keys:
            self.in_weight = True

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        self.in_edge = self.in_edge and tag != "edge"
        self.in_weight = False

    def text(self, data: str) -> None:
        if self.in_weight:
            self.graph.weights[-1] += data.strip()


def _read_gml(source: Source, options: ReadOptions) -> Found:
    graph, stack = _Graph(), ["gml"]
    values: dict[str, str] = {}
    key = ""
    for token in _gml_tokens(source):
        if token == "[":
            stack.append(key.lower())
            if key.lower() in ("node", "edge", "graph"):
                values = {}
            graph.graphs += stack == ["gml", "graph"]
            key = ""
        elif token == "]":
            if len(stack) == 1:
                source.fail("GML", "closes a bracket that is not open", "write the file again")
            _closed(source, graph, stack.pop(), values, stack)
            key = ""
        elif not key:
            key = token
        else:
            if stack[-1] in ("node", "edge") and len(stack) == 3:
                values[key.lower()] = token.strip('"')
            elif stack == ["gml", "graph"] and key.lower() == "directed":
                graph.directed = token == "1"
            key = ""
    if len(stack) > 1:
        source.fail("GML", "ends within a bracket (truncated?)", "copy the file again")
    graph.edges = [(a, b, graph.directed) for a, b, _ in graph.edges]
    _use_labels(graph)
    return _as_found(source, "GML graph", graph, options)


def _use_labels(graph: _Graph) -> None:
    """Takes nodes by their labels where those are whole numbers: networkx and others put a graph's own ids there."""
    labels = dict(zip(graph.nodes, graph.labels, strict=True))
    whole = all(re.fullmatch(r"\d{1,18}", label) for label in graph.labels)
    if whole and len({*graph.labels}) == len(labels) == len(graph.nodes):
        graph.nodes = graph.labels
        graph.edges = [(labels.get(a, a), labels.get(b, b), way) for a, b, way in graph.edges]


def _closed(source: Source, graph: _Graph, kind: str, values: dict[str, str], stack: list[str]) -> None:
    if stack != ["gml", "graph"]:
        return
    if kind == "node":
        if "id" not in values:
            source.fail("node", "has no id", "give each node one")
        graph.nodes.append(values["id"])
        graph.labels.append(values.get("label", ""))
    elif kind == "edge":
        if not {"source", "target"} <= values.keys():
            source.fail("edge", "has no source or no target", "give each edge both")
        graph.edges.append((values["source"], values["target"], False))
        graph.weights.append(values.get("weight", values.get("value", "")))


def _gml_tokens(source: Source) -> Iterator[str]:
    for _, line in source.lines():
        for token in _GML_TOKEN.findall(line):
            if token[0] == "#":
                break
            yield token


def _is_gexf(source: Source) -> bool:
    return re.search(rb"<(\w+:)?gexf\b", source.head) is not None


def _is_xml(source: Source) -> Sureness:
    known = re.search(rb"<(\w+:)?graphml\b", source.head) is not None or _is_gexf(source)
    return Sureness.SIGNED if known and source.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") else Sureness.NO


def _is_gml(source: Source) -> Sureness:
    text = "\n".join(line for line in source.first_lines if not line.lstrip().startswith("#"))
    return Sureness.SIGNED if re.match(r'\s*(\w+\s+("[^"]*"|[\w.]+)\s+)*graph\s*\[', text[:4000], re.I) else Sureness.NO


FORMATS = (
    FileFormat("GraphML or GEXF graph", _is_xml, _read_xml, heeds=("direction", "zeros")),
    FileFormat("GML graph", _is_gml, _read_gml, heeds=("direction", "zeros")),
)
