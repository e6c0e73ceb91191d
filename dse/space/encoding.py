"""Designs as rows of integers (genomes), for strategies to change and for batches to evaluate.

A gene holds the position of a value in its parameter's list. The genes of the hardware come first, then those of each
kernel's mapping in turn. Everything here is NumPy on the host and works on all rows at once; the models' arrays are
made inside the compiled functions (`dse.problem.batched_models`).
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from dse.space.combinations import COMBINED, legal_rows
from dse.space.design import Design
from dse.space.design_space import CHOICES, HARDWARE_NAMES, MAPPING_NAMES, DesignSpace, Parameter, Value
from dse.space.staying import KEPT, Staying
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    TILE_SIZES,
)
from hwmodels.design.legality import B_IS_DENSE, CHEAPEST, DENSE_B, uses_intersection
from workloads.errors import InputError
from workloads.statistics.lattice import levels

INTERSECTING = ("dataflow", "a_zero", "b_zero")
"""Choices of a mapping that decide whether it runs the intersection unit."""
STAYS = ("no", "glb")
"""Where a tensor can stay."""
UNITS_USED = ("dataflow", *CAPABILITY_OF)
"""Choices of a mapping for each of which the machine has a unit, in the order of `Batch.capabilities`."""


@dataclasses.dataclass(frozen=True)
class KernelShape:
    """What the encoding must know of a kernel."""

    name: str
    family: str
    """"dense_b", "sparse_b", "sddmm" or "elementwise"."""
    m: int
    k: int
    n: int
    repeats: float = 1.0


@dataclasses.dataclass(frozen=True)
class Gene:
    """One column of a genome."""

    parameter: Parameter
    kernel: int
    """Index of the kernel; -1 for the hardware."""
    values: tuple[Value, ...]


@dataclasses.dataclass(frozen=True)
class Batch:
    """Designs as numbers, ready to be evaluated."""

    hardware: np.ndarray
    """Values of `HARDWARE_NUMBERS`, shape [n, numbers]."""
    selected: np.ndarray
    """Indices of `HARDWARE_CHOICES`, shape [n, choices]."""
    tiles: np.ndarray
    """Values of `MAPPING_NUMBERS`, shape [n, kernel, numbers]."""
    dataflow: np.ndarray
    """Index into `DATAFLOWS`, shape [n, kernel]."""
    choices: np.ndarray
    """Indices of `MAPPING_CHOICES`, shape [n, kernel, choices]."""
    units: np.ndarray | None = None
    """Units of hardware that is given, the first of `weights`, shape [n, units]; None: those that its mappings use."""

    def __len__(self) -> int:
        return len(self.hardware)

    def take(self, rows: np.ndarray) -> "Batch":
        """Some of the designs."""
        arrays = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Batch(*(None if array is None else array[rows] for array in arrays))

    def joined(self, other: "Batch") -> "Batch":
        """These designs, then the other ones."""
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)]
        return Batch(*(None if one is None else np.concatenate([one, more]) for one, more in pairs))

    @property
    def intersection(self) -> np.ndarray:
        """Index into `INTERSECTIONS`, shape [n]."""
        return self.selected[:, list(HARDWARE_CHOICES).index("intersection")]

    def capabilities(self) -> np.ndarray:
        """0 or 1 for each capability, dataflows first, then as `CAPABILITY_OF`; shape [n, capabilities]."""
        columns = [_cover(self.dataflow, len(CHOICES["dataflow"]))]
        for at, name in enumerate(MAPPING_CHOICES):
            if name in CAPABILITY_OF:
                columns.append(_cover(self.choices[:, :, at], len(MAPPING_CHOICES[name])))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def machine_units(self) -> np.ndarray:
        """The units of each machine: those that are given, else those that its mappings use; shape [n, units]."""
        return self.used_units() if self.units is None else self.units

    def used_units(self) -> np.ndarray:
        """The hardware's own choices as weights, and the capabilities that the mappings use, shape [n, units]."""
        return np.concatenate([choice_weights(self.selected), self.capabilities()], axis=1)

    def weights(self) -> np.ndarray:
        """Every choice as weights: the hardware's own, capabilities, then each of `MAPPING_CHOICES`.

        Shape [n, kernel, weights]; those of units are the same for all kernels.
        """
        shared = self.machine_units()
        picked = [np.eye(len(names))[self.choices[:, :, at]] for at, names in enumerate(MAPPING_CHOICES.values())]
        every = np.broadcast_to(shared[:, None], (*self.dataflow.shape, shared.shape[1]))
        return np.concatenate([every, *picked], axis=2).astype(np.float32)


def choice_weights(selected: np.ndarray) -> np.ndarray:
    """Weights of the hardware's own choices, of indices of shape [n, choices]; shape [n, weights]."""
    columns = zip(HARDWARE_CHOICES.values(), np.moveaxis(selected, 1, 0), strict=True)
    return np.concatenate([np.eye(len(names))[index] for names, index in columns], axis=1)


def own_weights(hardware: Mapping[str, Value]) -> np.ndarray:
    """Weights of the own choices of hardware in words, shape [weights]."""
    selected = [[names.index(str(hardware[name])) for name, names in HARDWARE_CHOICES.items()]]
    return choice_weights(np.array(selected))[0]


def _cover(used: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` choices at least one kernel uses."""
    return (used[:, :, None] == np.arange(count)).any(axis=1)


class Encoding:
    """A design space bound to kernels: `genes`, conversions, and the rows that are legal.

    All legal combinations of a kernel's choices, canonical ones only, are listed once in `combinations[kernel]`, shape
    [c, choices] of positions in the genes of `COMBINED`, so a legal row is one entry of each list and a position for
    each number. `settled[kernel]` says which of them any raw combination (C order of the lists) turns into, -1 for
    none.

    `units`, as `Batch.used_units` gives them for one design, are those of a hardware that has them whether a mapping
    uses them or not; its area and leakage are then the same for all mappings.
    """

    def __init__(
        self,
        space: DesignSpace,
        kernels: Sequence[KernelShape],
        units: np.ndarray | None = None,
        staying: Staying | None = None,
    ):
        names = [kernel.name for kernel in kernels]
        if not kernels or len(set(names)) < len(names):
            raise InputError(
                f"A workload needs kernels with names of their own; these are: {', '.join(names) or 'none'}."
            )
        unknown = sorted(set(space.per_kernel) - set(names))
        if unknown:
            raise InputError(
                f"The space has values for kernel '{unknown[0]}', which is not one of: {', '.join(names)}."
            )
        self.space, self.kernels, self.units, self.staying = space, tuple(kernels), units, staying

        def of_hardware(name: str) -> Gene:
            return Gene(space[name], -1, space.values(name)[: 1 if name in self.follows else None])

        followers = [p for p in space.parameters if p.follows and len(p.values) > 1]
        self.follows = {p.name: p.follows for p in followers}
        """Numbers of the hardware whose genes have one position, since they go with another number."""
        self.genes = tuple(
            [of_hardware(name) for name in HARDWARE_NAMES]
            + [Gene(_stays(name), -1, STAYS) for name in (staying.names if staying else ())]
            + [
                Gene(space[name], at, _cut(name, space.values(name, kernel.name), kernel))
                for at, kernel in enumerate(kernels)
                for name in MAPPING_NAMES
            ]
        )
        self.radix = np.array([len(gene.values) for gene in self.genes])
        self.is_number = np.array([gene.parameter.is_number for gene in self.genes])
        self.of_kernel = np.array([gene.kernel for gene in self.genes])
        self._column = {(gene.kernel, gene.parameter.name): at for at, gene in enumerate(self.genes)}
        self._tables = [
            np.array([v if gene.parameter.is_number else _names(gene.parameter).index(str(v)) for v in gene.values])
            for gene in self.genes
        ]
        self._padded = np.array([np.resize(table, self.radix.max()) for table in self._tables], float)
        """Values of all genes, shape [genes, largest radix]."""
        self._following = [
            (self._column[-1, p.name], self._column[-1, p.follows], np.array(p.values, float)) for p in followers
        ]
        """Column of each number that follows, of the one that it follows, and its values."""
        self._unit_columns = np.array([[self._column[at, name] for name in UNITS_USED] for at in range(len(kernels))])
        legal = [self._combinations(at) for at in range(len(kernels))]
        self.combinations = [rows for rows, _ in legal]
        self.settled = [raw for _, raw in legal]
        self._combined = np.array([MAPPING_NAMES.index(name) for name in COMBINED])
        sizes = np.array([self.radix[self.combined_columns(at)] for at in range(len(kernels))])
        self._strides = np.cumprod(sizes[:, ::-1], axis=1)[:, ::-1] // sizes
        self._settled_flat, self._combinations_flat = map(np.concatenate, (self.settled, self.combinations))
        self._settled_first, self._combinations_first = (
            np.cumsum([0, *(len(table) for table in tables[:-1])]) for tables in (self.settled, self.combinations)
        )
        self.number_columns = np.flatnonzero(self.is_number & (self.radix > 1))
        self._runs_intersection = [self._intersecting(at) for at in range(len(kernels))]
        self._unused_intersection = self._position(-1, "intersection", CHEAPEST["intersection"])

    def column(self, kernel: int, name: str) -> int:
        """Column of a gene; `kernel` is -1 for the hardware."""
        return self._column[kernel, name]

    def combined_columns(self, kernel: int) -> np.ndarray:
        """Columns of a kernel's dataflow and choices, in the order of `COMBINED`."""
        return np.array([self._column[kernel, name] for name in COMBINED])

    @property
    def size(self) -> float:
        """Rows of numbers, choices of the hardware and legal combinations; a few are the same design (unused
        intersection)."""
        sizes = [len(c) for c in self.combinations] + list(self.radix[self.hardware_choices])
        return float(np.prod([float(s) for s in sizes]) * np.prod(self.radix[self.number_columns].astype(float)))

    @functools.cached_property
    def hardware_choices(self) -> np.ndarray:
        """Columns of the intersection unit, of what else the hardware chooses and is not held, and of what stays."""
        first, *others = (self.column(-1, name) for name in HARDWARE_CHOICES)
        return np.array([first, *(column for column in others if self.radix[column] > 1), *self.staying_columns])

    @property
    def memory_is_free(self) -> bool:
        """Whether designs differ in their DRAM."""
        return bool(max(self.radix[self.column(-1, name)] for name in ("dram", "dram_channels")) > 1)

    def _position(self, kernel: int, name: str, value: str) -> int:
        values = self.genes[self.column(kernel, name)].values
        return values.index(value) if value in values else 0

    def _combinations(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        kernel = self.kernels[at]
        lists = tuple(tuple(map(str, self.genes[self._column[at, name]].values)) for name in COMBINED)
        rows, raw = legal_rows(lists, kernel.family)
        if len(rows) == 0:
            raise InputError(
                f"No legal mapping is left for kernel '{kernel.name}' ({kernel.family}); allow more dataflows, formats "
                "or zero modes in the design space."
            )
        return rows, raw

    def random(self, rng: np.random.Generator, count: int, unit: np.ndarray | None = None) -> np.ndarray:
        """Canonical rows: numbers from `unit` (in 0..1, shape [count, number_columns]; drawn if None), a dataflow drawn
        for each kernel, then a combination of it."""
        rows = np.zeros((count, len(self.genes)), np.int32)
        unit = rng.random((count, len(self.number_columns))) if unit is None else unit
        radix = self.radix[self.number_columns]
        rows[:, self.number_columns] = np.minimum((unit * radix).astype(np.int32), radix - 1)
        for column in self.hardware_choices:
            rows[:, column] = rng.integers(self.radix[column], size=count)
        for at, combinations in enumerate(self.combinations):
            _, starts, sizes = np.unique(combinations[:, 0], return_index=True, return_counts=True)
            flow = rng.integers(len(starts), size=count)
            entry = starts[flow] + (rng.random(count) * sizes[flow]).astype(int)  # sorted by dataflow
            rows[:, self.combined_columns(at)] = combinations[entry]
        return self.canonical(rows)

    def canonical(self, rows: np.ndarray) -> np.ndarray:
        """Rows with the intersection unit settled where no kernel runs it (mappings are settled in `combinations`)."""
        rows = rows.copy()
        rows[~self.intersects(rows), self.column(-1, "intersection")] = self._unused_intersection
        rows[:, [own for own, _, _ in self._following]] = 0
        return rows

    def settled_mappings(self, raw: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Mappings with the legal choices that raw ones turn into; those `before` where there are none.

        **Arguments**: genes of `MAPPING_NAMES`, shape [n, K, names].
        """
        index = (raw[:, :, self._combined] * self._strides).sum(axis=2)
        place = self._settled_flat[self._settled_first + index]
        settled = raw.copy()
        settled[:, :, self._combined] = self._combinations_flat[self._combinations_first + np.maximum(place, 0)]
        return np.where((place >= 0)[:, :, None], settled, before)

    def intersects(self, rows: np.ndarray) -> np.ndarray:
        """Mask of the rows in which a kernel runs the intersection unit, shape [n]."""
        runs = np.zeros(len(rows), bool)
        for at, table in enumerate(self._runs_intersection):
            runs |= table[tuple(rows[:, self._column[at, name]] for name in INTERSECTING)]
        return runs

    def _intersecting(self, at: int) -> np.ndarray:
        """Whether a kernel runs the intersection unit, by positions of the choices that decide it."""
        values = [tuple(map(str, self.genes[self._column[at, name]].values)) for name in INTERSECTING]
        family = self.kernels[at].family
        runs = [uses_intersection(dict(zip(INTERSECTING, picked, strict=True)), family) for picked in product(*values)]
        return np.array(runs).reshape([len(names) for names in values])

    @property
    def staying_columns(self) -> np.ndarray:
        """Columns that say which tensors stay."""
        count = len(self.staying) if self.staying else 0
        return np.arange(len(HARDWARE_NAMES), len(HARDWARE_NAMES) + count)

    def dataflows(self, kernel: int) -> list[int]:
        """Indices into `DATAFLOWS` of those that a kernel can use, in the order of its gene."""
        names = self.genes[self.column(kernel, "dataflow")].values
        used = np.unique(self.combinations[kernel][:, 0])
        return [CHOICES["dataflow"].index(str(names[int(position)])) for position in used]

    def values(self, rows: np.ndarray, column: int) -> np.ndarray:
        """Numbers, or indices of names, that a column of the rows stands for."""
        for own, other, values in self._following:
            if own == column:
                return values[rows[:, other]]
        return self._tables[column][rows[:, column]]

    def batch(self, rows: np.ndarray) -> Batch:
        """Rows as numbers, ready to be evaluated."""

        values = self._padded.take(rows + self.radix.max() * np.arange(len(self.genes)), mode="clip")
        for own, other, following in self._following:
            values[:, own] = following[rows[:, other]]
        first = len(self.genes) - len(self.kernels) * len(MAPPING_NAMES)
        of_hardware = values[:, : len(HARDWARE_NAMES)]
        of_mappings = values[:, first:].reshape(len(rows), len(self.kernels), len(MAPPING_NAMES))
        numbers, choices = (
            [MAPPING_NAMES.index(name) for name in names] for names in (MAPPING_NUMBERS, MAPPING_CHOICES)
        )
        batch = Batch(
            hardware=of_hardware[:, [HARDWARE_NAMES.index(name) for name in HARDWARE_NUMBERS]].astype(np.float32),
            selected=of_hardware[:, [HARDWARE_NAMES.index(name) for name in HARDWARE_CHOICES]].astype(int),
            tiles=of_mappings[:, :, numbers].astype(np.float32),
            dataflow=of_mappings[:, :, MAPPING_NAMES.index("dataflow")].astype(int),
            choices=of_mappings[:, :, choices].astype(int),
            units=self._units_of(len(rows)),
        )
        if self.staying:
            kept = rows[:, self.staying_columns] == STAYS.index("glb")
            self.staying.apply(kept, batch.hardware, batch.tiles, batch.choices)
        return batch

    def unit_bits(self, rows: np.ndarray) -> np.ndarray:
        """Capabilities that the mapping of each kernel uses, as bits in the order of `Batch.capabilities`; [n, K]."""
        used = self._padded[self._unit_columns, rows[:, self._unit_columns]].astype(np.int64)  # [n, K, units]
        first = np.cumsum([0, *(len(CHOICES[name]) for name in UNITS_USED[:-1])])
        return np.bitwise_or.reduce(np.int64(1) << (first + used), axis=2)

    def units_of(self, rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """The hardware's own choices of each row and the capabilities of `bits`, shape [n], as `Batch.used_units`;
        those of a hardware that is given stay as they are."""
        if self.units is not None:
            return np.tile(self.units, (len(rows), 1))
        chosen = np.stack([self.values(rows, self.column(-1, name)) for name in HARDWARE_CHOICES], axis=1)
        count = sum(len(CHOICES[name]) for name in UNITS_USED)
        able = (bits[:, None] >> np.arange(count)) & 1
        return np.concatenate([choice_weights(chosen), able], axis=1).astype(np.float32)

    def batch_of(self, designs: Sequence[Design]) -> Batch:
        """Designs in words as numbers; they need not lie on the lattice."""
        return dataclasses.replace(batch_of(designs), units=self._units_of(len(designs)))

    def _units_of(self, count: int) -> np.ndarray | None:
        return None if self.units is None else np.tile(self.units, (count, 1))

    def design(self, row: np.ndarray) -> Design:
        """A row in words."""
        if self.staying:
            return design_of(self.batch(row[None]), 0, [kernel.name for kernel in self.kernels])
        fields: list[dict[str, Value]] = [{} for _ in range(len(self.kernels) + 1)]
        for gene, position in zip(self.genes, row, strict=True):
            fields[gene.kernel + 1][gene.parameter.name] = gene.values[int(position)]
        for own, other, values in self._following:
            fields[0][self.genes[own].parameter.name] = float(values[int(row[other])])
        return Design(fields[0], tuple(fields[1:]), tuple(kernel.name for kernel in self.kernels))

    def genome(self, design: Design) -> np.ndarray:
        """The row nearest a design (numbers by ratio); InputError for a choice that the space leaves out."""
        design = design.checked(tuple(kernel.family for kernel in self.kernels))
        row = np.zeros(len(self.genes), np.int32)
        follows: tuple[str, ...] = ()
        if self.staying:
            follows = (*KEPT, "glb_room")
            row[self.staying_columns] = self.staying.kept_in(design.mappings)
        for at, gene in enumerate(self.genes):
            if gene.parameter.name in follows or at in self.staying_columns:
                continue
            value = design.hardware if gene.kernel < 0 else design.mappings[gene.kernel]
            value = value[gene.parameter.name]
            if gene.parameter.is_number:
                row[at] = int(np.argmin(np.abs(np.log2(self._tables[at]) - np.log2(float(value)))))
            elif value in gene.values:
                row[at] = gene.values.index(value)
            elif gene.parameter.name != "intersection":
                raise InputError(
                    f"{gene.parameter.name} '{value}' is not in the design space: {', '.join(map(str, gene.values))}."
                )
        return row


def _stays(tensor: str) -> Parameter:
    """Whether a tensor stays, as a parameter of the machine."""
    return Parameter(f"stays:{tensor}", STAYS, "hardware", "", "choice", "docs/machine.md, section 1")


def _names(parameter: Parameter) -> tuple[str, ...]:
    """All names of a choice."""
    return STAYS if parameter.name.startswith("stays:") else CHOICES[parameter.name]


def batch_of(designs: Sequence[Design]) -> Batch:
    """Designs in words as numbers; they need not lie on any lattice."""

    def index(name: str, value: Value) -> int:
        return CHOICES[name].index(str(value))

    def each(names: Sequence[str], as_index: bool) -> np.ndarray:
        return np.array(
            [[[index(n, m[n]) if as_index else float(m[n]) for n in names] for m in d.mappings] for d in designs]
        )

    return Batch(
        hardware=np.array([[float(d.hardware[name]) for name in HARDWARE_NUMBERS] for d in designs], np.float32),
        selected=np.array([[index(name, d.hardware[name]) for name in HARDWARE_CHOICES] for d in designs]),
        tiles=each(MAPPING_NUMBERS, False).astype(np.float32),
        dataflow=each(("dataflow",), True)[:, :, 0],
        choices=each(tuple(MAPPING_CHOICES), True),
    )


def design_of(batch: Batch, row: int, kernels: Sequence[str]) -> Design:
    """A row of a batch in words: what `batch_of` makes numbers of."""
    hardware: dict[str, Value] = dict(zip(HARDWARE_NUMBERS, batch.hardware[row].tolist(), strict=True))
    own = zip(HARDWARE_CHOICES.items(), batch.selected[row].tolist(), strict=True)
    hardware |= {name: names[at] for (name, names), at in own}

    def mapping(kernel: int) -> dict[str, Value]:
        tiles = dict(zip(MAPPING_NUMBERS, batch.tiles[row, kernel].tolist(), strict=True))
        picked = zip(MAPPING_CHOICES.items(), batch.choices[row, kernel].tolist(), strict=True)
        words = {name: names[at] for (name, names), at in picked}
        return {"dataflow": DATAFLOWS[batch.dataflow[row, kernel]], **tiles, **words}

    return Design(hardware, tuple(map(mapping, range(len(kernels)))), tuple(kernels))


def _cut(name: str, values: tuple[Value, ...], kernel: KernelShape) -> tuple[Value, ...]:
    """Tile sizes up to the first one that covers the kernel; a B that is always dense has no choice to make."""
    if name in TILE_SIZES:
        whole = 2.0 ** (levels(getattr(kernel, name[-1])) - 1)
        inside = tuple(v for v in values if float(v) < whole)
        beyond = tuple(v for v in values if float(v) >= whole)
        return inside + beyond[:1]
    if kernel.family in B_IS_DENSE and name in DENSE_B:
        return (DENSE_B[name],)
    return values
