"""What may be chosen: named parameters with their values, units and the source of their bounds.

A space knows no workload: tile sizes beyond a kernel are cut, and choices that a kernel cannot use are dropped, when an
`Encoding` binds the space to kernels.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import (
    CHOICE_RECORDS,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    NUMBER_RECORDS,
    checked_value,
)
from hwmodels.technology.number_formats import sum_bits
from workloads.errors import InputError

HARDWARE_NAMES = (*HARDWARE_NUMBERS, *HARDWARE_CHOICES)
MAPPING_NAMES = ("dataflow", *MAPPING_NUMBERS, *MAPPING_CHOICES)
NUMBERS = (*HARDWARE_NUMBERS, *MAPPING_NUMBERS)
CHOICES = {"dataflow": DATAFLOWS} | HARDWARE_CHOICES | MAPPING_CHOICES
"""Choice -> all its names."""
USER = "the user"
"""Source of the values of a parameter that were given."""
MOST_VALUES = 4096
"""Values that one parameter may take."""

Value = float | str


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: the values it may take, in order. A number steps to its neighbours; a choice jumps anywhere."""

    name: str
    values: tuple[Value, ...]
    scope: str
    """"hardware", or "mapping" for one of each kernel."""
    unit: str = ""
    scale: str = "log2"
    """"log2" or "linear" for numbers: how their values are spaced; "choice" for names."""
    source: str = ""
    """Where the bounds are from."""
    follows: str = ""
    """The parameter whose position it has: sums of integers are as wide as `sum_bits` of the values, until the user
    says otherwise. Its values are those for each value of the other, in their order."""

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers."""
        return self.name in NUMBERS


@dataclasses.dataclass(frozen=True)
class DesignSpace:
    """All parameters of the hardware and of a kernel's mapping, and what is different for single kernels."""

    parameters: tuple[Parameter, ...]
    per_kernel: Mapping[str, Mapping[str, tuple[Value, ...]]] = dataclasses.field(default_factory=dict)
    """Kernel name -> mapping parameter -> values for that kernel only."""

    def __getitem__(self, name: str) -> Parameter:
        """The parameter called `name`; InputError if there is none."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = ", ".join(parameter.name for parameter in self.parameters)
        raise InputError(f"The design space has no parameter '{name}'; choose one of: {names}.")

    def values(self, name: str, kernel: str | None = None) -> tuple[Value, ...]:
        """Values of a parameter, for one kernel if it is named."""
        return self.per_kernel.get(kernel or "", {}).get(name, self[name].values)

    def fix(self, **values: Any) -> "DesignSpace":
        """The space with parameters held at one value (or at a list of values): `space.fix(pe_rows=12, lanes=[1, 2])`.

        A name like `conv1.tile_m` (through `**`) holds a mapping parameter of the kernel `conv1` only.
        """
        space = self
        for name, value in values.items():
            kernel, _, short = name.rpartition(".")
            listed = value if isinstance(value, list | tuple) else [value]
            space = space.replaced(short, kernel, listed, f"fix {name}")
        return space

    def replaced(self, name: str, kernel: str, values: Sequence[Any], where: str = "The design space") -> "DesignSpace":
        """The space with other values of a parameter, for one kernel only unless `kernel` is empty.

        **Raises** `InputError`, which begins with `where`, for values that cannot be built.
        """
        values = check_values(self[name], values, where)
        if not kernel:
            changed = tuple(_changed(parameter, name, values) for parameter in self.parameters)
            return dataclasses.replace(self, parameters=changed)
        if self[name].scope != "mapping":
            raise InputError(f"'{kernel}.{name}' belongs to the hardware, not to a kernel; write '{name}'.")
        of_kernel = {**self.per_kernel.get(kernel, {}), name: values}
        return dataclasses.replace(self, per_kernel={**self.per_kernel, kernel: of_kernel})


def _changed(parameter: Parameter, name: str, values: tuple[Value, ...]) -> Parameter:
    """A parameter of a space in which the one of a name takes other values."""
    if parameter.name == name:
        return dataclasses.replace(parameter, values=values, source="the user", follows="")
    if parameter.follows == name:
        return dataclasses.replace(parameter, values=tuple(sum_bits(float(value)) for value in values))
    return parameter


def powers_of_two(low: float | int, high: float | int) -> tuple[float, ...]:
    """low, 2 low, 4 low, ... up to high."""
    return tuple(low * 2.0**i for i in range(math.floor(math.log2(high / low) + 1e-9) + 1))


def check_values(parameter: Parameter, values: Sequence[Any], where: str) -> tuple[Value, ...]:
    """The values in order and without repeats; InputError if one cannot be built."""
    if not values:
        raise InputError(f"{where}: give at least one value for '{parameter.name}'.")
    checked = {checked_value(parameter.name, value, where) for value in values}
    if len(checked) > MOST_VALUES:
        raise InputError(f"{where}: {len(checked):,} values of '{parameter.name}'; give at most {MOST_VALUES:,}.")
    if parameter.is_number:
        return tuple(sorted(checked))
    return tuple(name for name in CHOICES[parameter.name] if name in checked)


def parse_fixes(texts: Sequence[str]) -> dict[str, Any]:
    """`["pe_rows=12", "lanes=1,2", "conv1.dataflow=gustavson"]` as a dictionary for `DesignSpace.fix(**dictionary)`."""
    fixes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"--fix {text}: write NAME=VALUE, for example --fix pe_rows=12.")
        if name.strip() in fixes:
            raise InputError(f"--fix {text}: '{name.strip()}' is fixed twice; give it once.")
        fixes[name.strip()] = [_number_or_name(part.strip()) for part in value.split(",")]
    return fixes


def parameter_help(space: DesignSpace) -> str:
    """One line a parameter of the space: its name, what it may be, its unit and what it means."""
    lines = []
    for parameter in space.parameters:
        name, values = parameter.name, parameter.values
        if parameter.is_number:
            span = f"{values[0]:.10g}" if len(values) == 1 else f"{values[0]:.10g} to {values[-1]:.10g}"
            record = NUMBER_RECORDS[name]
            lines.append(f"{name}: {span} {parameter.unit} (given: up to {record.most:,}); {record.help}")
        else:
            more = [one for one in CHOICES[name] if one not in values] if name in HARDWARE_CHOICES else []
            given = f" (given: {', '.join(more)})" if more else ""
            lines.append(f"{name}: {', '.join(map(str, values))}{given}; {CHOICE_RECORDS[name].help}")
    return "\n".join(lines)


def _number_or_name(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text
