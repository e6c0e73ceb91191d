"""Which mappings the mapper tries, scored on their hardware."""

import abc
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from dse.mapper.enumeration import Evaluated, KernelMappings, MapperReport, Surpassed
from dse.problem.search_problem import Problem, Scores
from dse.space.design import Design
from dse.space.design_space import Value
from dse.space.encoding import Encoding
from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class ScoredMappings:
    """n mappings of one kernel; latency and energy are those of a single run."""

    kernel: int
    """Its index in the problem."""
    latency_s: np.ndarray
    """Shape [n]; energy, area and the mask of what may be taken likewise."""
    energy_pj: np.ndarray
    area_mm2: np.ndarray
    usable: np.ndarray
    words: Callable[[int], dict[str, Value]]
    """A mapping by its row."""

    @staticmethod
    def of(
        scores: Scores, kernel: int, column: int, repeats: float, usable: np.ndarray, words: Callable
    ) -> "ScoredMappings":
        """Column `column` of scored designs, which is the problem's kernel number `kernel`."""
        latency, energy = scores.latency_s[:, column] / repeats, scores.energy_pj[:, column] / repeats
        return ScoredMappings(kernel, latency, energy, scores.area_mm2, usable, words)


class Candidates(abc.ABC):
    """A way to come by mappings."""

    @abc.abstractmethod
    def scored(self, problem: Problem, surpassed: Callable[[int], Surpassed]) -> Iterator[ScoredMappings]:
        """Mappings of every kernel of a problem, some at a time; those may be left out that are `surpassed`, by kernel,
        of what has been yielded."""


@dataclasses.dataclass(frozen=True)
class Pool(Candidates):
    """Those of designs that are known; a kernel may take the mapping of one and another that of another.

    The designs are of one hardware. Their areas may differ by units that only some of their mappings use.
    """

    designs: Sequence[Design]
    usable: np.ndarray | None = None
    """Mask of the mappings that may be taken, shape [n, kernel]; all of them unless given."""
    at_once: int = 65_536
    """Designs scored in one call."""

    def scored(self, problem: Problem, surpassed: Callable[[int], Surpassed]) -> Iterator[ScoredMappings]:
        """Every kernel's mappings, whatever is surpassed."""
        for at in range(0, len(self.designs), self.at_once):
            chunk = self.designs[at : at + self.at_once]
            scores = problem.score_designs(chunk)
            usable = scores.kernel_fits
            if self.usable is not None:
                usable = usable & self.usable[at : at + self.at_once]
            for kernel, repeats in enumerate(problem.repeats):

                def words(row: int, kernel: int = kernel, chunk: Sequence[Design] = chunk) -> dict[str, Value]:
                    return dict(chunk[row].mappings[kernel])

                yield ScoredMappings.of(scores, kernel, kernel, repeats, usable[:, kernel], words)


@dataclasses.dataclass
class Enumerated(Candidates):
    """All mappings of the problem's space that may be best, on its hardware, which is held (`KernelMappings`): the best
    of them is the best there is."""

    progress: bool = False
    reports: list[MapperReport] = dataclasses.field(default_factory=list, init=False)
    """For each kernel of the problem last enumerated how its optimum is known: what was evaluated, and what was left
    out and why."""

    def scored(self, problem: Problem, surpassed: Callable[[int], Surpassed]) -> Iterator[ScoredMappings]:
        """One kernel's mappings after the other's. **Raises** `InputError` where the hardware is not held."""
        self.reports = []
        for kernel in tqdm(range(len(problem.kernels)), desc="mapping kernels", disable=not self.progress):
            mappings = KernelMappings(problem, kernel)
            own = mappings.problem
            for found in mappings.on(_held_machine(own), surpassed=surpassed(kernel)):
                scores = own.scores_of(_with_own_units(own, found)[:, None])

                def words(row: int, own: Problem = own, found: Evaluated = found) -> dict[str, Value]:
                    return dict(own.design(found.rows[row]).mappings[0])

                yield ScoredMappings.of(scores, kernel, 0, own.repeats[0], scores.kernel_fits[:, 0], words)
            problem.evaluations += own.evaluations
            self.reports.append(mappings.report)


def _with_own_units(problem: Problem, found: Evaluated) -> np.ndarray:
    """Outputs on the machine with the units of each mapping, shape [j, OUTPUTS]; what a set of units takes is asked
    once."""
    bits, first, of, counts = np.unique(found.bits, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(of, kind="stable")
    place = np.zeros(len(of), int)
    place[order] = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    grouped = np.zeros((len(bits), counts.max(), found.outputs.shape[1]))
    grouped[of, place] = found.outputs
    return problem.on_machines(grouped, found.rows[first], bits)[of, place]


def _held_machine(problem: Problem) -> np.ndarray:
    """A genome of the only hardware of a problem."""
    encoding = problem.encoding
    free = [gene.parameter.name for gene in encoding.genes if gene.kernel < 0 and len(gene.values) > 1]
    if free:
        raise InputError(
            f"All mappings are tried on one hardware, but {', '.join(free)} can vary; hold it with "
            "dse.mapper.mapping_space(space, hardware)."
        )
    return np.zeros(len(encoding.genes), np.int32)


def every_mapping(encoding: Encoding) -> np.ndarray:
    """Genomes of every mapping of an encoding's only kernel, on the first of the hardware, shape [j, genes]."""
    tiles = np.flatnonzero(encoding.is_number & (encoding.of_kernel == 0))
    combinations = encoding.combinations[0]
    shape = (*encoding.radix[tiles], len(combinations))
    places = np.stack(np.unravel_index(np.arange(int(np.prod(shape))), shape), axis=1)
    rows = np.zeros((len(places), len(encoding.genes)), np.int32)
    rows[:, tiles] = places[:, :-1]
    rows[:, encoding.combined_columns(0)] = combinations[places[:, -1]]
    return rows
