"""What a field of a design is: its unit, bounds and help, or the names that it chooses from.

The record stands at the field, `pe_rows: Annotated[Scalar, Number(...)]`; lists, bounds, units and help texts follow.
"""

import dataclasses
import typing
from typing import TypeVar

Record = TypeVar("Record")


@dataclasses.dataclass(frozen=True)
class Number:
    """A field that is a number."""

    help: str
    unit: str
    bounds: tuple[float | int, float | int]
    """Least and greatest in the default space."""
    stress: tuple[float | int, float | int]
    """Least and greatest with which gradients and speed of the models are measured: wider than what can be built, for a
    search may pass through all of it."""
    source: str
    """Where the bounds are from."""
    ceiling: float | int | None = None
    """Greatest in the space of a workload that can use more than `bounds`; None: no workload can."""
    ceiling_source: str = ""
    default: float | int | None = None
    """What a design has that does not name it; None: every design must."""

    @property
    def most(self) -> int:
        """Greatest that a design may have: 256 times what is searched or measured, so that nothing overflows."""
        return 256 * int(max(self.bounds[1], self.stress[1], self.ceiling or 0))


@dataclasses.dataclass(frozen=True)
class Selection:
    """A field that is a weight vector over `names`."""

    help: str
    names: tuple[str, ...]
    default: str | None = None
    """What a design has that does not name it; None: every design must."""
    searched: tuple[str, ...] | None = None
    """Names in the default space; None: all."""


@dataclasses.dataclass(frozen=True)
class Capability:
    """A field that says for which names of a mapping's choice the hardware has the circuits."""

    choice: str


def records_of(design: type, kind: type[Record]) -> dict[str, Record]:
    """Field -> record of one kind, in the order of the fields of a class."""
    hints = typing.get_type_hints(design, include_extras=True)
    extras = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: one for name, found in extras.items() for one in found if isinstance(one, kind)}
