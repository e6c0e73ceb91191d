"""What the user fixes before a search: node, clock, DRAM and number format."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.design.choices import DRAMS, one_hot
from workloads.errors import InputError

ARITHMETICS = ("int", "float", "bfloat")
"""Numbers of the MACs: two's complement integers, IEEE floating point, or bfloat16."""

NODE_RANGE_NM = (5.0, 45.0)
"""Nodes the rules hold for: published energies are at 45 and 7 nm, published SRAM cells go on to 5 nm."""

CLOCK_RANGE_GHZ = (0.001, 100.0)
"""From a microcontroller's clock to beyond every node's; each node has its own limit (`make_technology`)."""
CHANNELS_RANGE = (1, 1024)
"""Sixteen times the 64 channels of the widest LPDDR5 packages (Apple M1 Ultra, 1,024 bits)."""

Number = int | float | np.number
"""What a user may write for a number."""


class Scenario(eqx.Module):
    """The user's givens; every field is a float32 array, so that a search may free any of them."""

    node_nm: Float[Array, ""]
    clock_ghz: Float[Array, ""]
    dram_channels: Float[Array, ""]
    dram: Float[Array, " dram"]
    float_fraction: Float[Array, ""]
    bfloat_fraction: Float[Array, ""]
    """Of floating point, the share that is bfloat."""


def scenario(
    node_nm: Number = 16,
    clock_ghz: Number = 1.0,
    dram: str = "lpddr4",
    dram_channels: Number = 4,
    arithmetic: str = "int",
) -> Scenario:
    """A checked scenario: node in nm, clock in GHz, `dram` of `design.choices.DRAMS`, `arithmetic` of `ARITHMETICS`.

    A channel is a 64-bit DIMM channel (DDR4), a x16 channel (LPDDR), a chip (GDDR6) or a stack (HBM).
    Raises InputError for a value out of range or an unknown name; that the node reaches the clock is checked by
    `make_technology`, which knows the voltages.
    """
    low, high = NODE_RANGE_NM
    if not low <= _number("node_nm", node_nm) <= high:
        raise InputError(
            f"node_nm {node_nm} is outside 5..45; published energies are for 45 and 7 nm and SRAM cells end at 5 nm, "
            "so choose a node between."
        )
    for name, value, (least, most) in (
        ("clock_ghz", clock_ghz, CLOCK_RANGE_GHZ),
        ("dram_channels", dram_channels, CHANNELS_RANGE),
    ):
        if not least <= _number(name, value) <= most:
            raise InputError(f"{name} {value} is outside {least:g}..{most:g}; give a number between.")
    if arithmetic not in ARITHMETICS:
        raise InputError(f"arithmetic '{arithmetic}' is unknown; choose one of: {', '.join(ARITHMETICS)}.")
    return Scenario(
        node_nm=jnp.float32(node_nm),
        clock_ghz=jnp.float32(clock_ghz),
        dram_channels=jnp.float32(dram_channels),
        dram=one_hot(dram, DRAMS, "dram"),
        float_fraction=jnp.float32(arithmetic != "int"),
        bfloat_fraction=jnp.float32(arithmetic == "bfloat"),
    )


def arithmetic_of(float_fraction: Number, bfloat_fraction: Number) -> str:
    """The one of `ARITHMETICS` that these fields of a scenario say."""
    return "int" if float_fraction < 0.5 else "bfloat" if bfloat_fraction >= 0.5 else "float"


def _number(name: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Number) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{name} {str(value)[:40]} is not a number; give a finite number.")
    return number
