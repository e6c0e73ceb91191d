"""What a baseline answers: time and energy of one run, and how each was had."""

from dataclasses import dataclass

MEASURED, MODELLED = "measured", "modelled"


@dataclass(frozen=True)
class Baseline:
    """One run of a kernel on a machine that was bought. Comparable with a `Cost` (`latency_s`, `total_energy_pj`)."""

    name: str
    """As users type it, e.g. `cpu_sparse`."""
    device: str
    threads: int
    """CPU threads that compute; 1 for a GPU, whose own are not counted."""
    latency_s: float
    total_energy_pj: float
    latency_by: str
    """`MEASURED` or `MODELLED`; energy likewise."""
    energy_by: str
    energy_source: str
    """Which counters, or which model of the power with its source."""
    runs: int
    """Timed runs behind the median."""
    spread: float
    """Interquartile range of the samples over their median; 0 for a model."""
