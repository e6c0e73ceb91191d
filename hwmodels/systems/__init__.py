"""Machines people know, each by the parameters of its paper, behind the same `Cost` as the designs of this project.

A system is given a `Work` (the totals of one product, and its pattern where it is at hand) and answers with a `Cost`.
What a model cannot express is in its `limits`.

| module | what is in it |
|---|---|
| `work` | `Work`, `work_of(kernel)`, `uniform_work(m, k, n, a_density, b_density)` |
| `system` | `System`, and `cost_of`, which makes a `Cost` of totals |
"""

from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work, uniform_work, work_of

__all__ = ["System", "Work", "cost_of", "uniform_work", "work_of"]
