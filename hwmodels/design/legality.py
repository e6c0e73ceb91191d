"""Which choices go together, by name: the one table shared by the validator and the design space (docs/machine.md,
2, 4, 7, 8).

A format that is walked in one order only (`hwmodels.formats.records`) goes with the dataflows that walk its operand so
(`hwmodels.design.choices`). A dense operand cannot skip. B of the dense-B family and of SDDMM, whose "A" is its mask,
is always dense and computed. Both operands of an element-wise kernel are read by rows, by every lane on its own.
"""

import functools
from collections.abc import Mapping

from hwmodels.design.choices import (
    COLUMN_AXES,
    DATAFLOW_RECORDS,
    DATAFLOWS,
    INTERSECTIONS,
    KEPT,
    KEPT_A,
    LANE_AXES,
    RESIDENCIES,
    ZERO_MODES,
)
from hwmodels.formats.records import COLUMN_ORDERED, FORMAT_OF, FORMATS, ROW_ORDERED

READS_ROWS = {
    "a": tuple(flow.name for flow in DATAFLOW_RECORDS if flow.a_order == "rows"),
    "b": tuple(flow.name for flow in DATAFLOW_RECORDS if flow.b_order == "rows"),
}
"""Operand -> the dataflows that walk its rows; the others walk its columns."""
CHEAPEST = {
    "intersection": "leader_follower",
    "schedule": "row_blocks",
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
}
"""What a choice that changes nothing is set to."""
DENSE_A = {"a_format": "dense", "a_zero": "compute"}
DENSE_B = {"b_format": "dense", "b_zero": "compute"}
"""Choices for an operand that is stored dense and computed in full: any hardware can."""
FAMILIES = ("dense_b", "sparse_b", "sddmm", "elementwise")
B_IS_DENSE = ("dense_b", "sddmm")
"""Families without choices for B: `DENSE_B`."""
_DATAFLOWS = {"sddmm": ("inner_product",), "elementwise": ("inner_product",)}
"""Families that need the inner product's units: their dataflows."""


@functools.cache
def legal_dataflows(family: str) -> tuple[str, ...]:
    """Dataflows that can run a kernel of a family."""
    return _DATAFLOWS.get(family, DATAFLOWS)


@functools.cache
def legal_formats(dataflow: str, operand: str, family: str) -> tuple[str, ...]:
    """Formats of operand "a" or "b" that a dataflow can walk, for a kernel of family "dense_b", "sparse_b", "sddmm" or
    "elementwise"."""
    if operand == "b" and family in B_IS_DENSE:
        return (DENSE_B["b_format"],)
    reads_rows = READS_ROWS["a" if family == "elementwise" else operand]
    banned = COLUMN_ORDERED if dataflow in reads_rows else ROW_ORDERED
    return tuple(name for name in FORMATS if name not in banned)


@functools.cache
def legal_zero_modes(format: str, operand: str, family: str) -> tuple[str, ...]:
    """What can be done with the zeros of an operand stored in a format."""
    if operand == "b" and family in B_IS_DENSE:
        return (DENSE_B["b_zero"],)
    return tuple(name for name in ZERO_MODES if not (name == "skip" and FORMAT_OF[format].is_dense))


def lanes_decode_a(names: Mapping[str, str]) -> bool:
    """Whether each lane can walk a fiber of A of its own, as in element-wise kernels: A is stored dense, or the lanes
    have the units of an inner product that skips zeros of both, with decoders of A."""
    return FORMAT_OF[names["a_format"]].is_dense or names["a_zero"] == names["b_zero"] == "skip"


@functools.cache
def legal_residencies(dataflow: str, b_format: str, family: str) -> tuple[str, ...]:
    """What can be held in the PE buffers: rows of B are fetched one by one in Gustavson's dataflow, if they have
    addresses."""
    fetches = (
        dataflow == "gustavson" and FORMAT_OF[b_format].rows_addressable and family not in ("sddmm", "elementwise")
    )
    return tuple(name for name in RESIDENCIES if fetches or name != "fetch")


@functools.cache
def legal_lane_axes(dataflow: str, b_zero: str, family: str) -> tuple[str, ...]:
    """Dimensions that lanes can divide: k where a tree can add what they make, of an output at a time, and B does not
    skip. An SDDMM has no other."""
    if family == "sddmm":
        return ("k",)
    on_k = dataflow == "inner_product" and b_zero != "skip" and family != "elementwise"
    return tuple(name for name in LANE_AXES if on_k or name != "k")


def legal_kept(names: Mapping[str, str], family: str) -> dict[str, tuple[str, ...]]:
    """Where A, B and Z can stay (docs/machine.md, section 1): A in PEs that hold it as it is stored, and whose rows are
    dealt alike in all visits; a sparse result of a product, whose places nobody knows beforehand, nowhere."""
    meets = family == "sparse_b" and names["b_zero"] == "skip"
    held = family in ("dense_b", "sparse_b") and names["residency"] == "ab"
    held = held and not (meets and (names["dataflow"] == "inner_product" or names["schedule"] == "balanced"))
    return {
        "a_kept": KEPT_A if held else KEPT,
        "b_kept": KEPT,
        "z_kept": KEPT[:1] if family == "sparse_b" else KEPT,
    }


def uses_intersection(names: Mapping[str, str], family: str) -> bool:
    """Whether a mapping runs the intersection unit: both operands skip, in the inner product."""
    skips = names["a_zero"] == "skip" and names["b_zero"] == "skip"
    return family in ("sparse_b", "elementwise") and names["dataflow"] == "inner_product" and skips


def canonical(names: Mapping[str, str], family: str) -> dict[str, str]:
    """The same mapping (choice -> name) with every choice that changes nothing set to its cheapest value.

    When A does not skip, all rows are equal and the schedule does not matter, unless the inner product deals the
    columns of a sparse B that skips by it. Where that product skips zeros of B both operands are held, whatever the
    residency. An `intersection` among the names is settled when it is never run. Element-wise kernels hold nothing in
    the PE buffers, lanes work on their own, and fibers are dealt by the schedule unless neither operand skips.
    """
    elementwise = family == "elementwise"
    meets = names["dataflow"] == "inner_product" and family == "sparse_b" and names["b_zero"] == "skip"
    uneven = names["a_zero"] == "skip" or (names["b_zero"] == "skip" if elementwise else meets)
    idle = {
        "residency": elementwise or meets or family == "sddmm",
        "columns_on": elementwise,
        "lanes_on": elementwise,
        "schedule": not uneven,
        "intersection": "intersection" in names and not uses_intersection(names, family),
    }
    return {**names, **{choice: CHEAPEST[choice] for choice, changes_nothing in idle.items() if changes_nothing}}


def illegality(names: Mapping[str, str], family: str) -> str | None:
    """None for a legal mapping, else what is wrong with it and what would be right (a clause for an error sentence)."""
    dataflow, flows = names["dataflow"], legal_dataflows(family)
    if dataflow not in flows:
        return f"dataflow '{dataflow}' cannot run this kernel; use {', '.join(flows)}"
    for operand in ("a", "b"):
        format, mode = names[f"{operand}_format"], names[f"{operand}_zero"]
        formats = legal_formats(dataflow, operand, family)
        if format not in formats:
            return f"{operand}_format '{format}' does not go with {dataflow}; use {', '.join(formats)}"
        modes = legal_zero_modes(format, operand, family)
        if mode not in modes:
            return f"{operand}_zero '{mode}' does not go with {operand}_format '{format}'; use {', '.join(modes)}"
    if family == "elementwise" and not lanes_decode_a(names):
        return "lanes decode a compressed A only where A and B skip; use a_zero and b_zero 'skip', or a_format 'dense'"
    held = legal_residencies(dataflow, names["b_format"], family)
    if names["residency"] not in held:
        beside = f"{dataflow} and b_format '{names['b_format']}'"
        return f"residency '{names['residency']}' does not go with {beside}; use {', '.join(held)}"
    axes = legal_lane_axes(dataflow, names["b_zero"], family)
    if names["lanes_on"] not in axes:
        beside = f"{dataflow} and b_zero '{names['b_zero']}'"
        return f"lanes_on '{names['lanes_on']}' does not go with {beside}; use {', '.join(axes)}"
    if names["columns_on"] not in COLUMN_AXES:
        return f"columns_on '{names['columns_on']}' is unknown; use {', '.join(COLUMN_AXES)}"
    for choice, places in legal_kept(names, family).items():
        if names.get(choice, places[0]) not in places:
            return f"{choice} '{names[choice]}' does not go with this kernel and residency; use {', '.join(places)}"
    if "intersection" in names and names["intersection"] not in INTERSECTIONS:
        return f"intersection '{names['intersection']}' is unknown; use {', '.join(INTERSECTIONS)}"
    return None
