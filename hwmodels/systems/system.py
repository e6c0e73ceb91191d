"""What every system answers, and how it makes a `Cost` of what its own model knows."""

import abc
from collections.abc import Mapping

import numpy as np

from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from hwmodels.systems.work import Work


class System(abc.ABC):
    """A machine people know. Subclasses are final, frozen dataclasses whose fields are its cited parameters."""

    name: str
    """As users type it, e.g. `eie`."""
    title: str
    """As figures show it, e.g. `EIE`."""
    source: str
    """Paper or data sheet that the parameters are from."""
    limits: str
    """What this model cannot express, in a sentence."""

    @abc.abstractmethod
    def cost(self, work: Work) -> Cost:
        """Cost of one run. **Raises** `InputError` where the machine cannot run it at all, saying why."""


def cost_of(
    work: Work,
    *,
    clock_ghz: float,
    resource_cycles: Mapping[str, float],
    energy_pj: Mapping[str, float],
    area_mm2: Mapping[str, float],
    extra_cycles: float = 0.0,
    peak_macs_per_cycle: float,
    computed_zeros: float = 0.0,
    gated: float = 0.0,
    dram_bytes: Mapping[str, float] | None = None,
) -> Cost:
    """A `Cost` (NumPy scalars) of totals: the slowest of `resource_cycles` binds for the whole run.

    **Arguments**: cycles by `RESOURCES`, energy by `ENERGY_COMPONENTS`, area by `AREA_COMPONENTS`, absent ones zero;
    `extra_cycles` that nothing overlaps (launch, fill); `computed_zeros`, `gated`: ineffectual multiplies that are done
    or gated; `dram_bytes` by operand: `a`, `b`, `z_read`, `z_write`. Action counts are those that follow (MACs, DRAM
    bits, cycles); levels between that the system's model does not follow are zero.
    """
    busy = _vector(resource_cycles, RESOURCES)
    bound = np.where(np.arange(len(RESOURCES)) == busy.argmax(), busy, 0.0)
    cycles = float(busy.max()) + extra_cycles
    moved = {name: float((dram_bytes or {}).get(name, 0.0)) for name in ("a", "b", "z_read", "z_write")}
    zero = 0.0
    skipped = max(work.dense_multiplies - work.multiplies - computed_zeros - gated, 0.0)
    return Cost(
        latency_s=cycles / clock_ghz * 1e-9,
        cycles=cycles,
        resource_cycles=busy,
        bound_cycles=bound,
        energy_pj=_vector(energy_pj, ENERGY_COMPONENTS),
        area_mm2=_vector(area_mm2, AREA_COMPONENTS),
        utilization=work.multiplies / (peak_macs_per_cycle * cycles),
        computes=Computes(work.multiplies, computed_zeros, gated, skipped),
        traffic=Traffic(moved["a"], moved["b"], moved["z_read"], moved["z_write"], zero, zero, zero, zero),
        actions=ActionCounts(
            macs=work.multiplies + computed_zeros,
            gated_macs=gated,
            tree_adds=zero,
            queue_bits=zero,
            pe_buffer_read_bits=zero,
            pe_buffer_write_bits=zero,
            accumulator_accesses=zero,
            intersection_steps=zero,
            decoded_entries=zero,
            bus_hops=zero,
            glb_read_bits=zero,
            glb_write_bits=zero,
            dram_read_bits=8.0 * (moved["a"] + moved["b"] + moved["z_read"]),
            dram_write_bits=8.0 * moved["z_write"],
            cycles=cycles,
        ),
        fits=np.zeros(len(FITS)),
    )


def cost_at_power(
    work: Work,
    *,
    clock_ghz: float,
    compute_cycles: float,
    dram_bytes: Mapping[str, float],
    dram_gbps: float,
    power_w: float,
    area_mm2: float,
    peak_macs_per_cycle: float,
) -> Cost:
    """A `Cost` of a machine that either computes or waits for DRAM, of which one power and one area are published.

    Energy and area go to the MACs as a whole.
    """
    busy = {"compute": compute_cycles, "dram": sum(dram_bytes.values()) / dram_gbps * clock_ghz}
    return cost_of(
        work,
        clock_ghz=clock_ghz,
        resource_cycles=busy,
        energy_pj={"mac": power_w * 1e3 / clock_ghz * max(busy.values())},
        area_mm2={"mac": area_mm2},
        peak_macs_per_cycle=peak_macs_per_cycle,
        dram_bytes=dram_bytes,
    )


def _vector(values: Mapping[str, float], names: tuple[str, ...]) -> np.ndarray:
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(names)}.")
    return np.array([float(values.get(name, 0.0)) for name in names])
