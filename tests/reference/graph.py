"""A workload run along its graph: naive NumPy on whole tensors, so that edges can be held against networks.

Tensors are found by their names alone. What a result is turned into before it is read (a bias, a ReLU, a softmax) is a
function by the tensor's name, given by the test. Parts that inner loops make are rows of the whole, one below the
other: so a test of heads has one sequence.
"""

from collections.abc import Callable, Mapping

import numpy as np

from workloads import Workload
from workloads.kernels.graph import TensorUse
from workloads.kernels.kernel import Kernel

Functions = Mapping[tuple[str, str], Callable[[np.ndarray], np.ndarray]]
"""(tensor, operand that reads it) -> what is done to it; nothing where none is given."""
Join = Callable[[np.ndarray, np.ndarray], np.ndarray]


class GraphRun:
    """One run. `given`: weights and inputs by name; of several copies in loops a list, one for each trip."""

    def __init__(self, workload: Workload, given: Mapping, functions: Functions, joined: Mapping[str, Join]) -> None:
        self.workload, self.graph = workload, workload.graph
        self.given, self.functions, self.joined = given, functions, joined
        self.made: dict[str, np.ndarray] = {}
        """Of the trip that runs, or the last one that did."""
        self.parts: dict[str, list[np.ndarray]] = {}
        """Of results that inner loops have not made all of yet."""

    def run(self) -> dict[str, np.ndarray]:
        self._span(0, len(self.workload.kernels), ())
        return self.made

    def _span(self, start: int, stop: int, trip: tuple[int, ...]) -> None:
        depth, at = len(trip), start
        while at < stop:
            loops = self._loops(at)
            if len(loops) == depth:
                self._kernel(at, trip)
                at += 1
                continue
            end = at
            while end < stop and self._loops(end)[: depth + 1] == loops[: depth + 1]:
                end += 1
            for number in range(loops[depth][1]):
                self._span(at, end, (*trip, number))
            at = end

    def _loops(self, at: int):
        names = self.workload.kernels[at].tensors
        assert names is not None
        return names.loops

    def _kernel(self, at: int, trip: tuple[int, ...]) -> None:
        kernel = self.workload.kernels[at]
        a, b = (self._operand(at, operand, trip) for operand in "ab")
        z = a * b if kernel.kind == "multiply" else a + b if kernel.kind == "add" else a @ b
        if kernel.family == "sddmm":
            z = z * self._operand(at, "mask", trip)
        name = self.graph.written_by(at).name
        for tensor, use in self._uses(at, "c", trip):
            z = self.joined[name](z, self._seen(tensor, use, z.shape, kernel, trip))
        count = self.graph[name].at_once
        here = self.parts.setdefault(name, [])
        here.append(z)
        if len(here) == count:
            self.made[name], self.parts[name] = np.concatenate(here), []

    def _operand(self, at: int, operand: str, trip: tuple[int, ...]) -> np.ndarray:
        kernel = self.workload.kernels[at]
        uses = self._uses(at, operand, trip)
        shape = kernel.operand_shape(operand)
        return np.concatenate([self._seen(t, use, shape, kernel, trip) for t, use in uses])

    def _uses(self, at: int, operand: str, trip: tuple[int, ...]) -> list[tuple[str, TensorUse]]:
        names = self.workload.kernels[at].tensors
        assert names is not None
        order = [name for one in names.of(operand) for name in (one.initial, one.tensor) if name]
        found = []
        for name in order:
            use = next(one for one in self.graph[name].consumers if (one.kernel, one.operand) == (at, operand))
            loop = [i for i, _ in enumerate(trip)][-1] if trip else None
            first = loop is not None and trip[loop] == 0
            if (use.trip == "first" and not first) or (
                use.trip == "previous" and first and f"{name}@0" not in self.given
            ):
                continue
            found.append((name, use))
        return found

    def _seen(self, name: str, use: TensorUse, shape, kernel: Kernel, trip: tuple[int, ...]) -> np.ndarray:
        tensor = self.graph[name]
        if tensor.producer is None:
            value = self.given[name]
            value = value[trip[0]] if isinstance(value, list) else value
        elif use.trip == "previous" and trip[-1] == 0:
            value = self.given[f"{name}@0"]
        else:
            value = self.made[name]
        value = self.functions.get((name, use.operand), lambda x: x)(value)
        wanted = shape[::-1] if use.view == "transposed" else shape
        if value.shape != wanted and tensor.producer is not None and use.trip != "last":
            rows = wanted[0]
            value = value[trip[-1] * rows : (trip[-1] + 1) * rows] if value.shape[0] > rows else value
        return value.T if use.view == "transposed" else value
