"""Graphs in binary forms of single tools, recognised to be refused by name."""

from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.source import Source

_DGL = bytes.fromhex("3fa1b446f04f2edd")
"""kDGLSerializeMagic of dgl/src/graph/serialize/graph_serialize.cc, as a little-endian machine writes it."""
_EDGES = "convert it to an edge list (.el, .txt) or to .mtx"


def _binary(*suffixes: str):
    return lambda source: Sureness.NAMED if source.suffix in suffixes and not source.is_text else Sureness.NO


def _is_dgl(source: Source) -> Sureness:
    return Sureness.SIGNED if source.head.startswith(_DGL) else Sureness.NO


def _is_galois(source: Source) -> Sureness:
    versions = (b"\x01" + b"\0" * 7, b"\x02" + b"\0" * 7)
    return Sureness.NAMED if source.suffix in (".gr", ".cgr", ".sgr") and source.head[:8] in versions else Sureness.NO


def _is_webgraph(source: Source) -> Sureness:
    binary = source.suffix in (".graph", ".offsets", ".obl", ".ef") and not source.is_text
    text = source.suffix == ".properties" and any("graphclass" in line for line in source.first_lines)
    return Sureness.NAMED if binary or text else Sureness.NO


FORMATS: tuple[FileFormat, ...] = (
    refused("a serialised graph of GAP (binary, .sg)", _binary(".sg", ".wsg", ".sgU"), _EDGES),
    refused("a DGL graph (.bin of save_graphs)", _is_dgl, "save its adjacency matrix as .npz or .mtx"),
    refused("a binary graph of Galois (.gr)", _is_galois, _EDGES),
    refused("a WebGraph of LAW (binary)", _is_webgraph, "convert it with ArcListASCIIGraph to an edge list"),
    refused("a binary DIMACS graph (.col.b)", _binary(".b"), "convert it to text (.col) or to .mtx"),
    refused("a binary list of edges", _binary(".bel", ".bin64", ".raw", ".graph500", ".bsr", ".bcsr", ".csr"), _EDGES),
)
"""Records of formats that are refused."""
