"""Optuna's tree-structured Parzen estimator (Akiba et al., KDD 2019; Ozaki et al., JAIR 2022)."""

import warnings
from typing import Any

import numpy as np

from dse.problem.search_problem import Problem
from dse.space.encoding import Encoding
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.library_scores import WORST, log_objectives, violations
from dse.strategies.strategy import Strategy
from workloads.errors import InputError

PENALTY = 10.0
"""Decades by which one octave over a limit makes every objective worse, for a search that knows no limits."""
MOST_ILLEGAL = 1000
"""Illegal designs in a row after which a search is given up."""


class Tpe(Strategy):
    """One design a time, with Optuna's settings; needs the extra `compare`.

    It knows no limits: a design that exceeds one is made worse in every objective. Illegal ones are the worst
    and count nothing.
    """

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget; InputError where Optuna is not installed."""
        try:
            import optuna
        except ImportError as error:
            raise InputError(
                "This strategy needs optuna; install it with: pip install 'sparse-dse[compare]'."
            ) from error
        encoding = run.problem.encoding
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                directions=["minimize"] * len(run.problem.objectives), sampler=optuna.samplers.TPESampler(seed=run.seed)
            )
            illegal = 0
            while run.remaining and illegal < MOST_ILLEGAL:
                trial = study.ask()
                raw = np.array([[_suggestion(trial, encoding, at) for at in range(len(encoding.genes))]], np.int32)
                row = _settled(run.problem, raw)
                scores = None if row is None else run.score(row)
                if scores is None:
                    illegal += 1
                    study.tell(trial, [WORST] * len(run.problem.objectives))
                    continue
                illegal = 0
                study.tell(trial, list(log_objectives(scores)[0] + PENALTY * violations(scores)[0]))


def _suggestion(trial: Any, encoding: Encoding, column: int) -> int:
    """Optuna's position of one gene."""
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
