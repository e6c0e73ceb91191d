"""Naive reference of `docs/machine.md`: walks real matrices visit by visit, row by row, entry by entry.

Every operand is in a storage object of the stated size, every port moves a word a cycle; it shares no formula with the
models.

| module | what is in it |
|---|---|
| `design` | a design in plain numbers, and what a run returns |
| `tiles` | section 1: tiles, the order of visits, stays |
| `storage` | sections 2 and 3: tiles really encoded, entries that are worked on |
| `stores` | stores, queues and their ports, which fail a walk that cannot be made |
| `schedule`, `placement` | section 4: rows to queues, columns to lanes, words of B |
| `places` | section 4: shares, groups of a pass, needs over capacity |
| `accumulators`, `pe`, `lanes_on_k` | what a PE is made of, and a pass of it |
| `array` | section 5: all PEs, visit by visit |
| `intersection`, `fibers` | section 5: units, and the inner product in which lanes walk fibers |
| `buses`, `output_traffic`, `accounting` | section 5: movement, DRAM, time and totals |
| `machine` | a product from end to end |
| `sddmm`, `elementwise` | sections 7 and 8 |
| `onnx_models` | models of the readers' tests, which are no part of the machine |
"""

from .design import RESOURCES, Design, Outcome
from .machine import run
from .stores import StorageError

__all__ = ["RESOURCES", "Design", "Outcome", "StorageError", "run"]
