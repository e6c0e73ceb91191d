"""Which conclusions survive when every constant of the technology varies within its uncertainty.

A constant is drawn as its value times a log-normal factor, independently of the others: 95 % of the draws lie within
`value / factor .. value * factor` (`uncertainty`). Actions are counted once and priced under all draws at once
(`CountedDesigns.under`). Of all that is counted only cycles depend on the technology: through the latency of DRAM,
which is added once, and through its bandwidth. A visit takes the maximum of times of which DRAM's alone is proportional
to 1 / bandwidth, so cycles are convex and piecewise linear in it; they are interpolated between evaluated bandwidths.

The factors of `GRADES` and `EXPONENTS` are judgements, made so that they cover what sources of that grade are seen to
differ by; `STATED` holds ranges and errors that the sources themselves state (`hwmodels/technology/default.json`).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy

from dse.problem.pareto import nondominated
from dse.problem.search_problem import Problem
from dse.space.design import Design
from dse.space.encoding import batch_of
from hwmodels import evaluate, price
from hwmodels.area import area_mm2
from hwmodels.clock import clock_limits_ghz
from hwmodels.cost import FITS, counted_area_mm2, within_limit
from hwmodels.design.choices import DRAMS
from hwmodels.design.hardware import stack
from hwmodels.technology import Constant, Technology
from workloads.errors import InputError

GRADES = {"verified": 1.2, "secondary": 1.5, "derived": 1.3, "guess": 2.0, "user": 1.0}
"""Factor by confidence, a judgement. Verified: half of the range of GDDR6's and HBM2's energies in Jouppi et al. (ISCA
2021) is 1.17 and 1.34; secondary: other works say up to 1.67 times LPDDR5's energy; derived: most fits err by 13 to
39 % at worst; guess: nothing is known but the order of magnitude. What a user gives is held."""

EXPONENTS = {"verified": 1.05, "secondary": 1.15, "derived": 1.1, "guess": 1.3, "user": 1.0}
"""The same for exponents, which act through a power of a ratio; a guess."""

_STATED = (
    (
        1.2,
        [f"dram_{dram}_gbps" for dram in DRAMS],
        "the peak rate is a standard's; what a controller reaches is a guess",
    ),
    (1.0, [f"dram_{dram}_burst_bits" for dram in DRAMS], "a standard's"),
    (1.69, ["dram_lpddr4_pj_per_bit"], "13 to 14 pJ/bit in another simulator"),
    (1.67, ["dram_lpddr5_pj_per_bit"], "up to 10 pJ/bit"),
    (1.17, ["dram_gddr6_pj_per_bit"], "350 to 480 pJ per 64 bits"),
    (1.34, ["dram_hbm2_pj_per_bit"], "250 to 450 pJ per 64 bits"),
    (1.13, ["sram_fixed_pj_per_bit", "sram_size_pj_per_bit"], "worst error of the fit"),
    (1.29, ["sram_size_exponent"], "the square root of others"),
    (1.33, ["sram_size_node_exponent"], "CACTI 7 says 1.77"),
    (2.0, ["sram_write_ratio"], "CACTI 7: up to 2"),
    (1.19, ["sram_cell_um2_per_nm2", "sram_cell_um2"], "worst error of the fit"),
    (3.4, ["sram_leakage_w_per_mb"], "EIE: less than 34 mW/MB"),
    (1.82, ["unit_activity"], "between 0.3 and 1"),
    (1.08, ["two_finger_pj", "two_finger_pj_per_bit"], "largest error of the fit, as are the next seven"),
    (1.09, ["two_finger_um2", "two_finger_um2_per_bit"], ""),
    (1.30, ["skip_ahead_pj", "skip_ahead_pj_per_bit"], ""),
    (1.36, ["skip_ahead_um2", "skip_ahead_um2_per_bit"], ""),
    (1.33, ["bitmask_and_pj", "bitmask_and_pj_per_bit"], ""),
    (1.23, ["bitmask_and_um2", "bitmask_and_um2_per_bit"], ""),
    (1.39, ["priority_encoder_pj_per_bit"], ""),
    (1.77, ["priority_encoder_um2_per_bit"], ""),
    (2.1, ["clock_exponent"], "TPUv4i's 1.05 GHz at 7 nm gives 0.146"),
    (1.2, ["threshold_ratio"], "a guess, kept below the lowest supply"),
    (1.15, ["supply_floor_ratio"], "a guess, kept below nominal supply"),
    (1.1, ["supply_ceiling_ratio"], "a guess, kept above nominal supply"),
)
STATED = {name: factor for factor, names, _ in _STATED for name in names}
"""Factors that the constants' own sources give, or that keep voltages in order."""

NORMAL_95 = 1.959964
"""Standard deviations within which 95 % of a normal distribution lies."""
LARGEST_SCALE = 3.0
"""Times the uncertainty; beyond, too many draws have their voltages out of order."""
BANDWIDTHS = 16
"""At which cycles are evaluated, besides the technology's own."""
CHUNK = 256
"""Draws priced at once."""


def uncertainty(constants: Sequence[Constant]) -> dict[str, float]:
    """Factor of each constant's 95 % range, 1 where it is held: the source's own, else by grade."""

    def factor(constant: Constant) -> float:
        if constant.confidence == "user":
            return GRADES["user"]
        table = EXPONENTS if constant.name.endswith(("_exponent", "alpha_power")) else GRADES
        return STATED.get(constant.name, table[constant.confidence])

    return {constant.name: factor(constant) for constant in constants}


def draw_factors(constants: Sequence[Constant], count: int, *, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Factors on each constant in `count` draws, shape [count, constants]; `scale` widens all ranges (0: none vary).

    Draws whose voltages are out of order, or whose `alpha_power` is below 1, are made anew. InputError for a count
    below 1, or a scale outside 0 to `LARGEST_SCALE`.
    """
    if count < 1 or not 0 <= scale <= LARGEST_SCALE:
        raise InputError(
            f"{count} draws at {scale:g} times the uncertainty: give at least 1 draw, and 0 to {LARGEST_SCALE:g} times."
        )
    rng, known = np.random.default_rng(seed), uncertainty(constants)
    deviation = scale * np.log([known[constant.name] for constant in constants]) / NORMAL_95
    kept = np.zeros((0, len(constants)))
    while len(kept) < count:
        drawn = np.exp(deviation * rng.standard_normal((count, len(constants))))
        kept = np.concatenate([kept, drawn[_in_order(constants, drawn)]])
    return kept[:count]


def _in_order(constants: Sequence[Constant], factors: np.ndarray) -> np.ndarray:
    values = {constant.name: constant.value * factors[:, at] for at, constant in enumerate(constants)}
    floor = values["supply_floor_ratio"]
    rising = (values["threshold_ratio"] < floor) & (floor < 1.0) & (values["supply_ceiling_ratio"] > 1.0)
    return rising & (values["alpha_power"] >= 1.0)


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """What n designs cost under d draws; a design that does not reach the clock, or does not fit, is not `sound`."""

    latency_s: np.ndarray
    """Shape [d, n]."""
    energy_pj: np.ndarray
    """By `ENERGY_COMPONENTS`, shape [d, n, components]; area by `AREA_COMPONENTS` likewise."""
    area_mm2: np.ndarray
    bound_cycles: np.ndarray
    """By `RESOURCES`, shape [d, n, resources]."""
    sound: np.ndarray
    """Mask, shape [d, n]."""
    counts_phy: bool = False
    """Whether the DRAM's PHY is a part of the area, as in the problem."""

    def take(self, draws: np.ndarray | slice, designs: Sequence[int] | slice = slice(None)) -> "Outcomes":
        """Some of the draws, and of the designs."""
        arrays = [getattr(self, field.name)[draws][:, designs] for field in dataclasses.fields(self)[:-1]]
        return Outcomes(*arrays, counts_phy=self.counts_phy)

    def values(self, exponents: Sequence[float]) -> np.ndarray:
        """`latency^x * energy^y * area^z` (s, pJ, mm2), shape [d, n]; infinite where a design is
        not sound."""
        totals = (self.latency_s, self.energy_pj.sum(axis=2), counted_area_mm2(self.area_mm2, self.counts_phy))
        product = np.prod([total**power for total, power in zip(totals, exponents, strict=True)], axis=0)
        return np.where(self.sound, product, np.inf)


class CountedDesigns:
    """Designs whose actions are counted, to be priced under any constants of the same scenario."""

    def __init__(self, problem: Problem, designs: Sequence[Design], spread: float = 1.6):
        """Count the actions of `designs`; bandwidths may differ from the problem's by a factor of `spread`.

        InputError for a problem with a model of its own, whose actions this project's energies do not price.
        """
        if problem.evaluate is not evaluate:
            raise InputError("Only designs of this project's own machine can be priced again; use its `evaluate`.")
        self.technology: Technology = problem.technology
        self._counts_phy = problem.counts_phy
        batch = batch_of([design.checked(problem.families) for design in designs])
        ratios = np.union1d(np.geomspace(1 / spread, spread, BANDWIDTHS), [1.0]) if spread > 1 else np.ones(1)
        found = []
        for ratio in ratios:
            batcher = problem.batcher.changed(technology=_of_bandwidth(self.technology, 1.0 / ratio))
            found.append([jax.tree.map(lambda *kernels: np.stack(kernels), *costs) for costs in batcher.costs(batch)])
        costs = [jax.tree.map(lambda *rows: np.stack(rows), *rows) for rows in found]
        own = costs[int(np.argmin(np.abs(ratios - 1.0)))]
        built = [design.checked(problem.families).build() for design in designs]
        same = "gustavson"  # a mapping's dataflow does not enter its price, and must be alike to stack
        mappings = [stack([dataclasses.replace(one, dataflow=same) for one in many]) for _, many in built]
        self._designs: Any = (
            stack([hardware for hardware, _ in built]),
            stack(mappings),
            own.actions,
            np.stack([cost.cycles for cost in costs], axis=-1),  # [n, K, bandwidths]
            np.stack([cost.bound_cycles for cost in costs], axis=-1),
        )
        self._ratios, self._repeats = ratios, problem.repeats
        self._fits = within_limit(np.delete(own.fits, FITS.index("clock"), axis=2)).all(axis=(1, 2))
        self._all = jax.jit(jax.vmap(self._one))

    def under(self, names: Sequence[str], factors: np.ndarray) -> Outcomes:
        """Costs with the constants `names` multiplied by each row of `factors`, shape [d, names].

        InputError for a bandwidth farther from the technology's own than the cycles were counted for.
        """
        base = self.technology.constants
        rates = factors[:, [at for at, name in enumerate(names) if name.endswith("_gbps")]]
        if (np.abs(np.log(rates)) > np.log(self._ratios[-1]) + 1e-6).any():
            raise InputError(f"A bandwidth of DRAM varies by more than a factor of {self._ratios[-1]:g}; vary it less.")
        parts = []
        for at in range(0, len(factors), CHUNK):
            rows = np.concatenate([factors[at : at + CHUNK], np.ones((max(at + CHUNK - len(factors), 0), len(names)))])
            drawn = {name: np.asarray(base[name] * rows[:, column], np.float32) for column, name in enumerate(names)}
            held = {name: np.full(CHUNK, value, np.float32) for name, value in base.items() if name not in drawn}
            priced = jax.device_get(self._all(drawn | held))
            parts.append([np.asarray(leaf, float)[: len(factors) - at] for leaf in priced])
        latency, energy, area, bound, need = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
        return Outcomes(latency, energy, area, bound, within_limit(need) & self._fits, self._counts_phy)

    def _one(self, constants: dict[str, Any]) -> tuple[Any, ...]:
        """All designs under one set of constants."""
        own, technology = self.technology, Technology(self.technology.scenario, constants).solved()
        clock_ghz = technology.scenario.clock_ghz
        waits = (technology.dram_latency_ns() - own.dram_latency_ns()) * clock_ghz
        repeats = jnp.asarray(self._repeats, jnp.float32)

        def at_bandwidth(ratio: Any, values: Any) -> Any:
            flat = jnp.reshape(values, (-1, len(self._ratios)))
            return jax.vmap(lambda row: jnp.interp(ratio, jnp.asarray(self._ratios), row))(flat).reshape(
                values.shape[:-1]
            )

        def design(hardware: Any, mappings: Any, actions: Any, cycles: Any, bound: Any) -> tuple[Any, ...]:
            ratio = own.with_memory_of(hardware).dram_gbps() / technology.with_memory_of(hardware).dram_gbps()
            area, run = area_mm2(hardware, technology), at_bandwidth(ratio, cycles) + waits
            actions = eqx.tree_at(lambda a: a.cycles, actions, run)
            energy = jax.vmap(lambda a, m: price(a, hardware, m, area, technology))(actions, mappings)
            need = clock_ghz / clock_limits_ghz(hardware, technology).min()
            return repeats @ run / clock_ghz * 1e-9, repeats @ energy, area, repeats @ at_bandwidth(ratio, bound), need

        return jax.vmap(design)(*self._designs)


def _of_bandwidth(technology: Technology, factor: float) -> Technology:
    names = [f"dram_{name}_gbps" for name in DRAMS]
    changed = {name: technology.constants[name] * jnp.float32(factor) for name in names}
    return Technology(technology.scenario, technology.constants | changed)


def front_shares(objectives: np.ndarray) -> np.ndarray:
    """Share of the draws in which each design is on the front, shape [n]; `objectives`, shape [d, n, o], may be inf."""
    members = np.zeros(objectives.shape[:2], bool)
    for draw, points in zip(members, objectives, strict=True):
        usable = np.flatnonzero(np.isfinite(points).all(axis=1))
        draw[usable] = nondominated(points[usable])
    return members.mean(axis=0)


def beaten_shares(values: np.ndarray) -> np.ndarray:
    """Share of the draws in which design i has less than design j, shape [n, n]; `values` of shape [d, n]."""
    return np.stack([(column[:, None] < values).mean(axis=0) for column in values.T])


def winning_shares(values: np.ndarray) -> np.ndarray:
    """Share of the draws in which each of n rivals has the least, shape [n]; a draw in which none is sound has none."""
    best = np.where(np.isfinite(values).any(axis=1), values.argmin(axis=1), -1)
    return (best[:, None] == np.arange(values.shape[1])).mean(axis=0)


def rank_correlations(factors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each constant with a quantity, shape [constants]; 0 where either does not vary.

    Draws in which the quantity is not finite are left out. Independent constants share the variance of the ranks by the
    squares.
    """
    usable = np.isfinite(values)
    found = np.zeros(factors.shape[1])
    if usable.sum() < 3 or np.ptp(values[usable]) == 0:
        return found
    ranks = scipy.stats.rankdata(values[usable])
    for at in np.flatnonzero(np.ptp(factors[usable], axis=0) > 0):
        found[at] = np.corrcoef(scipy.stats.rankdata(factors[usable, at]), ranks)[0, 1]
    return found
