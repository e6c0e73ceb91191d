"""A design in words: plain numbers and names, one hardware and one mapping for each kernel."""

import dataclasses
import math
from collections.abc import Mapping as Dictionary
from typing import Any

from dse.space.changes import checked_change, kernels_concerned
from dse.space.design_space import HARDWARE_NAMES, MAPPING_NAMES, Value
from hwmodels.design.choices import OF_SCENARIO
from hwmodels.design.hardware import (
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    Hardware,
    Mapping,
    checked_value,
    make_hardware,
    make_mapping,
    own_fields,
    with_defaults,
)
from hwmodels.design.legality import CHEAPEST, canonical, illegality, uses_intersection
from workloads.errors import InputError, choose_from


@dataclasses.dataclass(frozen=True)
class Design:
    """One accelerator and how it runs each kernel; numbers that have a default need not be named.

    **Raises** `InputError` for a field that is missing, unknown, or holds what cannot be built.
    """

    hardware: Dictionary[str, Value]
    """`HARDWARE_NAMES` -> number, or name of a choice."""
    mappings: tuple[Dictionary[str, Value], ...]
    """For each kernel, `MAPPING_NAMES` -> number or name."""
    kernels: tuple[str, ...]
    """Names of the kernels."""

    def __post_init__(self):
        if len(self.mappings) != len(self.kernels):
            raise InputError(
                f"A design has {len(self.mappings)} mappings for {len(self.kernels)} kernels; give one each."
            )
        named = zip(self.kernels, self.mappings, strict=True)
        mappings = [_checked_fields(fields, MAPPING_NAMES, f"mapping of '{kernel}'") for kernel, fields in named]
        object.__setattr__(self, "hardware", _checked_fields(self.hardware, HARDWARE_NAMES, "hardware"))
        object.__setattr__(self, "mappings", tuple(mappings))

    def with_(self, families: tuple[str, ...] | None = None, /, **changes: Any) -> "Design":
        """The design with parameters changed: `design.with_(index_bus_bits=64, a_format="csr")`.

        A parameter of mappings changes in all of them, or in one as `design.with_(**{"conv1.tile_m": 64})`.
        **Arguments**: `families` of the kernels (`problem.families`): with them, changes of B are for those whose B is
        sparse, and it is checked that the mappings can run; without, scoring the design checks it. **Raises**
        `InputError` for a name or value that no design has, with what is near it.
        """
        return change_design(self, families, changes, "Design.with_")

    def build(self) -> tuple[Hardware, list[Mapping]]:
        """The models' hardware, with exactly the capabilities its mappings use, and one mapping per kernel."""
        mappings = [make_mapping(**fields) for fields in self.mappings]  # pyright: ignore[reportArgumentType]
        numbers = {name: float(self.hardware[name]) for name in HARDWARE_NUMBERS}
        words = {name: str(self.hardware[name]) for name in HARDWARE_CHOICES}
        return make_hardware(mappings=mappings, **numbers | words), mappings

    def checked(self, families: tuple[str, ...], where: str = "The design") -> "Design":
        """The design with choices that change nothing made canonical; InputError for those that are not legal."""
        if len(self.mappings) != len(families):
            raise InputError(f"{where} maps {len(self.mappings)} kernels, but the workload has {len(families)}.")
        mappings, used = [], False
        for mapping, kernel, family in zip(self.mappings, self.kernels, families, strict=True):
            words = {name: value for name, value in mapping.items() if isinstance(value, str)}
            wrong = illegality(words, family)
            if wrong:
                raise InputError(f"{where}: mapping of '{kernel}': {wrong}.")
            mappings.append({**mapping, **canonical(words, family)})
            used = used or uses_intersection(words, family)
        hardware = dict(self.hardware) if used else {**self.hardware, "intersection": CHEAPEST["intersection"]}
        return Design(hardware, tuple(mappings), self.kernels)


def _checked_fields(fields: Dictionary[str, Value], names: tuple[str, ...], what: str) -> dict[str, Value]:
    """All fields of hardware or of a mapping, as plain numbers and names."""
    given, where = with_defaults(fields, names), f"A design's {what}"
    for name in given.keys() - set(names):
        raise InputError(f"{where} has no field '{name}'; {choose_from(name, names)}")
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"{where} lacks '{missing[0]}'; add it.")
    return {name: checked_value(name, value, where) for name, value in given.items()}


def change_design(
    design: Design, families: tuple[str, ...] | None, changes: Dictionary[str, Any], where: str = "--set"
) -> Design:
    """What `Design.with_` does; `where` stands before each name in errors: the option it was given by."""
    hardware, mappings = dict(design.hardware), [dict(mapping) for mapping in design.mappings]
    for name, given in changes.items():
        value = checked_change(name, given, f"{where} {name}")
        concerned = kernels_concerned(name, design.kernels, families, f"{where} {name}")
        for fields in [mappings[at] for at in concerned] or [hardware]:
            fields[name.rpartition(".")[2]] = value
    _keep_room(design.hardware, hardware, mappings)
    changed = Design(hardware, tuple(mappings), design.kernels)
    if "dram_channels" in changes and changed.hardware["dram"] == OF_SCENARIO:
        raise InputError(f"{where} dram_channels: the DRAM is the scenario's, with its channels; give dram, too.")
    return changed if families is None else changed.checked(families, "The changed design")


def _keep_room(before: Dictionary[str, Value], after: Dictionary[str, Value], mappings: list[dict[str, Value]]) -> None:
    """What stays for other kernels takes as much of a changed GLB as before, in values of the changed width."""
    glb_before, glb = float(before["glb_bytes"]), float(after["glb_bytes"])
    wider = float(after["value_bits"]) / float(before["value_bits"])
    for mapping in mappings:
        room = float(mapping["glb_room"])
        if room < glb_before and (glb != glb_before or wider != 1.0):
            mapping["glb_room"] = max(glb - math.ceil((glb_before - room) * wider), 1.0)


def describe(design: Design) -> dict[str, Value]:
    """One flat row for a table: hardware by name, mappings as `kernel.name`; units are in the names (`glb_bytes`).

    A memory that is the scenario's is left out.
    """
    row: dict[str, Any] = own_fields(design.hardware)
    for kernel, mapping in zip(design.kernels, design.mappings, strict=True):
        row |= {f"{kernel}.{name}": value for name, value in mapping.items()}
    return row
