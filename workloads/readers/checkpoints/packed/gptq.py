"""GPTQ: codes of 2, 3, 4 or 8 bits in words of 32 along the inputs, stored [in, out].

Frantar et al., GPTQ, arXiv:2210.17323; format: github.com/AutoGPTQ/AutoGPTQ `nn_modules/qlinear`, and GPTQModel's
`checkpoint_format`. `gptq` stores zero points less one, `gptq_v2` as they are; `g_idx` gives each input's group.
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_stream
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import method, number, quantisation

_BITS = (2, 3, 4, 8)


def _is_gptq(group: ArrayGroup) -> bool:
    """[in * bits / 32, out] words beside [groups, out] scales."""
    words, scales = group.shape("qweight"), group.shape("scales")
    if group.dtype("qweight") not in ("I32", "U32") or len(words) != 2 or len(scales) != 2:
        return False
    return words[1] == scales[1] and words[0] >= scales[0] / 16 and not method(group.stored.config).startswith("awq")


def _unpacked(group: ArrayGroup) -> Unpacked:
    rows, out = group.shape("qweight")
    entries = group.shape("scales")[0]
    bits = _bits(group)
    group.require(bits in _BITS, f"its zero points have {bits:g} bits, not 2, 3, 4 or 8")
    size = group.shape("g_idx")[0] if _indexed(group) else rows * 32 // bits
    group.require(
        rows == -(-size * bits // 32), f"qweight has {rows} rows, where {size} inputs of {bits} bits take more"
    )
    block = _block(group, size, entries)
    _check_format(group)

    def read() -> np.ndarray:
        packed, columns = group.read("qweight"), _columns(group, size, block, entries)
        grid = Grid((out, entries), (1, 1), columns)
        zero = (grid, np.ascontiguousarray(_zeros(group, bits, out).T))

        def codes(start: int, stop: int) -> np.ndarray:
            return unpack_stream(np.ascontiguousarray(packed[:, start:stop].T), bits, size)

        return dequantised((out, size), codes, (grid, np.ascontiguousarray(group.floats("scales").T)), zero)

    by = "by row" if entries == 1 else f"in groups of {block}"
    return Unpacked(group.name, (out, size), f"int{bits} {by}", read)


def _indexed(group: ArrayGroup) -> bool:
    return "g_idx" in group and len(group.shape("g_idx")) == 1 and group.shape("g_idx")[0] > 0


def _bits(group: ArrayGroup) -> int:
    """From the packed zero points' width; what the configuration says must agree, unless it says it by module."""
    said = number(group.stored.config, "bits", "w_bit", "num_bits")
    if "qzeros" not in group:
        symmetric = quantisation(group.stored.config).get("sym") is True and said is not None
        group.require(symmetric, "has neither qzeros nor a config.json that says bits and sym", "add its config.json")
        return int(said or 0)
    zeros, out = group.shape("qzeros"), group.shape("qweight")[1]
    words = len(zeros) == 2 and group.dtype("qzeros") in ("I32", "U32")
    group.require(words, f"qzeros has the shape {list(zeros)} and type {group.dtype('qzeros')}")
    entries, packed = zeros
    group.require(
        entries == group.shape("scales")[0], f"qzeros has {entries} rows and scales {group.shape('scales')[0]}"
    )
    fit = [bits for bits in _BITS if packed == -(-out * bits // 32)]
    mixed = any(quantisation(group.stored.config).get(name) for name in ("dynamic", "extra_config"))
    if said in fit or (said is not None and not mixed):
        agrees = said in fit
        group.require(agrees, f"config.json says {said} bits, where qzeros of {packed} words for {out} outputs has not")
        return int(said or 0)
    group.require(
        len(fit) == 1, f"qzeros of {packed} words for {out} outputs do not tell its bits", "add its config.json"
    )
    return fit[0]


def _block(group: ArrayGroup, size: int, entries: int) -> int:
    """Inputs to a group where no index says it."""
    said = number(group.stored.config, "group_size", "q_group_size")
    if said is not None and said > 0 and -(-size // said) == entries:
        return said
    group.require(_indexed(group) or size % entries == 0, f"{size} inputs fall into no {entries} equal groups")
    return max(1, size // entries)


def _columns(group: ArrayGroup, size: int, block: int, entries: int) -> np.ndarray:
    if not _indexed(group):
        return np.arange(size) // block
    columns = group.read("g_idx").astype(np.int64)
    right = columns.min() >= 0 and columns.max() < entries
    group.require(bool(right), f"g_idx names groups beyond the {entries} of scales")
    return columns


def _format(group: ArrayGroup) -> str:
    section = quantisation(group.stored.config)
    return str(section.get("checkpoint_format") or section.get("packing_format") or "").lower()


def _check_format(group: ArrayGroup) -> None:
    """Formats of kernels (Marlin, BitBLAS, QQQ) order their words in another way."""
    found = _format(group)
    known = found in ("", "gptq", "gptq_v2") or found.startswith("auto_round")
    group.require(known, f"its words are ordered for {found}, which is not read", DEQUANTISE)


def _zeros(group: ArrayGroup, bits: int, out: int) -> np.ndarray:
    """[groups, out], as they are subtracted."""
    half = 1 << (bits - 1)
    if "qzeros" not in group:
        return np.full(group.shape("scales"), half, np.float32)
    stored = unpack_stream(group.read("qzeros"), bits, out)
    return ((stored + _less(group, stored, half)) & ((1 << bits) - 1)).astype(np.float32)


def _less(group: ArrayGroup, stored: np.ndarray, half: int) -> np.uint8:
    """What was taken off the zero points when they were stored: 1 by `gptq`, 0 by `gptq_v2`.

    Where the file does not say, symmetric zero points do: they are half the range. Others are `gptq`, the older one.
    """
    found = _format(group)
    if found in ("gptq", "gptq_v2") or found.endswith(("auto_gptq", ":gptq")):
        return np.uint8(found != "gptq_v2")
    if (stored == half).all():
        return np.uint8(0)
    told = not found.startswith("auto_round") or bool((stored == half - 1).all())
    group.require(told, f"{found} does not say whether zero points are stored less one", DEQUANTISE)
    return np.uint8(1)


SCHEME = Scheme(
    "GPTQ",
    by_suffixes(
        "GPTQ", "qweight", {"scales": "scales", "qzeros": "qzeros", "g_idx": "g_idx"}, needs=("scales",), fits=_is_gptq
    ),
    _unpacked,
)
