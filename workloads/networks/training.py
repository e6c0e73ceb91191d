"""A training step as kernels: each product of a network, and the two that its gradients take.

Of Y = W X with outputs Y and a loss that gives dY (Rumelhart, Hinton and Williams, Nature 323, 1986):

| product | A | B | Z |
|---|---|---|---|
| `forward` | W [out, in] | X [in, batch] | Y |
| `input_gradient` | W^T [in, out] | dY [out, batch] | dX, of which the layer before makes its dY |
| `weight_gradient` | dY [out, batch] | X^T [batch, in] | dW of all weights, so that pruned ones may come back |

The input of the network needs no gradient, so its first layer has no second product. The update of the weights is not
a product and is left out. Values are real numbers (`Kernel.numbers`), so a step runs in floating point.

Zeros: X has those of the ReLU before it, W those of pruning, and dY those of the ReLU behind it, whose gradient is zero
wherever its output is; where a normalisation lies between the product and the ReLU, its gradient, which takes away the
mean over a batch, is dense (Ioffe and Szegedy, arXiv:1502.03167, section 3). Pooling leaves more zeros in dY, which are
not counted.

A convolution's forward product is that of im2col. Its input gradient is taken as W^T dY, of which col2im adds up what
belongs to one activation, and its weight gradient with X unfolded. In both, each place of an unfolded map is moved: the
products know how a map becomes B, not how it becomes A, Z or a transposed B. So filters larger than 1 x 1 move up to as
many times more of X and of dX as they have places.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from workloads.densities import Dense, Density, Uniform
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.networks.layer import Layer

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input_gradient", "weight_gradient"


@dataclass(frozen=True)
class LayerStep:
    """What one layer of a step multiplies, each with its zeros: weights [out, in], inputs [in, batch], gradients of its
    outputs [out, batch]."""

    name: str
    weights: csr_array
    inputs: csr_array
    gradients: csr_array


def measured_step(layers: Sequence[LayerStep], name: str) -> tuple[SparseKernel, ...]:
    """The kernels of a step whose patterns are known, first layer first; B is dense where it has no zeros.

    They are named `name_layer@forward` and so on. Products of which an operand is zero throughout are left out.
    """
    kernels = []
    for at, one in enumerate(layers):
        w, x, dy = (csr_array(part) for part in (one.weights, one.inputs, one.gradients))
        products = {FORWARD: (w, x), INPUT_GRADIENT: (w.T, dy), WEIGHT_GRADIENT: (dy, x.T)}
        if at == 0:
            del products[INPUT_GRADIENT]
        for kind, (a, b) in products.items():
            if a.count_nonzero() and b.count_nonzero():
                solid = b.count_nonzero() == b.shape[0] * b.shape[1]
                label = f"{name}_{one.name}@{kind}"
                sparse_b = None if solid else csr_array(b)
                kernels.append(SparseKernel(label, csr_array(a), sparse_b, int(b.shape[1]), numbers="real"))
    return tuple(kernels)


def described_step(layers: Iterable[Layer], network: str, *, relu_passes: bool, has_data_in: bool) -> list[Kernel]:
    """The kernels of a step that is known by densities, named `network/layer@forward` and so on.

    **Arguments**: `relu_passes`, whether the ReLU that the next layer's zeros are from lies right behind a product, so
    that dY is as dense as what the next layer reads, and not behind a normalisation, where it is dense; `has_data_in`,
    whether the first layer reads data, which needs no gradient.
    """
    layers = list(layers)
    outputs = [layer.activation_density for layer in layers[1:]] + [1.0]
    kernels: list[Kernel] = []
    for at, (layer, density) in enumerate(zip(layers, outputs, strict=True)):
        forward = layer.kernel(network)
        w, x = forward.a, forward.b
        dy = Uniform(density) if relu_passes and density < 1.0 else None
        label, repeats = f"{network}/{layer.name}@", forward.repeats
        m, k, n = forward.shape
        made = [DensityKernel(f"{label}{FORWARD}", m, k, n, w, x, repeats, forward.unfolding, numbers="real")]
        if at or not has_data_in:
            turned = _transposed(w, m, k)
            made.append(DensityKernel(f"{label}{INPUT_GRADIENT}", k, m, n, turned, dy, repeats, numbers="real"))
        made.append(DensityKernel(f"{label}{WEIGHT_GRADIENT}", m, n, k, dy or Dense(), x, repeats, numbers="real"))
        kernels += made
    return kernels


def _transposed(weights: Density, m: int, k: int) -> Density:
    """The model of the transposed weights: n:m along their rows lies along its columns, where only its share counts."""
    return weights if isinstance(weights, Uniform) else Uniform(float(weights.nonzeros(m, k)) / (m * k))


def masked_gradients(
    weights: Sequence[np.ndarray], inputs: Sequence[np.ndarray], outputs: np.ndarray
) -> list[np.ndarray]:
    """dY [batch, out] of each layer of a multi-layer perceptron with ReLUs, from that of its outputs [batch, classes].

    **Arguments**: weights [out, in] and inputs [batch, in] of each layer; the inputs of all but the first are a ReLU's.
    """
    gradients = [outputs]
    for weight, x in zip(reversed(weights[1:]), reversed(inputs[1:]), strict=True):
        gradients.append((gradients[-1] @ weight) * (x > 0))
    return gradients[::-1]


def cross_entropy_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the mean cross entropy of a softmax by its logits [batch, classes]; labels [batch] from 0."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1.0
    return shares / len(labels)
