"""Caffe's network definitions (`deploy.prototxt`): shapes are followed from the inputs to every layer.

Fields: `src/caffe/proto/caffe.proto` of github.com/BVLC/caffe, both of `layer` and of the older `layers`; sizes of
outputs: `base_conv_layer.cpp` (rounded down), `pooling_layer.cpp` (rounded up). Layers of training are passed over.
"""

import itertools
import math
import re
from collections.abc import Callable

from workloads.readers.formats import Sureness
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tables.layers import (
    TABLE,
    TableConvolution,
    convolution,
    product,
    transposed_convolution,
    with_own_names,
)
from workloads.readers.tables.prototxt import Message, parse
from workloads.readers.tables.yaml_text import text_of

WHAT = "a Caffe prototxt"
Shape = tuple[int, ...]
_SAME = (
    "relu|prelu|elu|tanh|sigmoid|bnll|absval|power|exp|log|dropout|lrn|batchnorm|bn|scale|bias|softmax|mvn|threshold|"
    "eltwise|split|relu6|swish|clip|normalize|silence|axpy"
)
"""Layers whose output is as large as their first input."""
_SOURCES = "(image|hdf5|window|dummy|memory|annotated|video)?data|input|python"
_RECURRENT = "lstm|rnn|recurrent|lstmunit|gru|embed"


def recognise(source: Source) -> Sureness:
    """By a layer with a type."""
    if not source.is_text:
        return Sureness.NO
    text = "\n".join(source.first_lines)
    named = re.search(r"^\s*layers?\s*:?\s*\{", text, re.MULTILINE)
    if not named or re.search(r"\bir_version\b|\bop_type\b", text):
        return Sureness.NO
    return Sureness.SIGNED if re.search(r"\b(type|bottom|top)\s*:", text) else Sureness.NO


def read_caffe(source: Source, options: ReadOptions) -> Found:
    """The layers that are products, named as in the file. **Raises** `InputError`."""
    net = parse(source, WHAT, text_of(source, WHAT))
    walk = _Walk(source, net)
    for layer in net.messages("layer", "layers"):
        walk.add(layer)
    if not walk.layers:
        source.fail(WHAT, "holds no convolution and no inner product", f"give {TABLE}")
    batch = walk.batch
    notes = (f"The columns of B count the {batch} images of the file's input.",) if batch > 1 else ()
    return Found(source.path, "Caffe network", with_own_names(walk.layers), tuple(walk.left_out), notes)


class _Walk:
    """Shapes of blobs as far as they are known, and the layers found on the way."""

    def __init__(self, source: Source, net: Message) -> None:
        self.source = source
        self.shapes: dict[str, Shape] = {}
        self.layers: list[FoundLayer] = []
        self.left_out: list[LeftOut] = []
        names, dims = net.texts("input"), net.texts("input_dim")
        shapes = net.messages("input_shape")
        for at, name in enumerate(names):
            texts = shapes[at].texts("dim") if at < len(shapes) else dims[4 * at : 4 * at + 4]
            if texts:
                self.shapes[name] = tuple(self.whole("input", "dim", one) for one in texts)
        self.inputs = list(self.shapes)

    @property
    def batch(self) -> int:
        """Images of the first input."""
        return self.shapes[self.inputs[0]][0] if self.inputs else 1

    def add(self, layer: Message) -> None:
        """One layer: its outputs' shapes, and itself where it is a product."""
        if _in_training(layer):
            return
        kind = layer.text("type").lower().replace("_", "")
        name, bottoms, tops = layer.text("name")[:200], layer.texts("bottom"), layer.texts("top")
        inputs = [self.shapes.get(one) for one in bottoms]
        if re.fullmatch(_SOURCES, kind):
            self.feed(name, kind, layer, tops)
            return
        if kind in ("convolution", "deconvolution", "innerproduct") or "depthwise" in kind:
            shape = self.known(name, bottoms, inputs)
            rule = self.inner_product if kind == "innerproduct" else self.convolution
            outputs = [rule(name, kind, layer, shape)] * len(tops)
        elif re.fullmatch(_RECURRENT, kind):
            what = "is recurrent or looked up"
            self.source.fail(f"layer {name} of {WHAT}", f"{what}, which is not read here", f"give {TABLE}")
        else:
            self.left_out.append(
                LeftOut(name, f"{layer.text('type')[:60] or 'a layer without type'}, no product with weights")
            )
            outputs = self.passed(name, kind, layer, inputs, len(tops))
        for top, shape in zip(tops, outputs, strict=False):
            if shape is None:
                self.shapes.pop(top, None)
            else:
                self.shapes[top] = shape

    def known(self, name: str, bottoms: list[str], inputs: list[Shape | None]) -> Shape:
        """The shape of a layer's one input."""
        if not inputs or inputs[0] is None:
            what = f"takes the blob {bottoms[0][:60]!r}, whose shape is not known" if bottoms else "takes no blob"
            fix = f"give deploy.prototxt with the input's shape, or {TABLE}"
            self.source.fail(f"layer {name} of {WHAT}", what, fix)
        return inputs[0]

    def feed(self, name: str, kind: str, layer: Message, tops: list[str]) -> None:
        """Shapes of what enters, where the file says them."""
        param = layer.message(f"{kind.removesuffix('data')}_data_param" if kind != "input" else "input_param")
        shapes = [one.texts("dim") for one in param.messages("shape")]
        flat = [param.text(field) for field in ("batch_size", "channels", "height", "width")]
        shapes = shapes or ([flat] if all(flat) else [])
        for at, top in enumerate(tops):
            if shapes:
                texts = shapes[at] if at < len(shapes) else shapes[-1] if len(shapes) == 1 else []
                self.shapes[top] = tuple(self.whole(name, "dim", one) for one in texts)
                self.inputs.append(top)

    def convolution(self, name: str, kind: str, layer: Message, shape: Shape) -> Shape:
        """Adds the layer; its output's shape."""
        where, param = f"layer {name} of {WHAT}", layer.message("convolution_param")
        if len(shape) != 4:
            self.source.fail(where, f"takes a blob of {len(shape)} axes", f"give {TABLE}")
        images, channels, height, width = shape
        filters = self.whole(name, "num_output", param.text("num_output"))
        groups = channels if "depthwise" in kind else self.whole(name, "group", param.text("group", "1"))
        sizes = TableConvolution(
            filters, channels, self.pair(name, param, "kernel", "kernel_size"), (height, width),
            stride=self.pair(name, param, "stride", "stride", 1), padding=self.pair(name, param, "pad", "pad", 0),
            dilation=self.pair(name, param, "", "dilation", 1), groups=groups, images=images,
        )  # fmt: skip
        if kind == "deconvolution":
            self.layers.append(transposed_convolution(self.source, where, name, sizes))
            sides = zip(sizes.map, sizes.stride, sizes.kernel, sizes.dilation, sizes.padding, strict=True)
            out = [stride * (side - 1) + apart * (taps - 1) + 1 - 2 * pad for side, stride, taps, apart, pad in sides]
            return images, filters, *self.positive(where, out)
        self.layers.append(convolution(self.source, where, name, sizes))
        return images, filters, *sizes.out

    def inner_product(self, name: str, kind: str, layer: Message, shape: Shape) -> Shape:
        """Adds the layer; its output's shape."""
        where, param = f"layer {name} of {WHAT}", layer.message("inner_product_param")
        axis = self.axis(name, param.text("axis", "1"), len(shape))
        filters = self.whole(name, "num_output", param.text("num_output"))
        sizes = (filters, math.prod(shape[:axis]), math.prod(shape[axis:]))
        self.layers.append(product(self.source, where, name, sizes))
        return (*shape[:axis], filters)

    def passed(
        self, name: str, kind: str, layer: Message, inputs: list[Shape | None], count: int
    ) -> list[Shape | None]:
        """Shapes behind a layer without weights; None where they are not known."""
        if not inputs or any(one is None for one in inputs):
            return [None] * count
        shapes = [one for one in inputs if one is not None]
        rules: dict[str, Callable] = {
            "pooling": self.pooled, "concat": self.joined, "flatten": self.flat, "slice": self.sliced,
            "reshape": self.reshaped, "crop": lambda name, layer, shapes, count: [shapes[-1]],
        }  # fmt: skip
        if re.fullmatch(_SAME, kind):
            return [shapes[0]] * count
        return rules[kind](name, layer, shapes, count) if kind in rules else [None] * count

    def pooled(self, name: str, layer: Message, shapes: list[Shape], count: int) -> list[Shape | None]:
        """Rounded up, but no window begins beyond the map and its padding."""
        (images, channels, *sides), param = shapes[0], layer.message("pooling_param")
        if len(sides) != 2:
            return [None] * count
        if param.text("global_pooling") == "true":
            return [(images, channels, 1, 1)] * count
        kernel = self.pair(name, param, "kernel", "kernel_size")
        strides, pads = self.pair(name, param, "stride", "stride", 1), self.pair(name, param, "pad", "pad", 0)
        up, out = param.text("round_mode", "CEIL") in ("CEIL", "0"), []
        for side, taps, stride, pad in zip(sides, kernel, strides, pads, strict=True):
            spare = side + 2 * pad - taps
            steps = (-(-spare // stride) if up else spare // stride) + 1
            out.append(steps - 1 if pad and (steps - 1) * stride >= side + pad else steps)
        return [(images, channels, *self.positive(f"layer {name} of {WHAT}", out))] * count

    def joined(self, name: str, layer: Message, shapes: list[Shape], count: int) -> list[Shape | None]:
        """Along an axis, the channels where none is named."""
        param = layer.message("concat_param")
        axis = self.axis(name, param.text("axis", param.text("concat_dim", "1")), len(shapes[0]))
        others = {one[:axis] + one[axis + 1 :] for one in shapes}
        if len(others) != 1:
            self.source.fail(f"layer {name} of {WHAT}", "joins blobs whose sizes differ", "correct the file")
        return [(*shapes[0][:axis], sum(one[axis] for one in shapes), *shapes[0][axis + 1 :])] * count

    def flat(self, name: str, layer: Message, shapes: list[Shape], count: int) -> list[Shape | None]:
        """From an axis on."""
        shape = shapes[0]
        param = layer.message("flatten_param")
        axis = self.axis(name, param.text("axis", "1"), len(shape))
        end = self.axis(name, param.text("end_axis", "-1"), len(shape)) + 1
        return [(*shape[:axis], math.prod(shape[axis:end]), *shape[end:])] * count

    def sliced(self, name: str, layer: Message, shapes: list[Shape], count: int) -> list[Shape | None]:
        """In equal parts, or at points."""
        shape, param = shapes[0], layer.message("slice_param")
        axis = self.axis(name, param.text("axis", param.text("slice_dim", "1")), len(shape))
        points = [self.whole(name, "slice_point", one) for one in param.texts("slice_point")]
        ends = [0, *points, shape[axis]] if points else [shape[axis] // max(count, 1) * at for at in range(count + 1)]
        parts = self.positive(f"layer {name} of {WHAT}", [b - a for a, b in itertools.pairwise(ends)])
        return [(*shape[:axis], one, *shape[axis + 1 :]) for one in parts]

    def reshaped(self, name: str, layer: Message, shapes: list[Shape], count: int) -> list[Shape | None]:
        """0 keeps a size, -1 stands for what is left."""
        shape, dims = shapes[0], layer.message("reshape_param").message("shape").texts("dim")
        found = [
            shape[at] if one == "0" and at < len(shape) else -1 if one == "-1" else self.whole(name, "dim", one)
            for at, one in enumerate(dims)
        ]
        rest = math.prod(one for one in found if one > 0)
        if found.count(-1) > 1 or math.prod(shape) % rest:
            return [None] * count
        return [tuple(math.prod(shape) // rest if one == -1 else one for one in found)] * count

    def pair(self, name: str, param: Message, stem: str, field: str, default: int | None = None) -> tuple[int, int]:
        """A size along both axes: `kernel_size` once or twice, or `kernel_h` and `kernel_w`."""
        texts = (
            [param.text(f"{stem}_h"), param.text(f"{stem}_w")] if stem and f"{stem}_h" in param else param.texts(field)
        )
        if not texts and default is not None:
            return default, default
        if default == 0 and all(one == "0" for one in texts):
            return 0, 0
        zero = default == 0
        found = [0 if zero and one == "0" else self.whole(name, field, one) for one in (texts or [""])]
        return found[0], found[-1]

    def axis(self, name: str, text: str, axes: int) -> int:
        """From 0; negative ones count from the end."""
        if not re.fullmatch(r"-?\d{1,2}", text) or not -axes <= int(text) < axes:
            self.source.fail(f"layer {name} of {WHAT}", f"has the axis {text[:20]!r} of {axes}", "correct it")
        return int(text) % axes

    def whole(self, name: str, field: str, text: str) -> int:
        """A size above 0. **Raises** `InputError`."""
        if not (text.isascii() and text.isdecimal() and len(text) < 13 and int(text) > 0):
            self.source.fail(f"{field} of layer {name} of {WHAT}", f"is {text[:40]!r}", "give a whole number above 0")
        return int(text)

    def positive(self, where: str, sizes: list[int]) -> list[int]:
        """The same. **Raises** `InputError` where one is not above 0."""
        if min(sizes, default=0) < 1:
            self.source.fail(where, "leaves nothing of its input", "correct its sizes")
        return sizes


def _in_training(layer: Message) -> bool:
    """Whether the layer takes part in training alone."""
    included = [one.text("phase").upper() for one in layer.messages("include")]
    excluded = [one.text("phase").upper() for one in layer.messages("exclude")]
    return ("TRAIN" in included and "TEST" not in included) or "TEST" in excluded
