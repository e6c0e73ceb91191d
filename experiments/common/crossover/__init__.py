"""Machines against the density of what they run: the parts of `sparsity_crossover.py`.

| module | what is in it |
|---|---|
| `patterns` | one matrix at many densities |
| `machines` | the hardware of each kind of machine, mapped at each density |
| `curves` | latency and energy against density, and where they cross |
| `text` | tables and sentences |
| `figure` | the figure |
"""
