"""The machine's discrete choices, by name, and the weight vectors that select them.

A choice is data: a weight vector over the names below, one-hot for a design that can be built, a mixture while a
search anneals it. Only the dataflow is structure, because its formulas differ.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from workloads.errors import InputError

DATAFLOWS = ("inner_product", "gustavson", "outer_product")
"""Structure: one compiled function each."""

FORMATS = ("dense", "bitmask", "rle", "csr", "csc", "coo", "nm4", "nm8")
"""Storage of an operand. `nm4` and `nm8` keep a fixed number of values in each group of 4 or 8."""

ZERO_MODES = ("compute", "gate", "skip")
"""What is done with an operand's zeros."""

INTERSECTIONS = ("two_finger", "leader_follower", "skip_ahead", "bitmask")
"""How the inner product finds matching coordinates."""

SCHEDULES = ("row_blocks", "cyclic", "balanced")
"""How the firmware deals rows to PE rows."""

LOOP_ORDERS = ("mkn", "mnk", "kmn", "knm", "nmk", "nkm")
"""Order in which the tiles are visited, outermost loop first."""

RESIDENCIES = ("a", "b")
"""Which operand's share stays in the PE buffers while the other is streamed."""

DRAMS = ("ddr4", "lpddr4", "lpddr5", "gddr6", "hbm2", "hbm2e", "hbm3")
"""DRAM types with cited energy and bandwidth."""


def one_hot(name: str, names: Sequence[str], what: str = "choice") -> Float[Array, " n"]:
    """Weight vector (float32, length `len(names)`) that selects `name`; InputError if there is no such name."""
    if name not in names:
        raise InputError(f"{what} '{name}' is unknown; choose one of: {', '.join(names)}.")
    return jnp.zeros(len(names), jnp.float32).at[names.index(name)].set(1.0)


def mix(weights: Float[Array, " n"], values: Float[Array, " n"]) -> Float[Array, ""]:
    """What `weights` select of the `values` of the choices."""
    return values @ weights


def name_of(weights: Float[Array, " n"], names: Sequence[str]) -> str:
    """Name of the heaviest choice of a weight vector."""
    return names[int(jnp.argmax(weights))]
