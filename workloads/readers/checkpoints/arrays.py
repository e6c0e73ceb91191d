"""Arrays of weights: the types they are stored in, and one of them as the matrix of a layer."""

import ml_dtypes
import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.source import Source

MOST_NONZEROS = 200_000_000
"""Taken from one array: in memory about 2 GB. What has more is read in parts, `FILE#PATTERN`."""
BLOCK = 4_000_000
"""Values that are looked at together."""

STORED_TYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    **{f"U{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"I{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"F{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "F4": np.dtype(ml_dtypes.float4_e2m1fn),
    "C64": np.dtype("<c8"),
    "C128": np.dtype("<c16"),
}
"""The words of safetensors for types, and what NumPy (with ml_dtypes) has for them."""


def stored_type(dtype: np.dtype) -> str | None:
    """The word for a type of NumPy's, either byte order; None for what holds no numbers."""
    little = dtype.newbyteorder("<")
    return next((word for word, known in STORED_TYPES.items() if known == little), None)


def as_layer(source: Source, name: str, weights: np.ndarray) -> csr_array:
    """Weights as a matrix [out, all else], values in 32 bits unless they have 64. May hold no non-zero.

    **Raises** `InputError` for values that are no finite real numbers, and for what has no entries or too many.
    """
    if weights.dtype.kind == "c" or (weights.dtype.kind not in "biuf" and stored_type(weights.dtype) is None):
        raise InputError(f"{source}: {name} has the type {weights.dtype}, not real numbers; save it as float32.")
    if weights.size == 0:
        raise InputError(f"{source}: {name} has the shape {list(weights.shape)}, no entries; remove it.")
    flat = weights.reshape(weights.shape[0], -1)
    wide = np.float64 if weights.dtype.itemsize == 8 else np.float32
    step = max(1, BLOCK // flat.shape[1])
    values, columns, counts, total = [], [], [], 0
    for top in range(0, len(flat), step):
        block = flat[top : top + step]
        kept = _nonzero(block)
        counts.append(np.count_nonzero(kept, axis=1))
        total += int(counts[-1].sum())
        if total > MOST_NONZEROS:
            raise _too_many(source, name)
        values.append(block[kept].astype(wide))
        if not np.isfinite(values[-1]).all():
            raise InputError(f"{source}: {name} holds values that are NaN or infinite; replace or remove them.")
        columns.append(np.broadcast_to(np.arange(flat.shape[1], dtype=np.int32), block.shape)[kept])
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int32)
    return csr_array((np.concatenate(values), np.concatenate(columns), starts), shape=flat.shape)


def block_diagonal(matrix: csr_array, groups: int) -> csr_array:
    """Rows of equal groups, each over inputs of its own: [out, in] becomes [out, groups x in]."""
    rows, columns = matrix.shape
    group = np.repeat(np.arange(rows) * groups // rows, np.diff(matrix.indptr))
    wide = columns * groups
    kind = np.int32 if wide < 2**31 else np.int64
    indices = (matrix.indices.astype(kind) + group.astype(kind) * columns).astype(kind)
    return csr_array((matrix.data, indices, matrix.indptr), shape=(rows, wide))


def _nonzero(block: np.ndarray) -> np.ndarray:
    """Where values are not zero, of either sign; by their bits where NumPy would turn each of them into a float."""
    name, bits = block.dtype.name, 8 * block.dtype.itemsize
    if bits > 16 or "float" not in name or name.endswith("fnuz") or name.startswith("float4") or "e8m0" in name:
        return block != 0
    return (block.view(f"u{bits // 8}") & (2 ** (bits - 1) - 1)) != 0


def _too_many(source: Source, name: str) -> InputError:
    what = f"{source}: has more than {MOST_NONZEROS} non-zeros up to {name}; read some of its layers with FILE#PATTERN"
    return InputError(f"{what}, as in {source.path.name}#*{name.rpartition('.')[0] or name}*.")
