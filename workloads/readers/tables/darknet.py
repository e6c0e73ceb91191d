"""Darknet's network files (`yolov3.cfg`): sections in order, each taking what the one before gives.

github.com/pjreddie/darknet and github.com/AlexeyAB/darknet, `src/parser.c` for the fields and their defaults,
`convolutional_layer.c` and `maxpool_layer.c` for sizes of outputs. `batch` of `[net]` is that of training: the columns
of B count one image.
"""

import re
from dataclasses import dataclass

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
from workloads.readers.tables.yaml_text import text_of

WHAT = "a Darknet .cfg"
Shape = tuple[int, int, int]
"""Channels, height, width."""
_SAME = [
    "dropout",
    "batchnorm",
    "activation",
    "logistic",
    "l2norm",
    "softmax",
    "cost",
    "crop_same",
    "yolo",
    "region",
    "detection",
    "gaussian_yolo",
]
_WEIGHTED = frozenset(["rnn", "lstm", "gru", "crnn", "conv_lstm", "history", "implicit_add", "implicit_mul"])
_ONE_IMAGE = "Darknet's batch is that of training: the columns of B count one image."


@dataclass(frozen=True)
class _Section:
    source: Source
    number: int
    kind: str
    fields: dict[str, str]

    @property
    def where(self) -> str:
        number = f" {self.number}" if self.number >= 0 else ""
        return f"section{number} [{self.kind[:40]}] of {WHAT}"

    def whole(self, field: str, default: int | None = None, least: int = 1) -> int:
        """A number of a field. **Raises** `InputError`."""
        text = self.fields.get(field, "" if default is None else str(default))
        if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
            self.source.fail(
                f"{field} of {self.where}", f"is {text[:40]!r}", f"give a whole number of at least {least}"
            )
        return int(text)

    def layers(self, field: str, count: int) -> list[int]:
        """Numbers of earlier layers, negative ones counted back. **Raises** `InputError`."""
        found = []
        for text in self.fields.get(field, "").split(","):
            at = int(text) if re.fullmatch(r"\s*-?\d{1,6}\s*", text) else count
            at = at + count if at < 0 else at
            if not 0 <= at < count:
                what = f"names the layer {text.strip()[:20]!r}, which does not stand before it"
                self.source.fail(f"{field} of {self.where}", what, "correct it")
            found.append(at)
        return found


def recognise(source: Source) -> Sureness:
    """By `[net]` before sections of layers."""
    if not source.is_text:
        return Sureness.NO
    heads = [line.strip().lower() for line in source.first_lines if line.lstrip().startswith("[")]
    return Sureness.SIGNED if heads and heads[0] in ("[net]", "[network]") else Sureness.NO


def read_darknet(source: Source, options: ReadOptions) -> Found:
    """The layers that are products, named `convolutional_0` by their number. **Raises** `InputError`."""
    net, *sections = _sections(source)
    shapes: list[Shape] = []
    layers: list[FoundLayer] = []
    left_out: list[LeftOut] = []
    shape = (net.whole("channels", 3), net.whole("height"), net.whole("width"))
    for section in sections:
        shape = _after(section, shape, shapes, layers, left_out)
        if min(shape) < 1:
            source.fail(section.where, "leaves nothing of its input", "correct its sizes")
        shapes.append(shape)
    if not layers:
        source.fail(WHAT, "holds no layer that is a product", f"give {TABLE}")
    notes = (_ONE_IMAGE,) if net.fields.get("batch", "1") != "1" else ()
    return Found(source.path, "Darknet network", with_own_names(layers), tuple(left_out), notes)


def _sections(source: Source) -> list[_Section]:
    found: list[_Section] = []
    for number, line in enumerate(text_of(source, WHAT).splitlines(), start=1):
        line = re.split(r"[#;]", line, maxsplit=1)[0].strip()
        if not line:
            continue
        if line.startswith("["):
            found.append(_Section(source, len(found) - 1, line.strip("[] \t").lower(), {}))
        elif "=" in line and found:
            field, _, value = line.partition("=")
            found[-1].fields[field.strip().lower()] = value.strip()
        else:
            source.fail(f"line {number} of {WHAT}", "is no section and no field=value", "correct it")
    if not found or found[0].kind not in ("net", "network"):
        source.fail(WHAT, "does not begin with [net]", f"correct it, or give {TABLE}")
    return found


def _after(
    section: _Section, shape: Shape, shapes: list[Shape], layers: list[FoundLayer], left_out: list[LeftOut]
) -> Shape:
    """The shape behind a section; a product is added to the layers, all else named as left out."""
    name, (channels, height, width) = f"{section.kind}_{section.number}", shape
    if section.kind in ("convolutional", "conv", "deconvolutional", "deconv", "local"):
        layer, shape = _convolution(section, name, shape)
        layers.append(layer)
        return shape
    if section.kind in ("connected", "conn"):
        out = section.whole("output", 1)
        layers.append(product(section.source, section.where, name, (out, 1, channels * height * width)))
        return out, 1, 1
    if section.kind in _WEIGHTED:
        section.source.fail(section.where, "is recurrent or learnt, which is not read here", f"give {TABLE}")
    left_out.append(LeftOut(name, f"{section.kind}, no product with weights"))
    if section.kind in ("maxpool", "max", "local_avgpool"):
        stride = section.whole("stride", 1)
        size = section.whole("size", stride)
        padding = section.whole("padding", size - 1, least=0)
        across, down = section.whole("stride_x", stride), section.whole("stride_y", stride)
        return channels, (height + padding - size) // down + 1, (width + padding - size) // across + 1
    return _moved(section, shape, shapes)


def _moved(section: _Section, shape: Shape, shapes: list[Shape]) -> Shape:
    """The shape behind a section that moves values about. **Raises** `InputError` for an unknown one."""
    channels, height, width = shape
    if section.kind in ("avgpool", "avg"):
        return channels, 1, 1
    if section.kind == "route":
        joined = [shapes[at] for at in section.layers("layers", len(shapes))]
        if len({one[1:] for one in joined}) != 1:
            section.source.fail(section.where, "joins maps whose sizes differ", "correct the file")
        return sum(one[0] for one in joined) // section.whole("groups", 1), *joined[0][1:]
    if section.kind in ("shortcut", "sam", "scale_channels"):
        places = section.layers("from", len(shapes))
        return shape if section.kind == "shortcut" else shapes[places[0]]
    if section.kind == "upsample":
        stride = section.whole("stride", 2)
        return channels, height * stride, width * stride
    if section.kind in ("reorg", "reorg3d", "reorg_old"):
        stride = section.whole("stride", 1)
        if section.whole("reverse", 0, least=0):
            return channels // stride**2, height * stride, width * stride
        return channels * stride**2, height // stride, width // stride
    if section.kind == "crop":
        return channels, section.whole("crop_height", 1), section.whole("crop_width", 1)
    if section.kind not in _SAME:
        section.source.fail(section.where, "is of a kind that is not known here", f"give {TABLE}")
    return shape


def _convolution(section: _Section, name: str, shape: Shape) -> tuple[FoundLayer, Shape]:
    channels, *sides = shape
    size, stride, filters = section.whole("size", 1), section.whole("stride", 1), section.whole("filters", 1)
    dilation = section.whole("dilation", 1)
    padding = section.whole("padding", 0, least=0)
    padding = size // 2 * dilation if section.whole("pad", 0, least=0) else padding
    sizes = TableConvolution(
        filters, channels, (size, size), (sides[0], sides[1]),
        stride=(section.whole("stride_y", stride), section.whole("stride_x", stride)),
        padding=(padding, padding), dilation=(dilation, dilation), groups=section.whole("groups", 1),
    )  # fmt: skip
    source, where = section.source, section.where
    if section.kind in ("deconvolutional", "deconv"):
        out = [(side - 1) * stride + size - 2 * padding for side in sides]
        return transposed_convolution(source, where, name, sizes), (filters, out[0], out[1])
    layer = convolution(source, where, name, sizes)
    if section.kind == "local":
        positions = layer.columns or 1
        layer = product(source, where, name, (filters, 1, layer.shape[1]), repeats=positions)
    return layer, (filters, *sizes.out)
