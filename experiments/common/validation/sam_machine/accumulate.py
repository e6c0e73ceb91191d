"""Sparse accumulators: coordinate points are summed in a scratchpad and leave in order, as streams with stops again.

They take one point (outer coordinate, inner coordinate, value) a cycle, without stops. The vector accumulator writes a
row out when the outer coordinate changes, while it takes the next points; the matrix accumulator writes everything out
after the last point. A converter behind them puts the stops back: one cycle more for each new row, and one at the end.
"""

from typing import no_type_check

import numpy as np

from experiments.common.validation.sam_machine.blocks import in_step
from experiments.common.validation.sam_machine.streams import Stream
from workloads.cache.machine_code import compiled


def accumulate_rows(outer: Stream, inner: Stream, values: Stream) -> tuple[int, int]:
    """Cycle in which `DONE` leaves the vector accumulator, and how many cycles it was at work. Points [n + 1] each."""
    taken = in_step(outer.cycle, inner.cycle, values.cycle)
    row, cycle = _rows_out(outer.token[:-1], inner.token[:-1], taken)
    done, written = _finish(row, cycle, int(taken[-1]))
    return done, max(len(taken), written)


def accumulate_all(outer: Stream, inner: Stream, values: Stream) -> tuple[int, int]:
    """Cycle in which `DONE` leaves the matrix accumulator, and how many cycles it was at work. Points [n + 1] each."""
    taken = in_step(outer.cycle, inner.cycle, values.cycle)
    width = inner.token.max(initial=0) + 1
    row = np.unique(outer.token[:-1] * width + inner.token[:-1]) // width
    done, written = _finish(row, taken[-1] + np.arange(len(row)), int(taken[-1]))
    return done, len(taken) + written


def _finish(row: np.ndarray, cycle: np.ndarray, done: int) -> tuple[int, int]:
    """The converter, given when sums of `row` leave the scratchpad [sums] and when `DONE` is taken.

    Returns when `DONE` leaves and in how many cycles it passes on sums or stops.
    """
    if not len(row):
        return done, 0
    last = _with_stops(row, cycle)
    stops = int(np.count_nonzero(np.diff(row)))
    return max(last + 1, int(cycle[-1]) + 1, done) + 1, len(row) + stops


@compiled
@no_type_check
def _rows_out(outer, inner, taken):
    """Points [n] and when they and `DONE` are taken [n + 1] -> row and cycle of each sum written out [sums]."""
    n = len(outer)
    row, cycle = np.empty(n, np.int64), np.empty(n, np.int64)
    seen = np.full(inner.max() + 1 if n else 1, -1, np.int64)
    m = width = first = 0
    t = -1
    for k in range(n + 1):
        if k and (k == n or outer[k] != outer[k - 1]):
            for _ in range(width):
                t = max(t + 1, taken[k])
                row[m], cycle[m] = outer[k - 1], t
                m += 1
            width, first = 0, k
        if k < n and seen[inner[k]] < first:
            seen[inner[k]] = k
            width += 1
    return row[:m], cycle[:m]


@compiled
@no_type_check
def _with_stops(row, cycle):
    """Cycle in which the last sum leaves the converter. Shapes [sums], [sums] -> scalar."""
    t = -1
    for k in range(len(row)):
        t = max(t + 1, cycle[k])
        if k and row[k] != row[k - 1]:
            t += 1
    return t
