"""Mappings tried on the same hardware, put together kernel by kernel.

Kernels share nothing but the hardware and what they cost adds up, so every design scored tells of each of its kernels
apart: of r designs of K kernels on one hardware, r^K could be put together, and what each would cost is known but for
the area and leakage of what only some of them can do. Those that are known to lie beyond the front are worth an
evaluation.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from dse.problem.search_problem import Problem, Scores

PREFERENCES = np.linspace(0.0, 1.0, 9)
"""Weights of relative latency, the rest that of energy, for each of which the best of every kernel is put together."""
AHEAD = 1e-4
"""Least lead over the front, in log of an objective."""


@dataclasses.dataclass
class _Evaluated:
    """Designs evaluated on one hardware; a kernel that does not fit costs infinitely much."""

    rows: np.ndarray
    latency_s: np.ndarray
    """Of each kernel, shape [r, K]."""
    energy_pj: np.ndarray
    area_mm2: np.ndarray

    @staticmethod
    def join(parts: "Sequence[_Evaluated]") -> "_Evaluated":
        return _Evaluated(*(np.concatenate(fields) for fields in zip(*map(_fields, parts), strict=True)))

    def ideal(self) -> tuple[float, float, float]:
        """Latency, energy and area that nothing put together of these undercuts; infinite if a kernel fits nowhere."""
        latency, energy = (values.min(axis=0).sum() for values in (self.latency_s, self.energy_pj))
        return float(latency), float(energy), float(self.area_mm2.min())

    def take(self, at: np.ndarray) -> "_Evaluated":
        return _Evaluated(*(field[at] for field in _fields(self)))


class Recombiner:
    """What each kernel costs on every hardware with every mapping tried there."""

    def __init__(self, problem: Problem):
        self._problem = problem
        self._of_hardware = problem.encoding.of_kernel < 0
        self._by_hardware: dict[bytes, _Evaluated] = {}
        self._ideal: dict[bytes, tuple[float, float, float]] = {}
        self._new: list[_Evaluated] = []

    def add(self, rows: np.ndarray, scores: Scores) -> None:
        """Keep what scored designs tell of their kernels."""
        misfit = ~scores.kernel_fits
        latency, energy = (
            np.where(misfit | ~np.isfinite(value), np.inf, value) for value in (scores.latency_s, scores.energy_pj)
        )
        self._new.append(_Evaluated(rows, latency, energy, scores.area_mm2))

    def _sort(self) -> None:
        """New designs to the others on the same hardware."""
        if not self._new:
            return
        new, self._new = _Evaluated.join(self._new), []
        _, first, owner = np.unique(new.rows[:, self._of_hardware], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(owner.ravel(), kind="stable")
        for example, mine in zip(first, np.split(order, np.cumsum(np.bincount(owner.ravel()))[:-1]), strict=True):
            key = new.rows[example, self._of_hardware].tobytes()
            here, evaluated = new.take(mine), self._by_hardware.get(key)
            whole = self._by_hardware[key] = here if evaluated is None else _Evaluated.join([evaluated, here])
            self._ideal[key] = whole.ideal()

    def recombined(self, front: Scores) -> np.ndarray:
        """Rows that can be put together beyond the `front`, farthest first, shape [j, genes]."""
        self._sort()
        exponents = np.array([objective.exponents for objective in self._problem.objectives])
        factors = np.log([objective.factor for objective in self._problem.objectives])
        ours = np.log(front.objectives)

        def lead(totals: np.ndarray) -> np.ndarray:
            """How far totals, shape [j, 3], lie beyond the front; negative behind it."""
            logs = np.log(totals) @ exponents.T + factors
            return (ours[None] - logs[:, None]).max(axis=2).min(axis=1)

        rows, leads = [np.zeros((0, len(self._problem.encoding.genes)), np.int32)], [np.zeros(0)]
        ideal = np.array(list(self._ideal.values()))
        worthwhile = np.asarray(np.isfinite(ideal).all(axis=1))
        if (exponents >= 0).all():
            worthwhile[worthwhile] = lead(ideal[worthwhile]) > AHEAD
        for evaluated in itertools.compress(self._by_hardware.values(), worthwhile):
            if len(evaluated.rows) > 1:
                composed, totals = self._best(evaluated)
                ahead = lead(totals)
                rows.append(composed[ahead > AHEAD])
                leads.append(ahead[ahead > AHEAD])
        return np.concatenate(rows)[np.argsort(-np.concatenate(leads), kind="stable")]

    def _best(self, evaluated: _Evaluated) -> tuple[np.ndarray, np.ndarray]:
        """For each preference the best mapping of every kernel; with latency, energy and area, shape [p, 3]."""
        least = evaluated.latency_s.min(axis=0).sum(), evaluated.energy_pj.min(axis=0).sum()
        by_latency, by_energy = evaluated.latency_s / least[0], evaluated.energy_pj / least[1]
        preferences = PREFERENCES[:, None, None]
        with np.errstate(invalid="ignore"):  # no preference for what costs infinitely much
            loss = preferences * by_latency + (1.0 - preferences) * by_energy
        best = np.argmin(np.where(np.isnan(loss), np.inf, loss), axis=1)
        kernels = np.arange(best.shape[1])
        totals = [evaluated.latency_s[best, kernels].sum(axis=1), evaluated.energy_pj[best, kernels].sum(axis=1)]
        rows = np.repeat(evaluated.rows[:1], len(best), axis=0)
        of_kernel = self._problem.encoding.of_kernel
        for column in np.flatnonzero(of_kernel >= 0):
            rows[:, column] = evaluated.rows[best[:, of_kernel[column]], column]
        return rows, np.column_stack([*totals, np.full(len(best), evaluated.area_mm2.min())])


def _fields(evaluated: _Evaluated) -> tuple[np.ndarray, ...]:
    return evaluated.rows, evaluated.latency_s, evaluated.energy_pj, evaluated.area_mm2
