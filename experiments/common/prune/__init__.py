"""Networks pruned every way, and priced: the parts of `prune_and_price.py`.

| module | what is in it |
|---|---|
| `networks` | networks pruned to every level, trained on, rounded and measured |
| `machine_search` | the design that they are priced on, where none is given |
| `widths`, `widths_figure` | every pruned network at every width: its table and its figure |
| `price` | what a network costs on a design or a published machine |
| `points` | means over seeds, the front of accuracy and cost, its knee |
| `text` | tables and sentences |
| `figure` | the figure |
"""
