"""Training steps as kernels: products equal autodiff, and sizes and densities are those of the layers."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from workloads import DensityKernel, InputError, SparseKernel, resolve_workload
from workloads.networks import network_layers
from workloads.networks.digits import BATCH, LAYERS, digits_training_step
from workloads.networks.training import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT
from workloads.pruning.images import digits_images

WHOLE = 2e-3
"""Counts of non-zeros are whole."""


def density(kernel: DensityKernel, operand: str) -> float:
    model, sizes = getattr(kernel, operand), {"a": (kernel.m, kernel.k), "b": (kernel.k, kernel.n)}[operand]
    return 1.0 if model is None else float(model.nonzeros(*sizes)) / (sizes[0] * sizes[1])


def test_products_of_the_measured_step_equal_autodiff_of_the_network():
    step, images = digits_training_step(), digits_images(0)
    x = jnp.asarray(images.training[:BATCH].reshape(BATCH, -1), jnp.float32)
    labels = jnp.asarray(images.training_labels[:BATCH])
    weights = [jnp.asarray(one.weights.toarray(), jnp.float32) for one in step]
    with np.load("workloads/data/digits_mlp.npz") as stored:
        biases = [jnp.asarray(stored[f"{layer}_bias"]) for layer in LAYERS]

    def loss(weights, shifts):
        """`shifts` of nothing are added to the inputs of each layer, so that gradients by them are dX."""
        h, products = x, []
        for at, (weight, bias, shift) in enumerate(zip(weights, biases, shifts, strict=True)):
            products.append((h + shift) @ weight.T)
            h = products[-1] + bias
            h = jax.nn.relu(h) if at < len(weights) - 1 else h
        return optax.softmax_cross_entropy_with_integer_labels(h, labels).mean(), products

    none = [jnp.zeros((BATCH, weight.shape[1])) for weight in weights]
    (by_weights, by_inputs), forward = jax.grad(loss, argnums=(0, 1), has_aux=True)(weights, none)
    expected = {}
    for layer, y, dx, dw in zip(LAYERS, forward, by_inputs, by_weights, strict=True):
        expected |= {(layer, FORWARD): y.T, (layer, INPUT_GRADIENT): dx.T, (layer, WEIGHT_GRADIENT): dw}
    del expected[LAYERS[0], INPUT_GRADIENT]  # pixels need no gradient

    kernels = resolve_workload("digits:train").kernels
    assert len(kernels) == len(expected)
    dense = {one.name: one.gradients.toarray() for one in step}
    for kernel in kernels:
        assert isinstance(kernel, SparseKernel)
        assert kernel.numbers == "real"
        layer, kind = kernel.name.removeprefix("digits_").split("@")
        b = dense[layer] if kernel.b is None else kernel.b.toarray()
        assert kernel.b is not None or np.all(b)
        np.testing.assert_allclose(kernel.a @ b, expected[layer, kind], atol=2e-6, err_msg=kernel.name)
    for before, after in pairwise(step):  # a ReLU passes gradients only where it passes values
        assert not np.any((before.gradients.toarray() != 0) & (after.inputs.toarray() == 0))


@pytest.mark.parametrize("spec", ["vgg16:b2", "lenet-300-100", "alexnet", "resnet50:2:4", "mobilenet", "bert-base:64"])
def test_a_described_step_makes_the_products_of_each_layer_three_times(spec: str):
    layers, name = network_layers(spec), spec.partition(":")[0]
    workload = resolve_workload(spec.replace(name, f"{name}:train"))
    found = {kernel.name: kernel for kernel in workload.kernels}
    assert len(found) == 3 * len(layers) - (name != "bert-base")
    behind = [layer.activation_density for layer in layers[1:]] + [1.0]
    for at, layer in enumerate(layers):
        parts = [found.get(f"{name}/{layer.name}@{kind}") for kind in (FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT)]
        forward, by_input, by_weight = parts
        assert isinstance(forward, DensityKernel)
        assert isinstance(by_weight, DensityKernel)
        assert (by_input is None) == (at == 0 and name != "bert-base")
        assert forward.shape == (layer.m, layer.k, layer.n)
        assert by_weight.shape == (layer.m, layer.n, layer.k)
        assert density(by_weight, "b") == pytest.approx(density(forward, "b"), abs=WHOLE)
        passes = name in ("vgg16", "alexnet", "lenet-300-100")
        assert density(by_weight, "a") == pytest.approx(behind[at] if passes else 1.0, abs=WHOLE)
        if isinstance(by_input, DensityKernel):
            assert by_input.shape == (layer.k, layer.m, layer.n)
            assert density(by_input, "a") == pytest.approx(density(forward, "a"), abs=WHOLE)
            assert density(by_input, "b") == pytest.approx(density(by_weight, "a"), abs=WHOLE)
        for part in filter(None, parts):
            assert (part.repeats, part.numbers) == (layer.repeats, "real")


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(InputError, match="'train' is no option of this network"):
        resolve_workload("llama3-8b:train")
    with pytest.raises(InputError, match="digits:train has its own B"):
        resolve_workload("digits:train@spmm:8")
