"""A node as operators see it: its attributes, the constants and the shapes of what goes in, and the products it is."""

import math
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workloads.kernels.unfolding import Unfolding
from workloads.readers.onnx_graphs.constants import StoredConstant, Unread
from workloads.readers.onnx_graphs.shapes import Dims


@dataclass(frozen=True)
class NodeProduct:
    """One product of stored weights with activations: the weights' rows times `columns` vectors."""

    weights: StoredConstant
    """Whose entries, taken `shape` at a time, are A; with `groups` those of its diagonal blocks."""
    shape: tuple[int, int]
    """Rows, and columns of one group's block."""
    columns: int | None
    part: str = ""
    """What tells a product from others of its node."""
    repeats: float = 1.0
    groups: int = 1
    """Blocks along the diagonal of A: rows and columns are divided among them."""
    unfolding: Unfolding | None = None
    taps: int = 1
    """Weights of a filter for one channel, which lie beside each other in a row of A."""


@dataclass(frozen=True)
class Activations:
    """A product that is left out because no operand of it is stored."""

    why: str = "a product of two activations"


@dataclass
class Scope:
    """What the nodes of a graph see, the values of enclosing graphs included."""

    constants: ChainMap[str, StoredConstant | Unread]
    shapes: ChainMap[str, Dims]


class Node:
    """A node of a graph. Methods **raise** `Unread` for what a product cannot be read without."""

    def __init__(self, proto, scope: Scope, value_of) -> None:
        self.kind: str = proto.op_type
        self.domain: str = "" if proto.domain == "ai.onnx" else proto.domain
        self.inputs: list[str] = list(proto.input)
        self.outputs: list[str] = list(proto.output)
        name = proto.name or next(filter(None, self.outputs), proto.op_type)
        self.name: str = name.decode("utf-8", "replace") if isinstance(name, bytes) else name  # bytes: no UTF-8
        self.attributes: Mapping[str, Any] = {part.name: value_of(part) for part in proto.attribute if part.type}
        self._scope = scope

    def number(self, name: str, default: int) -> int:
        """An attribute that is a whole number."""
        return int(self.attributes.get(name, default))

    def numbers(self, name: str, default: list[int]) -> list[int]:
        """An attribute that is a list of whole numbers."""
        return [int(one) for one in self.attributes.get(name, default)]

    def text(self, name: str, default: str) -> str:
        """An attribute that is text."""
        found = self.attributes.get(name, default)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)

    def has(self, at: int) -> bool:
        """Whether an input is given."""
        return at < len(self.inputs) and self.inputs[at] != ""

    def constant(self, at: int) -> StoredConstant | None:
        """An input that is known from the file, None for an activation or none."""
        found = self._scope.constants.get(self.inputs[at]) if self.has(at) else None
        if isinstance(found, Unread):
            raise found
        return found

    def weights(self, at: int) -> StoredConstant:
        """An input that must be known from the file."""
        found = self.constant(at)
        if found is None:
            raise Unread("are not stored")
        return found

    def stored(self, at: int) -> bool:
        """Whether an input is known from the file, be it that it cannot be computed here."""
        return self.has(at) and self.inputs[at] in self._scope.constants

    def zero_point(self, at: int) -> StoredConstant | None:
        """An input that is a zero point of weights, None for none."""
        if self.has(at) and not self.stored(at):
            raise Unread("have a zero point that is computed while the network runs")
        return self.constant(at)

    def dims(self, at: int) -> Dims | None:
        """The shape of an input."""
        return self._dims(self.inputs[at]) if self.has(at) else None

    def out(self, at: int = 0) -> Dims | None:
        """The shape of an output."""
        return self._dims(self.outputs[at]) if at < len(self.outputs) else None

    def _dims(self, name: str) -> Dims | None:
        found = self._scope.constants.get(name)
        return found.shape if isinstance(found, StoredConstant) else self._scope.shapes.get(name)


def count(dims: Dims | list[int | None] | None) -> int | None:
    """The product of sides; None where one is unknown."""
    known = None if dims is None else [side for side in dims if side is not None]
    return None if known is None or len(known) != len(dims or ()) else math.prod(known)


def times(*counts: int | None) -> int | None:
    """The product of counts; None where one is unknown."""
    return count(list(counts))


def same(one: int | None, other: int | None, what: str) -> None:
    """**Raises** `Unread` where two sides that must be equal are known and differ."""
    if one is not None and other is not None and one != other:
        raise Unread(f"do not fit what they are multiplied with ({what}: {one} and {other})")
