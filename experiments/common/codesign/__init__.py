"""Networks pruned under the price of a machine that moves with them: the parts of `codesign.py`.

| module | what is in it |
|---|---|
| `networks` | the networks of each arm |
| `judge` | each network on the best machine found for it |
| `points` | accuracy against energy-delay product, arms compared |
| `text` | tables and sentences |
| `figure` | the figure |
"""
