"""What `pareto_front.py` says of a front.

| module | what is in it |
|---|---|
| `text` | the named designs with their dense rivals, the front as a whole, bounds it lies on, how far the search got |
| `shares` | shares of formats and bottlenecks as far as they hold over restarts of the search |
"""
