"""Element-wise kernels: A * B (intersection) and A + B (union) of sparse matrices (docs/machine.md, section 8)."""

from typing import Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.design.legality import legal_formats, legal_zero_modes
from hwmodels.simulator.accounting import Charges, Memory, Run, Simulation, conclude, priced
from hwmodels.simulator.concrete_design import Machine, machine_of
from hwmodels.simulator.counters import Dram, Fits, Sent, Work
from hwmodels.simulator.elementwise_loads import (
    A_DECODE,
    ALL_STEPS,
    B_DECODE,
    MET,
    OPERATIONS,
    RESULTS,
    STEPS,
    merge,
)
from hwmodels.simulator.products import canonical
from hwmodels.simulator.schedules import BALANCED, CYCLIC
from hwmodels.simulator.stored_operand import Operand, store
from hwmodels.simulator.visits import check_count, group
from hwmodels.technology import Technology
from workloads.errors import InputError

Operation = Literal["multiply", "add"]


class Plan(NamedTuple):
    """What compiled code must know of the machine."""

    lanes: int
    schedule: int
    unit: int
    union: bool
    a_skips: bool
    b_skips: bool
    a_bitmask: bool
    b_bitmask: bool


class Pairs(NamedTuple):
    """Tiles of each visit among those with entries (-1: none), its fibers and their length."""

    a: np.ndarray
    b: np.ndarray
    fibers: np.ndarray
    length: np.ndarray


class Streams(NamedTuple):
    """An operand as fibers: see `operand.Fibers`, and position along its fiber and value of each entry."""

    fibers_of: np.ndarray
    number: np.ndarray
    first: np.ndarray
    position: np.ndarray
    value: np.ndarray


def simulate_elementwise(
    hardware: Hardware, mapping: Mapping, a: csr_array, b: csr_array, operation: Operation, technology: Technology
) -> Simulation:
    """Run Z = A * B ("multiply") or Z = A + B ("add") on a design, for two SciPy sparse matrices [M, N].

    Returns a `Simulation` whose result is a `csr_array`. **Raises** as `simulate`.
    """
    machine = machine_of(hardware, mapping)
    for operand in "ab":
        stored, zero = getattr(machine, f"{operand}_format"), getattr(machine, f"{operand}_zero")
        formats = legal_formats(machine.dataflow, "a", "sparse_b")
        if stored not in formats or zero not in legal_zero_modes(stored, operand, "sparse_b"):
            raise InputError(
                f"The mapping cannot run: element-wise with {machine.dataflow} takes {', '.join(formats)} for both "
                f"operands, and dense cannot skip; {operand}_format is '{stored}' and {operand}_zero '{zero}'."
            )
    return priced(
        run_elementwise(machine, a, b, operation, Memory.of(technology)), machine, hardware, mapping, technology
    )


def run_elementwise(machine: Machine, a: csr_array, b: csr_array, operation: Operation, memory: Memory) -> Run:
    """As `simulate_elementwise`, for a design in whole numbers and names, without energy and area."""
    a, b = canonical(a, "A"), canonical(b, "B")
    if a.shape != b.shape:
        raise InputError(f"A is {a.shape} and B {b.shape}; give both the same shape.")
    union, by_columns = operation == "add", machine.dataflow == "outer_product"
    tile, widths = (machine.tile_m, machine.tile_n), machine.widths("m", "n")
    left, right = store(a, tile, machine.a_format, widths), store(b, tile, machine.b_format, widths)
    m, n, a_tile, b_tile = _visit(machine, left, right, union)
    h, w = np.minimum(tile[0], a.shape[0] - m * tile[0]), np.minimum(tile[1], a.shape[1] - n * tile[1])
    both_skip = machine.a_skips and machine.b_skips
    schedule = machine.schedule_code
    plan = Plan(
        lanes=machine.pe_rows * machine.width,
        schedule=schedule if both_skip or schedule != BALANCED else CYCLIC,
        unit=machine.intersection_code,
        union=union,
        a_skips=machine.a_skips,
        b_skips=machine.b_skips,
        a_bitmask=left.format == "bitmask",
        b_bitmask=right.format == "bitmask",
    )
    pairs = Pairs(
        _at(left.index, a_tile, -1), _at(right.index, b_tile, -1), w if by_columns else h, h if by_columns else w
    )
    found, of_visit, fiber, position, value = merge(
        plan, pairs, _streams(left, by_columns), _streams(right, by_columns)
    )
    work = _work(machine, union, h * w, left, right, a_tile, b_tile, found)
    zero = np.zeros_like(h)
    sent = Sent(
        a_value=_at(left.value_bits, a_tile),
        a_index=_at(left.metadata_bits, a_tile),
        b_value=_at(right.value_bits, b_tile),
        b_index=_at(right.metadata_bits, b_tile),
        z_value=work.results * machine.accumulator_bits,
        z_index=work.results * widths.column,
        a_decoded=zero if left.format == "dense" else _at(left.entries, a_tile),
        b_decoded=zero if right.format == "dense" else _at(right.entries, b_tile),
    )
    blocks = group(m)
    z_write = work.results * (machine.value_bits + widths.column) + blocks.mean(h * widths.pointer * blocks.first)
    dram = Dram(
        _at(left.fetched_bits, a_tile).astype(float), _at(right.fetched_bits, b_tile).astype(float), zero * 0.0, z_write
    )
    row, column = (position, fiber) if by_columns else (fiber, position)
    place = (m[of_visit] * tile[0] + row, n[of_visit] * tile[1] + column)
    return conclude(
        machine,
        memory,
        places=(m, zero, n),
        work=work,
        sent=sent,
        dram=dram,
        charges=_charges(machine, left, right, a_tile, b_tile, h * w, work, sent),
        fits=Fits(_glb_fit(machine, left, right, union), 0.0, 0.0),
        positions=a.shape[0] * a.shape[1],
        adds_partials=False,
        result=csr_array((value, place), shape=a.shape),
    )


def _at(values: np.ndarray, tiles: np.ndarray, missing: int = 0) -> np.ndarray:
    """Values of the tiles; `missing` where there is none (-1)."""
    return np.where(tiles >= 0, np.append(values, missing)[tiles], missing)


def _visit(machine: Machine, left: Operand, right: Operand, union: bool) -> tuple[np.ndarray, ...]:
    """(m, n, tile of A, tile of B) of each visit in the order of the loops; -1: that tile is seen to be empty."""
    across = left.trips[1]
    keys = [operand.i * across + operand.j for operand in (left, right)]
    places = np.union1d(*keys) if union else np.intersect1d(*keys)
    check_count(len(places))
    m, n = np.divmod(places, across)
    if machine.loop_order.index("n") < machine.loop_order.index("m"):
        order = np.lexsort((m, n))
        m, n, places = m[order], n[order], places[order]
    tiles = []
    for key in keys:
        at = np.searchsorted(key, places)
        there = np.append(key, -1)[at] == places
        tiles.append(np.where(there, at, -1))
    return m, n, tiles[0], tiles[1]


def _streams(operand: Operand, by_columns: bool) -> Streams:
    if not by_columns:
        return Streams(*operand.rows, operand.column, operand.value)
    *fibers, order = operand.columns
    return Streams(*fibers, operand.row[order], operand.value[order])


def _work(
    machine: Machine,
    union: bool,
    positions: np.ndarray,
    left: Operand,
    right: Operand,
    a_tile: np.ndarray,
    b_tile: np.ndarray,
    found: np.ndarray,
) -> Work:
    """What the lanes do in each visit, and what becomes of each position worked on."""
    results, met = found[:, RESULTS], found[:, MET]
    a_entries, b_entries = _at(left.entries, a_tile), _at(right.entries, b_tile)
    a_nonzeros, b_nonzeros = _at(left.nonzeros, a_tile), _at(right.nonzeros, b_tile)
    zero = np.zeros_like(positions)
    if union:
        both = machine.a_skips and machine.b_skips
        worked = a_entries + b_entries - met if both else positions
        decider = machine.b_zero if machine.a_skips else machine.a_zero
        rest = worked - results
        gated = rest if both or decider == "gate" else zero
        ineffectual = rest - gated
    else:
        padded, zeros_of_a, zeros_of_b = zero, zero, zero
        if machine.a_skips and machine.b_skips:
            padded = met - results
        elif machine.a_skips:
            padded, zeros_of_b = a_entries - a_nonzeros, a_nonzeros - results
        elif machine.b_skips:
            padded, zeros_of_a = b_entries - b_nonzeros, b_nonzeros - results
        else:
            zeros_of_a, zeros_of_b = positions - a_nonzeros, a_nonzeros - results
        gated = padded + zeros_of_a * (machine.a_zero == "gate") + zeros_of_b * (machine.b_zero == "gate")
        ineffectual = padded + zeros_of_a + zeros_of_b - gated
    return Work(
        compute=found[:, OPERATIONS],
        intersect=np.maximum(found[:, STEPS], np.maximum(found[:, A_DECODE], found[:, B_DECODE])),
        intersection_steps=found[:, ALL_STEPS],
        effectual=results,
        ineffectual=ineffectual,
        gated=gated,
        results=results,
        outputs=results,
        fresh=results,
        share_bits=zero,
        entries_worked=a_entries if machine.a_skips else positions * (a_tile >= 0),
    )


def _charges(
    machine: Machine,
    left: Operand,
    right: Operand,
    a_tile: np.ndarray,
    b_tile: np.ndarray,
    positions: np.ndarray,
    work: Work,
    sent: Sent,
) -> Charges:
    outer = machine.dataflow == "outer_product"
    read = 0
    for operand, tiles, skips in ((left, a_tile, machine.a_skips), (right, b_tile, machine.b_skips)):
        coordinate = (operand.widths.row if outer else operand.widths.column) if skips else 0
        entries = _at(operand.entries, tiles) if skips else positions * (tiles >= 0)
        read += int(entries.sum()) * (machine.value_bits + coordinate)
    return Charges(
        pe_buffer_read_bits=read,
        pe_buffer_write_bits=int(sent.operands.sum()),
        accumulator_accesses=int(work.results.sum()),
        intersection_steps=int(work.intersection_steps.sum()),
        decoded_entries=int((sent.a_decoded + sent.b_decoded).sum()),
        crossbar_words=0,
    )


def _glb_fit(machine: Machine, left: Operand, right: Operand, union: bool) -> float:
    """Need of the largest tiles and of the most results over half the GLB."""
    keys = [operand.i * left.trips[1] + operand.j for operand in (left, right)]
    places = np.union1d(*keys)
    nonzeros = np.zeros((2, len(places)), np.int64)
    for which, (key, operand) in enumerate(zip(keys, (left, right), strict=True)):
        nonzeros[which, np.searchsorted(places, key)] = operand.nonzeros
    most = int((nonzeros.sum(axis=0) if union else nonzeros.min(axis=0)).max(initial=0))
    words = min(most, min(machine.tile_m, left.shape[0]) * min(machine.tile_n, left.shape[1]))
    word_bits = machine.accumulator_bits + left.widths.row + left.widths.column
    return (left.peak_bits + right.peak_bits + words * word_bits) / (machine.glb_bytes * 4)
