"""Published figures of a system: how they are read, and what is asked of the predictions of a group of them."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from workloads.documents import read_json
from workloads.errors import InputError

EMBEDDED = Path(__file__).resolve().parent / "data"
RESULT_FIELDS = ("workload", "metric", "value", "unit", "params", "source", "method", "grade")
FACT_FIELDS = ("key", "value", "unit", "source", "grade")
NO_EVIDENCE = "memory"
"""Grade of figures that were not read anywhere: listed, never judged."""


@dataclass(frozen=True)
class PublishedPoint:
    """One published number. Lists and tables of numbers are one point each: see `read_points`."""

    system: str
    workload: str
    """Empty for a fact."""
    metric: str
    value: float
    """NaN where it is published in words only."""
    unit: str
    params: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    method: str = ""
    """table, text, figure-label, digitised, artifact, derived; `fact` for a fact."""
    grade: str = ""
    """primary, artifact, abstract, secondary, derived; or memory, which is no evidence."""


@dataclass(frozen=True)
class Bar:
    """What is asked of the predictions of the points that it covers; None: not asked."""

    covers: Callable[[PublishedPoint], bool]
    mean: float | None = None
    """Largest mean of |predicted - published| / published."""
    factor: float | None = None
    """Each prediction within this factor of its published value."""
    rank: float | None = None
    """Least Spearman correlation of predicted and published."""

    def broken(self, published: np.ndarray, predicted: np.ndarray) -> list[str]:
        """Which demands the pairs [n] miss, in words."""
        found = []
        if self.mean is not None and not mean_error(published, predicted) <= self.mean:
            found.append(f"mean error above {self.mean:.0%}")
        if self.factor is not None and not largest_factor(published, predicted) <= self.factor:
            found.append(f"some off by more than {self.factor:g} x")
        if self.rank is not None and not rank_correlation(published, predicted) >= self.rank:
            found.append(f"rank correlation below {self.rank:g}")
        return found

    def __str__(self) -> str:
        words = [
            f"mean <= {self.mean:.0%}" if self.mean is not None else "",
            f"each within {self.factor:g} x" if self.factor is not None else "",
            f"rank >= {self.rank:g}" if self.rank is not None else "",
        ]
        return ", ".join(word for word in words if word)


def mean_error(published: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of |predicted - published| / |published|, over [n]."""
    return float(np.mean(np.abs(predicted - published) / np.abs(published)))


def largest_factor(published: np.ndarray, predicted: np.ndarray) -> float:
    """Largest of predicted / published and its inverse, over [n]; infinite where one is zero or they differ in sign."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = predicted / published
        return float(np.max(np.where(ratio > 0, np.maximum(ratio, 1 / ratio), np.inf)))


def rank_correlation(published: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's correlation over [n]; NaN below three pairs or where all of one side are equal."""
    if len(published) < 3 or np.ptp(published) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return float(np.asarray(spearmanr(published, predicted))[0])


def read_points(folder: Path | None, system: str) -> list[PublishedPoint]:
    """Results of `<system>.json` in `folder`, or of the embedded copy where that is None.

    A list becomes a point each, with `part` (from 0) in its params; an object one each, with its key behind the metric.
    **Raises** `InputError` where the file is missing, is no JSON or lacks a field.
    """
    path, record = _read(folder, system)
    return [point for at, row in enumerate(record.get("results") or []) for point in _result(path, system, at, row)]


def read_facts(folder: Path | None, system: str, names: Sequence[str]) -> list[PublishedPoint]:
    """The facts called `names` that the file has, as points without a workload. Raises as `read_points`."""
    path, record = _read(folder, system)
    found = []
    for at, row in enumerate(record.get("facts") or []):
        where = f"{path}: facts[{at}]"
        _need(where, row, FACT_FIELDS)
        if row["key"] in names:
            for metric, value, part in _numbers(row["key"], row["value"]):
                rest = (str(row["unit"]), part, row["source"], "fact", _grade(row))
                found.append(PublishedPoint(system, "", metric, value, *rest))
    return found


def trimmed(source: Path, target: Path) -> None:
    """Copy a file of facts with only the fields that are read, one entry a line.

    An embedded copy is made again by `python -c "from pathlib import Path; from experiments.common.published import
    trimmed; trimmed(Path('FACTS/eie.json'), Path('experiments/common/published/data/eie.json'))"`.
    """
    record = json.loads(source.read_text(encoding="utf-8"))
    kept = {
        "facts": [{name: row[name] for name in FACT_FIELDS} | _doubt(row) for row in record.get("facts") or []],
        "results": [{name: row[name] for name in RESULT_FIELDS} | _doubt(row) for row in record.get("results") or []],
    }
    parts = [
        f'"{name}":[\n' + ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows) + "\n]"
        for name, rows in kept.items()
    ]
    target.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _read(folder: Path | None, system: str) -> tuple[Path, dict[str, Any]]:
    path = (folder or EMBEDDED) / f"{system}.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; give --facts a folder that holds {path.name}.")
    record = read_json(path)
    if not isinstance(record, dict):
        raise InputError(f"{path}: is no JSON object; it should hold the lists facts and results.")
    for name in ("facts", "results"):
        if not isinstance(record.get(name) or [], list):
            raise InputError(f"{path}: field {name!r} is no list; write its entries in one.")
    return path, record


def _result(path: Path, system: str, at: int, row: Mapping[str, Any]) -> Iterator[PublishedPoint]:
    _need(f"{path}: results[{at}]", row, RESULT_FIELDS)
    for metric, value, part in _numbers(row["metric"], row["value"]):
        rest = (str(row["unit"]), {**row["params"], **part}, row["source"], row["method"], _grade(row))
        yield PublishedPoint(system, row["workload"], metric, value, *rest)


def _numbers(metric: str, value: Any) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """Metric, number and extra params of every number in `value`."""
    if isinstance(value, list):
        for at, entry in enumerate(value):
            yield from ((name, number, {"part": at}) for name, number, _ in _numbers(metric, entry))
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _numbers(f"{metric} {key}", entry)
    elif isinstance(value, int | float):
        yield metric, float(value) if math.isfinite(value) else math.nan, {}
    elif value is not None:
        yield metric, math.nan, {"words": str(value)}


def _need(where: str, row: Any, names: Sequence[str]) -> None:
    missing = [name for name in names if not isinstance(row, dict) or name not in row]
    if missing:
        raise InputError(f"{where}: field {missing[0]!r} is missing; complete the entry.")
    for name in names:
        if name != "value" and not isinstance(row[name], dict if name == "params" else str):
            raise InputError(f"{where}: field {name!r} is no {'object' if name == 'params' else 'text'}; correct it.")


def _grade(row: Mapping[str, Any]) -> str:
    return NO_EVIDENCE if row.get("unverified") else str(row["grade"])


def _doubt(row: Mapping[str, Any]) -> dict[str, bool]:
    return {"unverified": True} if row.get("unverified") else {}
