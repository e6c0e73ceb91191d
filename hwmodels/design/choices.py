"""The machine's discrete choices, one record each, and the weight vectors that select them.

A choice is data: a weight vector over its names, one-hot for a design that can be built, a mixture while a search
anneals it. Only the dataflow is structure, because its formulas differ. Records stand in the order of the weight
vectors: append. Formats have more to say, in a file of their own (`hwmodels.formats.records`).
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.formats.records import FORMATS as FORMATS
from workloads.errors import InputError
from workloads.statistics.schedules import BALANCED as BALANCED
from workloads.statistics.schedules import CYCLIC as CYCLIC
from workloads.statistics.schedules import ROW_BLOCKS as ROW_BLOCKS
from workloads.statistics.schedules import SCHEDULES as SCHEDULES


@dataclasses.dataclass(frozen=True)
class Option:
    """One that can be chosen."""

    name: str
    help: str


@dataclasses.dataclass(frozen=True)
class Dataflow(Option):
    """How a tile is worked on: structure, one compiled function each."""

    a_order: Literal["rows", "columns"]
    """In what order A is walked."""
    b_order: Literal["rows", "columns"]


@dataclasses.dataclass(frozen=True)
class IntersectionUnit(Option):
    """How the inner product finds matching coordinates."""

    rows_alike: bool = False
    """Whether it walks rows of A against whole columns of B, so that the firmware deals non-empty rows as equals."""


@dataclasses.dataclass(frozen=True)
class Schedule(Option):
    """How the firmware deals rows to the queues of A."""

    by_work: bool
    """Whether it looks at the work of rows: it takes a queue of them, and rows that are alike are dealt cyclically."""


DATAFLOW_RECORDS = (
    Dataflow("inner_product", "each result from a row of A and a column of B", "rows", "columns"),
    Dataflow("gustavson", "each entry of A times a row of B, summed up by rows of Z", "rows", "rows"),
    Dataflow("outer_product", "each column of A times a row of B, summed up over all of Z", "columns", "rows"),
)
ZERO_MODE_RECORDS = (
    Option("compute", "a zero is multiplied"),
    Option("gate", "a zero takes its time, but its MAC does not switch"),
    Option("skip", "a zero takes no time and no energy"),
)
INTERSECTION_RECORDS = (
    IntersectionUnit("two_finger", "a merge: one comparison for each entry of both fibers", rows_alike=True),
    IntersectionUnit("leader_follower", "A leads, an expanded B is probed: one probe for each entry of A"),
    IntersectionUnit("skip_ahead", "a merge that jumps over up to 4 entries that cannot match"),
    IntersectionUnit("bitmask", "masks are ANDed, a word of 64 positions at a time", rows_alike=True),
)
SCHEDULE_RECORDS = (
    Schedule("row_blocks", "neighbouring rows go to the same queue", by_work=False),
    Schedule("cyclic", "row i goes to queue i modulo their number", by_work=False),
    Schedule("balanced", "longest processing time first, by the work of the rows", by_work=True),
)
RESIDENCY_RECORDS = (
    Option("b", "B is held in the PE buffers, A streams by"),
    Option("ab", "both are held in the PE buffers"),
    Option("fetch", "neither is held: each entry of A asks the global buffer for its row of B"),
)
COLUMN_AXIS_RECORDS = (
    Option("n", "PE columns work on different columns of B"),
    Option("m", "PE columns work on different rows of A, each PE on its own queue"),
)
KEPT_RECORDS = (
    Option("no", "it comes from DRAM, or goes there"),
    Option("glb", "it lies in the global buffer, whole, before and after the kernel"),
    Option("pe", "it lies in the buffers of the PEs, whole, before and after the kernel"),
)
LANE_AXIS_RECORDS = (
    Option("n", "the lanes of a PE work on different columns of B"),
    Option("k", "the lanes of a PE work on neighbouring entries of A, their products are added by a tree"),
)
SRAM_CELL_RECORDS = (
    Option("low_power", "dense cells that hardly leak"),
    Option("fast", "larger cells of a higher current: a shorter cycle, and much leakage"),
)


def _names(records: Sequence[Option]) -> tuple[str, ...]:
    return tuple(record.name for record in records)


DATAFLOWS = _names(DATAFLOW_RECORDS)
"""How a tile is worked on."""
ZERO_MODES = _names(ZERO_MODE_RECORDS)
"""What is done with an operand's zeros."""
INTERSECTIONS = _names(INTERSECTION_RECORDS)
"""How the inner product finds matching coordinates."""
RESIDENCIES = _names(RESIDENCY_RECORDS)
"""What is held in the PE buffers."""
COLUMN_AXES = _names(COLUMN_AXIS_RECORDS)
"""Which dimension PE columns divide."""
LANE_AXES = _names(LANE_AXIS_RECORDS)
"""Which dimension the lanes of a PE divide."""
KEPT_A = _names(KEPT_RECORDS)
"""Where A stays from kernel to kernel, or from run to run."""
KEPT = KEPT_A[:2]
"""Where B and Z do."""
LOOP_ORDERS = ("mkn", "mnk", "kmn", "knm", "nmk", "nkm")
"""Order in which the tiles are visited, outermost loop first: the name says it all."""
DRAMS = ("ddr4", "lpddr4", "lpddr5", "gddr6", "hbm2", "hbm2e", "hbm3")
"""DRAM types with cited energy and bandwidth (`hwmodels.technology.dram`)."""
OF_SCENARIO = "scenario"
"""In place of a type of DRAM: hardware that names no memory has the scenario's, type and channels."""
MEMORIES = (OF_SCENARIO, *DRAMS)
"""What a hardware's DRAM can be."""
SRAM_CELLS = _names(SRAM_CELL_RECORDS)
"""Cells of the global buffer (`hwmodels.technology.memory`)."""

INNER_PRODUCT, GUSTAVSON, OUTER_PRODUCT = map(DATAFLOWS.index, ("inner_product", "gustavson", "outer_product"))
COMPUTE, GATE, SKIP = map(ZERO_MODES.index, ("compute", "gate", "skip"))
TWO_FINGER, LEADER_FOLLOWER, SKIP_AHEAD, BITMASK_AND = map(
    INTERSECTIONS.index, ("two_finger", "leader_follower", "skip_ahead", "bitmask")
)
HOLDS_B, HOLDS_BOTH, FETCHES_B = map(RESIDENCIES.index, ("b", "ab", "fetch"))
IN_GLB, IN_PES = map(KEPT_A.index, ("glb", "pe"))
FAST_CELL = SRAM_CELLS.index("fast")
COLUMNS_ON_M, LANES_ON_K = COLUMN_AXES.index("m"), LANE_AXES.index("k")

ROWS_ALIKE = np.array([unit.rows_alike for unit in INTERSECTION_RECORDS], np.float32)
"""1 for each unit to which the firmware deals non-empty rows as equals."""

if _names(SCHEDULE_RECORDS) != SCHEDULES:
    raise ValueError(f"the records of schedules are not those that rows are dealt by: {', '.join(SCHEDULES)}")


def one_hot(name: str, names: Sequence[str], what: str = "choice") -> Float[Array, " n"]:
    """Weight vector (float32, length `len(names)`) that selects `name`; InputError if there is no such name."""
    if name not in names:
        raise InputError(f"{what} '{name}' is unknown; choose one of: {', '.join(names)}.")
    weights = np.zeros(len(names), np.float32)
    weights[names.index(name)] = 1.0
    return jnp.asarray(weights)


def mix(weights: Float[Array, " n"], values: Float[Array, " n"]) -> Float[Array, ""]:
    """What `weights` select of the `values` of the choices."""
    return values @ weights


def name_of(weights: Float[Array, " n"], names: Sequence[str]) -> str:
    """Name of the heaviest choice of a weight vector."""
    return names[int(np.argmax(np.asarray(weights)))]
