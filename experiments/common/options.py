"""Types of options: what a number may be is declared once, checked where options are parsed, and told by `--help`.

`budget: Annotated[int, whole(1, 1000)]`, `area: Annotated[float | None, real(0, 1e6, above=True)]`, and of several
numbers `Annotated[tuple[float, ...], real(0, 1, each="*")]`.
"""

import math
from typing import Annotated, Any, Literal, NamedTuple

from tyro.constructors import PrimitiveConstructorSpec

SHOWN = 40
"""Letters of a wrong value that are quoted."""


def whole(low: int, high: int, *, each: int | Literal["*"] = 1) -> PrimitiveConstructorSpec[Any]:
    """A whole number from `low` to `high`, so many of them (`"*"`: any number), or None where it is not given."""
    return _option(_Numbers(int, low, high), each)


def real(
    low: float, high: float, *, above: bool = False, below: bool = False, each: int | Literal["*"] = 1
) -> PrimitiveConstructorSpec[Any]:
    """A number from `low` to `high`; `above` and `below` these where they are no such number themselves."""
    return _option(_Numbers(float, low, high, above, below), each)


class _Numbers(NamedTuple):
    """What a number may be."""

    kind: type[int] | type[float]
    low: float
    high: float
    above: bool = False
    below: bool = False

    def span(self) -> str:
        """As `--help` shows it."""
        return f"{'>' if self.above else ''}{_plain(self.low)}..{'<' if self.below else ''}{_plain(self.high)}"

    def read(self, text: str) -> Any:
        """The number of a text; ValueError, which tyro tells with the name of the option, for any other."""
        try:
            value = self.kind(text) if text.isascii() else math.nan
        except ValueError:
            value = math.nan
        if self.low <= value <= self.high and value not in self._excluded():
            return value
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
        least = f"{'above' if self.above else 'of at least'} {_plain(self.low)}"
        most = f"{'below' if self.below else 'at most'} {_plain(self.high)}"
        what = "whole number" if self.kind is int else "number"
        raise ValueError(f"{shown!r} cannot be; give a {what} {least} and {most}")

    def _excluded(self) -> list[float]:
        return [self.low] * self.above + [self.high] * self.below


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _option(numbers: _Numbers, each: int | Literal["*"]) -> PrimitiveConstructorSpec[Any]:
    def parse(texts: list[str]) -> Any:
        found = tuple(numbers.read(text) for text in texts)
        return found[0] if each == 1 else found

    return PrimitiveConstructorSpec(
        nargs=each,
        metavar=f"[{numbers.span()} ...]" if each == "*" else " ".join([numbers.span()] * each),
        instance_from_str=parse,
        is_instance=lambda _: True,
        str_from_instance=lambda value: [str(one) for one in value] if isinstance(value, tuple) else [str(value)],
    )


MOST = 1_000_000_000

Seed = Annotated[int, whole(0, MOST)]
Seeds = Annotated[int, whole(1, 1000)]
"""How many runs, each with a seed of its own."""
Evaluations = Annotated[int, whole(1, MOST)]
Counts = Annotated[tuple[int, ...], whole(1, 65_536, each="*")]
"""Numbers of PEs."""
Shares = Annotated[tuple[float, ...], real(0, 1, above=True, below=True, each="*")]
AreaLimit = Annotated[float | None, real(0, 1e6, above=True)]
"""mm2; a wafer has 46,000."""
PowerLimit = Annotated[float | None, real(0, 1e6, above=True)]
"""W."""
PowerDensityLimit = Annotated[float, real(0, 1e6, above=True)]
"""W/mm2."""
