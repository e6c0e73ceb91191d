"""What `compare_strategies.py` compares, and how.

| module | what is in it |
|---|---|
| `spaces` | the spaces that are searched, and what is known of their fronts |
| `runs` | every strategy run for every budget and seed; what they reach in a number of seconds |
| `bars` | what must hold, and where it does not |
| `comparison` | tables in words |
| `figure` | hypervolume against evaluations and seconds |
"""
