"""Mappings tried on the same machine, put together kernel by kernel: the mapper inside a search.

Kernels share nothing but the hardware, so of m designs tried on one hardware each kernel may take the mapping of
another one. What each mapping takes is known (`Problem.mappings_alone`); what the units of the machine add, which are
all that any of its kernels uses, is the same for all its mappings and is added exactly. So the best of the $m^K$
designs for a price of energy against time is one argmin a kernel. Which units the machine has couples the kernels: it
is chosen above the prices, from sets of units that are given.
"""

from typing import NamedTuple

import numpy as np

from dse.problem.batched_models import ENERGY, FIT, LATENCY, OUTPUTS
from dse.problem.search_problem import Problem
from hwmodels.cost import within_limit

PRICES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
"""Weights of relative latency, the rest that of energy, for each of which the best of every kernel is put together."""
MISFIT, FORBIDDEN = 1e6, 1e12
"""What a mapping that does not fit, and one that needs a unit which is not there, cost relative to the best."""
ANY = np.int64(-1)
"""All units, as bits."""


class Tried(NamedTuple):
    """m designs tried on each of n machines; all on a machine have its hardware."""

    rows: np.ndarray
    """Genomes, shape [n, m, genes]."""
    outputs: np.ndarray
    """Of `Problem.mappings_alone`, shape [n, m, K, OUTPUTS]."""

    @staticmethod
    def on(problem: Problem, rows: np.ndarray, wanted: np.ndarray) -> "Tried":
        """Evaluate designs, shape [n, m, genes], where `wanted`, shape [n, m]; the others count as not fitting."""
        outputs = np.full((*rows.shape[:2], len(problem.kernels), OUTPUTS), np.inf)
        if wanted.any():
            outputs[wanted] = problem.mappings_alone(rows[wanted])
        return Tried(rows, outputs)

    @property
    def need(self) -> np.ndarray:
        """Largest need over capacity of each mapping, infinite where it has no finite cost; shape [n, m, K]."""
        finite = np.isfinite(self.outputs).all(axis=3)
        return np.where(finite, self.outputs[:, :, :, FIT].max(axis=3), np.inf)


class Composed(NamedTuple):
    """Designs that were put together."""

    machine: np.ndarray
    """Of those tried, shape [j]."""
    rows: np.ndarray
    """Genomes, shape [j, genes]."""
    outputs: np.ndarray
    """Shape [j, K, OUTPUTS]; the machine has the units that the mappings use."""
    units: np.ndarray
    """These, as bits of `Encoding.unit_bits`, shape [j]."""

    def take(self, designs: np.ndarray) -> "Composed":
        """Some of the designs."""
        return Composed(*(part[designs] for part in self))


def compose(problem: Problem, tried: Tried, allowed: np.ndarray) -> Composed:
    """For every machine, set of units and price the best mapping of each kernel.

    **Arguments**: `allowed`, sets of units as bits of `Encoding.unit_bits`, shape [n, q]. Sets with which a
    kernel cannot run at all give nothing; where none of a kernel's mappings fits, the one that misses least is taken.
    """
    encoding, (n, m, genes) = problem.encoding, tried.rows.shape
    kernels = len(encoding.kernels)
    bits = encoding.unit_bits(tried.rows.reshape(-1, genes)).reshape(n, m, kernels)
    machine, picks = _picked(problem, tried, bits, allowed)
    donor = np.where(encoding.of_kernel >= 0, picks[:, encoding.of_kernel], 0)
    rows = encoding.canonical(tried.rows[machine[:, None], donor, np.arange(genes)])
    each = np.arange(kernels)
    outputs = tried.outputs[machine[:, None], picks, each]
    used = np.bitwise_or.reduce(bits[machine[:, None], picks, each], axis=1)
    return Composed(machine, rows, problem.on_machines(outputs, rows, used), used)


def _picked(problem: Problem, tried: Tried, bits: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Machine, shape [j], and each kernel's design, shape [j, K], of every different combination that is best."""
    kernels = bits.shape[2]
    possible = (bits[:, None] & ~allowed[:, :, None, None]) == 0  # [n, q, m, K]
    if kernels == 1:  # nothing to put together: every mapping is a design
        machine, _, pick = np.nonzero(possible[..., 0] & np.isfinite(tried.outputs[:, None, :, 0]).all(axis=3))
        found = np.unique(np.stack([machine, pick], axis=1), axis=0)
        return found[:, 0], found[:, 1:]
    loss = _losses(problem, tried, bits)
    dear = np.where(possible[:, :, None], loss[:, None], FORBIDDEN)  # [n, q, p, m, K]
    picks = dear.argmin(axis=3)
    can = possible.any(axis=2).all(axis=2)  # [n, q]
    machine, choice, price = np.nonzero(np.broadcast_to(can[:, :, None], picks.shape[:3]))
    found = picks[machine, choice, price]
    weights = np.random.default_rng(0).integers(2**62, size=kernels + 1)
    key = found @ weights[1:] + machine * weights[0]  # equal combinations have equal keys
    _, first = np.unique(key, return_index=True)
    return machine[first], found[first]


def _losses(problem: Problem, tried: Tried, bits: np.ndarray) -> np.ndarray:
    """What each mapping costs at each price, relative to the best; shape [n, p, m, K].

    A machine's units are taken to be those of its first design.
    """
    first = np.bitwise_or.reduce(bits[:, 0], axis=1)
    outputs = problem.on_machines(tried.outputs, tried.rows[:, 0], first)
    need = tried.need
    usable = within_limit(need)
    shares = []
    for at in (LATENCY, ENERGY):
        cost = np.where(usable, outputs[..., at], np.inf)
        least = np.where(usable.any(axis=1), cost.min(axis=1), 0.0)
        shares.append(cost * problem.kernel_weights(least)[:, None])
    price = PRICES[:, None, None]
    with np.errstate(invalid="ignore"):  # infinitely much at no price
        loss = price * shares[0][:, None] + (1.0 - price) * shares[1][:, None]
    missed = MISFIT * np.minimum(np.nan_to_num(need, nan=np.inf), 1e4)
    return np.where(usable[:, None], loss, missed[:, None])
