"""MLX: codes of 2 to 8 bits in words of 32 along the inputs without gaps, a scale and an offset to every group.

Format: ml-explore.github.io/mlx, `mlx.core.quantize`: scale * code + bias (mode `affine`); modes `mxfp4`, `nvfp4` and
`mxfp8` store floating-point codes with scales of one byte and no bias.
"""

from collections.abc import Mapping

import numpy as np

from workloads.readers.checkpoints.packed.bits import as_octets, unpack_stream
from workloads.readers.checkpoints.packed.floats import as_float32, fp4_of, from_exponents
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import quantisation

_FLOATS = {"mxfp4": (32, 4), "nvfp4": (16, 4), "mxfp8": (32, 8)}
"""Inputs to a scale and bits, by mode."""


def _unpacked_affine(group: ArrayGroup) -> Unpacked:
    *rest, words = group.shape("weight")
    entries = group.shape("scales")
    fits = len(rest) >= 1 and entries[:-1] == tuple(rest) and entries == group.shape("biases") and entries[-1] > 0
    group.require(fits, f"scales have the shape {list(entries)}, biases {list(group.shape('biases'))}")
    bits, block = _sizes(group, words, entries[-1])
    size = block * entries[-1]
    shape, grid = (*rest, size), Grid(entries, (1,) * len(rest) + (block,))

    def read() -> np.ndarray:
        packed = group.read("weight")

        def codes(start: int, stop: int) -> np.ndarray:
            return unpack_stream(packed[start:stop], bits, size)

        offset = (grid, group.floats("biases"))
        return dequantised(shape, codes, (grid, group.floats("scales")), offset=offset, rounded=group.dtype("scales"))

    return Unpacked(group.name, shape, f"int{bits} in groups of {block}", read)


def _sizes(group: ArrayGroup, words: int, entries: int) -> tuple[int, int]:
    """Bits and inputs to a scale: as the configuration says for this module or for all, else as the shapes allow."""
    fit = [
        (bits, block) for bits in (2, 3, 4, 5, 6, 8) for block in (32, 64, 128) if words * 32 == bits * block * entries
    ]
    for section in (quantisation(group.stored.config).get(group.name.removesuffix(".weight")), _said(group)):
        if isinstance(section, Mapping) and "bits" in section:
            said = (section.get("bits"), section.get("group_size", 64))
            group.require(said in fit, f"config.json says {said[0]} bits in groups of {said[1]}, its shapes do not")
            return fit[fit.index(said)]
    group.require(bool(fit), f"{words} words and {entries} scales to a row go together in no way that MLX knows")
    group.require(len(fit) == 1, f"it may have {' or '.join(f'{b} bits' for b, _ in fit)}", "add its config.json")
    return fit[0]


def _said(group: ArrayGroup) -> Mapping:
    return quantisation(group.stored.config)


def _float_mode(group: ArrayGroup) -> str:
    """The mode of codes that are floating-point numbers: as configured, else the one that the shapes allow."""
    (words,), (entries,) = group.shape("weight")[-1:], group.shape("scales")[-1:]
    fit = [mode for mode, (block, bits) in _FLOATS.items() if words * 32 == bits * block * entries]
    own = quantisation(group.stored.config).get(group.name.removesuffix(".weight"))
    said = own.get("mode") if isinstance(own, Mapping) else _said(group).get("mode")
    found = [mode for mode in fit if mode == said] or fit
    group.require(len(found) == 1, f"{words} words and {entries} scales to a row belong to no mode that is said")
    return found[0]


def _unpacked_floats(group: ArrayGroup) -> Unpacked:
    mode = _float_mode(group)
    block, bits = _FLOATS[mode]
    *rest, entries = group.shape("scales")
    group.require(tuple(rest) == group.shape("weight")[:-1], f"its scales have the shape {[*rest, entries]}")
    shape, grid = (*rest, entries * block), Grid((*rest, entries), (1,) * len(rest) + (block,))

    def read() -> np.ndarray:
        packed, scales = group.read("weight"), group.read("scales")
        scale = as_float32(scales, "F8_E4M3") if mode == "nvfp4" else from_exponents(scales)

        def codes(start: int, stop: int) -> np.ndarray:
            octets = as_octets(packed[start:stop])
            return fp4_of(octets) if bits == 4 else as_float32(octets, "F8_E4M3")

        return dequantised(shape, codes, (grid, scale))

    return Unpacked(group.name, shape, f"{mode} in groups of {block}", read)


AFFINE = Scheme(
    "MLX",
    by_suffixes(
        "MLX",
        "weight",
        {"scales": "scales", "biases": "biases"},
        needs=("scales", "biases"),
        fits=lambda group: group.dtype("weight") == "U32",
    ),
    _unpacked_affine,
)
FLOATS = Scheme(
    "MLX floating-point codes",
    by_suffixes(
        "MLX floating-point codes",
        "weight",
        {"scales": "scales", "biases": "biases"},
        needs=("scales",),
        fits=lambda group: group.dtype("weight") == "U32" and group.dtype("scales") == "U8" and "biases" not in group,
    ),
    _unpacked_floats,
)
