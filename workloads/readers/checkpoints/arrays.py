"""An array of weights as the matrix of a layer."""

import ml_dtypes  # noqa: F401  (its import makes bfloat16 a type of NumPy)
import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.source import Source

MOST_NONZEROS = 200_000_000
"""Taken from one array: in memory about 2 GB. What has more is read in parts, `FILE#PATTERN`."""


def as_layer(source: Source, name: str, weights: np.ndarray) -> csr_array:
    """Weights as a matrix [out, all else], values in 32 bits unless they have 64; `InputError` for bad values."""
    if weights.dtype.kind not in "biuf" and weights.dtype != np.dtype("bfloat16"):
        raise InputError(f"{source}: {name} has the type {weights.dtype}, not real numbers; save it as float32.")
    if weights.size == 0:
        raise InputError(f"{source}: {name} has the shape {list(weights.shape)}, no entries; remove it.")
    flat = weights.reshape(weights.shape[0], -1)
    kept = flat != 0
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(kept, axis=1))])
    if starts[-1] == 0:
        raise InputError(f"{source}: {name} holds no non-zero; remove it, or keep one of its weights.")
    if starts[-1] > MOST_NONZEROS:
        raise _too_many(source, name)
    values = flat[kept]
    values = values.astype(np.float64 if values.dtype.itemsize == 8 else np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{source}: {name} holds values that are NaN or infinite; replace or remove them.")
    columns = np.broadcast_to(np.arange(flat.shape[1], dtype=np.int32), flat.shape)[kept]
    return csr_array((values, columns, starts.astype(np.int32)), shape=flat.shape)


def _too_many(source: Source, name: str) -> InputError:
    what = f"{source}: has more than {MOST_NONZEROS} non-zeros up to {name}; read some of its layers with FILE#PATTERN"
    return InputError(f"{what}, as in {source.path.name}#*{name.rpartition('.')[0] or name}*.")
