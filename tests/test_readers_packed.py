"""Packed, quantised and masked weights: every scheme comes back as it was written, or is refused in one sentence."""

import json
import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from packed_files import CASES, NAME, STEM, Case
from scipy.sparse import issparse

from workloads import InputError
from workloads.readers.checkpoints.packed import unpacked
from workloads.readers.checkpoints.packed.marlin_24 import SCHEME as MARLIN_24
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.source import Source

WORDS = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "int32": "I32", "uint32": "U32", "int64": "I64",
    "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip


def stored(
    arrays: dict, config: dict | None = None, metadata: dict | None = None, path: str = "m.safetensors"
) -> StoredArrays:
    found = {
        name: StoredArray(
            name, np.shape(array), WORDS[np.asarray(array).dtype.name], lambda array=array: np.asarray(array)
        )
        for name, array in arrays.items()
    }
    return StoredArrays(Source(Path(path)), found, metadata or {}, config or {})


def read(case: Case) -> dict[str, np.ndarray]:
    weights, *_ = unpacked(stored(case.arrays, case.config, case.metadata))
    found = {}
    for one in weights:
        array = one.read()
        assert array.shape == one.shape
        found[one.name] = array.toarray() if issparse(array) else np.asarray(array).astype(np.float32)
    return found


def read_or_refused(case: Case) -> dict[str, np.ndarray]:
    """Nothing where the answer is one sentence that names the file."""
    try:
        return read(case)
    except InputError as error:
        said = str(error)
    assert re.fullmatch(r"m\.safetensors: .*; .*\.", said), said
    return {}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scheme", CASES)
def test_a_scheme_comes_back(scheme: str, seed: int) -> None:
    """The weight and its zeros; scales, zero points and masks are no weights of their own."""
    case = CASES[scheme](np.random.default_rng(seed))
    found = read(case)
    assert [name for name in found if found[name].ndim > 1] == [case.name]
    np.testing.assert_array_equal(found[case.name] != 0, case.weight != 0)
    np.testing.assert_allclose(found[case.name], case.weight, rtol=1e-5)


@pytest.mark.parametrize("scheme", CASES)
def test_parts_that_are_cut_are_refused_or_left_alone(scheme: str) -> None:
    """A row or column less of any one part: one sentence, never a weight of another pattern with the same shape."""
    case = CASES[scheme](np.random.default_rng(5))
    if "padded" in scheme:
        pytest.skip("one word less is as long as a row without gaps")
    for name, array in case.arrays.items():
        for axis in range(np.ndim(array)):
            shorter = np.delete(array, -1, axis)
            found = read_or_refused(Case({**case.arrays, name: shorter}, case.weight, case.config, case.metadata))
            same = found.get(case.name, np.zeros(())).shape == case.weight.shape
            assert not same or np.array_equal(found[case.name] != 0, case.weight != 0), name


@pytest.mark.parametrize("scheme", CASES)
def test_corrupted_parts_end_in_a_result_or_a_sentence(scheme: str) -> None:
    rng = np.random.default_rng(6)
    case = CASES[scheme](rng)
    for _ in range(8):
        arrays = dict(case.arrays)
        name = str(rng.choice(list(arrays)))
        kind = rng.integers(4)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            octets = bytearray(np.asarray(arrays[name]).tobytes())
            for at in rng.integers(0, max(1, len(octets)), 3) if octets else ():
                octets[at] = int(rng.integers(256))
            arrays[name] = np.frombuffer(bytes(octets), np.asarray(arrays[name]).dtype).reshape(np.shape(arrays[name]))
        elif kind == 2:
            arrays[name] = np.asarray(arrays[name])[None]
        else:
            arrays[name] = rng.integers(0, 2, np.shape(arrays[name])).astype(
                str(rng.choice(["int8", "int32", "float32"]))
            )
        read_or_refused(Case(arrays, case.weight, case.config, case.metadata))


def test_marlin_24_is_put_back() -> None:
    """The kernel's order is undone: codes by threads of a warp, metadata as CUTLASS interleaves it."""
    rng, out, size = np.random.default_rng(7), 64, 128
    kept = np.sort(np.argsort(rng.random((out, size // 4, 4)), axis=2)[:, :, :2], axis=2)
    columns = (np.arange(size // 4)[:, None] * 4 + kept).reshape(out, -1)
    codes = rng.integers(1, 16, columns.shape)
    scale = (rng.random((1, out)) + 0.1).astype(np.float16)
    arrays = {f"{NAME}_packed": _marlin_words(codes), f"{STEM}scale_packed": scale, f"{STEM}meta": _marlin_meta(kept)}
    weight = np.zeros((out, size), np.float32)
    np.put_along_axis(weight, columns, (codes - 8).astype(np.float32) * scale[0].astype(np.float32)[:, None], axis=1)
    np.testing.assert_allclose(read(Case(arrays, weight))[NAME], weight, rtol=1e-6)
    assert MARLIN_24.name in "compressed-tensors marlin-24"


def _marlin_words(codes: np.ndarray) -> np.ndarray:
    """One number after another, as each thread of a warp loads them."""
    tiles = codes.T.reshape(codes.shape[1] // 16, 16, codes.shape[0] // 16, 16).transpose(0, 2, 1, 3).reshape(-1, 1024)
    order = []
    for thread in range(32):
        for lane in range(4):
            for half in range(2):
                for row in (2 * (thread % 4), 2 * (thread % 4) + 1, 2 * (thread % 4) + 8, 2 * (thread % 4) + 9):
                    order.append(16 * row + thread // 8 * 256 + 8 * (thread // 4 % 2) + 4 * half + lane)
    order = [order[8 * at + i] for at in range(128) for i in (0, 2, 4, 6, 1, 3, 5, 7)]
    mixed = tiles[:, order].reshape(codes.shape[1] // 16, -1, 8)
    words = sum(mixed[..., at].astype(np.uint64) << np.uint64(4 * at) for at in range(8))
    return np.asarray(words).astype(np.uint32).view(np.int32)


def _marlin_meta(kept: np.ndarray) -> np.ndarray:
    out, quads = kept.shape[:2]
    stored_as = np.zeros(out * quads // 4, np.uint16)
    for row in range(out):
        for word in range(quads // 4):
            value = 0
            for at in range(4):
                first, second = (int(one) for one in kept[row, 4 * word + at])
                value |= (first | second << 2) << (4 * at)
            to = row // 64 * 64 + row % 2 * 2 + row % 8 // 4 + row % 32 % 4 // 2 * 32 + row % 64 // 8 * 4
            column = word
            if to % 2 == 0 and column % 2 == 1:
                to, column = to + 1, column - 1
            elif to % 2 == 1 and column % 2 == 0:
                to, column = to - 1, column + 1
            stored_as[column // 2 * out * 2 + to * 2 + column % 2] = value
    return stored_as.view(np.int16).reshape(quads // 8, out * 2)


W = np.arange(24.0, dtype=np.float32).reshape(4, 6)
I32, U8 = np.zeros((4, 8), np.int32), np.full((4, 8), 200, np.uint8)
SCALED = {"f.weight": W.astype(np.int8), "f.weight_scale": np.ones((4, 1), np.float32)}
EXPERTS = {
    "experts.down_proj": np.zeros((2, 4, 8), np.uint8),
    "experts.down_proj_weight_scale": np.ones((2, 4, 1), np.float32),
}


@pytest.mark.parametrize(
    ("arrays", "config", "message"),
    [
        ({"f.q_weight": I32, "f.q_scale": I32}, {}, "packed by EXL2, which is not read here; dequantise"),
        ({"f.trellis": I32.astype(np.int16), "f.svh": W}, {}, "packed by EXL3"),
        ({"f.codes": I32, "f.codebooks": W}, {}, "quantised by AQLM"),
        ({"f.Qidxs": I32, "f.SU": W}, {}, r"quantised by QuIP#"),
        ({"f.B": I32, "f.s": W}, {}, "packed for Marlin"),
        ({"f.weight": U8.view(np.int8), "f.weight_scales": W[0]}, {}, "packed for EETQ"),
        ({"f.qweight": I32}, {}, "f.qweight holds packed or quantised codes"),
        ({"f.weight": U8}, {"quantization_config": {"quant_method": "quip"}}, r"of a scheme \(quip\) that"),
        ({"f.weight": I32}, {}, "f.weight holds packed or quantised codes"),
        ({"f.weight": U8}, {}, "f.weight holds packed or quantised codes"),
        (EXPERTS, {}, "experts.down_proj holds packed or quantised codes"),
        ({"f.parametrizations.weight.original": W}, {}, "the function that its weights go through is not in the file"),
        ({"f.weight_orig": W, "f.weight_mask": W}, {}, "its mask holds other values than 0 and 1"),
        ({"f.weight_orig": W, "f.weight_mask": W[:2] > 3}, {}, r"its mask has the shape \[2, 6\], not \[4, 6\]"),
        ({"f.W_q": U8}, {}, "is HQQ, but f.scale is missing; give the folder with all its shards"),
        ({"a.indices": I32[:2], "a.values": W[0]}, {}, "its size is missing; add it as an array called size"),
        ({"f.weight": W.astype(np.int8), "f.weight_scale": W[:, :5]}, {}, r"\[4, 5\], which fits no weight"),
        ({**SCALED, "f.weight_offset": W[:, :1]}, {}, "f.weight_offset may be subtracted from the codes or added"),
        ({**SCALED, "f.weight_min": W[:, :1]}, {}, "f.weight_min may be subtracted from the codes or added"),
        ({**SCALED, "f.zero_point": W[:, :1] + 0.5}, {}, "f.zero_point may be subtracted from the codes or added"),
        ({**SCALED, "f.weight": U8, "f.zero_point": np.uint8(8)}, {}, "its bytes may hold a code each or several"),
        ({**SCALED, "f.weight": U8.view(np.int8)}, {"quantization_config": {"bits": 4}}, "where 4 bits are said"),
    ],
)  # fmt: skip
def test_refusals(arrays: dict, config: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(Case(arrays, W, config))
    assert re.fullmatch(r"m\.safetensors: .*; .*\.", str(caught.value))


def test_what_is_not_packed_passes_on() -> None:
    arrays = {"f.weight": W, "f.bias": W[0], "g.weight": W.astype(ml_dtypes.bfloat16), "mask": W > 3, "ids": I32}
    weights, left_out, _ = unpacked(stored({**arrays, "f.input_scale": np.float32(1), "h.weight_scale": W}))
    assert {one.name: one.values for one in weights} == {
        "f.weight": "float32", "f.bias": "float32", "g.weight": "bfloat16", "mask": "mask", "ids": "int32",
    }  # fmt: skip
    assert [one.name for one in left_out] == ["f.input_scale", "h.weight_scale"]


def test_masks_saved_alone_are_patterns() -> None:
    found = read(Case({"f.weight_mask": W > 3, "g.weight": W > 9, "h.weight": (W > 5).astype(np.uint8)}, W))
    for name, least in {"f.weight": 3, "g.weight": 9, "h.weight": 5}.items():
        np.testing.assert_array_equal(found[name] != 0, least < W)


def test_schemes_go_on_from_each_other() -> None:
    """A mask upon codes with scales, and pruning under weight normalisation."""
    codes, mask = np.full((4, 6), 3, np.int8), W % 2 == 0
    found = read(Case({"f.weight": codes, "f.weight_scale": np.ones((4, 1), np.float32), "f.weight_mask": mask}, W))
    np.testing.assert_array_equal(found["f.weight"], 3 * mask)
    arrays = {"f.weight_g": np.ones((4, 1), np.float32), "f.weight_v_orig": W + 1, "f.weight_v_mask": mask}
    np.testing.assert_array_equal(read(Case(arrays, W))["f.weight"] != 0, mask)


def test_offsets_that_are_zero_do_not_matter() -> None:
    arrays = {**SCALED, "f.weight_offset": np.zeros(4, np.float32)}
    np.testing.assert_array_equal(read(Case(arrays, W))["f.weight"], W)


def test_values_say_their_width() -> None:
    words = {}
    for scheme in (
        "gptq int4 v1",
        "bitsandbytes nf4 False",
        "scaled int8 (2, 3)",
        "llm.int8",
        "mlx int6 float16",
    ):
        case = CASES[scheme](np.random.default_rng(0))
        weights, *_ = unpacked(stored(case.arrays, case.config))
        words[scheme] = next(one.values for one in weights if one.name == NAME)
    assert list(words.values()) == [
        "int4 in groups of 16",
        "nf4 in groups of 32",
        "int8 in blocks of 5 x 8",
        "int8 by row",
        "int6 in groups of 64",
    ]


def test_nothing_is_read_early() -> None:
    """Codes and scales are not touched before a layer is asked for."""
    case = CASES["gptq int4 desc_act"](np.random.default_rng(0))
    found = stored(case.arrays, case.config)

    def refuse() -> np.ndarray:
        raise AssertionError("read early")

    arrays = {name: StoredArray(name, one.shape, one.dtype, refuse) for name, one in found.arrays.items()}
    weights, *_ = unpacked(StoredArrays(found.source, arrays, {}, case.config))
    assert weights[-1].shape == (32, 64)
    json.dumps(case.config)
