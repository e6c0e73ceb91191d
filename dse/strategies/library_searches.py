"""Searches of other libraries on our problems, as strategies: pymoo's NSGA-II and Optuna's TPE.

Both see what our own strategies see: the same designs, the same evaluations, objectives in log10, and how far limits
are exceeded. Each has its library's own settings. Needs the extra `compare`.
"""

import warnings
from types import ModuleType

import numpy as np

from dse.problem.search_problem import Problem, Scores
from dse.strategies.bookkeeping import Run
from dse.strategies.strategy import Strategy
from workloads.errors import InputError

WORST = 300.0
"""log10 of an objective that is not finite."""
PENALTY = 10.0
"""Decades by which one octave over a limit makes every objective worse, for a search that knows no limits."""
MOST_ILLEGAL = 1000
"""Illegal designs in a row after which a search is given up."""


def _needed(name: str) -> ModuleType:
    """A library of the extra `compare`; InputError where it is not installed."""
    try:
        return __import__(name)
    except ImportError as error:
        raise InputError(f"This strategy needs {name}; install it with: pip install 'sparse-dse[compare]'.") from error


def _logs(scores: Scores) -> np.ndarray:
    """log10 of the objectives, finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.log10(scores.objectives), nan=WORST, posinf=WORST, neginf=-WORST)


def _violations(scores: Scores) -> np.ndarray:
    return np.nan_to_num(scores.violation, nan=WORST, posinf=WORST)


class Nsga2(Strategy):
    """pymoo's NSGA-II (Blank and Deb, IEEE Access 2020) on integers: its crossover and mutation with rounding repair.

    A design is the position of each number, the intersection unit, and for each kernel one of its legal combinations.
    """

    population: int = 100
    """pymoo's default."""

    def search(self, run: Run) -> None:
        """Spend the run's budget."""
        _needed("pymoo")
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.problem import Problem as PymooProblem
        from pymoo.operators.crossover.sbx import SBX
        from pymoo.operators.mutation.pm import PM
        from pymoo.operators.repair.rounding import RoundingRepair
        from pymoo.operators.sampling.rnd import IntegerRandomSampling
        from pymoo.problems.static import StaticProblem

        encoding = run.problem.encoding
        columns = [*encoding.number_columns, encoding.column(-1, "intersection")]
        sizes = np.array([*encoding.radix[columns], *(len(rows) for rows in encoding.combinations)])
        space = PymooProblem(
            n_var=len(sizes), n_obj=len(run.problem.objectives), n_ieq_constr=1, xl=0, xu=sizes - 1, vtype=int
        )
        search = NSGA2(
            pop_size=self.population,
            sampling=IntegerRandomSampling(),
            crossover=SBX(vtype=float, repair=RoundingRepair()),
            mutation=PM(vtype=float, repair=RoundingRepair()),
            eliminate_duplicates=True,
        )
        search.setup(space, termination=("n_eval", run.budget), seed=run.seed, verbose=False)
        run.remember = False
        while run.remaining and search.has_next():
            asked = search.ask()
            if asked is None or len(asked) == 0:
                return
            _, scores = run.score(_rows(run.problem, np.asarray(asked.get("X"), int), columns))
            if scores is None or len(scores) < len(asked):
                return
            known = StaticProblem(space, F=_logs(scores), G=_violations(scores)[:, None])
            Evaluator().eval(known, asked)
            search.tell(infills=asked)


def _rows(problem: Problem, positions: np.ndarray, columns: list[int]) -> np.ndarray:
    """Genomes of positions of the numbers and the intersection, then of each kernel's combination."""
    encoding = problem.encoding
    rows = np.zeros((len(positions), len(encoding.genes)), np.int32)
    rows[:, columns] = positions[:, : len(columns)]
    for kernel, combinations in enumerate(encoding.combinations):
        rows[:, encoding.combined_columns(kernel)] = combinations[positions[:, len(columns) + kernel]]
    return encoding.canonical(rows)


class Tpe(Strategy):
    """Optuna's tree-structured Parzen estimator (Akiba et al., KDD 2019; Ozaki et al., JAIR 2022), one design a time.

    It knows no limits: a design that exceeds one is made worse in every objective. Illegal designs count nothing.
    """

    def search(self, run: Run) -> None:
        """Spend the run's budget."""
        optuna = _needed("optuna")
        encoding = run.problem.encoding
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                directions=["minimize"] * len(run.problem.objectives), sampler=optuna.samplers.TPESampler(seed=run.seed)
            )
            run.remember = False  # what it asks again is evaluated again, and counts
            illegal = 0
            while run.remaining and illegal < MOST_ILLEGAL:
                trial = study.ask()
                raw = np.array([[self._suggest(trial, encoding, at) for at in range(len(encoding.genes))]], np.int32)
                row = _settled(run.problem, raw)
                scores = None if row is None else run.score(row)[1]
                if scores is None:
                    illegal += 1
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    continue
                illegal = 0
                study.tell(trial, list(_logs(scores)[0] + PENALTY * _violations(scores)[0]))

    @staticmethod
    def _suggest(trial, encoding, column: int) -> int:
        radix, name = int(encoding.radix[column]), f"gene_{column}"
        if radix == 1:
            return 0
        if encoding.is_number[column]:
            return trial.suggest_int(name, 0, radix - 1)
        return trial.suggest_categorical(name, list(range(radix)))


def _settled(problem: Problem, row: np.ndarray) -> np.ndarray | None:
    """The row with the legal choices that its own turn into; None where there are none."""
    encoding, row = problem.encoding, row.copy()
    for kernel, combinations in enumerate(encoding.combinations):
        columns = encoding.combined_columns(kernel)
        raw = np.ravel_multi_index(tuple(row[:, columns].T), tuple(encoding.radix[columns]))
        index = int(encoding.settled[kernel][raw][0])
        if index < 0:
            return None
        row[:, columns] = combinations[index]
    return encoding.canonical(row)
