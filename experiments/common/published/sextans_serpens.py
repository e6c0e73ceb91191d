"""Sextans and Serpens: what is published of them, none of which a model can be held to."""

from collections.abc import Sequence

from experiments.common.published.points import Bar, PublishedPoint

BARS: dict[str, Bar] = {}


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Why there is no prediction."""
    if point.unit == "x":
        return "a mean ratio to a GPU or another design over matrices that are not listed"
    return "the best of matrices that are not listed"
