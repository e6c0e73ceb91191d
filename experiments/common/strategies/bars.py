"""What must hold of the gradient strategy, and where it does not."""

import numpy as np

from experiments.common.strategies.runs import Compared

LEAST = 0.995
"""Share of the hypervolume of a front that is known, with the largest budget."""
BEHIND = 0.001
"""Of the hypervolume, that the gradient strategy may be behind a rival in the same seconds."""
RIVALS = ("nsga2", "nsga2_mapped", "tpe")


def failed(space: str, compared: Compared) -> list[str]:
    """Bars that the gradient strategy misses on a space, in words."""
    known, budgets = compared.reference.known, compared.budgets("gradient")
    if not budgets:
        return []
    texts, most = [], max(budgets)
    mine = float(np.median(compared.shares("gradient", most)))
    if known == "enumerated" and mine < LEAST:
        texts.append(f"on {space} gradient reaches {mine:.2%} with {most:,} evaluations, not {LEAST:.1%}.")
    for rival in RIVALS:
        if rival not in compared.strategies:
            continue
        fastest = min(compared.seconds(rival, budget) for budget in compared.budgets(rival))
        for budget in budgets:
            seconds = compared.seconds("gradient", budget)
            if budget < most and seconds < fastest:
                continue  # the rival has nothing to show yet
            mine, theirs = float(np.median(compared.shares("gradient", budget))), compared.within(rival, seconds)
            ahead = known == "union" and budget == most
            if mine < theirs - (0.0 if ahead else BEHIND):
                texts.append(
                    f"on {space} {rival} reaches {theirs:.3%} in the {seconds:.2g} s of gradient's {mine:.3%}."
                )
    return texts
