"""Quantised and masked arrays as the weights that the network computes with."""

from workloads.readers.checkpoints.arrays import words_of_dtype
from workloads.readers.checkpoints.stored import Stored, Weights
from workloads.readers.found import LeftOut


def unpacked(stored: Stored) -> tuple[list[Weights], list[LeftOut]]:
    """Every array as it is."""
    found = [Weights(one.name, one.shape, words_of_dtype(one.dtype), one.read) for one in stored.arrays.values()]
    return found, []
