"""Which design is best: design spaces, objectives, search strategies, fronts, sensitivities and saved results.

The usual run is five lines:

    problem = make_problem(workload, default_space(workload), technology, objectives=("latency_s", "energy_pj"))
    result = Gradient()(problem, budget=20_000, seed=0, progress=True)
    write_front("front.json", problem, result, created_by="explore.py")
    design = read_design("front.json:7")          # row 7 of the front; rows count from 0
    costs, total = problem.detail(design)         # one `Cost` per kernel, and the workload's

`space`: what may be chosen

- `Parameter(name, values, scope, unit, scale, source)`; `DesignSpace(parameters, per_kernel)` with `.fix(pe_rows=12)`;
  `default_space(workload=None)`, bounds cited from published accelerators, wider where the workload can use more;
  `read_space(path)` (TOML);
  `parse_fixes(["pe_rows=12", "conv1.tile_m=64"])`, a dictionary for `space.fix(**fixes)`
- `Design(hardware, mappings, kernels)`, a design in words, with `.build() -> (Hardware, [Mapping])`;
  `describe(design) -> {name: value}`, one flat row of a table;
  `design.with_(index_bus_bits=64, a_format="csr", **{"conv1.tile_m": 64})`, checked changes by name; from a command
  line `change_design(design, families, parse_changes(["index_bus_bits=64", "conv1.a_format=csr"]))`
- `Encoding(space, kernels)`: designs as rows of integers (genomes) and back

`problem`: what is searched

- `make_problem(workload, space, technology, *, objectives, constraints={"area_mm2": 20.0}, statistics=None,
  evaluate=hwmodels.evaluate, progress=False) -> Problem`; `problem.score(genomes) -> Scores`,
  `.score_designs([Design]) -> Scores`, `.detail(design) -> ([Cost], Cost)`, `.costed([Design]) -> [Costed]`,
  `.design(genome) -> Design`, `.within(space, objectives=...)`, `.evaluations`, `.require_feasible(result)`
- `OBJECTIVES` by name (`latency_s energy_pj area_mm2 power_w edp_js ed2p_js2 eadp_jsmm2`); `Constraint`
- `nondominated(objectives) -> mask`, `Box.of(reference_front)`, `hypervolume(objectives, box)`, `knee(front) -> row`;
  `worth_their_price(objectives) -> mask`, without designs that pay much for almost nothing
- `Result(genomes, objectives, evaluations, seconds, strategy, seed, trace, replayed)`, a front;
  `problem.designs(result.genomes)` in words; `trace` is `((evaluations, objectives of the front so far), ...)`
- `MultiProblem(problem, {"graphs": [0, 1], "layers": [2]})`, one accelerator for several workloads by their geometric
  mean or worst case; `alone`, `restricted`, `regret`: against each workload's own optimum
- compiled programs are kept between runs in the user's cache, unless `SPARSE_DSE_CACHE=off`;
  `enable_compile_cache(folder)` keeps them elsewhere

`mapper`: the best mapping on hardware that is given

- `best_mappings(mapping_problem(workload, design, technology), Enumerated(), "edp_js") -> [MappedKernel]`, one for each
  kernel; `mapping_fronts(...)`, its front in latency and energy; candidates are all mappings (`Enumerated()`), of
  which the best is proven (`Enumerated().reports(problem) -> [MapperReport]`), or known ones (`Pool(designs)`)

`strategies`: ways to search

- `Gradient()`, `RandomSearch()`, `Evolutionary()`, `Exhaustive()`, all called alike:
  `strategy(problem, *, budget, seed=0, progress=False, checkpoint=None) -> Result`

`files`: what is kept on disk

- `write_front(path, problem, result, *, created_by)`, `write_design(path, problem, design, *, created_by)`;
  `read_front(path) -> DesignFile`, `read_design("front.json:7") -> Design`
- what `checkpoint=PATH` does: a search that was killed goes on where it was and ends with the same front; `OtherSearch`
  where the file is of another search; `resume(strategy, problem, path, *, budget, seed, progress)` then begins anew

`analysis`: what a front is worth

- `upper_bound(problem) -> Bound`, points that no design gets beyond, for spaces too large to enumerate;
  `certify(problem, scores, seconds=600) -> Certificate`, the same for any space, with a proven gap that falls
- `find_dense_rivals(problem, designs, search) -> [DenseRival | None]`, the dense accelerators beside sparse ones,
  of equal area; `dense_space(space)`
- `at_bounds(encoding, genomes) -> [AtBound]`: numbers along a front that lie on their bounds
- `elasticities(problem, design, *, temperature=0.05) -> {parameter: {objective: d log / d log}}`;
  `finite_changes(problem, design, *, objective="edp_js") -> FiniteChanges`: each number halved and doubled, mappings
  held and chosen anew; `.below`, `.above`, `.tuned`, `.misleading(slopes)`
- `draw_factors(constants_table(), 4096)`, `CountedDesigns(problem, designs).under(names, factors) -> Outcomes`: designs
  under thousands of draws of the technology's constants; `front_shares`, `beaten_shares`, `winning_shares`,
  `rank_correlations` say which conclusions survive, and which constants they hang on

`search_grid`, `accelerated_product`, `codesign`

- `sweep(grid({name: (workload, space, technology)}, strategy, budget=...), folder=PATH, executor=None | "devices" | a
  Dask client or address) -> [SearchOutcome]`, many searches, each resumed if interrupted
- `accelerate(a, b, design) -> Accelerated`, a product of NumPy, SciPy or JAX matrices simulated on a design, dense
  where the model says that sparsity does not pay
- `Companions(problem, tables, n, strategy=..., budget=...)`, machines that move along while n networks are pruned under
  their price: `.step(counts)`, `.settle(counts)`, `.designs()`

Everything a user can get wrong raises `workloads.errors.InputError` with one sentence that says how to fix it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
