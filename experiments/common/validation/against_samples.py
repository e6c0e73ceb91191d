"""Tables of density models against the mean of tables measured on sampled patterns."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workloads import DensityKernel, measure
from workloads.statistics.measurement import KernelStatistics
from workloads.statistics.operand import PEAKS, OperandStatistics
from workloads.statistics.operand_counts import TILE_QUANTITIES
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.spmspm_counts import DEPTH_QUANTITIES
from workloads.statistics.tile_classes import CLASSES

BAR = 0.02
"""Largest relative error of an entry."""
QUIET = 0.005
"""Entries are judged whose standard error of the mean over the samples is below this share of it."""
LEAST = 0.1
"""Entries below this count as zero."""
INTEGERS = ("peak_nonzeros", "peak_padding", "peak_blocks", "group_occupancy", "shares", "most_words")
"""Tables of one integer a pattern: samples that are all alike leave room for others, about one in their number."""
LINEAR = ("m", "k", "n", "rows", "columns", "nonzeros", "work", "used", "products", "z_nonzeros")
"""Leaves that hold counts, not their log2."""


@dataclass(frozen=True)
class TableError:
    """How far a table of a density is off."""

    density: str
    table: str
    entries: int
    judged: int
    """Entries whose sampling noise is low enough."""
    p95: float
    worst: float
    beyond: float
    """Share of the judged entries that are off by more than the bar and two standard errors."""
    excess: float
    """Of all entries, the largest error beyond three standard errors."""

    @property
    def holds(self) -> bool:
        """Whether every judged entry is within the bar."""
        return self.beyond == 0


def tables_of(statistics: KernelStatistics) -> dict[str, np.ndarray]:
    """Every table of a kernel by name, linear scale, as flat arrays."""
    found = {}
    for name, leaf in vars(statistics).items():
        if isinstance(leaf, OperandStatistics):
            found |= {f"{name}.{table}": values for table, values in _of_operand(leaf)}
        elif name == "depth":
            values = _linear(name, leaf)
            found |= {f"depth.{part}": values[..., at] for at, part in enumerate(DEPTH_QUANTITIES)}
            found["depth.occupancy"] = values[..., len(DEPTH_QUANTITIES) :]
        elif name == "visits":
            values = _linear(name, leaf)
            found["visits"], found["visits.met_squares"] = values[..., :CLASSES], values[..., CLASSES : 2 * CLASSES]
            found["visits.occupancy"] = values[..., 2 * CLASSES :]
        else:
            found[name] = _linear(name, leaf)
    return {name: values.ravel() for name, values in found.items()}


def _of_operand(operand: OperandStatistics) -> Iterator[tuple[str, np.ndarray]]:
    classes = operand.classes
    for name, leaf in vars(operand).items():
        values = _linear(name, leaf)
        if name == "tiles":
            for at, quantity in enumerate(TILE_QUANTITIES):
                yield quantity, values[..., at * classes : (at + 1) * classes]
            after = len(TILE_QUANTITIES) * classes
            yield from ((peak, values[..., after + at]) for at, peak in enumerate(PEAKS))
            yield "occupancy", values[..., after + len(PEAKS) :]
        elif name == "loads":
            kinds = ("rows", "nonzeros", "work")[: values.shape[-1] // (len(SCHEDULES) * classes)]
            parts = values.reshape(*values.shape[:-1], len(kinds), len(SCHEDULES), classes)
            for kind, of in enumerate(kinds):
                for way, schedule in enumerate(SCHEDULES):
                    yield f"load_{of}_{schedule.removeprefix('row_')}", parts[..., kind, way, :]
        else:
            yield name, values


def _linear(name: str, leaf: object) -> np.ndarray:
    values = np.asarray(leaf, float)
    return values if name in LINEAR else np.exp2(values)


def errors_of(kernel: DensityKernel, samples: int, seed: int = 0) -> list[TableError]:
    """Every table of a kernel beside the mean over sampled patterns."""
    model, drawn = tables_of(measure(kernel)), defaultdict(list)
    for sample in range(samples):
        for name, values in tables_of(measure(kernel.sample(seed + 1000 * sample))).items():
            drawn[name].append(values)
    return [_error(kernel.name, name, values, np.stack(drawn[name])) for name, values in model.items()]


def _error(density: str, table: str, model: np.ndarray, drawn: np.ndarray) -> TableError:
    mean = drawn.mean(axis=0)
    noise = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    if table.endswith(INTEGERS):
        noise = np.maximum(noise, 1 / len(drawn))
    some = (mean > LEAST) | (model > LEAST)
    scale = np.maximum(mean, LEAST)
    error, noise = np.abs(model - mean)[some] / scale[some], noise[some] / scale[some]
    judged, room = error[noise < QUIET], BAR + 2 * noise[noise < QUIET]
    return TableError(
        density=density,
        table=table,
        entries=int(some.sum()),
        judged=judged.size,
        p95=float(np.quantile(judged, 0.95)) if judged.size else 0.0,
        worst=float(judged.max()) if judged.size else 0.0,
        beyond=float((judged > room).mean()) if judged.size else 0.0,
        excess=float(np.maximum(error - 3 * noise, 0.0).max()) if error.size else 0.0,
    )


def by_table(errors: Sequence[TableError]) -> list[tuple[str, ...]]:
    """Rows of a text table: the tables whose judged entries leave the bar, worst first."""
    off = sorted((error for error in errors if not error.holds), key=lambda error: -error.worst)
    return [
        (one.density, one.table, f"{one.judged}/{one.entries}", *(f"{x:.1%}" for x in (one.p95, one.worst, one.beyond)))
        for one in off
    ]
