"""What is proven of a front: points that no design gets beyond, and how far the front is from them."""

import dataclasses

import numpy as np

from dse.problem.pareto import Box, hypervolume


@dataclasses.dataclass(frozen=True)
class Standing:
    """What is proven at some time."""

    seconds: float
    gap: float
    """Share of the bound's hypervolume that the known front lacks at most, in the box of the known front."""
    least: np.ndarray
    """The least that any design can have of each objective, over what the known front has of it; shape [d]."""
    boxes: int
    """Boxes of machines that were bounded; those that are left."""
    left: int
    evaluations: int
    """Of single kernels."""

    @staticmethod
    def of(
        known: np.ndarray, bound: np.ndarray, *, seconds: float, boxes: int, left: int, evaluations: int
    ) -> "Standing":
        """From the objectives of a known front, shape [i, d], and a bound on the true one, shape [j, d]."""
        region = Box.of(known)
        gap = 1.0 - hypervolume(known, region) / hypervolume(bound, region)
        return Standing(seconds, gap, bound.min(axis=0) / known.min(axis=0), boxes, left, evaluations)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A bound on the true front of a space, and how it was reached."""

    objectives: np.ndarray
    """Points that no design gets beyond, known designs among them; shape [j, d]."""
    known: np.ndarray
    """Objectives of the known front, shape [i, d]."""
    history: tuple[Standing, ...]
    """What was proven as time went by, at least once."""
    proven: bool
    """Whether all of it follows from the formulas; else on rules that were tested, too (`dse.analysis.box_costs`)."""

    @property
    def gap(self) -> float:
        """The last of `history`."""
        return self.history[-1].gap
