"""Changes of a design by name: `index_bus_bits=64`, `a_format=bitmask`, `conv1.dataflow=inner_product`."""

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from dse.space.design import Design
from dse.space.design_space import CHOICES, HARDWARE_NAMES, MAPPING_NAMES, NUMBERS, Value
from hwmodels.design.legality import B_IS_DENSE
from workloads.errors import InputError


def parse_changes(texts: Sequence[str], where: str = "--set") -> dict[str, Value]:
    """`["index_bus_bits=64", "conv1.a_format=csr"]` as names and values; InputError for what no design has.

    `where` stands before each text in errors: the option it was given by.
    """
    changes: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        short = name.rpartition(".")[2]
        known = (*HARDWARE_NAMES, *MAPPING_NAMES)
        if not equals or not value:
            raise InputError(f"{where} {text}: write NAME=VALUE, for example {where} index_bus_bits=64.")
        if short not in known:
            near = difflib.get_close_matches(short, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(known)}."
            raise InputError(f"{where} {text}: there is no parameter '{short}'; {hint}")
        if name in changes:
            raise InputError(f"{where} {text}: '{name}' is set twice; set it once.")
        changes[name] = (
            _number(f"{where} {text}", value) if short in NUMBERS else _choice(f"{where} {text}", short, value)
        )
    return changes


def _number(where: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not (np.isfinite(number) and number >= 1 and number == int(number)):
        raise InputError(f"{where}: '{value}' is not a whole number of at least 1.")
    return number


def _choice(where: str, name: str, value: str) -> str:
    if value not in CHOICES[name]:
        raise InputError(f"{where}: '{value}' is unknown; choose one of: {', '.join(CHOICES[name])}.")
    return value


def change_design(
    design: Design, families: tuple[str, ...], changes: Mapping[str, Value], where: str = "--set"
) -> Design:
    """The design with parameters changed: of the hardware, of all mappings, or of one as `kernel.name`.

    **Arguments**: `families` of its kernels; changes of B go to those whose B is sparse. `where` stands before each
    name in errors: the option it was given by. **Raises** `InputError` for an unknown kernel or a mapping that cannot
    run.
    """
    hardware, mappings = dict(design.hardware), [dict(mapping) for mapping in design.mappings]
    for full, value in changes.items():
        kernel, _, name = full.rpartition(".")
        if name in HARDWARE_NAMES:
            if kernel:
                raise InputError(f"{where} {full}: '{name}' belongs to the hardware, not to a kernel; write '{name}'.")
            hardware[name] = value
            continue
        for at in _concerned(design, families, full, where):
            mappings[at][name] = value
    return Design(hardware, tuple(mappings), design.kernels).checked(families, "The changed design")


def _concerned(design: Design, families: tuple[str, ...], full: str, where: str) -> list[int]:
    """Indices of the kernels that a change of a mapping is for."""
    kernel, _, name = full.rpartition(".")
    if kernel and kernel not in design.kernels:
        raise InputError(f"{where} {full}: there is no kernel '{kernel}'; choose one of: {', '.join(design.kernels)}.")
    if kernel:
        return [design.kernels.index(kernel)]
    of_b = name.startswith("b_")
    concerned = [at for at, family in enumerate(families) if not (of_b and family in B_IS_DENSE)]
    if not concerned:
        raise InputError(f"{where} {full}: every kernel of this workload has a dense B, so '{name}' cannot be changed.")
    return concerned
