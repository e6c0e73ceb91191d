"""The technology's constants: the cited defaults, and a user's file that replaces some of them."""

import difflib
import functools
import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from workloads.documents import read_json
from workloads.errors import InputError

_DEFAULT = Path(__file__).with_name("default.json")

CONFIDENCES = ("verified", "secondary", "derived", "guess", "user")
"""How sure a constant is: source read, quoted by another source, fitted to sources, assumed, given by the user."""

_ZERO_ALLOWED = (
    "gated_mac_fraction",
    "logic_leakage_w_per_mm2",
    "clock_pj_per_mm2",
    "sram_leakage_w_per_mb",
    "unit_activity",
)

FACTOR, EXPONENT_FACTOR = 1e9, 3.0
"""How far from the default a constant may be, and an exponent: so that nothing overflows single precision."""


class Constant(NamedTuple):
    """One constant of the technology: its value and unit, where it is from and how sure it is."""

    name: str
    value: float
    unit: str
    source: str
    confidence: str


@functools.cache
def _defaults() -> dict[str, Constant]:
    entries = json.loads(_DEFAULT.read_text(encoding="utf-8"))
    return {name: Constant(name, float(entry["value"]), *_text(entry)) for name, entry in entries.items()}


def _text(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["unit"], entry["source"], entry["confidence"]


def constants_table(path: str | os.PathLike[str] | None = None) -> tuple[Constant, ...]:
    """Every constant with its citation, in the order of `default.json`, with the user's file at `path` applied.

    Raises InputError where the file is missing, is not JSON, or holds a constant that cannot be used.
    """
    table = dict(_defaults())
    if path is not None:
        table.update(_replacements(Path(path)))
    _check_voltages({name: constant.value for name, constant in table.items()}, path)
    return tuple(table.values())


def _replacements(path: Path) -> dict[str, Constant]:
    try:
        entries = read_json(path)
    except InputError as error:
        raise InputError(f"Technology file {error}") from None
    if not isinstance(entries, dict):
        raise InputError(f"Technology file '{path}' must hold one object such as {{\"int_add_pj\": 0.1}}.")
    return {name: _replacement(path, name, entry) for name, entry in entries.items()}


def _replacement(path: Path, name: str, entry: Any) -> Constant:
    where = f"Technology file '{path}', constant '{name}'"
    default = _defaults().get(name)
    if default is None:
        near = difflib.get_close_matches(name, _defaults(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else "constants_table() lists the names."
        raise InputError(f"{where}: there is no such constant; {hint}")
    fields = entry if isinstance(entry, dict) else {"value": entry}
    unknown = sorted(set(fields) - {"value", "unit", "source", "confidence"})
    if unknown:
        raise InputError(f"{where}: field '{unknown[0]}' is unknown; use value, unit, source and confidence.")
    if "value" not in fields:
        raise InputError(f"{where}: the field 'value' is missing; add a number in {default.unit}.")
    value = _number(where, name, fields["value"], default.unit)
    unit = fields.get("unit", default.unit)
    if unit != default.unit:
        raise InputError(f"{where}: the unit is '{unit}'; convert the value to {default.unit}.")
    source = str(fields.get("source", f"user file {path.name}"))
    confidence = fields.get("confidence", "user")
    if confidence not in CONFIDENCES:
        raise InputError(f"{where}: confidence '{confidence}' is unknown; choose one of: {', '.join(CONFIDENCES)}.")
    return Constant(name, value, unit, source, confidence)


def _number(where: str, name: str, value: Any, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {value!r} is not a number; give a number in {unit}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if number < 0:
        raise InputError(f"{where}: {number!r} is negative; give a number in {unit} that is not.")
    default, apart = _defaults()[name].value, EXPONENT_FACTOR if name.endswith("_exponent") else FACTOR
    if not math.isfinite(number) or not (number == 0 or default / apart <= number <= default * apart):
        raise InputError(
            f"{where}: {number!r} is not a finite number of usual size; give one in {unit} from {default / apart:.3g} "
            f"to {default * apart:.3g}."
        )
    if number == 0 and name not in _ZERO_ALLOWED:
        raise InputError(f"{where}: it is zero; give a positive number in {unit}.")
    return number


def _check_voltages(values: dict[str, float], path: str | os.PathLike[str] | None) -> None:
    threshold, floor = values["threshold_ratio"], values["supply_floor_ratio"]
    if not threshold < floor < 1.0 < values["supply_ceiling_ratio"]:
        raise InputError(
            f"Technology file '{path}': voltages must keep threshold_ratio < supply_floor_ratio < 1 < "
            f"supply_ceiling_ratio; change one of the three."
        )
    if values["alpha_power"] < 1.0:
        raise InputError(f"Technology file '{path}', constant 'alpha_power': it is below 1; give a value of 1 to 2.")
