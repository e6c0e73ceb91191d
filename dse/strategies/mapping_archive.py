"""The best mappings of each kernel met so far, whatever the hardware: what a design may take over in one step.

Single steps seldom lead from a good mapping in one dataflow to a good one in another; these do.
"""

import numpy as np

from dse.problem.search_problem import Problem, Scores

EXPONENTS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
"""Of latency and energy: a mapping is kept for the least of each product."""


class MappingArchive:
    """For each kernel, dataflow and product of powers of latency and energy: the mapping with the smallest so far."""

    def __init__(self, problem: Problem):
        encoding = problem.encoding
        self.columns = [np.flatnonzero(encoding.of_kernel == kernel) for kernel in range(len(problem.kernels))]
        self._flow = [encoding.column(kernel, "dataflow") for kernel in range(len(problem.kernels))]
        self._best: list[dict[tuple[int, int], tuple[float, np.ndarray]]] = [{} for _ in problem.kernels]

    def add(self, rows: np.ndarray, scores: Scores) -> None:
        """Consider the mappings of scored designs; those that fit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            latency, energy = np.log(scores.latency_s), np.log(scores.energy_pj)
        fits = scores.kernel_fits
        for kernel, best in enumerate(self._best):
            flows = rows[:, self._flow[kernel]]
            for flow in np.unique(flows):
                usable = np.flatnonzero((flows == flow) & fits[:, kernel])
                for at, (x, y) in enumerate(EXPONENTS if len(usable) else ()):
                    values = x * latency[usable, kernel] + y * energy[usable, kernel]
                    first = int(np.argmin(values))
                    key = (int(flow), at)
                    if np.isfinite(values[first]) and (key not in best or values[first] < best[key][0]):
                        best[key] = (float(values[first]), rows[usable[first], self.columns[kernel]])

    def mappings(self, kernel: int) -> list[np.ndarray]:
        """Genes of the kernel's best mappings, in the order of `columns[kernel]`."""
        return [genes for _, genes in self._best[kernel].values()]
