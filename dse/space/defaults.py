"""The default design space, between the smallest and the largest published sparse accelerators, or what a workload can
use of larger ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from dse.space.design_space import CHOICES, HARDWARE_NAMES, DesignSpace, Parameter, powers_of_two
from hwmodels.area import COORDINATE_BITS, WORD_BITS
from hwmodels.design.hardware import CHOICE_RECORDS, DEFAULTS, HARDWARE_CHOICES, NUMBER_RECORDS
from hwmodels.technology.number_formats import QUANTISED, NumberFormat


def default_space(workload: Any = None, numbers: NumberFormat = QUANTISED) -> DesignSpace:
    """Powers of two between the bounds of published accelerators, every choice open but the scenario's DRAM and
    low-power SRAM, values and sums of `numbers`.

    With a `workloads.Workload`, arrays, buses and GLB may be as large as its kernels can use (`workload_reach`), up to
    a ceiling. Bounds and ceilings with their sources stand with the fields of `hwmodels.design.hardware`. Sums of
    integers follow the values where these are changed (`number_formats.sum_bits`), unless they are named too.
    """
    reach = {} if workload is None else workload_reach(workload.kernels, numbers.value_bits, numbers.accumulator_bits)
    widths = _widths(numbers)
    sizes = [widths.get(name) or _number(name, reach) for name in NUMBER_RECORDS]
    source = "hwmodels.design.choices: every one that the models know"
    held = {name: (DEFAULTS[name],) for name in HARDWARE_CHOICES if name in DEFAULTS}
    choices = [
        Parameter(name, held.get(name, CHOICE_RECORDS[name].searched or names), _scope(name), "", "choice", source)
        for name, names in CHOICES.items()
    ]
    return DesignSpace((*sizes, *choices))


def _widths(numbers: NumberFormat) -> dict[str, Parameter]:
    """The widths of values and sums."""
    follows = "value_bits" if numbers.arithmetic == "int" else ""
    made = {"value_bits": numbers.value_bits, "accumulator_bits": numbers.accumulator_bits}
    return {
        name: Parameter(
            name, (float(bits),), _scope(name), NUMBER_RECORDS[name].unit, "log2", numbers.source,
            follows if name == "accumulator_bits" else "",
        )
        for name, bits in made.items()
    }  # fmt: skip


def workload_reach(
    kernels: Sequence[Any],
    value_bits: float | int = QUANTISED.value_bits,
    word_bits: float | int = QUANTISED.accumulator_bits,
) -> dict[str, float]:
    """Number of the hardware -> what the largest of some kernels (with `m`, `k`, `n` and `family`) can use of it.

    **Arguments**: widths of values and of sums.

    A PE row for each row of A, a PE column for each row of A or column of B, a lane for each column of B or product of
    an output (element-wise, for each row); buses and banks for all positions of an operand in each cycle, the banks
    also for as much that comes from DRAM; a GLB whose halves hold both operands dense, and every sum.
    """
    rows = max(kernel.m for kernel in kernels)
    columns = max(kernel.n for kernel in kernels)
    lanes = max(kernel.m if kernel.family == "elementwise" else max(kernel.n, kernel.k) for kernel in kernels)
    entries = max(max(kernel.m * kernel.k, kernel.k * kernel.n, kernel.m * kernel.n) for kernel in kernels)
    held_bits = max(
        value_bits * (kernel.m * kernel.k + kernel.k * kernel.n) + word_bits * kernel.m * kernel.n for kernel in kernels
    )
    return {
        "pe_rows": float(rows),
        "pe_cols": float(max(rows, columns)),
        "lanes": float(lanes),
        "glb_bytes": 2 * held_bits / 8,
        "glb_banks": 2 * (value_bits + COORDINATE_BITS) * entries / WORD_BITS,
        "value_bus_bits": float(value_bits * entries),
        "index_bus_bits": COORDINATE_BITS * entries,
    }


def _number(name: str, reach: Mapping[str, float]) -> Parameter:
    """A number's parameter: to its upper bound, and on by powers of two to the first that reaches what can be used."""
    record = NUMBER_RECORDS[name]
    low, high = record.bounds
    source = record.source
    if record.ceiling is not None and min(reach.get(name, 0), record.ceiling) > high:
        while high < min(reach[name], record.ceiling):
            high *= 2
        source = f"{source}; what the workload can use, at most {record.ceiling:g} ({record.ceiling_source})"
    return Parameter(name, powers_of_two(low, high), _scope(name), record.unit, "log2", source)


def _scope(name: str) -> str:
    """Whether a parameter belongs to the "hardware" or to the "mapping" of a kernel."""
    return "hardware" if name in HARDWARE_NAMES else "mapping"
