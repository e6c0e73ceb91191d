"""Which nodes of a graph are computed for something: those that lead to one of its outputs; what a node reads."""

from workloads.readers.onnx_graphs.model import subgraphs


def used_nodes(graph) -> set[int]:
    """Numbers of these nodes; of all where the graph has no output that one of them makes."""
    makers: dict[str, list[int]] = {}
    for number, node in enumerate(graph.node):
        for name in filter(None, node.output):
            makers.setdefault(name, []).append(number)
    waiting = [number for value in graph.output for number in makers.get(value.name, ())]
    if not waiting:
        return set(range(len(graph.node)))
    used: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in used:
            used.add(number)
            waiting += [maker for name in read_by(graph.node[number]) for maker in makers.get(name, ())]
    return used


def read_by(node) -> list[str]:
    """Names that a node reads, be it inside a subgraph."""
    names, graphs = list(node.input), [one for _, one in subgraphs(node)]
    while graphs:
        graph = graphs.pop()
        names += [value.name for value in graph.output]
        for inner in graph.node:
            names += inner.input
            graphs += [one for _, one in subgraphs(inner)]
    return names
