"""Software's way to a design: multiply two matrices on it, whatever they are stored in, and learn what it cost.

done = accelerate(graph, features, read_design("front.json:7"))
done.result, done.cost.latency_s, done.message
"""

import dataclasses
from collections.abc import Mapping as Dictionary
from typing import Any

import numpy as np
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import coo_array, csr_array, issparse

from dse.problem.objectives import OBJECTIVES
from dse.problem.search_problem import make_problem
from dse.space.defaults import default_space
from dse.space.design import Design
from dse.space.design_space import Value
from dse.strategies import RandomSearch
from hwmodels.analytical.evaluation import evaluate
from hwmodels.cost import Cost, within_limit
from hwmodels.design.choices import DATAFLOWS, FORMATS, SCHEDULES, ZERO_MODES
from hwmodels.design.hardware import HARDWARE_NUMBERS, Hardware, make_mapping
from hwmodels.design.legality import illegality
from hwmodels.simulator import Simulation, simulate
from hwmodels.technology import Technology, make_technology, scenario
from workloads import SparseKernel, Workload, measure
from workloads.errors import InputError

ROUNDING = 1e-5
"""Relative gain of a sparse run that float32 may cause; dense is simpler and wins a tie."""
DENSE = {"a_format": "dense", "a_zero": "compute", "b_format": "dense", "b_zero": "compute"}
CAPABILITIES = {
    "dataflow": ("dataflows", DATAFLOWS),
    "a_format": ("a_formats", FORMATS),
    "b_format": ("b_formats", FORMATS),
    "a_zero": ("a_zero_modes", ZERO_MODES),
    "b_zero": ("b_zero_modes", ZERO_MODES),
    "schedule": ("schedules", SCHEDULES),
}
"""Choice of a mapping -> what of it the hardware can do, and all names."""


@dataclasses.dataclass(frozen=True)
class Accelerated:
    """A product, and what it took."""

    result: Any
    """Z: a NumPy array [M, N] ([M] if B was a vector) where B is or was run dense, else a `csr_array`."""
    simulation: Simulation
    mapping: Dictionary[str, Value]
    """How it was run."""
    dense: bool
    """Whether it was run dense, because the model said that sparsity does not pay."""
    message: str
    """One sentence: how it was run, and by the model what the other way would have taken."""

    @property
    def cost(self) -> Cost:
        """Simulated cost."""
        return self.simulation.cost


def accelerate(
    a: Any,
    b: Any,
    design: Design,
    *,
    technology: Technology | None = None,
    objective: str = "latency_s",
    kernel: str | None = None,
    budget: int = 0,
    seed: int = 0,
) -> Accelerated:
    """Z = A B on a design: convert, choose a mapping, schedule, simulate.

    **Arguments**: `a` [M, K] and `b` [K, N] or [K]: NumPy arrays, any SciPy sparse matrix or array, or JAX's BCOO or
    BCSR without batch and dense dimensions; a dense A is searched for zeros, a dense B is taken as it is. `objective`:
    name in `dse.OBJECTIVES`, what is to be small. `kernel`: whose mapping of the design is used (by default the best by
    the model). `budget`: if above 0, or where no mapping of the design can run the product, mappings are searched on
    the design's hardware with so many evaluations (at least 256). The best mapping is compared, by the model, with the
    same one on dense operands; the better one is simulated. **Raises** `InputError` for operands that are no matrices
    or do not match, and where nothing fits the hardware.
    """
    technology = make_technology(scenario()) if technology is None else technology
    if objective not in OBJECTIVES:
        raise InputError(f"objective '{objective}' is unknown; choose one of: {', '.join(OBJECTIVES)}.")
    left = _sparse(a, "A")
    right = _operand(b)
    vector = right.ndim == 1
    columns = 1 if vector else int(right.shape[1])
    if left.shape[1] != right.shape[0]:
        raise InputError(f"A is {left.shape[0]} x {left.shape[1]} but B has {right.shape[0]} rows; give B as many.")
    product = SparseKernel("product", left, right if issparse(right) else None, columns)
    chooser = _Chooser(design, technology, objective)
    found = chooser.best(product, chooser.mappings(product, kernel, budget, seed))
    rival = product if product.b is None else SparseKernel("product", left, None, columns)
    other = chooser.dense(rival, found[1] if found else dict(design.mappings[0]))
    pays = bool(found) and (not other or found[0] < other[0] * (1 - ROUNDING))
    chosen, runs_dense = (found, False) if pays else (other, True)
    if not chosen:
        raise InputError("The product fits no mapping of the design; give mappings with smaller tiles, or a budget.")
    if runs_dense and issparse(right):
        right = right.toarray()
    simulation = simulate(chooser.hardware, make_mapping(**chosen[1]), left, right, technology)
    message = _message(found, other, runs_dense, objective)
    return Accelerated(simulation.result, simulation, chosen[1], runs_dense, message)


Scored = tuple[float, dict[str, Any]]
"""Objective by the model, and the mapping."""


class _Chooser:
    """Scores mappings of one hardware by the model."""

    def __init__(self, design: Design, technology: Technology, objective: str):
        self.design, self.technology, self.objective = design, technology, OBJECTIVES[objective]
        self.hardware: Hardware = design.build()[0]

    def score(self, statistics: Any, mapping: dict[str, Any]) -> Scored | None:
        """A mapping and its objective; None if it does not fit."""
        cost = evaluate(self.hardware, make_mapping(**mapping), statistics, self.technology)
        if not within_limit(np.max(cost.fits)):
            return None
        totals = (cost.latency_s, cost.energy_pj.sum(), cost.area_mm2.sum())
        return float(self.objective.value(*(np.atleast_1d(np.asarray(total, float)) for total in totals))[0]), mapping

    def best(self, kernel: SparseKernel, mappings: list[dict[str, Any]]) -> Scored | None:
        """The best mapping that fits; None if none does."""
        statistics = measure(kernel)
        scored = [found for mapping in mappings if (found := self.score(statistics, mapping))]
        return min(scored, key=lambda entry: entry[0], default=None)

    def dense(self, kernel: SparseKernel, start: dict[str, Any]) -> Scored | None:
        """A mapping on dense operands, with its largest tile halved until all fits; None if nothing does."""
        statistics = measure(kernel)
        sizes = dict(zip(("tile_m", "tile_k", "tile_n"), kernel.shape, strict=True))
        mapping = {**start, **DENSE} | {name: min(float(start[name]), float(size)) for name, size in sizes.items()}
        while not (found := self.score(statistics, mapping)):
            largest = max(sizes, key=lambda name: mapping[name])
            if mapping[largest] == 1:
                return None
            mapping = {**mapping, largest: float(-(-mapping[largest] // 2))}
        return found

    def mappings(self, product: SparseKernel, kernel: str | None, budget: int, seed: int) -> list[dict[str, Any]]:
        """The design's mappings that can run a product, or those that a search finds."""
        own = dict(zip(self.design.kernels, self.design.mappings, strict=True))
        if kernel is not None:
            if kernel not in own:
                raise InputError(f"The design has no kernel '{kernel}'; choose one of: {', '.join(own)}.")
            own = {kernel: own[kernel]}
        legal = [_for_family(dict(mapping), product.family) for mapping in own.values()]
        legal = [mapping for mapping in legal if mapping]
        if legal and not budget:
            return legal
        return legal + self._searched(product, max(budget, 256), seed)

    def _searched(self, product: SparseKernel, budget: int, seed: int) -> list[dict[str, Any]]:
        able = {}
        for choice, (capability, names) in CAPABILITIES.items():
            has = np.asarray(getattr(self.hardware, capability)) > 0
            able[choice] = [name for name, one in zip(names, has, strict=True) if one or name in DENSE.values()]
        numbers = {name: float(self.design.hardware[name]) for name in HARDWARE_NUMBERS}
        space = default_space().fix(**numbers, **able, intersection=self.design.hardware["intersection"])
        problem = make_problem(
            Workload("product", (product,)), space, self.technology, objectives=(self.objective.name,)
        )
        result = RandomSearch()(problem, budget=budget, seed=seed)
        return [dict(design.mappings[0]) for design in problem.designs(result.genomes)]


def _for_family(mapping: dict[str, Any], family: str) -> dict[str, Any] | None:
    """The mapping as a kernel of a family can run it, None if it cannot; a dense B is stored dense and computed."""
    if family == "dense_b":
        mapping |= {"b_format": "dense", "b_zero": "compute"}
    words = {name: value for name, value in mapping.items() if isinstance(value, str)}
    return None if illegality(words, family) else mapping


def _message(found: Scored | None, other: Scored | None, runs_dense: bool, objective: str) -> str:
    name, unit = objective.rsplit("_", 1)
    if runs_dense and not found:
        return "Run dense: nothing compressed fits the hardware."
    if not found or not other:
        return "Run sparse: dense operands do not fit the hardware."
    values = f"{name} {found[0]:.3g} {unit} sparse, {other[0]:.3g} {unit} dense"
    if runs_dense:
        return f"Run dense, because sparsity does not pay: by the model, {values}."
    return f"Run sparse: by the model, {values}."


def _operand(b: Any) -> np.ndarray | csr_array:
    """B as a NumPy array, or as a sparse matrix if it is stored as one."""
    if issparse(b) or isinstance(b, BCOO | BCSR):
        return _sparse(b, "B")
    array = np.asarray(b)
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
        raise InputError(f"B has {array.ndim} dimensions of {array.dtype}; give a vector or matrix of real numbers.")
    return np.asarray(array, float)


def _sparse(matrix: Any, name: str) -> csr_array:
    """Any matrix as CSR of float64, without the padding of JAX's formats."""
    if isinstance(matrix, BCSR):
        matrix = matrix.to_bcoo()
    if isinstance(matrix, BCOO):
        if matrix.n_batch or matrix.n_dense or matrix.ndim != 2:
            raise InputError(f"{name} is a BCOO with batch or dense dimensions; give a plain matrix.")
        index, data = np.asarray(matrix.indices), np.asarray(matrix.data, float)
        inside = np.all(index < np.array(matrix.shape), axis=1)
        index = index[inside]
        matrix = coo_array((data[inside], (index[:, 0], index[:, 1])), shape=matrix.shape)
    elif not issparse(matrix):
        array = np.asarray(matrix)
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise InputError(f"{name} has {array.ndim} dimensions of {array.dtype}; give a matrix of real numbers.")
        matrix = array.astype(float)
    return csr_array(matrix, dtype=float)
