"""Software's way to a design: multiply two matrices on it, whatever they are stored in, and learn what it cost.

done = accelerate(graph, features, read_design("front.json:7"))
done.result, done.cost.latency_s, done.message
"""

import dataclasses
from collections.abc import Mapping as Dictionary
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, issparse

from dse.mapper import (
    DENSE,
    Enumerated,
    MappedKernel,
    Pool,
    best_mappings,
    densified,
    first_that_fits,
    mapping_for_family,
    mapping_problem,
    merit_of,
    sparsity_pays,
)
from dse.problem.objectives import OBJECTIVES, Objective
from dse.problem.search_problem import Problem
from dse.space.design import Design
from dse.space.design_space import Value
from dse.space.encoding import Encoding
from hwmodels.cost import Cost
from hwmodels.design.hardware import make_mapping
from hwmodels.simulator import Simulation, simulate
from hwmodels.technology import Technology, make_technology, scenario
from workloads import SparseKernel, Workload
from workloads.errors import InputError


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
    remap: bool = False,
) -> Accelerated:
    """Z = A B on a design: convert, choose a mapping, schedule, simulate.

    **Arguments**: `a` [M, K] and `b` [K, N] or [K]: NumPy arrays, any SciPy sparse matrix or array, or JAX's BCOO or
    BCSR without batch and dense dimensions; a dense A is searched for zeros, a dense B is taken as it is. `objective`:
    name in `dse.OBJECTIVES`, what is to be small. `kernel`: whose mapping of the design is used (by default the best by
    the model). `remap`: take the best of all mappings that the hardware can run, as is done anyway where none of the
    design's fits the product. The mapping is compared, by the model, with the same one on dense operands (with the best
    dense one if all are tried); the better one is simulated. **Raises** `InputError` for operands that are no matrices
    or do not match, and where nothing fits the hardware.
    """
    technology = make_technology(scenario()) if technology is None else technology
    if objective not in OBJECTIVES:
        raise InputError(f"objective '{objective}' is unknown; choose one of: {', '.join(OBJECTIVES)}.")
    left, right = _sparse(_without_jax(a, "A"), "A"), _operand(_without_jax(b, "B"))
    vector = right.ndim == 1
    columns = 1 if vector else int(right.shape[1])
    if left.shape[1] != right.shape[0]:
        raise InputError(f"A is {left.shape[0]} x {left.shape[1]} but B has {right.shape[0]} rows; give B as many.")
    product = SparseKernel("product", left, right if issparse(right) else None, columns)
    problem = _problem_of(product, design, technology, objective)
    pool = [_on(design, mapping) for mapping in _known_mappings(design, product.family, kernel)]
    without = SparseKernel("product", left, None, columns)
    dense = problem if product.b is None else _problem_of(without, design, technology, objective)
    (found,) = best_mappings(problem, Pool(pool), objective)
    if remap or found is None:
        (found,) = best_mappings(problem, Enumerated(), objective)
        encoding = Encoding(dense.encoding.space.fix(**DENSE), dense.kernels, dense.encoding.units)
        (other,) = best_mappings(dense.changed(encoding=encoding), Enumerated(), objective)
    else:
        rivals = [_on(design, mapping) for mapping in densified(found.mapping, product.shape)]
        (other,) = best_mappings(dense, Pool(rivals), first_that_fits)
    runs_dense = not sparsity_pays(found, other, merit_of(objective))
    chosen = other if runs_dense else found
    if chosen is None:
        raise InputError("No mapping of the product fits the design; give one with larger buffers.")
    if runs_dense and issparse(right):
        right = right.toarray()
    simulation = simulate(design.build()[0], make_mapping(**chosen.mapping), left, right, technology)
    message = _message(found, other, runs_dense, OBJECTIVES[objective])
    return Accelerated(simulation.result, simulation, chosen.mapping, runs_dense, message)


def _problem_of(product: SparseKernel, design: Design, technology: Technology, objective: str) -> Problem:
    return mapping_problem(Workload("product", (product,)), design, technology, objectives=(objective,))


def _on(design: Design, mapping: Dictionary[str, Value]) -> Design:
    """The design's hardware with a mapping of the product."""
    return Design(design.hardware, (mapping,), ("product",))


def _known_mappings(design: Design, family: str, kernel: str | None) -> list[dict[str, Value]]:
    """The design's mappings, or that of one of its kernels, that can run a product."""
    own = dict(zip(design.kernels, design.mappings, strict=True))
    if kernel is not None:
        if kernel not in own:
            raise InputError(f"The design has no kernel '{kernel}'; choose one of: {', '.join(own)}.")
        own = {kernel: own[kernel]}
    return [able for mapping in own.values() if (able := mapping_for_family(mapping, family))]


def _value(run: MappedKernel, objective: Objective) -> float:
    totals = (np.atleast_1d(total) for total in (run.latency_s, run.energy_pj, run.area_mm2))
    return float(objective.value(*totals)[0])


def _message(found: MappedKernel | None, other: MappedKernel | None, runs_dense: bool, objective: Objective) -> str:
    if runs_dense and not found:
        return "Run dense: nothing compressed fits the hardware."
    if not found or not other:
        return "Run sparse: dense operands do not fit the hardware."
    name, unit = objective.name.rsplit("_", 1)
    values = f"{name} {_value(found, objective):.3g} {unit} sparse, {_value(other, objective):.3g} {unit} dense"
    if runs_dense:
        return f"Run dense, because sparsity does not pay: by the model, {values}."
    return f"Run sparse: by the model, {values}."


def _without_jax(matrix: Any, name: str) -> Any:
    """A sparse matrix of JAX's as SciPy's, less its padding, whose index equals the shape; anything else as it is."""
    from jax.experimental.sparse import BCOO, BCSR

    if isinstance(matrix, BCSR):
        matrix = matrix.to_bcoo()
    if not isinstance(matrix, BCOO):
        return matrix
    if matrix.n_batch or matrix.n_dense or matrix.ndim != 2:
        raise InputError(f"{name} is a BCOO with batch or dense dimensions; give a plain matrix.")
    index, data, shape = np.asarray(matrix.indices, np.int64), np.asarray(matrix.data), np.array(matrix.shape)
    padding = np.all(index == shape, axis=1)
    outside = np.any((index < 0) | (index >= shape), axis=1) & ~padding
    if outside.any():
        at = ", ".join(map(str, index[outside][0]))
        raise InputError(f"{name} has an entry at ({at}), outside its {shape[0]} x {shape[1]}; correct its indices.")
    index = index[~padding]
    return coo_array((data[~padding], (index[:, 0], index[:, 1])), shape=matrix.shape)


def _operand(b: Any) -> np.ndarray | csr_array:
    """B as a NumPy array, or as a sparse matrix if it is stored as one."""
    if issparse(b):
        return _sparse(b, "B")
    array = np.asarray(b)
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
        raise InputError(f"B has {array.ndim} dimensions of {array.dtype}; give a vector or matrix of real numbers.")
    return np.asarray(array, float)


def _sparse(matrix: Any, name: str) -> csr_array:
    """Any matrix as CSR of float64."""
    matrix = matrix if issparse(matrix) else np.asarray(matrix)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise InputError(f"{name} has {matrix.ndim} dimensions of {matrix.dtype}; give a matrix of real numbers.")
    return csr_array(matrix, dtype=float)
