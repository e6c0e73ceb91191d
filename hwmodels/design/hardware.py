"""What a designer chooses: the hardware, and one mapping for each kernel.

Numbers and choices are array leaves, so designs stack and nothing compiles once per combination; only the dataflow of
a mapping is structure. Plain numbers and names are checked where they are given, arrays never: they may be traced.
Which choices go together is checked where a user makes a design (`hwmodels.design.legality`).
"""

import dataclasses
from collections.abc import Mapping as Fields
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.design.choices import (
    COLUMN_AXES,
    DATAFLOWS,
    FORMATS,
    INTERSECTIONS,
    KEPT,
    KEPT_A,
    LANE_AXES,
    LOOP_ORDERS,
    MEMORIES,
    OF_SCENARIO,
    RESIDENCIES,
    SCHEDULES,
    SRAM_CELLS,
    ZERO_MODES,
    one_hot,
)
from hwmodels.design.fields import Capability, Number, Selection, records_of
from workloads.errors import InputError, choose_from

Scalar = Float[Array, "..."]
"""One number; a stack of designs has one for each."""
Weights = Float[Array, "..."]
"""Weights over the names of a choice (`hwmodels.design.choices`); a stack of designs has such a vector for each."""

Value = TypeVar("Value")

KIB = 1024.0
SHOWN = 40
"""Letters of a wrong number that are quoted."""
ALL_PARTS = 2**16
"""Parts used where a mapping does not say fewer: more than any array has."""
ALL_BYTES = 2**32
"""Room where a mapping does not say less: more than any global buffer has."""
TILE_SOURCE = "cut at the kernel's size; the floor is a guess"


class Hardware(eqx.Module):
    """The accelerator: sizes, widths and capabilities. Every capability costs area and leakage.

    Capability vectors hold 1 for each choice the hardware has the circuits for (a number in 0..1 while relaxed).
    Sources of the bounds: EIE (ISCA 2016), SCNN (ISCA 2017), Eyeriss v1 (JSSC 2017) and v2 (JETCAS 2019), OuterSPACE
    (HPCA 2018), ExTensor (MICRO 2019), MatRaptor (MICRO 2020), Onyx (VLSI 2024).
    """

    pe_rows: Annotated[
        Scalar,
        Number(
            "rows of the PE array",
            "PEs",
            bounds=(1, 64),
            stress=(1, 512),
            source="MatRaptor: 8 PEs in all; OuterSPACE 16 x 16; Onyx 32 x 16 tiles; EIE projects 256 PEs",
            ceiling=4096,
            ceiling_source="Cerebras WSE-2: 850,000 PEs of one MAC; as many in one array is a guess",
        ),
    ]
    pe_cols: Annotated[
        Scalar,
        Number(
            "columns of the PE array",
            "PEs",
            bounds=(1, 64),
            stress=(1, 512),
            source="EIE 64 x 1; SCNN 8 x 8; Eyeriss v1 12 x 14; Eyeriss v2 192 PEs; Onyx 384 PE tiles",
            ceiling=256,
            ceiling_source="TPU (ISCA 2017): 256 x 256 MACs",
        ),
    ]
    lanes: Annotated[
        Scalar,
        Number(
            "MACs of a PE",
            "MACs",
            bounds=(1, 16),
            stress=(1, 64),
            source="EIE, MatRaptor: 1 a PE; Eyeriss v2: 2; SCNN: 16",
            ceiling=64,
            ceiling_source="Simba (MICRO 2019): 64 a PE",
        ),
    ]
    glb_bytes: Annotated[
        Scalar,
        Number(
            "capacity of the global buffer",
            "bytes",
            bounds=(64 * KIB, 32768 * KIB),
            stress=(2**9, 2**24),
            source="Eyeriss v1 108 KB; v2 192 KB; Onyx 4 MB; ExTensor 30 MB",
            ceiling=131072 * KIB,
            ceiling_source="TPUv4i (ISCA 2021): 128 MiB",
        ),
    ]
    glb_banks: Annotated[
        Scalar,
        Number(
            "banks of the global buffer; each reads or writes one 64-bit word a cycle",
            "banks",
            bounds=(4, 512),
            stress=(1, 512),
            source="Onyx 16 of 256 KB; Eyeriss v2 112 (16 clusters of 7); what both buses take, and as much to fill it",
            ceiling=1024,
            ceiling_source="what both buses at their ceilings take, and as much again to fill it",
        ),
    ]
    pe_buffer_bytes: Annotated[
        Scalar,
        Number(
            "operand buffer of a PE",
            "bytes",
            bounds=(256, 128 * KIB),
            stress=(8, 2**15),
            source="Eyeriss v2 330 B of scratchpads; SCNN 10 KB; ExTensor 64 KB; EIE 128 KB",
        ),
    ]
    accumulator_bytes: Annotated[
        Scalar,
        Number(
            "accumulators of a PE, in as many banks as it has lanes",
            "bytes",
            bounds=(64, 32 * KIB),
            stress=(4, 2**13),
            source="Eyeriss v2 32 x 20 b; SCNN 32 x 32 entries of 24 b; MatRaptor 40 KB queues",
        ),
    ]
    index_bus_bits: Annotated[
        Scalar,
        Number(
            "width of the bus of metadata",
            "bits",
            bounds=(16, 16384),
            stress=(4, 16384),
            source="EIE 32 (8 entries of 4 b); Eyeriss v2 768 (96 ports of 24 b, 4 b of 12 b an index)",
            ceiling=16384,
            ceiling_source="as that of values: an index is as wide as a value or two",
        ),
    ]
    value_bus_bits: Annotated[
        Scalar,
        Number(
            "width of the bus of values and results",
            "bits",
            bounds=(32, 16384),
            stress=(4, 16384),
            source="EIE 32 (8 entries of 4 b); Eyeriss v2 1536 (96 ports of 24 b, 8 b of 12 b a value)",
            ceiling=16384,
            ceiling_source="four stacks of HBM2E at 1 GHz bring 14,700 b a cycle",
        ),
    ]
    value_bits: Annotated[
        Scalar,
        Number(
            "width of a value", "bits", bounds=(8, 8), stress=(4, 32), source="Eyeriss v2: 8 b weights and activations"
        ),
    ]
    accumulator_bits: Annotated[
        Scalar,
        Number("width of a sum", "bits", bounds=(24, 24), stress=(16, 64), source="SCNN: 24 b; Eyeriss v2: 20 b"),
    ]
    dram_channels: Annotated[
        Scalar,
        Number(
            f"channels (DDR4, LPDDR), chips (GDDR6) or stacks (HBM) of the DRAM, if it is not the {OF_SCENARIO}'s",
            "channels",
            bounds=(1, 1),
            stress=(1, 16),
            source="the scenario's, unless they are freed",
            default=1,
        ),
    ]
    intersection: Annotated[Weights, Selection("unit in each PE that finds the matches of fibers", INTERSECTIONS)]
    dram: Annotated[
        Weights, Selection(f"type of DRAM; {OF_SCENARIO}: type and channels are the scenario's", MEMORIES, OF_SCENARIO)
    ]
    glb_cell: Annotated[Weights, Selection("SRAM cell of the global buffer", SRAM_CELLS, SRAM_CELLS[0])]
    dataflows: Annotated[Weights, Capability("dataflow")]
    a_formats: Annotated[Weights, Capability("a_format")]
    b_formats: Annotated[Weights, Capability("b_format")]
    a_zero_modes: Annotated[Weights, Capability("a_zero")]
    b_zero_modes: Annotated[Weights, Capability("b_zero")]
    schedules: Annotated[Weights, Capability("schedule")]
    residencies: Annotated[Weights, Capability("residency")]
    column_axes: Annotated[Weights, Capability("columns_on")]
    lane_axes: Annotated[Weights, Capability("lanes_on")]

    def with_(self, **changes: Any) -> "Hardware":
        """Hardware with fields changed: `hardware.with_(pe_rows=16, intersection="bitmask", a_formats=("coo", "csr"))`.

        Numbers, names, and for a capability the names that it covers; JAX arrays are taken as they are, so that
        gradients pass through. **Raises** `InputError` for a name that hardware does not have and for a value that
        cannot be.
        """
        return _with_fields(self, changes, "Hardware.with_")


def _used(what: str) -> Number:
    """The record of how many parts of a kind a mapping uses: all, unless it says fewer."""
    return Number(
        f"{what} that are used; the others idle",
        "parts",
        bounds=(ALL_PARTS, ALL_PARTS),
        stress=(ALL_PARTS, ALL_PARTS),
        source="all that there are",
        default=ALL_PARTS,
    )


class Mapping(eqx.Module):
    """How one kernel runs on the hardware: tiles of the GLB, their order, and which capabilities are used."""

    tile_m: Annotated[
        Scalar,
        Number(
            "rows of A and of the result in a tile of the GLB",
            "elements",
            bounds=(16, 2**24),
            stress=(1, 2**11),
            source=TILE_SOURCE,
        ),
    ]
    tile_k: Annotated[
        Scalar,
        Number(
            "columns of A, rows of B in a tile of the GLB",
            "elements",
            bounds=(16, 2**24),
            stress=(1, 2**11),
            source=TILE_SOURCE,
        ),
    ]
    tile_n: Annotated[
        Scalar,
        Number(
            "columns of B and of the result in a tile of the GLB",
            "elements",
            bounds=(1, 2**24),
            stress=(1, 2**11),
            source=TILE_SOURCE,
        ),
    ]
    rows_used: Annotated[Scalar, _used("PE rows")]
    cols_used: Annotated[Scalar, _used("PE columns")]
    lanes_used: Annotated[Scalar, _used("lanes of a PE")]
    glb_room: Annotated[
        Scalar,
        Number(
            "bytes of the global buffer that the kernel may use; what stays there for others has the rest",
            "bytes",
            bounds=(ALL_BYTES, ALL_BYTES),
            stress=(2**9, 2**24),
            source="all that there are",
            default=ALL_BYTES,
        ),
    ]
    loop_order: Annotated[Weights, Selection("order in which tiles are visited, outermost loop first", LOOP_ORDERS)]
    residency: Annotated[Weights, Selection("what is held in the PE buffers", RESIDENCIES, "b")]
    columns_on: Annotated[Weights, Selection("dimension that PE columns divide", COLUMN_AXES, "n")]
    lanes_on: Annotated[Weights, Selection("dimension that the lanes of a PE divide", LANE_AXES, "n")]
    a_format: Annotated[Weights, Selection("how A is stored", FORMATS)]
    b_format: Annotated[Weights, Selection("how B is stored", FORMATS)]
    a_zero: Annotated[Weights, Selection("what is done with the zeros of A", ZERO_MODES)]
    b_zero: Annotated[Weights, Selection("what is done with the zeros of B", ZERO_MODES)]
    schedule: Annotated[Weights, Selection("how rows are dealt to the queues of PEs", SCHEDULES)]
    a_kept: Annotated[
        Weights, Selection("where A stays from kernel to kernel and from run to run", KEPT_A, "no", KEPT[:1])
    ]
    b_kept: Annotated[Weights, Selection("where B does", KEPT, "no", KEPT[:1])]
    z_kept: Annotated[Weights, Selection("where the result does", KEPT, "no", KEPT[:1])]
    dataflow: Annotated[str, Selection("how a tile is worked on", DATAFLOWS)] = eqx.field(static=True)

    def with_(self, **changes: Any) -> "Mapping":
        """A mapping with fields changed: `mapping.with_(tile_m=64, a_format="csr")`, as `Hardware.with_` does.

        Whether hardware has the circuits for it is not known here: `make_hardware` gives it those of its mappings.
        """
        return _with_fields(self, changes, "Mapping.with_")


HARDWARE_RECORDS = records_of(Hardware, Number)
MAPPING_RECORDS = records_of(Mapping, Number)
NUMBER_RECORDS = HARDWARE_RECORDS | MAPPING_RECORDS
HARDWARE_NUMBERS = tuple(HARDWARE_RECORDS)
MAPPING_NUMBERS = tuple(MAPPING_RECORDS)
TILE_SIZES = tuple(name for name in MAPPING_NUMBERS if name.startswith("tile_"))
PARTS_USED = tuple(name for name in MAPPING_NUMBERS if name.endswith("_used"))
"""How many PE rows, PE columns and lanes a mapping uses."""
UNITS = {name: record.unit for name, record in NUMBER_RECORDS.items()}
CHOICE_RECORDS = records_of(Hardware, Selection) | records_of(Mapping, Selection)
DEFAULTS: dict[str, float | str] = {
    name: float(one.default) for name, one in NUMBER_RECORDS.items() if one.default is not None
} | {name: one.default for name, one in CHOICE_RECORDS.items() if one.default is not None}
"""What designs have that do not name it."""
HARDWARE_CHOICES = {name: one.names for name, one in records_of(Hardware, Selection).items()}
MAPPING_CHOICES = {name: one.names for name, one in records_of(Mapping, Selection).items() if name != "dataflow"}
"""Choice -> its names; the dataflow, which is structure, is apart."""
CAPABILITY_RECORDS = records_of(Hardware, Capability)
_COVERED_BY = {one.choice: name for name, one in CAPABILITY_RECORDS.items()}
CAPABILITY_OF = {choice: _COVERED_BY[choice] for choice in MAPPING_CHOICES if choice in _COVERED_BY}
"""Mapping choice, in the order of `MAPPING_CHOICES` -> the hardware's capability vector that it must be covered by."""


def checked_value(name: str, value: Any, where: str) -> Any:
    """A number or name that the field `name` of a design can have, as plain Python.

    **Raises** `InputError`, which begins with `where`, for what is no whole number from 1 to `Number.most` and for
    unknown names.
    """
    if name in CHOICE_RECORDS:
        names = CHOICE_RECORDS[name].names
        if not isinstance(value, str) or value not in names:
            raise InputError(f"{where}: {name} = {value!r} is unknown; choose one of: {', '.join(names)}.")
        return value
    number = value.item() if hasattr(value, "item") and np.ndim(value) == 0 else value
    most = NUMBER_RECORDS[name].most
    if isinstance(number, bool) or not isinstance(number, int | float) or not 1 <= number <= most or number % 1:
        shown = repr(value) if isinstance(value, str) else str(value)[:SHOWN]
        raise InputError(f"{where}: {name} = {shown} is not a whole number of at least 1 and at most {most:,}.")
    return float(number)


def _with_fields(design: Value, changes: Fields[str, Any], where: str) -> Value:
    """Hardware or a mapping with some fields changed."""
    known = [field.name for field in dataclasses.fields(design)]  # pyright: ignore[reportArgumentType]
    for name in changes:
        if name not in known:
            raise InputError(f"{where}: there is no field '{name}'; {choose_from(name, known)}")
    leaves = {name: _leaf(name, value, where) for name, value in changes.items()}
    return dataclasses.replace(design, **leaves)  # pyright: ignore[reportArgumentType]


def _leaf(name: str, value: Any, where: str) -> Any:
    """The field of hardware or a mapping that a number, a name, several names or an array stand for."""
    if isinstance(value, jax.Array | np.ndarray):
        return jnp.asarray(value, jnp.float32)
    if name in CAPABILITY_RECORDS:
        choice = CAPABILITY_RECORDS[name].choice
        listed = value if isinstance(value, tuple | list | set) else [value]
        covered = {checked_value(choice, one, where) for one in listed}
        return jnp.asarray([float(one in covered) for one in CHOICE_RECORDS[choice].names], jnp.float32)
    plain = checked_value(name, value, where)
    if name in NUMBER_RECORDS:
        return jnp.asarray(plain, jnp.float32)
    return plain if name == "dataflow" else one_hot(plain, CHOICE_RECORDS[name].names)


def _named(fields: Fields[str, Value], names: Sequence[str], where: str) -> dict[str, Value]:
    """The fields of these names; InputError for one that is missing."""
    for name in names:
        if name not in fields:
            unknown = [other for other in fields if other not in NUMBER_RECORDS and other not in CHOICE_RECORDS]
            raise InputError(
                f"{where}: {name} is missing; add it{f' ({unknown[0]!r} is no field)' if unknown else ''}."
            )
    return {name: fields[name] for name in names}


def with_defaults(fields: Fields[str, Value], names: Sequence[str]) -> dict[str, Value | float | str]:
    """The fields, and of `names` that are not among them those that have a default."""
    return {**fields, **{name: value for name, value in DEFAULTS.items() if name in names and name not in fields}}


def make_mapping(dataflow: str, **fields: Any) -> Mapping:
    """Mapping from plain numbers and choice names, e.g. `make_mapping("gustavson", tile_m=64, ..., a_format="csr")`."""
    names = (*MAPPING_NUMBERS, *MAPPING_CHOICES)
    named = _named(with_defaults(fields, names), names, "make_mapping")
    leaves = {name: jnp.asarray(float(named[name]), jnp.float32) for name in MAPPING_NUMBERS}
    leaves |= {name: one_hot(named[name], names, name) for name, names in MAPPING_CHOICES.items()}
    one_hot(dataflow, DATAFLOWS, "dataflow")
    return Mapping(**leaves, dataflow=dataflow)


def make_hardware(intersection: str, mappings: Sequence[Mapping], **fields: float | int | str) -> Hardware:
    """Hardware from plain numbers and choice names, with exactly the capabilities that its mappings use."""
    names = (*HARDWARE_NUMBERS, *HARDWARE_CHOICES)
    named = _named(with_defaults({**fields, "intersection": intersection}, names), names, "make_hardware")
    leaves = {name: jnp.asarray(float(named[name]), jnp.float32) for name in HARDWARE_NUMBERS}
    leaves |= {name: one_hot(str(named[name]), known, name) for name, known in HARDWARE_CHOICES.items()}
    return Hardware(**leaves, **capabilities(mappings))


def own_fields(hardware: Fields[str, Value]) -> dict[str, Value]:
    """The fields of hardware in words, without those of the memory where that is the scenario's."""
    unsaid = ("dram", "dram_channels") if hardware.get("dram", OF_SCENARIO) == OF_SCENARIO else ()
    return {name: value for name, value in hardware.items() if name not in unsaid}


def capabilities(mappings: Sequence[Mapping]) -> dict[str, Array]:
    """The smallest capability vectors that cover the mappings: the element-wise maximum of what they use."""

    def cover(rows: list[Array]) -> Array:
        return jnp.max(jnp.stack(rows), axis=0)

    vectors = {capability: cover([getattr(m, use) for m in mappings]) for use, capability in CAPABILITY_OF.items()}
    return {"dataflows": cover([one_hot(m.dataflow, DATAFLOWS) for m in mappings])} | vectors


def stack(trees: Sequence[Any]) -> Any:
    """Stack pytrees of one structure along a new leading axis, for `jax.vmap`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
