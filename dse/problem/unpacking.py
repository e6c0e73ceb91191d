"""Rows of numbers and weights of a batch as the models' hardware and mapping."""

from collections.abc import Iterable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    Hardware,
    Mapping,
)

OWN_CHOICES = {name: len(names) for name, names in HARDWARE_CHOICES.items()}
"""Choice of the hardware itself -> how many names it has."""
_UNITS = OWN_CHOICES | {"dataflows": len(DATAFLOWS)}
_UNITS |= {CAPABILITY_OF[use]: len(names) for use, names in MAPPING_CHOICES.items() if use in CAPABILITY_OF}
OWN_WEIGHTS = sum(OWN_CHOICES.values())
UNITS = sum(_UNITS.values())
"""Weights that say what a machine is: its own choices (`OWN_WEIGHTS`), then the units of its capabilities."""


def hardware_of(numbers: Float[Array, " numbers"], units: Float[Array, " units"]) -> Hardware:
    """The models' hardware, of `HARDWARE_NUMBERS` and the weights of `Batch.units`."""
    return Hardware(**_named(HARDWARE_NUMBERS, jnp.unstack(numbers)), **_named(_UNITS, _split(units, _UNITS.values())))


def unpack(
    numbers: Float[Array, " numbers"], weights: Float[Array, " weights"], dataflow: str
) -> tuple[Hardware, Mapping]:
    """One row of a batch as the models' hardware and mapping; `weights` are those of `Batch.weights`."""
    sizes = jnp.unstack(numbers)
    vectors = _split(weights, [*_UNITS.values(), *(len(names) for names in MAPPING_CHOICES.values())])
    hardware = _named(HARDWARE_NUMBERS, sizes) | _named(_UNITS, vectors)
    mapping = _named(MAPPING_NUMBERS, sizes[len(HARDWARE_NUMBERS) :]) | _named(MAPPING_CHOICES, vectors[len(_UNITS) :])
    return Hardware(**hardware), Mapping(**mapping, dataflow=dataflow)


def _named(names: Iterable[str], values: Sequence[Array]) -> dict[str, Array]:
    """The first values by their names."""
    return dict(zip(names, values, strict=False))


def _split(vector: Float[Array, " n"], sizes: Iterable[int]) -> list[Array]:
    """Parts of a vector, all cut at once: the slope of that is one concatenation, that of slices a sum of pads."""
    return jnp.split(vector, np.cumsum([*sizes])[:-1])
