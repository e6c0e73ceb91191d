"""The pruned classifier that the project carries with it: 64-128-64-10 units, handwritten digits, nine zeros in ten.

`experiments/train_digits.py` trains, prunes and stores it; its accuracy was measured on a fifth of scikit-learn's
digits that the training never saw.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np
from scipy.sparse import csr_array

from workloads.kernels.kernel import Kernel
from workloads.kernels.tensor_names import TensorNames, constant, outside, read
from workloads.networks.training import LayerStep, cross_entropy_gradient, masked_gradients

LAYERS = ("fc1", "fc2", "fc3")
BATCH = 64
"""Held-out images whose activation patterns are stored."""


def digits_layers() -> dict[str, csr_array]:
    """Weights by layer, shape [out, in]: a batch of activations X [in, batch] gives W @ X before bias and ReLU."""
    return {layer: csr_array(_stored()[f"{layer}_weight"].astype(np.float64)) for layer in LAYERS}


def digits_activations() -> dict[str, csr_array]:
    """Where the input of each layer is not zero, shape [in, 64 images], ones: pixels for `fc1`, else ReLU outputs."""
    patterns = {}
    for layer in LAYERS:
        bits = np.unpackbits(_stored()[f"{layer}_input_bits"], axis=1, count=BATCH)
        patterns[layer] = csr_array(bits.astype(np.float64))
    return patterns


def digits_tensors(kernels: Sequence[Kernel]) -> list[Kernel]:
    """One product of each layer, in order, as the classifier that they are: a bias and a ReLU lie between layers."""
    named, before = [], outside("pixels")
    for layer, kernel in zip(LAYERS, kernels, strict=True):
        names = TensorNames(constant(f"{layer}.weight"), before, z=layer)
        named.append(replace(kernel, tensors=names))  # type: ignore[type-var]
        before = read(layer, "pointwise")
    return named


def digits_training_step() -> tuple[LayerStep, ...]:
    """A step on the first `BATCH` images that the classifier was trained on: weights [out, in], inputs [in, batch] and
    gradients [out, batch] of the mean cross entropy by layer, each with the zeros that they have."""
    from workloads.pruning.images import digits_images

    images = digits_images(int(_stored()["seed"]))
    x = images.training[:BATCH].reshape(BATCH, -1).astype(np.float64)
    labels = images.training_labels[:BATCH]
    weights = [_stored()[f"{layer}_weight"].astype(np.float64) for layer in LAYERS]
    inputs = []
    for layer, weight in zip(LAYERS, weights, strict=True):
        inputs.append(x)
        outputs = x @ weight.T + _stored()[f"{layer}_bias"]
        x = np.maximum(outputs, 0.0)
    gradients = masked_gradients(weights, inputs, cross_entropy_gradient(outputs, labels))
    return tuple(
        LayerStep(layer, csr_array(weight), csr_array(own.T), csr_array(gradient.T))
        for layer, weight, own, gradient in zip(LAYERS, weights, inputs, gradients, strict=True)
    )


@cache
def _stored() -> dict[str, np.ndarray]:
    with (
        (resources.files("workloads") / "data" / "digits_mlp.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as archive,
    ):
        return {name: archive[name] for name in archive.files}
