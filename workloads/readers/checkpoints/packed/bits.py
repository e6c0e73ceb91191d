"""Whole numbers of 1 to 8 bits out of the words that they are packed in."""

import numpy as np


def unpack_stream(words: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Numbers that follow each other without gaps, low bits first: [..., words] -> [..., count] uint8.

    Words have 8, 16 or 32 bits; a number may reach over into the next word.
    """
    octets = as_octets(words)
    if bits == 8:
        return octets[..., :count]
    if 8 % bits == 0:
        each = 8 // bits
        found = np.empty((*octets.shape, each), np.uint8)
        for at in range(each):
            np.bitwise_and(octets >> np.uint8(at * bits), np.uint8((1 << bits) - 1), out=found[..., at])
        return found.reshape(*octets.shape[:-1], -1)[..., :count]
    return _unpack_uneven(octets, bits, count)


def unpack_padded(words: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Numbers of which as many stand in 32 bits as fit whole, low bits first: [..., words] -> [..., count] uint8."""
    each = 32 // bits
    shifts = (np.arange(each) * bits).astype(np.uint32)
    found = (as_words(words)[..., None] >> shifts) & np.uint32((1 << bits) - 1)
    return found.astype(np.uint8).reshape(*words.shape[:-1], -1)[..., :count]


def as_octets(words: np.ndarray) -> np.ndarray:
    """The bytes of whole numbers along the last axis, lowest first."""
    little = np.ascontiguousarray(words.astype(words.dtype.newbyteorder("<"), copy=False))
    return little.view(np.uint8)


def as_words(words: np.ndarray) -> np.ndarray:
    """Whole numbers of 32 bits, unsigned."""
    return np.ascontiguousarray(words.astype(words.dtype.newbyteorder("="), copy=False)).view(np.uint32)


def _unpack_uneven(octets: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Eight numbers of 3, 5, 6 or 7 bits lie in as many bytes as they have bits."""
    rounds = -(-count // 8)
    short = rounds * bits - octets.shape[-1]
    if short > 0:
        octets = np.concatenate([octets, np.zeros((*octets.shape[:-1], short), np.uint8)], axis=-1)
    octets = octets[..., : rounds * bits].reshape(*octets.shape[:-1], rounds, bits).astype(np.uint16)
    found = np.empty((*octets.shape[:-1], 8), np.uint8)
    for at in range(8):
        first, shift = divmod(at * bits, 8)
        value = octets[..., first] >> np.uint16(shift)
        if shift + bits > 8:
            value = value | (octets[..., first + 1] << np.uint16(8 - shift))
        found[..., at] = value & np.uint16((1 << bits) - 1)
    return found.reshape(*found.shape[:-2], -1)[..., :count]
