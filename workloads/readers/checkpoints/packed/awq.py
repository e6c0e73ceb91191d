"""AWQ: codes of 4 bits in words of 32 along the outputs, stored [in, out / 8] in the order 0 2 4 6 1 3 5 7.

Lin et al., AWQ, arXiv:2306.00978; format: github.com/casper-hansen/AutoAWQ `modules/linear` (`gemm.py`; `gemv.py`
stores [out, in / 8] in plain order with zero points and scales [out, groups], padded).
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import as_words, unpack_stream
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import number, quantisation

_SHIFTS = np.array([0, 16, 4, 20, 8, 24, 12, 28], np.uint32)
"""Of outputs 0 to 7 in a word: number i of the order stands at bit 4 i."""
_PARTS = {"scales": "scales", "qzeros": "qzeros"}


def _is_gemm(group: ArrayGroup) -> bool:
    words, zeros, scales = (group.shape(role) for role in ("qweight", "qzeros", "scales"))
    types = group.dtype("qweight") == group.dtype("qzeros") and group.dtype("qweight") in ("I32", "U32")
    flat = len(words) == len(zeros) == len(scales) == 2 and types
    return flat and words[1] * 8 == scales[1] and zeros == (scales[0], words[1]) and words[0] >= scales[0]


def _unpacked_gemm(group: ArrayGroup) -> Unpacked:
    size, out = group.shape("qweight")[0], group.shape("qweight")[1] * 8
    entries = group.shape("scales")[0]
    group.require(number(group.stored.config, "bits", "w_bit") in (None, 4), "config.json says other than 4 bits")
    group.require(size % entries == 0, f"{size} inputs fall into no {entries} equal groups")
    grid = Grid((out, entries), (1, size // entries))

    def read() -> np.ndarray:
        packed = group.read("qweight")
        zero = (grid, np.ascontiguousarray(_in_order(group.read("qzeros")).T).astype(np.float32))

        def codes(start: int, stop: int) -> np.ndarray:
            first = start // 8
            return _in_order(packed[:, first : -(-stop // 8)]).T[start - 8 * first : stop - 8 * first]

        return dequantised((out, size), codes, (grid, np.ascontiguousarray(group.floats("scales").T)), zero)

    return Unpacked(group.name, (out, size), f"int4 {grid.words((out, size))}", read)


def _in_order(words: np.ndarray) -> np.ndarray:
    """[rows, words] -> [rows, 8 words] uint8."""
    found = (as_words(words)[..., None] >> _SHIFTS) & np.uint32(15)
    return found.astype(np.uint8).reshape(words.shape[0], -1)


def _is_gemv(group: ArrayGroup) -> bool:
    words, zeros, scales = (group.shape(role) for role in ("qweight", "qzeros", "scales"))
    types = group.dtype("qweight") == group.dtype("qzeros") and group.dtype("qweight") in ("I32", "U32")
    flat = len(words) == len(zeros) == len(scales) == 2 and types
    said = str(quantisation(group.stored.config).get("version", "gemv")).lower()
    return flat and said == "gemv" and words[0] == zeros[0] == scales[0] and zeros[1] * 8 == scales[1]


def _unpacked_gemv(group: ArrayGroup) -> Unpacked:
    shape = (group.shape("qweight")[0], group.shape("qweight")[1] * 8)
    block = number(group.stored.config, "group_size", "q_group_size")
    group.require(block is not None, "its padded scales do not tell the size of a group", "add its config.json")
    block = block if block and block > 0 else shape[1]
    used, padded = -(-shape[1] // block), group.shape("scales")[1]
    group.require(used <= padded, f"{shape[1]} inputs in groups of {block} take more than {padded} scales")
    grid = Grid((shape[0], used), (1, block))

    def read() -> np.ndarray:
        packed = group.read("qweight")
        zero = (grid, unpack_stream(group.read("qzeros"), 4, used).astype(np.float32))
        scale = (grid, np.ascontiguousarray(group.floats("scales")[:, :used]))
        return dequantised(shape, lambda start, stop: unpack_stream(packed[start:stop], 4, shape[1]), scale, zero)

    return Unpacked(group.name, shape, f"int4 {grid.words(shape)}", read)


GEMM = Scheme("AWQ", by_suffixes("AWQ", "qweight", _PARTS, needs=("scales", "qzeros"), fits=_is_gemm), _unpacked_gemm)
GEMV = Scheme(
    "AWQ for GEMV",
    by_suffixes("AWQ for GEMV", "qweight", _PARTS, needs=("scales", "qzeros"), fits=_is_gemv),
    _unpacked_gemv,
)
