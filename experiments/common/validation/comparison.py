"""What comparisons with other simulators share: their tables, errors by group against a bar, the parity figure."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.common.figures.style import log_axis
from workloads.errors import InputError


@dataclass(frozen=True)
class ComparisonOutcome:
    """How a comparison went: what to print, whether its bars hold, facts for the provenance file."""

    text: str
    holds: bool | None
    """None where there was nothing to compare with."""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ErrorLimits:
    """Largest relative errors that are accepted; None: not judged."""

    mean: float | None = None
    median: float | None = None
    worst: float | None = None

    def broken(self, errors: np.ndarray) -> list[str]:
        """Which limits `errors` [n] exceed, in words."""
        found = {"mean": np.mean, "median": np.median, "worst": np.max}
        limits = {name: getattr(self, name) for name in found}
        return [
            f"{name} above {limit:.0%}"
            for name, limit in limits.items()
            if limit is not None and found[name](errors) > limit
        ]

    def __str__(self) -> str:
        limits = {"mean": self.mean, "median": self.median, "worst": self.worst}
        return ", ".join(f"{name} <= {limit:.0%}" for name, limit in limits.items() if limit is not None) or "none"


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file that has at least `columns`; each also has `line`, its number in the file.

    **Raises** `InputError` if the file is missing, is no text, is empty, lacks a column or has a row that is too short.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give --data the folder that holds {path.name}.")
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows = [{**row, "line": str(reader.line_num)} for row in reader]
            names = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}); write it again.") from error
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]!r}; add it, its columns are {', '.join(names) or 'none'}.")
    if not rows:
        raise InputError(f"{path}: has no rows below its header; add some.")
    for row in rows:
        short = [name for name in columns if row[name] is None]
        if short:
            raise InputError(f"{path}, line {row['line']}: field {short[0]!r} is missing; complete the row.")
    return rows


def number(path: Path, row: Mapping[str, str], name: str, *, least: float = 0.0) -> float:
    """A finite number of at least `least` in a field of a row; InputError otherwise."""
    text = row[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise InputError(f"{path}, line {row['line']}: {name} is {text!r}; give a number of at least {least:g}.")
    return value


def whole(path: Path, row: Mapping[str, str], name: str, *, least: int = 0) -> int:
    """A whole number of at least `least` in a field of a row; InputError otherwise."""
    value = number(path, row, name, least=least)
    if value != int(value):
        raise InputError(f"{path}, line {row['line']}: {name} is {row[name]!r}; give a whole number.")
    return int(value)


def relative_error(model: float, reference: float) -> float:
    """|model - reference| over the reference; over 1 where the reference counts nothing."""
    return abs(model - reference) / max(abs(reference), 1.0)


def percent(share: float) -> str:
    """Two digits at least, as a percentage."""
    return f"{100 * share:.3f} %" if 0 < share < 1e-3 else f"{100 * share:.2f} %"


def parity(
    axes: Axes, groups: Mapping[str, tuple[np.ndarray, np.ndarray]], styles: Mapping[str, tuple[str, str]], unit: str
) -> None:
    """Model against reference on log axes, one colour and marker a group, with lines at 10 % off.

    `groups`: name -> (reference [n], model [n]); pairs with a zero cannot be drawn and are left out.
    """
    drawn = {name: (x[(x > 0) & (y > 0)], y[(x > 0) & (y > 0)]) for name, (x, y) in groups.items()}
    every = np.concatenate([part for pair in drawn.values() for part in pair])
    ends = np.array([every.min() / 2, every.max() * 2])
    for factor, line in ((1.0, "-"), (1.1, ":"), (1 / 1.1, ":")):
        axes.plot(ends, ends * factor, line, color="black", lw=0.8, zorder=1)
    axes.text(0.03, 0.96, "dotted: 10 % off", transform=axes.transAxes, va="top", fontsize=8, color="#555555")
    for at, (name, (x, y)) in enumerate(drawn.items()):
        colour, marker = styles[name]
        size = 7.5 - 0.55 * at  # smaller ones on top, so that groups that coincide stay visible
        axes.plot(x, y, marker, color=colour, mfc="none", mew=1.2, ms=size, label=f"{name} ({len(x)})", zorder=2 + at)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    log_axis(axes, "x", unit, "reference")
    log_axis(axes, "y", unit, "model")
    axes.legend(loc="lower right")
