"""Shares of formats and bottlenecks along a front, as far as they hold over restarts of the search."""

from collections.abc import Sequence

from dse import Costed
from experiments.common.design_words import main_format

SPREAD = 0.10
"""By which a share may differ between restarts and still be told."""
LEAST = 0.01
"""Mean share from which on a name is told."""


def bottlenecks(front: Sequence[Costed]) -> list[str]:
    """What binds each design for the longest."""
    return [costed.total.bottleneck for costed in front]


def main_formats(front: Sequence[Costed], operand: str) -> list[str]:
    """The format that operand "a" or "b" of each design has for the largest share of the time."""
    return [main_format(costed.design, operand, costed.latencies_s) for costed in front]


def lasting_shares(restarts: Sequence[Sequence[str]], spread: float = SPREAD) -> str:
    """`csr 70-74%, nm4 3%; unsettled: coo, csc`: shares of names that hold over restarts, by their mean.

    **Arguments**: a name for each design, of the fronts that each restart found. A share that differs by more than
    `spread` is not told.
    """
    names = list(dict.fromkeys(name for labels in restarts for name in labels))
    shares = {name: [labels.count(name) / len(labels) for labels in restarts] for name in names}
    known = [name for name in names if sum(shares[name]) >= LEAST * len(restarts)]
    order = sorted(known, key=lambda name: -sum(shares[name]))
    lasting = [name for name in order if max(shares[name]) - min(shares[name]) <= spread]
    told = [f"{name} {_range(min(shares[name]), max(shares[name]))}" for name in lasting]
    unsettled = [name for name in order if name not in lasting]
    return "; ".join(filter(None, [", ".join(told), f"unsettled: {', '.join(unsettled)}" if unsettled else ""]))


def _range(low: float, high: float) -> str:
    ends = [f"{100 * share:.0f}" for share in (low, high)]
    return "-".join(dict.fromkeys(ends)) + "%"
