"""Small checkpoints in every scheme of packing, written number by number as the schemes' definitions say.

Each of `CASES` gives a file's arrays (with their types in safetensors' words), configuration and metadata, and the
weight that they stand for. Nothing here is shared with the readers.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

NAME = "model.layers.0.q_proj.weight"
STEM = NAME.removesuffix("weight")
FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]


@dataclass
class Case:
    arrays: dict[str, np.ndarray]
    weight: np.ndarray
    config: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    name: str = NAME


def packed(numbers: np.ndarray, bits: int, dense: bool = True) -> np.ndarray:
    """Along the last axis into words of 32 bits, low bits first; not `dense`: as many as fit whole into each."""
    rows = numbers.reshape(-1, numbers.shape[-1])
    words = []
    for row in rows:
        if dense:
            total = sum(int(one) << (bits * at) for at, one in enumerate(row))
            count = -(-len(row) * bits // 32)
            words.append([(total >> (32 * at)) & 0xFFFFFFFF for at in range(count)])
        else:
            each = 32 // bits
            parts = [row[at : at + each] for at in range(0, len(row), each)]
            words.append([sum(int(one) << (bits * at) for at, one in enumerate(part)) for part in parts])
    return np.array(words, np.uint32).view(np.int32).reshape(*numbers.shape[:-1], -1)


def grouped(rng: np.random.Generator, out: int, size: int, groups: int, bits: int) -> tuple[np.ndarray, ...]:
    """Codes [out, in], zero points [out, groups] and float16 scales [out, groups]."""
    codes = rng.integers(0, 1 << bits, (out, size))
    return codes, rng.integers(0, 1 << bits, (out, groups)), (rng.random((out, groups)) + 0.1).astype(np.float16)


def spread(entries: np.ndarray, size: int) -> np.ndarray:
    return np.repeat(entries.astype(np.float32), -(-size // entries.shape[1]), axis=1)[:, :size]


def pack_quantized(bits: int, how: str, dense: bool = True) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        out, size, half = 6, 96, 1 << (bits - 1)
        groups = 1 if how == "channel" else 3
        codes, zeros, scales = grouped(rng, out, size, groups, bits)
        arrays = {
            f"{NAME}_packed": packed(codes, bits, dense),
            f"{NAME}_scale": scales,
            f"{NAME}_shape": np.array([out, size]),
        }
        zeros = zeros if how == "asymmetric" else np.full_like(zeros, half)
        if how == "asymmetric":
            arrays[f"{NAME}_zero_point"] = np.ascontiguousarray(packed(zeros.T, bits, dense).T)
        column = np.arange(size) // (size // groups)
        if how == "g_idx":
            column = rng.permutation(column)
            arrays[f"{NAME}_g_idx"] = column.astype(np.int32)
        config = {"quantization_config": {"config_groups": {"group_0": {"weights": {"num_bits": bits}}}}}
        return Case(arrays, (codes - zeros[:, column]) * scales[:, column].astype(np.float32), config)

    return make


def gptq(bits: int, how: str) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        out, size, groups = 32, 64, 4
        codes, zeros, scales = grouped(rng, out, size, groups, bits)
        column = np.arange(size) // 16
        config: dict[str, Any] = {"quant_method": "gptq", "bits": bits, "group_size": 16, "checkpoint_format": "gptq"}
        stored = (zeros - 1) % (1 << bits)
        if how == "v2":
            config["checkpoint_format"], stored = "gptq_v2", zeros
        if how == "symmetric v2 untold":
            config, zeros = {}, np.full_like(zeros, 1 << (bits - 1))
            stored = zeros
        arrays = {
            f"{STEM}qweight": np.ascontiguousarray(packed(codes, bits).T),
            f"{STEM}qzeros": packed(stored.T, bits),
            f"{STEM}scales": np.ascontiguousarray(scales.T),
            f"{STEM}bias": np.ones(out, np.float16),
        }
        if how == "desc_act":
            column = rng.permutation(column)
            arrays[f"{STEM}g_idx"] = column.astype(np.int32)
        weight = (codes - zeros[:, column]) * scales[:, column].astype(np.float32)
        return Case(arrays, weight, {"quantization_config": config} if config else {})

    return make


def awq(rng: np.random.Generator) -> Case:
    codes, zeros, scales = grouped(rng, 16, 32, 2, 4)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    mixed = lambda found: packed(found.reshape(len(found), -1, 8)[:, :, order].reshape(len(found), -1), 4)  # noqa: E731
    arrays = {f"{STEM}qweight": mixed(codes.T), f"{STEM}qzeros": mixed(zeros.T), f"{STEM}scales": scales.T.copy()}
    return Case(
        arrays, (codes - spread(zeros, 32)) * spread(scales, 32), {"quantization_config": {"quant_method": "awq"}}
    )


def awq_gemv(rng: np.random.Generator) -> Case:
    codes, zeros, scales = grouped(rng, 16, 64, 2, 4)
    pad = lambda found: np.pad(found, ((0, 0), (0, 6)))  # noqa: E731
    arrays = {f"{STEM}qweight": packed(codes, 4), f"{STEM}qzeros": packed(pad(zeros), 4), f"{STEM}scales": pad(scales)}
    config = {"quantization_config": {"quant_method": "awq", "version": "gemv", "group_size": 32}}
    return Case(arrays, (codes - spread(zeros, 64)) * spread(scales, 64), config)


def bitsandbytes(kind: str, nested: bool, wide: bool = False) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        out, size, block = 9, 64, 32
        codes = rng.integers(0, 16, out * size)
        table = np.sort(rng.standard_normal(16)).astype(np.float32)
        table[7] = 0
        pairs = (codes[::2] << 4 | codes[1::2]).astype(np.uint8)
        state: dict[str, Any] = {"quant_type": kind, "blocksize": block, "dtype": "float16", "shape": [out, size]}
        largest = (rng.random(out * size // block) + 0.1).astype(np.float32)
        arrays = {NAME: pairs.view(ml_dtypes.bfloat16) if wide else pairs[:, None], f"{NAME}.quant_map": table}
        if nested:
            state |= {"nested_blocksize": 8, "nested_dtype": "float32", "nested_offset": 0.25}
            inner, book = rng.integers(0, 256, len(largest)).astype(np.uint8), rng.random(256).astype(np.float32)
            outer = rng.random(-(-len(largest) // 8)).astype(np.float32)
            arrays |= {f"{NAME}.nested_quant_map": book, f"{NAME}.nested_absmax": outer}
            largest = np.array([book[one] * outer[at // 8] + np.float32(0.25) for at, one in enumerate(inner)])
        arrays[f"{NAME}.absmax"] = inner if nested else largest
        text = np.frombuffer(json.dumps(state).encode(), np.uint8)
        arrays[f"{NAME}.quant_state.bitsandbytes__{kind}"] = text
        return Case(arrays, (table[codes] * np.repeat(largest, block)).reshape(out, size))

    return make


def llm_int8(rng: np.random.Generator) -> Case:
    codes, largest = rng.integers(-127, 128, (6, 10)).astype(np.int8), rng.random(6).astype(np.float32) + 1
    arrays = {NAME: codes, f"{STEM}SCB": largest, f"{STEM}weight_format": np.uint8(0)}
    return Case(arrays, codes * largest[:, None] / 127)


def scaled(
    scale: str, shape: tuple[int, ...], dtype: type, zero: bool = False
) -> Callable[[np.random.Generator], Case]:
    """Codes [10, 24] or [2, 10, 24] and scales of a shape."""

    def make(rng: np.random.Generator) -> Case:
        size = (2, 10, 24) if len(shape) == 3 else (10, 24)
        codes = rng.integers(-8, 8, size).astype(np.float32).astype(dtype)
        scales = np.asarray(rng.random(shape) + 0.1, np.float32)
        arrays = {NAME: codes, f"{STEM}{scale}": scales}
        full = np.ones(size, np.float32)
        by = scales.reshape(scales.shape + (1,) * (len(size) - scales.ndim))
        for axis in range(len(size)):
            by = np.repeat(by, -(-size[axis] // by.shape[axis]), axis=axis)
        weight = codes.astype(np.float32)
        if zero:
            zeros = rng.integers(-8, 8, shape).astype(np.int8)
            arrays[f"{STEM}weight_zero_point"] = zeros
            weight = weight - zeros
        return Case(arrays, weight * (full * by))

    return make


def zero_points(
    codes: str, scale: str, zero: str, dtype: type, single: bool = False
) -> Callable[[np.random.Generator], Case]:
    """Codes with a zero point by row, or one for all; no scale where it has no name."""

    def make(rng: np.random.Generator) -> Case:
        low, high = (0, 256) if dtype is np.uint8 else (-128, 128)
        shape, by = (10, 24), () if single else (10, 1)
        numbers, scales = rng.integers(low, high, shape), (rng.random(by) + 0.1).astype(np.float32)
        zeros = np.asarray(rng.integers(100, 120, by)).astype(dtype)
        numbers[rng.random(shape) < 0.4] = 0
        numbers = np.where(rng.random(shape) < 0.4, zeros, numbers)
        arrays = {codes: numbers.astype(dtype), zero: zeros, **({scale: scales} if scale else {})}
        name = "fc.weight" if scale and codes == "fc.weight" else codes
        weight = (numbers - zeros.astype(np.float32)) * (scales if scale else 1)
        return Case(arrays, weight.astype(np.float32), name=name)

    return make


def fp4(case: str) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        out, size, block = 6, 64, 16 if "nvfp4" in case else 32
        codes = rng.integers(0, 16, (out, size))
        pairs = (codes[:, ::2] | codes[:, 1::2] << 4).astype(np.uint8)
        values = np.array(FP4, np.float32)[codes]
        if block == 16:
            scales = (rng.random((out, 4)) * 2 + 0.1).astype(ml_dtypes.float8_e4m3fn)
            numbers = scales.astype(np.float32)
        else:
            scales = rng.integers(120, 134, (out, 2)).astype(np.uint8)
            numbers = np.exp2(scales.astype(np.float32) - 127)
        by = np.repeat(numbers, block, axis=1)
        if case == "compressed-tensors nvfp4":
            single = np.array([3], np.float32)
            return Case(
                {f"{NAME}_packed": pairs, f"{NAME}_scale": scales, f"{NAME}_global_scale": single}, values * by / 3
            )
        if case == "compressed-tensors mxfp4":
            return Case({f"{NAME}_packed": pairs, f"{NAME}_scale": scales}, values * by)
        if case == "modelopt nvfp4":
            arrays = {
                NAME: pairs,
                f"{NAME}_scale": scales,
                f"{NAME}_scale_2": np.float32(3),
                f"{STEM}input_scale": np.float32(1),
            }
            return Case(arrays, values * by * 3)
        if case == "deepseek mxfp4":
            arrays = {NAME: pairs.view(np.int8), f"{STEM}scale": scales.view(ml_dtypes.float8_e8m0fnu)}
            return Case(arrays, values * by)
        if case == "mlx nvfp4" or case == "mlx mxfp4":
            return Case({NAME: pairs.view(np.uint32), f"{STEM}scales": scales.view(np.uint8)}, values * by)
        blocks = pairs.reshape(2, 3, 2, 16)
        arrays = {"experts.gate_up_proj_blocks": blocks, "experts.gate_up_proj_scales": scales.reshape(2, 3, 2)}
        weight = np.swapaxes((values * by).reshape(2, 3, 64), 1, 2)
        return Case(arrays, weight, name="experts.gate_up_proj")

    return make


def modelopt_int4(rng: np.random.Generator) -> Case:
    codes, scales = rng.integers(-8, 8, (6, 32)), rng.random((6, 2)).astype(np.float32) + 0.1
    pairs = ((codes[::2] & 15) | (codes[1::2] & 15) << 4).astype(np.uint8)
    return Case({NAME: pairs, f"{NAME}_scale": scales}, codes * spread(scales, 32))


def bitmask(two_four: bool, by_weight: bool, fp8: bool) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        shape = (6, 16) if two_four else (5, 19)
        mask = rng.random(shape) < 0.4
        if two_four:
            mask = np.zeros((24, 4), bool)
            for row in mask:
                row[rng.choice(4, 2, replace=False)] = True
            mask = mask.reshape(shape)
        values = rng.integers(1, 8, shape).astype(np.float32)
        kept = values[mask].astype(ml_dtypes.float8_e4m3fn if fp8 else np.float32)
        stem = f"{NAME}." if by_weight else STEM
        octets = [
            [
                sum(int(row[8 * at + b]) << b for b in range(8) if 8 * at + b < len(row))
                for at in range(-(-len(row) // 8))
            ]
            for row in mask
        ]
        arrays = {
            f"{stem}compressed": kept.reshape(6, 8) if two_four else kept,
            f"{stem}bitmask": np.array(octets, np.uint8),
            f"{stem}shape": np.array(shape)[:, None] if two_four else np.array(shape),
        }
        weight = values * mask
        if fp8:
            arrays[f"{NAME}_scale"] = np.full((shape[0], 1), 3, np.float32)
            weight = weight * 3
        return Case(arrays, weight)

    return make


def hqq(bits: int, axis: int) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        shape, block = (16, 24), 12
        codes = rng.integers(0, 1 << bits, (block, 32) if axis == 0 else (32, block))
        each = {8: 1, 4: 2, 3: 10, 2: 4, 1: 8}[bits]
        rows = -(-len(codes) // each)
        full = np.zeros((rows * each, codes.shape[1]), np.int64)
        full[: len(codes)] = codes
        words = sum(full[at * rows : (at + 1) * rows] << (bits * (each - 1 - at)) for at in range(each))
        along = (1, 32) if axis == 0 else (32, 1)
        zeros = rng.integers(0, 1 << bits, along).astype(np.float16)
        scales = (rng.random(along) + 0.1).astype(np.float16)
        arrays = {
            f"{STEM}W_q": np.asarray(words).astype(np.int32 if bits == 3 else np.uint8),
            f"{STEM}scale": scales,
            f"{STEM}zero": zeros,
            f"{STEM}shape": np.array(shape),
            f"{STEM}nbits": np.int32(bits),
            f"{STEM}axis": np.int32(axis),
            f"{STEM}group_size": np.int32(block),
        }
        return Case(arrays, ((codes - zeros.astype(np.float32)) * scales.astype(np.float32)).reshape(shape))

    return make


def mlx(bits: int, kind: type) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        codes, zeros, _ = grouped(rng, 4, 128, 2, bits)
        scales = (rng.random((4, 2)) + 0.1).astype(kind)
        biases = (-(scales.astype(np.float32) * zeros.astype(np.float32))).astype(kind)
        product = (spread(scales, 128) * codes.astype(np.float32)).astype(kind).astype(np.float32)
        arrays = {NAME: packed(codes, bits).view(np.uint32), f"{STEM}scales": scales, f"{STEM}biases": biases}
        config = {"quantization": {"group_size": 64, "bits": bits}}
        return Case(arrays, product + spread(biases, 128), config)

    return make


def quanto(bits: int) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        codes, zeros, scales = grouped(rng, 12, 32, 1, bits)
        each = 8 // bits
        rows = len(codes) // each
        words = sum(codes[at * rows : (at + 1) * rows] << (bits * at) for at in range(each))
        arrays = {
            f"{NAME}._data._data": np.asarray(words).astype(np.uint8),
            f"{NAME}._scale": scales,
            f"{NAME}._shift": zeros.astype(np.int8),
            f"{STEM}bias": np.ones(6, np.float32),
        }
        return Case(arrays, ((codes - zeros) * scales.astype(np.float32)).reshape(6, 64))

    return make


def torchao_int4(rng: np.random.Generator) -> Case:
    codes, scales = rng.integers(-8, 8, (6, 64)), rng.random((6, 2)).astype(np.float32) + 0.1
    zeros = scales * rng.integers(-8, 8, (6, 2)).astype(np.float32)
    pairs = ((codes[:, ::2] & 15) | (codes[:, 1::2] & 15) << 4).astype(np.uint8)
    stem = f"{STEM}_weight_"
    arrays = {f"{stem}qdata": pairs, f"{stem}scale": scales.T.copy(), f"{stem}zero_point": zeros.T.copy()}
    metadata = {NAME: json.dumps({"_type": "Int4Tensor", "_data": {"block_size": [1, 32]}})}
    return Case(arrays, spread(scales, 64) * codes.astype(np.float32) + spread(zeros, 64), {}, metadata)


def torchao_fp8(rng: np.random.Generator) -> Case:
    codes = rng.integers(-8, 8, (6, 16)).astype(ml_dtypes.float8_e4m3fn)
    arrays = {f"{NAME}:qdata": codes, f"{NAME}:scale": np.full((6, 1), 2, np.float32)}
    return Case(arrays, codes.astype(np.float32) * 2, {}, {NAME: json.dumps({"_type": "Float8Tensor"})})


def bitnet(rng: np.random.Generator) -> Case:
    codes = rng.integers(-1, 2, (16, 10))
    words = sum((codes[4 * at : 4 * at + 4] + 1) << (2 * at) for at in range(4))
    arrays = {NAME: np.asarray(words).astype(np.uint8), f"{NAME}_scale": np.array([0.5], np.float32)}
    return Case(arrays, codes.astype(np.float32), {"quantization_config": {"quant_method": "bitnet"}})


def masked(
    weights: str, mask: str, kind: type = np.bool_, inverted: bool = False, name: str = ""
) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        values, kept = rng.standard_normal((6, 12)).astype(np.float32), rng.random((6, 12)) < 0.4
        arrays = {weights: values, mask: (~kept if inverted else kept).astype(kind)}
        return Case(arrays, values * kept, name=name or ("fc.module.weight" if inverted else "fc.weight"))

    return make


def normalised(names: tuple[str, str]) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        direction, lengths = rng.standard_normal((6, 4, 3)).astype(np.float32), rng.random((6, 1, 1)).astype(np.float32)
        direction[rng.random(direction.shape) < 0.4] = 0
        norms = np.sqrt((direction.reshape(6, -1) ** 2).sum(1))[:, None, None]
        return Case({names[0]: lengths, names[1]: direction}, direction * lengths / norms, name="fc.weight")

    return make


def sparse(layout: str) -> Callable[[np.random.Generator], Case]:
    def make(rng: np.random.Generator) -> Case:
        weight = (rng.random((6, 9)) * (rng.random((6, 9)) < 0.4)).astype(np.float32)
        rows, columns = np.nonzero(weight)
        values, size = weight[rows, columns], np.array(weight.shape)
        pointers = np.array([(rows < at).sum() for at in range(7)])
        if layout == "csr":
            arrays = {"a.crow_indices": pointers, "a.col_indices": columns, "a.values": values, "a.size": size}
        elif layout == "csc":
            order = np.lexsort((rows, columns))
            starts = np.array([(columns < at).sum() for at in range(10)])
            arrays = {
                "a.ccol_indices": starts,
                "a.row_indices": rows[order],
                "a.values": values[order],
                "a.shape": size,
            }
        elif layout == "scipy by columns":
            order = np.lexsort((rows, columns))
            starts = np.array([(columns < at).sum() for at in range(10)])
            arrays = {"a_indptr": starts, "a_indices": rows[order], "a_data": values[order], "a_shape": size}
        elif layout == "gcxs":
            arrays = {
                "indptr": pointers,
                "indices": columns,
                "data": values,
                "shape": size,
                "compressed_axes": np.array([0]),
            }
        elif layout == "scipy":
            arrays = {"a_indptr": pointers, "a_indices": columns, "a_data": values, "a_shape": size}
        elif layout == "coo":
            arrays = {"a.indices": np.stack([rows, columns]), "a.values": values, "a.size": size}
        elif layout == "pydata":
            arrays = {
                "a.coords": np.stack([rows, columns]),
                "a.data": values,
                "a.shape": size,
                "a.fill_value": np.float32(0),
            }
        else:
            places = np.concatenate([np.stack([rows, columns], 1), [[6, 9], [6, 9]]])
            arrays = {"a.data": np.append(values, [0, 7]).astype(np.float32), "a.indices": places, "a.shape": size}
        return Case(arrays, weight, name="" if layout == "gcxs" else "a")

    return make


def fake_quantised(rng: np.random.Generator) -> Case:
    values, scales = rng.standard_normal((6, 12)).astype(np.float32), rng.random(6).astype(np.float32) + 0.5
    inner = f"{NAME}_fake_quant."
    arrays = {
        NAME: values,
        f"{inner}scale": scales,
        f"{inner}zero_point": np.zeros(6, np.int32),
        f"{inner}fake_quant_enabled": np.ones(1, np.uint8),
        f"{inner}activation_post_process.min_val": np.zeros(6, np.float32),
    }
    return Case(arrays, np.round(values / scales[:, None]) * scales[:, None])


SCALES = ((), (1,), (10,), (10, 1), (10, 3), (2, 3), (2, 10, 1))
F8, E5 = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    **{
        f"pack-quantized int{bits} {how}": pack_quantized(bits, how)
        for bits in (2, 4, 8)
        for how in ("group", "channel", "asymmetric", "g_idx")
    },
    **{
        f"pack-quantized int{bits} padded {how}": pack_quantized(bits, how, False)
        for bits in (3, 5, 6)
        for how in ("group", "asymmetric")
    },
    **{
        f"pack-quantized int{bits} {how}": pack_quantized(bits, how)
        for bits in (3, 5, 6, 7)
        for how in ("group", "asymmetric")
    },
    **{
        f"gptq int{bits} {how}": gptq(bits, how)
        for bits in (2, 3, 4, 8)
        for how in ("v1", "v2", "desc_act", "symmetric v2 untold")
    },
    "awq": awq,
    "awq gemv": awq_gemv,
    **{
        f"bitsandbytes {kind} {nested}": bitsandbytes(kind, nested)
        for kind in ("nf4", "fp4")
        for nested in (False, True)
    },
    "bitsandbytes in words of bfloat16": bitsandbytes("nf4", False, True),
    "llm.int8": llm_int8,
    **{f"scaled int8 {shape}": scaled("weight_scale", shape, np.int8) for shape in SCALES},
    **{f"scaled fp8 {shape}": scaled("weight_scale_inv", shape, F8) for shape in SCALES},
    **{f"scaled e5m2 {name}": scaled(name, (2, 3), E5) for name in ("weight_scale", "scale", "scale_weight")},
    "asymmetric int8": scaled("weight_scale", (10, 1), np.int8, True),
    **{
        f"zero points {zero} {dtype.__name__}": zero_points("fc.weight", f"fc.{scale}", f"fc.{zero}", dtype)
        for scale, zero in (
            ("scale", "zero_point"),
            ("weight_scale", "weight_zp"),
            ("scale", "zero"),
            ("weight_scale", "weight.zero_point"),
        )
        for dtype in (np.int8, np.uint8)
    },
    "zero point for all": zero_points("fc.weight", "fc.weight_scale", "fc.weight_zero_point", np.int8, True),
    "zero points of codes without a known scale": zero_points("fc.weight.int8", "", "fc.weight.zero", np.int8),
    "zero points of named codes": zero_points("w_int8", "", "w_zero_point", np.int8, True),
    **{
        f"fp4 {case}": fp4(case)
        for case in (
            "compressed-tensors nvfp4",
            "compressed-tensors mxfp4",
            "modelopt nvfp4",
            "deepseek mxfp4",
            "mlx nvfp4",
            "mlx mxfp4",
            "gpt-oss",
        )
    },
    "modelopt int4": modelopt_int4,
    **{f"bitmask {a} {b} {c}": bitmask(a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)},
    **{f"hqq int{bits} axis {axis}": hqq(bits, axis) for bits in (1, 2, 3, 4, 8) for axis in (0, 1)},
    **{
        f"mlx int{bits} {kind.__name__}": mlx(bits, kind)
        for bits in (2, 3, 4, 5, 6, 8)
        for kind in (np.float16, ml_dtypes.bfloat16, np.float32)
    },
    "quanto qint4": quanto(4),
    "quanto qint2": quanto(2),
    "torchao int4": torchao_int4,
    "torchao fp8": torchao_fp8,
    "bitnet": bitnet,
    "torch.prune": masked("fc.weight_orig", "fc.weight_mask", np.float32),
    "asp": masked("fc.weight", "fc.__weight_mma_mask"),
    "torch.ao": masked("fc.parametrizations.weight.original", "fc.parametrizations.weight.0.mask"),
    "mask beside": masked("fc.weight", "fc.mask", np.uint8),
    "mask before": masked("fc.weight", "masks.fc.weight"),
    **{
        f"mask beside {weight}": masked(weight, mask, np.float32, name=weight)
        for weight, mask in (("weight", "mask"), ("w", "pruning_mask"), ("fc/kernel", "fc/mask"), ("A", "A_mask"))
    },
    "masks of Flax": masked("params/fc/kernel", "masks/fc/kernel", name="params/fc/kernel"),
    "zero mask": masked("fc.module.weight", "fc.zero_mask", np.float16, True),
    "weight_norm": normalised(("fc.weight_g", "fc.weight_v")),
    "weight_norm parametrised": normalised(
        ("fc.parametrizations.weight.original0", "fc.parametrizations.weight.original1")
    ),
    **{
        f"sparse {layout}": sparse(layout)
        for layout in ("csr", "csc", "scipy", "scipy by columns", "gcxs", "coo", "pydata", "bcoo")
    },
    "fake-quantised": fake_quantised,
}
"""By scheme and variant."""
