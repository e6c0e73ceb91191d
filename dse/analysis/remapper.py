"""Mappings chosen anew on hardware that differs from a design's in a few numbers, at the price of one enumeration.

All mappings that the design's hardware can run are tried on it once, but for loop orders that fetch like another. Kept
are the best of each tile shape and the best of each combination of choices (dataflow, spatial assignment, residency,
formats, zero modes, order, schedule), by latency, energy and their product, of those that fit and of all: those that
are up to `NEAR` times as bad as the best. Only these are tried on the other hardware.

On the design's own hardware the choice is therefore the best of all mappings. On others it is an approximation:
`tests/test_finite_changes.py` holds it within 3 % of the least latency there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

from dse.mapper import every_mapping, mapping_space, supported_choices
from dse.problem.multi_workload import alone
from dse.problem.objectives import Objective
from dse.problem.search_problem import Problem
from dse.space.defaults import default_space
from dse.space.design import Design
from dse.space.design_space import MAPPING_NAMES, DesignSpace, Value
from dse.space.encoding import Encoding, batch_of
from hwmodels.design.hardware import HARDWARE_NUMBERS
from workloads.errors import InputError

ORDERS = ("mkn", "knm", "mnk")
"""Loop orders that are tried, one with each innermost loop. An operand is fetched again whenever an index of it has
moved, so only the innermost loop that has more than one turn matters, and each of the other orders fetches like one of
these."""
NEAR = 4.0
"""Times the least latency, energy or product up to which a mapping is kept."""
MOST = 1_000_000
"""Mappings of a kernel that are tried on the design's hardware: all up to so many, else as many at random."""
AT_ONCE = 8192
"""Mappings scored in one call."""
PRICES = np.concatenate([[1e-6], np.geomspace(1e-3, 1e3, 61), [1e6]])
"""Of energy against latency, as shares of the design's own, at which kernels choose: the best product of two sums over
kernels, each raised to some power, is a best weighted sum too."""
BETTER = 1e-5
"""Relative gain from which on a mapping is worth a change: float32 rounds."""


class Remapper:
    """Chooses a mapping for each kernel anew on hardware like that of a design, whose units it keeps."""

    def __init__(
        self, problem: Problem, design: Design, *, held: Mapping[str, Value] | None = None, progress: bool = False
    ):
        """Try all mappings that the hardware can run: some million a few seconds.

        **Arguments**: `held`, parameters of mappings (`a_format`, or `conv1.tile_m` of one kernel) that are not chosen
        anew. The design need not fit. **Raises** `InputError` where nothing legal is left.
        """
        self._design = design.checked(problem.families)
        units = batch_of([self._design]).used_units()[0]
        space = mapping_space(default_space(), self._design.hardware, supported_choices(self._design))
        kept = {name: value for name, value in (held or {}).items() if name.rpartition(".")[2] in MAPPING_NAMES}
        self._space: DesignSpace = space.fix(**{"loop_order": ORDERS, **kept})
        self._units = units
        self.problem = problem.changed(encoding=Encoding(self._space, problem.kernels, units))
        """The problem on the design's hardware, whose units take area and leak whatever is run."""
        kernels = tqdm(range(len(problem.kernels)), desc="mapping kernels", unit="kernel", disable=not progress)
        self._pools = [self._pool(kernel) for kernel in kernels]

    @property
    def kept(self) -> list[int]:
        """Mappings kept of each kernel."""
        return [len(pool) for pool in self._pools]

    def best(self, hardware: Sequence[Mapping[str, Value]], objective: Objective) -> list[Design | None]:
        """On each hardware the mappings of the least objective (its area taken as given), None where none fits.

        The design's own mappings are among the candidates, and stay where nothing is better. **Raises** `InputError`
        for an objective that falls with latency or energy, and for hardware whose numbers are not whole.
        """
        by_latency, by_energy, _ = objective.exponents
        if min(by_latency, by_energy) < 0:
            raise InputError(f"Mappings are not chosen by '{objective.name}', which is better for a slower kernel.")
        same = [Design({**self._design.hardware, **h}, self._design.mappings, self._design.kernels) for h in hardware]
        held = self.problem.score_designs(same)
        pooled = [self._scored(kernel, same) for kernel in range(len(self._pools))]
        latency = [np.column_stack([held.latency_s[:, k], scored[0]]) for k, scored in enumerate(pooled)]
        energy = [np.column_stack([held.energy_pj[:, k], scored[1]]) for k, scored in enumerate(pooled)]
        usable = [np.column_stack([held.kernel_fits[:, k], scored[2]]) for k, scored in enumerate(pooled)]
        picks = _picks(latency, energy, usable, (by_latency, by_energy))
        return [
            Design(one.hardware, tuple(self._words(k, at) for k, at in enumerate(pick)), one.kernels)
            if pick is not None
            else None
            for one, pick in zip(same, picks, strict=True)
        ]

    def _pool(self, kernel: int) -> np.ndarray:
        """Genomes of the mappings of a kernel that are kept, shape [n, genes]."""
        own = alone(self.problem, [kernel])
        if own.encoding.size <= MOST:
            rows = every_mapping(own.encoding)
        else:
            rows = np.unique(own.encoding.random(np.random.default_rng(0), MOST), axis=0)
        scores = [own.score(rows[at : at + AT_ONCE]) for at in range(0, len(rows), AT_ONCE)]
        self.problem.evaluations += own.evaluations
        latency, energy = (np.concatenate([getattr(s, name)[:, 0] for s in scores]) for name in _SUMS)
        fits = np.concatenate([s.kernel_fits[:, 0] for s in scores])
        tiles = own.encoding.is_number & (own.encoding.of_kernel == 0)
        groups = [_codes(rows[:, tiles]), _codes(rows[:, own.encoding.combined_columns(0)])]
        return rows[_near_best(latency, energy, fits, groups)]

    def _scored(self, kernel: int, designs: Sequence[Design]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Latency and energy of the kept mappings of a kernel on each hardware, and whether they fit: [hardware, n]."""
        pool, values = self._pools[kernel], {n: [float(d.hardware[n]) for d in designs] for n in HARDWARE_NUMBERS}
        space = self._space.fix(**values)
        own = alone(self.problem.changed(encoding=Encoding(space, self.problem.kernels, self._units)), [kernel])
        rows = np.tile(pool, (len(designs), 1, 1))
        for name, each in values.items():
            positions = np.searchsorted(np.array(space.values(name), float), each)
            rows[:, :, own.encoding.column(-1, name)] = positions[:, None]
        scores = own.score(rows.reshape(-1, rows.shape[2]))
        self.problem.evaluations += own.evaluations
        shape = (len(designs), len(pool))
        return (
            scores.latency_s[:, 0].reshape(shape),
            scores.energy_pj[:, 0].reshape(shape),
            scores.kernel_fits[:, 0].reshape(shape),
        )

    def _words(self, kernel: int, at: int) -> Mapping[str, Value]:
        """The design's own mapping of a kernel for 0, else one of those that are kept."""
        if at == 0:
            return self._design.mappings[kernel]
        own = alone(self.problem, [kernel])
        return own.design(self._pools[kernel][at - 1]).mappings[0]


_SUMS = ("latency_s", "energy_pj")


def _codes(rows: np.ndarray) -> np.ndarray:
    """The same number for equal rows."""
    radix = rows.max(axis=0).astype(np.int64) + 1
    return rows @ np.concatenate([[1], np.cumprod(radix[:-1])])


def _near_best(latency: np.ndarray, energy: np.ndarray, fits: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Rows that are the best of their group or at a price, of those that fit and of all, and not far from the best."""
    found, near = [np.zeros(0, int)], np.zeros(len(latency), bool)
    among = fits if fits.any() else np.ones(len(latency), bool)
    for value in (latency, energy, latency * energy):
        near |= value <= NEAR * value[among].min()
        for kept in (value, np.where(fits, value, np.inf)):
            found += [_firsts(group, kept) for group in groups]
    best = np.concatenate(found)
    at_prices = [
        np.where(among, latency / latency[among].min() + price * energy / energy[among].min(), np.inf).argmin()
        for price in PRICES
    ]
    return np.unique(np.concatenate([best[near[best]], np.array(at_prices)]))


def _firsts(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The row of the least value in each group."""
    order = np.lexsort((value, group))
    return order[np.concatenate([[True], np.diff(group[order]) != 0])]


def _picks(
    latency: Sequence[np.ndarray],
    energy: Sequence[np.ndarray],
    usable: Sequence[np.ndarray],
    powers: tuple[float, float],
) -> list[tuple[int, ...] | None]:
    """For each hardware the entry of each kernel that makes latency^x energy^y of the whole least; entry 0 wins ties.

    **Arguments**: for each kernel an array of shape [hardware, entries].
    """
    rows, sums = np.arange(len(latency[0])), np.zeros((2, len(PRICES), len(latency[0])))
    fastest = _summed([np.where(fit, value, np.inf).min(axis=1) for value, fit in zip(latency, usable, strict=True)])
    thriftiest = _summed([np.where(fit, value, np.inf).min(axis=1) for value, fit in zip(energy, usable, strict=True)])
    chosen = np.zeros((len(PRICES), len(rows), len(latency)), int)
    for kernel, (seconds, picojoules, fit) in enumerate(zip(latency, energy, usable, strict=True)):
        for at, price in enumerate(PRICES):
            cost = seconds / fastest[:, None] + price * picojoules / thriftiest[:, None]
            cost[:, 0] *= 1 - BETTER
            pick = np.where(fit, cost, np.inf).argmin(axis=1)
            chosen[at, :, kernel] = pick
            sums[:, at] += seconds[rows, pick], picojoules[rows, pick]
    value = sums[0] ** powers[0] * sums[1] ** powers[1]
    least = value.argmin(axis=0)
    own = _summed([v[:, 0] for v in latency]) ** powers[0] * _summed([v[:, 0] for v in energy]) ** powers[1]
    stays = np.all([fit[:, 0] for fit in usable], axis=0) & (own <= value[least, rows] * (1 + BETTER))
    possible = np.all([fit.any(axis=1) for fit in usable], axis=0)
    kept = (0,) * len(latency)
    return [(kept if stays[h] else tuple(chosen[least[h], h].tolist())) if possible[h] else None for h in rows]


def _summed(each: Sequence[np.ndarray]) -> np.ndarray:
    """The sum over kernels."""
    return np.sum(each, axis=0)
