"""Changes of a design by name: `index_bus_bits=64`, `a_format=bitmask`, `conv1.dataflow=inner_product`."""

from collections.abc import Sequence
from typing import Any

from dse.space.design_space import HARDWARE_NAMES, MAPPING_NAMES, NUMBERS, Value
from hwmodels.design.hardware import checked_value
from hwmodels.design.legality import B_IS_DENSE
from workloads.errors import InputError, choose_from


def parse_changes(texts: Sequence[str], where: str = "--set") -> dict[str, Value]:
    """`["index_bus_bits=64", "conv1.a_format=csr"]` as names and values; InputError for what no design has.

    `where` stands before each text in errors: the option it was given by.
    """
    changes: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise InputError(f"{where} {text}: write NAME=VALUE, for example {where} index_bus_bits=64.")
        if name in changes:
            raise InputError(f"{where} {text}: '{name}' is set twice; set it once.")
        changes[name] = checked_change(name, _number_in(value) if _short(name) in NUMBERS else value, f"{where} {text}")
    return changes


def checked_change(name: str, value: Any, where: str) -> Value:
    """The value of a change, by the name of a parameter or as `kernel.name`; InputError for what no design has."""
    short, known = _short(name), (*HARDWARE_NAMES, *MAPPING_NAMES)
    if short not in known:
        raise InputError(f"{where}: there is no parameter '{short}'; {choose_from(short, known)}")
    return checked_value(short, value, where)


def kernels_concerned(name: str, kernels: Sequence[str], families: Sequence[str] | None, where: str) -> list[int]:
    """Which kernels' mappings a change is for: none of hardware's, one of `kernel.name`, else all.

    **Arguments**: `families` of the kernels: where they are known, changes of B are for those whose B is sparse.
    **Raises** `InputError` for an unknown kernel, and where a change is for none.
    """
    kernel, _, short = name.rpartition(".")
    if short in HARDWARE_NAMES:
        if kernel:
            raise InputError(f"{where}: '{short}' belongs to the hardware, not to a kernel; write '{short}'.")
        return []
    if kernel and kernel not in kernels:
        raise InputError(f"{where}: there is no kernel '{kernel}'; {choose_from(kernel, kernels)}")
    if kernel:
        return [kernels.index(kernel)]
    dense = [short.startswith("b_") and family in B_IS_DENSE for family in families or [""] * len(kernels)]
    if all(dense):
        raise InputError(f"{where}: every kernel of this workload has a dense B, so '{short}' cannot be changed.")
    return [at for at, of_dense in enumerate(dense) if not of_dense]


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _number_in(text: str) -> Value:
    """The number in a text; the text where there is none, for an error to show."""
    try:
        return float(text)
    except ValueError:
        return text
