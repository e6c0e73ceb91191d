"""Designs and quantities in words."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dse import Design
from hwmodels.design.choices import FORMATS, OF_SCENARIO, SRAM_CELLS
from hwmodels.design.hardware import ALL_PARTS, PARTS_USED
from hwmodels.quantities import quantity as quantity


def energy(picojoules: float) -> str:
    """Energy with an SI prefix."""
    return quantity(picojoules * 1e-12, "J")


def times(ratio: float) -> str:
    """`2.5 x`; nothing where one of the two is not known."""
    return "" if math.isnan(ratio) else f"{ratio:.3g} x"


def size(count: float) -> str:
    """Bytes in KiB and MiB."""
    for factor, unit in ((2.0**20, "MiB"), (2.0**10, "KiB")):
        if count >= factor:
            return f"{count / factor:g} {unit}"
    return f"{count:g} B"


def hardware_words(design: Design) -> str:
    """The accelerator in one phrase."""
    n: Mapping[str, Any] = design.hardware
    lanes = f"{n['lanes']:g} MAC{'s' if n['lanes'] > 1 else ''}"
    text = (
        f"{n['pe_rows']:g} x {n['pe_cols']:g} PEs of {lanes}, {size(n['glb_bytes'])} GLB in {n['glb_banks']:g} banks, "
        f"{size(n['pe_buffer_bytes'])} buffer and {size(n['accumulator_bytes'])} accumulators a PE, "
        f"index bus {n['index_bus_bits']:g} b, value bus {n['value_bus_bits']:g} b"
    )
    text += f", {n['glb_cell']} SRAM" if n["glb_cell"] != SRAM_CELLS[0] else ""
    text += f", {n['dram_channels']:g} x {n['dram'].upper()}" if n["dram"] != OF_SCENARIO else ""
    intersects = [m["dataflow"] == "inner_product" and m["a_zero"] == m["b_zero"] == "skip" for m in design.mappings]
    return f"{text}, {n['intersection']} intersection" if any(intersects) else text


def mapping_words(mapping: Mapping[str, Any]) -> str:
    """A mapping in one phrase; nothing of what is held where fibers are intersected: both are, whatever it says."""
    a, b = (f"{mapping[f'{x}_format']} {mapping[f'{x}_zero']}" for x in "ab")
    held = {"b": "B held", "ab": "A and B held", "fetch": "rows of B fetched"}[mapping["residency"]]
    pairs = mapping["dataflow"] == "inner_product" and mapping["b_zero"] == "skip"
    tile = " x ".join(f"{mapping[f'tile_{x}']:g}" for x in "mkn")
    used = zip(PARTS_USED, ("PE rows", "PE columns", "lanes"), strict=True)
    where = {"glb": "GLB", "pe": "PEs"}
    places = {words: [x.upper() for x in "abz" if mapping[f"{x}_kept"] == place] for place, words in where.items()}
    words = [
        *(mapping["dataflow"], f"A {a}", f"B {b}", *(() if pairs else (held,))),
        *(f"columns on {mapping['columns_on']}", f"lanes on {mapping['lanes_on']}"),
        *(f"{mapping[name]:g} {parts} used" for name, parts in used if mapping[name] < ALL_PARTS),
        *(f"tile {tile}", mapping["loop_order"], mapping["schedule"]),
        *(f"{', '.join(kept)} kept in the {place}" for place, kept in places.items() if kept),
    ]
    return ", ".join(words)


def shares(names: Sequence[str], weights: Sequence[float], least: float = 0.01) -> str:
    """`csr 62 %, bitmask 38 %`: names by falling share, those above `least`."""
    total = sum(weights) or 1.0
    order = sorted(range(len(names)), key=lambda at: -weights[at])
    return ", ".join(f"{names[at]} {weights[at] / total:.0%}" for at in order if weights[at] > least * total)


def main_format(design: Design, operand: str, weights: Iterable[float]) -> str:
    """The format of operand "a" or "b" that is in use for the largest share of `weights` (one per kernel)."""
    totals: dict[str, float] = {str(name): 0.0 for name in FORMATS}
    for mapping, weight in zip(design.mappings, weights, strict=True):
        totals[str(mapping[f"{operand}_format"])] += float(weight)
    return max(totals, key=lambda name: totals[name])
