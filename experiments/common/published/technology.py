"""What the technology says of published operations, memories and the tables of EIE's processing element."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.eie_units import EiePe
from hwmodels.technology import Technology, make_technology, scenario

MEGABIT = 1e6
MEBIBIT = 2.0**20

BARS = {
    "SRAM macros at 7 and 5 nm": Bar(lambda point: "SRAM" in point.metric and _node(point) <= 7 and _is_macro(point)),
    "SRAM areas from 12 to 28 nm": Bar(lambda point: point.metric == "SRAM area" and _node(point) > 7),
    "SRAM on a chip at 7 nm": Bar(lambda point: point.metric == "SRAM area"),
    "SRAM read energy (fitted to)": Bar(lambda point: point.metric == "SRAM read energy"),
    "operation energy (fitted to)": Bar(lambda point: point.metric == "operation energy"),
    "multiplier, crossbar, wire": Bar(lambda point: point.metric.split()[0] in ("multiplier", "crossbar", "wire")),
}


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Energies and areas by node and size, and the tables of EIE; else the reason why not."""
    if point.metric in EIE:
        parts = EIE[point.metric](_eie())
        return parts.get(point.workload, "no part of EIE's PE by this name")
    p = point.params
    if point.metric not in PRICES:
        return "no model of this metric"
    try:
        priced = PRICES[point.metric](_at(p["node_nm"], p.get("arithmetic", "int")), p)
    except KeyError as missing:
        return f"{missing.args[0]} is not given"
    if point.metric == "SRAM density":
        return p["bytes"] * 8 / (MEBIBIT if point.unit.startswith("Mib") else MEGABIT) / priced
    return priced


def _sram_mm2(t: Technology, p: Mapping[str, Any]) -> float:
    return float(t.sram_area_mm2(p["bytes"], p["word_bits"], p["banks"]))


def _operation_pj(t: Technology, p: Mapping[str, Any]) -> float:
    return float((t.add_energy_pj if p["operation"] == "add" else t.multiply_energy_pj)(p["bits"]))


PRICES: dict[str, Callable[[Technology, Mapping[str, Any]], float]] = {
    "SRAM area": _sram_mm2,
    "SRAM density": _sram_mm2,
    "SRAM read energy": lambda t, p: float(t.sram_read_pj(p["bytes"], p["word_bits"])),
    "operation energy": _operation_pj,
    "multiplier area": lambda t, p: p["count"] * float(t.multiply_area_mm2(p["bits"])),
    "crossbar area": lambda t, p: p["count"] * float(t.crossbar_area_mm2(p["ports"], p["ports"], p["bits"])),
    "wire energy": lambda t, p: float(t.wire_pj_per_bit_mm()),
}
EIE: dict[str, Callable[[EiePe], dict[str, float]]] = {
    "EIE PE area by component": EiePe.area_um2,
    "EIE PE power by component": EiePe.power_mw,
    "EIE PE area by unit": EiePe.unit_area_um2,
    "EIE PE power by unit": EiePe.unit_power_mw,
}


@lru_cache
def _eie() -> EiePe:
    return EiePe()


@lru_cache
def _at(node_nm: float, arithmetic: str) -> Technology:
    """At the clock that takes the nominal supply, at which published energies hold."""
    at_45nm = make_technology(scenario(node_nm=45, clock_ghz=0.5)).constants
    clock_ghz = float(at_45nm["clock_45nm_ghz"]) * (45.0 / node_nm) ** float(at_45nm["clock_exponent"])
    return make_technology(scenario(node_nm=node_nm, clock_ghz=clock_ghz, arithmetic=arithmetic))


def _node(point: PublishedPoint) -> float:
    return float(point.params.get("node_nm", 45.0))


def _is_macro(point: PublishedPoint) -> bool:
    """One macro, not the memory of a chip with all that lies between."""
    return point.params.get("banks") == 1
