"""Random designs for timing and for testing gradients: numbers anywhere, choices picked or mixed."""

import jax.numpy as jnp
import numpy as np

from hwmodels import Hardware, Mapping
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    NUMBER_RECORDS,
    PARTS_USED,
)

DRAWN_AS = dict(zip(PARTS_USED, ("pe_rows", "pe_cols", "lanes"), strict=True))
"""Parts used are drawn as the parts that there are: half of the designs leave some of a kind idle."""


DRAWN_LAST = "dram_channels"
"""A number that came later than the others, whose draws it leaves as they were."""


def draw_designs(
    count: int, dataflow: str, seed: int, *, mixed: float = 0.0, on_lattice: float = 0.0
) -> tuple[Hardware, Mapping]:
    """`count` designs of log-uniform numbers, stacked on the first axis.

    Choices are uniform picks; a share `mixed` of the designs has uniform mixtures of them, as while annealing. A share
    `on_lattice` has all numbers rounded to powers of two, where the tables have their kinks. A mapping uses from
    a quarter of the parts of each kind to twice as many as there are.
    """
    rng = np.random.default_rng(seed)
    mixing, rounded = rng.random(count) < mixed, rng.random(count) < on_lattice

    def number(name: str) -> jnp.ndarray:
        low, high = np.log2(NUMBER_RECORDS[DRAWN_AS.get(name, name)].stress)
        exponent = rng.uniform(low, high, count)
        return jnp.asarray(2.0 ** np.where(rounded, np.round(exponent), exponent), jnp.float32)

    def choice(names: tuple[str, ...]) -> jnp.ndarray:
        picked, mixture = (
            np.eye(len(names))[rng.integers(len(names), size=count)],
            rng.dirichlet([1] * len(names), count),
        )
        return jnp.asarray(np.where(mixing[:, None], mixture, picked), jnp.float32)

    used = {name: choice(names) for name, names in MAPPING_CHOICES.items()}
    numbers = {name: number(name) for name in (*HARDWARE_NUMBERS, *MAPPING_NUMBERS) if name != DRAWN_LAST}
    for name, there in zip(PARTS_USED, ("pe_rows", "pe_cols", "lanes"), strict=True):
        share = np.where(rounded, 0.5, 2.0 ** rng.uniform(-2.0, 1.0, count))
        numbers[name] = jnp.maximum(numbers[there] * jnp.asarray(share, jnp.float32), 1.0)
    mapping = Mapping(**{name: numbers[name] for name in MAPPING_NUMBERS}, **used, dataflow=dataflow)
    own = {name: choice(names) for name, names in HARDWARE_CHOICES.items()}
    numbers[DRAWN_LAST] = number(DRAWN_LAST)
    runs = np.tile(np.eye(len(DATAFLOWS))[DATAFLOWS.index(dataflow)], (count, 1))
    hardware = Hardware(
        **{name: numbers[name] for name in HARDWARE_NUMBERS},
        **own,
        dataflows=jnp.asarray(runs, jnp.float32),
        **{capability: used[use] for use, capability in CAPABILITY_OF.items()},
    )
    return hardware, mapping
