"""Blocks wired to a graph: which stream goes where, and how many cycles each block is at work."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.common.validation.sam_machine import accumulate, blocks
from experiments.common.validation.sam_machine.streams import CompressedLevel, Stream

Pair = tuple[Stream, Stream]
"""Coordinates and references of the same tokens."""
Accumulator = Callable[[Stream, Stream, Stream], tuple[int, int]]


@dataclass(frozen=True)
class StreamRun:
    """Cycles of a run and how many of them each block is at work."""

    cycles: int
    busy_cycles: dict[str, int]

    @property
    def bound_by(self) -> str:
        """The block that is at work for the longest."""
        return max(self.busy_cycles, key=lambda name: self.busy_cycles[name])

    @property
    def longest_cycles(self) -> int:
        """Cycles of that block: no graph of these blocks can take less."""
        return max(self.busy_cycles.values())


class Graph:
    """Makes streams block by block, from the roots to the writers. Names are those of blocks, as in `scan Bk`."""

    def __init__(self) -> None:
        self.busy_cycles: dict[str, int] = {}

    def scan(self, name: str, level: CompressedLevel | int, references: Stream) -> Pair:
        """Coordinates and references of the fibers that `references` point to; an integer level is dense."""
        if isinstance(level, CompressedLevel):
            crd, ref, cycle = blocks.scan_fibers(*references, *level)
        else:
            crd, ref, cycle = blocks.scan_dense(*references, level)
        self.busy_cycles[f"scan {name}"] = len(crd)
        return Stream(crd, cycle), Stream(ref, cycle)

    def intersect(self, name: str, left: Pair, right: Pair) -> tuple[Stream, Stream, Stream]:
        """Coordinates that both have, and the references of each."""
        return self._merge(f"intersect {name}", left, right, union=False)

    def union(self, name: str, left: Pair, right: Pair) -> tuple[Stream, Stream, Stream]:
        """Coordinates that either has, and the references of each, `EMPTY` where it has none."""
        return self._merge(f"union {name}", left, right, union=True)

    def _merge(self, name: str, left: Pair, right: Pair, *, union: bool) -> tuple[Stream, Stream, Stream]:
        (crd1, ref1), (crd2, ref2) = left, right
        crd, out1, out2, cycle, steps = blocks.merge_fibers(
            crd1.token, ref1.token, ref1.cycle, crd2.token, ref2.token, ref2.cycle, union
        )
        self.busy_cycles[name] = steps
        return Stream(crd, cycle), Stream(out1, cycle), Stream(out2, cycle)

    def repeat(self, name: str, references: Stream, along: Stream) -> Stream:
        """Each reference once for each coordinate of its fiber of `along`, by way of a repeat signal generator."""
        out = Stream(*blocks.repeat(*references, *along.later()))
        self.busy_cycles[f"repeat {name}"] = len(out.token)
        return out

    def arithmetic(self, *operands: Stream) -> Stream:
        """A multiplier or adder: takes a token of each operand in step."""
        return Stream(operands[0].token, np.maximum.reduce([operand.cycle for operand in operands]) + 1)

    def reduce(self, name: str, values: Stream) -> Stream:
        """The sum of each innermost fiber."""
        out = Stream(*blocks.reduce_fibers(*values))
        raised = np.count_nonzero(values.token < blocks.STOP)
        self.busy_cycles[f"reduce {name}"] = len(values.token) + int(raised)
        return out

    def drop_empty(self, name: str, outer: Stream, inner: Stream) -> Pair:
        """Both coordinate streams, without outer coordinates whose inner fiber is empty."""
        crd1, cycle1, crd2, cycle2 = blocks.drop_empty(*outer, *inner)
        self.busy_cycles[f"drop {name}"] = len(crd2) + int(np.count_nonzero(outer.token <= blocks.STOP))
        return Stream(crd1, cycle1), Stream(crd2, cycle2)

    def accumulate_rows(self, name: str, outer: Stream, inner: Stream, values: Stream) -> int:
        """Cycle in which the last token of the summed rows leaves; stops are dropped on the way in, in a cycle."""
        return self._accumulate(accumulate.accumulate_rows, name, outer, inner, values)

    def accumulate_all(self, name: str, outer: Stream, inner: Stream, values: Stream) -> int:
        """Cycle in which the last token of the summed matrix leaves; stops are dropped on the way in, in a cycle."""
        return self._accumulate(accumulate.accumulate_all, name, outer, inner, values)

    def _accumulate(self, accumulator: Accumulator, name: str, *streams: Stream) -> int:
        done, busy = accumulator(*(stream.points().later() for stream in streams))
        self.busy_cycles[f"accumulate {name}"] = busy
        return done

    def written(self, *ends: Stream | int) -> StreamRun:
        """The run, over when every writer has read the end of its stream."""
        last = max(end.end if isinstance(end, Stream) else end for end in ends)
        return StreamRun(last + 1, self.busy_cycles)
