"""Checkpoints as transformers saves them: the products that are read are those that a counter counts in the network.

`data/checkpoints.json` has networks of transformers 5.24.0, made from configurations of reduced width: sizes as in
their `config.json`, the arrays of `save_pretrained` with their shapes, and those of them that
`torch.utils.flop_counter` (torch 2.13.0) saw multiplied: outputs, inputs of a group, groups; `turned` are stored
[in, out]. The counter's multiply-accumulates were outputs times inputs times positions, of an expert times the tokens
sent to it. All others were products of two activations: attention, Mamba's scan, CLIP's logits.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from workloads import resolve_workload
from workloads.readers.finding import find
from workloads.readers.found import Found

NETWORKS = json.loads((Path(__file__).parent / "data" / "checkpoints.json").read_text())


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict, dict[str, np.ndarray], Found]:
    saved, rng = NETWORKS[request.param], np.random.default_rng(0)
    arrays = {
        name: np.array(rng.normal(size=shape) * (rng.random(shape) < (0.5 if len(shape) > 1 else 1)), np.float32)
        for name, shape in saved["arrays"].items()
    }
    save_file(arrays, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(saved["config"]))
    return saved, arrays, find(tmp_path)


def test_what_is_read_is_what_a_counter_sees_multiplied(network) -> None:
    saved, arrays, found = network
    layers = {layer.name: layer for layer in found.layers}
    for stored, (outputs, inputs, groups) in saved["products"].items():
        name = stored.split(".parametrizations.")[0].removesuffix(".weight")
        parts = [layers.pop(one) for one in list(layers) if one == name or one.startswith(f"{name}.")]
        read = np.vstack([part.read().toarray() for part in parts])
        assert read.shape == (outputs, groups * inputs), stored  # groups lie along a diagonal
        if ".parametrizations." not in stored:
            weights = arrays[stored].swapaxes(-1, -2) if stored in saved["turned"] else arrays[stored]
            rows = read.reshape(groups, -1, groups, inputs)[range(groups), :, range(groups)]
            np.testing.assert_array_equal(rows.reshape(outputs, inputs), weights.reshape(outputs, inputs), stored)
    assert not layers


def test_the_rest_is_said_to_be_left_out(network) -> None:
    saved, arrays, found = network
    said = {one.name.removesuffix(".weight") for one in found.left_out}
    products = {name.split(".parametrizations.")[0] for name in saved["products"]}
    for name, array in arrays.items():
        assert array.ndim < 2 or name.split(".parametrizations.")[0] in products or name.removesuffix(".weight") in said


BLOCKS = {  # layers of attention, the last one being the output's; of the feed-forward; how the residual is added
    "llama": (("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj"), "same"),
    "mistral": (("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj"), "same"),
    "phi3": (("qkv_proj", "o_proj"), ("gate_up_proj", "down_proj"), "same"),
    "gpt2": (("attn.c_attn", "attn.c_proj"), ("mlp.c_fc", "mlp.c_proj"), "same"),
    "bert": (
        ("query", "key", "value", "attention.output.dense"),
        ("intermediate.dense", ".output.dense"),
        "normalised",
    ),
    "vit": (("query", "key", "value", "attention.output.dense"), ("intermediate.dense", ".output.dense"), "same"),
    "clip": (("q_proj", "k_proj", "v_proj", "out_proj"), ("fc1", "fc2"), "same"),
    "gpt_neox": (("query_key_value", "attention.dense"), ("dense_h_to_4h", "dense_4h_to_h"), "same"),
}


def test_blocks_of_transformers_say_what_feeds_what(network, tmp_path: Path) -> None:
    """Edges by the modelling files of transformers; where experts, adapters or other kinds are, none is made up."""
    saved, *_ = network
    workload = resolve_workload(f"{tmp_path}@spmm:6")
    known = BLOCKS.get(saved["config"]["model_type"])
    graph, names = workload.graph, [kernel.name.removesuffix("@spmm:6") for kernel in workload.kernels]
    edges = {
        (names[tensor.producer], names[use.kernel], use.operand, use.view)
        for tensor in graph.tensors
        for use in tensor.consumers
        if tensor.producer is not None
    }
    if known is None:
        assert not edges
        return
    (*into, output), (*wide, down), added = known
    expected: set[tuple[str, str, str, str]] = set()
    for o in [name for name in names if name.endswith(output)]:
        stem = o.removesuffix(output).removesuffix("self_attn.").removesuffix("attention.").removesuffix("attn.")
        block = stem.rstrip(".")
        of = {end: next(n for n in names if n.startswith(f"{block}.") and n.endswith(end) and (n != o or end == output))
              for end in (*into, output, *wide, down)}  # fmt: skip
        first, number = block.rsplit(".", 1)
        before = next((n for n in names if n.startswith(f"{first}.{int(number) - 1}.") and n.endswith(down)
                       and not n.endswith(output)), None)  # fmt: skip
        parallel = saved["config"]["model_type"] == "gpt_neox"
        if before:
            expected |= {(before, of[end], "b", "normalised") for end in (*into, *(wide if parallel else ()))}
            expected.add((before, o, "c", added))
        if not parallel:
            expected |= {(o, of[end], "b", "normalised") for end in wide}
        expected.add((o, of[down], "c", added))
        expected.add((of[wide[-1]], of[down], "b", "same" if len(wide) > 1 else "pointwise"))
        if len(wide) > 1:
            expected.add((of[wide[0]], of[wide[1]], "c", "pointwise"))
    heads = {edge for edge in edges if edge[1] in ("lm_head", "embed_out")}
    assert edges - heads == expected
    assert len(heads) == sum(name in ("lm_head", "embed_out") for name in names)
    assert all(graph[tensor.name].alive == tuple(range(len(names))) for tensor in graph.tensors if tensor.is_weight)
