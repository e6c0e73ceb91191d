"""What is published of the systems of `hwmodels.systems`, and what they predict for it.

A system has its published figures in `data/<system>.json` and a module of the same name here:

| in the module | what it is |
|---|---|
| `predict(point, points)` | what is predicted for one of the `points` of the system, in its unit, or why nothing |
| `BARS` | name of a group of points -> `Bar`: which it covers, and what is asked of it, if anything |
| `FACTS` | optional: names of facts (not results) that are outcomes, to be predicted too |
| `derived(points)` | optional: points that follow from the published ones, as the ratio of two times does |

Predictions go by metric and parameters, so that they hold for layers, matrices and sizes that are not in the files.
`points` reads the figures, `report` sets predictions beside them, `figure` draws them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from experiments.common.published.points import Bar, Point, read_facts, read_points, trimmed

SYSTEMS = (
    "eie",
    "dstc",
    "nvidia_a100_h100",
    "technology",
    "eyeriss_v1",
    "eyeriss_v2",
    "scnn",
    "cambricon_x_s",
    "cerebras",
    "loihi",
    "cpu_horowitz_mkl",
    "matraptor",
    "extensor",
    "outerspace",
    "sparch",
    "teaal_validation",
    "onyx",
    "sextans_serpens",
)
"""Systems with a module here, in the order of the report. One line each."""


@dataclass(frozen=True)
class Predictor:
    """What a system's module offers."""

    predict: Callable[[Point, Sequence[Point]], float | str]
    bars: Mapping[str, Bar]
    facts: tuple[str, ...]
    derived: Callable[[Sequence[Point]], list[Point]]


def predictor(system: str) -> Predictor:
    """The predictor of one of `SYSTEMS`; its module is imported now."""
    module = import_module(f"{__name__}.{system}")
    derived = getattr(module, "derived", lambda points: [])
    return Predictor(module.predict, module.BARS, tuple(getattr(module, "FACTS", ())), derived)


__all__ = ["SYSTEMS", "Bar", "Point", "Predictor", "predictor", "read_facts", "read_points", "trimmed"]
