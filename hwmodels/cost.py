"""What an evaluation returns: time by resource, action counts, energy and area by component, and how well it fits."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

RESOURCES = ("compute", "intersect", "index_bus", "value_bus", "glb", "dram")
"""What a tile's time is the maximum of. `intersect` is the intersection unit and the format decoders."""

ENERGY_COMPONENTS = (
    "mac",
    "pe_buffer",
    "accumulator",
    "intersect_decode",
    "noc",
    "glb",
    "dram",
    "clock",
    "leakage",
)

AREA_COMPONENTS = (
    "mac",
    "pe_buffer",
    "accumulator",
    "decoder",
    "intersection",
    "scheduler",
    "noc",
    "glb",
    "dram_phy",
)

_CORE = np.array([name != "dram_phy" for name in AREA_COMPONENTS])

FITS = ("glb", "pe_buffer", "accumulator", "clock")
"""Need over capacity; a design can be built and run when none is above 1."""

FILL = "fill"
"""Time in which nothing but the first fill of the pipeline goes on."""

TOLERANCE = 1e-5
"""Relative excess over a capacity or limit that float32 may cause."""

Scalar = Float[ArrayLike, "..."]
"""A JAX number in the models, a NumPy one in results; more axes where costs are stacked."""


def within_limit(value: ArrayLike, limit: ArrayLike = 1.0) -> np.ndarray:
    """Mask of the values up to a limit (needs over capacity: up to 1), but for rounding; what is no number is not."""
    return np.asarray(np.asarray(value) <= limit * (1 + TOLERANCE))


def core_area_mm2(area_mm2: Float[Array | np.ndarray, "... 9"]) -> Scalar:
    """Area by `AREA_COMPONENTS` added up without the PHY of the DRAM, which is the scenario's and no design's, mm2."""
    return (area_mm2 * _CORE).sum(axis=-1)


def rows_of(*values: Array) -> Array:
    """Stack values on a new first axis, each broadcast to the batch of the others."""
    return jnp.stack(jnp.broadcast_arrays(*values))


class ActionCounts(eqx.Module):
    """How often each thing happens in one run of a kernel; no energies, so any technology can price it again."""

    macs: Scalar
    """MACs that switch: effectual ones, and zeros computed."""
    gated_macs: Scalar
    pe_buffer_read_bits: Scalar
    pe_buffer_write_bits: Scalar
    accumulator_accesses: Scalar
    """Reads plus writes of one accumulator word."""
    intersection_steps: Scalar
    decoded_entries: Scalar
    bus_bits: Scalar
    """Bits that travel the array's buses, multicast counted once."""
    crossbar_words: Scalar
    """Partial products that the outer product scatters to accumulators."""
    glb_read_bits: Scalar
    glb_write_bits: Scalar
    dram_read_bits: Scalar
    dram_write_bits: Scalar
    cycles: Scalar
    """Array cycles, for the clock network and leakage."""


class Traffic(eqx.Module):
    """Bytes moved per level and operand."""

    dram_a_bytes: Scalar
    dram_b_bytes: Scalar
    dram_z_read_bytes: Scalar
    dram_z_write_bytes: Scalar
    glb_read_bytes: Scalar
    glb_write_bytes: Scalar
    value_bus_bytes: Scalar
    index_bus_bytes: Scalar


class Computes(eqx.Module):
    """Multiplies of the dense iteration space, by what happens to them. They add up to M*K*N."""

    effectual: Scalar
    ineffectual: Scalar
    """Zeros that were computed all the same."""
    gated: Scalar
    skipped: Scalar


class Cost(eqx.Module):
    """Cost of one kernel on one design (or the sum over the kernels of a workload)."""

    latency_s: Scalar
    cycles: Scalar
    resource_cycles: Float[Array | np.ndarray, "6 ..."]
    """Busy cycles of each of `RESOURCES`."""
    bound_cycles: Float[Array | np.ndarray, "6 ..."]
    """Cycles for which each of `RESOURCES` is the bottleneck; they and the fill add up to `cycles`."""
    energy_pj: Float[Array | np.ndarray, "9 ..."]
    """By `ENERGY_COMPONENTS`."""
    area_mm2: Float[Array | np.ndarray, "9 ..."]
    """By `AREA_COMPONENTS`."""
    utilization: Scalar
    """Effectual MACs over the MACs the array could have done."""
    computes: Computes
    traffic: Traffic
    actions: ActionCounts
    fits: Float[Array | np.ndarray, "4 ..."]
    """By `FITS`."""

    @staticmethod
    def of_leaves(leaves: Sequence[Scalar]) -> "Cost":
        """The cost with these leaves, in the order of `COST_LEAVES`."""
        rest = iter(leaves)

        def build(kind: type) -> Any:
            names = [field.name for field in dataclasses.fields(kind)]
            return kind(**{name: build(_PARTS[name]) if name in _PARTS else next(rest) for name in names})

        return build(Cost)

    @property
    def total_energy_pj(self) -> Scalar:
        """Energy of the run, pJ."""
        return self.energy_pj.sum(axis=-1)

    @property
    def total_area_mm2(self) -> Scalar:
        """Area of the whole accelerator, DRAM PHY included, mm2."""
        return self.area_mm2.sum(axis=-1)

    @property
    def core_area_mm2(self) -> Scalar:
        """Area without the DRAM's PHY, mm2: what searches and comparisons go by."""
        return core_area_mm2(self.area_mm2)

    @property
    def power_w(self) -> Scalar:
        """Average power of the run, W."""
        return self.total_energy_pj * 1e-12 / self.latency_s

    @property
    def edp_js(self) -> Scalar:
        """Energy-delay product, J s."""
        return self.total_energy_pj * 1e-12 * self.latency_s

    @property
    def bottleneck(self) -> str:
        """The resource of a single cost that binds for the most cycles."""
        return RESOURCES[int(np.argmax(self.bound_cycles))]

    @property
    def bottleneck_share(self) -> float:
        """Share of a single cost's cycles for which its bottleneck binds."""
        return float(np.max(self.bound_cycles) / max(float(self.cycles), 1e-30))

    def parts(self) -> dict[str, dict[str, float]]:
        """A single cost by quantity and component: time by what binds, energy, area; each adds up to the whole."""
        seconds = float(self.latency_s) / max(float(self.cycles), 1e-30)
        time = {name: float(c) * seconds for name, c in zip(RESOURCES, self.bound_cycles, strict=True)}
        time[FILL] = max(float(self.latency_s) - sum(time.values()), 0.0)
        energy = {name: float(value) for name, value in zip(ENERGY_COMPONENTS, self.energy_pj, strict=True)}
        area = {name: float(value) for name, value in zip(AREA_COMPONENTS, self.area_mm2, strict=True)}
        return {"latency_s": time, "energy_pj": energy, "area_mm2": area}


_PARTS: dict[str, type] = {"computes": Computes, "traffic": Traffic, "actions": ActionCounts}


def _leaf_names(kind: type) -> list[str]:
    names = [field.name for field in dataclasses.fields(kind)]
    return [leaf for name in names for leaf in (_leaf_names(_PARTS[name]) if name in _PARTS else [name])]


COST_LEAVES = tuple(_leaf_names(Cost))
"""Names of the leaves of a `Cost`, in the order of `jax.tree.leaves`."""
