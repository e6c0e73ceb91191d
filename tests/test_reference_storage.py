"""The naive reference: tiles, residence, formats, schedules and intersection units, by hand."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from reference.intersection import steps_of
from reference.schedule import deal
from reference.storage import Tile, decode, encode, fullest_group, widths_of
from reference.tiles import cut, fetches, stays_until_complete, walk
from test_reference import BASE, EXAMPLE, go, sparse

from hwmodels.design.choices import FORMATS

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
    outcome = go(matrix, None, 4, replace(BASE, tile_m=1, tile_k=1, tile_n=1, loop_order=order), burst=8)
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
    outcome = go(a, None, 8, replace(BASE, a_format="csr", a_zero="skip"), burst=1)
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
        ("bcsr", 16, 1 + 2),
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
    assert outcome.resource_cycles["compute"] == 1 + padding + 8
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
        ([0, 2, 5], [2, 3, 5], 5, 3, 2 + 4, 3),  # 0 is dropped, 2 met, 3 dropped, 5 met
        ([0, 1, 2], [4, 5], 6, 3, 2 + 1, 1),
        ([1, 4], [2, 3], 5, 2, 2 + 2, 1),
        ([1, 5], [3, 5], 4, 2, 2 + 3, 2),
        ([3], list(range(8)), 9, 1, 2 + 2, 2),
        ([7], list(range(8)), 9, 1, 2 + 3, 2),  # four coordinates at once, then three
        ([0, 3, 7], list(range(8)), 9, 3, 2 + 5, 4),
        ([], [1], 0, 0, 0, 0),
    ],
)
def test_intersection_steps_by_hand(
    row: list, column: list, two_finger: int, leader: int, skip_ahead: int, bitmask: int
) -> None:
    steps = [steps_of(unit, row, column, 8) for unit in ("two_finger", "leader_follower", "skip_ahead", "bitmask")]
    assert steps == [two_finger, leader, skip_ahead, bitmask]
