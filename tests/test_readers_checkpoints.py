"""Checkpoints: what is stored comes back as the layers that the network multiplies with, and all else is said."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from safetensors.numpy import save_file

from workloads import InputError, load_matrix, resolve_workload
from workloads.readers.checkpoints import arrays
from workloads.readers.found import Found
from workloads.readers.loading import describe
from workloads.readers.source import Source

RNG = np.random.default_rng(15)
FC = np.array([[1.5, 0, -2], [0, 0, 3]], np.float32)


def pruned(*shape: int) -> np.ndarray:
    """Random weights, half of them zero, no row or column empty by accident."""
    values = RNG.integers(1, 9, shape).astype(np.float32) * RNG.choice([-1, 1], shape).astype(np.float32)
    return np.where(RNG.random(shape) < 0.5, 0, values).astype(np.float32)


def saved(path: Path, tensors: dict[str, np.ndarray], config: dict | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path)
    if config is not None:
        (path.parent / "config.json").write_text(json.dumps(config))
    return path


def dense(found: Found) -> dict[str, np.ndarray]:
    layers = {layer.name: layer.read().toarray() for layer in found.layers if layer.read}
    assert {name: matrix.shape for name, matrix in layers.items()} == {one.name: one.shape for one in found.layers}
    return layers


def same(found: Found, expected: dict[str, np.ndarray]) -> None:
    layers = dense(found)
    assert set(layers) == set(expected)
    for name, matrix in expected.items():
        np.testing.assert_array_equal(layers[name], matrix, err_msg=name)


TYPES = [
    np.bool_, np.int8, np.uint8, np.float16, np.float32, np.float64,
    ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2,
]  # fmt: skip


@pytest.mark.parametrize("dtype", TYPES)
def test_safetensors_of_every_type(tmp_path: Path, dtype: type) -> None:
    stored = (pruned(6, 10) != 0 if dtype is np.uint8 else pruned(6, 10)).astype(dtype)  # bytes: a mask, else codes
    found = describe(saved(tmp_path / "m.safetensors", {"a.fc.weight": stored}))
    same(found, {"a.fc": stored.astype(float)})
    assert found.layers[0].values


def test_two_values_of_four_bits_lie_in_a_byte(tmp_path: Path) -> None:
    codes = RNG.integers(0, 16, (3, 8)).astype(np.uint8)
    codes[codes == 8] = 0
    low_first = (codes[:, 0::2] | codes[:, 1::2] << 4).tobytes()
    path = tmp_path / "m.safetensors"
    path.write_bytes(header(w=("F4", [3, 8], [0, 12])) + low_first)
    same(describe(path), {"w": codes.view(ml_dtypes.float4_e2m1fn).astype(float)})


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "|i1", "|b1", ">i8"])
def test_arrays_of_numpy_in_either_order(tmp_path: Path, dtype: str) -> None:
    first, second = pruned(4, 6).astype(dtype), np.asfortranarray(pruned(4, 4).astype(dtype))
    found = describe(saved(tmp_path / "net.npz", {"fc1": first, "fc2": second, "words": np.array(["a"])}))
    same(found, {"fc1": first.astype(float), "fc2": second.astype(float)})


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q6_K"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_gguf_is_read_as_its_own_library_writes_it(tmp_path: Path, kind: str, order: str) -> None:
    gguf = pytest.importorskip("gguf")
    block, weights = getattr(gguf.GGMLQuantizationType, kind), pruned(4, 512)
    try:
        raw = gguf.quants.quantize(weights, block)
    except NotImplementedError:
        raw = RNG.integers(0, 8, gguf.quants.quant_shape_to_byte_shape((4, 512), block)).astype(np.uint8)
    endian = gguf.GGUFEndian.BIG if order == "big" else gguf.GGUFEndian.LITTLE
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama", endianess=endian)
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", ""])
    writer.add_float32("llama.rope.freq_base", 1e4)
    if order == "big" and kind == "BF16":
        raw = raw.view(np.uint16).byteswap().view(np.uint8)
    writer.add_tensor("blk.0.ffn_up.weight", raw, raw_dtype=block)
    writer.add_tensor("blk.0.ffn_norm.weight", np.ones(4, np.float32))
    writer.add_tensor("token_embd.weight", pruned(7, 4))
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    found = describe(path)
    assert found.layers[0].shape == (4, 512)
    if order == "big" and kind.startswith("Q"):
        with pytest.raises(InputError, match="in big-endian order; convert it"):
            found.layers[0].read()  # type: ignore[misc]
    elif not (order == "big" and kind == "F16"):
        expected = gguf.quants.dequantize(gguf.quants.quantize(weights, block), block) if kind[0] != "Q" else None
        expected = gguf.quants.dequantize(raw, block) if expected is None else expected
        np.testing.assert_array_equal(dense(found)["blk.0.ffn_up"], expected.reshape(4, 512))
    assert "token_embd" in [layer.name for layer in found.layers]  # no output.weight: it is the head too


NETWORKS: dict[str, tuple[dict[str, tuple[int, ...]], dict, dict[str, tuple[int, int]]]] = {
    "tied": (
        {
            "model.embed_tokens.weight": (40, 12),
            "model.layers.0.self_attn.q_proj.weight": (12, 12),
            "model.norm.weight": (12,),
        },
        {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True},
        {"model.layers.0.self_attn.q_proj": (12, 12), "model.embed_tokens": (40, 12)},
    ),
    "untied": (
        {"model.embed_tokens.weight": (40, 12), "lm_head.weight": (40, 12)},
        {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False},
        {"lm_head": (40, 12)},
    ),
    "no head": (
        {
            "embeddings.word_embeddings.weight": (40, 12),
            "embeddings.position_embeddings.weight": (9, 12),
            "pooler.dense.weight": (12, 12),
            "embeddings.position_ids": (1, 9),
        },
        {"architectures": ["BertModel"]},
        {"pooler.dense": (12, 12)},
    ),
    "GPT-2 without a configuration": (
        {
            "transformer.h.0.attn.c_attn.weight": (12, 36),
            "transformer.h.0.attn.c_proj.weight": (12, 12),
            "transformer.h.0.attn.c_proj.bias": (12,),
            "transformer.h.0.attn.c_attn.bias": (36,),
            "transformer.h.0.attn.bias": (1, 1, 5, 5),
            "transformer.wpe.weight": (5, 12),
        },
        {},
        {"transformer.h.0.attn.c_attn": (36, 12), "transformer.h.0.attn.c_proj": (12, 12)},
    ),
    "nanoGPT, whose c_attn is a Linear": (
        {"h.0.attn.c_attn.weight": (36, 12), "h.0.mlp.c_proj.weight": (12, 48)},
        {},
        {"h.0.attn.c_attn": (36, 12), "h.0.mlp.c_proj": (12, 48)},
    ),
    "diffusion: time embeddings have biases": (
        {
            "time_embed.0.weight": (16, 4),
            "time_embed.0.bias": (16,),
            "x_embedder.proj.weight": (16, 4, 2, 2),
            "pos_embed": (1, 9, 16),
            "scale_shift_table": (6, 16),
        },
        {},
        {"time_embed.0": (16, 4), "x_embedder.proj": (16, 16)},
    ),
    "T5": (
        {
            "shared.weight": (30, 8),
            "encoder.block.0.layer.0.SelfAttention.q.weight": (8, 8),
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (32, 2),
        },
        {"architectures": ["T5ForConditionalGeneration"]},
        {"shared": (30, 8), "encoder.block.0.layer.0.SelfAttention.q": (8, 8)},
    ),
    "state spaces": (
        {
            "backbone.layers.0.mixer.in_proj.weight": (64, 16),
            "backbone.layers.0.mixer.conv1d.weight": (32, 1, 4),
            "backbone.layers.0.mixer.A_log": (32, 4),
            "backbone.layers.0.mixer.D": (32,),
        },
        {},
        {"backbone.layers.0.mixer.in_proj": (64, 16), "backbone.layers.0.mixer.conv1d": (32, 128)},
    ),
    "grey pictures: the first layer takes one channel": (
        {"conv1.weight": (6, 1, 5, 5), "conv2.weight": (16, 6, 5, 5), "fc1.weight": (120, 400)},
        {},
        {"conv1": (6, 25), "conv2": (16, 150), "fc1": (120, 400)},
    ),
    "MobileNet": (
        {
            "features.0.0.weight": (8, 3, 3, 3),
            "features.1.conv.0.0.weight": (8, 1, 3, 3),
            "features.1.conv.1.weight": (16, 8, 1, 1),
        },
        {},
        {"features.0.0": (8, 27), "features.1.conv.0.0": (8, 72), "features.1.conv.1": (16, 8)},
    ),
    "ResNeXt": (
        {
            "conv1.weight": (16, 3, 7, 7),
            "layer1.0.conv1.weight": (32, 16, 1, 1),
            "layer1.0.conv2.weight": (32, 4, 3, 3),
            "layer1.0.conv3.weight": (64, 32, 1, 1),
        },
        {},
        {"conv1": (16, 147), "layer1.0.conv1": (32, 16), "layer1.0.conv2": (32, 288), "layer1.0.conv3": (64, 32)},
    ),
    "detector": (
        {
            "model.0.conv.weight": (6, 3, 3, 3),
            "model.0.bn.running_mean": (6,),
            "model.1.anchors": (3, 3, 2),
            "model.1.anchor_grid": (3, 1, 3, 1, 1, 2),
        },
        {},
        {"model.0.conv": (6, 27)},
    ),
    "RWKV": (
        {"blocks.0.att.key.weight": (8, 8), "blocks.0.att.time_mix_k": (1, 1, 8), "blocks.0.att.time_faaaa": (2, 4)},
        {},
        {"blocks.0.att.key": (8, 8)},
    ),
    "LoRA": (
        {"q_proj.lora_A.weight": (4, 12), "q_proj.lora_B.weight": (28, 4), "k_proj.lora_down.weight": (4, 12, 1, 1)},
        {},
        {"q_proj.lora_A": (4, 12), "q_proj.lora_B": (28, 4), "k_proj.lora_down": (4, 12)},
    ),
    "recurrent": (
        {"rnn.weight_ih_l0": (24, 5), "rnn.weight_hh_l0": (24, 6), "rnn.bias_ih_l0": (24,)},
        {},
        {"rnn.weight_ih_l0": (24, 5), "rnn.weight_hh_l0": (24, 6)},
    ),
    "what training leaves": (
        {
            "q.weight": (8, 8),
            "q.mask_scores": (8, 8),
            "q.weight.grad": (8, 8),
            "q.hessian": (8, 8),
            "v.weight": (8, 4),
            "q.weight_fisher": (8, 8),
            "q.importance": (8, 8),
            "q.weight_prev": (8, 8),
            "q.anything": (8, 8),
            "optimizer.exp_avg.q.weight": (8, 8),
            "opt_state/0/mu/v/weight": (8, 4),
            "v.weight/Adam_1": (8, 4),
        },
        {},
        {"q": (8, 8), "v": (8, 4)},
    ),
    "what went through the network": (
        {
            "q.weight": (8, 8),
            "cache.k": (8, 8),
            "hidden_states": (4, 8),
            "logits": (4, 50),
            "input": (32, 8),
            "activations": (32, 8),
            "attn.in_proj_weight": (24, 8),
            "k.lora_A": (2, 8),
            "text_projection": (8, 8),
        },
        {},
        {"q": (8, 8), "attn.in_proj_weight": (24, 8), "k.lora_A": (2, 8), "text_projection": (8, 8)},
    ),
    "queries, keys and layers of the same shapes are no copies": (
        {
            f"{name}.weight": (8, 8)
            for name in ("a.query", "a.key", "b.k_proj", "b.q_proj", "to_q", "to_k", "fc1", "fc2", "mlp_avg", "mlp_max")
        },
        {},
        {
            name: (8, 8)
            for name in ("a.query", "a.key", "b.k_proj", "b.q_proj", "to_q", "to_k", "fc1", "fc2", "mlp_avg", "mlp_max")
        },
    ),
}
COPIES = {
    "params": "params_ema",
    "model": "swa_model",
    "student": "teacher",
    "encoder_q": "encoder_k",
    "base_encoder": "momentum_encoder",
    "encoder": "target_encoder",
    "module": "averaged",
    "vision_encoder": "vision_encoder_m",
}
for one, other in COPIES.items():
    NETWORKS[f"{other} beside {one}"] = (
        {
            f"{name}.{layer}": (8, 4, 3, 3) if layer == "c.weight" else (8, 4)
            for name in (one, other)
            for layer in ("c.weight", "fc.weight")
        },
        {},
        {f"{one}.c": (8, 36), f"{one}.fc": (8, 4)},
    )
NETWORKS["one copy alone"] = ({"teacher.fc.weight": (8, 4)}, {}, {"teacher.fc": (8, 4)})


@pytest.mark.parametrize("kind", NETWORKS)
def test_products_of_a_network_and_nothing_else(tmp_path: Path, kind: str) -> None:
    shapes, config, expected = NETWORKS[kind]
    tensors = {
        name: np.zeros(shape, np.int64) if name.endswith("_ids") else pruned(*shape) for name, shape in shapes.items()
    }
    found = describe(saved(tmp_path / "model.safetensors", tensors, config))
    assert {layer.name: layer.shape for layer in found.layers} == expected
    read = {name for layer in found.layers for name in (layer.name, f"{layer.name}.weight")}
    assert {one.name for one in found.left_out} == set(shapes) - read
    assert all(note.startswith("model.safetensors: ") and note.endswith(".") for note in found.notes)
    dense(found)


def turned(weights: np.ndarray) -> np.ndarray:
    """[kernel..., in, out] of what is [out, in, kernel...]."""
    return weights.transpose(*range(2, weights.ndim), 1, 0)


LINEAR, CONV, ATTENTION, UP = pruned(10, 6), pruned(5, 4, 3, 2), pruned(2, 3, 7), pruned(9, 5, 4, 4)
LAYOUTS: dict[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = {
    "Linear": ({"fc.weight": LINEAR, "fc.bias": np.ones(10)}, {"fc": LINEAR}),
    "in first, told by the bias": ({"W1": LINEAR.T, "b1": np.ones(10)}, {"W1": LINEAR}),
    "in first, told by the next": ({"W1": LINEAR.T, "W2": pruned(3, 10).T}, {"W1": LINEAR}),
    "Flax Dense": ({"params/Dense_0/kernel": LINEAR.T}, {"params/Dense_0": LINEAR}),
    "Flax Conv": ({"params/Conv_0/kernel": turned(CONV)}, {"params/Conv_0": CONV.reshape(5, -1)}),
    "TensorFlow convolution": (
        {"conv/weights": turned(CONV), "conv/biases": np.ones(5)}, {"conv/weights": CONV.reshape(5, -1)},
    ),
    "TensorFlow without biases": ({"fc/weights": LINEAR.T, "conv/weights": turned(CONV)}, {
        "fc/weights": LINEAR, "conv/weights": CONV.reshape(5, -1)}),
    "Haiku": ({"net/~/conv2_d/w": turned(CONV)}, {"net/~/conv2_d/w": CONV.reshape(5, -1)}),
    "convolutions that fit only with channels last": (
        {"conv.weight": turned(CONV), "conv1.weight": turned(pruned(7, 5, 3, 2)), "fc.weight": pruned(3, 7)},
        {"conv": CONV.reshape(5, -1)},
    ),
    "matrices that fit only in first": (
        {"l1.weight": LINEAR.T, "l2.weight": pruned(10, 4), "l3.weight": pruned(4, 9)}, {"l1": LINEAR},
    ),
    "generator without biases": (
        {"main.0.weight": UP, "main.3.weight": pruned(5, 3, 4, 4), "main.6.weight": pruned(3, 1, 4, 4)},
        {"main.0": UP.reshape(9, -1).T},
    ),
    "Keras transposed convolution": (
        {"conv2d_transpose/kernel": UP.transpose(2, 3, 1, 0)}, {"conv2d_transpose": UP.reshape(9, -1).T},
    ),
    "Flax transposed convolution": (
        {"params/ConvTranspose_0/kernel": UP.transpose(2, 3, 0, 1)},
        {"params/ConvTranspose_0": UP.reshape(9, -1).T},
    ),
    "Flax attention": (
        {"a/query/kernel": ATTENTION.transpose(2, 0, 1), "a/query/bias": np.ones((2, 3)), "a/out/kernel": ATTENTION,
         "a/out/bias": np.ones(7)},
        {"a/query": ATTENTION.reshape(6, 7), "a/out": ATTENTION.reshape(6, 7).T},
    ),
    "convolution": ({"conv.weight": CONV}, {"conv": CONV.reshape(5, -1)}),
    "transposed convolution": (
        {"up.deconv.weight": CONV, "up.deconv.bias": np.ones(4)}, {"up.deconv": CONV.reshape(5, -1).T},
    ),
    "Keras depthwise": (
        {"dw/depthwise_kernel": CONV.transpose(2, 3, 0, 1)[..., :1]},
        {"dw/depthwise_kernel": np.asarray(sp.block_diag([row.reshape(1, -1) for row in CONV[:, 0]]).todense())},
    ),
    "depthwise": (
        {"stem.weight": pruned(5, 3, 3, 3), "block.dwconv.weight": CONV[:, :1]},
        {"block.dwconv": np.asarray(sp.block_diag([row.reshape(1, -1) for row in CONV[:, 0]]).todense())},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_every_layout_is_the_same_matrix(tmp_path: Path, kind: str, suffix: str) -> None:
    tensors, expected = LAYOUTS[kind]
    layers = dense(describe(saved(tmp_path / f"m{suffix}", tensors)))
    for name, matrix in expected.items():
        np.testing.assert_array_equal(layers[name], matrix)


@pytest.mark.parametrize(
    ("name", "shape", "taps"),
    [
        ("a/query/kernel", (7, 2, 3), 1), ("a/out/kernel", (2, 3, 7), 1), ("conv/kernel", (3, 2, 4, 5), 6),
        ("dw/depthwise_kernel", (3, 2, 4, 1), 6), ("conv.weight", (5, 4, 3, 2), 6),
        ("up.deconv.weight", (5, 4, 2, 2), 1),
        ("fc.weight", (5, 4), 1), ("blk.0.ssm_conv1d.weight", (8, 4), 4),
    ],
)  # fmt: skip
def test_only_convolutions_have_taps(tmp_path: Path, name: str, shape: tuple[int, ...], taps: int) -> None:
    (layer,) = describe(saved(tmp_path / "m.safetensors", {name: pruned(*shape)})).layers
    assert layer.taps == taps


def test_kernels_that_may_lie_two_ways_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"conv.weight has the shape .* which may be .*; save the biases"):
        describe(saved(tmp_path / "m.safetensors", {"conv.weight": pruned(3, 3, 4, 8)}))


@pytest.mark.parametrize("config", [{}, {"num_experts_per_tok": 2}])
def test_experts_are_told_to_see_few_tokens(tmp_path: Path, config: dict) -> None:
    tensors = {f"l.experts.{at}.w1.weight": pruned(8, 4) for at in range(3)}
    (note,) = describe(saved(tmp_path / "m.safetensors", tensors, config)).notes
    visits = "2 of the experts" if config else "only some of the experts"
    assert note.startswith(f"m.safetensors: a token visits {visits}, ")
    assert note.endswith("as m.safetensors#*experts*@spmm:N.")


@pytest.mark.parametrize("in_first", [False, True])
@pytest.mark.parametrize("told", ["hidden_size", "model_type", "norm", "bias", "pair"])
def test_experts_are_a_product_each(tmp_path: Path, in_first: bool, told: str) -> None:
    hidden, inner, count = 12, 12 if told == "model_type" else 20, 3
    up, down = pruned(count, 2 * inner, hidden), pruned(count, hidden, inner)
    stored = [one.transpose(0, 2, 1) if in_first else one for one in (up, down)]
    tensors = {"l.0.mlp.experts.gate_up_proj": stored[0], "l.0.mlp.experts.down_proj": stored[1]}
    tensors |= {"l.0.norm.weight": np.ones(hidden)} if told == "norm" else {}
    if told == "bias":
        tensors |= {f"{name}_bias": np.ones((count, n)) for name, n in zip(tensors, (2 * inner, hidden), strict=True)}
    config: dict = {"hidden_size": hidden} if told in ("hidden_size", "model_type") else {}
    config |= {"model_type": "llama4" if in_first else "mixtral"} if told == "model_type" else {}
    layers = dense(describe(saved(tmp_path / "m.safetensors", tensors, config)))
    assert len(layers) == 2 * count
    for at in range(count):
        np.testing.assert_array_equal(layers[f"l.0.mlp.experts.gate_up_proj.{at}"], up[at])
        np.testing.assert_array_equal(layers[f"l.0.mlp.experts.down_proj.{at}"], down[at])


def test_experts_of_dbrx_lie_below_each_other(tmp_path: Path) -> None:
    w1, w2 = pruned(3, 20, 12), pruned(3, 12, 20)
    tensors = {"ffn.experts.mlp.w1": w1.reshape(60, 12), "ffn.experts.mlp.w2": w2.transpose(0, 2, 1).reshape(60, 12)}
    path = saved(tmp_path / "m.safetensors", tensors)
    with pytest.raises(InputError, match=r"stacks experts .* whose number is not known; put config\.json beside it"):
        describe(path)
    saved(path, tensors, {"ffn_config": {"moe_num_experts": 3}})
    same(describe(path), {f"ffn.experts.mlp.w{w}.{at}": (w1 if w == 1 else w2)[at] for w in (1, 2) for at in range(3)})


def index(folder: Path, **shard_of: str) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": shard_of}))
    return path


def test_shards_are_one_network(tmp_path: Path) -> None:
    first, second = pruned(4, 6), pruned(8, 4)
    names = [f"model-0000{at}-of-00002.safetensors" for at in (1, 2)]
    saved(tmp_path / names[0], {"a.weight": first})
    saved(tmp_path / names[1], {"b.weight": second})
    (tmp_path / "vocab.txt").write_text("1 2\n3 4\n")
    same(describe(tmp_path), {"a": first, "b": second})
    path = index(tmp_path, **{"a.weight": names[0], "b.weight": names[1]})
    same(describe(tmp_path), {"a": first, "b": second})
    same(describe(path), {"a": first, "b": second})
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in (path.name, *names):
            archive.write(tmp_path / name, f"model/{name}")
    same(describe(tmp_path / "all.zip"), {"a": first, "b": second})
    (tmp_path / names[1]).unlink()
    with pytest.raises(InputError, match=r"names model-00002-of-00002\.safetensors, which is missing .*; download"):
        describe(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"model-00002-of-00002\.safetensors is missing; download"):
        describe(tmp_path)


@pytest.mark.parametrize(
    "copy",
    ["consolidated.safetensors", "model.fp16.safetensors", "model-Q4_0.gguf", "onnx/model.onnx", "model_int8.onnx"],
)
def test_copies_are_read_once_and_told(tmp_path: Path, copy: str) -> None:
    saved(tmp_path / "model.safetensors", {"fc.weight": FC})
    saved(tmp_path / copy, {"fc.weight": FC})
    found = describe(tmp_path)
    same(found, {"fc": FC})
    assert [(one.name, one.why[:21]) for one in found.left_out] == [(copy, "a copy of the network")]


def test_masks_beside_weights_are_applied(tmp_path: Path) -> None:
    weights, mask = RNG.random((4, 6), np.float32), RNG.random((4, 6)) < 0.5
    saved(tmp_path / "model.safetensors", {"fc.weight": weights})
    saved(tmp_path / "masks.safetensors", {"fc.weight": mask})
    found = describe(tmp_path)
    same(found, {"fc": weights * mask})
    assert found.notes == ("model.safetensors: masks that are stored beside weights are applied to them.",)
    alone = describe(tmp_path / "masks.safetensors")
    same(alone, {"fc": mask})
    assert not alone.remarks


NET = {"a.weight": pruned(6, 4), "b.weight": pruned(5, 6)}
SAME: list[tuple[list[str], list[str]]] = [
    (["checkpoint-90/model", "checkpoint-200/model"], ["checkpoint-200/model"]),
    (["model", "checkpoint-90/model", "checkpoint-200/model"], ["model"]),
    (["net_epoch_2", "net_epoch_10", "net_epoch_9"], ["net_epoch_10"]),
    (["model", "optimizer", "ema"], ["model"]),
    (["model", "model_fp16", "model-int8", "model.bf16"], ["model"]),
    (["model", "best", "backup/model"], ["model"]),
    (["layer_0", "layer_1", "layer_2"], ["layer_0", "layer_1", "layer_2"]),
    (["best", "last"], []),
    (["run_1/model", "run_2/model"], []),
    (["a", "b"], []),
]


@pytest.mark.parametrize(("names", "read"), SAME)
@pytest.mark.parametrize("zipped", [False, True])
def test_one_network_in_several_files_is_read_once(
    tmp_path: Path, names: list[str], read: list[str], zipped: bool
) -> None:
    folder = tmp_path / "net"
    for name in names:
        saved(folder / f"{name}.safetensors", NET)
    if zipped:
        with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
            for name in names:
                archive.write(folder / f"{name}.safetensors", f"{name}.safetensors")
        folder = tmp_path / "net.zip"
    if not read:
        with pytest.raises(InputError, match=r"holds arrays of the same names and shapes as .*; give one of them"):
            describe(folder)
        return
    found = describe(folder)
    prefixes = [f"{name}.safetensors/" for name in read] if len(read) > 1 else [""]
    assert {layer.name for layer in found.layers} == {f"{one}{name}" for one in prefixes for name in "ab"}
    assert {one.name for one in found.left_out} == {f"{name}.safetensors" for name in names if name not in read}


def test_components_of_a_pipeline_and_files_of_a_layer_each_are_all_read(tmp_path: Path) -> None:
    for folder in ("transformer", "transformer_2"):
        saved(tmp_path / "pipe" / folder / "model.safetensors", NET)
    (tmp_path / "pipe" / "model_index.json").write_text("{}")
    assert len(describe(tmp_path / "pipe").layers) == 4
    for name in ("up", "down"):
        saved(tmp_path / "layers" / f"{name}.safetensors", {"weight": FC})
    assert len(describe(tmp_path / "layers").layers) == 2


def test_tables_beside_a_network_are_left_out(tmp_path: Path) -> None:
    saved(tmp_path / "model.safetensors", {"fc.weight": FC})
    (tmp_path / "results.csv").write_text("name,M,N,K\na,1,2,3\n")
    found = describe(tmp_path)
    same(found, {"fc": FC})
    assert [one.name for one in found.left_out] == ["results.csv"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_beside_another_is_found_by_its_whole_name(tmp_path: Path, zipped: bool) -> None:
    names = ("d/g.e", "d/g.verbose.txt", "d/g.v.gz", "e/g.w")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    source = Source(tmp_path / "d" / "g.e")
    if zipped:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name in names:
                archive.write(tmp_path / name, name)
        source = Source(tmp_path / "all.zip", "d/g.e")
    beside = [source.beside(name) for name in ("g.v", "g.verbose", "g.w", "g.e")]
    assert [bool(one) for one in beside] == [True, False, False, True]
    assert "g.v.gz" in str(beside[0])


def test_names_begin_with_a_file_only_where_there_are_several(tmp_path: Path) -> None:
    saved(tmp_path / "one" / "a.safetensors", {"fc.weight": FC})
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "one" / "a.safetensors")
    assert [layer.name for layer in describe(tmp_path).layers] == ["fc"]
    sp.save_npz(tmp_path / "m.npz", sp.csr_array(FC))
    assert [layer.name for layer in describe(tmp_path).layers] == ["link.safetensors/fc", "m.npz"]


def test_what_belongs_to_a_matrix_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "bcsstk"
    folder.mkdir()
    for name in ("bcsstk", "bcsstk_b", "bcsstk_coord"):
        scipy.io.mmwrite(folder / f"{name}.mtx", sp.coo_array(FC))
    (folder / "barcodes.txt").write_text("1 2\n")
    found = describe(tmp_path)
    same(found, {"bcsstk/bcsstk.mtx": FC})
    assert {one.name for one in found.left_out} >= {"bcsstk/bcsstk_b.mtx", "bcsstk/bcsstk_coord.mtx"}


def test_what_cannot_be_read_is_told_or_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match=r"pytorch_model\.bin: is pickled"):
        describe(tmp_path)
    saved(tmp_path / "model.safetensors", {"fc.weight": FC})
    assert [one.name for one in describe(tmp_path).left_out] == ["pytorch_model.bin"]
    (tmp_path / "more.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"more\.safetensors"):
        describe(tmp_path)


def test_a_layer_of_zeros_is_left_out_and_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.safetensors", {"a.weight": FC, "b.weight": FC * 0})
    workload = resolve_workload(str(path))
    assert [kernel.name for kernel in workload.kernels] == ["a@spmm:64"]
    assert f"{path}: left out, all zeros: b." in workload.notes
    saved(path, {"b.weight": FC * 0})
    for read in (load_matrix, lambda where: resolve_workload(str(where))):
        with pytest.raises(InputError, match=r"m\.safetensors: .*holds no non-zero"):
            read(path)


def test_headers_are_enough_to_describe(tmp_path: Path) -> None:
    side, size = 100_000, 2 * 100_000 * 100_000
    path = tmp_path / "m.safetensors"
    start = header(**{"fc.weight": ("BF16", [side, side], [0, size])})
    with open(path, "wb") as stream:
        stream.write(start)
        stream.truncate(len(start) + size)
    assert describe(path).layers[0].shape == (side, side)


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('ran')",)


def header(**tensors: tuple) -> bytes:
    fields = ("dtype", "shape", "data_offsets")
    text = json.dumps({name: dict(zip(fields, value, strict=True)) for name, value in tensors.items()}).encode()
    return struct.pack("<Q", len(text)) + text


NO_FILE = "is no whole safetensors file .*; write or copy it again"
REFUSED: list[tuple[str, bytes | Callable[[Path], object], str]] = [
    ("m.safetensors", b"abc", NO_FILE),
    ("m.safetensors", struct.pack("<Q", 1 << 60) + b"{}", NO_FILE),
    ("m.safetensors", header(w=("F32", [2, 2], [0, 16])) + b"\0" * 9, NO_FILE),
    ("m.safetensors", header(w=("F32", [2, 2], [0, 16])) + b"\0" * 20, NO_FILE),
    ("m.safetensors", header(w=("F32", [2, 2], [0, 4])) + b"\0" * 4, NO_FILE),
    ("m.safetensors", header(w=("F32", [-1, 2], [0, 4])) + b"\0" * 4, NO_FILE),
    ("m.safetensors", header(v=("F32", [1], [0, 4]), w=("F32", [1], [0, 4])) + b"\0" * 4, NO_FILE),
    ("m.safetensors", struct.pack("<Q", 9) + b'{"a":[[[[', NO_FILE),
    ("m.safetensors", header(w=("Z9", [1, 1], [0, 4])) + b"\0" * 4, "w has the type Z9, .*; save it as bfloat16"),
    ("m.safetensors", header(w=("C64", [1, 2], [0, 16])) + b"\1" * 16, "w is complex .*; save its real"),
    ("m.safetensors", header(w=("F32", [1, 2], [0, 8])) + struct.pack("<ff", 1, np.nan), "w holds values that are NaN"),
    ("m.safetensors", header(w=("F32", [2], [0, 8])) + b"\1" * 8, "holds no matrix of weights .*; give a file"),
    ("m.safetensors", header(w=("F32", [0, 2], [0, 0])), "holds no matrix of weights .no entries."),
    ("m.gguf", b"GGUF\3\0\0\0" + b"\xff" * 16, "GGUF header would have .* entries; download"),
    ("m.gguf", b"GGUF\3\0\0\0\1" + b"\0" * 15, "GGUF header is truncated or damaged; download"),
    ("m.gguf", b"GGUF\x09\0\0\0", "GGUF file has the version 9; convert it again"),
    ("a.safetensors.index.json", b'{"weight_map": {"a": "../b.safetensors"}}', r"names \.\./b\.safetensors, which"),
    ("a.safetensors.index.json", b'{"weight_map": 3}', "has no table weight_map"),
    ("pytorch_model.bin.index.json", b'{"weight_map": {"a": "b.bin"}}', "index of pickled .*; save the weights"),
    ("net.npz", lambda path: np.savez(path, w=np.array([[Bomb()]], dtype=object)), "w holds pickled .*; save it"),
    ("net.npz", lambda path: np.savez(path, w=np.zeros((2, 2), "i4,i4")), "w has the type .*; save it as float32"),
    ("net.npz", b"not a zip", r"is no \.npz archive .*; write or copy it again"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), REFUSED)
def test_refusals(tmp_path: Path, name: str, content: bytes | Callable[[Path], object], message: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(InputError, match=message) as caught:
        resolve_workload(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_too_many_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MOST_NONZEROS", 2)
    path = saved(tmp_path / "net.npz", {"fc1": FC})
    with pytest.raises(InputError, match=r"more than 2 non-zeros up to fc1; .*FILE#PATTERN, as in net\.npz#\*fc1\*"):
        resolve_workload(str(path))


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".gguf"])
def test_damaged_bytes_are_one_sentence_or_still_a_network(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    if suffix == ".gguf":
        info = struct.pack("<Q", 1) + b"w" + struct.pack("<IQQIQ", 2, 3, 2, 0, 0)
        start = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + info
        path.write_bytes(start + b"\0" * (-len(start) % 32) + FC.tobytes())
    else:
        saved(path, {"a.weight": FC, "b.weight": CONV})
    sound, said = path.read_bytes(), []
    for _ in range(60):
        at, length = RNG.integers(len(sound)), RNG.integers(1, 9)
        damaged = bytearray(sound)
        damaged[at : at + RNG.choice([0, length, len(sound)])] = RNG.bytes(int(length))
        path.write_bytes(damaged)
        try:
            assert dense(describe(path))
        except InputError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if "\n" in sentence or not sentence.startswith(str(path))]
