"""What stands in a cell of a table: whole numbers, shares and N:M, as people and spreadsheets write them."""

import math
import re

from workloads.densities import NM, Dense, Density, Uniform
from workloads.readers.matrices.canonical_form import MAX_SIDE
from workloads.readers.source import Source

_THOUSANDS = re.compile(r"\d{1,3}([,'\u2019 \u00a0_\u202f])\d{3}(\1\d{3})*")
_DOTTED = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
"""A thousand where commas are decimal, a number just above one where stops are."""
_RATIO = re.compile(r"(\d{1,3})\s*:\s*(\d{1,3})")


def whole_number(source: Source, where: str, column: str, text: str, decimal_comma: bool = False) -> int:
    """A size, above 0: `64`, `64.0`, `1,024`. **Raises** `InputError`, also for what could be read in two ways."""
    value = math.nan if decimal_comma and _DOTTED.fullmatch(text) else _plain(text, decimal_comma)
    if not (value == value and 0 < value <= MAX_SIDE and value == int(value)):
        source.fail(where, f"{column} is {text[:40]!r}", f"give a whole number from 1 to {MAX_SIDE}")
    return int(value)


def count(source: Source, where: str, column: str, text: str, decimal_comma: bool = False) -> float:
    """How often something happens, above 0. **Raises** `InputError`."""
    value = _plain(text, decimal_comma)
    if not 0 < value < 1e15:
        source.fail(where, f"{column} is {text[:40]!r}", "give a number above 0")
    return value


def is_n_of_m(text: str) -> bool:
    """Whether a cell is N:M."""
    return _RATIO.fullmatch(text) is not None


def n_of_m(source: Source, where: str, column: str, text: str) -> Density | None:
    """N:M, n non-zeros in each m neighbours; None where the text is no ratio. **Raises** `InputError`."""
    ratio = _RATIO.fullmatch(text)
    if ratio is None:
        return None
    n, m = int(ratio[1]), int(ratio[2])
    if not 0 < n <= m:
        source.fail(where, f"{column} is {text!r}", "give N:M with N from 1 to M, such as 2:4")
    return Dense() if n == m else NM(n, m)


def share(source: Source, where: str, column: str, text: str, percent: bool, decimal_comma: bool = False) -> float:
    """A share from 0 to 1, or its percentage. **Raises** `InputError`."""
    marked = text.endswith("%")
    value = _plain(text.removesuffix("%").strip(), decimal_comma) / (100 if marked or percent else 1)
    if not 0 <= value <= 1:
        fix = "give a share of 0 to 1, a percentage with its sign, or N:M such as 2:4"
        source.fail(where, f"{column} is {text[:40]!r}", fix)
    return value


def uniform(source: Source, where: str, column: str, text: str, density: float) -> Density:
    """Non-zeros anywhere. **Raises** `InputError` for a density of nothing."""
    if not 0 < density <= 1:
        source.fail(
            where, f"{column} is {text[:40]!r}, which leaves no non-zero", "give a density above 0 and at most 1"
        )
    return Dense() if density == 1 else Uniform(density)


def _plain(text: str, decimal_comma: bool) -> float:
    """The number; NaN for what is none, or could be two."""
    if decimal_comma:
        text = text.replace(",", ".") if text.count(",") == 1 else text
    elif _THOUSANDS.fullmatch(text):
        text = re.sub(r"\D", "", text)
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text) or len(text) > 40:
        return math.nan
    return float(text)
