"""The naive reference of `docs/machine.md`: every combination, hand-computed examples and laws."""

from dataclasses import fields, replace
from itertools import cycle, product

import numpy as np
import pytest
from reference import RESOURCES as REFERENCE_RESOURCES
from reference import Design, Outcome, run
from reference.design import illegal
from reference.elementwise import illegal as illegal_elementwise
from reference.elementwise import run_elementwise
from reference.placement import conflicts
from reference.sddmm import run_sddmm
from reference.storage import Tile, widths_of
from scipy.sparse import csr_array

from hwmodels.cost import FITS, RESOURCES, ActionCounts, Computes, Traffic
from hwmodels.design.choices import COLUMN_AXES, DATAFLOWS, FORMATS, INTERSECTIONS, LOOP_ORDERS, SCHEDULES, ZERO_MODES

BASE = Design(
    pe_rows=2,
    pe_cols=2,
    lanes=2,
    glb_bytes=4096,
    glb_banks=2,
    pe_buffer_bytes=64,
    accumulator_bytes=32,
    index_bus_bits=16,
    value_bus_bits=32,
    value_bits=8,
    accumulator_bits=32,
    intersection="two_finger",
    dataflow="gustavson",
    tile_m=4,
    tile_k=4,
    tile_n=4,
    loop_order="mkn",
    residency="b",
    columns_on="n",
    lanes_on="n",
    a_format="dense",
    b_format="dense",
    a_zero="compute",
    b_zero="compute",
    schedule="row_blocks",
)
EXAMPLE = np.array([[5.0, 0, 0, 7], [0, 0, 0, 0], [0, 3, 0, 0]])
"""3 x 4, three non-zeros."""


def sparse(rows: int, columns: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 2.0, (rows, columns)) * (rng.random((rows, columns)) < density)


def dram(bandwidth: float = 64.0, burst: int = 64) -> dict:
    return {"dram_bits_per_cycle": bandwidth, "dram_latency_cycles": 100.0, "burst_bits": burst}


def go(
    a: np.ndarray, b: np.ndarray | None, n: int, design: Design, bandwidth: float = 64.0, burst: int = 64
) -> Outcome:
    return run(a, b, n, design, **dram(bandwidth, burst))


def check_totals(outcome: Outcome) -> None:
    """What holds for every run of any kernel."""
    assert outcome.actions["macs"] == outcome.computes["effectual"] + outcome.computes["ineffectual"]
    assert outcome.cycles == pytest.approx(sum(outcome.bound_cycles.values()) + outcome.fill_cycles)
    for name, busy in outcome.resource_cycles.items():
        assert outcome.bound_cycles[name] <= busy <= outcome.cycles
    traffic, actions = outcome.traffic, outcome.actions
    dram_bytes = sum(moved for name, moved in traffic.items() if name.startswith("dram"))
    assert dram_bytes * 8 == pytest.approx(actions["dram_read_bits"] + actions["dram_write_bits"])


def check_laws(outcome: Outcome, a: np.ndarray, b: np.ndarray | None, n: int) -> None:
    """What holds for every product."""
    if b is None:
        b = np.random.default_rng(0).uniform(0.5, 1.5, (a.shape[1], n))
    np.testing.assert_allclose(outcome.z, (csr_array(a) @ b), rtol=1e-12, atol=1e-12)
    computes = outcome.computes
    assert sum(computes.values()) == a.shape[0] * a.shape[1] * n
    assert min(computes.values()) >= 0
    assert computes["effectual"] == np.sum((a != 0).sum(axis=0) * (b != 0).sum(axis=1))
    check_totals(outcome)


def test_names_are_those_of_the_models() -> None:
    outcome = go(EXAMPLE, None, 3, BASE)
    assert REFERENCE_RESOURCES == RESOURCES
    assert set(outcome.actions) == {f.name for f in fields(ActionCounts)} - {"cycles"}
    assert set(outcome.traffic) == {f.name for f in fields(Traffic)}
    assert set(outcome.computes) == {f.name for f in fields(Computes)}
    assert set(outcome.fits) == set(FITS) - {"clock"}


# Every legal combination multiplies correctly, from its stores.

CHOICES = list(product(DATAFLOWS, FORMATS, ZERO_MODES))
PLACES = [
    {"loop_order": order, "residency": residency, "columns_on": columns_on, "lanes_on": lanes_on, "schedule": schedule}
    for (order, columns_on, lanes_on), residency, schedule in zip(
        product(LOOP_ORDERS, COLUMN_AXES, "nk"), ["b", "ab", "fetch", "b"] * 6, list(SCHEDULES) * 8, strict=True
    )
]
"""Loop orders and places of operands, going round."""


@pytest.mark.parametrize("b_is_dense", [True, False])
@pytest.mark.parametrize(("dataflow", "a_format", "a_zero"), CHOICES)
def test_product_for_formats_and_zeros_of_a(dataflow: str, a_format: str, a_zero: str, b_is_dense: bool) -> None:
    sizes = {"pe_buffer_bytes": 200, "accumulator_bytes": 128}
    design = replace(BASE, dataflow=dataflow, a_format=a_format, a_zero=a_zero, tile_k=5, tile_n=7, **sizes)
    a, b = sparse(6, 9, 0.25, 1), sparse(9, 8, 0.3, 2)
    for places, b_zero in product(PLACES, ["compute"] if b_is_dense else ["skip", "gate"]):
        chosen = replace(design, b_format="dense" if b_is_dense else "bitmask", b_zero=b_zero, **places)
        if not illegal(chosen, b_is_dense):
            outcome = go(a, None if b_is_dense else b, 8, chosen)
            check_laws(outcome, a, None if b_is_dense else b, 8)
            assert max(outcome.fits["pe_buffer"], outcome.fits["accumulator"]) <= 1
            assert outcome.waits == 0


@pytest.mark.parametrize(("a_format", "a_zero"), [("bitmask", "skip"), ("coo", "gate"), ("dense", "compute")])
@pytest.mark.parametrize(("dataflow", "b_format", "b_zero"), CHOICES)
def test_product_for_formats_and_zeros_of_b(
    dataflow: str, b_format: str, b_zero: str, a_format: str, a_zero: str
) -> None:
    design = replace(BASE, dataflow=dataflow, a_format=a_format, a_zero=a_zero, b_format=b_format, b_zero=b_zero)
    a, b = sparse(6, 9, 0.25, 3), sparse(9, 5, 0.3, 4)
    for places in PLACES[:: 1 if a_format == "bitmask" else 3]:
        chosen = replace(design, **places)
        if not illegal(chosen, b_is_dense=False):
            check_laws(go(a, b, 5, chosen), a, b, 5)


@pytest.mark.parametrize(("unit", "schedule"), list(product(INTERSECTIONS, SCHEDULES)))
def test_product_for_intersections_and_schedules(unit: str, schedule: str) -> None:
    design = replace(BASE, intersection=unit, schedule=schedule, dataflow="inner_product", pe_buffer_bytes=400)
    design = replace(design, a_format="csr", a_zero="skip", b_format="csc", b_zero="skip")
    a, b = sparse(11, 13, 0.3, 5), sparse(13, 9, 0.2, 6)
    outcome = go(a, b, 9, design)
    check_laws(outcome, a, b, 9)
    assert outcome.fits["pe_buffer"] <= 1


@pytest.mark.parametrize(("sizes"), [(1, 1, 1), (5, 1, 3), (1, 9, 1)])
def test_small_and_empty_matrices(sizes: tuple[int, int, int]) -> None:
    m, k, n = sizes
    for density in (0.0, 1.0):
        a, b = sparse(m, k, density, 7), sparse(k, n, 1.0, 8)
        design = replace(BASE, a_format="csr", a_zero="skip", b_format="csr", b_zero="skip", tile_m=64)
        outcome = go(a, b, n, design)
        check_laws(outcome, a, b, n)
        if density == 0:
            assert outcome.visits == 0
            assert outcome.cycles == outcome.fill_cycles == 100 + 1 + 1 + 16


@pytest.mark.parametrize(("a_format", "a_zero"), list(product(FORMATS, ZERO_MODES)))
def test_the_other_kernels_are_numpys(a_format: str, a_zero: str) -> None:
    """SDDMM, and products and sums of elements, of any format, mode, unit and schedule."""
    s, b = sparse(11, 13, 0.3, 20), sparse(11, 13, 0.3, 21)
    left, right = sparse(11, 7, 1.0, 22), sparse(7, 13, 1.0, 23)
    design = replace(BASE, dataflow="inner_product", a_format=a_format, a_zero=a_zero, tile_n=6, pe_buffer_bytes=100)
    for places in PLACES:
        chosen = replace(design, **places | {"residency": "b"})
        if illegal_elementwise(chosen):
            return
        if chosen.lanes_on == "k":
            outcome = run_sddmm(s, left, right, chosen, **dram())
            np.testing.assert_allclose(outcome.z, s * (left @ right), rtol=1e-12)
            check_totals(outcome)
            assert outcome.fits["pe_buffer"] <= 1
    turns = zip(product(FORMATS, ZERO_MODES, [True, False]), cycle(PLACES), cycle(INTERSECTIONS), strict=False)
    for (b_format, b_zero, union), places, unit in turns:
        chosen = replace(design, b_format=b_format, b_zero=b_zero, intersection=unit, schedule=places["schedule"])
        if not illegal_elementwise(chosen):
            outcome = run_elementwise(s, b, union, chosen, **dram())
            np.testing.assert_allclose(outcome.z, s + b if union else s * b, rtol=1e-12)
            check_totals(outcome)


# Hand calculation. A 8 x 8 times B 8 x 8, both full, in tiles of 4: eight visits, all alike; L = 2, W = 4 lanes.

DENSE = [
    # changes, steps, passes, A's bits on the bus, words into part B, need of part B in bits
    ({}, 8, 1, 128, 4, 64),
    ({"residency": "ab"}, 8, 1, 128, 4, 128),
    ({"residency": "fetch"}, 8, 1, 128, 0, 0),
    ({"dataflow": "inner_product"}, 8, 1, 128, 4, 64),
    ({"dataflow": "outer_product"}, 8, 1, 128, 4, 64),
    # Two groups of two columns; one row a queue; u = floor(8 / (4 x 2)) = 1, or 8 / (2 rows x 2 lanes) = 2.
    ({"columns_on": "m"}, 8, 2, 256, 8, 64),
    ({"columns_on": "m", "residency": "ab"}, 8, 2, 128, 8, 96),
    ({"columns_on": "m", "dataflow": "outer_product"}, 8, 1, 128, 8, 128),
    # A column a PE, two k's at once.
    ({"dataflow": "inner_product", "lanes_on": "k"}, 8, 2, 256, 4, 32),
    ({"dataflow": "inner_product", "lanes_on": "k", "columns_on": "m"}, 8, 4, 512, 8, 32),
    # Fewer parts in use.
    ({"rows_used": 1}, 16, 1, 128, 4, 64),
    ({"cols_used": 1}, 16, 2, 256, 8, 64),
]


@pytest.mark.parametrize(("changes", "steps", "passes", "a_bits", "words", "need"), DENSE)
def test_dense_limit(changes: dict, steps: int, passes: int, a_bits: int, words: int, need: int) -> None:
    design = replace(BASE, **changes)
    outcome = go(sparse(8, 8, 1.0, 9), None, 8, design)
    assert outcome.visits == 8
    assert outcome.computes == {"effectual": 512, "ineffectual": 0, "gated": 0, "skipped": 0}
    constant = passes * (9 if design.lanes_on == "k" else 8)
    assert outcome.resource_cycles["compute"] == 8 * (steps + constant)
    assert outcome.resource_cycles["decode"] == 8 * constant
    assert outcome.resource_cycles["buffer_port"] == 8 * words
    b_bits = 16 * 4 * 8 if design.residency == "fetch" else 128
    assert outcome.traffic["value_bus_bytes"] == (a_bits + b_bits + 512)
    assert outcome.resource_cycles["value_bus"] == 8 * (a_bits + b_bits + 512) / 32
    assert outcome.fits["pe_buffer"] == need / 256
    assert outcome.fits["accumulator"] == 1
    # Bus of 32 bits in 4 PEs of two words of 32, of 16 in 4 of 64.
    assert outcome.fits["bus"] == 32 / 256


def test_actions_of_the_dense_limit() -> None:
    """One visit of each of the dataflows, the same as above."""
    for dataflow, changes in product(DATAFLOWS, ({}, {"residency": "ab"})):
        actions = go(sparse(4, 4, 1.0, 9), None, 4, replace(BASE, dataflow=dataflow, **changes)).actions
        held = bool(changes)
        # 8 steps of 2 queues in 2 PEs each, a word of 2 values; 8 entries of 2 queues in 2 PEs each.
        assert actions["pe_buffer_read_bits"] == 32 * 16 + (32 * 8 if held else 0)
        # 4 rows of two words to 2 PE rows; A to 2 PEs of a row.
        assert actions["pe_buffer_write_bits"] == 4 * 2 * 2 * 16 + (128 * 2 if held else 0)
        assert actions["queue_bits"] == (0 if held else 2 * 128 * 2)
        assert actions["accumulator_accesses"] == (2 * 64 + 16 if dataflow == "outer_product" else 2 * 16)
        # 2 x 2 PEs: A to a row and B to a column, three pitches; Z from one, two.
        assert actions["bus_hops"] == 3 * 128 + 3 * 128 + 2 * 512
        assert actions["decoded_entries"] == actions["intersection_steps"] == actions["tree_adds"] == 0
    tree = replace(BASE, dataflow="inner_product", lanes_on="k", a_format="csr", a_zero="skip", tile_n=2)
    actions = go(sparse(4, 4, 1.0, 9), None, 2, tree).actions
    # A column in each PE column, four steps of 2 queues in 2 PEs, of two words; written in words of two to two copies.
    assert actions["pe_buffer_read_bits"] == 16 * 2 * 16
    assert actions["pe_buffer_write_bits"] == 2 * 2 * 2 * 2 * 16
    assert actions["tree_adds"] == actions["macs"] == 32
    # 16 values, coordinates of 2 bits, 4 pointers of 5.
    assert actions["queue_bits"] == 2 * 2 * (16 * 10 + 4 * 5)
    assert actions["decoded_entries"] == 16 * 2


def test_more_sums_than_registers_are_accumulated() -> None:
    """Two groups in a pass: 2 u L = 16 words of accumulators, read and written for each MAC."""
    outcome = go(sparse(4, 4, 1.0, 10), None, 8, replace(BASE, tile_n=8, accumulator_bytes=64))
    assert outcome.resource_cycles["compute"] == 16 + 8
    assert outcome.actions["accumulator_accesses"] == 2 * 128 + 32
    assert outcome.fits["accumulator"] == 1
    few = go(sparse(4, 4, 1.0, 10), None, 8, replace(BASE, tile_n=8))
    assert few.resource_cycles["compute"] == 16 + 2 * 8
    assert few.actions["accumulator_accesses"] == 2 * 32


def test_what_does_not_fit_is_reported() -> None:
    assert go(EXAMPLE, None, 4, replace(BASE, pe_buffer_bytes=12)).fits["pe_buffer"] == 64 / 48
    assert go(EXAMPLE, None, 4, replace(BASE, accumulator_bytes=16)).fits["accumulator"] == 2
    assert go(EXAMPLE, None, 4, replace(BASE, glb_bytes=64)).fits["glb"] == (96 + 128 + 12 * 32) / 256


def test_sparse_visit_by_hand() -> None:
    """The 3 x 4 example times a dense B of 4 columns, one tile, Gustavson with B resident and skipping CSR."""
    design = replace(BASE, a_format="csr", a_zero="skip")
    outcome = go(EXAMPLE, None, 4, design, burst=512)
    # Rows 0 and 1 on queue 0, row 2 on queue 1: two entries of one step, and decoded.
    assert outcome.resource_cycles["compute"] == outcome.resource_cycles["decode"] == 2 + 8
    # Rows 0, 1, 3 of B are touched: 12 bytes, three words; 3 values of A; 2 non-empty rows of 4 words.
    assert outcome.traffic["value_bus_bytes"] == 12 + 3 + 32
    assert outcome.resource_cycles["buffer_port"] == 3
    # 3 coordinates of 2 bits, pointers of 2 + 2 + 1 bits of the 2 rows that are queued.
    assert outcome.traffic["index_bus_bytes"] == 16 / 8
    # All of A (50 bits) with its directory entry, all of B, all of Z, each a burst.
    assert outcome.traffic["dram_a_bytes"] == 64 + 8
    assert outcome.traffic["dram_b_bytes"] == outcome.traffic["dram_z_write_bytes"] == 64
    assert outcome.computes == {"effectual": 12, "ineffectual": 0, "gated": 0, "skipped": 36}
    # A and its pointers are held: 2 entries, a row and an end.
    held = go(EXAMPLE, None, 4, replace(design, residency="ab"))
    assert held.fits["pe_buffer"] == (2 * 10 + 2 * 5 + 64) / 256
    # Each of 3 entries from part A in two PEs, value and coordinate; steps of three words in two PEs.
    assert held.actions["pe_buffer_read_bits"] == 3 * 2 * (8 + 2) + 3 * 2 * 16
    gated = go(EXAMPLE, None, 4, replace(design, a_zero="gate"))
    assert gated.computes == {"effectual": 12, "ineffectual": 0, "gated": 36, "skipped": 0}
    assert gated.resource_cycles["compute"] == 8 + 8
    assert gated.resource_cycles["decode"] == 8


def test_two_by_two_sparse_sparse_by_hand() -> None:
    a, b = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 5.0]])
    design = replace(BASE, a_format="coo", a_zero="skip", b_format="coo", b_zero="skip", tile_m=2, tile_k=2, tile_n=2)
    for dataflow in DATAFLOWS:
        outcome = go(a, b, 2, replace(design, dataflow=dataflow), burst=8)
        assert outcome.computes == {"effectual": 3, "ineffectual": 0, "gated": 0, "skipped": 5}
        # Rows of A touch both rows of B; 3 distinct outputs of 32 bits with a 1-bit coordinate.
        assert outcome.traffic["value_bus_bytes"] == 3 + 2 + 12
        assert outcome.traffic["index_bus_bytes"] == (3 * 2 + 2 * 2 + 3 * 1) / 8
        # Z: 3 values with a coordinate (27 bits), 2 pointers of 1 + 1 + 1 bits, in bursts of a byte.
        assert outcome.traffic["dram_z_write_bytes"] == 4 + 1
        # Row 0 takes two entries; as fibers (0,0) and (0,1) by a lane each, 2+1-1+1 steps.
        assert outcome.resource_cycles["compute"] == (3 if dataflow == "inner_product" else 2) + 8
        # At least 3 products in the row block, 4 outputs: 3 words of 32 + 1 + 1 bits.
        assert outcome.fits["glb"] == (3 * 10 + 2 * 10 + 3 * 34) / (4096 * 4)
    inner = go(a, b, 2, replace(design, dataflow="inner_product"))
    # Pairs: (0,0) 2+1-1+1, (0,1) the same, (1,0) 1+1-0+1, (1,1) 1+1-1+1 two-finger steps.
    assert inner.actions["intersection_steps"] == 3 + 3 + 3 + 2
    # Coordinates of 1 bit a side a step, values of 8 a side a match.
    assert inner.actions["pe_buffer_read_bits"] == 11 * 2 + 3 * 16
    # 3 entries of A in two lanes of two PEs, 2 of B in the PEs of two rows: 9 bits each.
    assert inner.actions["pe_buffer_write_bits"] == (3 * 4 + 2 * 2) * 9
    # Two lanes with a row of two entries (and its pointer of 3 bits) and a column of one (and two pointers).
    assert inner.fits["pe_buffer"] == 2 * (2 * 9 + 3 + 9 + 2 * 3) / 256


def test_owners_meet_conflicts() -> None:
    """Columns 0, 4 and 8 of a row belong to lane 0 of four: three steps."""
    b = np.zeros((3, 9))
    b[0, [0, 4, 8]], b[1, :] = 1.0, 1.0
    design = replace(
        BASE, a_format="csr", a_zero="skip", b_format="csr", b_zero="skip", tile_n=16, accumulator_bytes=256
    )
    tile = Tile(b, "csr", "skip", widths_of(8, 4, 16), 0)
    assert conflicts(tile, design) == [3, 3, 0]
    a = np.array([[1.0, 1.0, 1.0]])
    outcome = go(a, b, 9, design)
    # An entry that meets an empty row is looked up, in Gustavson.
    assert outcome.resource_cycles["compute"] == 3 + 3 + 1 + 8
    assert outcome.resource_cycles["buffer_port"] == 6
    assert outcome.fits["pe_buffer"] == 6 * 2 * (8 + 4 + 1) / 256
    assert outcome.fits["accumulator"] == 4 * 4 * 2 / 64 * 3 / 4
    # Columns of A whose row of B is empty are not sent: an entry of 8 + 2 + 2 bits less.
    outer = replace(design, dataflow="outer_product", a_format="csc")
    assert go(a, b, 9, outer).resource_cycles["compute"] == 3 + 3 + 8
    assert go(a, b, 9, replace(outer, a_format="coo")).resource_cycles["compute"] == 3 + 3 + 1 + 8
    # Rows fetched one at a time: 24 and 72 bits of values on a bus of 32, 12 and 36 of coordinates on one of 16.
    fetched = go(a, b, 9, replace(design, residency="fetch", glb_banks=1))
    assert fetched.resource_cycles["value_bus"] == 1 + 3 + (3 * 8 + 9 * 32) / 32
    assert fetched.resource_cycles["index_bus"] == 1 + 3 + (3 * 2 + 5 + 9 * 4) / 16
    assert fetched.fits["pe_buffer"] == fetched.resource_cycles["buffer_port"] == 0


def test_sparse_partial_results_are_appended_and_merged() -> None:
    a, b = np.ones((2, 2)), np.ones((2, 2))
    design = replace(BASE, a_format="coo", a_zero="skip", b_format="coo", b_zero="skip")
    design = replace(design, tile_m=1, tile_k=1, tile_n=2, loop_order="kmn")
    outcome = go(a, b, 2, design, burst=1)
    # Four visits of two outputs, each a word and 1 + 1 bits of coordinates; 4 results of 8 + 1 bits, 2 pointers of 2.
    assert outcome.traffic["dram_z_read_bytes"] == 8 * 34 / 8
    assert outcome.traffic["dram_z_write_bytes"] == (8 * 34 + 4 * 9 + 2 * 2) / 8
    # 68 bits are 3 bursts of 32, 18 bits one, 2 bits one.
    whole = go(a, b, 2, design, burst=32)
    assert whole.traffic["dram_z_read_bytes"] == 4 * 3 * 4
    assert whole.traffic["dram_z_write_bytes"] == (4 * 3 + 2 + 2) * 4
    stays = go(a, b, 2, replace(design, loop_order="mkn"), burst=1)
    assert stays.traffic["dram_z_read_bytes"] == 0
    assert stays.traffic["dram_z_write_bytes"] == (4 * 9 + 2 * 2) / 8


def test_sddmm_by_hand() -> None:
    """S of the 3 x 4 example, four k's, 2 x 2 PEs of 2 lanes: two steps an entry."""
    design = replace(BASE, dataflow="inner_product", lanes_on="k", a_format="csr", a_zero="skip")
    outcome = run_sddmm(EXAMPLE, sparse(3, 4, 1.0, 40), sparse(4, 4, 1.0, 41), design, **dram(burst=8))
    # Row 0: columns 0 and 3, a PE column each; row 1 is empty, row 2 on the other queue.
    assert outcome.resource_cycles["compute"] == 2 + 9
    # Two entries at once.
    assert outcome.resource_cycles["decode"] == 1 + 9
    # PE column 1 is sent columns 1 and 3, of two words each.
    assert outcome.resource_cycles["buffer_port"] == 4
    # S, two rows of A and three columns of B of four values, three results; two coordinates and pointers as in CSR.
    assert outcome.traffic["value_bus_bytes"] == 3 + 8 + 12 + 12
    assert outcome.traffic["index_bus_bytes"] == (3 * 2 + 2 * 5) / 8
    assert outcome.traffic["dram_z_write_bytes"] == 3
    assert outcome.fits["pe_buffer"] == (1 + 2) * 32 / 256
    assert outcome.computes == {"effectual": 12, "ineffectual": 0, "gated": 0, "skipped": 36}
    # Three entries of two steps, each a word of A and one of B; two words of 2 rows and 3 columns in 2 PEs each.
    assert outcome.actions["pe_buffer_read_bits"] == 3 * 2 * 2 * 16
    assert outcome.actions["pe_buffer_write_bits"] == (2 + 3) * 2 * 2 * 16
    assert outcome.actions["tree_adds"] == 12


def test_elementwise_by_hand() -> None:
    """Rows of three and one entries, two of them alike, on eight lanes."""
    a, b = np.array([[1.0, 0, 2, 3], [0, 0, 0, 4]]), np.array([[0, 5.0, 0, 6], [0, 0, 0, 7]])
    design = replace(BASE, dataflow="inner_product", a_format="csr", a_zero="skip", b_format="csr", b_zero="skip")
    times = run_elementwise(a, b, False, design, **dram(burst=8))
    # 3 + 2 - 1 + 1 steps of the row with most.
    assert times.resource_cycles["compute"] == 5 + 8
    assert times.resource_cycles["decode"] == 3 + 8
    assert times.traffic["value_bus_bytes"] == 4 + 3 + 2 * 4
    assert times.computes == {"effectual": 2, "ineffectual": 0, "gated": 0, "skipped": 6}
    plus = run_elementwise(a, b, True, replace(design, intersection="bitmask"), **dram(burst=8))
    assert plus.resource_cycles["compute"] == 1 + 4 + 8
    assert plus.computes["effectual"] == 5
    assert plus.actions["accumulator_accesses"] == 10
    probed = run_elementwise(a, b, True, replace(design, intersection="leader_follower"), **dram(burst=8))
    assert probed.resource_cycles["compute"] == 4 + 8
    assert probed.fits["pe_buffer"] == 2 * 4 * 9 / 256
    # Nothing to intersect where B is whole: an entry of A a step.
    whole = run_elementwise(a, b, False, replace(design, b_format="dense", b_zero="gate"), **dram(burst=8))
    assert whole.resource_cycles["compute"] == 3 + 8
    assert whole.computes == {"effectual": 2, "ineffectual": 0, "gated": 2, "skipped": 4}


def test_a_fetch_is_spread_over_its_stay() -> None:
    """A stays for both visits, a first of a wide B tile and a second of a narrow one."""
    a = sparse(4, 4, 1.0, 17)
    wide = {"value_bus_bits": 10**6, "glb_banks": 10**6}
    outcome = go(a, None, 6, replace(BASE, **wide), bandwidth=1.0, burst=1)
    # A 128 bits in halves; B 16 and 8 values, Z as many.
    assert outcome.resource_cycles["dram"] == outcome.bound_cycles["dram"] == 128 + 2 * 128 + 2 * 64
    half_hidden = go(a, None, 6, replace(BASE, value_bus_bits=2, glb_banks=10**6), bandwidth=1.0, burst=1)
    # Value bus of the second: (128 + 64 + 8 x 32) / 2 = 224 > 64 + 64 + 64; of the first (256 + 512) / 2 > 64 + 256.
    assert half_hidden.bound_cycles["value_bus"] == 384 + 224


def test_an_unfolded_tile_is_fetched_as_what_it_is_made_of() -> None:
    """Four addresses in 16 positions, one of them outside the map: 3 of 16 of 128 bits, in bursts of a byte."""
    addresses = np.tile([0, 1, 2, -1], (4, 1))
    outcome = run(sparse(4, 4, 1.0, 18), None, 4, BASE, **dram(burst=8), addresses=addresses)
    assert outcome.traffic["dram_b_bytes"] == 3


def test_short_rows_wait_for_the_slot_of_a_long_one() -> None:
    """Four slots are not enough where rows differ: what no law counts is told apart."""
    a, b = np.eye(12), np.zeros((12, 16))
    b[0, :], b[1:, 0] = 1.0, 1.0
    sizes = {"pe_rows": 1, "pe_cols": 1, "lanes": 1, "tile_m": 12, "tile_k": 12, "tile_n": 16, "accumulator_bytes": 256}
    design = replace(BASE, a_format="csr", a_zero="skip", b_format="csr", b_zero="skip", pe_buffer_bytes=256, **sizes)
    outcome = go(a, b, 16, design)
    assert outcome.resource_cycles["compute"] == 16 + 11 + 8
    # The fifth row, three steps after the first, has its slot when 16 sums have left.
    assert outcome.waits == 16 - 3 - 1


# Laws.


@pytest.mark.parametrize(("dataflow", "a_zero"), list(product(DATAFLOWS, ZERO_MODES)))
def test_more_zeros_never_cost_more(dataflow: str, a_zero: str) -> None:
    rng = np.random.default_rng(14)
    a, b = sparse(12, 12, 0.8, 15), sparse(12, 10, 0.5, 16)
    design = replace(BASE, dataflow=dataflow, a_format="coo", a_zero=a_zero, b_format="bitmask", b_zero="skip")
    before = go(a, b, 10, design)
    for _ in range(6):
        a = a * (rng.random(a.shape) < 0.7)
        after = go(a, b, 10, design)
        assert after.computes["effectual"] <= before.computes["effectual"]
        assert after.actions["macs"] <= before.actions["macs"]
        assert after.resource_cycles["compute"] <= before.resource_cycles["compute"]
        before = after


@pytest.mark.parametrize("places", PLACES[::2])
def test_more_of_a_width_is_never_slower(places: dict) -> None:
    a, b = sparse(12, 12, 0.4, 15), sparse(12, 10, 0.5, 16)
    for dataflow, b_zero in product(DATAFLOWS, ("skip", "gate")):
        design = replace(BASE, dataflow=dataflow, a_format="coo", a_zero="skip", b_format="bitmask", b_zero=b_zero)
        design = replace(design, **places)
        if illegal(design, b_is_dense=False):
            continue
        cycles = go(a, b, 10, design).cycles
        for width in ("value_bus_bits", "index_bus_bits", "glb_banks"):
            assert go(a, b, 10, replace(design, **{width: 2 * getattr(design, width)})).cycles <= cycles
        assert go(a, b, 10, design, bandwidth=128.0).cycles <= cycles


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_dense_work_is_never_faster_in_a_sparse_format(dataflow: str) -> None:
    a, b = sparse(12, 12, 1.0, 15), sparse(12, 10, 1.0, 16)
    formats = list(product(FORMATS, FORMATS))
    for turn, places in enumerate(PLACES[::2]):
        design = replace(BASE, dataflow=dataflow, pe_buffer_bytes=800, accumulator_bytes=128, **places)
        if illegal(design, b_is_dense=False):
            continue
        cycles = go(a, b, 10, design).cycles
        for a_format, b_format in formats[turn % 5 :: 5]:
            a_zero, b_zero = ("compute" if form == "dense" else "skip" for form in (a_format, b_format))
            chosen = replace(design, a_format=a_format, b_format=b_format, a_zero=a_zero, b_zero=b_zero)
            if not illegal(chosen, b_is_dense=False):
                assert go(a, b, 10, chosen).cycles >= cycles


def test_illegal_combinations_are_refused() -> None:
    changes = (
        {"a_zero": "skip"},
        {"a_format": "csc"},
        {"b_format": "csr"},
        {"accumulator_bytes": 2},
        {"lanes_on": "k"},
        {"dataflow": "inner_product", "residency": "fetch"},
    )
    for change in changes:
        with pytest.raises(ValueError, match=r"dense|walk|accumulator|lanes on k|fetched"):
            go(EXAMPLE, None, 4, replace(BASE, **change))
