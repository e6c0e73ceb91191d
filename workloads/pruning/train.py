"""Training and gradual pruning: one pass over the images for one network, and many networks at once by `vmap`.

A run has three parts: the first quarter trains the network dense, the next half prunes it along `schedule.cubic`, the
last quarter trains what is left. The dense network that pruned ones are held against is trained as long.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from workloads.pruning.images import Images
from workloads.pruning.masks import PATTERNS, Masks
from workloads.pruning.schedule import cubic
from workloads.pruning.small_networks import Network, Params, forward, initial

BATCH = 64
IMAGES_A_ROUND = 2048
"""Most training images of one pass: of large sets a part is drawn anew for each. A guess: masks change often enough."""

VALUES_AT_ONCE = 2**27
"""Most values between layers in a step of all networks: 512 MiB, about three times that with gradients. A guess."""

Data = tuple[Array, Array]
"""Images [n, height, width] and labels [n]."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast."""

    rounds: int = 200
    """Passes over (at most `IMAGES_A_ROUND`) training images."""
    learning_rate: float = 2e-3
    """Peak of Adam's cosine schedule."""
    noise: float = 0.1
    """Standard deviation of the noise added to the training pixels (0 to 1), against overfitting."""

    @property
    def pruning(self) -> tuple[int, int]:
        """First and last round in which weights go."""
        return self.rounds // 4, self.rounds * 3 // 4

    def optimizer(self, images: int) -> optax.GradientTransformation:
        """AdamW (Loshchilov and Hutter, arXiv:1711.05101) for passes over so many images."""
        steps = self.rounds * (images // BATCH)
        return optax.adamw(optax.cosine_decay_schedule(self.learning_rate, steps, alpha=0.05), weight_decay=1e-4)


@dataclass(frozen=True)
class PruningCase:
    """How a network is pruned: a name in `masks.PATTERNS`, and the share of zeros in the end (0: not at all)."""

    pattern: str
    zeros: float


def masked(params: Params, masks: Sequence[Array | np.ndarray]) -> Params:
    """Parameters with the pruned weights at zero."""
    return [(weight * mask, bias) for (weight, bias), mask in zip(params, masks, strict=True)]


def epoch(
    params: Params,
    state: optax.OptState,
    masks: Sequence[Array | np.ndarray],
    data: Data,
    key: Array,
    *,
    network: Network,
    optimizer: optax.GradientTransformation,
    noise: float,
) -> tuple[Params, optax.OptState]:
    """One pass over the images in random batches of `BATCH`, noise added to them, the pruned weights held at zero."""
    images, labels = data
    order_key, noise_key = jax.random.split(key)
    batches = jax.random.permutation(order_key, len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH)
    noisy = images + noise * jax.random.normal(noise_key, images.shape)

    def loss(params: Params, batch: Array) -> Array:
        logits = forward(network, masked(params, masks), noisy[batch])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch]).mean()

    def step(carry: tuple, batch: Array) -> tuple[tuple, None]:
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params, batch), state, params)
        return (masked(optax.apply_updates(params, updates), masks), state), None

    return jax.lax.scan(step, (params, state), batches)[0]


Advance = Callable[..., tuple[Params, optax.OptState]]
"""`advance(params, state, masks, data, key)`, a pass."""
Share = Callable[[float], float]
"""`share(final)`, the share of zeros (or of anything) now of one that is `final` in the end."""


def gradually(
    params: Params,
    state: optax.OptState,
    recipe: Recipe,
    advance: Advance,
    masks_of: Callable[[list[np.ndarray], Share], Sequence[np.ndarray]],
    next_data: Callable[[], Data],
    keys: Array,
    branch: Callable[[Any], Any] = lambda trees: trees,
    progress: Callable[[range], Iterable[int]] = lambda rounds: rounds,
) -> tuple[Params, Params]:
    """`in_three_parts` with masks of the weights alone."""

    def of_weights(params: Params, share: Share) -> Sequence[np.ndarray]:
        return masks_of([np.asarray(weight) for weight, _ in params], share)

    return in_three_parts(params, state, recipe, advance, of_weights, next_data, keys, branch, progress)


def in_three_parts(
    params: Params,
    state: optax.OptState,
    recipe: Recipe,
    advance: Advance,
    masks_of: Callable[[Params, Share], Sequence[np.ndarray]],
    next_data: Callable[[], Data],
    keys: Array,
    branch: Callable[[Any], Any] = lambda trees: trees,
    progress: Callable[[range], Iterable[int]] = lambda rounds: rounds,
) -> tuple[Params, Params]:
    """The three parts of a run: parameters at the end of the dense one, and those of the end.

    **Arguments**: `masks_of(params, share)`, masks for a pass of the second part; `keys`, one for each round; `branch`
    is given parameters, optimizer's state and masks when the dense part ends, and returns those to go on with.
    """
    masks: Sequence[Any] = [np.ones(weight.shape, weight.dtype) for weight, _ in params]
    (first, last), dense = recipe.pruning, params
    for number in progress(range(recipe.rounds)):
        if number == first:
            dense = params
            params, state, masks = branch((params, state, masks))
        if first <= number <= last:
            masks = masks_of(params, partial(cubic, number, first, last))
            params = masked(params, masks)
        params, state = advance(params, state, masks, next_data(), keys[number])
    return jax.device_get(dense), jax.device_get(params)


def prune_many(
    network: Network,
    images: Sequence[Images],
    cases: Sequence[PruningCase],
    seeds: Sequence[int],
    recipe: Recipe,
    progress: Callable[[range], Iterable[int]] = lambda rounds: rounds,
) -> list[list[Params]]:
    """Networks by case (outer list) and seed (inner), trained together; weights and biases in NumPy.

    **Arguments**: `images` of each seed; `progress` wraps the range of rounds. Cases of a seed share the first, dense
    part of the run, and its batches. Where all cases take too much memory at once they are trained in groups.
    """
    group = max(1, VALUES_AT_ONCE // (len(seeds) * BATCH * network.values))
    groups = [cases[at : at + group] for at in range(0, len(cases), group)]
    return [row for some in groups for row in _prune_group(network, images, some, seeds, recipe, progress)]


def _prune_group(
    network: Network,
    images: Sequence[Images],
    cases: Sequence[PruningCase],
    seeds: Sequence[int],
    recipe: Recipe,
    progress: Callable[[range], Iterable[int]],
) -> list[list[Params]]:
    return train_group(
        network,
        images,
        len(cases),
        seeds,
        recipe,
        lambda params, share: _masks([np.asarray(weight) for weight, _ in params], cases, share),
        progress,
    )


def train_group(
    network: Network,
    images: Sequence[Images],
    cases: int,
    seeds: Sequence[int],
    recipe: Recipe,
    masks_of: Callable[[Params, Share], Sequence[np.ndarray]],
    progress: Callable[[range], Iterable[int]] = lambda rounds: rounds,
) -> list[list[Params]]:
    """Networks by case (outer list) and seed (inner): `in_three_parts` with two leading axes, seed and case.

    **Arguments**: `images` of each seed; `cases`, how many there are, alike until the dense part of the run ends.
    """
    size = pass_size(images)
    optimizer = recipe.optimizer(size)
    keys = jnp.stack([jax.random.split(jax.random.key(seed), recipe.rounds + 1) for seed in seeds], axis=1)
    params = jax.vmap(jax.vmap(partial(initial, network=network)))(keys[0][:, None])
    _, params = in_three_parts(
        params,
        jax.vmap(jax.vmap(optimizer.init))(params),
        recipe,
        pass_of_all(network, recipe, size),
        masks_of,
        _passes(images, seeds, size).__next__,
        keys[1:],
        lambda trees: jax.tree.map(lambda leaf: jnp.repeat(leaf, cases, axis=1), trees),
        progress,
    )
    return [[[(w[s, c], b[s, c]) for w, b in params] for s in range(len(seeds))] for c in range(cases)]


@lru_cache(maxsize=4)
def pass_of_all(network: Network, recipe: Recipe, images: int) -> Advance:
    """`epoch` with two leading axes, seed and case, of passes over so many images; compiled once however many ask."""
    one = partial(epoch, network=network, optimizer=recipe.optimizer(images), noise=recipe.noise)
    return jax.jit(jax.vmap(jax.vmap(one, in_axes=(0, 0, 0, None, None))))


def pass_size(images: Sequence[Images]) -> int:
    """Training images of one pass."""
    return min(len(images[0].training), IMAGES_A_ROUND)


def _passes(images: Sequence[Images], seeds: Sequence[int], size: int) -> Iterator[Data]:
    """Images and labels of each pass, a leading axis for the seeds; all in their order where they are few."""
    draw = [np.random.default_rng(seed) for seed in seeds]
    whole = size == len(images[0].training)
    data = None
    while True:
        if data is None or not whole:
            rows = [np.arange(size) if whole else rng.choice(len(own.training), size, replace=False)
                    for own, rng in zip(images, draw, strict=True)]  # fmt: skip
            pixels = np.stack([own.training[picked] for own, picked in zip(images, rows, strict=True)])
            labels = np.stack([own.training_labels[picked] for own, picked in zip(images, rows, strict=True)])
            data = jnp.asarray(pixels), jnp.asarray(labels)
        yield data


def _masks(weights: Sequence[np.ndarray], cases: Sequence[PruningCase], share: Share) -> Masks:
    """Masks of weights [seed, case, out, K] per layer, of the same shapes."""
    masks = [np.ones_like(weight) for weight in weights]
    for c, case in enumerate(cases):
        for s in range(len(weights[0])):
            own = PATTERNS[case.pattern]([weight[s, c] for weight in weights], share(case.zeros))
            for mask, found in zip(masks, own, strict=True):
                mask[s, c] = found
    return masks
