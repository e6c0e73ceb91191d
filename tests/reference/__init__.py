"""Naive reference of `docs/machine.md`: walks real matrices visit by visit, row by row, entry by entry.

It shares no formula with the models. Each file is one section of the page: `tiles` (1), `storage` (2, 3), `schedule`
and `inside` (4), `output_traffic` (how results reach DRAM), `machine` (buses, memories, time and counts),
`kernels` (7, 8: SDDMM and element-wise kernels).
"""

from .design import RESOURCES, Design, Outcome
from .machine import run

__all__ = ["RESOURCES", "Design", "Outcome", "run"]
