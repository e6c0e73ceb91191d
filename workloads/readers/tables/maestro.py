"""MAESTRO's networks: `Layer NAME { Type: CONV  Stride { X: 2, Y: 2 }  Dimensions { K: 64, C: 3, R: 7, ... } }`.

Grammar: github.com/maestro-project/maestro, `cost-model/include/dataflow-specification-language`. Maps Y and X include
the padding. DSCONV has K filters for each channel; NGCONV has K filters for each of G groups, and C channels in all.
"""

import re
from dataclasses import dataclass, replace

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

WHAT = "a MAESTRO network"
_LAYER = re.compile(r"\bLayer\s+([^\s{}]+)\s*\{")
_BLOCK = re.compile(r"\b(Stride|Dimensions)\s*\{([^{}]*)\}")
_PAIR = re.compile(r"([A-Za-z]+'?)(?:\s*:\s*|\s+)(\w+)")
_CONSTANT = re.compile(r"\bConstant\s+(\w+)\s+(\d{1,15})\s*;")
_CONVOLUTIONS = ("CONV", "DSCONV", "NGCONV", "TRCONV", "FC")


@dataclass(frozen=True)
class _Entry:
    """One layer as it is written."""

    source: Source
    where: str
    name: str
    kind: str
    sizes: dict[str, int]
    strides: dict[str, int]

    def size(self, name: str, default: int | None = None) -> int:
        found = self.sizes.get(name, default)
        if found is None:
            self.source.fail(self.where, f"has no dimension {name}", f"write it, or give {TABLE}")
        return found


def recognise(source: Source) -> Sureness:
    """By a layer with its dimensions."""
    if not source.is_text:
        return Sureness.NO
    text = "\n".join(source.first_lines)
    return Sureness.SIGNED if _LAYER.search(text) and re.search(r"\bDimensions\s*\{", text) else Sureness.NO


def read_maestro(source: Source, options: ReadOptions) -> Found:
    """The layers that are products; pooling and residuals are left out. **Raises** `InputError`."""
    text = _without_comments(text_of(source, WHAT))
    constants = {name: int(value) for name, value in _CONSTANT.findall(text)}
    starts = list(_LAYER.finditer(text))
    layers, left_out, notes = [], [], []
    for at, start in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(text)
        entry = _entry(source, start[1], text[start.end() : end], constants)
        found = _layer(entry, notes)
        (left_out if isinstance(found, LeftOut) else layers).append(found)
    if not layers:
        source.fail(WHAT, "holds no layer that is a product", f"give {TABLE}")
    return Found(source.path, "MAESTRO network", with_own_names(layers), tuple(left_out), tuple(dict.fromkeys(notes)))


def _without_comments(text: str) -> str:
    """Without what follows `//` or stands between `/*` and `*/`."""
    first, *others = re.sub(r"//[^\n]*", " ", text).split("/*")
    return " ".join([first, *(one.partition("*/")[2] for one in others)])


def _entry(source: Source, name: str, body: str, constants: dict[str, int]) -> _Entry:
    where = f"layer {name[:60]} of {WHAT}"
    kind = re.search(r"\bType\s*:\s*(\w+)", body)
    blocks: dict[str, dict[str, int]] = {}
    for block, inside in _BLOCK.findall(body):
        if blocks.setdefault(block, {}):
            source.fail(where, f"has two blocks {block}", "keep one")
        for key, text in _PAIR.findall(inside):
            value = constants.get(text, int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0)
            if value < 1 or blocks[block].setdefault(key, value) != value:
                source.fail(where, f"has {key}: {text[:40]}", "give one whole number above 0 for each dimension")
    if re.search(r"\b(Density|Sparsity)\b", body):
        source.fail(where, "says a density, which is not read here", f"give {TABLE}")
    if kind is None or "Dimensions" not in blocks:
        source.fail(where, "has no Type or no Dimensions", f"write them, or give {TABLE}")
    return _Entry(source, where, name, kind[1].upper(), blocks["Dimensions"], blocks.get("Stride", {}))


def _layer(entry: _Entry, notes: list[str]) -> FoundLayer | LeftOut:
    if entry.kind in ("GEMM", "BMM"):
        sizes = (entry.size("M"), entry.size("N"), entry.size("K"))
        return product(entry.source, entry.where, entry.name, sizes, repeats=entry.size("B", 1))
    if entry.kind in ("POOL", "RESIDUAL_IDENTITY"):
        return LeftOut(entry.name, f"{entry.kind}, no product with weights")
    if entry.kind not in _CONVOLUTIONS:
        source, what = entry.source, f"is of the type {entry.kind[:40]}, which is not read here"
        source.fail(entry.where, what, f"give {TABLE}")
    return _convolution(entry, notes)


def _convolution(entry: _Entry, notes: list[str]) -> FoundLayer:
    groups, filters, channels = 1, entry.size("K"), entry.size("C")
    if entry.kind == "DSCONV":
        groups, filters = channels, filters * channels
    if entry.kind == "NGCONV":
        groups = entry.size("G")
        filters *= groups
        notes.append(
            "K of an NGCONV is taken for the filters of a group, and C for the channels of all, as in ResNeXt."
        )
    kernel = entry.size("R", 1), entry.size("S", 1)
    strides = entry.strides.get("Y", entry.strides.get("X", 1)), entry.strides.get("X", entry.strides.get("Y", 1))
    sides = []
    for axis, taps, stride in zip("YX", kernel, strides, strict=True):
        out = entry.sizes.get(f"{axis}'")
        default = 1 if entry.kind == "FC" else None if out is None else (out - 1) * stride + taps
        sides.append(entry.size(axis, default))
    if entry.kind == "FC":
        kernel = sides[0], sides[1]
    sizes = TableConvolution(
        filters, channels, kernel, (sides[0], sides[1]), stride=strides, groups=groups, images=entry.size("N", 1)
    )
    if entry.kind == "TRCONV":
        return transposed_convolution(entry.source, entry.where, entry.name, replace(sizes, stride=(1, 1)))
    return convolution(entry.source, entry.where, entry.name, sizes)
