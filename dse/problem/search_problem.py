"""A search problem: workload, design space, technology, objectives and constraints; scored exactly, in batches."""

import contextlib
import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from dse.problem.batched_models import AREA, ENERGY, FIT, LATENCY, OUTSIDE, PHY, TINY, Batcher, Evaluate
from dse.problem.costed_design import Costed, total_cost
from dse.problem.objectives import Constraint, Objective, find_constraints, find_objectives
from dse.problem.result import Result
from dse.space.design import Design
from dse.space.design_space import DesignSpace
from dse.space.encoding import Batch, Encoding, KernelShape
from dse.space.scenario_memory import with_scenario_memory
from dse.space.staying import WHICH, staying_of
from hwmodels.analytical.evaluation import evaluate as template
from hwmodels.clock import CLOCK_PARTS, clock_limits_ghz
from hwmodels.cost import FITS, Cost, within_limit
from hwmodels.numerics import Numerics, Trend
from hwmodels.technology import Scenario
from workloads import as_workload, measure
from workloads.errors import InputError
from workloads.statistics.measurement import with_shared_shapes

LOOSE = 2.0
"""Times a limit up to which designs are kept while a search goes on."""
ALLOWS_CLOCK = {"logic": "a smaller node", "GLB bank": "more GLB banks, a smaller GLB or glb_cell=fast"}
"""Part that limits the clock -> what makes it faster."""
PREPARED = 64
"""Random designs that tell which programs a search needs."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Exact scores of n designs on a workload of K kernels. Designs that yield no finite number are infeasible."""

    objectives: np.ndarray
    """Shape [n, d]."""
    violation: np.ndarray
    """Shape [n]: log2 of how far limits are exceeded, added up; 0 for a feasible design."""
    latency_s: np.ndarray
    """Of all repeats of each kernel, shape [n, K]; energy likewise."""
    energy_pj: np.ndarray
    area_mm2: np.ndarray
    """That counts (`Problem.counts_phy`), shape [n]."""
    fits: np.ndarray
    """Need over capacity by kernel and `FITS`, shape [n, K, needs]."""

    @property
    def feasible(self) -> np.ndarray:
        """Mask of the designs that break no limit, shape [n]."""
        return self.violation == 0

    @property
    def kernel_fits(self) -> np.ndarray:
        """Mask of the kernels whose needs are met, shape [n, K]."""
        return within_limit(self.fits.max(axis=2))

    @property
    def design_fits(self) -> np.ndarray:
        """Mask of the designs on which all kernels' needs are met, shape [n]."""
        return self.kernel_fits.all(axis=1)

    def __len__(self) -> int:
        return len(self.violation)

    def take(self, rows: np.ndarray) -> "Scores":
        """Some of the designs."""
        return jax.tree.map(lambda leaf: leaf[rows], self)

    @staticmethod
    def join(scores: Sequence["Scores"]) -> "Scores":
        """Several sets of designs as one."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *scores)


jax.tree_util.register_dataclass(Scores, [field.name for field in dataclasses.fields(Scores)], [])


class Problem:
    """What every strategy is given. `evaluations` counts each (design, workload) pair ever evaluated, gradients twice
    (the forward pass and the pull back)."""

    def __init__(
        self,
        encoding: Encoding,
        statistics: Sequence[Any],
        technology: Any,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
        *,
        evaluate: Evaluate,
        workload: str,
        relaxed: Numerics | None = None,
        counts_phy: bool = False,
    ):
        """`counts_phy`: whether the DRAM's PHY is a part of the area, since designs differ in their DRAM."""
        statistics = _same_shapes([kernel.family for kernel in encoding.kernels], statistics)
        self.parts: dict[str, Any] = {
            "encoding": encoding,
            "statistics": statistics,
            "technology": technology,
            "objectives": objectives,
            "constraints": constraints,
            "evaluate": evaluate,
            "workload": workload,
            "relaxed": relaxed,
            "counts_phy": counts_phy,
        }
        """The constructor's arguments."""
        self.encoding, self.workload, self.technology = encoding, workload, technology
        self.statistics, self.kernels = statistics, encoding.kernels
        self.objectives, self.constraints = tuple(objectives), tuple(constraints)
        self.evaluations = 0
        self.evaluate, self.relaxed = evaluate, relaxed or Trend()
        self.repeats = np.array([kernel.repeats for kernel in self.kernels], float)
        self.counts_phy = counts_phy
        self.batcher = Batcher(
            evaluate, technology, self.kernels, statistics, relaxed=self.relaxed, counts_phy=counts_phy
        )

    means = 0
    """Of the objectives, how many at the end are only there to meet a limit."""
    limits: tuple[Constraint, ...] = ()
    """What designs have to meet in the end, where `constraints` are looser."""
    adds_up = True
    """Whether latency and energy of the workload are sums over its kernels."""

    def changed(self, **parts: Any) -> "Problem":
        """A problem like this one but for some of the constructor's arguments; compiled models are shared if they can
        be."""
        new = Problem(**self.parts | parts)
        of_batcher = {
            name: parts[name] for name in ("evaluate", "technology", "relaxed", "counts_phy") if name in parts
        }
        new.batcher = self.batcher.changed(kernels=new.kernels, statistics=new.statistics, **of_batcher)
        return new

    def with_limits_as_objectives(self) -> "Problem":
        """This problem with what its limits hold down as objectives after its own, `means` of them, and the limits
        `LOOSE` times as high; itself where it has none, or costs that do not add up over kernels. Models and their
        counts are shared as they are now.

        A search finds what lies at a limit by way of what lies far within it and what lies a little beyond. A limit of
        the die, which few designs meet only just, stays one.
        """
        loose = tuple(limit for limit in self.constraints if not limit.objective.of_die)
        if not loose or not self.adds_up:
            return self
        more = tuple(limit.objective for limit in loose if limit.objective not in self.objectives)
        wide = copy.copy(self)
        wide.objectives = (*self.objectives, *more)
        kept = tuple(limit for limit in self.constraints if limit not in loose)
        wide.constraints = (*(dataclasses.replace(one, maximum=LOOSE * one.maximum) for one in loose), *kept)
        wide.parts = self.parts | {"objectives": wide.objectives, "constraints": wide.constraints}
        wide.means, wide.limits = len(more), loose
        return wide

    def strictly(self, scores: Scores) -> Scores:
        """Scores without the objectives that are means; what breaks one of `limits` is infeasible."""
        if not self.limits:
            return scores
        names = [objective.name for objective in self.objectives]
        kept = [within_limit(scores.objectives[:, names.index(one.objective.name)], one.maximum) for one in self.limits]
        violation = np.where(np.all(kept, axis=0), scores.violation, np.inf)
        own = scores.objectives[:, : len(names) - self.means]
        return dataclasses.replace(scores, objectives=own, violation=violation)

    def within(
        self,
        space: DesignSpace,
        *,
        objectives: Sequence[str] | None = None,
        constraints: Mapping[str, float | int] | None = None,
    ) -> "Problem":
        """The same workload in another space, under other objectives or limits where they are given, as names.

        Units of hardware that was given are not kept: the space may be of another one.
        """
        encoding = Encoding(with_scenario_memory(space, self.technology), self.kernels, staying=self.encoding.staying)
        parts: dict[str, Any] = {"encoding": encoding, "counts_phy": self.counts_phy or encoding.memory_is_free}
        if objectives is not None:
            parts["objectives"] = find_objectives(objectives)
        if constraints is not None:
            parts["constraints"] = find_constraints(constraints)
        return self.changed(**parts)

    @property
    def families(self) -> tuple[str, ...]:
        """Family of each kernel."""
        return tuple(kernel.family for kernel in self.kernels)

    @property
    def objective_names(self) -> tuple[str, ...]:
        """Names in the order of the columns of `Scores.objectives`."""
        return tuple(objective.name for objective in self.objectives)

    def score(self, genomes: np.ndarray) -> Scores:
        """Exact scores of genomes, shape [n, genes]."""
        return self.score_batch(self.encoding.batch(genomes))

    def score_designs(self, designs: Sequence[Design]) -> Scores:
        """Exact scores of designs in words; they may lie off the lattice. InputError if one is not legal."""
        return self.score_batch(self._batch_of(designs))

    def design(self, genome: np.ndarray) -> Design:
        """A genome in words."""
        return self.encoding.design(genome)

    def designs(self, genomes: np.ndarray) -> list[Design]:
        """Genomes, such as those of a result, in words."""
        return [self.design(genome) for genome in genomes]

    def _batch_of(self, designs: Sequence[Design]) -> Batch:
        return self.encoding.batch_of([design.checked(self.families) for design in designs])

    def score_batch(self, batch: Batch) -> Scores:
        """Exact scores of designs as numbers, which are not checked."""
        self.evaluations += len(batch)
        return self.scores_of(self.batcher.values(batch))

    def mappings_alone(self, rows: np.ndarray) -> np.ndarray:
        """Outputs of each kernel's mapping by itself, on a machine that has only the units it needs: `Batcher.alone`
        of genomes, shape [n, K, OUTPUTS]. Counts as `score`."""
        self.evaluations += len(rows)
        return self.batcher.alone(self.encoding.batch(rows))

    def preparing(self, kinds: Sequence[str]) -> contextlib.AbstractContextManager[None]:
        """Compile in the background what some `KINDS` of calls need, for designs of each dataflow."""
        rows = self.encoding.random(np.random.default_rng(0), PREPARED)
        return self.batcher.preparing(self.encoding.batch(rows), kinds)

    def on_machines(self, outputs: np.ndarray, rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Outputs of `mappings_alone` on the hardware of genomes that have the capabilities of `bits`
        (`Encoding.unit_bits`), shape [n, ..., OUTPUTS]."""
        encoding = self.encoding
        flat = outputs.reshape(len(rows), int(np.prod(outputs.shape[1:-1])), outputs.shape[-1])
        return self.batcher.with_units(flat, encoding.batch(rows), encoding.units_of(rows, bits)).reshape(outputs.shape)

    def kernel_weights(self, costs: np.ndarray) -> np.ndarray:
        """What one run of each kernel weighs, so that latencies, or energies, of `costs`, shape [n, K], add up to 1."""
        return self.repeats / np.maximum(costs @ self.repeats, TINY)[:, None]

    def scores_of(self, outputs: np.ndarray) -> Scores:
        """Scores from the batcher's outputs, shape [n, K, OUTPUTS]."""
        latency = outputs[:, :, LATENCY] * self.repeats
        energy = outputs[:, :, ENERGY] * self.repeats
        area = outputs[:, :, AREA].max(axis=1)
        totals = (latency.sum(axis=1), energy.sum(axis=1), area)
        fits = outputs[:, :, FIT]
        with np.errstate(all="ignore"):
            objectives = np.stack([o.value(*totals) for o in self.objectives], axis=1)
            excess = [_excess(fits).sum(axis=(1, 2))]
            die = die_of(totals[1], area, outputs, self.repeats)
            excess += [_excess(c.objective.value(*totals, die) / c.maximum) for c in self.constraints]
            violation = np.sum(excess, axis=0)
            sound = np.isfinite(outputs).all(axis=(1, 2)) & np.all([total > 0 for total in totals], axis=0)
        violation = np.where(sound & np.isfinite(violation), violation, np.inf)
        return Scores(objectives, violation, latency, energy, area, fits)

    def detail(self, design: Design) -> tuple[list[Cost], Cost]:
        """Everything about one design: the `Cost` of one run of each kernel, and the workload's with all repeats."""
        costed = self.costed([design])[0]
        return costed.kernels, costed.total

    def costed(self, designs: Sequence[Design]) -> list[Costed]:
        """Designs with all their costs; does not count as evaluations."""
        costs_of_all = self.batcher.costs(self._batch_of(designs))
        return [
            Costed(design, costs, total_cost(costs, self.repeats), self.repeats, self.counts_phy)
            for design, costs in zip(designs, costs_of_all, strict=True)
        ]

    def clock_limits_ghz(self, design: Design) -> dict[str, float]:
        """Fastest clock of each part of a design that has one, by `hwmodels.clock.CLOCK_PARTS`."""
        found = clock_limits_ghz(design.build()[0], self.technology)
        return dict(zip(CLOCK_PARTS, map(float, found), strict=True))

    def clock_words(self, row: np.ndarray) -> str:
        """What limits the clock of a genome, and what to do about it."""
        limits = self.clock_limits_ghz(self.design(row))
        part, clock = min(limits, key=lambda name: limits[name]), float(self.technology.scenario.clock_ghz)
        return (
            f"the clock is {clock:g} GHz, but a {part} of no design allows more than {limits[part]:.3g} GHz; lower the "
            f"clock, or allow {ALLOWS_CLOCK[part]} in the design space."
        )

    def require_feasible(self, result: Result) -> Result:
        """The result, or an InputError that says which limit cannot be met and what was reached."""
        if len(result.genomes):
            return result
        raise InputError(self.explain_infeasible())

    def explain_infeasible(self, samples: int = 512, seed: int = 0) -> str:
        """One sentence: the limit that most random designs break, and the smallest value that a search for it finds."""
        rows = self.encoding.random(np.random.default_rng(seed), samples)
        self.evaluations += len(rows)
        outputs = self.batcher.values(self.encoding.batch(rows))
        scores = self.scores_of(outputs)
        fit = np.flatnonzero(scores.design_fits)
        fitting = scores.take(fit)
        if len(fitting) == 0:
            need = np.nanmin(scores.fits.max(axis=1), axis=0)
            worst = int(np.argmax(need))
            if FITS[worst] == "clock":
                return (
                    f"No design fits: {self.clock_words(rows[int(np.nanargmin(scores.fits[:, :, worst].max(axis=1)))])}"
                )
            mended = {"bus": "narrower buses or more PEs"}
            allowed = mended.get(FITS[worst], "larger buffers or smaller tiles")
            return (
                f"No design fits: the least {FITS[worst]} need found is {need[worst]:.3g} times its capacity; allow "
                f"{allowed} in the design space."
            )
        best = []
        for constraint in self.constraints:
            energy = fitting.energy_pj.sum(axis=1)
            die = die_of(energy, fitting.area_mm2, outputs[fit], self.repeats)
            values = constraint.objective.value(fitting.latency_s.sum(axis=1), energy, fitting.area_mm2, die)
            best.append((float(values.min()) / constraint.maximum, float(values.min()), constraint))
        if not best:
            return "No feasible design was found; raise the budget or widen the design space."
        ratio, value, constraint = max(best, key=lambda entry: entry[0])
        name, unit = constraint.objective.name, constraint.objective.unit
        if ratio <= 1:
            return (
                f"No design meets all constraints together ({', '.join(c.objective.name for c in self.constraints)}); "
                "relax one of them."
            )
        return (
            f"No design meets {name} <= {constraint.maximum:g} {unit}: the smallest found is {value:.3g} {unit}; raise "
            "the limit or widen the design space."
        )


def die_of(
    energy_pj: np.ndarray, area_mm2: np.ndarray, outputs: np.ndarray, repeats: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energy (pJ) and area (mm2) of the die of designs, by all that they take and the batcher's outputs, shape
    [n, K, OUTPUTS]."""
    return energy_pj - outputs[:, :, OUTSIDE] @ repeats, area_mm2 + outputs[:, 0, PHY]


def _excess(ratio: np.ndarray) -> np.ndarray:
    """log2 of need over capacity where that is above 1."""
    return np.where(within_limit(ratio), 0.0, np.where(np.isnan(ratio), np.inf, np.log2(np.maximum(ratio, 1.0))))


def make_problem(
    workload: Any,
    space: DesignSpace,
    technology: Any,
    *,
    objectives: Sequence[str] = ("latency_s", "energy_pj", "area_mm2"),
    constraints: Mapping[str, float | int] | None = None,
    statistics: Sequence[Any] | None = None,
    evaluate: Evaluate = template,
    stays: str = "nothing",
    progress: bool = False,
) -> Problem:
    """A problem for a workload, which is measured here unless its `statistics` (one per kernel) are given.

    **Arguments**: `workload`, a `workloads.Workload`, kernels, or names and paths (`workloads.as_workload`);
    `constraints`, maxima by name, of objectives or `power_density_w_mm2`, such as
    `{"area_mm2": 20.0, "power_w": 1.0}` (areas are without the DRAM's PHY, unless the DRAM is free): that every kernel
    fits its buffers is always required; `evaluate` replaces the model (a published machine's own rules); `stays`: what
    may stay in the global buffer as far as the workload's graph lets it, "nothing", "results" or "all", weights too.
    **Raises** `InputError` for what cannot be understood.
    """
    workload = as_workload(workload)
    if not isinstance(space, DesignSpace):
        raise InputError(f"The space is a {type(space).__name__}; give a DesignSpace, such as default_space().")
    if isinstance(technology, Scenario | DesignSpace | str | None):
        raise InputError(
            f"The technology is a {type(technology).__name__}; make one: make_technology(scenario(node_nm=16))."
        )
    if stays not in WHICH:
        raise InputError(f"stays is '{stays}'; choose one of: {', '.join(WHICH)}.")
    chosen, limits = find_objectives(objectives), find_constraints(constraints or {})
    kernels = [KernelShape(k.name, k.family, int(k.m), int(k.k), int(k.n), float(k.repeats)) for k in workload.kernels]
    measured = _measure(workload.kernels, progress) if statistics is None else list(statistics)
    staying = staying_of(workload, measured, stays)
    encoding = Encoding(with_scenario_memory(space, technology), kernels, staying=staying)
    return Problem(
        encoding,
        measured,
        technology,
        chosen,
        limits,
        evaluate=evaluate,
        workload=workload.name,
        counts_phy=encoding.memory_is_free,
    )


def _measure(kernels: Sequence[Any], progress: bool) -> list[Any]:
    """Statistics of each kernel."""
    return [measure(kernel) for kernel in tqdm(kernels, desc="measuring kernels", disable=not progress)]


def _same_shapes(families: Sequence[str], statistics: Sequence[Any]) -> list[Any]:
    """Statistics padded so that a family, of most workloads, shares one shape and so one compiled function."""
    tables: list[Any] = list(statistics)
    for family in set(families):
        at = [index for index, name in enumerate(families) if name == family]
        for index, padded in zip(at, with_shared_shapes([statistics[i] for i in at]), strict=True):
            tables[index] = padded
    return tables
