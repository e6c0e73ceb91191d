"""Weights that are stored as integers: a weight is zero where its code equals the zero point.

Sources: ONNX operators `QuantizeLinear`, `DequantizeLinear`; ONNX Runtime's `MatMulNBits`, ContribOperators.md; QONNX
(Pappalardo et al., arXiv:2206.07527) for `Quant` and `BipolarQuant`.
"""

import math

import numpy as np

from workloads.readers.onnx_graphs.constants import StoredConstant, Unread
from workloads.readers.onnx_graphs.nodes import Node

_ROUNDINGS = {
    "ROUND": np.rint, "HALF_EVEN": np.rint, "CEIL": np.ceil, "FLOOR": np.floor, "ROUND_TO_ZERO": np.trunc,
    "DOWN": np.trunc, "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}  # fmt: skip


def without_zero_point(weights: StoredConstant, zero: StoredConstant | None, axis: int) -> StoredConstant:
    """Codes less their zero point: one number, one along an axis, or an array that broadcasts."""
    if zero is None:
        return weights
    rank = len(weights.shape)

    def make(codes: np.ndarray, zeros: np.ndarray) -> np.ndarray:
        return codes.astype(np.int32) - along(zeros.astype(np.int32), rank, axis)

    return weights.then(weights.shape, make, zero)


def along(values: np.ndarray, rank: int, axis: int) -> np.ndarray:
    """One number, or one along an axis, so that it broadcasts with an array of a rank."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if at == axis % rank else 1 for at in range(rank)]) if values.ndim == 1 else values


def dequantised(node: Node, codes: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    """(codes - zero) x scale in float32: per tensor, along an axis, or in blocks along it."""
    exact = codes.astype(np.int32) if codes.dtype.kind in "iu" and codes.dtype.itemsize < 8 else codes
    exact = exact if exact.dtype.kind == "i" else exact.astype(np.float32)
    if zero is not None:
        exact = exact - _like(node, zero.astype(exact.dtype), codes.shape)
    return exact.astype(np.float32) * _like(node, scale.astype(np.float32), codes.shape)


def to_codes(node: Node, to: np.dtype, values: np.ndarray, scale: np.ndarray, zero: np.ndarray | None) -> np.ndarray:
    """round(values / scale) + zero, saturated, in the type `to`."""
    import ml_dtypes

    scaled = values.astype(np.float32) / _like(node, scale.astype(np.float32), values.shape)
    try:
        limits = ml_dtypes.iinfo(to)
    except ValueError:
        most = float(ml_dtypes.finfo(to).max)
        return np.clip(scaled, -most, most).astype(to)
    codes = np.rint(scaled) + (0 if zero is None else _like(node, zero.astype(np.float32), values.shape))
    return np.clip(codes, int(limits.min), int(limits.max)).astype(np.int32).astype(to)


def _like(node: Node, one: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Scales or zero points so that they broadcast: one, one along `axis`, or one a block along it."""
    axis = node.number("axis", 1)
    if one.ndim != len(shape) or one.shape == shape or one.size == 1 or len(shape) < 2:
        return along(one, len(shape), axis)
    block = node.number("block_size", 0) or -(-shape[axis] // one.shape[axis])
    return np.repeat(one, block, axis)[tuple(slice(side) for side in shape)]


def fake_quantised(node: Node, values: np.ndarray, scale: np.ndarray, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """QONNX's `Quant`: quantised to a number of bits and back."""
    signed, narrow = node.number("signed", 1), node.number("narrow", 0)
    rounding = _ROUNDINGS.get(node.text("rounding_mode", "ROUND").upper())
    if rounding is None:
        raise ValueError(f"rounding {node.text('rounding_mode', '')!r} is unknown")
    width = float(bits.reshape(-1)[0])
    least = -(2.0 ** (width - 1)) + narrow if signed else 0.0
    most = 2.0 ** (width - 1) - 1 if signed else 2.0**width - 1 - narrow
    codes = np.clip(rounding(values / scale + zero), least, most)
    return ((codes - zero) * scale).astype(np.float32)


def unpacked_bits(node: Node, at: int = 1) -> StoredConstant:
    """The weights [N, K] of a `MatMulNBits`: codes packed low bits first along K, zero points likewise along blocks."""
    n, k, bits = node.number("N", 0), node.number("K", 0), node.number("bits", 4)
    block = node.number("block_size", 0)
    if bits not in (2, 4, 8) or min(n, k) < 1 or block < 1 or block * bits % 8:
        raise Unread(f"are packed in {bits} bits and blocks of {block}, which is not read")
    blocks, shape = -(-k // block), (n, k)
    packed, scales, zeros = node.constant(at), node.constant(at + 1), node.zero_point(at + 2)
    group = node.zero_point(at + 3)
    if packed is None or scales is None:
        raise Unread("are no stored codes and scales")
    if math.prod(packed.shape) != n * blocks * block * bits // 8 or math.prod(scales.shape) != n * blocks:
        sizes = f"{list(packed.shape)} and {list(scales.shape)}"
        raise Unread(f"have codes and scales of the shapes {sizes}, which do not make {n} x {k}")

    def make(packed, scales, zeros, group) -> np.ndarray:
        codes = _unpacked(packed.reshape(n, -1), bits)[:, :k].astype(np.float32)
        of = np.arange(k) // block if group is None else group.astype(np.int64)
        if zeros is None:
            codes -= 2 ** (bits - 1)
        elif zeros.dtype == np.uint8:
            codes -= _unpacked(zeros.reshape(n, -1), bits)[:, :blocks].astype(np.float32)[:, of]
        else:
            codes -= zeros.reshape(n, blocks).astype(np.float32)[:, of]
        return codes * scales.reshape(n, blocks).astype(np.float32)[:, of]

    made = packed.then(shape, make, scales, zeros, group)
    return StoredConstant(shape, f"int{bits} in groups of {block}", made.make, made.of)


def _unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    """Bytes [n, b] as codes [n, b x 8 / bits], low bits first."""
    parts = [packed >> shift & (2**bits - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, axis=-1).reshape(len(packed), -1)
