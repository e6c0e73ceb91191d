"""A file as an ONNX model: protobuf, or one of the three texts that `onnx.save` writes, its local functions inlined.

Source: onnx.proto (`ModelProto`), IR specification, https://onnx.ai/onnx/repo-docs/IR.html.
"""

import math
import re
import warnings
from collections.abc import Iterator

from workloads.errors import InputError
from workloads.readers.formats import Sureness
from workloads.readers.onnx_graphs.tensors import Tensors
from workloads.readers.source import BROKEN, Source, words_of

_OLDEST = (1, 23)
"""Of the package: shape inference of earlier ones ends in a segmentation fault for some equations of Einsum."""
MOST_NODES = 200_000
"""Of all graphs together, functions inlined: each takes some 50 microseconds. The largest networks have some 50,000."""
_MOST_DEPTH = 200
"""Of brackets in a text."""
_JSON = re.compile(r'"ir_?[vV]ersion"\s*:|"graph"\s*:.*"op_?[tT]ype"\s*:', re.DOTALL)
_HEADING = re.compile(r"<[^>]*ir_version\s*:")
_TEXT = re.compile(r"(#.*\n|\s)*(ir_version\s*:\s*\d|(producer_name\s*:|graph\s*\{)(?s:.*)\bop_type\s*:)")
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Numbers of `ModelProto`'s fields and how protobuf writes them: 0 a varint, 2 with its length."""
_GRAPH, _IR_VERSION = 7, 1
_IN_GRAPH = (1, 2, 5, 10, 11, 12, 13, 14, 15, 16)


def encoding(source: Source) -> str:
    """`protobuf`, `textproto`, `json` or `onnxtxt` as the content says; empty for what is none of them."""
    if not source.is_text:
        return "protobuf" if _is_model(source.head) else ""
    text = source.head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{") and _JSON.search(text):
        return "json"
    if text.startswith("<") and _HEADING.match(text):
        return "onnxtxt"
    return "textproto" if _TEXT.match(text) else "protobuf" if _is_model(source.head) else ""


def sureness(source: Source) -> Sureness:
    """Of a file being an ONNX model."""
    if encoding(source):
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix in (".onnx", ".onnxtxt", ".onnxjson") else Sureness.NO


def load(source: Source):
    """The `onnx` package, the model with functions inlined and data taken out of it, and its tensors.

    **Raises** `InputError` where the optional package is missing and where the file is no ONNX model.
    """
    try:
        import onnx
        import onnx.inliner
        import onnx.parser
        from google.protobuf import json_format, message, text_format
    except ImportError as error:
        need = "reading ONNX needs a package that is not installed"
        raise InputError(f"{source}: {need}; run `pip install 'sparse-dse[onnx]'`.") from error
    if tuple(int(part) for part in onnx.__version__.split(".")[:2]) < _OLDEST:
        need = f"reading ONNX needs the package onnx of version {_OLDEST[0]}.{_OLDEST[1]} or newer"
        raise InputError(f"{source}: {need}; run `pip install 'sparse-dse[onnx]'`.")
    tensors = Tensors(source, onnx)
    try:
        model = _parsed(source, onnx)
        _check(source, model)
        nodes = 0
        for graph in _graphs(model):
            nodes += len(graph.node)
            if nodes > MOST_NODES:
                source.fail("graph", f"has more than {MOST_NODES} nodes", "export the model in parts")
            _detach(graph, tensors)
        model = onnx.ModelProto.FromString(model.SerializeToString())  # lets go of the memory that held the data
        if model.functions:
            _check_functions(source, model)
            model = onnx.inliner.inline_local_functions(model)
        return onnx, model, tensors
    except InputError:
        raise
    except (message.Error, json_format.Error, text_format.ParseError, onnx.parser.ParseError, *BROKEN) as error:
        what = f"is no ONNX model that can be read ({words_of(error)})"
        source.fail("file", what, "export it, or copy or download it again", error)


def subgraphs(node) -> Iterator[tuple[str, object]]:
    """Names and graphs of a node's attributes that are graphs."""
    for part in node.attribute:
        if part.HasField("g"):
            yield part.name, part.g
        for number, graph in enumerate(part.graphs):
            yield f"{part.name}.{number}", graph


def _is_model(head: bytes) -> bool:
    at, version = 0, 0
    while at < len(head):
        tag, at = _varint(head, at)
        field, kind = tag >> 3, tag & 7
        if _FIELDS.get(field) != kind:
            return False
        value, at = _varint(head, at)
        if field == _IR_VERSION:
            version = value
        if field == _GRAPH:
            inside, _ = _varint(head, at)
            return version in range(1, 64) and inside >> 3 in _IN_GRAPH
        at += value if kind == 2 else 0
    return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        byte = data[at] if at < len(data) else 0
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            break
    return value, at


def _parsed(source: Source, onnx):
    kind = encoding(source) or "protobuf"
    if kind == "protobuf":
        return onnx.ModelProto.FromString(source.part(0, source.size))
    text = source.content.decode("utf-8-sig")
    depth = 0
    for letter in filter("{}[]".__contains__, text):
        depth += 1 if letter in "{[" else -1
        if depth > _MOST_DEPTH:
            source.fail("file", f"has brackets more than {_MOST_DEPTH} deep", "export the model again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protobuf, for what is no escape in a string
        return onnx.parser.parse_model(text) if kind == "onnxtxt" else onnx.load_model_from_string(text, format=kind)


def _check(source: Source, model) -> None:
    if not model.HasField("graph") or not (model.graph.node or model.graph.input):
        source.fail("file", "is no ONNX model that can be read (it holds no graph)", "export or download it again")
    if model.ir_version >= 3 and not model.opset_import:
        what = "is no ONNX model that can be read (its end with the operator set is missing)"
        source.fail("file", what, "export or download it again")


def _graphs(model) -> Iterator:
    """All graphs, and functions, which have nodes too."""
    waiting = [model.graph, *model.functions]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [graph for node in one.node for _, graph in subgraphs(node)]


def _detach(graph, tensors: Tensors) -> None:
    if hasattr(graph, "initializer"):
        for tensor in graph.initializer:
            tensors.detach(tensor)
        for sparse in graph.sparse_initializer:
            tensors.detach_sparse(sparse, graph.initializer)
        graph.ClearField("sparse_initializer")
    for node in graph.node:
        for part in node.attribute:
            if node.op_type == "Constant" and part.HasField("sparse_tensor"):
                tensors.detach_sparse(part.sparse_tensor, _Only(part))
            elif part.HasField("t"):
                tensors.detach(part.t)


class _Only:
    """An attribute's place for one tensor, as a list that has `add`."""

    def __init__(self, attribute) -> None:
        self._attribute = attribute

    def add(self):
        self._attribute.name, self._attribute.type = "value", self._attribute.TENSOR
        return self._attribute.t


def _check_functions(source: Source, model) -> None:
    """Refuses functions that call themselves and those that grow beyond `MOST_NODES` nodes."""
    functions = {(one.domain, one.name): one for one in model.functions}
    sizes: dict[tuple[str, str], float] = {}

    def size(nodes, called: tuple) -> float:
        total = 0.0
        for node in nodes:
            key = (node.domain, node.op_type)
            total += 1 + sum(size(graph.node, called) for _, graph in subgraphs(node))
            if key in called or len(called) > 100:
                source.fail(f"function {node.op_type}", "calls itself", "export the model again")
            if key in functions:
                if key not in sizes:
                    sizes[key] = size(functions[key].node, (*called, key))
                total += sizes[key]
        return total

    total = size(model.graph.node, ())
    if not math.isfinite(total) or total > MOST_NODES:
        source.fail("file", f"has functions that make more than {MOST_NODES} nodes", "export the model again")
