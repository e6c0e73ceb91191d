"""`edge_index` [2, edges], ids of nodes: PyTorch Geometric's and OGB's, in an `.npy` of that name or in an `.npz`.

Fey and Lenssen, "Fast graph representation learning with PyTorch Geometric", 2019; Hu et al., NeurIPS 2020. Both ends
may be arrays of their own: `src` and `dst` as in DGL, `senders` and `receivers` with `n_node` as in Jraph.
"""

import numpy as np

from workloads.errors import InputError
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.graphs.numbering import GraphHeader, found_graph
from workloads.readers.matrices.npz_archive import NpzArchive, npz_names, opened_npz
from workloads.readers.matrices.numpy_files import like_edges, read_header, values_behind
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_NAMES = ("edge_index", "edge_list", "edges", "adj_edge_index")
_ENDS = (("src", "dst"), ("senders", "receivers"), ("sources", "targets"), ("source", "target"))
_COORDINATES = (("row", "col"), ("rows", "cols"))
"""Of a matrix, unless a number of nodes stands beside them."""
_WEIGHTS = ("edge_weight", "weight", "weights", "data", "values")
_COUNTS = ("num_nodes", "num_nodes_list", "n_node")


def _read_npy(source: Source, options: ReadOptions) -> Found:
    with source.open() as stream:
        header = read_header(source, stream)
        start = stream.tell()
    first, second = _ends(source, "array", values_behind(source, header, start))
    return found_graph(source, "edge_index in .npy", (first, second), None, GraphHeader(), options)


def _read_npz(source: Source, options: ReadOptions) -> Found:
    with opened_npz(source) as archive:
        name, ends = _ends_among(source, archive)
        count = next((one for one in _COUNTS if archive.has(one)), None)
        nodes = np.empty(0) if count is None else archive.whole(count).ravel()
        if len(nodes) > 1:
            source.fail(name, f"holds {len(nodes)} graphs, one after the other", "save one graph a file")
        of_weights = next((one for one in _WEIGHTS if archive.has(one)), None)
        weights = None if of_weights is None else archive.array(of_weights).ravel()
        if weights is not None and (len(weights) != len(ends[0]) or weights.dtype.kind not in "biuf"):
            source.fail(of_weights or "", f"has {len(weights)} values for {len(ends[0])} edges", "save as many")
        header = GraphHeader(first_id=0, nodes=int(nodes[0])) if len(nodes) else GraphHeader()
        left_out = archive.left_out()
    return found_graph(source, "edges in .npz", ends, weights, header, options, (), left_out)


def _ends_among(source: Source, archive: NpzArchive) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    """The first array's name, and both ends of all edges."""
    name = next((name for name in _NAMES if archive.has(name)), None)
    if name is not None:
        return name, _ends(source, name, archive.whole(name))
    first, second = next(pair for pair in (*_ENDS, *_COORDINATES) if archive.has(*pair))
    ends = archive.whole(first).ravel(), archive.whole(second).ravel()
    if len(ends[0]) != len(ends[1]):
        source.fail(first, f"and {second} have {len(ends[0])} and {len(ends[1])} numbers", "save as many")
    return first, _ends(source, first, np.stack(ends))


def _ends(source: Source, name: str, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if edges.ndim != 2 or 2 not in edges.shape or not edges.size:
        source.fail(name, f"has the shape {edges.shape}", "save edges as [2, edges]")
    if edges.dtype.kind == "u" and edges.max() > 2**62:
        source.fail(name, f"holds the id {edges.max()}", "renumber the nodes from 0")
    both = (edges if edges.shape[0] == 2 else edges.T).astype(np.int64)
    return both[0], both[1]


def _is_npy(source: Source) -> Sureness:
    if not source.head.startswith(b"\x93NUMPY") or not any(
        word in source.name.lower() for word in ("edge", "adj", "coo")
    ):
        return Sureness.NO
    try:
        with source.open() as stream:
            return Sureness.SIGNED if like_edges(read_header(source, stream)) else Sureness.NO
    except InputError:
        return Sureness.NO


def _is_npz(source: Source) -> Sureness:
    names = set(npz_names(source))
    pairs = () if "shape" in names else _ENDS if not names & set(_COUNTS) else (*_ENDS, *_COORDINATES)
    known = bool(names & set(_NAMES)) or any(set(pair) <= names for pair in pairs)
    return Sureness.SIGNED if known else Sureness.NO


_HEEDS = ("direction", "first_id", "gaps", "zeros")
FORMATS = (
    FileFormat("edge_index in .npy", _is_npy, _read_npy, heeds=_HEEDS),
    FileFormat("edges in .npz", _is_npz, _read_npz, heeds=_HEEDS),
)
