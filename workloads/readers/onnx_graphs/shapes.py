"""The shapes of a graph's values, by `onnx.shape_inference` and by what stands in for operators that it does not know.

The first axis of a graph's input is its batch (the second of what a recurrent layer reads). Where it is unknown it
is the user's, else 1, unless its name says that it is none. Axes whose names are those of a sequence are as long as the
user says; all else that is unknown stays so.

Shapes that a file declares for its inner values may be older than the rest; they are taken only where none can be
inferred.
"""

import re
from collections.abc import Iterator

from workloads.readers.onnx_graphs.model import subgraphs
from workloads.readers.onnx_graphs.stand_ins import stand_in
from workloads.readers.source import BROKEN, words_of

Dims = tuple[int | None, ...]
_NO_BATCH = re.compile(r"seq|len|time|step|token|frame|node|edge|point|word|height|width", re.IGNORECASE)
"""Names of axes that are no batch."""
_SEQUENCE = re.compile(r"seq|len|time|step|token|frame", re.IGNORECASE)
"""Names of axes along which tokens lie."""
_LARGEST = 2**31


class Shapes:
    """The shapes of all values, by graph: `of(path)` for the graph behind a path of node numbers and attributes."""

    def __init__(self, onnx, model, batch: int | None = None, tokens: int | None = None) -> None:
        self.batches = tuple(_set_batch(onnx, model, batch or 1))
        """Inputs whose batch is unknown, with the axis's name."""
        self.sequences = () if tokens is None else tuple(_set_tokens(model, tokens))
        """Names of unknown axes that tokens lie along."""
        self.failure = ""
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        copy.ir_version = max(copy.ir_version, 8)
        stand_in(onnx, copy.graph, {})
        declared = {path: _take_declared(graph) for path, graph in _by_path(copy.graph, ())}
        copy = self._inferred(onnx, copy)
        if _declare(copy.graph, declared):
            copy = self._inferred(onnx, copy)
        self._graphs = dict(_by_path(copy.graph, ()))

    def _inferred(self, onnx, model):
        try:
            return onnx.shape_inference.infer_shapes(model, data_prop=True)
        except (onnx.shape_inference.InferenceError, *BROKEN) as error:
            self.failure = words_of(error)[:100]
            return model

    def of(self, path: tuple) -> dict[str, Dims]:
        """Names and shapes of the values in a graph, those of its subgraphs left out."""
        graph = self._graphs.get(path)
        if graph is None:
            return {}
        values = (*graph.input, *graph.value_info, *graph.output)
        return {v.name: _dims(v) for v in values if v.type.tensor_type.HasField("shape")}


def _dims(value) -> Dims:
    sides = [side.dim_value if side.HasField("dim_value") else -1 for side in value.type.tensor_type.shape.dim]
    return tuple(side if 0 <= side < _LARGEST else None for side in sides)


def _take_declared(graph) -> dict[str, object]:
    """What a graph says of its inner values and outputs, taken out of it: it may be older than the rest."""
    known = {}
    for value in (*graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape") and None not in _dims(value):
            known[value.name] = type(value).FromString(value.SerializeToString())
    graph.ClearField("value_info")
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    return known


def _declare(graph, declared: dict[tuple, dict]) -> bool:
    """Puts back what was said of values that could not be inferred, and whether there are any."""
    any_put = False
    for path, one in _by_path(graph, ()):
        values = {value.name: value for value in (*one.value_info, *one.output)}
        for name, value in declared.get(path, {}).items():
            known = values.get(name)
            if known is None or not known.type.tensor_type.HasField("shape") or None in _dims(known):
                (one.value_info.add() if known is None else known).CopyFrom(value)
                any_put = True
    return any_put


def _by_path(graph, path: tuple) -> Iterator[tuple[tuple, object]]:
    yield path, graph
    for number, node in enumerate(graph.node):
        for name, below in subgraphs(node):
            yield from _by_path(below, (*path, number, name))


def _set_tokens(model, tokens: int) -> set[str]:
    """Sets unknown axes of sequences among the inputs, and all axes of the same names, to a length."""
    stored = {tensor.name for tensor in model.graph.initializer}
    sides = [
        side for value in model.graph.input if value.name not in stored for side in value.type.tensor_type.shape.dim
    ]
    open_ = [side.dim_param for side in sides if not side.HasField("dim_value") and side.dim_param]
    names = {name for name in open_ if _SEQUENCE.search(name)}
    _set_axes(model, names, tokens)
    return names


def _set_axes(model, names: set[str], size: int) -> None:
    for _, graph in _by_path(model.graph, ()):
        for value in (*graph.input, *graph.value_info, *graph.output):
            for side in value.type.tensor_type.shape.dim:
                if side.dim_param in names:
                    side.dim_value = size


def _set_batch(onnx, model, batch: int) -> Iterator[str]:
    """Sets unknown batches of the inputs, and with them all axes of the same name."""
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    recurrent = {n.input[0] for n in graph.node if n.op_type in ("LSTM", "GRU", "RNN") and n.input and _steps_first(n)}
    names = set()
    for value in graph.input:
        sides, axis = value.type.tensor_type.shape.dim, 1 if value.name in recurrent else 0
        if value.name in stored or len(sides) <= axis:
            continue
        for one in sides:  # some exporters write 0 or -1 for what is unknown
            if one.HasField("dim_value") and one.dim_value < 1:
                one.ClearField("dim_value")
        side = sides[axis]
        if side.HasField("dim_value") or _NO_BATCH.search(side.dim_param):
            continue
        if side.dim_param:
            names.add(side.dim_param)
        yield f"{side.dim_param or 'unknown'} of input {value.name}"
        side.dim_value = batch
    _set_axes(model, names, batch)


def _steps_first(node) -> bool:
    return not any(part.name == "layout" and part.i for part in node.attribute)
