"""Train and prune the classifier of handwritten digits that the project carries with it.

Usage:
    python experiments/train_digits.py                 # rewrites workloads/data/digits_mlp.npz in ten seconds
    python experiments/train_digits.py --seed 1 --out other.npz
    python experiments/train_digits.py --smoke --out smoke.npz

A network of 64-128-64-10 units learns scikit-learn's 8 x 8 digits. Its weights are pruned gradually, the smallest
magnitudes of all layers first, along the cubic schedule of Zhu and Gupta, "To prune, or not to prune",
arXiv:1710.01878, equation 1, and trained on with the pruned ones held at zero. A fifth of the images is held out; the
accuracy on it is measured before and after pruning and stored with the weights. The same seed on the same machine
writes the same bytes.
"""

import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from sklearn.datasets import load_digits
from tqdm import trange

WIDTHS = (64, 128, 64, 10)
BATCH = 64
DEFAULT_OUT = Path(__file__).resolve().parent.parent / "workloads" / "data" / "digits_mlp.npz"

Params = list[tuple[jax.Array, jax.Array]]


@dataclass(frozen=True)
class Config:
    """What is trained and where it goes."""

    seed: int = 0
    """Seed of the split, the initial weights and the order of the images."""
    out: Path = DEFAULT_OUT
    """File to write."""
    sparsity: float = 0.9
    """Share of all weights that are zero in the end."""
    epochs: int = 200
    """Passes over the training images: a quarter dense, a half while pruning, a quarter at the final sparsity."""
    learning_rate: float = 2e-3
    """Peak of Adam's cosine schedule."""
    noise: float = 0.1
    """Standard deviation of the noise added to the training pixels (0 to 1), against overfitting."""
    smoke: bool = False
    """A run of a few seconds that shows the script works; its network is poor."""


@jax.jit
def forward(params: Params, images: jax.Array) -> jax.Array:
    """Logits [batch, 10] of images [batch, 64] with pixels from 0 to 1."""
    *hidden, (last_weight, last_bias) = params
    for weight, bias in hidden:
        images = jax.nn.relu(images @ weight.T + bias)
    return images @ last_weight.T + last_bias


@jax.jit
def initial(key: jax.Array) -> Params:
    """He initialisation, weights [out, in]: He et al., arXiv:1502.01852, equation 10."""
    keys = jax.random.split(key, len(WIDTHS) - 1)
    return [
        (jax.random.normal(k, (fan_out, fan_in)) * np.sqrt(2 / fan_in), jnp.zeros(fan_out))
        for k, fan_in, fan_out in zip(keys, WIDTHS[:-1], WIDTHS[1:], strict=True)
    ]


def magnitude_masks(params: Params, sparsity: float) -> list[np.ndarray]:
    """Ones for the weights that stay: all but the smallest share `sparsity` of all layers together."""
    sizes = [np.abs(np.asarray(weight)) for weight, _ in params]
    every = np.sort(np.concatenate([size.ravel() for size in sizes]))
    dropped = round(sparsity * every.size)
    threshold = every[dropped - 1] if dropped else -1.0
    return [(size > threshold).astype(size.dtype) for size in sizes]


@jax.jit
def masked(params: Params, masks: list[np.ndarray]) -> Params:
    """Parameters with the pruned weights at zero."""
    return [(weight * mask, bias) for (weight, bias), mask in zip(params, masks, strict=True)]


def accuracy(params: Params, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images labelled right."""
    return float(np.mean(np.argmax(np.asarray(forward(params, images)), axis=1) == labels))


@partial(jax.jit, static_argnames=("optimizer", "noise"))
def epoch(
    params: Params,
    state: optax.OptState,
    masks: list[np.ndarray],
    data: tuple[jax.Array, jax.Array],
    key: jax.Array,
    optimizer: optax.GradientTransformation,
    noise: float,
) -> tuple[Params, optax.OptState]:
    """One pass over the training images in random batches, the pruned weights held at zero."""
    images, labels = data
    order_key, noise_key = jax.random.split(key)
    batches = jax.random.permutation(order_key, len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH)
    noisy = images + noise * jax.random.normal(noise_key, images.shape)

    def loss(params: Params, batch: jax.Array) -> jax.Array:
        logits = forward(masked(params, masks), noisy[batch])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch]).mean()

    def step(carry: tuple, batch: jax.Array) -> tuple[tuple, None]:
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params, batch), state, params)
        return (masked(optax.apply_updates(params, updates), masks), state), None

    return jax.lax.scan(step, (params, state), batches)[0]


def train(config: Config) -> dict[str, np.ndarray]:
    """Everything the file holds: weights, biases, accuracies, the held-out images' numbers, activation patterns."""
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int32)
    order = np.random.default_rng(config.seed).permutation(len(images))
    held_out, training = np.sort(order[: len(order) // 5]), order[len(order) // 5 :]
    data = jnp.asarray(images[training]), jnp.asarray(labels[training])

    epochs = 8 if config.smoke else config.epochs
    steps = epochs * (len(training) // BATCH)
    optimizer = optax.adamw(optax.cosine_decay_schedule(config.learning_rate, steps, alpha=0.05), weight_decay=1e-4)
    start_key, *keys = jax.random.split(jax.random.key(config.seed), epochs + 1)
    params = initial(start_key)
    state = jax.jit(optimizer.init)(params)
    masks = magnitude_masks(params, 0.0)
    first, last = epochs // 4, epochs * 3 // 4
    dense_accuracy = 0.0
    for number in trange(epochs, desc="training", unit="epoch"):
        if number == first:
            dense_accuracy = accuracy(params, images[held_out], labels[held_out])
        if first <= number <= last:
            remaining = (1 - (number - first) / (last - first)) ** 3
            masks = magnitude_masks(params, config.sparsity * (1 - remaining))
            params = masked(params, masks)
        params, state = epoch(params, state, masks, data, keys[number], optimizer, config.noise)

    contents = {
        "held_out": held_out.astype(np.int16),
        "accuracy": np.float64(accuracy(params, images[held_out], labels[held_out])),
        "dense_accuracy": np.float64(dense_accuracy),
        "seed": np.int64(config.seed),
        "provenance": np.array(
            f"experiments/train_digits.py {config.sparsity=} {epochs=} {config.learning_rate=} {config.noise=}; "
            f"python {platform.python_version()}, "
            + ", ".join(f"{package} {version(package)}" for package in ("jax", "optax", "scikit-learn", "numpy"))
        ),
    }
    activation = images[held_out[:BATCH]]
    for number, (weight, bias) in enumerate(params, start=1):
        contents[f"fc{number}_weight"], contents[f"fc{number}_bias"] = np.asarray(weight), np.asarray(bias)
        contents[f"fc{number}_input_bits"] = np.packbits(activation.T != 0, axis=1)
        activation = np.maximum(activation @ np.asarray(weight).T + np.asarray(bias), 0)
    return contents


def main(config: Config) -> None:
    """Train, write the file, say what came out."""
    if not 0 <= config.sparsity < 1:
        raise SystemExit(f"--sparsity is {config.sparsity}; give a share of zeros of at least 0 and below 1.")
    if config.epochs < 4:
        raise SystemExit(f"--epochs is {config.epochs}; give at least 4.")
    if not config.out.parent.is_dir():
        raise SystemExit(f"--out {config.out}: there is no folder {config.out.parent}; create it or name another.")
    contents = train(config)
    with open(config.out, "wb") as stream:
        np.savez_compressed(stream, **contents)
    weights = [contents[name] for name in contents if name.endswith("_weight")]
    zeros = 1 - sum(np.count_nonzero(weight) for weight in weights) / sum(weight.size for weight in weights)
    print(
        f"{config.out}: {zeros:.1%} zeros, held-out accuracy {contents['accuracy']:.1%} "
        f"({contents['dense_accuracy']:.1%} before pruning), {config.out.stat().st_size / 1000:.0f} kB"
    )


if __name__ == "__main__":
    main(tyro.cli(Config, description=__doc__))
