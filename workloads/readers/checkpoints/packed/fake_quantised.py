"""Floating-point weights that the network rounds to a quantised grid whenever it computes: small ones become zero.

Jacob et al., arXiv:1712.05877; torch.ao.quantization `FakeQuantize` (`weight_fake_quant.scale`, `.zero_point`,
`.fake_quant_enabled`); compressed-tensors saved uncompressed (`weight` in floating point beside `weight_scale`).
"""

import numpy as np

from workloads.readers.checkpoints.packed.floats import FLOATS
from workloads.readers.checkpoints.packed.grids import Grid, dequantised, grid_over
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import method, weight_arguments

_NAME = "fake-quantised"


def _rounded(group: ArrayGroup, bits: int | None) -> Unpacked:
    shape = group.shape("weight")
    grid = grid_over(group, "scale", shape)
    over = grid_over(group, "zero", shape) if "zero" in group else None
    width = f"int{bits}" if bits else "whole numbers"
    for role in ("enabled", "observing"):
        single = role not in group or int(np.prod(group.shape(role))) == 1
        group.require(single, "it says more than once whether it is in use")

    def read() -> np.ndarray:
        weights, scale = group.floats("weight"), group.floats("scale")
        if not _in_use(group, scale):
            return weights
        zero = group.floats("zero") if over is not None else np.zeros((1,) * len(shape), np.float32)
        zeros = (over or Grid((1,) * len(shape), shape), zero)
        safe = np.where(scale > 0, scale, np.float32(1))

        def codes(start: int, stop: int) -> np.ndarray:
            by = np.rint(weights[start:stop] / grid.rows(safe, shape, start, stop))
            by += zeros[0].rows(zeros[1], shape, start, stop)
            return by if bits is None else np.clip(by, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)

        return dequantised(shape, codes, (grid, scale), zeros)

    return Unpacked(group.name, shape, f"{width}, fake-quantised {grid.words(shape)}", read)


def _in_use(group: ArrayGroup, scale: np.ndarray) -> bool:
    """Whether the network rounds: not where it is switched off, nor before any scale was observed."""
    enabled = "enabled" not in group or bool(group.floats("enabled").any())
    observing = "observing" in group and bool(group.floats("observing").any())
    return enabled and not (observing and bool((scale == 1).all()))


def _bits_said(group: ArrayGroup) -> int | None:
    """Of whole numbers, where the configuration says one width for all."""
    said = {(args.get("num_bits"), args.get("type", "int")) for args in weight_arguments(group.stored.config)}
    said = {one for one in said if isinstance(one[0], int)}
    (bits, kind) = said.pop() if len(said) == 1 else (None, "")
    return bits if kind == "int" and isinstance(bits, int) and 0 < bits <= 8 else None


def _is_compressed_tensors(group: ArrayGroup) -> bool:
    floats = group.dtype("weight") in ("BF16", "F16", "F32") and group.dtype("scale") in FLOATS
    return floats and method(group.stored.config) == "compressed-tensors" and _bits_said(group) is not None


SCHEMES = (
    Scheme(
        _NAME,
        by_suffixes(
            _NAME,
            "weight",
            {
                "scale": "weight_fake_quant.scale",
                "zero": "weight_fake_quant.zero_point",
                "enabled": "weight_fake_quant.fake_quant_enabled",
                "observing": "weight_fake_quant.observer_enabled",
            },
            needs=("scale",),
            fits=lambda group: group.dtype("weight") in ("BF16", "F16", "F32", "F64"),
        ),
        lambda group: _rounded(group, None),
    ),
    Scheme(
        _NAME,
        by_suffixes(
            _NAME,
            "weight",
            {"scale": "weight_scale", "zero": "weight_zero_point"},
            needs=("scale",),
            fits=_is_compressed_tensors,
        ),
        lambda group: _rounded(group, _bits_said(group)),
    ),
)
