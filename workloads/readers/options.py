"""How a user says what a file cannot: written behind a path after colons, as `graph.txt:undirected:from1`."""

import re
from dataclasses import dataclass, fields, replace
from typing import Literal

from workloads.errors import InputError, choose_from

Direction = Literal["directed", "undirected", "bipartite"]


@dataclass(frozen=True)
class ReadOptions:
    """What overrides a reader's own conclusion; None leaves it to the file."""

    direction: Direction | None = None
    """Whether an edge stands for both directions, and whether its two ends are counted apart (rows, columns)."""
    first_id: Literal[0, 1] | None = None
    """The number that ids and indices begin with."""
    gaps: Literal["keep", "close"] | None = None
    """Ids that no edge has: an empty row each, or renumbered away."""
    zeros: Literal["keep", "drop"] = "drop"
    """Entries that are stored with the value zero: kept with the value one, or dropped."""
    batch: int | None = None
    """Of a network whose graph leaves it open."""
    tokens: int | None = None
    """Length of the sequences of such a network."""
    large: bool = False
    """Whether a file may unpack to, and announce, as much as it will: lifts the limits of docs/files.md."""


_WORDS: dict[str, dict] = {
    "directed": {"direction": "directed"},
    "undirected": {"direction": "undirected"},
    "bipartite": {"direction": "bipartite"},
    "from0": {"first_id": 0},
    "from1": {"first_id": 1},
    "keepgaps": {"gaps": "keep"},
    "closegaps": {"gaps": "close"},
    "keepzeros": {"zeros": "keep"},
    "dropzeros": {"zeros": "drop"},
    "large": {"large": True},
}

_COUNTS = {"batch": re.compile(r"b([1-9]\d{0,8})"), "tokens": re.compile(r"([1-9]\d{0,8})")}
"""Fields that are numbers, as in the names of networks: `b8`, `128`."""

OPTION_WORDS = (*_WORDS, "b8", "128")


def read_options(where: str, words: list[str]) -> ReadOptions:
    """The options that words stand for. **Raises** `InputError` for a word that is unknown or contradicts another."""
    said: dict = {}
    for word in words:
        counts = {field: int(found[1]) for field, pattern in _COUNTS.items() if (found := pattern.fullmatch(word))}
        if word not in _WORDS and not counts:
            raise InputError(f"{where}: {word!r} is no option of a file; {choose_from(word, OPTION_WORDS)}")
        ((field, value),) = (_WORDS.get(word) or counts).items()
        if said.setdefault(field, value) != value:
            raise InputError(f"{where}: {_word(field, said[field])} and {word} contradict each other; keep one.")
    return replace(ReadOptions(), **said)


def words_said(options: ReadOptions) -> dict[str, str]:
    """The words of the options that are not the default, by field."""
    usual = ReadOptions()
    said = {one.name: getattr(options, one.name) for one in fields(ReadOptions)}
    changed = {name: value for name, value in said.items() if value != getattr(usual, name)}
    return {name: _word(name, value) for name, value in changed.items()}


def _word(field: str, value: object) -> str:
    if field in _COUNTS:
        return f"b{value}" if field == "batch" else f"{value}"
    return next(word for word, meaning in _WORDS.items() if meaning == {field: value})


assert {field.name for field in fields(ReadOptions)} == {name for one in _WORDS.values() for name in one} | {*_COUNTS}
