"""Weights stored apart from their length: weight normalisation and spectral normalisation.

Salimans and Kingma, arXiv:1602.07868 (w = g v / |v|; `weight_g`, `weight_v`, or `original0`, `original1` of
torch.nn.utils.parametrizations); Miyato et al., arXiv:1802.05957 (`weight_orig`, `weight_u`: divided by one number,
which is left off).
"""

import re
from collections.abc import Iterator

import numpy as np

from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked
from workloads.readers.checkpoints.stored import StoredArrays

_NAME = "normalised"
_LENGTHS = (
    (re.compile(r"((?:.*[./])?\w*weight\w*)_g"), "{0}", "{0}_v"),
    (re.compile(r"(.*?)parametrizations\.(\w+)\.original0"), "{0}{1}", "{0}parametrizations.{1}.original1"),
)
"""Names of the length, of the weight and of its direction."""


def _find(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in list(stored.arrays):
        for pattern, weight, direction in _LENGTHS:
            match = pattern.fullmatch(name)
            other = direction.format(*match.groups()) if match else ""
            if match and name in stored.arrays and other in stored.arrays:
                parts = {"g": stored.arrays[name], "v": stored.arrays[other]}
                yield ArrayGroup(stored, _NAME, weight.format(*match.groups()), parts)


def _unpacked(group: ArrayGroup) -> Unpacked:
    shape, lengths = group.shape("v"), group.shape("g")
    fits = len(lengths) == len(shape) and all(a in (1, b) for a, b in zip(lengths, shape, strict=True))
    scalar = lengths in ((), (1,))
    group.require(fits or scalar, f"its lengths have the shape {list(lengths)} for directions of {list(shape)}")
    axes = tuple(range(len(shape))) if scalar else tuple(at for at, size in enumerate(lengths) if size == 1)

    def read() -> np.ndarray:
        direction = group.floats("v")
        norms = np.sqrt(np.square(direction).sum(axis=axes, keepdims=True, dtype=np.float64)).astype(np.float32)
        lengths = group.floats("g").reshape(norms.shape)
        return direction * np.divide(lengths, norms, out=np.zeros_like(norms), where=norms > 0)

    return Unpacked(group.name, shape, "float32", read)


def _find_spectral(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in list(stored.arrays):
        weight = name.removesuffix("_orig")
        if weight != name and f"{weight}_u" in stored.arrays:
            vectors = {role: stored.arrays[weight + role] for role in ("_u", "_v") if weight + role in stored.arrays}
            yield ArrayGroup(stored, _NAME, weight, {"weight": stored.arrays[name], **vectors})


def _original(group: ArrayGroup) -> Unpacked:
    return Unpacked(group.name, group.shape("weight"), "", lambda: group.read("weight"), group.dtype("weight"))


SCHEMES = (Scheme(_NAME, _find_spectral, _original), Scheme(_NAME, _find, _unpacked))
