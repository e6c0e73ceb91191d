"""The technology: a scenario and the cited constants, and what each action, unit and memory costs under them.

Every method takes and gives scalars, is smooth, positive and grows with each size and width; use `jax.vmap` for arrays.
Each follows the node and, through the supply the scenario's clock needs, the voltage.
"""

import dataclasses
import os

import jax.numpy as jnp
import numpy as np

from hwmodels.design.choices import DRAMS, MEMORIES
from hwmodels.design.hardware import Hardware
from hwmodels.technology.dram import OffChipMemory
from hwmodels.technology.interconnect import Interconnect
from hwmodels.technology.logic import Logic
from hwmodels.technology.memory import OnChipMemory
from hwmodels.technology.reader import constants_table
from hwmodels.technology.scenarios import Scenario
from hwmodels.technology.scenarios import scenario as default_scenario
from hwmodels.technology.sparse_units import SparseUnits
from workloads.errors import InputError


class Technology(Logic, OnChipMemory, SparseUnits, Interconnect, OffChipMemory):
    """Energy, area, leakage, delay and voltage as functions of the scenario and the constants, all array leaves.

    A subclass replaces any of them, and what is built on it follows.
    """

    def solved(self) -> "Technology":
        """This technology with its rules of the scenario solved once, for code that calls many of its methods."""
        return dataclasses.replace(self, constants=self.solved_constants())

    def with_memory_of(self, hardware: Hardware) -> "Technology":
        """This technology with the DRAM that hardware names in place of the scenario's; itself where it names none."""
        given, named = self.scenario, hardware.dram[len(MEMORIES) - len(DRAMS) :]
        weight = named.sum(axis=0)
        dram = jnp.where(weight > 0, named / jnp.where(weight > 0, weight, 1.0), given.dram)
        channels = jnp.where(weight > 0, hardware.dram_channels, given.dram_channels)
        return dataclasses.replace(self, scenario=dataclasses.replace(given, dram=dram, dram_channels=channels))


def make_technology(scenario: Scenario | None = None, path: str | os.PathLike[str] | None = None) -> Technology:
    """The technology of `scenario` (16 nm, 1 GHz, four LPDDR4 channels by default).

    `path` names a JSON file that replaces constants by name: `{"name": number}` or `{"name": {"value": number, ...}}`
    with optional unit, source and confidence. Raises InputError for a file that cannot be used, and for a clock that
    the node does not reach at the highest supply. Not for use inside `jax.jit`.
    """
    chosen = default_scenario() if scenario is None else scenario
    constants = {constant.name: jnp.asarray(np.float32(constant.value)) for constant in constants_table(path)}
    model = Technology(chosen, constants)
    fastest = float(model.max_clock_ghz())
    clock = float(chosen.clock_ghz)
    if clock > fastest * (1.0 + 1e-6):
        raise InputError(
            f"clock_ghz {clock:g} is more than {float(chosen.node_nm):g} nm reaches at its highest supply, "
            f"{fastest:.3g} GHz, which its logic allows; lower the clock, choose a smaller node, or raise "
            "clock_45nm_ghz in a technology file."
        )
    return model
