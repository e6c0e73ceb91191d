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
