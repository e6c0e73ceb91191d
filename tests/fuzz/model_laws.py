"""Laws that the costs of every design keep, whatever the kernel: what physics and bookkeeping demand of any model."""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np

from hwmodels import Hardware, Mapping
from hwmodels.analytical.accounting import PIPELINE_STAGES
from hwmodels.area import WORD_BITS
from hwmodels.cost import COST_LEAVES, Cost, within_limit
from hwmodels.formats.records import FORMAT_RECORDS
from hwmodels.technology import Technology

Mask = np.ndarray
"""Of the designs that break a law."""

_HAS_RUNS = np.array([record.has_runs for record in FORMAT_RECORDS], float)
ROUNDING = 2e-4
"""Relative, of sums in float32."""


def _doubled(field: str) -> Callable[[Hardware, Technology], tuple[Hardware, Technology]]:
    def change(hardware: Hardware, technology: Technology) -> tuple[Hardware, Technology]:
        return dataclasses.replace(hardware, **{field: getattr(hardware, field) * 2}), technology

    return change


def _sped(field: str) -> Callable[[Hardware, Technology], tuple[Hardware, Technology]]:
    def change(hardware: Hardware, technology: Technology) -> tuple[Hardware, Technology]:
        scenario = technology.scenario
        faster = dataclasses.replace(scenario, **{field: getattr(scenario, field) * 2})
        return hardware, dataclasses.replace(technology, scenario=faster)

    return change


MORE = {
    "a wider index bus": _doubled("index_bus_bits"),
    "a wider value bus": _doubled("value_bus_bits"),
    "more banks": _doubled("glb_banks"),
    "more DRAM channels": _sped("dram_channels"),
    "a faster clock": _sped("clock_ghz"),
}
"""Changes of hardware or scenario that never take longer with the same mapping."""
SCENARIO = ("more DRAM channels", "a faster clock")
"""Those of the scenario."""


def broken_laws(
    cost: Cost,
    faster: dict[str, np.ndarray],
    hardware: Hardware,
    mapping: Mapping,
    positions: float,
    technology: Technology,
) -> dict[str, Mask]:
    """Mask of the designs that break each law.

    **Arguments**: the costs of n designs, components on the last axis, in NumPy; latencies of the same designs with
    each of `MORE`; `positions`, M K N; the `technology`, with its scenario.
    """
    leaves = {
        name: np.asarray(leaf, np.float64).reshape(len(cost.cycles), -1)
        for name, leaf in zip(COST_LEAVES, jax.tree.leaves(cost), strict=True)
    }
    sound = np.all([np.isfinite(leaf).all(axis=1) for leaf in leaves.values()], axis=0)
    hardware, mapping = jax.tree.map(np.asarray, (hardware, mapping))
    cycles = np.float64(cost.cycles)
    rows, columns = np.float64(hardware.pe_rows), np.float64(hardware.pe_cols)
    latency = float(technology.dram_latency_ns() * technology.scenario.clock_ghz)
    fill = latency + PIPELINE_STAGES + np.ceil(np.log2(rows)) + np.ceil(np.log2(columns))
    bound, busy = np.float64(cost.bound_cycles), np.float64(cost.resource_cycles)
    fates = np.sum([np.float64(leaf) for leaf in jax.tree.leaves(cost.computes)], axis=0)
    actions, traffic = cost.actions, cost.traffic
    pads = (mapping.a_format @ _HAS_RUNS + mapping.b_format @ _HAS_RUNS) > 0
    read = np.float64(traffic.dram_a_bytes) + traffic.dram_b_bytes + traffic.dram_z_read_bytes
    sent = 8 * (np.float64(traffic.value_bus_bytes) + traffic.index_bus_bytes)
    rooflines = _rooflines(cost, fates - cost.computes.skipped, hardware, mapping, technology)
    with np.errstate(invalid="ignore"):
        broken = {
            "utilisation is at most 1": ~(cost.utilization <= 1 + 1e-5),
            "bound cycles and the fill add up to the cycles": _apart(bound.sum(axis=1) + fill, cycles),
            "a resource binds no longer than it is busy": (bound > busy * (1 + ROUNDING) + 1e-3).any(axis=1),
            "no resource is busy longer than the run": (busy.max(axis=1) > (cycles - fill) * (1 + ROUNDING) + 1e-3),
            "fates of MACs add up to the positions": _apart(fates, positions) & ~(pads & (fates > positions)),
            "MACs that switch are the effectual and the ineffectual": _apart(
                np.float64(cost.computes.effectual) + cost.computes.ineffectual, actions.macs
            ),
            "what DRAM gives is the sum of the operands": _apart(read * 8, actions.dram_read_bits),
            "no bit travels less than to one PE": ~(actions.bus_hops >= sent * (rows + columns) / 2 * (1 - ROUNDING)),
            "no bit travels farther than to all": ~(actions.bus_hops <= sent * rows * (1 + columns) * (1 + ROUNDING)),
        }
        for name, least in rooflines.items():
            broken[f"nothing is faster than {name}"] = ~(least <= (cycles - fill) * (1 + ROUNDING) + 1e-3)
        for name, latency in faster.items():
            broken[f"{name} is never slower"] = ~(latency <= np.float64(cost.latency_s) * (1 + 1e-5))
    broken = {law: mask & sound for law, mask in broken.items()}
    broken["nothing is NaN"] = np.any([np.isnan(leaf).any(axis=1) for leaf in leaves.values()], axis=0)
    broken["all is finite where everything fits"] = ~sound & within_limit(cost.fits).all(axis=1)
    broken["nothing is negative"] = np.any([(leaf < 0).any(axis=1) for leaf in leaves.values()], axis=0)
    return broken


def _rooflines(
    cost: Cost, worked: np.ndarray, hardware: Hardware, mapping: Mapping, technology: Technology
) -> dict[str, np.ndarray]:
    """Least cycles of each design: what is worked on, and bits that move, over what there is for it."""
    macs = np.prod(
        [
            np.minimum(np.float64(there), used)
            for there, used in (
                (hardware.pe_rows, mapping.rows_used),
                (hardware.pe_cols, mapping.cols_used),
                (hardware.lanes, mapping.lanes_used),
            )
        ],
        axis=0,
    )
    actions, traffic = cost.actions, cost.traffic
    dram_bits_a_cycle = float(technology.dram_gbps() * 8 / technology.scenario.clock_ghz)
    return {
        "its MACs": worked / macs,
        "the value bus": 8 * np.float64(traffic.value_bus_bytes) / hardware.value_bus_bits,
        "the index bus": 8 * np.float64(traffic.index_bus_bytes) / hardware.index_bus_bits,
        "the GLB": (np.float64(actions.glb_read_bits) + actions.glb_write_bits) / (WORD_BITS * hardware.glb_banks),
        "DRAM": (np.float64(actions.dram_read_bits) + actions.dram_write_bits) / dram_bits_a_cycle,
    }


def _apart(one: np.ndarray, other: np.ndarray) -> Mask:
    return ~(np.abs(one - other) <= ROUNDING * np.maximum(np.abs(one), np.abs(other)))
