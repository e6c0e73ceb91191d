"""What a space leaves of the memory to the scenario, where it frees the rest."""

import dataclasses
from typing import Any

import numpy as np

from dse.space.defaults import default_space
from dse.space.design_space import USER, DesignSpace
from hwmodels.design.choices import DRAMS, OF_SCENARIO


def with_scenario_memory(space: DesignSpace, technology: Any) -> DesignSpace:
    """The space with the scenario's type of DRAM or its channels in place of the one that the user has not given.

    Where neither is given, nor a technology with a scenario, the space as it is: designs then have the scenario's
    memory, whatever that is.
    """
    scenario, dram, channels = getattr(technology, "scenario", None), space["dram"], space["dram_channels"]
    if scenario is None or (dram.source != USER and channels.source != USER):
        return space
    own = DRAMS[int(np.argmax(scenario.dram))]
    space = space.replaced("dram", "", [own if name == OF_SCENARIO else name for name in dram.values])
    if channels.source == USER:
        return space
    return space.replaced("dram_channels", "", [float(scenario.dram_channels)])


def of_scenario(space: DesignSpace) -> DesignSpace:
    """The space with the memory left to the scenario."""
    default = {one.name: one for one in default_space().parameters if one.name in ("dram", "dram_channels")}
    return dataclasses.replace(space, parameters=tuple(default.get(one.name, one) for one in space.parameters))
