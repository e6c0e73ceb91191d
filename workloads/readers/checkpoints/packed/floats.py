"""Floating-point values of 4, 8, 16 and 32 bits as float32.

FP4 E2M1, FP8 E4M3 and E5M2, E8M0: OCP Microscaling Formats (MX) Specification v1.0, 2023, section 5; Micikevicius et
al., FP8 Formats for Deep Learning, arXiv:2209.05433.
"""

import ml_dtypes
import numpy as np

_TYPES = {
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu,
    "BF16": ml_dtypes.bfloat16,
}
FLOATS = ("F64", "F32", "F16", *_TYPES)
FP8 = tuple(word for word in _TYPES if word.startswith("F8_") and word != "F8_E8M0")

WORDS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "mask", "F4": "float4 e2m1",
    "F8_E4M3": "float8 e4m3", "F8_E5M2": "float8 e5m2", "F8_E8M0": "float8 e8m0", "F8_E4M3FNUZ": "float8 e4m3 fnuz",
    "F8_E5M2FNUZ": "float8 e5m2 fnuz", "F6_E2M3": "float6 e2m3", "F6_E3M2": "float6 e3m2", "C64": "complex64",
    **{f"{letter}{bits}": f"{'u' * (letter == 'U')}int{bits}" for letter in "IU" for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""A type of safetensors in words."""

FP4_VALUES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
"""Of the codes 0 to 15 of E2M1."""


def as_float32(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values of a type in safetensors' words, given as such or as the bytes of it."""
    kind = _TYPES.get(dtype)
    if kind is not None and values.dtype.kind in "iu" and values.dtype.itemsize == np.dtype(kind).itemsize:
        values = values.view(kind)
    if values.dtype.itemsize == 1 and values.dtype.kind not in "iub":
        table = np.arange(256, dtype=np.uint8).view(values.dtype).astype(np.float32)
        return table[values.view(np.uint8)]
    return values.astype(np.float32)


def from_exponents(codes: np.ndarray) -> np.ndarray:
    """Bytes of E8M0 as float32: two to the power of the byte less 127; 255 is no number."""
    return as_float32(np.ascontiguousarray(codes).view(np.uint8), "F8_E8M0")


def fp4_of(pairs: np.ndarray) -> np.ndarray:
    """Two E2M1 values of every byte, the low four bits first: [..., n] uint8 -> [..., 2 n] float32."""
    table = FP4_VALUES[np.stack([np.arange(256) & 15, np.arange(256) >> 4], axis=1)]
    return table[pairs].reshape(*pairs.shape[:-1], -1)
