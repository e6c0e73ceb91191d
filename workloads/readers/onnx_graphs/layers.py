"""From a model to its layers: a walk through its graphs, those of `If`, `Loop` and `Scan` included.

What cannot be read is a layer too, whose `read` says why: so that no network is taken for a smaller one.
"""

import math
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
from scipy.sparse import csr_array

from workloads.densities import Dense
from workloads.errors import InputError
from workloads.readers.checkpoints.arrays import as_layer, block_diagonal
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.matrices.canonical_form import MAX_SIDE
from workloads.readers.onnx_graphs.constants import StoredConstant, Unread
from workloads.readers.onnx_graphs.edges import Edges
from workloads.readers.onnx_graphs.folding import fold, generated
from workloads.readers.onnx_graphs.model import load, subgraphs
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct, Scope
from workloads.readers.onnx_graphs.operators import PRODUCTS, products
from workloads.readers.onnx_graphs.shapes import Shapes
from workloads.readers.onnx_graphs.uses import read_by, used_nodes
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, Source, words_of

_NATIVE = "biuf"
_MOST_COLUMNS = 2**31
_MOST_ASSUMED, _MOST_GROUPS = 2**22, 2**16
"""Weights and groups of a convolution that a graph gives no values of, and that are taken for ones."""
_FILTERED, _MATRIX = ("Conv", "ConvTranspose"), ("Gemm", "MatMul")
"""Operators whose second input is a weight, or likely one."""


def find_layers(source: Source, options: ReadOptions) -> Found:
    """The layers of a model and what was left out.

    **Raises** `InputError` for none, and for a batch or tokens where the graph leaves no such axis open.
    """
    onnx, model, tensors = load(source)
    shapes = Shapes(onnx, model, options.batch, options.tokens)
    if options.batch is not None and not shapes.batches:
        source.fail("ONNX graph", f"leaves no batch open for :b{options.batch}", "export it with a batch of any size")
    if options.tokens is not None and not shapes.sequences:
        what = f"leaves no length of a sequence open for :{options.tokens}"
        source.fail("ONNX graph", what, "export it with sequences of any length")
    walk = _Walk(source, onnx, tensors, shapes, {one.domain: one.version for one in model.opset_import}.get("", 9))
    walk.graph(model.graph, (), Scope(ChainMap(), ChainMap()), 1.0, True)
    layers, notes = walk.layers, [*walk.notes]
    readable = [one for one in layers if one.name not in walk.unread]
    if not readable:
        _refuse(source, walk)
    dense = [one for one in readable if one.name in walk.dense]
    if dense and len(dense) < len(readable):
        name, missing = dense[0].name, ", ".join(tensors.missing)
        problem = f"has its weights in {missing}, which is missing" if missing else "has a shape but no weights"
        fix = "copy or download that data file too" if missing else "export the model with all its weights"
        source.fail(f"layer {name}", problem, fix)
    if dense:
        why = f": its data file {', '.join(tensors.missing)} is missing" if tensors.missing else ""
        notes.append(f"The graph holds shapes without weights{why}; all layers are taken as dense.")
    if shapes.batches and options.batch is None and any(one.columns for one in readable):
        shown = ", ".join(shapes.batches[:3])
        notes.append(f"The unknown batch ({shown}) counts as 1; say another by {source.path.name}:b8.")
    blank = [one.name for one in readable if one.columns is None]
    if blank:
        why = f" ({shapes.failure})" if shapes.failure else ""
        more = f" and {len(blank) - 3} more" if len(blank) > 3 else ""
        said = f"The graph does not say how many columns meet {', '.join(blank[:3])}{more}{why}"
        notes.append(f"{said}; say so behind the path, as in {source.path.name}@spmm:64.")
    tensors = {} if walk.edges is None else walk.edges.names
    layers = [replace(one, tensors=tensors.get(one.name)) for one in layers]
    return Found(source.path, "ONNX", tuple(layers), tuple(walk.left_out), tuple(notes))


def _refuse(source: Source, walk: "_Walk") -> NoReturn:
    for name, why in walk.unread.items():
        _unreadable(source, name, why)
    if walk.left_out:
        one = walk.left_out[0]
        what = f"holds no product with stored weights ({one.name}: {one.why})"
    else:
        what = "holds no product with stored weights"
    source.fail("ONNX graph", what, "export the network with its weights in the file")


def _unreadable(source: Source, name: str, why: str) -> NoReturn:
    fix = f"export it without that, or name the layers to read, as in {source.path.name}#PATTERN"
    source.fail(f"layer {name}", f"cannot be read: its weights {why}", fix)


@dataclass
class _Walk:
    """What was found on a walk through the graphs."""

    source: Source
    onnx: object
    tensors: object
    shapes: Shapes
    version: int
    """Of the standard's operators."""
    layers: list[FoundLayer] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    dense: set[str] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)
    """With the number of the last one that was called after it."""
    edges: Edges | None = None
    """Of the outermost graph while that is walked; those of others are not told."""

    def graph(self, graph, path: tuple, outer: Scope, repeats: float, used: bool) -> None:
        """Adds the layers of a graph, each taken `repeats` times; none where its results are not `used`."""
        scope = Scope(outer.constants.new_child(), outer.shapes.new_child(self.shapes.of(path)))
        uses = used_nodes(graph) if used else set()
        for tensor in graph.initializer:
            scope.constants[tensor.name] = self.tensors.constant(tensor)
        edges = None
        if not path:
            _name_absent(graph, scope)
            read = [name for proto in graph.node for name in read_by(proto)]
            self.edges = edges = Edges(read, (value.name for value in graph.output))
        for number, proto in enumerate(graph.node):
            try:
                node = Node(proto, scope, self._value_of)
            except BROKEN as error:
                self.source.fail(f"node {proto.name}", f"is malformed ({words_of(error)})", "export it again", error)
            below = list(subgraphs(proto))
            if not below and self._folded(node, proto, scope):
                continue
            self._node(node, repeats, number in uses, edges)
            if edges is not None and below:
                self._told(edges, lambda edges=edges, proto=proto: edges.leave(read_by(proto)))
            for name, one in below:
                times = self._times(node, name, one) if number in uses else 1.0
                if times:
                    inside = Scope(scope.constants.new_child(_slices(node, one)), scope.shapes)
                    self.graph(one, (*path, number, name), inside, repeats * times, number in uses)

    def _value_of(self, part):
        if part.type == self.onnx.AttributeProto.TENSOR:
            return self.tensors.constant(part.t)
        return self.onnx.helper.get_attribute_value(part)

    def _folded(self, node: Node, proto, scope: Scope) -> bool:
        """Whether a node's outputs are constants; if so they are added to the scope."""
        given = [name for name in node.inputs if name]
        if node.kind == "Constant" and not node.domain:
            try:
                made: list = [generated(node)]
            except Unread as why:
                made = [why]
        elif not given or any(name not in scope.constants for name in given) or node.kind.startswith("Random"):
            return False
        else:
            made = self._made(node, scope)
        if (node.domain, node.kind) in PRODUCTS and node.kind != "Gather":
            self.left_out.append(LeftOut(node.name, "computed once, from stored values only"))
        for at, name in enumerate(node.outputs):
            if name:
                scope.constants[name] = made[at] if at < len(made) else made[0]
        return True

    def _made(self, node: Node, scope: Scope) -> list:
        inputs = [scope.constants[name] if name else None for name in node.inputs]
        try:
            for one in inputs:
                if isinstance(one, Unread):
                    raise one
            return fold(node, self.onnx, inputs)
        except Unread as why:
            return [why]
        except InputError:
            raise
        except BROKEN as error:
            return [Unread(f"are computed by {node.kind}, which is malformed ({words_of(error)})")]

    def _node(self, node: Node, repeats: float, used: bool, edges: Edges | None) -> None:
        known, why = self.onnx.defs.has(node.kind, node.domain), ""
        found: list[NodeProduct | Activations] = []
        try:
            found = products(node, known)
        except Unread as unread:
            why = str(unread)
        except InputError:
            raise
        except BROKEN as error:
            why = f"are multiplied by a malformed {node.kind} ({words_of(error)})"
        if not used and (why or any(isinstance(one, NodeProduct) for one in found)):
            self.left_out.append(LeftOut(node.name, "computed, but used by nothing"))
            return
        if why:
            self._add_unread(node.name, why)
        multiplied = [one for one in found if isinstance(one, NodeProduct)]
        for one in found:
            if isinstance(one, NodeProduct):
                name = self._add(node.name, one, repeats)
                if edges is not None and name is not None:
                    self._told(edges, lambda name=name, one=one: edges.product(node, name, one))
            else:
                self.left_out.append(LeftOut(node.name, one.why))
        if edges is not None and not multiplied and not why:
            self._told(edges, lambda: edges.follow(node))
        elif edges is not None and (why or len(multiplied) < len(found)):
            self._told(edges, lambda: edges.leave(node.inputs))

    def _told(self, edges: Edges, step: Callable[[], None]) -> None:
        """Takes a step along the edges; none are known of a graph with a node that is too malformed to follow."""
        if edges is self.edges:
            try:
                step()
            except (Unread, *BROKEN):
                self.edges = None

    def _add_unread(self, name: str, why: str) -> None:
        name = self._unique(name)
        self.unread[name] = why

        def read() -> NoReturn:
            _unreadable(self.source, name, why)

        self.layers.append(FoundLayer(name, (), read, unreadable=f"cannot be read: its weights {why}"))

    def _add(self, node: str, one: NodeProduct, repeats: float) -> str | None:
        """Adds a layer and gives its name; None for what is none, or cannot be read."""
        name, rows, columns = f"{node}.{one.part}" if one.part else node, one.shape[0], one.shape[1] * one.groups
        if max(rows, columns) > MAX_SIDE:
            return self._add_unread(name, f"are {rows} x {columns}, more than {MAX_SIDE} on a side")
        if one.columns is not None and one.columns >= _MOST_COLUMNS:
            return self._add_unread(name, f"meet {one.columns} columns, more than {_MOST_COLUMNS}")
        known = one.weights.make is not None
        if not known and one.groups > 1 and (math.prod(one.shape) > _MOST_ASSUMED or one.groups > _MOST_GROUPS):
            return self._add_unread(name, f"are not stored, and {one.groups} groups of them are too many to be assumed")
        name = self._unique(name)
        if one.columns == 0:
            self.left_out.append(LeftOut(name, "multiplied with nothing"))
            return None
        if not known:
            self.dense.add(name)
        solid = not known and one.groups == 1
        self.layers.append(
            FoundLayer(
                name,
                (rows, columns),
                None if solid else _reader(self.source, name, one),
                Dense() if solid else None,
                columns=one.columns,
                repeats=repeats * one.repeats,
                values=one.weights.values if known else "dense, no weights are stored",
                unfolding=one.unfolding,
                taps=one.taps,
            )
        )
        return name

    def _unique(self, name: str) -> str:
        unique = name
        while unique in self.names:
            self.names[name] += 1
            unique = f"{name}.{self.names[name]}"
        self.names[unique] = 1
        return unique

    def _times(self, node: Node, branch: str, body) -> float:
        """How often a subgraph runs; what is assumed of it is noted."""
        try:
            stored = int(node.weights(0).read().reshape(-1)[0]) if node.stored(0) else None
            times = _scan_length(node) if node.kind == "Scan" else stored
        except BROKEN:
            times = None
        if node.kind == "If":
            if times is not None:
                return float(bool(times) == (branch == "then_branch"))
            self.notes["Both branches of If are counted; a network runs one of them at a time."] = None
            return 1.0
        if node.kind not in ("Loop", "Scan") or (node.kind == "Scan" and self.version < 9):
            times = None
        elif node.kind == "Loop" and _may_end(body):
            self.notes[f"Loop {node.name} is taken to run as often as it may; it can end before."] = None
        if times is None or not 0 <= times < 2**31:
            self.notes[f"How often {node.kind} {node.name} runs is unknown; its body counts once."] = None
            return 1.0
        return float(times)


def _may_end(body) -> bool:
    """Whether a loop's body computes the condition to go on."""
    condition = body.output[0].name if body.output else ""
    return any(condition in node.output and node.op_type not in ("Identity", "Constant") for node in body.node)


def _slices(node: Node, body) -> dict[str, StoredConstant | Unread]:
    """What Scan gives its body of a stored stack of matrices, one a step."""
    try:
        scanned = node.number("num_scan_inputs", 0) if node.kind == "Scan" else 0
    except BROKEN:
        return {}
    count = min(scanned, len(node.inputs), len(body.input))
    why = f"are matrices of a stack that Scan {node.name} goes through, which is not read"
    found: dict[str, StoredConstant | Unread] = {}
    for back in range(1, count + 1):
        at = len(node.inputs) - back
        if node.stored(at) and len(node.dims(at) or ()) > 2:
            found[body.input[-back].name] = Unread(why)
    return found


def _scan_length(node: Node) -> int | None:
    scanned = node.number("num_scan_inputs", 0)
    axes = node.numbers("scan_input_axes", [0] * scanned)
    for at, axis in zip(range(len(node.inputs) - scanned, len(node.inputs)), axes, strict=True):
        sides = node.dims(at)
        if sides is not None and sides[axis] is not None:
            return sides[axis]
    return None


def _name_absent(graph, scope: Scope) -> None:
    """Weights that a file without weights names: values that nothing makes, inputs in the place of weights."""
    inputs = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    made = {name for node in graph.node for name in node.output} | inputs
    used = [(node, at, name) for node in graph.node for at, name in enumerate(node.input) if name]
    absent = {name for _, _, name in used if name not in made}
    filters = {name for node, at, name in used if node.op_type in _FILTERED and at == 1 and name in inputs}
    if filters and not any(len(tensor.dims) > 1 for tensor in graph.initializer):
        absent |= filters | {name for node, at, name in used if node.op_type in _MATRIX and at == 1 and name in inputs}
    for name in absent:
        sides = scope.shapes.get(name)
        if name not in scope.constants and sides is not None and None not in sides:
            scope.constants[name] = StoredConstant(tuple(side for side in sides if side is not None), "", None)


def _reader(source: Source, name: str, one: NodeProduct) -> Callable[[], csr_array]:
    def read() -> csr_array:
        try:
            array = np.ones(one.shape, np.int8) if one.weights.make is None else one.weights.read()
            array = array if array.dtype.kind in _NATIVE else array.astype(np.float32)
            matrix = as_layer(source, name, array.reshape(one.shape))
            return block_diagonal(matrix, one.groups) if one.groups > 1 else matrix
        except InputError:
            raise
        except Unread as why:
            _unreadable(source, name, str(why))
        except MemoryError as error:
            source.fail(f"layer {name}", "needs more memory than there is", "give a smaller model", error)
        except BROKEN as error:
            source.fail(f"layer {name}", f"cannot be read ({words_of(error)})", "export the model again", error)

    return read
