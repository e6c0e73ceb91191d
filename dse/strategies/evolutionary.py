"""The evolutionary search NSGA-II (Deb et al., 2002), as pymoo has it (Blank and Deb, IEEE Access 2020)."""

import numpy as np
import scipy

from dse.mapper.composition import PRICES, Tried, compose
from dse.problem.search_problem import Scores
from dse.strategies.archive import ParetoArchive
from dse.strategies.beginnings import sample
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.hardware_search import designs_of
from dse.strategies.independent_positions import position_counts, rows_at
from dse.strategies.library_scores import log_objectives, violations
from dse.strategies.operators import Operator, generation, unit_sets
from dse.strategies.strategy import Strategy


class Evolutionary(Strategy):
    """NSGA-II with pymoo's settings: its crossover and mutation of positions, with rounding repair."""

    population: int = 100
    """pymoo's default."""
    mapped: bool = False
    """Whether individuals are machines, with a price of energy against time by which the mapper chooses the mappings of
    each, as in the searches by gradients and without; otherwise they are whole designs."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        # pymoo is imported here, since whoever searches in another way need not wait for it
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.problem import Problem as PymooProblem
        from pymoo.operators.crossover.sbx import SBX
        from pymoo.operators.mutation.pm import PM
        from pymoo.operators.repair.rounding import RoundingRepair
        from pymoo.operators.sampling.rnd import IntegerRandomSampling
        from pymoo.problems.static import StaticProblem

        individuals = _Machines(run) if self.mapped else _Designs(run)
        counts = individuals.counts
        space = PymooProblem(
            n_var=len(counts), n_obj=len(run.problem.objectives), n_ieq_constr=1, xl=0, xu=counts - 1, vtype=int
        )
        search = NSGA2(
            pop_size=self.population,
            sampling=IntegerRandomSampling(),
            crossover=SBX(vtype=float, repair=RoundingRepair()),
            mutation=PM(vtype=float, repair=RoundingRepair()),
            eliminate_duplicates=True,
        )
        search.setup(space, termination=("n_eval", run.budget), seed=run.seed, verbose=False)
        while run.remaining and search.has_next():
            asked = search.ask()
            if asked is None or len(asked) == 0:
                return
            scores = individuals.score(np.asarray(asked.get("X"), int))
            if len(scores) < len(asked):
                return
            scored = StaticProblem(space, F=log_objectives(scores), G=violations(scores)[:, None])
            Evaluator().eval(scored, asked)
            search.tell(infills=asked)


class _Designs:
    """Individuals that are whole designs, mappings included."""

    def __init__(self, run: SearchRun):
        self._run = run
        self.counts = position_counts(run.problem.encoding)
        """How many values each position has."""

    def score(self, positions: np.ndarray) -> Scores:
        """Scores of individuals, shape [n, positions]; fewer where the budget ends."""
        encoding = self._run.problem.encoding
        return self._run.score(encoding.canonical(rows_at(encoding, positions)))


class _Lending(Operator):
    """Machines that are given, to which designs of the front lend their mappings."""

    def __init__(self, columns: np.ndarray, positions: np.ndarray):
        self._columns, self._positions = columns, positions

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """One for each lender."""
        rows = archive.rows[parents]
        rows[:, self._columns] = self._positions
        return rows


class _Machines:
    """Individuals that are machines: positions of the hardware, then one of `PRICES`.

    On each machine mappings are tried that designs of the front lend, first the one whose hardware is nearest, and its
    own with steps taken. The individual is worth what they come to when put together for its price; all other designs
    that they make are kept for the front, too.
    """

    def __init__(self, run: SearchRun):
        encoding = run.problem.encoding
        own = encoding.number_columns[encoding.of_kernel[encoding.number_columns] < 0]
        self._run, self._columns = run, np.append(own, encoding.hardware_choices)
        self.counts = np.append(encoding.radix[self._columns], len(PRICES))
        """How many values each position has."""
        sample(run, run.budget, [run.archive])

    def score(self, positions: np.ndarray) -> Scores:
        """Scores of individuals, shape [n, positions]; fewer where the budget ends."""
        run, problem, designs = self._run, self._run.problem, designs_of(self._run)
        positions = positions[: run.remaining // (designs + 1)]
        if len(positions) == 0:
            return run.score(run.archive.rows[:0])
        lenders = [self._nearest(positions)]
        rows = generation(run, run.archive, [_Lending(self._columns, positions[:, :-1])], lenders, designs)
        tried = Tried.on(problem, rows, np.ones(rows.shape[:2], bool))
        found = compose(problem, tried, unit_sets(run, rows))
        scores = problem.scores_of(found.outputs)
        run.archive.merge(found.rows, scores)
        own = rows[:, 0].copy()
        price = PRICES[positions[found.machine, -1]]
        with np.errstate(all="ignore"):
            latency, energy = np.log(scores.latency_s.sum(axis=1)), np.log(scores.energy_pj.sum(axis=1))
        order = np.lexsort((price * latency + (1.0 - price) * energy, scores.violation))[::-1]
        own[found.machine[order]] = found.rows[order]  # of those of a machine the last one written, the best, stays
        return run.score(problem.encoding.canonical(own))

    def _nearest(self, positions: np.ndarray) -> np.ndarray:
        """The design of the front whose hardware is nearest each individual's, in steps."""
        tree = scipy.spatial.cKDTree(self._run.archive.rows[:, self._columns])
        return np.atleast_1d(tree.query(positions[:, :-1], p=1)[1])
