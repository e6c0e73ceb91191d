"""What is published of the systems of `hwmodels.systems`, and what they predict for it.

A system is entered by two files: its published figures, `data/<system>.json`, and a module of the same name here. Of
the module:

| name in it | what it is |
|---|---|
| `predict(point, points)` | what is predicted for one of the `points` of the system, in its unit, or why nothing |
| `BARS` | name of a group of points -> `Bar`: which it covers, and what is asked of it, if anything |
| `FACTS` | optional: names of facts (not results) that are outcomes, to be predicted too |
| `derived(points)` | optional: points that follow from the published ones, as the ratio of two times does |

Predictions go by metric and parameters, so that they hold for layers, matrices and sizes that are not in the files.

| module | what is in it |
|---|---|
| `points` | how figures are read, and what is asked of a group of predictions |
| `report`, `figure` | predictions beside what is published |
| `matrices`, `networks`, `onyx_kernels` | sizes of the matrices, layers and kernels that the papers report |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from experiments.common.published.points import EMBEDDED, Bar, PublishedPoint, read_facts, read_points, trimmed

_ORDER = (
    *("eie", "dstc", "nvidia_a100_h100", "technology", "eyeriss_v1", "eyeriss_v2", "scnn", "cambricon_x_s", "cerebras"),
    *("loihi", "cpu_horowitz_mkl", "matraptor", "extensor", "outerspace", "sparch", "teaal_validation", "onyx"),
    "sextans_serpens",
)
"""In which the report has systems; those that are not named here follow, by name."""


def _with_figures() -> tuple[str, ...]:
    """Modules of this folder that have a file of figures, in the order of the report."""
    found = sorted(path.stem for path in EMBEDDED.glob("*.json") if (EMBEDDED.parent / f"{path.stem}.py").is_file())
    return tuple(sorted(found, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER)))


PUBLISHED = _with_figures()
"""Systems of which something is published: those with a module and a file of figures here."""


@dataclass(frozen=True)
class Predictor:
    """What a system's module offers."""

    predict: Callable[[PublishedPoint, Sequence[PublishedPoint]], float | str]
    bars: Mapping[str, Bar]
    facts: tuple[str, ...]
    derived: Callable[[Sequence[PublishedPoint]], list[PublishedPoint]]


def predictor(system: str) -> Predictor:
    """The predictor of one of `PUBLISHED`; its module is imported now."""
    module = import_module(f"{__name__}.{system}")
    derived = getattr(module, "derived", lambda points: [])
    return Predictor(module.predict, module.BARS, tuple(getattr(module, "FACTS", ())), derived)


__all__ = ["PUBLISHED", "Bar", "Predictor", "PublishedPoint", "predictor", "read_facts", "read_points", "trimmed"]
