"""Accelerators that are designed while their networks are trained: one machine for each network, moving with it.

The price of a network on its machine is the energy-delay product of all its layers, from statistics that depend
smoothly on what is left of each layer (`LayerTables`). One pull back through the model gives its slopes by the counts
of the network, which say to the training what is dear, and by the numbers of the machine (log2 of sizes, widths and
tiles), which take a step of Adam down the same price. Numbers move behind the machine, which is the nearest that can be
built (a straight-through estimator). Choices (formats, skipping, loop orders, ...) do not slide: every so often the
machine is searched for anew, for what is left of the network by then, and the best of the old and new ones goes on.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from dse.problem.batched_models import SOON
from dse.problem.search_problem import Problem
from dse.problem.unpacking import unpack
from dse.space.design import Design
from dse.space.log_numbers import LogNumbers
from dse.space.neighbours import hardware_neighbours, mapping_neighbours
from dse.strategies import Strategy
from hwmodels.analytical.evaluation import evaluate
from hwmodels.numerics import Numerics, Trend
from workloads.errors import InputError
from workloads.pruning.layer_statistics import LayerTables

LEARNING_RATE = 0.05
"""Of Adam, in steps of the lattice a call. A guess: in 20 calls a number can reach its neighbours."""
MISFIT = 10.0
"""What an octave by which something does not fit counts as, in octaves of the price."""
FIRST = 8
"""Budgets for the machine that all networks begin with. A guess."""


class Look(NamedTuple):
    """n networks on n machines."""

    log_price: np.ndarray
    """Natural logarithm of the energy-delay product (s pJ), shape [n]."""
    burdened: np.ndarray
    """The same with what does not fit counted in, as the slopes are."""
    by_counts: np.ndarray
    """Slopes by the logarithms of the counts, shape [n, layer, 3]."""
    by_numbers: np.ndarray
    """Slopes by log2 of the machine's numbers, shape [n, h + 3 layers]."""


class Companions:
    """Machines of n networks of one shape.

    `problem` is that of a network of which nothing is gone: one kernel for each layer, its space with a single
    dataflow, whose first objective is what a machine is searched for. Its `evaluations` count everything, each look at
    a network on its machine as two: the forward pass and the pull back.
    """

    def __init__(
        self,
        problem: Problem,
        tables: LayerTables,
        networks: int,
        *,
        strategy: Strategy,
        budget: int,
        seed: int = 0,
        relaxed: Numerics = Trend(),  # noqa: B008 - immutable
    ):
        """`strategy` and `budget` (evaluations) are those of each search. **Raises** `InputError` for a space with
        several dataflows, and where no machine can be found."""
        flows = {flow for kernel in problem.kernels for flow in problem.encoding.space.values("dataflow", kernel.name)}
        if len(flows) != 1:
            raise InputError(f"Co-design moves machines of one dataflow, not {', '.join(map(str, flows))}; fix one.")
        self.problem, self.strategy, self.budget, self.seed = problem, strategy, budget, seed
        self.tables = tables
        self._dataflow = str(flows.pop())
        self._searches = 0
        self._statistics = jax.jit(jax.vmap(LayerTables.statistics))
        self._relaxed = relaxed
        encoding = problem.encoding
        self._log_numbers = LogNumbers(encoding)
        full = np.log2([[k.m, k.k, k.m * k.k] for k in problem.kernels])
        genome = self._searched(full, np.zeros((0, len(encoding.genes)), np.int32), FIRST * budget)
        self.genomes = np.repeat(genome[None], networks, axis=0)
        """The last machine of each network that can be built, rows of the problem's encoding."""
        self.numbers = self._log_numbers.of(self.genomes)
        """Where each machine is now: log2 of its numbers, hardware first, shape [n, h + 3 layers]."""
        self._optimiser = optax.adam(LEARNING_RATE, b1=0.8, b2=0.95)
        self._state = self._optimiser.init(jnp.asarray(self.numbers))
        slopes = jax.vmap(jax.value_and_grad(self._log_price, argnums=(0, 1), has_aux=True), (0, 0, 0))
        self._slopes = jax.jit(slopes, compiler_options=SOON if jax.default_backend() == "cpu" else None)
        self.full_log_price = float(self.look(np.repeat(full[None], networks, axis=0)).log_price[0])
        """Natural logarithm of the price of the whole network on the machine found for it."""

    def look(self, log2_counts: np.ndarray, genomes: np.ndarray | None = None) -> Look:
        """Networks with counts [n, layer, 3] on their machines, or on others."""
        genomes = self.genomes if genomes is None else genomes
        weights = self.problem.encoding.batch(genomes).weights()
        self.problem.evaluations += 2 * len(log2_counts)
        given = (np.asarray(one, np.float32) for one in (log2_counts, self._log_numbers.of(genomes), weights))
        (burdened, price), (by_counts, by_numbers) = jax.device_get(self._slopes(*given))
        return Look(price, burdened, by_counts / np.log(2), by_numbers)

    def step(self, log2_counts: np.ndarray) -> Look:
        """`look`, then a step of every machine: one that proves worse than the machine before it is given up."""
        before, look = self.genomes, self.look(log2_counts)
        slope = self._log_numbers.unit_slopes(look.by_numbers)
        update, self._state = self._optimiser.update(jnp.asarray(slope), self._state)
        self.numbers = self._log_numbers.moved(self.numbers, np.asarray(update))
        after = self._snapped()
        moved = (before != after).any(axis=1)
        if not moved.any():
            return look
        new = self.look(log2_counts, after)
        better = new.burdened < look.burdened
        self.genomes = np.where(better[:, None], after, before)
        back = moved & ~better
        self.numbers = np.where(back[:, None], self._log_numbers.of(before), self.numbers)
        chosen = [np.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(new, look, strict=True)]
        return Look(*chosen)

    def settle(self, log2_counts: np.ndarray) -> None:
        """Search each machine anew for its network's counts: by the strategy, and by steps from the best known one."""
        snapped = self._snapped()
        for at, counts in enumerate(log2_counts):
            self.genomes[at] = self._searched(counts, np.stack([snapped[at], self.genomes[at]]), self.budget)
        self.numbers = self._log_numbers.of(self.genomes)
        self._state = self._optimiser.init(jnp.asarray(self.numbers))

    def designs(self) -> list[Design]:
        """The machines in words."""
        return [self.problem.design(genome) for genome in self.genomes]

    def _log_price(self, log2_counts: Array, numbers: Array, weights: Array) -> tuple[Array, Array]:
        """With what does not fit, and without."""

        def layer(table: LayerTables, counts: Array, tiles: Array, weights: Array) -> tuple[Array, Array, Array]:
            hardware, mapping = unpack(jnp.exp2(jnp.concatenate([own, tiles])), weights, self._dataflow)
            statistics = table.statistics(counts)
            cost = evaluate(hardware, mapping, statistics, self.problem.technology, numerics=self._relaxed)
            return cost.latency_s, cost.total_energy_pj, jnp.log(jnp.maximum(cost.fits, 1.0)).sum()

        own, tiles = self._log_numbers.apart(numbers)
        latency, energy, misfit = jax.vmap(layer)(self.tables, log2_counts, tiles, weights)
        repeats = jnp.asarray(self.problem.repeats, latency.dtype)
        price = jnp.log(latency @ repeats) + jnp.log(energy @ repeats)
        return price + MISFIT * misfit.sum(), price

    def _snapped(self) -> np.ndarray:
        """The genomes nearest to where the machines are."""
        return self._log_numbers.nearest(self.genomes, self.numbers)

    def _searched(self, counts: np.ndarray, known: np.ndarray, budget: int) -> np.ndarray:
        """The best genome for a network's counts that is found from those known and a sample of the strategy's."""
        own = self._problem_at(counts)
        self._searches += 1
        seed = self.seed + self._searches
        result = self.strategy(own, budget=max(budget // 2, 1), seed=seed)
        rows = np.concatenate([result.genomes[:1], known])
        if len(rows):
            rows = descended(own, rows, budget - budget // 2, np.random.default_rng(seed))
        self.problem.evaluations += own.evaluations
        if not len(rows):
            raise InputError(own.explain_infeasible())
        return rows[0]

    def _problem_at(self, counts: np.ndarray) -> Problem:
        whole = np.log2(np.maximum(np.rint(np.exp2(counts)), 1.0)).astype(np.float32)
        stacked = self._statistics(self.tables, whole)
        return self.problem.changed(
            statistics=[jax.tree.map(lambda leaf, at=at: leaf[at], stacked) for at in range(len(whole))]
        )


def descended(problem: Problem, rows: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    """The best of some designs, shape [1, genes], after steps on the lattice: every kernel's best one at a time.

    Each round tries a step of every kernel's mapping in each evaluation, and all of the hardware; then the best steps
    of all kernels together, without and with the best step of the hardware. `rows` that are all infeasible are left
    as they are, the last of them.
    """
    encoding, until = problem.encoding, problem.evaluations + budget
    scores = problem.score(rows)
    value = np.where(scores.feasible, scores.objectives[:, 0], np.inf)
    row, least = rows[np.argmin(value)], float(value.min())
    if not np.isfinite(least):
        return rows[-1:]
    while problem.evaluations < until:
        hardware = hardware_neighbours(encoding, row)
        steps = [rng.permutation(mapping_neighbours(encoding, row, at)) for at in range(len(encoding.kernels))]
        mapped = np.repeat(row[None], max(map(len, steps), default=0) + 1, axis=0)
        for at, own in enumerate(steps):
            columns = encoding.of_kernel == at
            mapped[1 : len(own) + 1, columns] = own[:, columns]
        spare = max(until - problem.evaluations - 2, 1)
        tried = encoding.canonical(np.concatenate([mapped, rng.permutation(hardware)])[:spare])
        scores = problem.score(tried)
        here = np.arange(len(tried)) < len(mapped)
        with np.errstate(invalid="ignore"):
            costs = scores.latency_s / scores.latency_s[0].sum() + scores.energy_pj / scores.energy_pj[0].sum()
        best = np.argmin(np.where(scores.kernel_fits & here[:, None], costs, np.inf), axis=0)
        together = row.copy()
        for at, place in enumerate(best):
            columns = encoding.of_kernel == at
            together[columns] = tried[place, columns]
        value = np.where(scores.feasible, scores.objectives[:, 0], np.inf)
        new, outside = [together], np.flatnonzero(~here)
        if len(outside):
            columns = encoding.of_kernel < 0
            new.append(np.where(columns, tried[outside[np.argmin(value[outside])]], together))
        new = encoding.canonical(np.array(new, row.dtype))
        ends = problem.score(new)
        value = np.append(value, np.where(ends.feasible, ends.objectives[:, 0], np.inf))
        if not value.min() < least:
            break
        row, least = np.concatenate([tried, new])[np.argmin(value)], float(value.min())
    return row[None]
