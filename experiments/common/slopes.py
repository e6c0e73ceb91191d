"""Slopes beside finite changes: what 1 % more, half and double of each parameter do, as rows and as text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dse import FiniteChange, FiniteChanges
from experiments.common.table import text_table

Slopes = Mapping[str, Mapping[str, float]]
"""Parameter -> objective -> d log / d log, as `dse.elasticities` gives them."""

SHOWN_TILES = 12
"""Tile sizes that are printed and drawn, those that matter most; the file has all."""
MISLEADS = "!"
LARGE = 2.0
"""Ratio from which on a change is a factor rather than per cent."""


def strongest(slopes: Slopes, changes: FiniteChanges) -> list[str]:
    """All parameters of the hardware, and the tile sizes that matter most."""

    def strength(name: str) -> float:
        ratios = [r for change in _both(changes, name) for r in change.held.values() if r > 0]
        return max([*map(abs, slopes[name].values()), *(abs(math.log2(ratio)) for ratio in ratios)])

    tiles = sorted((name for name in slopes if "." in name), key=lambda name: -strength(name))
    kept = set(tiles[:SHOWN_TILES])
    return [name for name in slopes if "." not in name or name in kept]


def _both(changes: FiniteChanges, name: str) -> list[FiniteChange]:
    return [side[name] for side in (changes.below, changes.above) if name in side]


def slope_rows(slopes: Slopes, changes: FiniteChanges) -> list[dict[str, Any]]:
    """Rows of a table, one a parameter: slopes under the objectives' names, then ratios below and above.

    `OBJECTIVE_below` and `OBJECTIVE_above` are ratios with mappings chosen anew (empty for tiles), `..._held` with all
    else held, `OBJECTIVE_misleads` where the slope foretells what does not happen.
    """
    misleading = changes.misleading(slopes)
    rows = []
    for name, by_objective in slopes.items():
        sides = {"below": changes.below.get(name), "above": changes.above.get(name)}
        row: dict[str, Any] = {"parameter": name, **by_objective}
        row |= {f"{side}_value": change.value if change else "" for side, change in sides.items()}
        row |= {f"{side}_misfit": change.misfit if change else "" for side, change in sides.items()}
        for objective in by_objective:
            for side, change in sides.items():
                row[f"{objective}_{side}"] = change.anew.get(objective, "") if change else ""
                row[f"{objective}_{side}_held"] = change.held[objective] if change else ""
            row[f"{objective}_misleads"] = " and ".join(misleading[name][objective])
        rows.append(row)
    return rows


def slope_table(slopes: Slopes, changes: FiniteChanges, names: Sequence[str], objectives: Sequence[str]) -> str:
    """Slopes, and changes at half and double, as text; a mark where the slope misleads."""
    misleading = changes.misleading(slopes)
    header = ["parameter"]
    for objective in objectives:
        header += [objective.rpartition("_")[0], "x1/2 ", "x2 "]
    rows = []
    for name in names:
        row = [name]
        for objective in objectives:
            row.append(f"{slopes[name][objective]:+.2f}")
            for side, known in (("below", changes.below), ("above", changes.above)):
                text = change_words(known[name].ratio(objective)) if name in known else "-"
                row.append(text + (MISLEADS if side in misleading[name][objective] else " "))
        rows.append(row)
    return text_table(header, rows)


def change_words(ratio: float) -> str:
    """A ratio as per cent of change, a large one as a factor."""
    if math.isnan(ratio):
        return "no fit"
    return f"x{ratio:.3g}" if ratio >= LARGE else f"{ratio - 1:+.0%}"


def misleading_words(slopes: Slopes, changes: FiniteChanges, objectives: Sequence[str]) -> list[str]:
    """The hardware's parameters whose slope misleads about doubling them, a line an objective."""
    misleading = changes.misleading(slopes)
    lines = []
    for objective in objectives:
        found = [
            f"{name} (slope {row[objective]:+.2f}, double {change_words(changes.above[name].ratio(objective))})"
            for name, row in slopes.items()
            if "." not in name and "above" in misleading[name][objective]
        ]
        if found:
            lines.append(f"{objective.rpartition('_')[0]}: {', '.join(found)}")
    return lines


def slopes_story(along: Mapping[int, tuple[Slopes, FiniteChanges]], objectives: Sequence[str]) -> list[str]:
    """How often, along a front, slopes by the hardware's numbers foretell what doubling does not do."""
    wrong: dict[str, list[str]] = {objective: [] for objective in objectives}
    misleading = {row: changes.misleading(slopes) for row, (slopes, changes) in along.items()}
    for name in next(iter(misleading.values())):
        if "." not in name:
            for objective in objectives:
                count = sum("above" in found[name][objective] for found in misleading.values())
                wrong[objective] += [f"{name} in {count}"] if count else []
    lines = [f"of {len(along)} designs the slope misleads about doubling (mappings chosen anew):"]
    return lines + [
        f"  {objective.rpartition('_')[0]}: {', '.join(found) or 'nowhere'}" for objective, found in wrong.items()
    ]
