"""Which choices go together, by name: the one table shared by the validator and the design space (docs/machine.md,
2-4, 7, 8).

A format that is walked in one order only (`hwmodels.formats.records`) goes with the dataflows that walk its operand so
(`hwmodels.design.choices`). A dense operand cannot skip. B of the dense-B family and of SDDMM, whose "A" is its mask,
is always dense and computed. Both operands of an element-wise kernel are read in the order of A.
"""

from collections.abc import Mapping

from hwmodels.design.choices import DATAFLOW_RECORDS, INTERSECTIONS, ZERO_MODES
from hwmodels.formats.records import COLUMN_ORDERED, FORMAT_OF, FORMATS, ROW_ORDERED

READS_ROWS = {
    "a": tuple(flow.name for flow in DATAFLOW_RECORDS if flow.a_order == "rows"),
    "b": tuple(flow.name for flow in DATAFLOW_RECORDS if flow.b_order == "rows"),
}
"""Operand -> the dataflows that walk its rows; the others walk its columns."""
CHEAPEST = {"intersection": "leader_follower", "schedule": "row_blocks", "residency": "a"}
"""What a choice that changes nothing is set to."""
DENSE_A = {"a_format": "dense", "a_zero": "compute"}
DENSE_B = {"b_format": "dense", "b_zero": "compute"}
"""Choices for an operand that is stored dense and computed in full: any hardware can."""
FAMILIES = ("dense_b", "sparse_b", "sddmm", "elementwise")
B_IS_DENSE = ("dense_b", "sddmm")
"""Families without choices for B: `DENSE_B`."""


def legal_formats(dataflow: str, operand: str, family: str) -> tuple[str, ...]:
    """Formats of operand "a" or "b" that a dataflow can walk, for a kernel of family "dense_b", "sparse_b", "sddmm" or
    "elementwise"."""
    if operand == "b" and family in B_IS_DENSE:
        return (DENSE_B["b_format"],)
    reads_rows = READS_ROWS["a" if family == "elementwise" else operand]
    banned = COLUMN_ORDERED if dataflow in reads_rows else ROW_ORDERED
    return tuple(name for name in FORMATS if name not in banned)


def legal_zero_modes(format: str, operand: str, family: str) -> tuple[str, ...]:
    """What can be done with the zeros of an operand stored in a format."""
    if operand == "b" and family in B_IS_DENSE:
        return (DENSE_B["b_zero"],)
    return tuple(name for name in ZERO_MODES if not (name == "skip" and FORMAT_OF[format].is_dense))


def uses_intersection(names: Mapping[str, str], family: str) -> bool:
    """Whether a mapping may run the intersection unit: A is skipped in the inner product or element-wise."""
    if family == "elementwise":
        return names["a_zero"] == "skip"
    return names["dataflow"] == "inner_product" and names["a_zero"] == "skip" and family != "sddmm"


def canonical(names: Mapping[str, str], family: str) -> dict[str, str]:
    """The same mapping (choice -> name) with every choice that changes nothing set to its cheapest value.

    The outer product balances nothing and streams both operands, so its schedule and residency do not matter. When A
    does not skip, all rows are equal and the schedule does not matter either, unless the inner product deals the
    columns of a sparse B by it. An `intersection` among the names is settled when it is never run. Element-wise kernels
    hold nothing in the PE buffers, and deal fibers by the schedule unless neither operand skips.
    """
    elementwise = family == "elementwise"
    outer = names["dataflow"] == "outer_product" and not elementwise
    columns_dealt = names["dataflow"] == "inner_product" and family == "sparse_b"
    uneven = names["a_zero"] == "skip" or (names["b_zero"] == "skip" if elementwise else columns_dealt)
    idle = {
        "residency": outer or elementwise,
        "schedule": outer or not uneven,
        "intersection": "intersection" in names and not uses_intersection(names, family),
    }
    return {**names, **{choice: CHEAPEST[choice] for choice, changes_nothing in idle.items() if changes_nothing}}


def illegality(names: Mapping[str, str], family: str) -> str | None:
    """None for a legal mapping, else what is wrong with it and what would be right (a clause for an error sentence)."""
    for operand in ("a", "b"):
        format, mode = names[f"{operand}_format"], names[f"{operand}_zero"]
        formats = legal_formats(names["dataflow"], operand, family)
        if format not in formats:
            return f"{operand}_format '{format}' does not go with {names['dataflow']}; use {', '.join(formats)}"
        modes = legal_zero_modes(format, operand, family)
        if mode not in modes:
            return f"{operand}_zero '{mode}' does not go with {operand}_format '{format}'; use {', '.join(modes)}"
    if "intersection" in names and names["intersection"] not in INTERSECTIONS:
        return f"intersection '{names['intersection']}' is unknown; use {', '.join(INTERSECTIONS)}"
    return None
