"""Design spaces in TOML files."""

from pathlib import Path
from typing import Any

from dse.space.defaults import default_space
from dse.space.design_space import MOST_VALUES, DesignSpace, Parameter, powers_of_two
from hwmodels.design.hardware import NUMBER_RECORDS
from workloads.documents import read_toml
from workloads.errors import InputError


def read_space(path: str | Path, base: DesignSpace | None = None) -> DesignSpace:
    """The default space (or `base`) with the changes of a TOML file.

    One table per parameter, `[pe_rows]` or `[kernel.conv1.tile_m]`, with either `low` and `high` (powers of two between
    them; `step = 4` makes it low, low + 4, ...), or `values = [...]`, or `fixed = ...`.
    """
    tables = read_toml(path)
    space = base or default_space()
    kernels = tables.pop("kernel", {})
    if not isinstance(kernels, dict) or not all(isinstance(table, dict) for table in kernels.values()):
        raise InputError(f"{path}: 'kernel' must hold tables like [kernel.conv1.tile_m].")
    entries = [("", tables), *kernels.items()]
    for kernel, names in entries:
        for name, table in names.items():
            where = f"{path}: [{f'kernel.{kernel}.' if kernel else ''}{name}]"
            try:
                parameter = space[name]
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            space = space.replaced(name, kernel, _listed(table, parameter, where), where)
    return space


def _listed(table: Any, parameter: Parameter, where: str) -> list[Any]:
    """Values that one table of a space file spells out."""
    fix = "give 'low' and 'high', or 'values', or 'fixed'"
    if not isinstance(table, dict):
        raise InputError(f"{where}: must be a table; {fix}.")
    unknown = set(table) - {"low", "high", "step", "values", "fixed"}
    if unknown:
        raise InputError(f"{where}: field '{sorted(unknown)[0]}' is unknown; {fix}.")
    if "fixed" in table:
        return [table["fixed"]]
    if "values" in table:
        if not isinstance(table["values"], list):
            raise InputError(f"{where}: 'values' must be a list, like [8, 12, 16].")
        return table["values"]
    if not parameter.is_number:
        raise InputError(f"{where}: a choice has no bounds; give 'values' or 'fixed'.")
    low, high = (table.get(end, parameter.values[at]) for end, at in (("low", 0), ("high", -1)))
    step, most = table.get("step"), NUMBER_RECORDS[parameter.name].most
    for name, value in (("low", low), ("high", high), ("step", 1 if step is None else step)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= most:
            raise InputError(f"{where}: {name} = {str(value)[:40]} is not a number of at least 1 and at most {most:,}.")
    if low > high:
        raise InputError(f"{where}: low = {low:g} is above high = {high:g}; swap them.")
    if step is None:
        return list(powers_of_two(low, high))
    count = int((high - low) / step) + 1
    if count > MOST_VALUES:
        raise InputError(f"{where}: low, high and step make {count:,} values; give at most {MOST_VALUES:,}.")
    return [low + i * step for i in range(count)]
