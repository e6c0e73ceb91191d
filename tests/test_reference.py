"""The naive reference of `docs/machine.md`, tested by hand-computed examples and by laws."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
from reference import RESOURCES as REFERENCE_RESOURCES
from reference import Design, Outcome, run
from reference.design import illegal
from reference.inside import intersect
from reference.schedule import deal
from reference.storage import Tile, decode, encode, fullest_group, widths_of
from reference.tiles import cut, fetches, stays_until_complete, walk

from hwmodels.cost import RESOURCES, ActionCounts, Computes, Traffic
from hwmodels.design.choices import DATAFLOWS, FORMATS, INTERSECTIONS, LOOP_ORDERS, SCHEDULES, ZERO_MODES

BASE = Design(
    pe_rows=2,
    pe_cols=2,
    lanes=2,
    glb_bytes=4096,
    glb_banks=2,
    pe_buffer_bytes=64,
    accumulator_bytes=16,
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


def go(a: np.ndarray, b: np.ndarray | None, n: int, design: Design, bandwidth: float = 64.0) -> Outcome:
    return run(a, b, n, design, dram_bits_per_cycle=bandwidth, dram_latency_cycles=100.0)


def check_laws(outcome: Outcome, a: np.ndarray, b: np.ndarray | None, n: int) -> None:
    """What holds for every run."""
    if b is None:
        b = np.random.default_rng(0).uniform(0.5, 1.5, (a.shape[1], n))
    np.testing.assert_allclose(outcome.z, a @ b, rtol=1e-12, atol=1e-12)
    computes = outcome.computes
    assert sum(computes.values()) == a.shape[0] * a.shape[1] * n
    assert min(computes.values()) >= 0
    assert computes["effectual"] == np.sum((a != 0).sum(axis=0) * (b != 0).sum(axis=1))
    assert outcome.actions["macs"] == computes["effectual"] + computes["ineffectual"]
    assert outcome.cycles == pytest.approx(sum(outcome.bound_cycles.values()) + outcome.fill_cycles)
    for name, busy in outcome.resource_cycles.items():
        assert outcome.bound_cycles[name] <= busy <= outcome.cycles
    traffic, actions = outcome.traffic, outcome.actions
    dram_bytes = sum(moved for name, moved in traffic.items() if name.startswith("dram"))
    assert dram_bytes * 8 == pytest.approx(actions["dram_read_bits"] + actions["dram_write_bits"])
    assert traffic["value_bus_bytes"] + traffic["index_bus_bytes"] == pytest.approx(actions["bus_bits"] / 8)


def test_names_are_those_of_the_models() -> None:
    outcome = go(EXAMPLE, None, 3, BASE)
    assert REFERENCE_RESOURCES == RESOURCES
    assert set(outcome.actions) == {f.name for f in fields(ActionCounts)} - {"cycles"}
    assert set(outcome.traffic) == {f.name for f in fields(Traffic)}
    assert set(outcome.computes) == {f.name for f in fields(Computes)}
    assert set(outcome.fits) == {"glb", "pe_buffer", "accumulator"}


# Every legal combination multiplies correctly.

A_CHOICES = list(product(DATAFLOWS, FORMATS, ZERO_MODES))


@pytest.mark.parametrize(("dataflow", "a_format", "a_zero"), A_CHOICES)
@pytest.mark.parametrize("b_is_dense", [True, False])
def test_product_for_formats_and_zeros_of_a(dataflow: str, a_format: str, a_zero: str, b_is_dense: bool) -> None:
    b_format = "dense" if b_is_dense else "coo"
    b_zero = "compute" if b_is_dense else "skip"
    design = replace(BASE, dataflow=dataflow, a_format=a_format, a_zero=a_zero, b_format=b_format, b_zero=b_zero)
    if illegal(design, b_is_dense):
        return
    a, b = sparse(6, 9, 0.25, 1), sparse(9, 5, 0.3, 2)
    for order, residency in product(LOOP_ORDERS, ("a", "b")):
        chosen = replace(design, loop_order=order, residency=residency)
        check_laws(go(a, None if b_is_dense else b, 5, chosen), a, None if b_is_dense else b, 5)


@pytest.mark.parametrize(("dataflow", "b_format", "b_zero"), A_CHOICES)
@pytest.mark.parametrize(("a_format", "a_zero"), [("bitmask", "skip"), ("coo", "gate"), ("dense", "compute")])
def test_product_for_formats_and_zeros_of_b(
    dataflow: str, b_format: str, b_zero: str, a_format: str, a_zero: str
) -> None:
    design = replace(BASE, dataflow=dataflow, a_format=a_format, a_zero=a_zero, b_format=b_format, b_zero=b_zero)
    if illegal(design, b_is_dense=False):
        return
    a, b = sparse(6, 9, 0.25, 3), sparse(9, 5, 0.3, 4)
    orders = LOOP_ORDERS if a_format == "bitmask" else LOOP_ORDERS[1::3]
    for order, residency in zip(orders, "abbaab", strict=False):
        check_laws(go(a, b, 5, replace(design, loop_order=order, residency=residency)), a, b, 5)


@pytest.mark.parametrize(("unit", "schedule"), list(product(INTERSECTIONS, SCHEDULES)))
def test_product_for_intersections_and_schedules(unit: str, schedule: str) -> None:
    design = replace(BASE, intersection=unit, schedule=schedule, dataflow="inner_product")
    design = replace(design, a_format="csr", a_zero="skip", b_format="csc", b_zero="skip")
    a, b = sparse(11, 13, 0.3, 5), sparse(13, 9, 0.2, 6)
    check_laws(go(a, b, 9, design), a, b, 9)


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
            assert outcome.cycles == outcome.fill_cycles == 100 + 2 + 2 + 16


# Dense limit: hand calculation. A 8 x 8 times B 8 x 8 in tiles of 4: eight visits, all alike; L = 2, W = 4 lanes.


@pytest.mark.parametrize(
    ("dataflow", "residency", "column_passes", "compute"),
    [
        # 4 accumulators, 2 x 4 outputs a PE row over 2 PEs of it: 1 pass; 2 rows x 4 positions x 1 step.
        ("gustavson", "a", 1, 8),
        # a PE column holds 64 bits of B in 256: 1 pass.
        ("gustavson", "b", 1, 8),
        # 2 rows of a PE row x 1 column of a lane x 4 MACs.
        ("inner_product", "a", 1, 8),
        ("inner_product", "b", 1, 8),
        # 16 outputs in 16 accumulators; 4 columns of A x 2 slices of 2 rows x 1.
        ("outer_product", "a", 1, 8),
    ],
)
def test_dense_limit(dataflow: str, residency: str, column_passes: int, compute: int) -> None:
    a = sparse(8, 8, 1.0, 9)
    outcome = go(a, None, 8, replace(BASE, dataflow=dataflow, residency=residency))
    assert outcome.visits == 8
    assert outcome.computes == {"effectual": 512, "ineffectual": 0, "gated": 0, "skipped": 0}
    assert outcome.resource_cycles["compute"] == 8 * compute
    assert outcome.resource_cycles["intersect"] == 0
    assert outcome.resource_cycles["index_bus"] == 0
    # Each visit: A and B tiles of 16 values, 16 results of 32 bits.
    assert outcome.traffic["value_bus_bytes"] == 8 * (16 + 16 + 64)
    assert outcome.resource_cycles["value_bus"] == 8 * 96 * 8 / 32
    # mkn: A is fetched at each (m, k), B and Z at each visit; each Z tile leaves once as words and once as values.
    assert outcome.traffic["dram_a_bytes"] == 64
    assert outcome.traffic["dram_b_bytes"] == 8 * 16
    assert outcome.traffic["dram_z_read_bytes"] == 4 * 64
    assert outcome.traffic["dram_z_write_bytes"] == 4 * (64 + 16)
    # GLB: operands out, results in and read back to be added, fills in, evictions out.
    assert outcome.traffic["glb_read_bytes"] == 8 * (32 + 64) + 4 * 80
    assert outcome.traffic["glb_write_bytes"] == 8 * 64 + 64 + 128 + 256
    assert outcome.resource_cycles["glb"] == (1088 + 960) * 8 / 128
    assert outcome.resource_cycles["dram"] == (64 + 128 + 256 + 320) * 8 / 64
    # Value bus 24 in each visit; DRAM of a first k: 8 + 16 + 64 bytes of 8 a cycle; GLB less.
    assert outcome.bound_cycles["value_bus"] == 192
    assert outcome.cycles == 192 + 120
    # Half the GLB is 2048 bytes: 16 + 16 + 64 needed.
    assert outcome.fits["glb"] == 96 / 2048
    assert outcome.actions["pe_buffer_read_bits"] == 8 * (64 * 8 + 16 * 2 * column_passes * 8)
    assert outcome.actions["pe_buffer_write_bits"] == 8 * (16 * 8 * 2 + 16 * 8 * 2)
    assert outcome.actions["accumulator_accesses"] == (8 * 16 if dataflow == "inner_product" else 2 * 512)
    assert outcome.actions["crossbar_words"] == (512 if dataflow == "outer_product" else 0)
    assert outcome.actions["decoded_entries"] == outcome.actions["intersection_steps"] == 0


@pytest.mark.parametrize(
    ("dataflow", "residency", "compute", "a_sent", "b_sent"),
    [
        # One word a PE: 2 rows x 4 columns over 2 PEs is 4 passes of 1 column; 8 positions x 4.
        ("gustavson", "a", 32, 16, 16),
        # 4 columns over 2 PEs: 2 passes of 2 columns; 8 positions x 2. A is sent twice.
        ("gustavson", "b", 16, 32, 16),
        # 4 rows x 4 columns over 4 words: 4 passes of 1 column; 4 x 2 x 4.
        ("outer_product", "b", 32, 64, 16),
        ("inner_product", "a", 8, 16, 16),
    ],
)
def test_few_accumulators_take_column_passes(
    dataflow: str, residency: str, compute: int, a_sent: int, b_sent: int
) -> None:
    design = replace(BASE, dataflow=dataflow, residency=residency, accumulator_bytes=4)
    outcome = go(sparse(4, 4, 1.0, 10), None, 4, design)
    assert outcome.visits == 1
    assert outcome.resource_cycles["compute"] == compute
    assert outcome.traffic["value_bus_bytes"] == a_sent + b_sent + 64
    assert outcome.fits["accumulator"] == {("gustavson", "a"): 2, ("outer_product", "b"): 1}.get(
        (dataflow, residency), 0
    )


def test_small_pe_buffer_takes_fills_or_passes() -> None:
    a = sparse(4, 4, 1.0, 11)
    design = replace(BASE, pe_buffer_bytes=6)  # half: 24 bits
    # B: 2 columns of 32 bits in a PE column: ceil(64 / 24) = 3 passes of 2 columns; one column does not fit.
    held = go(a, None, 4, design)
    assert held.resource_cycles["compute"] == 8 * 3
    assert held.traffic["value_bus_bytes"] == 3 * 16 + 16 + 64
    assert held.fits["pe_buffer"] == 32 / 24
    # A: 2 rows of 32 bits in a PE row: 3 fills, B streamed for each.
    queued = go(a, None, 4, replace(design, residency="a"))
    assert queued.resource_cycles["compute"] == 8
    assert queued.traffic["value_bus_bytes"] == 16 + 3 * 16 + 64
    assert queued.fits["pe_buffer"] == 0


def test_sparse_visit_by_hand() -> None:
    """The 3 x 4 example times a dense B of 4 columns, one tile, Gustavson with B resident and skipping CSR."""
    design = replace(BASE, a_format="csr", a_zero="skip")
    outcome = go(EXAMPLE, None, 4, design)
    # Rows 0 and 1 on PE row 0, row 2 on PE row 1: two entries of one step.
    assert outcome.resource_cycles["compute"] == outcome.resource_cycles["intersect"] == 2
    # Rows 0, 1, 3 of B are touched: 12 bytes; 3 values of A; 2 non-empty rows of 4 words.
    assert outcome.traffic["value_bus_bytes"] == 12 + 3 + 32
    # 3 coordinates of 2 bits, 4 pointers of 2 + 2 + 1 bits.
    assert outcome.traffic["index_bus_bytes"] == 26 / 8
    # All of A with its directory entry, all of B, all of Z.
    assert outcome.traffic["dram_a_bytes"] == (24 + 26 + 64) / 8
    assert outcome.traffic["dram_b_bytes"] == 16
    assert outcome.traffic["dram_z_write_bytes"] == 12
    assert outcome.computes == {"effectual": 12, "ineffectual": 0, "gated": 0, "skipped": 36}
    assert outcome.actions["pe_buffer_read_bits"] == 12 * 8 + 3 * 2 * (8 + 2)
    gated = go(EXAMPLE, None, 4, replace(design, a_zero="gate"))
    assert gated.computes == {"effectual": 12, "ineffectual": 0, "gated": 36, "skipped": 0}
    assert gated.resource_cycles["compute"] == 8
    assert gated.resource_cycles["intersect"] == 0


def test_two_by_two_sparse_sparse_by_hand() -> None:
    a, b = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 5.0]])
    design = replace(BASE, a_format="coo", a_zero="skip", b_format="coo", b_zero="skip", tile_m=2, tile_k=2, tile_n=2)
    for dataflow in DATAFLOWS:
        outcome = go(a, b, 2, replace(design, dataflow=dataflow))
        assert outcome.computes == {"effectual": 3, "ineffectual": 0, "gated": 0, "skipped": 5}
        # Rows of A touch both rows of B; 3 distinct outputs of 32 bits with a 1-bit coordinate.
        assert outcome.traffic["value_bus_bytes"] == 3 + 2 + 12
        assert outcome.traffic["index_bus_bytes"] == (3 * 2 + 2 * 2 + 3 * 1) / 8
        # Z: 3 values with a coordinate, 2 pointers of 1 + 1 + 1 bits.
        assert outcome.traffic["dram_z_write_bytes"] == (3 * (8 + 1) + 2 * 3) / 8
        # Row 0 meets a column of one entry twice; the outer product takes both columns of A in one slice.
        assert outcome.resource_cycles["compute"] == {"inner_product": 1, "gustavson": 2, "outer_product": 2}[dataflow]
        # At least 3 products in the row block, 4 outputs: 3 words of 32 + 1 + 1 bits.
        assert outcome.fits["glb"] == (3 * 10 + 2 * 10 + 3 * 34) / (4096 * 4)
    inner = go(a, b, 2, replace(design, dataflow="inner_product"))
    # Pairs: (0,0) 2+1-1+1, (0,1) the same, (1,0) 1+1-0+1, (1,1) 1+1-1+1 two-finger steps.
    assert inner.actions["intersection_steps"] == 3 + 3 + 3 + 2
    # The slowest PE row decodes 2 entries and takes 3 steps.
    # Decoder (2) and intersection (3) are pipelined.
    assert inner.resource_cycles["intersect"] == max(2, 3)


def test_sparse_partial_results_are_appended_and_merged() -> None:
    a, b = np.ones((2, 2)), np.ones((2, 2))
    design = replace(BASE, a_format="coo", a_zero="skip", b_format="coo", b_zero="skip")
    design = replace(design, tile_m=1, tile_k=1, tile_n=2, loop_order="kmn")
    outcome = go(a, b, 2, design)
    # Four visits of two outputs, each a word and 1 + 1 bits of coordinates; 4 results of 8 + 1 bits, 2 pointers of 2.
    assert outcome.traffic["dram_z_read_bytes"] == 8 * 34 / 8
    assert outcome.traffic["dram_z_write_bytes"] == (8 * 34 + 4 * 9 + 2 * 2) / 8
    stays = go(a, b, 2, replace(design, loop_order="mkn"))
    assert stays.traffic["dram_z_read_bytes"] == 0
    assert stays.traffic["dram_z_write_bytes"] == (4 * 9 + 2 * 2) / 8


def test_column_passes_of_a_sparse_b_by_hand() -> None:
    a, b = np.ones((1, 1)), np.array([[1.0, 2, 3, 4, 5, 0, 0, 0]])
    design = replace(BASE, a_format="coo", a_zero="skip", b_format="coo", b_zero="skip", tile_m=1, tile_k=1, tile_n=8)
    design = replace(design, accumulator_bytes=4)
    outcome = go(a, b, 8, design)
    # One word a PE, 2 PEs: 4 passes of 2 columns hold 2, 2, 1 and 0 entries; A is sent and decoded in each.
    assert outcome.resource_cycles["compute"] == 3
    assert outcome.resource_cycles["intersect"] == 4
    # The entry of A in 4 passes by 2 PEs of its row, the 5 of B by 2 PEs of each column.
    assert outcome.actions["decoded_entries"] == 4 * 2 + 5 * 2
    assert outcome.traffic["value_bus_bytes"] == 4 * 1 + 5 + 5 * 4
    # B is 5 x (8 + 1 + 3) bits, a column of it on average 60 / 8, half a PE buffer 256.
    assert outcome.fits["pe_buffer"] == 60 / 8 / 256
    assert go(a, b, 8, replace(design, b_zero="gate")).resource_cycles["compute"] == 4
    # All columns are of one entry or none: four lanes, two columns each.
    inner = go(a, b, 8, replace(design, dataflow="inner_product", intersection="leader_follower"))
    assert inner.resource_cycles["compute"] == 2
    assert inner.resource_cycles["intersect"] == max(1, 2)
    assert inner.actions["intersection_steps"] == 5


def test_a_fetch_is_spread_over_its_stay() -> None:
    """A stays for both visits, a first of a wide B tile and a second of a narrow one."""
    a = sparse(4, 4, 1.0, 17)
    outcome = go(a, None, 6, replace(BASE, value_bus_bits=10**6, glb_banks=10**6), bandwidth=1.0)
    # A 128 bits in halves; B 16 and 8 values, Z as many.
    assert outcome.resource_cycles["dram"] == outcome.bound_cycles["dram"] == 128 + 2 * 128 + 2 * 64
    half_hidden = go(a, None, 6, replace(BASE, value_bus_bits=2, glb_banks=10**6), bandwidth=1.0)
    # Value bus of the second: (128 + 64 + 8 x 32) / 2 = 224 > 64 + 64 + 64; of the first (256 + 512) / 2 > 64 + 256.
    assert half_hidden.bound_cycles["value_bus"] == 384 + 224


# Tiles and residence.


@pytest.mark.parametrize(
    ("order", "a", "b", "z"),
    # 2 x 3 x 4 trips along m, k, n: tiles 6, 12, 8, visits 24.
    [
        ("mkn", 6, 24, 24),
        ("mnk", 24, 24, 8),
        ("kmn", 6, 24, 24),
        ("knm", 24, 12, 24),
        ("nmk", 24, 24, 8),
        ("nkm", 24, 12, 24),
    ],
)
def test_fetches_of_each_loop_order(order: str, a: int, b: int, z: int) -> None:
    trips = {"m": 2, "k": 3, "n": 4}
    assert [fetches(order, trips, operand) for operand in "abz"] == [a, b, z]
    assert stays_until_complete(order, trips) == (z == 8)
    matrix = sparse(2, 3, 1.0, 12)
    outcome = go(matrix, None, 4, replace(BASE, tile_m=1, tile_k=1, tile_n=1, loop_order=order))
    assert outcome.traffic["dram_a_bytes"] == pytest.approx(a)
    assert outcome.traffic["dram_b_bytes"] == pytest.approx(b)
    assert (outcome.traffic["dram_z_read_bytes"] == 0) == (z == 8)


@pytest.mark.parametrize(
    ("order", "trips", "expected"),
    [
        ("mkn", (2, 3, 1), (6, 6, 2)),
        ("kmn", (2, 3, 1), (6, 3, 6)),
        ("nkm", (2, 1, 4), (8, 4, 8)),
        ("nmk", (1, 1, 4), (1, 4, 4)),
        ("nmk", (1, 3, 4), (12, 12, 4)),
        ("knm", (1, 3, 1), (3, 3, 1)),
        ("mkn", (2, 1, 1), (2, 1, 2)),
    ],
)
def test_loops_of_one_trip_do_not_evict(order: str, trips: tuple, expected: tuple) -> None:
    counts = dict(zip("mkn", trips, strict=True))
    assert tuple(fetches(order, counts, operand) for operand in "abz") == expected


def test_visits_skip_empty_tiles_of_compressed_formats() -> None:
    a = np.zeros((8, 8))
    a[0, 0] = a[5, 6] = 1.0
    assert go(a, None, 8, BASE).visits == 8
    assert go(a, None, 8, replace(BASE, a_format="csr", a_zero="gate")).visits == 4
    outcome = go(a, None, 8, replace(BASE, a_format="csr", a_zero="skip"))
    assert outcome.traffic["dram_a_bytes"] == 2 * (8 + 2 + 5 * 5 + 64) / 8
    assert [list(range(*s.indices(10))) for s in cut(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [tuple(visit) for visit in walk("nkm", {"m": 2, "k": 1, "n": 2})] == [
        (0, 0, 0),
        (1, 0, 0),
        (0, 0, 1),
        (1, 0, 1),
    ]


# Storage.


@pytest.mark.parametrize(
    ("stored_as", "values", "metadata"),
    [
        ("dense", 12, 0),
        ("bitmask", 3, 12),
        ("rle", 3, 3 * 4 + 4 * 5),
        ("csr", 3, 3 * 2 + 4 * 5),
        ("csc", 3, 3 * 2 + 5 * 5),
        ("coo", 3, 3 * 4),
        ("nm4", 6, 6 * 2),
        ("nm8", 6, 6 * 3),
    ],
)
def test_storage_bits_by_hand(stored_as: str, values: int, metadata: int) -> None:
    encoded = encode(EXAMPLE, stored_as, widths_of(8, 4, 4), occupancy=2)
    assert (encoded.value_bits, encoded.metadata_bits) == (values * 8, metadata)


@pytest.mark.parametrize("stored_as", FORMATS)
def test_decoding_gives_the_tile_back(stored_as: str) -> None:
    for shape, density in product([(1, 1), (3, 4), (5, 40), (16, 9)], [0.0, 0.05, 0.5, 1.0]):
        tile = sparse(*shape, density, 13)
        occupancy = fullest_group([tile], 8 if stored_as == "nm8" else 4)
        rebuilt = np.zeros(shape)
        entries = decode(encode(tile, stored_as, widths_of(8, *shape), occupancy))
        for i, j, value in entries:
            assert rebuilt[i, j] == 0
            rebuilt[i, j] = value
        np.testing.assert_array_equal(rebuilt, tile)


@pytest.mark.parametrize(("gap", "padding"), [(0, 0), (15, 0), (16, 1), (31, 1), (32, 2)])
def test_rle_padding(gap: int, padding: int) -> None:
    row = np.zeros((1, 40))
    row[0, gap] = 1.0
    tile = Tile(row, "rle", "skip", widths_of(8, 1, 40), 0)
    assert len(tile.worked) == 1 + padding
    assert [entry[1] for entry in tile.worked if entry[3]] == [15 + 16 * p for p in range(padding)]
    assert tile.encoded.bits == (1 + padding) * (8 + 4) + 2 * 7
    design = replace(BASE, tile_k=64, a_format="rle", a_zero="skip", pe_buffer_bytes=1024)
    outcome = go(row, None, 4, design)
    assert outcome.resource_cycles["compute"] == 1 + padding
    assert outcome.computes["gated"] == 4 * padding


def test_two_of_four_pattern_fills_its_slots() -> None:
    row = np.array([[1.0, 0, 2, 0, 0, 3, 4, 0]])
    assert fullest_group([row], 4) == 2
    encoded = encode(row, "nm4", widths_of(8, 1, 8), 2)
    assert encoded.values == [1, 2, 3, 4]
    assert [number for number, _ in encoded.fields] == [0, 2, 1, 2]


# Schedules and intersections.


def test_schedules_by_hand() -> None:
    assert deal([1] * 5, 2, "row_blocks") == [[0, 1, 2], [3, 4]]
    assert deal([1] * 5, 2, "cyclic") == [[0, 2, 4], [1, 3]]
    # 7 | 5 | 4 -> to 5 (9) | 3 -> to 7 (10) | 2 -> to 9 (11)
    assert deal([3, 7, 2, 5, 4], 2, "balanced") == [[1, 0], [3, 4, 2]]
    assert sorted(map(len, deal([0] * 6, 3, "balanced"))) == [2, 2, 2]
    assert deal([1, 1], 4, "row_blocks") == [[0], [], [1], []]


@pytest.mark.parametrize(
    ("row", "column", "two_finger", "leader", "skip_ahead", "bitmask"),
    [
        ([0, 2, 5], [2, 3, 5], 5, 3, 2, 3),  # 0 jumps onto 2, 3 jumps onto 5: no change of sides without a match
        ([0, 1, 2], [4, 5], 6, 3, 1, 1),
        ([1, 4], [2, 3], 5, 2, 2, 1),
        ([1, 5], [3, 5], 4, 2, 2, 2),
        ([3], list(range(8)), 9, 1, 1, 2),
        ([0, 3, 7], list(range(8)), 9, 3, 3, 4),
        ([], [1], 0, 0, 0, 0),
    ],
)
def test_intersection_steps_by_hand(
    row: list, column: list, two_finger: int, leader: int, skip_ahead: int, bitmask: int
) -> None:
    steps = [intersect(unit, row, column, 8) for unit in ("two_finger", "leader_follower", "skip_ahead", "bitmask")]
    assert steps == [two_finger, leader, skip_ahead, bitmask]


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


def test_illegal_combinations_are_refused() -> None:
    for change in ({"a_zero": "skip"}, {"a_format": "csc"}, {"b_format": "csr"}, {"accumulator_bytes": 2}):
        with pytest.raises(ValueError, match=r"dense|walk|accumulator"):
            go(EXAMPLE, None, 4, replace(BASE, **change))
