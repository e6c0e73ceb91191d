"""Networks of a folder with the same arrays by name and shape: the same network more than once, or parts of one.

| names | what is made of them |
|---|---|
| `optimizer.safetensors`, `optim/...` | a state of the training, left out |
| one that says nothing, others `ema`, `best`, `checkpoint-100`, `backup`, ... | the first is read |
| `checkpoint-100/`, `checkpoint-200/`; `epoch_3`, `step_500`, ... | the last is read |
| `layer_0`, `layer_1`, ...; components of a diffusers pipeline (`model_index.json`); one array each | all are read |
| others, as `best` and `last`, `run_1` and `run_2` | refused: it cannot be known which is meant |
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from workloads.readers.source import Source

Table = frozenset[tuple[str, tuple[int, ...]]]
"""Names and shapes of arrays of two axes or more."""
_ORDERED = {
    "checkpoint",
    "checkpoints",
    "ckpt",
    "step",
    "steps",
    "epoch",
    "epochs",
    "ep",
    "iter",
    "iteration",
    "global",
}
_STATES = _ORDERED | {
    "ema", "swa", "averaged", "average", "avg", "shadow", "teacher", "best", "last", "latest", "final", "old", "prev",
    "previous", "bak", "backup", "copy", "orig", "original", "init", "initial", "new", "run", "trial", "seed", "fold",
    "version", "exp", "experiment", "try", "attempt",
}  # fmt: skip
"""Words of states of one network; `v1` is one too."""
_OPTIMISERS = {"optimizer", "optimiser", "optim", "opt", "optimizers", "adam", "adamw", "momentum"}
TRAINING = "a state of the training, not of the network"


@dataclass(frozen=True)
class NetworkFiles:
    """A network in one file or several, the first of which names it."""

    sources: tuple[Source, ...]
    table: Table

    @property
    def source(self) -> Source:
        return self.sources[0]


def without_copies(networks: Sequence[NetworkFiles], pipelines: set[str]) -> list[tuple[NetworkFiles, str]]:
    """Networks that are left out, and why. `pipelines`: folders whose components stand side by side.

    **Raises** `InputError` where it cannot be known which of several is meant.
    """
    left = [(one, TRAINING) for one in networks if _OPTIMISERS & set(_words(one.source.name))]
    left = left if len(left) < len(networks) else []
    rest = [one for one in networks if all(one is not other for other, _ in left)]
    for table in dict.fromkeys(one.table for one in rest if one.table):
        alike = [one for one in rest if one.table == table]
        if len(alike) > 1:
            left += _among(alike, pipelines)
    return left


def _among(alike: list[NetworkFiles], pipelines: set[str]) -> list[tuple[NetworkFiles, str]]:
    """Of networks with the same arrays those that are copies."""
    places = [_place(one.source) for one in alike]
    root = os.path.commonpath([str(place.parent) for place in places]) if places[0].is_absolute() else ""
    names = [str(place.relative_to(root)) if root else str(place) for place in places]
    plain = [at for at, name in enumerate(names) if not _is_state(name)]
    if not plain:
        kept = [_last(alike, names)]
    elif len(plain) == 1:
        kept = plain
    else:
        series = len({re.sub(r"\d+", "#", names[at]) for at in plain}) == 1
        together = any(str(place).startswith(folder) for place in places for folder in pipelines)
        if not (series or together or len(alike[0].table) == 1):
            _refuse(alike[plain[0]], names[plain[1]])
        kept = plain
    why = f"arrays of the same names and shapes as those of {names[kept[0]]}, which is read"
    return [(one, why) for at, one in enumerate(alike) if at not in kept]


def _last(alike: list[NetworkFiles], names: list[str]) -> int:
    """The last of numbered states."""
    alone = len({re.sub(r"\d+", "#", name) for name in names}) == 1
    ordered = all(not (set(_words(name)) & (_STATES - _ORDERED)) for name in names)
    if not alone or not ordered:
        _refuse(alike[0], names[1])
    numbers = [[int(one) for one in re.findall(r"\d{1,15}", name)] for name in names]
    return max(range(len(names)), key=lambda at: numbers[at])


def _refuse(one: NetworkFiles, other: str) -> None:
    what = f"holds arrays of the same names and shapes as {other}, and it cannot be known which is meant"
    one.source.fail("file", what, "give one of them")


def _is_state(name: str) -> bool:
    return bool(set(_words(name)) & _STATES) or re.search(r"(^|[/_.-])v\d+([/_.-]|$)", name.lower()) is not None


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower())


def _place(source: Source) -> PurePosixPath:
    return PurePosixPath(source.member or source.path.as_posix())
