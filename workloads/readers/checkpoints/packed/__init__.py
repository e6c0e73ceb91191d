"""From the named arrays of a checkpoint to its weights as the network computes with them.

The arrays of a group (codes, scales, zero points, permutations, masks) become one weight under the name and shape that
the same model has unpacked; every other array passes unchanged. Zeros are those of the unpacked weight.

| module | schemes |
|---|---|
| `sparse_parts` | COO, CSR, CSC, BSR by parts |
| `bitmask`, `pack_quantized`, `marlin_24` | compressed-tensors |
| `gptq`, `awq`, `hqq`, `quanto`, `mlx`, `torchao`, `bitnet`, `bitsandbytes` | of these names |
| `four_bit_floats` | NVFP4, MXFP4, MXFP6, ModelOpt |
| `scaled`, `zero_points` | int8 and FP8 with scales and zero points |
| `masks`, `norms`, `fake_quantised` | pruning, reparametrisation, quantisation-aware training |
| `refusals` | what is refused by name |
| `leftovers` | arrays of no group |
| `scheme`, `settings` | what a scheme is; what a configuration says |
| `bits`, `floats`, `grids` | codes from words, small floating-point types, scales over weights |
"""

from dataclasses import replace
from functools import partial

import numpy as np
from scipy.sparse import csr_array

from workloads.readers.checkpoints.packed import (
    awq,
    bitmask,
    bitnet,
    bitsandbytes,
    fake_quantised,
    four_bit_floats,
    gptq,
    hqq,
    leftovers,
    marlin_24,
    masks,
    mlx,
    norms,
    pack_quantized,
    quanto,
    refusals,
    scaled,
    sparse_parts,
    torchao,
)
from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, told
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays, Weights
from workloads.readers.found import LeftOut

SCHEMES: tuple[Scheme, ...] = (
    sparse_parts.SCHEME,
    *bitmask.SCHEMES,
    *masks.BEFORE,
    marlin_24.SCHEME,
    pack_quantized.SCHEME,
    four_bit_floats.FP6,
    four_bit_floats.COMPRESSED_TENSORS,
    awq.GEMV,
    awq.GEMM,
    gptq.SCHEME,
    bitsandbytes.SCHEME,
    scaled.LLM_INT8,
    bitnet.SCHEME,
    four_bit_floats.MODELOPT,
    four_bit_floats.MODELOPT_INT4,
    four_bit_floats.DEEPSEEK,
    four_bit_floats.GPT_OSS,
    hqq.SCHEME,
    mlx.AFFINE,
    mlx.FLOATS,
    torchao.SCHEME,
    quanto.SCHEME,
    *scaled.SCHEMES,
    *masks.AFTER,
    *norms.SCHEMES,
    *fake_quantised.SCHEMES,
)
"""In the order in which they look for groups: an array belongs to the first that takes it."""


def unpacked(stored: StoredArrays) -> tuple[list[Weights], list[LeftOut], list[str]]:
    """The weights of a checkpoint's arrays, unpacked when read; what is none; and notes.

    Reads headers and small arrays (sizes, settings) only. **Raises** `InputError`, one sentence, for schemes that are
    not read and for arrays of a group that contradict each other.
    """
    refusals.refuse_known(stored)
    arrays, words, notes = dict(stored.arrays), {}, {}
    left = replace(stored, arrays=arrays)
    for scheme in SCHEMES:
        for group in scheme.find(left):
            with told(group):
                found = scheme.unpack(group)
            _replace(arrays, words, group, found)
            notes |= {found.note: None} if found.note else {}
    passed = list(leftovers.pass_on(left, words))
    weights = [one for one in passed if isinstance(one, Weights)]
    return weights, [one for one in passed if isinstance(one, LeftOut)], list(notes)


def _read(group: ArrayGroup, found: Unpacked) -> np.ndarray | csr_array:
    with told(group):
        return found.read()


def _replace(arrays: dict[str, StoredArray], words: dict[str, str], group: ArrayGroup, found: Unpacked) -> None:
    """Puts what a group became in place of its arrays, last of all."""
    before = group.parts.get("weight")
    values = found.values or words.get(before.name if before else "", "") or WORDS.get(found.dtype, found.dtype)
    for part in group.parts.values():
        arrays.pop(part.name, None)
        words.pop(part.name, None)
    group.require(found.name not in arrays, f"{found.name} is stored beside it", "keep one of the two")
    arrays[found.name] = StoredArray(found.name, found.shape, found.dtype, partial(_read, group, found))
    words[found.name] = values
