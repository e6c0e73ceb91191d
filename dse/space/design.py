"""A design in words: plain numbers and names, one hardware and one mapping for each kernel."""

import dataclasses
from collections.abc import Mapping as Dictionary
from typing import Any

from dse.space.design_space import HARDWARE_NAMES, MAPPING_NAMES, Value
from hwmodels.design.hardware import HARDWARE_NUMBERS, Hardware, Mapping, make_hardware, make_mapping, with_defaults
from hwmodels.design.legality import CHEAPEST, canonical, illegality, uses_intersection
from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class Design:
    """One accelerator and how it runs each kernel; numbers that have a default need not be named."""

    hardware: Dictionary[str, Value]
    """`HARDWARE_NAMES` -> number, or name for the intersection unit."""
    mappings: tuple[Dictionary[str, Value], ...]
    """For each kernel, `MAPPING_NAMES` -> number or name."""
    kernels: tuple[str, ...]
    """Names of the kernels."""

    def __post_init__(self):
        object.__setattr__(self, "hardware", with_defaults(self.hardware, HARDWARE_NAMES))
        object.__setattr__(self, "mappings", tuple(with_defaults(fields, MAPPING_NAMES) for fields in self.mappings))

    def build(self) -> tuple[Hardware, list[Mapping]]:
        """The models' hardware, with exactly the capabilities its mappings use, and one mapping per kernel."""
        mappings = [make_mapping(**fields) for fields in self.mappings]  # pyright: ignore[reportArgumentType]
        numbers = {name: float(self.hardware[name]) for name in HARDWARE_NUMBERS}
        return make_hardware(str(self.hardware["intersection"]), mappings, **numbers), mappings

    def checked(self, families: tuple[str, ...], where: str = "The design") -> "Design":
        """The design with choices that change nothing made canonical; InputError for fields missing or not legal."""
        if not len(self.mappings) == len(self.kernels) == len(families):
            raise InputError(f"{where} maps {len(self.mappings)} kernels, but the workload has {len(families)}.")
        for fields, names, what in [
            (self.hardware, HARDWARE_NAMES, "hardware"),
            *(
                (mapping, MAPPING_NAMES, f"mapping of '{k}'")
                for mapping, k in zip(self.mappings, self.kernels, strict=True)
            ),
        ]:
            missing = [name for name in names if name not in fields]
            if missing:
                raise InputError(f"{where}: the {what} lacks '{missing[0]}'; add it.")
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


def describe(design: Design) -> dict[str, Value]:
    """One flat row for a table: hardware by name, mappings as `kernel.name`; units are in the names (`glb_bytes`)."""
    row: dict[str, Any] = dict(design.hardware)
    for kernel, mapping in zip(design.kernels, design.mappings, strict=True):
        row |= {f"{kernel}.{name}": value for name, value in mapping.items()}
    return row
