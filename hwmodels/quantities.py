"""Quantities and tables as text."""

import math
from collections.abc import Sequence

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def quantity(value: float, unit: str) -> str:
    """Three digits and an SI prefix: `quantity(4.2e-5, "s") == "42 us"`. Areas and plain ratios take no prefix."""
    if unit in ("mm2", ""):
        return f"{value:.3g} {unit}".strip()
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    power = min(max(3 * math.floor(math.log10(abs(value) * (1 + 1e-9)) / 3), -15), 12)
    return f"{value / 10.0**power:.3g} {_PREFIXES[power]}{unit}"


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows of equally many cells as lines, columns aligned at the left, or at the `right`."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, widths, strict=True)
        placed = [cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in enumerate(cells)]
        lines.append("  ".join(placed).rstrip())
    return lines
