"""Uncertain constants brought to designs: their draws, what becomes of designs and of rivals under them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse import CountedDesigns, Design, Problem, draw_factors, uncertainty
from experiments.common.sensitivity.conclusions import Survey, choice_rows, constant_rows
from experiments.common.sensitivity.rivals import QUESTIONS
from hwmodels.technology import Constant
from workloads.errors import InputError


@dataclass(frozen=True)
class UncertainConstants:
    """Uncertain constants: their draws, and how far their ranges are widened."""

    constants: Sequence[Constant]
    factors: np.ndarray
    scale: float

    @staticmethod
    def of(constants: Sequence[Constant], draws: int, seed: int, scale: float) -> "UncertainConstants":
        """Draw; InputError for no draws or a scale out of range."""
        return UncertainConstants(constants, draw_factors(constants, draws, seed=seed, scale=scale), scale)

    def priced(self, problem: Problem, designs: Sequence[Design]) -> CountedDesigns:
        """Designs counted at all bandwidths that are drawn or at an end of a range."""
        known = uncertainty(self.constants)
        rates = [at for at, constant in enumerate(self.constants) if constant.name.endswith("_gbps")]
        ends = self.scale * np.log([known[self.constants[at].name] for at in rates])
        return CountedDesigns(
            problem, designs, float(np.exp(max(np.abs(np.log(self.factors[:, rates])).max(), ends.max())))
        )

    def survey(self, priced: CountedDesigns) -> Survey:
        """Designs under all draws, and under the constants as they are."""
        names = [constant.name for constant in self.constants]
        default = priced.under(names, np.ones((1, len(names))))
        return possible(Survey(self.constants, self.factors, priced.under(names, self.factors), default))

    def strength(self, priced: CountedDesigns, survey: Survey, focus: int) -> list[dict[str, Any]]:
        """Rows of `constants.csv`: each constant moved by itself to either end of its 95 % range."""
        names = [constant.name for constant in self.constants]
        reach = self.scale * np.diag(np.log([uncertainty(self.constants)[name] for name in names]))
        return constant_rows(survey, *(priced.under(names, np.exp(sign * reach)) for sign in (-1, 1)), focus)


def possible(survey: Survey) -> Survey:
    """The draws in which at least one design reaches the clock; InputError if there is none."""
    usable = np.flatnonzero(survey.drawn.sound.any(axis=1))
    if len(usable) == 0:
        raise InputError("No design reaches the clock in any draw; lower --clock-ghz or --scale, or draw more often.")
    return Survey(survey.constants, survey.factors[usable], survey.drawn.take(usable), survey.default)


def rival_tables(
    problem: Problem, found: Mapping[str, Mapping[str, Design]], doubt: UncertainConstants
) -> list[list[dict[str, Any]]]:
    """Rows of `choices.csv` for each choice; the rivals of all choices are priced together."""
    if not found:
        return []
    survey = doubt.survey(doubt.priced(problem, [design for few in found.values() for design in few.values()]))
    tables, first = [], 0
    for choice, few in found.items():
        own, first = slice(first, first + len(few)), first + len(few)
        drawn, default = survey.drawn.take(slice(None), own), survey.default.take(slice(None), own)
        mine = possible(Survey(survey.constants, survey.factors, drawn, default))
        tables.append(choice_rows(QUESTIONS[choice], list(few), mine))
    return tables
