"""From the names that kernels give to the graph of a workload, with its checks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from workloads.errors import InputError
from workloads.kernels.graph import GraphTensor, TensorUse, Trip, WorkloadGraph
from workloads.kernels.kernel import Kernel
from workloads.kernels.tensor_names import OPERANDS, VIEWS, Loop, TensorNames, TensorRead

Shape = tuple[int, int]


def graph_of(workload: str, kernels: Sequence[Kernel]) -> WorkloadGraph:
    """The graph that kernels' names make.

    **Raises** `InputError`, naming kernel and tensor, for one that is read before it is written or written twice, for
    shapes that do not agree, and for loops that are not a kernel's repeats or that others interrupt.
    """
    if not any(kernel.tensors for kernel in kernels):
        return WorkloadGraph(())
    return _Builder(workload, kernels).graph()


def in_order(kernels: Sequence[Kernel]) -> list[Kernel]:
    """Kernels so that each comes after those whose results it reads; else, and in circles, in the order given."""
    writers = {kernel.tensors.z: kernel for kernel in kernels if kernel.tensors and kernel.tensors.z}
    found: dict[int, Kernel] = {}
    open_: set[int] = set()

    def add(kernel: Kernel) -> None:
        waiting = [kernel]
        while waiting:
            one = waiting[-1]
            reads = [read for operand in OPERANDS for read in one.tensors.of(operand)] if one.tensors else []
            before = [writers[read.tensor] for read in reads if not read.previous and read.tensor in writers]
            left = [other for other in before if id(other) not in found and id(other) not in open_]
            open_.add(id(one))
            if left:
                waiting += left[::-1]
            else:
                found.setdefault(id(one), waiting.pop())

    for kernel in kernels:
        add(kernel)
    return list(found.values())


@dataclass(frozen=True)
class _Reader:
    """A kernel's reading of one tensor."""

    at: int
    operand: str
    read: TensorRead
    parts: int = 1
    """Tensors that the operand is made of."""
    initial: bool = False
    """Whether it is read in the first trip only, in the place of what the trip before wrote."""


class _Builder:
    def __init__(self, workload: str, kernels: Sequence[Kernel]) -> None:
        self.workload, self.kernels = workload, kernels
        self.names = [kernel.tensors or TensorNames() for kernel in kernels]
        self.writers: dict[str, int] = {}
        self.readers: dict[str, list[_Reader]] = {}
        """Of each tensor, in the order in which they are first met."""
        self.always = tuple(range(len(kernels)))

    def graph(self) -> WorkloadGraph:
        for at, names in enumerate(self.names):
            self._check_loops(at)
            for operand in OPERANDS:
                reads = names.of(operand)
                parts = 1 if operand == "c" else len(reads)
                for one in reads:
                    if one.initial:
                        self.readers.setdefault(one.initial, []).append(_Reader(at, operand, one, parts, True))
                    self.readers.setdefault(one.tensor, []).append(_Reader(at, operand, one, parts))
            if names.z in self.writers:
                self._fail(at, names.z, f"writes it after {self.kernels[self.writers[names.z]].name} did", "rename one")
            if names.z:
                self.writers[names.z] = at
                self.readers.setdefault(names.z, [])
        for tensor, readers in self.readers.items():
            for one in readers:
                self._check_read(tensor, one)
        shapes = {tensor: self._shape(tensor) for tensor in self.readers}
        for at, names in enumerate(self.names):
            for operand in OPERANDS[:-1]:
                self._check_stack(at, operand, names.of(operand), shapes)
        return WorkloadGraph(tuple(self._tensor(tensor, shapes) for tensor in self.readers))

    def _shape(self, tensor: str) -> Shape:
        """Of one copy: what its writer's run makes, or what a run of its first reader reads."""
        if tensor in self.writers:
            return self.kernels[self.writers[tensor]].operand_shape("z")
        whole = next((one for one in self.readers[tensor] if one.parts == 1), None)
        if whole is None:
            reader = self.readers[tensor][0]
            self._fail(reader.at, tensor, "reads it beside others, and no other kernel says its size", "write it first")
        return self._read_shape(whole)

    def _tensor(self, tensor: str, shapes: dict[str, Shape]) -> GraphTensor:
        readers, producer = self.readers[tensor], self.writers.get(tensor)
        first = readers[0].at if producer is None else producer
        depth, last = self._shared_loops(first, readers)
        varying = self.names[first].loops if producer is not None else self._varying(readers[0])
        copies, shape = _trips(varying), shapes[tensor]
        is_weight = producer is None and readers[0].read.constant
        at_once = (
            copies if is_weight else _trips(loop for loop in varying if loop not in self.names[first].loops[:depth])
        )
        for one in readers:
            inside = self._varying(one)
            if producer is None:
                self._check_size(tensor, one, shape, copies, _trips(inside))
            else:
                self._check_size(tensor, one, shape, at_once, _trips(self._beyond(one, depth)))
        uses = tuple(self._use(one, shape, one.at in last) for one in readers)
        unread = not readers or (any(use.trip == "previous" for use in uses) and not last)
        result = producer is not None and (unread or self.names[producer].result)
        alive = self.always if is_weight else self._alive(first, readers, depth)
        return GraphTensor(tensor, shape, copies, at_once, is_weight, producer, uses, alive, result)

    def _shared_loops(self, first: int, readers: list[_Reader]) -> tuple[int, set[int]]:
        """How many loops a tensor lives in; the readers behind the loop that carries it, which read the last trip's."""
        shared = {one.at: self._together(first, one.at) for one in readers}
        carried = [shared[one.at] for one in readers if one.read.previous and not one.initial]
        last = {at for at, depth in shared.items() if carried and depth < min(carried)}
        inside = [depth for at, depth in shared.items() if at not in last]
        return min(inside, default=len(self.names[first].loops)), last

    def _varying(self, reader: _Reader) -> tuple[Loop, ...]:
        """Loops of a reader in whose trips it reads another copy of what no kernel writes."""
        loops, through = self.names[reader.at].loops, self._carrying(reader) if reader.initial else None
        return tuple(one for at, one in enumerate(loops) if at != through and one[0] not in reader.read.shared)

    def _beyond(self, reader: _Reader, depth: int) -> list[Loop]:
        """Loops of a reader inside those that a tensor lives in, without the one in whose first trip alone it reads."""
        through = self._carrying(reader) if reader.initial else None
        return [one for at, one in enumerate(self.names[reader.at].loops) if at >= depth and at != through]

    def _carrying(self, reader: _Reader) -> int:
        """Number of the loop that carries a tensor from trip to trip: the innermost around writer and reader."""
        return self._together(self.writers[reader.read.tensor], reader.at) - 1

    def _use(self, one: _Reader, shape: Shape, last: bool) -> TensorUse:
        share = 1.0
        trip: Trip = "last" if last else "this"
        if one.read.previous:
            trips = self.names[one.at].loops[self._carrying(one)][1]
            share, trip = (1 / trips, "first") if one.initial else (1 - 1 / trips, "previous")
        if one.parts > 1:
            share *= math.prod(shape) / math.prod(self._read_shape(one))
        return TensorUse(one.at, one.operand, one.read.view, trip, share)

    def _alive(self, first: int, readers: list[_Reader], depth: int) -> tuple[int, ...]:
        """Kernels from the writer to the last reader, each with the loops around it that the others are not in."""
        begin, stop = self._block(first, depth)
        found: set[int] = set(range(begin, stop))
        for one in readers:
            behind = one.at + 1 if one.initial else self._block(one.at, depth)[1]
            if one.read.previous and not one.initial:
                start, end = self._body(first, depth)
                found |= {*range(begin, end), *range(start, behind)}
            else:
                found |= set(range(begin, behind))
        return tuple(sorted(found))

    def _block(self, at: int, depth: int) -> tuple[int, int]:
        """The kernel itself, or the loop around it that is the next one inside the outermost `depth`."""
        return (at, at + 1) if len(self.names[at].loops) <= depth else self._body(at, depth + 1)

    def _body(self, at: int, depth: int) -> tuple[int, int]:
        """The first kernel in the outermost `depth` loops of one, and the one behind the last."""
        inside = self.names[at].loops[:depth]
        start, stop = at, at + 1
        while start > 0 and self.names[start - 1].loops[:depth] == inside:
            start -= 1
        while stop < len(self.kernels) and self.names[stop].loops[:depth] == inside:
            stop += 1
        return start, stop

    def _together(self, one: int, other: int) -> int:
        """How many loops two kernels share."""
        pairs = list(zip(self.names[one].loops, self.names[other].loops, strict=False))
        return next((depth for depth, (ours, theirs) in enumerate(pairs) if ours != theirs), len(pairs))

    def _read_shape(self, reader: _Reader) -> Shape:
        """Of what an operand is read from in one run, its view undone."""
        kernel, view = self.kernels[reader.at], reader.read.view
        rows, columns = kernel.operand_shape(reader.operand)
        unfolding = getattr(kernel, "unfolding", None)
        if view == "unfolded" and unfolding is not None and reader.operand == "b":
            return unfolding.channels, unfolding.images(columns) * unfolding.height * unfolding.width
        return (columns, rows) if view == "transposed" else (rows, columns)

    def _check_loops(self, at: int) -> None:
        kernel, loops = self.kernels[at], self.names[at].loops
        if kernel.tensors is not None and _trips(loops) != kernel.repeats:
            said = " x ".join(f"{count} ({name})" for name, count in loops) or "none"
            raise InputError(
                f"{self.workload}: {kernel.name} runs {kernel.repeats:g} times, but its loops are {said}; give it "
                "loops of as many trips."
            )
        for depth in range(1, len(loops) + 1):
            before = next((one for one in range(at) if self.names[one].loops[:depth] == loops[:depth]), at)
            if self._body(at, depth)[0] > before:
                raise InputError(
                    f"{self.workload}: {self.kernels[at - 1].name} interrupts the loop {loops[depth - 1][0]!r} that "
                    f"{kernel.name} is in, and others before it; put the kernels of a loop beside each other."
                )

    def _check_read(self, tensor: str, reader: _Reader) -> None:
        read, at, producer = reader.read, reader.at, self.writers.get(tensor)
        if read.view not in VIEWS:
            self._fail(at, tensor, f"reads it as {read.view!r}", f"use one of {', '.join(VIEWS)}")
        if read.previous and self.writers.get(read.tensor) is None:
            self._fail(at, read.tensor, "reads what the trip before wrote, but nothing writes it", "name its writer")
        if read.previous and not self._together(self.writers[read.tensor], at):
            writer = self.kernels[self.writers[read.tensor]].name
            self._fail(at, read.tensor, f"reads it from the trip before, but shares no loop with {writer}", "name one")
        if producer is None:
            first = self.readers[tensor][0]
            if read.constant != first.read.constant:
                other = self.kernels[first.at].name
                self._fail(at, tensor, f"and {other} disagree on whether it is constant", "say the same of both")
            return
        writer = self.kernels[producer].name
        if read.constant or read.shared:
            self._fail(at, tensor, f"reads it as a constant or shared, but {writer} writes it", "read it as a result")
        if producer >= at and (reader.initial or not read.previous):
            self._fail(
                at, tensor, f"reads it before {writer} writes it", "put the writer first, or read the trip before"
            )

    def _check_size(self, tensor: str, reader: _Reader, shape: Shape, there: int, runs: int) -> None:
        """What the reader's runs read must be the tensor as it is each time, or all its parts once."""
        if reader.parts > 1:
            return
        (rows, columns), ours, unfolded = shape, self._read_shape(reader), reader.read.view == "unfolded"
        whole = ours == shape and runs % there == 0
        parts = runs * math.prod(ours) == there * rows * columns and (max(runs, there) > 1 or unfolded)
        some = unfolded and ours[0] * runs == rows * there and columns % ours[1] == 0
        gates = reader.read.view == "pointwise" and columns == ours[1] and rows % ours[0] == 0 and runs % there == 0
        if not (whole or parts or some or gates):
            is_what = f"{there} x {rows} x {columns}" if there > 1 else f"{rows} x {columns}"
            wants = f"{runs} x {ours[0]} x {ours[1]}" if runs > 1 else f"{ours[0]} x {ours[1]}"
            problem = f"reads {wants} of it ({reader.operand}, {reader.read.view}), but it is {is_what}"
            self._fail(reader.at, tensor, problem, "correct the sizes or the view")

    def _check_stack(self, at: int, operand: str, reads: tuple[TensorRead, ...], shapes: dict[str, Shape]) -> None:
        """Of an operand of several tensors: they lie one below the other, in one run of equal loops."""
        if len(reads) < 2:
            return
        unfolded = next((one for one in reads if one.view == "unfolded"), TensorRead(""))
        rows, columns = self._read_shape(_Reader(at, operand, unfolded))
        parts = [shapes[one.tensor][:: -1 if one.view == "transposed" else 1] for one in reads]
        if sum(part[0] for part in parts) != rows or any(part[1] != columns for part in parts):
            made = ", ".join(f"{read.tensor} {m} x {n}" for read, (m, n) in zip(reads, parts, strict=True))
            self._fail(at, reads[0].tensor, f"reads {rows} x {columns} ({operand}) made of {made}", "correct the sizes")

    def _fail(self, at: int, tensor: str, problem: str, fix: str) -> NoReturn:
        raise InputError(f"{self.workload}: tensor {tensor!r}: {self.kernels[at].name} {problem}; {fix}.")


def _trips(loops: Iterable[Loop]) -> int:
    return math.prod(trips for _, trips in loops)
