r"""One number for a design under a preference, and its slopes by the models' outputs.

The augmented smooth Chebyshev scalarisation of the normalised log objectives $z_i$ under a preference $w$,

$$\tau \log \sum_i \exp(w_i z_i / \tau) + \rho \sum_i w_i z_i + \lambda \sum_c \max(0, \log c),$$

(Lin et al., ICML 2024, arXiv:2402.19078), where $c$ runs over need over capacity and over value over maximum of each
limit. Objectives are products of powers of latency, energy and area, so its slopes by the log outputs of each kernel
are known in closed form, and one pull-back through the models serves any number of objectives.
"""

import equinox as eqx
import numpy as np

from dse.problem.batched_models import AREA, ENERGY, FIT, LATENCY, OUTPUTS
from dse.problem.search_problem import Problem, Scores

MARGIN = 0.02
"""Relative distance to a limit from which on it pushes."""


class Scalarisation(eqx.Module):
    """Its settings."""

    temperature: float = 0.05
    """tau, in widths of the front."""
    augmentation: float = 0.05
    """rho."""
    penalty: float = 3.0
    """lambda."""

    def __call__(
        self, problem: Problem, front: np.ndarray, outputs: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slopes by the log of each output, shape [n, K, OUTPUTS], and the scalarisation itself, shape [n].

        **Arguments**: `outputs`, those of the batcher, shape [n, K, OUTPUTS]; `weights`, one preference for each
        design, shape [n, d]. Objectives are normalised to those of a `front`, shape [N, d].
        """
        outputs = np.maximum(np.nan_to_num(outputs, nan=1e30, posinf=1e30), 1e-30)
        latency, energy = outputs[:, :, LATENCY] * problem.repeats, outputs[:, :, ENERGY] * problem.repeats
        totals = np.log(np.stack([latency.sum(axis=1), energy.sum(axis=1), outputs[:, :, AREA].max(axis=1)], axis=1))
        exponents = np.array([o.exponents for o in problem.objectives])
        factors = np.log([o.factor for o in problem.objectives])
        known = np.log(front)
        ideal, width = known.min(axis=0), np.maximum(np.ptp(known, axis=0), 0.5)
        scaled = weights * (totals @ exponents.T + factors - ideal) / width
        top = scaled.max(axis=1, keepdims=True)
        soft = np.exp((scaled - top) / self.temperature)
        loss = top[:, 0] + self.temperature * np.log(soft.sum(axis=1)) + self.augmentation * scaled.sum(axis=1)
        by_objective = (soft / soft.sum(axis=1, keepdims=True) + self.augmentation) * weights / width
        by_total = by_objective @ exponents
        for constraint in problem.limits or problem.constraints:
            if constraint.objective.of_die:  # whose totals have no slopes of their own
                continue
            own = np.array(constraint.objective.exponents)
            excess = totals @ own + np.log(constraint.objective.factor / constraint.maximum) + MARGIN
            by_total += self.penalty * (excess > 0)[:, None] * own
            loss += self.penalty * np.maximum(excess, 0)
        excess = np.log(outputs[:, :, FIT]) + MARGIN
        loss += self.penalty * np.maximum(excess, 0).sum(axis=(1, 2))
        slopes = np.zeros_like(outputs)
        slopes[:, :, LATENCY] = by_total[:, :1] * latency / latency.sum(axis=1, keepdims=True)
        slopes[:, :, ENERGY] = by_total[:, 1:2] * energy / energy.sum(axis=1, keepdims=True)
        slopes[:, 0, AREA] = by_total[:, 2]  # every kernel reports the same area
        slopes[:, :, FIT] = self.penalty * (excess > 0)
        return slopes, loss


def outputs_of(problem: Problem, scores: Scores) -> np.ndarray:
    """Scores in the layout of the batcher's outputs, shape [n, K, OUTPUTS]."""
    outputs = np.zeros((*scores.latency_s.shape, OUTPUTS))
    outputs[:, :, LATENCY] = scores.latency_s / problem.repeats
    outputs[:, :, ENERGY] = scores.energy_pj / problem.repeats
    outputs[:, :, AREA] = scores.area_mm2[:, None]
    outputs[:, :, FIT] = scores.fits
    return outputs
