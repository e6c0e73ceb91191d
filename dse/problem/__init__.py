"""What is searched: a workload in a design space with objectives and limits, scored exactly in batches.

| module | what is in it |
|---|---|
| `search_problem` | `Problem`, `Scores` and whether designs fit, `make_problem` |
| `multi_workload` | one accelerator for several workloads; some of the kernels alone |
| `objectives` | objectives by name, limits |
| `batched_models` | many designs at once through the models, compiled once |
| `unpacking` | rows of numbers and weights as the models' hardware and mapping |
| `programs` | programs compiled in the background, each once |
| `costed_design` | a design with all its costs |
| `pareto` | the non-dominated, hypervolume, knee |
| `result` | what every strategy returns |
| `compile_cache` | compiled programs kept between runs |
"""
