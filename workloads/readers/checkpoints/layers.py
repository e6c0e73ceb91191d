"""From what a container holds to layers: unpacked, sorted by role, turned to [out, in], and read when asked for."""

import math
import re
from functools import partial

import numpy as np
from scipy.sparse import csr_array, issparse

from workloads.readers.checkpoints.arrays import as_layer, block_diagonal
from workloads.readers.checkpoints.layouts import Layout, Unknown, is_expert, layout, matrix_shape
from workloads.readers.checkpoints.names import Name
from workloads.readers.checkpoints.network import StoredNetwork
from workloads.readers.checkpoints.packed import unpacked
from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.roles import BUFFER, LOOKED_UP, UNKNOWN, is_whole, left_out, tied_head
from workloads.readers.checkpoints.stored import StoredArrays, Weights
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.source import Source

_BYTES = "bytes of which no known packing says what they stand for"


def found_in(stored: StoredArrays, format: str, already_unpacked: bool = False) -> Found:
    """Layers of what a container holds. **Raises** `InputError` where it holds none."""
    if already_unpacked:
        weights = [Weights(a.name, a.shape, WORDS.get(a.dtype, a.dtype), a.read) for a in stored.arrays.values()]
        left: list[LeftOut] = []
    else:
        weights, left = unpacked(stored)
        format = _packing(format, stored, weights)
    shapes = {name: array.shape for name, array in stored.arrays.items()} | {one.name: one.shape for one in weights}
    operands, out, notes = _sorted(stored, weights, shapes)
    network = StoredNetwork(shapes, [one.name for one in operands], stored.config)
    layers: list[FoundLayer] = []
    for one in operands:
        layers += _layers(stored.source, one, network, notes)
    left = [*left, *out]
    if not layers:
        why = f"holds no matrix of weights ({', '.join(dict.fromkeys(one.why for one in left)) or 'nothing at all'})"
        stored.source.fail("file", why, "give a file with the weights of layers")
    return Found(stored.source.path, format, tuple(layers), tuple(left), tuple(dict.fromkeys(notes)))


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
    sizeable = [one for one in weights if len(one.shape) > 1]
    only_masks = all("mask" in Name(one.name).leaf for one in sizeable)
    real = any("float" in one.values for one in weights)
    weighted = any(Name(one.name).is_weight for one in weights)
    operands: list[Weights] = []
    left: dict[str, str] = {}
    for one in weights:
        name = Name(one.name)
        why = "no entries" if 0 in one.shape else left_out(name, one.shape, network.bias(name) is not None)
        if only_masks and len(one.shape) > 1:
            why = None
        if why is None and weighted and _is_unknown(name, one.shape):
            why = UNKNOWN
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


def _is_unknown(name: Name, shape: tuple[int, ...]) -> bool:
    """Whether an array of three axes or more is neither a convolution nor experts, in a file that names weights."""
    if len(shape) < 3 or is_expert(name):
        return False
    return not name.is_weight or (len(shape) == 3 and name.leaf != "kernel" and shape[1] > 1 and shape[2] > 256)


def _layers(source: Source, weights: Weights, network: StoredNetwork, notes: list[str]) -> list[FoundLayer]:
    """The layers of one array: several where it holds experts."""
    name = Name(weights.name)
    try:
        lies = layout(name, weights.shape, network)
    except Unknown as unknown:
        what, _, fix = str(unknown).partition("; ")
        source.fail(weights.name, what, fix, unknown)
    notes += [lies.note] if lies.note else []
    shape = matrix_shape(lies, weights.shape)
    count = weights.shape[0] if lies.stack else lies.split
    label = name.layer
    if lies.order[-1] != len(lies.order) - 1 and name.leaf != "kernel" and len(weights.shape) == 2:
        notes.append(f"{_family_words(label)} lie [in, out] and are read [out, in]")
    if count == 1:
        read = partial(_read, source, weights, lies, 0)
        taps = math.prod(weights.shape[axis] for axis in lies.order[lies.out + 1 :])
        return [FoundLayer(label, shape, read, values=weights.values, taps=taps)]
    return [
        FoundLayer(f"{label}.{at}", shape, partial(_read, source, weights, lies, at), values=weights.values)
        for at in range(count)
    ]


def _family_words(label: str) -> str:
    return re.sub(r"\d+", "*", label)


def _read(source: Source, weights: Weights, lies: Layout, at: int) -> csr_array:
    """One product's matrix: the `at`-th of an array that holds several."""
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
