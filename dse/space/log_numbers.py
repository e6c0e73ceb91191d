"""The numbers of designs as points of a continuous space, which gradients move, and back to the lattice."""

import numpy as np

from dse.space.encoding import Encoding
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS


class LogNumbers:
    """log2 of all 11 + 3 K numbers of a design of K kernels: the hardware's, then the tiles of each kernel."""

    def __init__(self, encoding: Encoding):
        self._encoding = encoding
        columns = [encoding.column(-1, name) for name in HARDWARE_NUMBERS]
        columns += [encoding.column(at, name) for at in range(len(encoding.kernels)) for name in MAPPING_NUMBERS]
        self._values = {column: np.log2(np.array(encoding.genes[column].values, float)) for column in columns}
        self.low, self.high = (np.array([values[end] for values in self._values.values()]) for end in (0, -1))
        """Least and greatest that the space allows, shape [11 + 3 K]."""

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Those of genomes, shape [n, 11 + 3 K]."""
        batch = self._encoding.batch(rows)
        return np.log2(np.concatenate([batch.hardware, batch.tiles.reshape(len(rows), -1)], axis=1))

    def nearest(self, rows: np.ndarray, log2: np.ndarray) -> np.ndarray:
        """Genomes with the choices of `rows` and the lattice's numbers nearest, by ratio, to `log2`."""
        rows = rows.copy()
        for at, (column, values) in enumerate(self._values.items()):
            rows[:, column] = np.argmin(np.abs(log2[:, at, None] - values), axis=1)
        return self._encoding.canonical(rows)
