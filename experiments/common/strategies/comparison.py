"""Tables of medians and ranges, who is ahead at equal evaluations, and what each reaches in gradient's seconds."""

from collections.abc import Sequence

import numpy as np

from dse.problem.objectives import OBJECTIVES
from experiments.common.strategies.runs import Compared
from experiments.common.table import text_table

_WHOSE = {
    "enumerated": "on the front that enumeration finds; share of its",
    "bounded": "points that no design gets beyond; share, at least, of the front's",
    "union": "on the front of all runs together; share of its",
}
LARGE = 20_000_000
"""Designs from which on their number is given in powers of ten."""


def report_of(space: str, compared: Compared, objectives: Sequence[str]) -> str:
    """Of one space."""
    lines = [_heading(space, compared), f"  box of the hypervolume: {_box(compared, objectives)}"]
    return "\n".join([*lines, _by_budget(compared), *_beside_gradient(compared)])


def designs_words(designs: float) -> str:
    """A number of designs, in powers of ten where it is large."""
    return f"{designs:,.0f} designs" if designs <= LARGE else f"{designs:.1e} designs"


def _heading(space: str, compared: Compared) -> str:
    reference = compared.reference
    took = "" if reference.known == "union" else f", {reference.known} in {reference.seconds:.1f} s"
    return (
        f"{space}: {designs_words(reference.designs)}{took}, {len(reference.objectives)} {_WHOSE[reference.known]} "
        f"hypervolume, median (range of {compared.seeds} seeds), {compared.clock_words}"
    )


def _box(compared: Compared, objectives: Sequence[str]) -> str:
    """Its corners, in units."""
    box = compared.reference.box
    return ", ".join(
        f"{name} {10.0**low:.4g} to {10.0**high:.4g} {OBJECTIVES[name].unit}"
        for name, low, high in zip(objectives, box.ideal, box.reference, strict=True)
    )


def _by_budget(compared: Compared) -> str:
    """A row a budget, a column a strategy."""
    enumerated, designs = compared.reference.known == "enumerated", compared.reference.designs
    table = []
    for budget in sorted({budget for strategy in compared.strategies for budget in compared.budgets(strategy)}):
        share = f"{budget / designs:.2%}" if enumerated else "-"
        table.append([share, f"{budget:,}", *(_cell(compared, strategy, budget) for strategy in compared.strategies)])
    return text_table(("budget", "evaluations", *compared.strategies), table)


def _cell(compared: Compared, strategy: str, budget: int) -> str:
    found = compared.shares(strategy, budget)
    if len(found) == 0:
        return "-"
    middle, low, high = (f"{pick(found):.2%}" for pick in (np.median, np.min, np.max))
    return f"{middle} ({low}..{high}), {compared.seconds(strategy, budget):.2g} s"


def _beside_gradient(compared: Compared) -> list[str]:
    """In how many runs gradients beat the others at equal evaluations, and what those reach in the same seconds."""
    mine, others = compared.budgets("gradient"), [name for name in compared.strategies if name != "gradient"]
    if not mine or not others:
        return []
    lines = []
    for other in others:
        both = [budget for budget in mine if budget in compared.budgets(other)]
        won = [compared.shares("gradient", budget) - compared.shares(other, budget) for budget in both]
        ahead, level = sum(int(np.sum(w > 0)) for w in won), sum(int(np.sum(w == 0)) for w in won)
        if both:
            lines.append(f"  gradient is ahead of {other} in {ahead}, level in {level} of {np.size(won)} runs")
    table = []
    for budget in mine:
        seconds = compared.seconds("gradient", budget)
        reached = [float(np.median(compared.shares("gradient", budget)))]
        reached += [compared.within(other, seconds) for other in others]
        table.append([f"{seconds:.2f} s", *(f"{share:.3%}" for share in reached)])
    return [*lines, text_table(("in", "gradient", *others), table)]
