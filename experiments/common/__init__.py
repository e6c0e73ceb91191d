"""What the scripts share.

| module | what is in it |
|---|---|
| `cli` | `main`: options to a config, a user's mistake to one sentence and exit status 2 |
| `interrupts` | Ctrl-C ends a script with one line and status 130, also while it imports |
| `options` | types of options: what a number may be, checked and told by `--help` |
| `progress` | whether progress bars are shown |
| `scenario` | the options for node, clock, DRAM and technology |
| `search` | workload, problem, strategy and a design to start from, from options |
| `output` | the output folder: whole files or none, provenance |
| `report`, `design_words`, `table` | designs with their costs as rows, designs and quantities in words, text tables |
| `slopes` | slopes beside finite changes, as rows and as text |
| `pe_count` | the best design at each number of PEs |
| `simulator_check` | the designs of a front scored again by the simulator |
| `random_designs` | designs for timing and for testing gradients |
| `simulator_rates` | effectual multiplies per second of the simulator, for the benchmark |
| `front` | what is said of a front: its designs, dense rivals, bounds, shares that hold |
| `figures` | how figures look, and those of a front, of PE counts and of a change |
| `published` | published figures of known systems, a predictor for each, their report |
| `validation` | the models against our simulator, those of others and sampled patterns |
| `certify` | the proven gap of a front, drawn and in words |
| `baselines`, `codesign`, `crossover`, `prune`, `sensitivity`, `sparsity` | parts of the scripts so named |
| `strategies`, `sweep` | parts of `compare_strategies` and of `sweep` |
"""
