"""Figures of several scripts, and how all of them look.

| module | what is in it |
|---|---|
| `style` | colours, an empty figure, logarithmic axes with units |
| `front` | a front: energy against latency, formats and bottlenecks |
| `pe_count` | a sweep over the number of PEs |
| `what_if` | a change: components before and after, slopes and finite changes |
"""
