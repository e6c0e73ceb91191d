"""Predictions beside what is published: one row a point, errors by group, and what nobody predicts and why."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common.published import PUBLISHED, predictor
from experiments.common.published.points import (
    EMBEDDED,
    NO_EVIDENCE,
    Bar,
    PublishedPoint,
    largest_factor,
    mean_error,
    rank_correlation,
    read_facts,
    read_points,
)
from experiments.common.table import text_table
from experiments.common.validation.comparison import percent
from workloads.errors import InputError

UNREAD = "quoted from memory in the facts: no evidence"
WORDS = "published in words, not as a number"
ZERO = "published as zero: no relative error"
TECHNOLOGY = "technology"
"""No machine: what all are priced by. Its figures are the embedded ones where a folder has none."""
LONGEST_NAME = 64
"""Characters of a group's name in the table."""


@dataclass(frozen=True)
class Row:
    """A point, the group it is judged in, and its prediction: NaN with a reason, or a number without one."""

    point: PublishedPoint
    group: str
    predicted: float
    reason: str = ""

    @property
    def error(self) -> float:
        """(predicted - published) / |published|; NaN without a prediction."""
        return (self.predicted - self.point.value) / abs(self.point.value) if not self.reason else math.nan

    def cells(self) -> dict[str, Any]:
        """As a row of published.csv."""
        point = self.point
        return {
            "system": point.system,
            "group": self.group,
            "workload": point.workload,
            "metric": point.metric,
            "unit": point.unit,
            "published": point.value,
            "predicted": "" if self.reason else self.predicted,
            "relative_error": "" if self.reason else self.error,
            "reason": self.reason,
            "grade": point.grade,
            "method": point.method,
            "params": json.dumps(dict(point.params)),
            "source": point.source,
        }


@dataclass(frozen=True)
class Group:
    """Rows that are judged together; pairs of published and predicted numbers [n]."""

    system: str
    name: str
    bar: Bar | None
    points: int
    published: np.ndarray
    predicted: np.ndarray

    @property
    def asked(self) -> str:
        """The bar in words; empty where nothing is asked."""
        return str(self.bar or "")

    @property
    def misses(self) -> list[str]:
        """What the bar asks and the predictions miss; a bar that nothing is predicted for is missed too."""
        if self.bar is None or not self.asked:
            return []
        return self.bar.broken(self.published, self.predicted) if len(self.published) else ["nothing predicted"]


def chosen_systems(folder: Path | None, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Systems to report: those `wanted`, else all with a file in `folder`. **Raises** `InputError` if none is there."""
    unknown = [name for name in wanted if name not in PUBLISHED]
    if unknown:
        raise InputError(f"--systems {unknown[0]}: no such system; choose from {', '.join(PUBLISHED)}.")
    found = tuple(s for s in PUBLISHED if not wanted or s in wanted)
    if folder is not None and not any((folder / f"{s}.json").is_file() for s in found):
        raise InputError(f"--facts {folder}: holds the file of no system, as {found[0]}.json would be one.")
    return tuple(s for s in found if folder is None or s == TECHNOLOGY or (folder / f"{s}.json").is_file())


def predict_all(folder: Path | None, system: str) -> list[Row]:
    """Rows of all points of a system. Where a point refers to another, the embedded figures are at hand as well."""
    how = predictor(system)
    if folder is not None and system == TECHNOLOGY and not (folder / f"{system}.json").is_file():
        folder = None
    points = [*read_points(folder, system), *read_facts(folder, system, how.facts)]
    points += how.derived(points)
    known = points
    if folder is not None and (EMBEDDED / f"{system}.json").is_file():
        known = [*points, *read_points(None, system), *read_facts(None, system, how.facts)]
    rows = []
    for point in points:
        group = next((name for name, bar in how.bars.items() if bar.covers(point)), point.metric)
        reason = (
            UNREAD if point.grade == NO_EVIDENCE
            else WORDS if math.isnan(point.value)
            else ZERO if point.value == 0
            else ""
        )  # fmt: skip
        try:
            found = reason or how.predict(point, known)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if folder is None:
                raise
            where = f"{folder / system}.json: '{point.metric}' of '{point.workload}'"
            raise InputError(f"{where}: the model cannot read it ({error!r}); compare it with {EMBEDDED}.") from error
        rows.append(Row(point, group, math.nan, found) if isinstance(found, str) else Row(point, group, float(found)))
    return rows


def judged_groups(rows: Sequence[Row]) -> list[Group]:
    """Rows by system and group, those with a bar first."""
    kept: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        kept[row.point.system, row.group].append(row)
    groups = []
    for (system, name), members in kept.items():
        pairs = np.array([(row.point.value, row.predicted) for row in members if not row.reason]).reshape(-1, 2)
        groups.append(Group(system, name, predictor(system).bars.get(name), len(members), pairs[:, 0], pairs[:, 1]))
    order = list(dict.fromkeys(group.system for group in groups))
    return sorted(groups, key=lambda g: (order.index(g.system), not g.asked))


def error_table(groups: Sequence[Group]) -> str:
    """Errors of each group that has predictions, with its bar and whether it holds. Worst: factor between the two."""
    lines = []
    for group in groups:
        if not len(group.published) and not group.misses:
            continue
        cells = ("-",) * 4
        if len(group.published):
            size = np.abs(group.predicted - group.published) / np.abs(group.published)
            rank = rank_correlation(group.published, group.predicted)
            factor = largest_factor(group.published, group.predicted)
            cells = (
                percent(float(size.mean())),
                percent(float(np.median(size))),
                f"{factor:.2f} x",
                "-" if math.isnan(rank) else f"{rank:.2f}",
            )
        lines.append(
            (group.system, _short(group.name), f"{len(group.published)}/{group.points}", *cells, group.asked,
             ", ".join(group.misses) or ("holds" if group.asked else ""))
        )  # fmt: skip
    header = ("system", "points", "predicted", "mean error", "median", "worst", "rank", "bar", "")
    return text_table(header, lines, left=(0, 1, 7, 8))


def reason_table(rows: Sequence[Row]) -> str:
    """How many points of each system have no prediction, by reason."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if row.reason:
            count[row.point.system, row.reason] += 1
    lines = [(system, number, reason) for (system, reason), number in sorted(count.items(), key=lambda e: e[0][0])]
    return text_table(("system", "points", "why there is no prediction"), lines, left=(0, 2))


def summary(groups: Sequence[Group], rows: Sequence[Row]) -> dict[str, Any]:
    """For the provenance file: counts, and each bar with the group's mean error."""
    bars = {
        f"{g.system}: {g.name}": {
            "bar": str(g.bar),
            "mean_error": mean_error(g.published, g.predicted) if len(g.published) else None,
            "holds": not g.misses,
        }
        for g in groups
        if g.asked
    }
    return {"points": len(rows), "predicted": sum(not row.reason for row in rows), "bars": bars}


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
