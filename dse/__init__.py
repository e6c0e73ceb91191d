"""Which design is best: design spaces, objectives, search strategies, fronts, sensitivities and saved results.

The usual run is five lines:

    problem = make_problem(workload, default_space(), technology, objectives=("latency_s", "energy_pj", "area_mm2"))
    result = Gradient()(problem, budget=20_000, seed=0, progress=True)
    write_front("front.json", problem, result, created_by="explore.py")
    design = read_design("front.json:7")          # row 7 of the front; rows count from 0
    costs, total = problem.detail(design)         # one `Cost` per kernel, and the workload's

`space`: what may be chosen

- `Parameter(name, values, scope, unit, scale, source)`; `DesignSpace(parameters, per_kernel)` with `.fix(pe_rows=12)`;
  `default_space()`, bounds cited from published accelerators; `read_space(path)` (TOML);
  `parse_fixes(["pe_rows=12", "conv1.tile_m=64"])`, a dictionary for `space.fix(**fixes)`
- `Design(hardware, mappings, kernels)`, a design in words, with `.build() -> (Hardware, [Mapping])`;
  `describe(design) -> {name: value}`, one flat row of a table;
  `change_design(design, families, parse_changes(["index_bus_bits=64", "conv1.a_format=csr"]))`
- `Encoding(space, kernels)`: designs as rows of integers (genomes) and back

`problem`: what is searched

- `make_problem(workload, space, technology, *, objectives, constraints={"area_mm2": 20.0}, statistics=None,
  evaluate=hwmodels.evaluate, progress=False) -> Problem`; `problem.score(genomes) -> Scores`,
  `.score_designs([Design]) -> Scores`, `.detail(design) -> ([Cost], Cost)`, `.costed([Design]) -> [Costed]`,
  `.design(genome) -> Design`, `.within(space, objectives=...)`, `.evaluations`, `.require_feasible(result)`
- `OBJECTIVES` by name (`latency_s energy_pj area_mm2 power_w edp_js ed2p_js2 eadp_jsmm2`); `Constraint`
- `nondominated(objectives) -> mask`, `Box.of(reference_front)`, `hypervolume(objectives, box)`, `knee(front) -> row`
- `Result(genomes, objectives, evaluations, seconds, strategy, seed, trace, replayed)`, a front;
  `problem.designs(result.genomes)` in words; `trace` is `((evaluations, objectives of the front so far), ...)`
- `MultiProblem(problem, {"graphs": [0, 1], "layers": [2]})`, one accelerator for several workloads by their geometric
  mean or worst case; `alone`, `restricted`, `regret`: against each workload's own optimum
- `enable_compile_cache(folder=None) -> Path`, keeps compiled programs between runs; scripts call it, nothing else

`mapper`: the best mapping on hardware that is given

- `best_mappings(mapping_problem(workload, design, technology), Enumerated(), "edp_js") -> [MappedKernel]`, one for each
  kernel; `mapping_fronts(...)`, its front in latency and energy; candidates are all mappings (`Enumerated()`), a
  search's (`Searched(budget)`) or known ones (`Pool(designs)`)

`strategies`: ways to search

- `Gradient()`, `RandomSearch()`, `Evolutionary()`, `Exhaustive()`, all called alike:
  `strategy(problem, *, budget, seed=0, progress=False, checkpoint=None) -> Result`

`files`: what is kept on disk

- `write_front(path, problem, result, *, created_by)`, `write_design(path, problem, design, *, created_by)`;
  `read_front(path) -> DesignFile`, `read_design("front.json:7") -> Design`
- what `checkpoint=PATH` does: a search that was killed goes on where it was and ends with the same front; `OtherSearch`
  where the file is of another search; `resume(strategy, problem, path, *, budget, seed, progress)` then begins anew

`analysis`: what a front is worth

- `upper_bound(problem) -> Bound`, points that no design gets beyond, for spaces too large to enumerate
- `dense_space(space)`, `equal_area(area, points) -> row`: the dense accelerator beside a sparse one
- `elasticities(problem, design, *, temperature=0.05) -> {parameter: {objective: d log / d log}}`;
  `finite_changes(problem, design, *, objective="edp_js") -> FiniteChanges`: each number halved and doubled, mappings
  held and chosen anew; `.below`, `.above`, `.tuned`, `.misleading(slopes)`
- `draw_factors(constants_table(), 4096)`, `CountedDesigns(problem, designs).under(names, factors) -> Outcomes`: designs
  under thousands of draws of the technology's constants; `front_shares`, `beaten_shares`, `winning_shares`,
  `rank_correlations` say which conclusions survive, and which constants they hang on

`search_grid`, `accelerated_product`, `codesign`

- `sweep(grid(workloads, spaces, technology, strategy, budget=...), folder=PATH, executor=None | "devices" | a Dask
  client or address) -> [SearchOutcome]`, many searches, each resumed if interrupted
- `accelerate(a, b, design) -> Accelerated`, a product of NumPy, SciPy or JAX matrices simulated on a design, dense
  where the model says that sparsity does not pay
- `Companions(problem, tables, n, strategy=..., budget=...)`, machines that move along while n networks are pruned under
  their price: `.step(counts)`, `.settle(counts)`, `.designs()`

Everything a user can get wrong raises `workloads.errors.InputError` with one sentence that says how to fix it.
"""

from dse.accelerated_product import Accelerated, accelerate
from dse.analysis.dense_rival import dense_space, equal_area
from dse.analysis.front_bound import Bound, upper_bound
from dse.analysis.robustness import (
    CountedDesigns,
    Outcomes,
    beaten_shares,
    draw_factors,
    front_shares,
    rank_correlations,
    uncertainty,
    winning_shares,
)
from dse.analysis.sensitivity import FiniteChange, FiniteChanges, elasticities, finite_changes
from dse.codesign import Companions
from dse.files.checkpoint import resume
from dse.files.design_file import write_design, write_front
from dse.files.design_reader import DesignFile, read_design, read_front
from dse.files.journal import OtherSearch
from dse.mapper import (
    Enumerated,
    MappedKernel,
    Pool,
    Searched,
    best_mappings,
    mapping_fronts,
    mapping_problem,
)
from dse.problem.compile_cache import enable_compile_cache
from dse.problem.costed_design import Costed
from dse.problem.multi_workload import MultiProblem, alone, regret, restricted, workload_objectives
from dse.problem.objectives import OBJECTIVES, Constraint, Objective
from dse.problem.pareto import Box, hypervolume, knee, nondominated
from dse.problem.result import Result
from dse.problem.search_problem import Problem, Scores, make_problem
from dse.search_grid import SearchOutcome, SearchTask, grid, sweep
from dse.space.changes import change_design, parse_changes
from dse.space.defaults import default_space
from dse.space.design import Design, describe
from dse.space.design_space import DesignSpace, Parameter, parse_fixes
from dse.space.encoding import Encoding
from dse.space.space_file import read_space
from dse.strategies import Evolutionary, Exhaustive, Gradient, RandomSearch, Strategy

__all__ = [
    "OBJECTIVES",
    "Accelerated",
    "Bound",
    "Box",
    "Companions",
    "Constraint",
    "Costed",
    "CountedDesigns",
    "Design",
    "DesignFile",
    "DesignSpace",
    "Encoding",
    "Enumerated",
    "Evolutionary",
    "Exhaustive",
    "FiniteChange",
    "FiniteChanges",
    "Gradient",
    "MappedKernel",
    "MultiProblem",
    "Objective",
    "OtherSearch",
    "Outcomes",
    "Parameter",
    "Pool",
    "Problem",
    "RandomSearch",
    "Result",
    "Scores",
    "SearchOutcome",
    "SearchTask",
    "Searched",
    "Strategy",
    "accelerate",
    "alone",
    "beaten_shares",
    "best_mappings",
    "change_design",
    "default_space",
    "dense_space",
    "describe",
    "draw_factors",
    "elasticities",
    "enable_compile_cache",
    "equal_area",
    "finite_changes",
    "front_shares",
    "grid",
    "hypervolume",
    "knee",
    "make_problem",
    "mapping_fronts",
    "mapping_problem",
    "nondominated",
    "parse_changes",
    "parse_fixes",
    "rank_correlations",
    "read_design",
    "read_front",
    "read_space",
    "regret",
    "restricted",
    "resume",
    "sweep",
    "uncertainty",
    "upper_bound",
    "winning_shares",
    "workload_objectives",
    "write_design",
    "write_front",
]
