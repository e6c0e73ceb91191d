"""Pareto fronts: the non-dominated filter, the normalised hypervolume, the knee."""

import dataclasses

import moocore
import numpy as np


def nondominated(objectives: np.ndarray) -> np.ndarray:
    """Mask, shape [n], of the rows that no other row is at least as good as in everything (the first of equal rows)."""
    if len(objectives) == 0:
        return np.zeros(0, bool)
    return moocore.is_nondominated(np.asarray(objectives, float), keep_weakly=False)


@dataclasses.dataclass(frozen=True)
class Box:
    """Where a hypervolume is measured: log10 of the objectives, from an ideal point to a reference point."""

    ideal: np.ndarray
    reference: np.ndarray

    @staticmethod
    def of(front: np.ndarray) -> "Box":
        """From the front's ideal to its nadir, and 10 % of the way beyond."""
        logs = np.log10(np.asarray(front, float)[nondominated(front)])
        ideal, nadir = logs.min(axis=0), logs.max(axis=0)
        width = np.where(nadir > ideal, nadir - ideal, 1.0)  # an objective that does not vary: any width does
        return Box(ideal, ideal + 1.1 * width)

    def normalise(self, objectives: np.ndarray) -> np.ndarray:
        """log10 of the objectives as a share of the box: 0 at the ideal, 1 at the reference point."""
        return (np.log10(np.asarray(objectives, float)) - self.ideal) / (self.reference - self.ideal)


def hypervolume(objectives: np.ndarray, box: Box) -> float:
    """Share of the box that a set of designs, shape [n, d], dominates.

    Points beyond the ideal count for what they dominate of the box itself. Exact up to any number of objectives
    (Fonseca, Paquete and Lopez-Ibanez, CEC 2006, as implemented in moocore).
    """
    points = np.maximum(box.normalise(objectives), 0.0) if len(objectives) else np.ones((0, len(box.ideal)))
    inside = points[(points < 1.0).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def knee(objectives: np.ndarray) -> int:
    """Row of the front that lies nearest the ideal in normalised logs: the balanced design."""
    front = np.asarray(objectives, float)
    return int(np.argmin(np.linalg.norm(np.maximum(Box.of(front).normalise(front), 0.0), axis=1)))
