"""Random designs that can be built: legal, in whole numbers, half of them on the lattice of the statistics."""

import jax
import jax.numpy as jnp
import numpy as np

from hwmodels import Hardware, Mapping
from hwmodels.design.choices import (
    DATAFLOWS,
    LANE_AXES,
    RESIDENCIES,
    SKIP,
    ZERO_MODES,
    name_of,
)
from hwmodels.design.hardware import (
    ALL_PARTS,
    CAPABILITY_OF,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    NUMBER_RECORDS,
    PARTS_USED,
    TILE_SIZES,
)
from hwmodels.design.legality import legal_formats, legal_kept, legal_lane_axes, legal_residencies, legal_zero_modes
from hwmodels.formats.records import FORMATS

Numbers = dict[str, np.ndarray]
"""By field, one for each design."""


def random_designs(
    rng: np.random.Generator,
    count: int,
    dataflow: str,
    family: str,
    sizes: tuple[int, int, int],
    *,
    small: bool = False,
) -> tuple[Hardware, Mapping]:
    """`count` designs stacked on the first axis for a kernel of `sizes` m, k and n.

    Numbers are log-uniform in what may be built (`small`: cut so that the simulator is done soon), tiles up to twice
    the kernel's size; choices are uniform among the legal ones.
    """
    numbers = _numbers(rng, count, dict(zip(TILE_SIZES, sizes, strict=True)), 0.5 if small else 1.0)
    words = numbers["lanes"] * np.ceil(numbers["accumulator_bits"] / 8)
    numbers["accumulator_bytes"] = np.maximum(numbers["accumulator_bytes"], words)
    of = {name: jnp.asarray(values, jnp.float32) for name, values in numbers.items()}
    picked = _choices(rng, count, dataflow, family)
    used = {name: _weights(picked[name], len(names)) for name, names in MAPPING_CHOICES.items()}
    hardware = Hardware(
        **{name: of[name] for name in HARDWARE_NUMBERS},
        **{
            name: _weights(rng.integers(1 if name == "dram" else len(names), size=count), len(names))
            for name, names in HARDWARE_CHOICES.items()  # the DRAM is the scenario's, as the laws take it
        },
        dataflows=_weights(np.full(count, DATAFLOWS.index(dataflow)), len(DATAFLOWS)),
        **{capability: used[use] for use, capability in CAPABILITY_OF.items()},
    )
    return hardware, Mapping(**{name: of[name] for name in MAPPING_NUMBERS}, **used, dataflow=dataflow)


def _weights(picked: np.ndarray, choices: int) -> jax.Array:
    return jnp.asarray(np.eye(choices)[picked], jnp.float32)


def _numbers(rng: np.random.Generator, count: int, sizes: dict[str, int], reach: float) -> Numbers:
    on_lattice, found = rng.random(count) < 0.5, {}
    for name, record in NUMBER_RECORDS.items():
        if name in PARTS_USED:
            there = found[("pe_rows", "pe_cols", "lanes")[PARTS_USED.index(name)]]
            fewer = 2.0 ** np.floor(rng.uniform(0.0, np.log2(there) + 1.0))
            found[name] = np.float32(np.where(rng.random(count) < 0.5, ALL_PARTS, fewer))
            continue
        low, high = np.log2(record.stress)
        if name in sizes:
            low, high = 0.0, np.log2(sizes[name]) + 1.0
        elif name in ("pe_rows", "pe_cols", "lanes"):
            high *= reach
        drawn = rng.uniform(low, high, count)
        found[name] = np.float32(np.maximum(np.where(on_lattice, 2.0 ** np.round(drawn), np.round(2.0**drawn)), 1.0))
    return found


def _choices(rng: np.random.Generator, count: int, dataflow: str, family: str) -> dict[str, np.ndarray]:
    """Places in the names of each choice of a mapping."""
    picked = {name: rng.integers(len(names), size=count) for name, names in MAPPING_CHOICES.items()}
    for operand in "ab":
        legal = legal_formats(dataflow, operand, family)
        stored = rng.integers(len(legal), size=count)
        modes = [[ZERO_MODES.index(mode) for mode in legal_zero_modes(name, operand, family)] for name in legal]
        zero = [modes[at][-1] if rng.random() < 0.5 else modes[at][rng.integers(len(modes[at]))] for at in stored]
        picked[f"{operand}_format"] = np.array([FORMATS.index(name) for name in legal])[stored]
        picked[f"{operand}_zero"] = np.array(zero)
    if family == "elementwise":
        both = (picked["a_zero"] == SKIP) & (picked["b_zero"] == SKIP)
        picked["a_format"] = np.where(both, picked["a_format"], FORMATS.index("dense"))
        picked["a_zero"] = np.where(both, SKIP, picked["a_zero"] % SKIP)
    held = [legal_residencies(dataflow, FORMATS[at], family) for at in picked["b_format"]]
    axes = [legal_lane_axes(dataflow, ZERO_MODES[at], family) for at in picked["b_zero"]]
    picked["residency"] = np.array([RESIDENCIES.index(names[rng.integers(len(names))]) for names in held])
    picked["lanes_on"] = np.array([LANE_AXES.index(names[rng.integers(len(names))]) for names in axes])
    words = [
        {name: names[picked[name][at]] for name, names in MAPPING_CHOICES.items()} | {"dataflow": dataflow}
        for at in range(count)
    ]
    for name in ("a_kept", "b_kept", "z_kept"):
        places = [legal_kept(one, family)[name] for one in words]
        picked[name] = np.array([MAPPING_CHOICES[name].index(some[rng.integers(len(some))]) for some in places])
    return picked


def row(designs: tuple[Hardware, Mapping], at: int) -> tuple[Hardware, Mapping]:
    """One of stacked designs."""
    return jax.tree.map(lambda leaf: leaf[at], designs)


def in_words(hardware: Hardware, mapping: Mapping) -> dict[str, str | float]:
    """A design by field."""
    numbers = {name: float(getattr(hardware, name)) for name in HARDWARE_NUMBERS}
    numbers |= {name: float(getattr(mapping, name)) for name in MAPPING_NUMBERS}
    words = {name: name_of(getattr(mapping, name), names) for name, names in MAPPING_CHOICES.items()}
    words |= {name: name_of(getattr(hardware, name), names) for name, names in HARDWARE_CHOICES.items()}
    return numbers | words | {"dataflow": mapping.dataflow}


def on_lattice(design: tuple[Hardware, Mapping]) -> bool:
    """Whether every number of a design is a power of two."""
    numbers = [getattr(design[0], name) for name in HARDWARE_NUMBERS]
    numbers += [getattr(design[1], name) for name in MAPPING_NUMBERS]
    return all(float(np.log2(number)).is_integer() for number in numbers)
