"""Small networks as pure functions, each layer one product of a weight matrix with its inputs as columns of a matrix.

A convolution is a product too: the patches it sees are laid out as rows (im2col; Chellapilla, Puri and Simard, "High
performance convolutional neural networks for document processing", 2006). So every pruning pattern, every rounding and
every count is about one matrix `[out, K]` per layer. Channels are the fastest axis of K throughout: input k of a layer
belongs to channel `k % channels` of the layer before, whether that is a convolution or not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.errors import InputError
from workloads.kernels.unfolding import Unfolding

Params = list[tuple[Any, Any]]
"""Of each layer its weight [out, K] and bias [out], arrays of NumPy or JAX."""

Product = Callable[[int, Any], Any]
"""`product(layer, inputs [..., K]) -> outputs [..., out]`, with the ReLU of all layers but the last."""


@dataclass(frozen=True)
class FullyConnectedLayer:
    """Every output sees every input."""

    units: int


@dataclass(frozen=True)
class ConvolutionLayer:
    """A square convolution of odd size, zeros around the image, then ReLU and the largest of 2 x 2 neighbours."""

    units: int
    """Output channels."""
    size: int = 3


@dataclass(frozen=True)
class Network:
    """Layers in order; the last is `FullyConnectedLayer` with one output for each class."""

    name: str
    image: tuple[int, int]
    """Height and width of the images, which have one channel."""
    layers: tuple[FullyConnectedLayer | ConvolutionLayer, ...]

    @property
    def layer_names(self) -> tuple[str, ...]:
        """`conv1`, ..., `fc1`, ...: numbered within each kind."""
        kinds = ["conv" if isinstance(layer, ConvolutionLayer) else "fc" for layer in self.layers]
        return tuple(f"{kind}{kinds[: at + 1].count(kind)}" for at, kind in enumerate(kinds))

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(out, K) of each weight."""
        return tuple(shape for shape, _ in self._walked())

    @property
    def positions(self) -> tuple[int, ...]:
        """How often each layer's product is made for one image."""
        return tuple(positions for _, positions in self._walked())

    def unfoldings(self, inputs: Sequence[int]) -> tuple[Unfolding | None, ...]:
        """How the maps of each layer are laid out as its inputs; None of what is no convolution.

        `inputs` are the K of each layer, fewer than at first where channels were removed. Where single weights of all
        filters were, the inputs that are left are no map, which is None too.
        """
        found: list[Unfolding | None] = []
        (height, width) = self.image
        for layer, k in zip(self.layers, inputs, strict=True):
            channels, rest = divmod(k, layer.size**2) if isinstance(layer, ConvolutionLayer) else (0, 0)
            if not isinstance(layer, ConvolutionLayer) or rest or not channels:
                found.append(None)
            else:
                sides, kernel = (height, width), (layer.size, layer.size)
                found.append(Unfolding(channels, *sides, *kernel, *sides, 1, layer.size // 2, channel_block=channels))
            height, width = max(height // 2, 1), max(width // 2, 1)
        return tuple(found)

    @property
    def values(self) -> int:
        """Inputs, patches laid out, and outputs of all layers for one image."""
        return sum((out + k) * positions for (out, k), positions in self._walked())

    def _walked(self) -> Iterator[tuple[tuple[int, int], int]]:
        """(out, K), and the number of positions that a layer's product is made at."""
        (height, width), channels = self.image, 1
        for layer in self.layers:
            if isinstance(layer, ConvolutionLayer):
                yield (layer.units, layer.size**2 * channels), height * width
                height, width = height // 2, width // 2
            else:
                yield (layer.units, height * width * channels), 1
                height = width = 1
            channels = layer.units


def mlp(image: tuple[int, int], classes: int, hidden: tuple[int, ...] = (128, 64)) -> Network:
    """A multi-layer perceptron."""
    return Network("mlp", image, (*map(FullyConnectedLayer, hidden), FullyConnectedLayer(classes)))


def cnn(image: tuple[int, int], classes: int) -> Network:
    """Two convolutions of 3 x 3, as in LeNet-5 (LeCun et al., Proc. IEEE 1998) each followed by pooling, and two dense
    layers. **Raises** `InputError` for images below 4 x 4."""
    if min(image) < 4:
        raise InputError(
            f"Images of {image[0]} x {image[1]} are pooled away; give images of at least 4 x 4, or an mlp."
        )
    return Network(
        "cnn",
        image,
        (ConvolutionLayer(16), ConvolutionLayer(32), FullyConnectedLayer(64), FullyConnectedLayer(classes)),
    )


NETWORKS: dict[str, Callable[[tuple[int, int], int], Network]] = {"mlp": mlp, "cnn": cnn}
"""Name -> network for images of a size and a number of classes."""


def initial(key: Array, network: Network) -> Params:
    """He initialisation: He et al., arXiv:1502.01852, equation 10."""
    keys = jax.random.split(key, len(network.layers))
    return [
        (jax.random.normal(k, (fan_out, fan_in)) * np.sqrt(2 / fan_in), jnp.zeros(fan_out))
        for k, (fan_out, fan_in) in zip(keys, network.shapes, strict=True)
    ]


def walk(network: Network, images: Any, product: Product) -> Any:
    """Logits [batch, classes] of images [batch, height, width]; `product` does the arithmetic of every layer.

    It works for arrays of NumPy and of JAX, and for layers of which outputs were removed.
    """
    x = images[..., None]
    for at, layer in enumerate(network.layers):
        if isinstance(layer, ConvolutionLayer):
            x = _pooled(product(at, _patches(x, layer.size)))
        else:
            x = product(at, x.reshape(len(x), -1))
    return x


def forward(
    network: Network, params: Params, images: Float[Array, "batch height width"]
) -> Float[Array, "batch classes"]:
    """Logits in float32."""

    def product(at: int, inputs: Array) -> Array:
        weight, bias = params[at]
        outputs = inputs @ weight.T + bias
        return jax.nn.relu(outputs) if at < len(params) - 1 else outputs

    return walk(network, images, product)


def recorded(network: Network, params: Params, images: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Inputs of each layer as a matrix [batch x positions, K], and the logits, in NumPy."""
    inputs: list[np.ndarray] = []

    def product(at: int, x: np.ndarray) -> np.ndarray:
        weight, bias = params[at]
        inputs.append(x.reshape(-1, x.shape[-1]))
        outputs = x @ weight.T + bias
        return np.maximum(outputs, 0) if at < len(params) - 1 else outputs

    logits = walk(network, images, product)
    return inputs, logits


def _patches(x: Any, size: int) -> Any:
    """What each position of [batch, h, w, c] sees: [batch, h, w, size * size * c]."""
    of = x.__array_namespace__()
    height, width, border = x.shape[1], x.shape[2], size // 2
    padded = of.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(size) for j in range(size)]
    return of.concatenate(shifted, axis=-1)


def _pooled(x: Any) -> Any:
    """The largest of each 2 x 2 neighbours; an odd last row or column is left out."""
    batch, height, width, channels = x.shape
    even = x[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
