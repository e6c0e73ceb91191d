"""What feeds what in a graph: from the values of an ONNX graph to the tensors that its products read and write.

A value is known by the tensors that it is made of (results of products, one beside the other along the features), the
view through which, and how it lies:

| lies | features are |
|---|---|
| `last` | the last axis: what a product with stored weights on its right makes |
| `first` | axis 1 of a map [batch, channels, ...]: what a convolution makes |
| `left` | the last axis but one: what weights on the left make |
| `any` | in another arrangement than the product made them, each once |

Elements, norms and arrangements are followed; a sum of two results is joined to the later product, where nothing else
reads that one's own result; what else an operator makes (pooling, products of two activations, what subgraphs do) is a
tensor of its own that comes from memory. Names are those of the graph's values, of a result the name of its layer.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from workloads.kernels.tensor_names import VIEWS, Reads, TensorNames, TensorRead, View, carried, constant, read
from workloads.readers.onnx_graphs.nodes import Node, NodeProduct, count

Lies = Literal["last", "first", "left", "any"]

_AS_IT_IS = ("Identity", "Dropout", "Cast")
_ELEMENTS = (
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Sigmoid", "HardSigmoid", "HardSwish",
    "Tanh", "Gelu", "FastGelu", "QuickGelu", "BiasGelu", "BiasAdd", "Mish", "Swish", "Softplus", "Softsign", "Erf",
    "Exp", "Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Sign", "Floor", "Ceil", "Round", "Clip", "Shrink",
    "BatchNormalization", "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "QuantizeLinear",
    "DequantizeLinear", "Quant", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearAdd", "QLinearMul",
)  # fmt: skip
"""Operators that give each element by itself; stored inputs are biases, scales, slopes."""
_NORMS = (
    "Softmax", "LogSoftmax", "LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization",
    "InstanceNormalization", "GroupNormalization", "GroupNorm", "LpNormalization", "MeanVarianceNormalization",
)  # fmt: skip
_ARRANGED = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose")
_JOINED = ("Add", "Mul", "Sub", "QLinearAdd", "QLinearMul")
"""Of two results, element by element."""
_CONVOLUTIONS = ("Conv", "ConvInteger", "QLinearConv", "FusedConv")
_MATRIX = (
    "MatMul", "MatMulInteger", "QLinearMatMul", "Gemm", "FusedGemm", "QGemm", "GemmFloat8", "GemmFastGelu",
    "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits", "FusedMatMulActivation",
)  # fmt: skip
_RECURRENT = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")


@dataclass(frozen=True)
class _Value:
    reads: Reads
    lies: Lies
    reduced: bool = False
    """Whether it is one number for many elements, as a mean."""


class Edges:
    """Tensors of the values of one graph, and the names that its products give to them."""

    def __init__(self, read_by: Iterable[str], results: Iterable[str]) -> None:
        """**Arguments**: names of values as often as nodes read them, and those that the graph gives out."""
        self._results = set(results)
        self._readers = Counter([*read_by, *self._results])
        self._values: dict[str, _Value] = {}
        self._shapes: dict[str, tuple[int, int]] = {}
        """Of results."""
        self._numbers: dict[str, int] = {}
        """In which order results are made."""
        self._forks: set[str] = set()
        """Results that more than one node reads, be it through functions."""
        self._sources: dict[str, list[tuple[int, int]]] = {}
        self.names: dict[str, TensorNames] = {}
        """Of each layer, in order."""

    def product(self, node: Node, layer: str, one: NodeProduct) -> None:
        """Names for a product, whose result is called after its layer."""
        given = _given(node)
        if node.kind in _RECURRENT or one.columns is None or one.part or len(given) != 1:
            self._leave(given)
            self.names[layer] = self._recurrent(node, layer, one)
            return
        value, lies = self._values.get(given[0]), _lies(node)
        k, n = one.shape[1] * one.groups, one.columns
        shape, view = (k, n), "same"
        if lies == "first":
            of = one.unfolding
            moved = of is None or of.taps > 1 or (of.height, of.width) != (of.out_height, of.out_width)
            shape = (of.channels, of.images(n) * of.height * of.width) if of is not None else shape
            view = "unfolded" if moved and of is not None else "same"
            lies = lies if of is not None else None
        fits = value is not None and not value.reduced and lies is not None and value.lies in (lies, "any")
        if (
            fits
            and value is not None
            and self._size(value) == shape[0] * shape[1]
            and (value.lies == lies or lies != "first")
        ):
            b = self._seen(value, view).reads
        else:
            self._leave(given)
            b = self._source(given[0], shape, view)
        self.names[layer] = TensorNames(constant(f"{layer}.weight"), b, z=layer)
        self._shapes[layer], self._numbers[layer] = (one.shape[0], n), len(self._numbers)
        if lies is not None:
            self._make(node.outputs[0], _Value((TensorRead(layer),), lies))

    def follow(self, node: Node) -> None:
        """What a node that is no product makes of its inputs."""
        given = _given(node)
        values = [self._values.get(name) for name in given]
        made: _Value | None = None
        if node.kind in ("Concat", "QLinearConcat"):
            made = _beside(node, values)
        elif len(values) == 1 and values[0] is not None:
            made = self._alone(node, values[0])
        elif len(values) == 2 and node.kind in _ELEMENTS:
            made = self._together(node, given, values)
        if made is None or not node.outputs:
            self._leave(given)
        else:
            self._make(node.outputs[0], made)

    def leave(self, names: Iterable[str]) -> None:
        """That something reads values which is neither a product nor followed, as a subgraph."""
        self._leave(list(names))

    def _make(self, name: str, value: _Value) -> None:
        self._values[name] = value
        if self._readers[name] > 1:
            self._forks |= {one.tensor for one in value.reads}
        if name in self._results:
            self._leave([name])

    def _leave(self, names: list[str]) -> None:
        """Marks the results that values are of: something reads them from memory."""
        for value in (self._values[name] for name in names if name in self._values):
            for one in value.reads:
                self.names[one.tensor] = replace(self.names[one.tensor], result=True)

    def _source(self, name: str, shape: tuple[int, int], view: View) -> Reads:
        """A tensor that comes from memory: a value as rows and columns; another one where it is taken otherwise."""
        taken = self._sources.setdefault(name, [])
        if shape not in taken:
            taken.append(shape)
        number = taken.index(shape)
        return read(f"{name} from memory{f' {number + 1}' if number else ''}", view)

    def _recurrent(self, node: Node, layer: str, one: NodeProduct) -> TensorNames:
        """`W` meets all steps at once; `R` meets the state that the step before made, a function of its gates."""
        weights = constant(f"{layer}.weight")
        kind, _, direction = one.part.partition(".")
        if node.kind not in _RECURRENT or kind != "R" or one.columns is None:
            return TensorNames(weights, z=layer)
        stem = layer.removesuffix(f".{one.part}")
        before = f"{stem}.W.{direction}" if direction else f"{stem}.W"
        loops = ((f"{layer}.step", int(one.repeats)),) if one.repeats > 1 else ()
        if not loops:
            return TensorNames(weights, z=layer)
        c = read(before) if before in self.names else ()
        weights = constant(f"{layer}.weight", shared=(loops[0][0],))
        return TensorNames(weights, carried(layer, "pointwise"), c=c, z=layer, loops=loops, result=True)

    def _size(self, value: _Value) -> int:
        sides = [self._shapes[one.tensor] for one in value.reads]
        return sum(rows * columns for rows, columns in sides)

    def _order(self, value: _Value) -> int:
        return max(self._numbers[one.tensor] for one in value.reads)

    def _seen(self, value: _Value, view: View) -> _Value:
        """The value through one more view: of two, the one that changes more."""
        reads = [replace(one, view=max(one.view, view, key=VIEWS.index)) for one in value.reads]
        return replace(value, reads=tuple(reads))

    def _alone(self, node: Node, value: _Value) -> _Value | None:
        """Of one value, stored operands beside it."""
        at = next(at for at, name in enumerate(node.inputs) if name and not node.stored(at))
        sides, out = node.dims(at), node.out()
        if node.kind in _AS_IT_IS:
            return value
        if node.kind.startswith("Reduce"):
            return replace(value, reduced=True)
        if value.reduced:
            return value if node.kind in _ELEMENTS else None
        if count(sides) is None or count(sides) != count(out):
            return None
        if node.kind in (*_ELEMENTS, *_NORMS):
            return self._seen(value, "normalised" if node.kind in _NORMS else "pointwise")
        if node.kind not in _ARRANGED or sides is None or out is None:
            return None
        if node.kind != "Transpose" and value.lies == "last" and sides[-1:] == out[-1:]:
            return value
        if node.kind != "Transpose" and value.lies == "first" and list(out) == list(sides[:2]):
            return replace(value, lies="last")
        return replace(self._seen(value, "unfolded"), lies="any")

    def _together(self, node: Node, given: list[str], values: list[_Value | None]) -> _Value | None:
        """Of two values: functions of one tensor, or what joins the result of the later product as it leaves."""
        one, other = values
        if one and other and [read.tensor for read in one.reads] == [read.tensor for read in other.reads]:
            if one.reduced != other.reduced:
                return self._seen(other if one.reduced else one, "normalised")
            views = [read.view for read in other.reads]
            same = one.lies == other.lies != "any"
            return self._seen(one, max("pointwise", *views, key=VIEWS.index)) if same else None
        known = [value for value in values if value is not None]
        if node.kind not in _JOINED or any(value.reduced or len(value.reads) > 1 for value in known) or not known:
            return None
        late = max(known, key=self._order)
        rest, name = values[1 - values.index(late)], given[1 - values.index(late)]
        layer = late.reads[0].tensor
        size = self._shapes[layer][0] * self._shapes[layer][1]
        sizes = {size, *(count(node.dims(node.inputs.index(one))) for one in given), count(node.out())}
        if late.reads[0].view not in ("same", "pointwise") or layer in self._forks or len(sizes) > 1:
            return None
        if rest is not None and (rest.lies != late.lies or self._order(rest) == self._order(late)):
            return None
        c = rest.reads if rest is not None else self._source(name, self._shapes[layer], "same")
        self.names[layer] = replace(self.names[layer], c=(*self.names[layer].c, *c))
        return _Value((TensorRead(layer),), late.lies)


def _given(node: Node) -> list[str]:
    """Inputs that are no constants, each once."""
    return list(dict.fromkeys(name for at, name in enumerate(node.inputs) if name and not node.stored(at)))


def _lies(node: Node) -> Lies | None:
    """How the result of a product lies, and what it takes."""
    if node.kind in _CONVOLUTIONS and not node.number("channels_last", 0):
        return "first"
    if node.kind not in _MATRIX or node.number("transA", 0):
        return None
    return "left" if node.stored(0) and node.kind == "MatMul" else None if node.stored(0) else "last"


def _beside(node: Node, values: list[_Value | None]) -> _Value | None:
    """Features of several values one behind the other."""
    known, out = [value for value in values if value is not None and not value.reduced], node.out()
    if not known or len(known) != len(values) or len({value.lies for value in known}) > 1 or out is None:
        return None
    features = {"first": 1, "last": len(out) - 1, "left": len(out) - 2}.get(known[0].lies)
    if features is None or node.kind != "Concat" or node.number("axis", 0) % len(out) != features:
        return None
    return _Value(tuple(read for value in known for read in value.reads), known[0].lies)
