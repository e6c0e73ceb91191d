"""When weights go: little by little, so that those that stay can take over."""


def cubic(step: float | int, first: float | int, last: float | int, final: float | int) -> float | int:
    """Share of zeros at a step: 0 at `first`, `final` from `last` on, fast at first and slowly in the end.

    Zhu and Gupta, "To prune, or not to prune", arXiv:1710.01878, equation 1.
    """
    remaining = (1 - (min(max(step, first), last) - first) / (last - first)) ** 3
    return final * (1 - remaining)
