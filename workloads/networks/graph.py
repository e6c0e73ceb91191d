"""Graph networks on a user's graph: `gcn:GRAPH[,FEATURES][@WIDTHS]`, and `graphsage` alike.

| network | a layer | widths unless told otherwise |
|---|---|---|
| `gcn` | (A + I) (X W), Kipf and Welling, ICLR 2017, equation 8 | 1433-16-7, their Cora |
| `graphsage` | [X, A X] W, the mean of all neighbours, Hamilton et al., NeurIPS 2017 | 100-256-256-47, see below |

Aggregation is the real pattern of the graph times a dense matrix of features; combination is W transposed times the
dense features of all nodes. `FEATURES` is a file with the sparse features of the nodes, one row a node: then the first
combination is their pattern times W, the first width is their number of columns, and WIDTHS names the others. Options
of `workloads.readers.options` may follow both paths, as in `gcn:graph.txt:undirected`.

GraphSAGE's widths are ogbn-products' in `examples/nodeproppred/products/gnn.py` of github.com/snap-stanford/ogb.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from scipy.sparse import csr_array, eye_array

from workloads.densities import Dense
from workloads.errors import InputError
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.kernels.tensor_names import TensorNames, constant, outside, read
from workloads.kernels.workload import Workload
from workloads.readers.finding import find_written, taken_apart
from workloads.readers.loading import matrix_of


@dataclass(frozen=True)
class _GraphNetwork:
    layers: Callable[[csr_array, csr_array | None, list[int]], list[Kernel]]
    widths: tuple[int, ...]


def graph_workload(spec: str) -> Workload:
    """The workload of `gcn:GRAPH` or `graphsage:GRAPH`, see above; kernels are named `layer1/aggregate` and so on.

    Its notes say how both files were read. **Raises** `InputError` for a graph that is not square, features that are
    not those of its nodes, fewer than two widths, and what `load_matrix` refuses.
    """
    name, _, text = spec.partition(":")
    network = GRAPH_NETWORKS[name]
    graph_path, features_path, widths = _parts(spec, text)
    found = [find_written(path) for path in (graph_path, features_path) if path]
    graph, *others = (matrix_of(one) for one in found)
    if graph.shape[0] != graph.shape[1]:
        raise InputError(f"{graph_path}: the graph is {graph.shape[0]} x {graph.shape[1]}; give a square matrix.")
    features = others[0] if others else None
    if features is not None and features.shape[0] != graph.shape[0]:
        rows, nodes = features.shape[0], graph.shape[0]
        raise InputError(f"{features_path}: has {rows} rows but the graph has {nodes} nodes; give one row a node.")
    if features is not None:
        widths = [int(features.shape[1]), *(widths or network.widths[1:])]
    widths = widths or list(network.widths)
    if len(widths) < 2:
        raise InputError(f"{spec!r}: one width makes no layer; give at least two, as in @{_dashes(network.widths)}.")
    notes = dict.fromkeys(remark for one in found for remark in one.remarks)
    return Workload(spec, tuple(network.layers(graph, features, widths)), tuple(notes))


def _gcn(graph: csr_array, features: csr_array | None, widths: list[int]) -> list[Kernel]:
    looped = csr_array(abs(graph) + eye_array(graph.shape[0]))
    kernels: list[Kernel] = []
    for at, (into, out) in enumerate(pairwise(widths), 1):
        own, weights, combined = features if at == 1 else None, constant(f"layer{at}.weight"), f"layer{at}.combined"
        before = outside("features") if at == 1 else read(f"layer{at - 1}.aggregated", "transposed")
        operands = (before, weights) if own is not None else (weights, before)
        names = TensorNames(*operands, z=combined)
        kernels.append(_combination(f"layer{at}/combine", out, into, graph.shape[0], own, names))
        turned = read(combined, "same" if own is not None else "transposed")
        names = TensorNames(constant("graph"), turned, z=f"layer{at}.aggregated")
        kernels.append(SparseKernel(f"layer{at}/aggregate", looped, None, out, tensors=names))
    return kernels


def _graphsage(graph: csr_array, features: csr_array | None, widths: list[int]) -> list[Kernel]:
    nodes = graph.shape[0]
    kernels: list[Kernel] = []
    by_rows, by_columns = outside("features"), outside("features", "transposed")  # what enters a layer: nodes as rows
    for at, (into, out) in enumerate(pairwise(widths), 1):
        own, layer = features if at == 1 else None, f"layer{at}"
        names = TensorNames(constant("graph"), by_rows, z=f"{layer}.neighbours")
        kernels.append(SparseKernel(f"{layer}/aggregate", graph, own, into, tensors=names))
        if own is None:
            stacked = (*by_columns, *read(f"{layer}.neighbours", "transposed"))
            names = TensorNames(constant(f"{layer}.weight"), stacked, z=f"{layer}.combined")
            kernels.append(_combination(f"{layer}/combine", out, 2 * into, nodes, None, names))
            by_rows, by_columns = read(f"{layer}.combined", "transposed"), read(f"{layer}.combined", "pointwise")
        else:
            weights = [constant(f"{layer}.{side}_weight") for side in ("own", "neighbours")]
            names = TensorNames(by_rows, weights[0], z=f"{layer}.own")
            kernels.append(_combination(f"{layer}/combine_own", out, into, nodes, own, names))
            neighbours, added = csr_array(abs(graph) @ own), read(f"{layer}.own")
            names = TensorNames(read(f"{layer}.neighbours"), weights[1], c=added, z=f"{layer}.combined")
            kernels.append(_combination(f"{layer}/combine_neighbours", out, into, nodes, neighbours, names))
            by_rows, by_columns = read(f"{layer}.combined", "pointwise"), read(f"{layer}.combined", "transposed")
    return kernels


def _combination(
    name: str, out: int, into: int, nodes: int, features: csr_array | None, tensors: TensorNames
) -> SparseKernel | DensityKernel:
    if features is not None:
        return SparseKernel(name, features, None, out, tensors=tensors)
    return DensityKernel(name, out, into, nodes, Dense(), None, tensors=tensors)


def _parts(spec: str, text: str) -> tuple[str, str | None, list[int]]:
    """The graph's and the features' paths with their options, and the widths; a path that exists stays whole."""
    widths = re.fullmatch(r"(.+)@(\d{1,7}(?:-\d{1,7})*)", text)
    if widths and not os.path.exists(text):
        text, dashes = widths[1], [int(width) for width in widths[2].split("-")]
    else:
        dashes = []
    if 0 in dashes:
        raise InputError(f"{spec!r}: a width is 0; give at least 1.")
    graph, features = _two_paths(text)
    if not graph:
        raise InputError(f"{spec!r}: names no graph; write {spec.partition(':')[0]}:FILE.")
    return graph, features or None, dashes


def _two_paths(text: str) -> tuple[str, str]:
    """Text before and behind the comma that has a path on both sides, or on its left; nothing behind where none has."""
    splits = [(text[:at], text[at + 1 :]) for at, mark in enumerate(text) if mark == ","]
    if not splits or os.path.exists(text):
        return text, ""
    begun = [split for split in splits if _is_there(split[0])]
    whole = next((split for split in begun if _is_there(split[1])), None)
    if whole or begun:
        return whole or begun[-1]
    return (text, "") if _is_there(text) else splits[-1]


def _is_there(path: str) -> bool:
    """Whether a path exists, options behind it or not."""
    return os.path.exists(taken_apart(path)[0])


def _dashes(widths: tuple[int, ...]) -> str:
    return "-".join(str(width) for width in widths)


GRAPH_NETWORKS = {
    "gcn": _GraphNetwork(_gcn, (1433, 16, 7)),
    "graphsage": _GraphNetwork(_graphsage, (100, 256, 256, 47)),
}
"""Networks that need a graph, by name."""
