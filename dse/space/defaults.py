"""The default design space, between the smallest and the largest published sparse accelerators."""

from dse.space.design_space import CHOICES, HARDWARE_NAMES, DesignSpace, Parameter, powers_of_two
from hwmodels.design.hardware import NUMBER_RECORDS


def default_space() -> DesignSpace:
    """Powers of two between the bounds of published accelerators, 8-bit values and 24-bit sums, every choice open.

    Bounds and their sources stand with the fields of `hwmodels.design.hardware`.
    """
    numbers = [
        Parameter(name, powers_of_two(*record.bounds), _scope(name), record.unit, "log2", record.source)
        for name, record in NUMBER_RECORDS.items()
    ]
    source = "hwmodels.design.choices: every one that the models know"
    choices = [Parameter(name, names, _scope(name), "", "choice", source) for name, names in CHOICES.items()]
    return DesignSpace((*numbers, *choices))


def _scope(name: str) -> str:
    """Whether a parameter belongs to the "hardware" or to the "mapping" of a kernel."""
    return "hardware" if name in HARDWARE_NAMES else "mapping"
