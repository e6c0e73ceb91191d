"""Many searches side by side: the parts of `sweep.py`.

| module | what is in it |
|---|---|
| `choices` | workloads, spaces and scenarios by label, from options |
| `cases` | what the seeds found for one workload, space and scenario, and how far they agree |
| `comparison` | the cases of a workload against each other, at one area |
| `text` | tables in print and in files |
| `figure`, `balanced` | fronts and what differs; the balanced designs side by side |
"""
