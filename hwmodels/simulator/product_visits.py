"""All that the visits of a product come to, before memory and time."""

from typing import Any, NamedTuple

from hwmodels.simulator.counters import ArrayActions, ArrayWork, Bits, BusTraffic, Fates
from hwmodels.simulator.places import Places


class ProductVisits(NamedTuple):
    """What each visit does in the array, sends, and reads and writes of Z in DRAM; and Z."""

    work: ArrayWork
    fates: Fates
    bus: BusTraffic
    z_traffic: tuple[Bits, Bits]
    places: Places
    actions: ArrayActions
    result: Any
