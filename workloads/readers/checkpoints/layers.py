"""From what a container holds to layers: unpacked, sorted by role, turned to [out, in], and read when asked for."""

import re
from functools import partial

import numpy as np
from scipy.sparse import csr_array, issparse

from workloads.readers.checkpoints.arrays import as_layer, block_diagonal
from workloads.readers.checkpoints.blocks import with_block_edges
from workloads.readers.checkpoints.copies import copies_within
from workloads.readers.checkpoints.layouts import Layout, Unknown, layout, matrix_shape
from workloads.readers.checkpoints.names import Name
from workloads.readers.checkpoints.network import StoredNetwork
from workloads.readers.checkpoints.packed import unpacked
from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.roles import (
    BUFFER,
    LOOKED_UP,
    is_whole,
    left_out,
    names_weights,
    no_known_role,
    tied_head,
)
from workloads.readers.checkpoints.stored import StoredArrays, Weights
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.source import Source

_KERNELS = ("kernel", "pointwise_kernel", "recurrent_kernel")
"""Parameters that are called after lying [in, out]."""
_VISITS = (
    "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "moe_top_k", "top_k_experts",
)  # fmt: skip
"""What configurations call the number of experts that a token visits."""
_BYTES = "bytes of which no known packing says what they stand for"


def found_in(stored: StoredArrays, format: str, already_unpacked: bool = False) -> Found:
    """Layers of what a container holds. **Raises** `InputError` where it holds none."""
    left: list[LeftOut] = []
    notes: list[str] = []
    if already_unpacked:
        weights = [Weights(a.name, a.shape, WORDS.get(a.dtype, a.dtype), a.read) for a in stored.arrays.values()]
    else:
        weights, left, notes = unpacked(stored)
        format = _packing(format, stored, weights)
    shapes = {name: array.shape for name, array in stored.arrays.items()} | {one.name: one.shape for one in weights}
    operands, out, told = _sorted(stored, weights, shapes)
    network = StoredNetwork(shapes, [one.name for one in operands], stored.config)
    lies = [_layout(stored.source, one, network) for one in operands]
    layers = [layer for one, lie in zip(operands, lies, strict=True) for layer in _layers(stored.source, one, lie)]
    left = [*left, *out]
    if not layers:
        why = f"holds no matrix of weights ({', '.join(dict.fromkeys(one.why for one in left)) or 'nothing at all'})"
        stored.source.fail("file", why, "give a file with the weights of layers")
    notes += [*told, *(lie.note for lie in lies if lie.note), *_in_first(operands, lies), *_routed(stored, operands)]
    sentences = tuple(f"{stored.source.name}: {note}." for note in dict.fromkeys(notes))
    layers = with_block_edges(layers, stored.config, stored.metadata)
    return Found(stored.source.path, format, tuple(layers), tuple(left), sentences)


def _in_first(operands: list[Weights], lies: list[Layout]) -> list[str]:
    """A note on matrices that are stored [in, out] and not called so."""
    names = [Name(one.name) for one, lie in zip(operands, lies, strict=True) if lie.order == (1, 0)]
    families = list(dict.fromkeys(re.sub(r"\d+", "*", name.layer) for name in names if name.leaf not in _KERNELS))
    more = f" and {len(families) - 6} more" if len(families) > 6 else ""
    return [f"{', '.join(families[:6])}{more} lie [in, out] and are read [out, in]"] if families else []


def _routed(stored: StoredArrays, operands: list[Weights]) -> list[str]:
    """A note on experts, of which a token visits few."""
    names = [Name(one.name) for one in operands]
    names = [name for name in names if name.is_expert and not re.search(r"shared_?expert|shexp", name.text)]
    if not names:
        return []
    network = StoredNetwork({}, [], stored.config)
    said = [value for key, value in stored.metadata.items() if key.endswith(".expert_used_count")]
    visits = network.setting(*_VISITS) or next((one for one in said if type(one) is int), 0)
    count = "only some of the experts" if not visits else f"{visits} of the experts" if visits > 1 else "one expert"
    fix = f"give them theirs, as {stored.source.name}#*{_expert_word(names[0])}*@spmm:N"
    return [f"a token visits {count}, so that each has fewer columns of B than other layers; {fix}"]


def _expert_word(name: Name) -> str:
    return next((one for one in ("experts", "expert", "exps", "moe") if one in name.text), name.owner)


def _packing(format: str, stored: StoredArrays, weights: list[Weights]) -> str:
    """The format's name with what its quantisation is called in the configuration."""
    said = stored.config.get("quantization_config")
    method = said.get("quant_method") if isinstance(said, dict) else None
    return f"{format}, {method}" if isinstance(method, str) and method and weights else format


def _sorted(
    stored: StoredArrays, weights: list[Weights], shapes: dict[str, tuple[int, ...]]
) -> tuple[list[Weights], list[LeftOut], list[str]]:
    """Operands, what is left out, and notes."""
    network = StoredNetwork(shapes, [], stored.config)
    only_masks = all("mask" in Name(one.name).leaf for one in weights if len(one.shape) > 1)
    real = any("float" in one.values for one in weights)
    weighted = any(names_weights(Name(one.name)) for one in weights)
    copies = copies_within({one.name: one.shape for one in weights})
    operands: list[Weights] = []
    left: dict[str, str] = {}
    for one in weights:
        name = Name(one.name)
        has_bias = network.bias(name) is not None
        why = "no entries" if 0 in one.shape else left_out(name, one.shape, has_bias)
        if one.name in copies:
            why = f"a copy of {copies[one.name]}"
        if only_masks and len(one.shape) > 1 and 0 not in one.shape:
            why = None
        if why is None and weighted:
            why = no_known_role(name, one.shape, shapes, has_bias)
        if why is None:
            why = _left_by_values(stored, one, real)
        if why is None:
            operands.append(one)
        else:
            left[one.name] = why
    looked_up = [name for name, why in left.items() if why == LOOKED_UP]
    tied = tied_head(shapes, looked_up, stored.config, "general.architecture" in stored.metadata)
    notes = []
    if tied:
        operands += [one for one in weights if one.name == tied]
        del left[tied]
        notes.append(f"{Name(tied).layer} is looked up and, as the output's weights, multiplied: it is read once")
    return operands, [LeftOut(name, why) for name, why in left.items()], notes


def _left_by_values(stored: StoredArrays, one: Weights, real: bool) -> str | None:
    """Why values are no weights, `real` ones being elsewhere in the file. **Raises** `InputError` for codes."""
    name = Name(one.name)
    if real and (one.values == "uint8" or (is_whole(one.values) and "weight" in name.leaf)):
        stored.source.fail(one.name, f"holds {one.values}, {_BYTES}", "dequantise it and save it as float16")
    if one.values.startswith("complex"):
        what = f"is complex ({one.values}), and products here are of real numbers"
        stored.source.fail(one.name, what, "save its real and imaginary parts, or remove it")
    return BUFFER if real and is_whole(one.values) else None


def _layout(source: Source, weights: Weights, network: StoredNetwork) -> Layout:
    try:
        return layout(Name(weights.name), weights.shape, network)
    except Unknown as unknown:
        what, _, fix = str(unknown).partition("; ")
        source.fail(weights.name, what, fix, unknown)


def _layers(source: Source, weights: Weights, lies: Layout) -> list[FoundLayer]:
    """The layers of one array: several where it holds experts."""
    label, shape = Name(weights.name).layer, matrix_shape(lies, weights.shape)
    count = weights.shape[0] if lies.stack else lies.split
    return [
        FoundLayer(
            f"{label}.{at}" if count > 1 else label,
            shape,
            partial(_read, source, weights, lies, at),
            values=weights.values,
            taps=lies.taps,
        )
        for at in range(count)
    ]


def _read(source: Source, weights: Weights, lies: Layout, at: int) -> csr_array:
    """One product's matrix: the `at`-th of an array that holds several."""
    with np.errstate(all="ignore"):  # what is not finite in the end is refused
        array = weights.read()
    if array.shape != weights.shape:
        source.fail(weights.name, f"has the shape {list(array.shape)}, not {list(weights.shape)}", "write it again")
    if issparse(array):
        return csr_array(array.T if lies.order == (1, 0) else array)
    if lies.stack:
        array, order = array[at], tuple(axis - 1 for axis in lies.order[1:])
    elif lies.split > 1:
        step = len(array) // lies.split
        array, order = array[at * step : (at + 1) * step], (1, 0) if lies.turned else (0, 1)
    else:
        order = lies.order
    turned = array.transpose(order)
    rows = int(np.prod(turned.shape[: lies.out]))
    matrix = as_layer(source, weights.name, np.ascontiguousarray(turned).reshape(rows, -1))
    return block_diagonal(matrix, lies.groups) if lies.groups > 1 else matrix
