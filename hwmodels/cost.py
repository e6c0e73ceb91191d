"""What an evaluation returns: time by resource, action counts, energy and area by component, and how well it fits."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from hwmodels.quantities import aligned, quantity

RESOURCES = ("compute", "decode", "index_bus", "value_bus", "buffer_port", "glb", "dram")
"""What a tile's time is the maximum of. `compute`: steps of the MACs or, where two fibers are intersected, of these
units; `decode`: of the format decoders; `buffer_port`: words written to the PEs' operand buffers."""

ENERGY_COMPONENTS = (
    "mac",
    "pe_buffer",
    "accumulator",
    "intersect_decode",
    "noc",
    "glb",
    "dram",
    "dram_standing",
    "clock",
    "leakage",
)
"""`dram` goes with the bits that move, `dram_standing` with time, as do `clock` and `leakage`."""

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
_OUTSIDE = np.array([name in ("dram", "dram_standing") for name in ENERGY_COMPONENTS])

FITS = ("glb", "pe_buffer", "accumulator", "bus", "clock")
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


def misfit_words(what: str, need: float) -> str:
    """What does not fit, one of `FITS`, in words that follow a kernel's name."""
    if what == "bus":
        return f"has a bus {need:.3g} times as wide as the PEs can take"
    if what == "clock":  # the node's logic reaches it, or there is no technology
        return f"has a clock {need:.3g} times as fast as a GLB bank allows"
    return f"needs {need:.3g} times the {what} there is"


def core_area_mm2(area_mm2: Float[Array | np.ndarray, "... 9"]) -> Scalar:
    """Area by `AREA_COMPONENTS` added up without the PHY of the DRAM, mm2."""
    return (area_mm2 * _CORE).sum(axis=-1)


def counted_area_mm2(area_mm2: Float[Array | np.ndarray, "... 9"], counts_phy: bool) -> Scalar:
    """Area that designs compare by, mm2: with the PHY where they differ in their DRAM, else without it, next to which
    small designs would all look alike."""
    return area_mm2.sum(axis=-1) if counts_phy else core_area_mm2(area_mm2)


def outside_pj(energy_pj: Float[Array | np.ndarray, "... 10"]) -> Scalar:
    """Energy that heats the DRAM and not the die, pJ."""
    return (energy_pj * _OUTSIDE).sum(axis=-1)


def rows_of(*values: Array) -> Array:
    """Stack values on a new first axis, each broadcast to the batch of the others."""
    return jnp.stack(jnp.broadcast_arrays(*values))


class ActionCounts(eqx.Module):
    """How often each thing happens in one run of a kernel; no energies, so any technology can price it again."""

    macs: Scalar
    """MACs that switch: effectual ones, and zeros computed."""
    gated_macs: Scalar
    tree_adds: Scalar
    """Additions of the adder trees of lanes on k."""
    queue_bits: Scalar
    """Bits written to and bits read from the queues of A and B in the PEs."""
    pe_buffer_read_bits: Scalar
    pe_buffer_write_bits: Scalar
    accumulator_accesses: Scalar
    """Reads plus writes of one accumulator word."""
    intersection_steps: Scalar
    decoded_entries: Scalar
    bus_hops: Scalar
    """Bits on the buses times the pitches of PEs that each has to travel (docs/machine.md, "Energy and area")."""
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
    resource_cycles: Float[Array | np.ndarray, "7 ..."]
    """Busy cycles of each of `RESOURCES`."""
    bound_cycles: Float[Array | np.ndarray, "7 ..."]
    """Cycles for which each of `RESOURCES` is the bottleneck; they and the fill add up to `cycles`."""
    energy_pj: Float[Array | np.ndarray, "10 ..."]
    """By `ENERGY_COMPONENTS`."""
    area_mm2: Float[Array | np.ndarray, "9 ..."]
    """By `AREA_COMPONENTS`."""
    utilization: Scalar
    """Effectual MACs over the MACs the array could have done."""
    computes: Computes
    traffic: Traffic
    actions: ActionCounts
    fits: Float[Array | np.ndarray, "5 ..."]
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
        """Area without the DRAM's PHY, mm2: what searches go by where all designs have the same DRAM."""
        return core_area_mm2(self.area_mm2)

    @property
    def power_w(self) -> Scalar:
        """Average power of the run, W."""
        return self.total_energy_pj * 1e-12 / self.latency_s

    @property
    def power_density_w_mm2(self) -> Scalar:
        """Average power of the die over its area, W/mm2: with the PHY, without what the DRAM takes on its own die."""
        return (self.total_energy_pj - outside_pj(self.energy_pj)) * 1e-12 / self.latency_s / self.total_area_mm2

    @property
    def clock_ghz(self) -> Scalar:
        """Clock of the run, GHz."""
        return self.cycles / self.latency_s * 1e-9

    @property
    def max_clock_ghz(self) -> Scalar:
        """Fastest clock that the parts allow, GHz (`hwmodels.clock` says which limits it); infinite where none is
        known to."""
        need = np.asarray(self.fits)[..., FITS.index("clock")]
        with np.errstate(divide="ignore"):
            return np.asarray(self.clock_ghz) / need

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

    def __repr__(self) -> str:
        """A table of totals and their parts; of costs stacked by `jax.vmap`, ranges of totals and mean parts."""
        leaves = jax.tree.leaves(self)
        numbers = (int, float, np.number, np.ndarray, jax.Array)
        if not all(isinstance(leaf, numbers) and not isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return eqx.tree_pformat(self)
        shape = np.shape(self.latency_s)
        parts = ((self.bound_cycles, RESOURCES), (self.energy_pj, ENERGY_COMPONENTS), (self.area_mm2, AREA_COMPONENTS))
        if any(np.shape(values) != (*shape, len(names)) for values, names in (*parts, (self.fits, FITS))):
            return eqx.tree_pformat(self)
        return "\n".join(_stack_lines(self) if shape else _lines(self))


_PARTS: dict[str, type] = {"computes": Computes, "traffic": Traffic, "actions": ActionCounts}


def _leaf_names(kind: type) -> list[str]:
    names = [field.name for field in dataclasses.fields(kind)]
    return [leaf for name in names for leaf in (_leaf_names(_PARTS[name]) if name in _PARTS else [name])]


COST_LEAVES = tuple(_leaf_names(Cost))
"""Names of the leaves of a `Cost`, in the order of `jax.tree.leaves`."""


def _totals(cost: Cost) -> dict[str, tuple[np.ndarray, str]]:
    """Totals by name, with their units; a value for each of stacked costs."""
    totals = {
        "latency": (cost.latency_s, "s"),
        "energy": (cost.total_energy_pj * 1e-12, "J"),
        "area": (cost.total_area_mm2, "mm2"),
        "power": (cost.power_w, "W"),
        "EDP": (cost.edp_js, "J s"),
    }
    return {name: (np.asarray(value, float), unit) for name, (value, unit) in totals.items()}


def _lines(cost: Cost) -> list[str]:
    """A single cost: totals, then time, energy and area by component side by side."""
    with np.errstate(all="ignore"):
        rows = [[name, quantity(float(value), unit), ""] for name, (value, unit) in _totals(cost).items()]
        clocks = " of ".join(quantity(float(ghz) * 1e9, "Hz") for ghz in (cost.clock_ghz, cost.max_clock_ghz))
        rows[0][2] = f"{float(cost.cycles):.6g} cycles at {clocks}"
        rows[3][2] = f"{float(cost.power_density_w_mm2):.3g} W/mm2 of the die"
    fullest = int(np.argmax(cost.fits))
    need = f"{FITS[fullest]} needs {float(cost.fits[fullest]):.3g} of what there is"
    rows += [
        ["bottleneck", cost.bottleneck, f"for {cost.bottleneck_share:.0%} of the time"],
        ["MACs in use", f"{float(cost.utilization):.1%}", "of those the array could do"],
        ["fits", "yes" if within_limit(cost.fits).all() else "no", need],
    ]
    columns = [_column(name, parts) for name, parts in cost.parts().items()]
    height = max(map(len, columns))
    padded = [aligned([*cells, *[["", "", ""]] * (height - len(cells))], right=(1, 2)) for cells in columns]
    return [*aligned(rows), "", *aligned(list(zip(*padded, strict=True)))]


def _column(name: str, parts: dict[str, float]) -> list[list[str]]:
    """One of `Cost.parts`: a header, then name, value and share of each component."""
    unit, scale = {"latency_s": ("s", 1.0), "energy_pj": ("J", 1e-12), "area_mm2": ("mm2", 1.0)}[name]
    whole = sum(parts.values())
    shares = {one: f"{value / whole:.0%}" if whole > 0 else "" for one, value in parts.items()}
    cells = [[one, quantity(value * scale, unit), shares[one]] for one, value in parts.items()]
    return [[f"{name.rpartition('_')[0]} by", "", ""], *cells]


def _stack_lines(cost: Cost) -> list[str]:
    """Stacked costs: how many, ranges of the totals, and what is mostly the bottleneck, energy and area."""
    shape = np.shape(cost.latency_s)
    rows = [["", "least", "median", "greatest"]]
    with np.errstate(all="ignore"):
        totals = _totals(cost)
    for name, (values, unit) in totals.items():
        sound = values[np.isfinite(values)]
        ends = (sound.min(), np.median(sound), sound.max()) if sound.size else [np.nan] * 3
        rows.append([name, *(quantity(float(value), unit) for value in ends)])
    lines = [f"{np.prod(shape)} costs, stacked as {list(shape)}", *aligned(rows, right=(1, 2, 3)), ""]
    by_part = {
        "time": (RESOURCES, cost.bound_cycles),
        "energy": (ENERGY_COMPONENTS, cost.energy_pj),
        "area": (AREA_COMPONENTS, cost.area_mm2),
    }
    for what, (names, values) in by_part.items():
        parts = np.asarray(values, float).reshape(-1, len(names))
        parts = parts[np.isfinite(parts).all(axis=1)]
        means = (parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-300)).sum(axis=0) / max(len(parts), 1)
        shares = sorted(zip(means, names, strict=True), reverse=True)
        lines.append(f"{what} on average: {', '.join(f'{one} {mean:.0%}' for mean, one in shares if mean > 0.005)}")
    fitting = within_limit(cost.fits).all(axis=-1)
    return [*lines, f"fits: {np.count_nonzero(fitting)} of {fitting.size}"]
