"""The evolutionary search NSGA-II (Deb et al., 2002), as pymoo has it (Blank and Deb, IEEE Access 2020)."""

import numpy as np

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.independent_positions import position_counts, rows_at
from dse.strategies.library_scores import log_objectives, violations
from dse.strategies.strategy import Strategy


class Evolutionary(Strategy):
    """NSGA-II on the positions of a design, with pymoo's settings: its crossover and mutation with rounding repair."""

    population: int = 100
    """pymoo's default."""

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

        encoding = run.problem.encoding
        counts = position_counts(encoding)
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
            scores = run.score(encoding.canonical(rows_at(encoding, np.asarray(asked.get("X"), int))))
            if len(scores) < len(asked):
                return
            scored = StaticProblem(space, F=log_objectives(scores), G=violations(scores)[:, None])
            Evaluator().eval(scored, asked)
            search.tell(infills=asked)
