"""Work queues: the non-zeros of a tile, dealt to PE rows by a schedule."""

import dataclasses

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import csr_array

from hwmodels.design.choices import SCHEDULES
from hwmodels.simulator.schedules import assign
from workloads.errors import InputError

Whole = Integer[np.ndarray, " n"]
Rows = Integer[np.ndarray, " rows"]


@dataclasses.dataclass(frozen=True)
class Queue:
    """What one PE row works off, in order: its rows of the tile, and the entries of these rows."""

    rows: Rows
    """Rows of the tile, empty ones included."""
    row: Whole
    """Of each entry."""
    column: Whole
    value: Float[np.ndarray, " n"]
    work: int
    """Load of the queue by the measure that the schedule was given."""


def row_work(tile: csr_array, steps: Whole | None = None) -> Rows:
    """Work of each row of a tile [h, w]: its non-zeros, or the cycles that these take, so many in each column [w]."""
    if steps is None:
        return np.diff(tile.indptr).astype(np.int64)
    return np.asarray((tile != 0).astype(np.int64) @ np.asarray(steps, np.int64))


def work_queues(tile: csr_array, pe_rows: int, schedule: str, work: Rows | None = None) -> list[Queue]:
    """One queue for each PE row. `work` of each row, by default its non-zeros; InputError for an unknown schedule."""
    if schedule not in SCHEDULES:
        raise InputError(f"schedule '{schedule}' is unknown; choose one of: {', '.join(SCHEDULES)}.")
    if pe_rows < 1:
        raise InputError(f"pe_rows is {pe_rows}; give the array at least one row of PEs.")
    tile = csr_array(tile)
    work = row_work(tile) if work is None else np.asarray(work, np.int64)
    part_of = assign(work, pe_rows, SCHEDULES.index(schedule))
    queues = []
    for part in range(pe_rows):
        rows = np.flatnonzero(part_of == part)
        mine = csr_array(tile[rows])
        row = np.repeat(rows, np.diff(mine.indptr))
        value = mine.data.astype(float)
        queues.append(Queue(rows, row, mine.indices.astype(np.int64), value, int(work[rows].sum())))
    return queues
