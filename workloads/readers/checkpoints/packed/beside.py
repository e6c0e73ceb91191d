"""Masks in a file of their own, beside that of the weights: they are laid upon the weights of the same names."""

from dataclasses import replace

from workloads.readers.checkpoints.packed.floats import FLOATS
from workloads.readers.checkpoints.stored import StoredArrays


def with_masks(weights: StoredArrays, masks: StoredArrays) -> StoredArrays | None:
    """The weights with their masks as arrays `NAME_mask`, which `unpacked` applies; None where these are no masks.

    They are where every array of theirs has the name and shape of a weight in floating point, and either holds truth
    values or bytes or comes from a file that is called after masks.
    """
    named = "mask" in masks.source.name.lower()
    for name, mask in masks.arrays.items():
        stem = name.removesuffix("_mask")
        weight = weights.arrays.get(stem)
        floats = weight is not None and weight.dtype in FLOATS and weight.shape == mask.shape
        if not floats or not (named or mask.dtype in ("BOOL", "U8", "I8")):
            return None
    if not masks.arrays:
        return None
    laid = {
        f"{name.removesuffix('_mask')}_mask": replace(mask, name=f"{name.removesuffix('_mask')}_mask")
        for name, mask in masks.arrays.items()
    }
    return replace(weights, arrays={**weights.arrays, **laid})
