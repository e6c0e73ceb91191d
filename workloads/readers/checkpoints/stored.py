"""Named arrays of a checkpoint, whatever its container: the one thing that containers give and all else works on.

container (safetensors, .npz, GGUF, HDF5) -> `StoredArrays` -> `packed`: quantised and masked weights -> `Weights`
    -> `roles`: which are operands of products, and how they lie -> `found.FoundLayer`
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from workloads.readers.source import Source


@dataclass(frozen=True)
class StoredArray:
    """An array that can be read: `dtype` in safetensors' words (`F32`, `BF16`, `F8_E4M3`, `I32`, `U8`, `BOOL`)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray | csr_array]
    """**Raises** `InputError`."""


@dataclass(frozen=True)
class StoredArrays:
    """What a container holds."""

    source: Source
    arrays: Mapping[str, StoredArray]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Of the container itself (`__metadata__` of safetensors)."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """`config.json` (and `quantize_config.json` as its `quantization_config`) beside it; empty where there is none."""


@dataclass(frozen=True)
class Weights:
    """One array of weights as the network computes with it: unpacked, masks applied, scales that are no zero left off.

    `read` gives [out, in, ...] unless `roles` has to turn it; zeros are where the weight is exactly zero.
    """

    name: str
    shape: tuple[int, ...]
    values: str
    """As `bfloat16`, `int4 in groups of 128`."""
    read: Callable[[], np.ndarray | csr_array]
    """A sparse matrix where the file holds one, too large to be written out."""
