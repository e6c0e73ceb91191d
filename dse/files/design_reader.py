"""Read a design file and check every field (the format: `dse.files.design_file`)."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from dse.files.design_file import SCHEMA, VERSION
from dse.space.design import Design
from dse.space.design_space import CHOICES, HARDWARE_NAMES, MAPPING_NAMES, NUMBERS, Value
from hwmodels.design.choices import DRAMS
from hwmodels.design.hardware import with_defaults
from hwmodels.design.legality import FAMILIES
from workloads.documents import read_json
from workloads.errors import InputError

FROM_VERSION_1 = ", whose machine is another one: search again, or set version to 2 and residency to b, ab or fetch"
"""What to do about a file of the machine before this one."""


@dataclasses.dataclass(frozen=True)
class DesignFile:
    """What a design file holds."""

    workload: str
    kernels: tuple[dict[str, Any], ...]
    """name, family, m, k, n and repeats of each."""
    scenario: dict[str, Any]
    created_by: str
    objectives: tuple[tuple[str, str], ...]
    """(name, unit)."""
    designs: tuple[Design, ...]
    values: np.ndarray
    """Objectives of each design, shape [n, d]."""


def read_design(where: str | Path) -> Design:
    """One design: `front.json:7` is row 7 of a front, counted from 0; `design.json` alone must hold a single row."""
    text, row = file_and_row(where)
    file = read_front(text)
    count = len(file.designs)
    if row is None:
        if count != 1:
            raise InputError(f"{text}: holds {count} designs; choose one by its row, for example {text}:0.")
        row = 0
    if not 0 <= row < count:
        raise InputError(f"{text}: has rows 0 to {count - 1}, not {row}." if count else f"{text}: holds no designs.")
    return file.designs[row]


def file_and_row(where: str | Path) -> tuple[str, int | None]:
    """`front.json:7` taken apart; no row where none is named."""
    found = re.fullmatch(r"(.+):(-?[0-9]{1,9})", str(where), re.DOTALL)
    return (found[1], int(found[2])) if found else (str(where), None)


def read_front(path: str | Path) -> DesignFile:
    """Read and check a design file; InputError names the file, the field and the fix."""
    path = Path(path)
    document = read_json(path)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{path}: is not a design file; its field 'schema' must be '{SCHEMA}'.")
    if document.get("version") != VERSION:
        version = json.dumps(document.get("version"))[:40]
        remedy = FROM_VERSION_1 if version == "1" else ""
        raise InputError(f"{path}: version {version} is unknown; this project reads version {VERSION}{remedy}.")
    reader = _Reader(str(path))
    kernels = tuple(reader.get(document, "kernels", list))
    for at, kernel in enumerate(kernels):
        reader.typed(kernel, f"kernels[{at}]", dict)
        reader.get(kernel, "name", str, f"kernels[{at}].")
        if reader.get(kernel, "family", str, f"kernels[{at}].") not in FAMILIES:
            raise InputError(f"{path}: kernels[{at}].family must be one of: {', '.join(FAMILIES)}.")
    objectives = tuple(
        (
            reader.get(reader.typed(o, f"objectives[{i}]", dict), "name", str, f"objectives[{i}]."),
            str(o.get("unit", "")),
        )
        for i, o in enumerate(reader.get(document, "objectives", list))
    )
    rows = [reader.row(row, at, kernels, objectives) for at, row in enumerate(reader.get(document, "rows", list))]
    return DesignFile(
        workload=reader.get(document, "workload", str),
        kernels=kernels,
        scenario=reader.scenario(reader.get(document, "scenario", dict)),
        created_by=reader.get(document, "created_by", str),
        objectives=objectives,
        designs=tuple(design for design, _ in rows),
        values=np.array([values for _, values in rows], float).reshape(len(rows), len(objectives)),
    )


class _Reader:
    """Checks of one file's fields."""

    def __init__(self, path: str):
        self.path = path

    def typed(self, value: Any, field: str, kind: type) -> Any:
        words = {dict: "an object", list: "a list", str: "a text"}
        if not isinstance(value, kind):
            raise InputError(f"{self.path}: field '{field}' must be {words[kind]}, not {json.dumps(value)[:40]}.")
        return value

    def get(self, table: dict, field: str, kind: type, prefix: str = "") -> Any:
        if field not in table:
            raise InputError(f"{self.path}: field '{prefix}{field}' is missing; add it.")
        return self.typed(table[field], prefix + field, kind)

    def scenario(self, table: dict) -> dict[str, Any]:
        """Numbers, and a list of weights for the DRAM, as far as they are there."""
        for name in {"node_nm", "clock_ghz", "dram_channels"} & table.keys():
            self.number(table, name, "scenario.")
        weights = table.get("dram", [0.0] * len(DRAMS))
        if not isinstance(weights, list) or len(weights) != len(DRAMS) or not all(map(_is_number, weights)):
            raise InputError(f"{self.path}: scenario.dram must list {len(DRAMS)} numbers, one for each type of DRAM.")
        return table

    def row(self, row: Any, at: int, kernels: tuple, objectives: tuple) -> tuple[Design, list[float]]:
        prefix = f"rows[{at}]."
        self.typed(row, f"rows[{at}]", dict)
        hardware = self.fields(self.get(row, "hardware", dict, prefix), HARDWARE_NAMES, f"{prefix}hardware.")
        tables = self.get(row, "mappings", dict, prefix)
        names = tuple(kernel["name"] for kernel in kernels)
        unknown = sorted(set(tables) - set(names))
        if unknown:
            raise InputError(
                f"{self.path}: {prefix}mappings has '{unknown[0]}', which is not among the file's kernels."
            )
        mappings = []
        for name in names:
            own = f"{prefix}mappings.{name}."
            mappings.append(self.fields(self.get(tables, name, dict, f"{prefix}mappings."), MAPPING_NAMES, own))
        try:
            design = Design(hardware, tuple(mappings), names)
        except InputError as error:
            raise InputError(f"{self.path}: rows[{at}]: {error}") from None
        families = tuple(kernel["family"] for kernel in kernels)
        values = self.get(row, "objectives", dict, prefix)
        found = [self.number(values, name, f"{prefix}objectives.") for name, _ in objectives]
        return design.checked(families, f"{self.path}: rows[{at}]"), found

    def fields(self, table: dict, names: tuple[str, ...], prefix: str) -> dict[str, Value]:
        unknown = sorted(set(table) - set(names))
        if unknown:
            raise InputError(f"{self.path}: field '{prefix}{unknown[0]}' is unknown; remove it.")
        filled = with_defaults(table, names)
        return {name: self.value(filled, name, prefix) for name in names}

    def value(self, table: dict, name: str, prefix: str) -> Value:
        if name in NUMBERS:
            return self.number(table, name, prefix, least=1.0)
        choice = self.get(table, name, str, prefix)
        if choice not in CHOICES[name]:
            raise InputError(f"{self.path}: {prefix}{name} = '{choice}' is unknown; use {', '.join(CHOICES[name])}.")
        return choice

    def number(self, table: dict, name: str, prefix: str, least: float = 0.0) -> float:
        if name not in table:
            raise InputError(f"{self.path}: field '{prefix}{name}' is missing; add it.")
        value = table[name]
        if not _is_number(value) or value < least:
            raise InputError(
                f"{self.path}: {prefix}{name} = {json.dumps(value)[:40]} must be a number of at least {least:g}."
            )
        return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
