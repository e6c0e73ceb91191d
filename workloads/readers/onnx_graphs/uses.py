"""Which nodes of a graph are computed for something: those that lead to one of its outputs."""

from workloads.readers.onnx_graphs.model import subgraphs


def used_nodes(graph) -> set[int]:
    """Numbers of these nodes; of all where the graph has no output that one of them makes."""
    makers = {name: number for number, node in enumerate(graph.node) for name in node.output if name}
    waiting = [makers[value.name] for value in graph.output if value.name in makers]
    if not waiting:
        return set(range(len(graph.node)))
    used: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in used:
            used.add(number)
            waiting += [makers[name] for name in _read_by(graph.node[number]) if name in makers]
    return used


def _read_by(node) -> list[str]:
    """Names that a node reads, be it inside a subgraph."""
    names, graphs = list(node.input), [one for _, one in subgraphs(node)]
    while graphs:
        graph = graphs.pop()
        names += [value.name for value in graph.output]
        for inner in graph.node:
            names += inner.input
            graphs += [one for _, one in subgraphs(inner)]
    return names
