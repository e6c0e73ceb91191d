"""Hardware and mapping in whole numbers and names: what the simulator runs."""

import dataclasses

import numpy as np

from hwmodels.design.choices import CYCLIC, INTERSECTION_RECORDS, INTERSECTIONS, SCHEDULE_RECORDS, SCHEDULES, name_of
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS, Hardware, Mapping
from hwmodels.design.legality import illegality, legal_formats, legal_zero_modes
from hwmodels.formats.encoders.encoded import Widths, widths_of
from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class ConcreteDesign:
    """One design that can be built, and how it runs one kernel."""

    pe_rows: int
    pe_cols: int
    lanes: int
    glb_bytes: int
    glb_banks: int
    pe_buffer_bytes: int
    accumulator_bytes: int
    index_bus_bits: int
    value_bus_bits: int
    value_bits: int
    accumulator_bits: int
    intersection: str
    dataflow: str
    tile_m: int
    tile_k: int
    tile_n: int
    loop_order: str
    residency: str
    a_format: str
    b_format: str
    a_zero: str
    b_zero: str
    schedule: str

    @property
    def width(self) -> int:
        """Columns of B worked on at once."""
        return self.pe_cols * self.lanes

    @property
    def accumulators(self) -> int:
        """Accumulator words of a PE."""
        return self.accumulator_bytes * 8 // self.accumulator_bits

    @property
    def half_buffer_bits(self) -> int:
        """Half the operand buffer of a PE: the other half is filled meanwhile."""
        return self.pe_buffer_bytes * 4

    @property
    def half_glb_bits(self) -> int:
        """Half the GLB."""
        return self.glb_bytes * 4

    @property
    def a_stays(self) -> bool:
        """Whether A's share stays in the PEs while B is streamed; the outer product streams both."""
        return self.dataflow != "outer_product" and self.residency == "a"

    @property
    def b_stays(self) -> bool:
        """See `a_stays`."""
        return self.dataflow != "outer_product" and self.residency == "b"

    @property
    def a_skips(self) -> bool:
        """Whether A's zeros take no time."""
        return self.a_zero == "skip"

    @property
    def b_skips(self) -> bool:
        """Whether B's zeros take no time."""
        return self.b_zero == "skip"

    @property
    def works_by_rows(self) -> bool:
        """Whether the work of every row that is not empty is one: the units walk it against whole columns."""
        return self.dataflow == "inner_product" and INTERSECTION_RECORDS[self.intersection_index].rows_alike

    @property
    def intersection_index(self) -> int:
        """Place of the intersection unit in `INTERSECTIONS`, for compiled code."""
        return INTERSECTIONS.index(self.intersection)

    def schedule_index(self, alike: bool = False) -> int:
        """Place of the schedule in `SCHEDULES`, for compiled code; rows all `alike` go around if dealt by work."""
        schedule = SCHEDULES.index(self.schedule)
        return CYCLIC if alike and SCHEDULE_RECORDS[schedule].by_work else schedule

    def unskipped(self, padding: np.ndarray, a_zeros: np.ndarray, b_zeros: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ineffectual, gated) of the MACs that meet padding of a compressed operand, which is gated, a zero of A, or
        a non-zero of A and a zero of B (docs/machine.md, section 3)."""
        gated = padding + a_zeros * (self.a_zero == "gate") + b_zeros * (self.b_zero == "gate")
        return padding + a_zeros + b_zeros - gated, gated

    def tile(self, loop: str) -> int:
        """Tile size of a loop, "m", "k" or "n"."""
        return getattr(self, f"tile_{loop}")

    def widths(self, rows: str, columns: str) -> Widths:
        """Widths of the metadata of an operand indexed by two loops."""
        return widths_of(self.value_bits, self.tile(rows), self.tile(columns))


def make_concrete_design(hardware: Hardware, mapping: Mapping) -> ConcreteDesign:
    """The design in whole numbers and names, the heaviest name of each choice; InputError for a broken size."""
    numbers = {name: _whole(name, getattr(hardware, name)) for name in HARDWARE_NUMBERS}
    numbers |= {name: _whole(name, getattr(mapping, name)) for name in MAPPING_NUMBERS}
    words = {name: name_of(getattr(mapping, name), names) for name, names in MAPPING_CHOICES.items()}
    words |= {"dataflow": mapping.dataflow, "intersection": name_of(hardware.intersection, INTERSECTIONS)}
    design = ConcreteDesign(**numbers, **words)
    if design.accumulators < 1:
        raise InputError(
            f"accumulator_bytes is {design.accumulator_bytes}, less than a word of {design.accumulator_bits} bits; "
            "give each PE room for one."
        )
    return design


def require_legal(design: ConcreteDesign, family: str) -> ConcreteDesign:
    """The design; InputError where its mapping is not legal for products of a family, "dense_b" or "sparse_b"."""
    words = {name: value for name, value in dataclasses.asdict(design).items() if isinstance(value, str)}
    wrong = illegality(words, family)
    if wrong:
        raise InputError(f"The mapping cannot run: {wrong}.")
    return design


def require_legal_elementwise(design: ConcreteDesign) -> ConcreteDesign:
    """The design; InputError where its mapping is not legal for element-wise kernels."""
    formats = legal_formats(design.dataflow, "a", "sparse_b")
    for operand in "ab":
        stored, zero = getattr(design, f"{operand}_format"), getattr(design, f"{operand}_zero")
        if stored not in formats or zero not in legal_zero_modes(stored, operand, "sparse_b"):
            raise InputError(
                f"The mapping cannot run: element-wise with {design.dataflow} takes {', '.join(formats)} for both "
                f"operands, and dense cannot skip; {operand}_format is '{stored}' and {operand}_zero '{zero}'."
            )
    return design


def _whole(name: str, value) -> int:
    number = float(np.asarray(value))
    if not number.is_integer() or number < 1:
        raise InputError(f"{name} is {number:g}; the simulator builds designs in whole numbers of at least 1.")
    return int(number)
