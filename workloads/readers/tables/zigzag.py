"""ZigZag's and Stream's workloads: a layer a list entry, as an equation with sizes of its loops.

github.com/KULeuven-MICAS/zigzag, `inputs/workload/*.yaml` and `zigzag/parser/workload_validator.py`; the older form is
a mapping from number to layer with `loop_dim_size`, as YAML or as the literal of a Python file, which is not run.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workloads.kernels.unfolding import Unfolding, pair, pair_of
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.source import Source, words_of
from workloads.readers.tables.contraction import Contraction, Operand, is_elementwise, layer_of
from workloads.readers.tables.layers import TABLE, with_own_names
from workloads.readers.tables.yaml_text import (
    MOST_AXES,
    MOST_LAYERS,
    refuse_zeros,
    scalar,
    shown,
    text_of,
    whole_number,
)

WHAT = "a ZigZag workload"
_EQUATION = re.compile(r"(\w+)((?:\[\w+\])+)\+?=(\w+)((?:\[\w+\])+)\*(\w+)((?:\[\w+\])+)")
_RELATION = re.compile(r"(\w+)=(?:(\d{1,6})\*)?(\w+)\+(?:(\d{1,6})\*)?(\w+)")
_NO_PRODUCT = re.compile(r"pool|^add|^mul|elementwise|relu|softmax|norm|concat|reshape|transpose$|silu|simd|lut")


def is_zigzag(content: Any) -> bool:
    """Whether YAML's content is a workload of ZigZag."""
    entries = list(content.values() if isinstance(content, dict) else content if isinstance(content, list) else [])[:50]
    return any(isinstance(one, dict) and "equation" in one for one in entries)


def read_zigzag(source: Source, content: Any) -> Found:
    """The layers that are products; pooling, additions and the like are left out. **Raises** `InputError`."""
    if len(content) > MOST_LAYERS:
        source.fail(WHAT, f"has more than {MOST_LAYERS} layers", "give fewer")
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    layers, left_out = [], []
    for number, entry in entries:
        if not isinstance(entry, dict):
            source.fail(f"layer {str(number)[:40]} of {WHAT}", "is no mapping", f"correct it, or give {TABLE}")
        found = _layer(source, scalar(entry.get("id", number)), entry)
        (left_out if isinstance(found, LeftOut) else layers).append(found)
    if not layers:
        source.fail(WHAT, "holds no product", f"give {TABLE}")
    return Found(source.path, "ZigZag workload", with_own_names(layers), tuple(left_out))


def literal_of(source: Source) -> Any:
    """What a Python file assigns to `workload`, where that is a literal; nothing is run. **Raises** `InputError`."""
    text = text_of(source, WHAT)
    at = re.search(r"^workload\s*(:[^=\n]*)?=\s*", text, re.MULTILINE)
    try:
        if at is None or max(text.count("("), text.count("["), text.count("{")) > 20_000:
            raise ValueError("no literal")
        return ast.literal_eval(ast.get_source_segment(text[at.end() :], ast.parse(text[at.end() :]).body[0]) or "")
    except (ValueError, SyntaxError, RecursionError, IndexError, TypeError, MemoryError) as error:
        what = f"is Python whose `workload` is no literal ({words_of(error)})"
        source.fail(WHAT, what, f"write it as YAML, or give {TABLE}", error)


def _layer(source: Source, number: str, entry: Mapping) -> FoundLayer | LeftOut:
    refuse_zeros(source, f"layer {number} of {WHAT}", entry)
    kind = scalar(entry.get("operator_type"))
    name = scalar(entry.get("name")) or f"{kind or 'layer'}_{number}"
    where = f"layer {number} of {WHAT}"
    equation = re.sub(r"\s", "", scalar(entry.get("equation"))).lower()
    if equation == "input" or _NO_PRODUCT.search(kind.lower()):
        return LeftOut(name, f"{kind or 'input'}, no product with weights")
    parts = _EQUATION.fullmatch(equation)
    if parts is None:
        if "*" not in equation and equation:
            return LeftOut(name, "no product of two operands")
        source.fail(where, f"has the equation {equation[:80]!r}, which is not read here", f"give {TABLE}")
    relations = _relations(source, where, entry)
    output, first, second = (
        Operand(parts[at], [relations.get(index, {index: 1}) for index in re.findall(r"\w+", parts[at + 1])])
        for at in (1, 3, 5)
    )
    if _precision(entry, "W") == 0:
        return LeftOut(name, "an operation without weights")
    sizes = _sizes(source, where, entry)
    weights = next((one.name for one in (first, second) if one.name.startswith("w")), "")
    one = Contraction(name, (first, second), output, sizes, weights)
    if is_elementwise(one):
        return LeftOut(name, "elementwise")
    layer = layer_of(source, where, one)
    return replace(layer, unfolding=_with_padding(entry, layer.unfolding)) if layer.unfolding else layer


def _precision(entry: Mapping, operand: str) -> Any:
    found = entry.get("operand_precision")
    return found.get(operand) if isinstance(found, dict) else None


def _relations(source: Source, where: str, entry: Mapping) -> dict[str, dict[str, int]]:
    """What an index of an input stands for: `ix=2*ox+1*fx`."""
    found: dict[str, dict[str, int]] = {}
    for text in _listed(entry.get("dimension_relations") or entry.get("equation_relations")):
        plain = re.sub(r"\s", "", scalar(text)).lower()
        parts = _RELATION.fullmatch(plain)
        if parts is None or parts[3] == parts[5]:
            what = f"has the relation {plain[:60]!r}, which is no sum of two loops"
            source.fail(where, what, f"write it as ix=1*ox+1*fx, or give {TABLE}")
        found[parts[1]] = {parts[3]: int(parts[2] or 1), parts[5]: int(parts[4] or 1)}
    return found


def _listed(value: Any) -> list:
    return list(value)[:MOST_AXES] if isinstance(value, (list, tuple)) else []


def _sizes(source: Source, where: str, entry: Mapping) -> dict[str, int]:
    pairs = entry.get("loop_dim_size") or entry.get("loop_dim_sizes")
    if not isinstance(pairs, dict):
        names, values = _listed(entry.get("loop_dims")), _listed(entry.get("loop_sizes"))
        if not names or len(names) != len(values):
            source.fail(where, f"has {len(values)} loop_sizes for {len(names)} loop_dims", "correct them")
        pairs = dict(zip(map(scalar, names), values, strict=True))
    return {
        str(name).lower(): whole_number(source, f"size of {shown(name)} in {where}", one) for name, one in pairs.items()
    }


def _with_padding(entry: Mapping, unfolding: Unfolding) -> Unfolding:
    """The same with the map's own size and padding, where the file says both and they agree with its outputs."""
    axes = [scalar(one) for one in _listed(entry.get("pr_loop_dims"))]
    sizes, padding = entry.get("pr_loop_dim_size", entry.get("pr_loop_sizes")), entry.get("padding")
    sizes = sizes if isinstance(sizes, dict) else dict(zip(axes, _listed(sizes), strict=False))
    padding = padding if isinstance(padding, dict) else dict(zip(axes, _listed(padding), strict=False))
    maps = [sizes.get("IY"), sizes.get("IX")]
    pads = [_listed(padding.get(axis)) for axis in ("IY", "IX")]
    numbers = [one for one in (*maps, *pads[0], *pads[1]) if type(one) is int]
    if any(len(one) != 2 for one in pads) or len(numbers) != 6:
        return unfolding
    height, width, top, _, left, _ = numbers
    spans = zip((height, width), pads, (unfolding.height, unfolding.width), pair(unfolding.stride), strict=True)
    fits = all(side > 0 and min(ends) >= 0 and 0 <= side + sum(ends) - span < step for side, ends, span, step in spans)
    return replace(unfolding, height=height, width=width, padding=pair_of(top, left)) if fits else unfolding
