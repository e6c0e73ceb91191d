"""The embedded classifier: its stored accuracy is what its stored weights achieve, and its script regenerates it."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from workloads.networks import digits

STORED = Path(__file__).resolve().parents[1] / "workloads" / "data" / "digits_mlp.npz"


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    """Weights, biases, accuracies and the numbers of the held-out images."""
    with np.load(STORED) as archive:
        return dict(archive)


def hidden_inputs(stored: dict[str, np.ndarray], images: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Input [in, batch] of each layer, and the logits [10, batch]."""
    inputs, x = {}, images.T / 16
    for layer, weight in digits.digits_layers().items():
        inputs[layer] = x
        x = weight @ x + stored[f"{layer}_bias"].astype(float)[:, None]
        logits, x = x, np.maximum(x, 0)
    return inputs, logits


def test_layers_are_pruned_and_chain() -> None:
    layers = digits.digits_layers()
    assert [layer.shape for layer in layers.values()] == [(128, 64), (64, 128), (10, 64)]
    zeros = 1 - sum(layer.nnz for layer in layers.values()) / sum(np.prod(layer.shape) for layer in layers.values())
    assert zeros == pytest.approx(0.9, abs=0.001)
    assert all(layer.nnz and layer.has_canonical_format for layer in layers.values())


def test_stored_accuracy_is_what_the_weights_achieve(stored: dict[str, np.ndarray]) -> None:
    data = load_digits()
    held_out = stored["held_out"]
    assert len(held_out) == len(data.target) // 5
    _, logits = hidden_inputs(stored, data.data[held_out])
    measured = np.mean(np.argmax(logits, axis=0) == data.target[held_out])
    assert measured == pytest.approx(stored["accuracy"], abs=1.5 / len(held_out))
    assert stored["accuracy"] > 0.97
    assert stored["dense_accuracy"] > 0.98


def test_activations_are_those_of_held_out_images(stored: dict[str, np.ndarray]) -> None:
    images = load_digits().data[stored["held_out"][: digits.BATCH]]
    inputs, _ = hidden_inputs(stored, images)
    for layer, pattern in digits.digits_activations().items():
        assert np.mean((inputs[layer] != 0) == (pattern.toarray() != 0)) > 0.999  # ReLU of float32 and float64
        assert pattern.shape == (digits.digits_layers()[layer].shape[1], digits.BATCH)


def test_file_is_small() -> None:
    assert STORED.stat().st_size < 200_000


def test_script_smoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_digits = pytest.importorskip("experiments.train_digits")
    train_digits.run(train_digits.Config(out=tmp_path / "a.npz", smoke=True))
    assert "90.0% zeros, held-out accuracy" in capsys.readouterr().out
    with np.load(tmp_path / "a.npz") as made, np.load(STORED) as stored:
        assert set(made.files) == set(stored.files)
        assert all(made[name].shape == stored[name].shape for name in made.files)
        assert np.array_equal(made["held_out"], stored["held_out"])
