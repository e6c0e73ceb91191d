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

from experiments.common.cli import main

import platform
import sys
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from experiments.common.options import Seed, real, whole
from experiments.common.progress import show_progress
from workloads.atomic_write import written_whole
from workloads.errors import InputError
from workloads.networks.digits import BATCH
from workloads.pruning.images import digits_split
from workloads.pruning.masks import global_magnitude
from workloads.pruning.measurement import accuracy
from workloads.pruning.small_networks import Params, initial, mlp, recorded
from workloads.pruning.train import Recipe, epoch, gradually

NETWORK = mlp((8, 8), 10)
DEFAULT_OUT = Path(__file__).resolve().parent.parent / "workloads" / "data" / "digits_mlp.npz"


@dataclass(frozen=True)
class Config:
    """What is trained and where it goes."""

    seed: Seed = 0
    """Seed of the split, the initial weights and the order of the images."""
    out: Path = DEFAULT_OUT
    """File to write."""
    sparsity: Annotated[float, real(0, 1, below=True)] = 0.9
    """Share of all weights that are zero in the end."""
    epochs: Annotated[int, whole(4, 100_000)] = 200
    """Passes over the training images: a quarter dense, a half while pruning, a quarter at the final sparsity."""
    learning_rate: Annotated[float, real(0, 1, above=True)] = 2e-3
    """Peak of Adam's cosine schedule."""
    noise: Annotated[float, real(0, 10)] = 0.1
    """Standard deviation of the noise added to the training pixels (0 to 1), against overfitting."""
    smoke: bool = False
    """A run of a few seconds that shows the script works; its network is poor."""


def pruned(config: Config, recipe: Recipe, images: np.ndarray, labels: np.ndarray) -> tuple[Params, Params]:
    """The network before and after pruning, trained on the images."""
    data = jnp.asarray(images), jnp.asarray(labels)
    optimizer = recipe.optimizer(len(images))
    keys = jax.random.split(jax.random.key(config.seed), recipe.rounds + 1)
    params = jax.jit(partial(initial, network=NETWORK))(keys[0])
    return gradually(
        params,
        jax.jit(optimizer.init)(params),
        recipe,
        jax.jit(partial(epoch, network=NETWORK, optimizer=optimizer, noise=config.noise)),
        lambda weights, share: global_magnitude(weights, share(config.sparsity)),
        lambda: data,
        keys[1:],
        progress=lambda rounds: tqdm(rounds, desc="training", unit="epoch", disable=not show_progress()),
    )


def train(config: Config) -> dict[str, np.ndarray]:
    """Everything the file holds: weights, biases, accuracies, the held-out images' numbers, activation patterns."""
    digits = load_digits()
    images, labels = (digits.images / 16).astype(np.float32), digits.target.astype(np.int32)
    held_out, training = digits_split(config.seed)
    epochs = 8 if config.smoke else config.epochs
    recipe = Recipe(epochs, config.learning_rate, config.noise)
    dense, params = pruned(config, recipe, images[training], labels[training])
    contents = {
        "held_out": held_out.astype(np.int16),
        "accuracy": np.float64(accuracy(NETWORK, params, images[held_out], labels[held_out])),
        "dense_accuracy": np.float64(accuracy(NETWORK, dense, images[held_out], labels[held_out])),
        "seed": np.int64(config.seed),
        "provenance": np.array(
            f"experiments/train_digits.py {config.sparsity=} {epochs=} {config.learning_rate=} {config.noise=}; "
            f"python {platform.python_version()}, "
            + ", ".join(f"{package} {version(package)}" for package in ("jax", "optax", "scikit-learn", "numpy"))
        ),
    }
    inputs, _ = recorded(NETWORK, params, images[held_out[:BATCH]])
    for number, ((weight, bias), columns) in enumerate(zip(params, inputs, strict=True), start=1):
        contents[f"fc{number}_weight"], contents[f"fc{number}_bias"] = weight, bias
        contents[f"fc{number}_input_bits"] = np.packbits(columns.T != 0, axis=1)
    return contents


def run(config: Config) -> None:
    """Train, write the file, say what came out."""
    try:
        with written_whole(config.out) as draft:
            contents = train(config)
            with draft.open("wb") as stream:
                np.savez_compressed(stream, **contents)
    except OSError as error:
        raise InputError(f"--out {config.out}: cannot be written ({error.strerror}); name another file.") from error
    weights = [contents[name] for name in contents if name.endswith("_weight")]
    zeros = 1 - sum(np.count_nonzero(weight) for weight in weights) / sum(weight.size for weight in weights)
    print(
        f"{config.out}: {zeros:.1%} zeros, held-out accuracy {contents['accuracy']:.1%} "
        f"({contents['dense_accuracy']:.1%} before pruning), {config.out.stat().st_size / 1000:.0f} kB"
    )


if __name__ == "__main__":
    sys.exit(main(run, Config))
