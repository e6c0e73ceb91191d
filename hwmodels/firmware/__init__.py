"""Firmware: which PE works on which rows of a tile, and the queue of entries that each of them is given.

| module | what is in it |
|---|---|
| `schedules` | compiled: `assign(work, parts, schedule)`, the part that each item goes to |
| `queues` | `row_work(...)`, `work_queues(...)`: a tile's non-zeros as one queue for each PE row |
"""

from hwmodels.firmware.queues import Queue, row_work, work_queues

__all__ = ["Queue", "row_work", "work_queues"]
