"""The numbers of designs as points of a continuous space, which gradients move, and back to the lattice."""

from typing import Any

import numpy as np

from dse.space.encoding import Encoding
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS


class LogNumbers:
    """log2 of all h + 3 K numbers of a design of K kernels: the h of the hardware, then the tiles of each kernel."""

    def __init__(self, encoding: Encoding):
        self._encoding = encoding
        columns = [encoding.column(-1, name) for name in HARDWARE_NUMBERS]
        columns += [encoding.column(at, name) for at in range(len(encoding.kernels)) for name in MAPPING_NUMBERS]
        self._values = {column: np.log2(np.array(encoding.genes[column].values, float)) for column in columns}
        self.low, self.high = (np.array([values[end] for values in self._values.values()]) for end in (0, -1))
        """Least and greatest that the space allows, shape [h + 3 K]."""

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Those of genomes, shape [n, h + 3 K]."""
        batch = self._encoding.batch(rows)
        return np.log2(np.concatenate([batch.hardware, batch.tiles.reshape(len(rows), -1)], axis=1))

    def apart(self, log2: Any) -> tuple[Any, Any]:
        """Of such numbers those of the hardware, shape [..., numbers], and of mappings, [..., K, 3]; NumPy or JAX."""
        hardware, tiles = log2[..., : len(HARDWARE_NUMBERS)], log2[..., len(HARDWARE_NUMBERS) :]
        return hardware, tiles.reshape(*tiles.shape[:-1], -1, len(MAPPING_NUMBERS))

    def unit_slopes(self, slopes: np.ndarray) -> np.ndarray:
        """Slopes of each design at length 1; none along what is no number or cannot move, shape [n, h + 3 K]."""
        slopes = np.where(np.isfinite(slopes) & (self.low < self.high), slopes, 0.0)
        return slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-12)

    def moved(self, log2: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Where steps lead, within the bounds."""
        return np.clip(log2 + steps, self.low, self.high)

    def nearest(self, rows: np.ndarray, log2: np.ndarray) -> np.ndarray:
        """Genomes with the choices of `rows` and the lattice's numbers nearest, by ratio, to `log2`."""
        rows = rows.copy()
        for at, (column, values) in enumerate(self._values.items()):
            rows[:, column] = np.argmin(np.abs(log2[:, at, None] - values), axis=1)
        return self._encoding.canonical(rows)
