"""The scripts that users run, one question each; nothing imports them but their tests.

| script | question |
|---|---|
| `pareto_front.py` | which accelerators are worth building for these matrices? Writes the front that the others read |
| `sweep.py` | what differs between workloads, spaces, nodes and DRAMs, and is it more than what seeds differ by? |
| `sparsity_report.py` | what sparsity is there, of which kind, and what is it worth? |
| `prune_and_price.py` | what does each way of pruning cost in accuracy, and save in energy and time? |
| `codesign.py` | what does it gain to prune a network under the price of a machine that moves with it? |
| `tune_pe_count.py` | how many PEs, and what stops more of them from helping? |
| `what_if.py` | what changes if this design gets a wider bus or another format, and what is it most sensitive to? |
| `compare_strategies.py` | how much of a certified front do the searches find, and how soon? |
| `sensitivity.py` | which conclusions survive doubt about constants; what does one design for several workloads cost? |
| `validate_gradients.py` | are the gradients finite, equal to finite differences, and worth following? |
| `validate_mapper.py` | is the mapper's best mapping the best there is, and how long does it take to know? |
| `validate_models.py` | do the models say what our simulator and those of others say? |
| `validate_densities.py` | do densities in closed form fill the tables as sampled patterns do? |
| `validate_published.py` | do the models of known machines say what was published of them? |
| `baselines.py` | is it worth it against the CPU, a GPU and published machines, and who reaches 1/70 of the energy? |
| `sparsity_crossover.py` | from which density on does sparsity pay, and what does a zero cost? |
| `validate_resume.py` | does a search that is killed go on to the same front? |
| `benchmark.py` | how fast are the models, their gradients and the statistics? |
| `train_digits.py` | makes the pruned classifier of the embedded workload |

Each runs as `python experiments/x.py` or `python -m experiments.x`, tells its options with `--help`, runs in seconds
with `--smoke`, and writes its tables, figures and `provenance.json` to `--out`. What they share is in `common`, with a
folder for each script whose parts need more than a file.
"""
