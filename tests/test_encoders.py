"""Formats that really encode: round trips, sizes by the table of docs/machine.md, and the models' sizes of matrices."""

import random
from itertools import product

import hypothesis.extra.numpy as arrays
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import built, design
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.storage import encode as reference_encode
from reference.storage import fullest_group
from reference.storage import widths_of as reference_widths
from scipy.sparse import csr_array

from hwmodels import Exact
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import point_of
from hwmodels.analytical.operand_a import describe_a
from hwmodels.design.choices import FORMATS
from hwmodels.formats.comparison import best_format, matrix_bits
from hwmodels.formats.encoders import convert, decode, encode, widths_of
from hwmodels.formats.encoders.rates import rates_of
from workloads import InputError, SparseKernel, generators, measure

TILES = arrays.arrays(
    float,
    st.tuples(st.integers(1, 9), st.integers(1, 70)),
    elements=st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5, -2.0]),
)


@settings(max_examples=60, deadline=None)
@given(TILES)
def test_every_format_gives_the_tile_back_bit_by_bit(tile: np.ndarray):
    for format in FORMATS:
        encoded = encode(tile, format)
        np.testing.assert_array_equal(decode(encoded), tile)
        bits = encoded.metadata()
        assert bits.size == encoded.metadata_bits
        np.testing.assert_array_equal(decode(encoded.with_metadata(bits)), tile)


@settings(max_examples=20, deadline=None)
@given(TILES)
def test_conversions_between_all_formats(tile: np.ndarray):
    for first, second in product(FORMATS, FORMATS):
        there = convert(encode(tile, first), second)
        again = encode(tile, second)
        assert there.bits == again.bits
        np.testing.assert_array_equal(there.metadata(), again.metadata())
        np.testing.assert_array_equal(there.values, again.values)


@settings(max_examples=60, deadline=None)
@given(TILES, st.integers(0, 3), st.integers(0, 60), st.sampled_from([4, 8, 16]))
def test_bits_equal_the_table_and_the_reference(tile: np.ndarray, more_rows: int, more_columns: int, value_bits: int):
    """In tiles at the edge too, whose widths are those of the nominal tile."""
    h, w = tile.shape
    nominal = (h + more_rows, w + more_columns)
    widths = widths_of(value_bits, *nominal)
    slots = {"nm4": fullest_group([tile], 4), "nm8": fullest_group([tile], 8)}
    for format in FORMATS:
        encoded = encode(tile, format, widths, slots=slots.get(format))
        other = reference_encode(tile, format, reference_widths(value_bits, *nominal), slots.get(format, 0))
        assert (encoded.value_bits, encoded.metadata_bits) == (other.value_bits, other.metadata_bits)
        np.testing.assert_array_equal(encoded.values, other.values)
        found = rates_of(format, widths, w, slots.get(format, 0))
        entries = encoded.values.size if format == "rle" else np.count_nonzero(tile)
        blocks = encoded.values.size // 16 if format == "bcsr" else 0
        assert found.value_bits(entries, h, blocks) == encoded.value_bits
        assert found.metadata_bits(entries, h, blocks) == encoded.metadata_bits


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (12, 8)])
def test_blocks_by_hand(shape: tuple[int, int]):
    """One non-zero in the last corner: one block of 4 x 4, one block column, a pointer a block row and the end."""
    tile = np.zeros(shape)
    tile[-1, -1] = 3.0
    encoded = encode(tile, "bcsr")
    rows, columns = -(-shape[0] // 4), -(-shape[1] // 4)
    column_bits = max(1, (columns - 1).bit_length())
    pointer_bits = (rows - 1).bit_length() + (columns - 1).bit_length() + 1
    assert encoded.value_bits == 16 * 8
    assert encoded.metadata_bits == column_bits + (rows + 1) * pointer_bits
    assert encoded.numbers("block_column").tolist() == [columns - 1]


@pytest.mark.parametrize("format", FORMATS)
def test_matrix_bits_are_those_of_its_tiles(format: str):
    matrix = generators.power_law_rows(37, 90, 4, 2.1, 0)
    dense, (rows, columns) = matrix.toarray(), (8, 32)
    widths, expected = widths_of(8, rows, columns), 0
    tiles = [dense[i : i + rows, k : k + columns] for i in range(0, 37, rows) for k in range(0, 90, columns)]
    slots = fullest_group(tiles, 8 if format == "nm8" else 4)
    for tile in tiles:
        if format == "dense":
            expected += encode(tile, format, widths).bits
        elif tile.any():
            expected += encode(tile, format, widths, slots=slots).bits + 64
    assert matrix_bits(matrix, format, tile=(rows, columns)) == expected
    whole = encode(dense, format).bits
    assert matrix_bits(dense, format) == whole + (0 if format == "dense" else 64)


@pytest.mark.parametrize(("format", "m_size", "k_size"), [(f, m, k) for f in FORMATS for m, k in [(8, 16), (32, 4)]])
def test_the_models_sizes_are_the_encoders(format: str, m_size: int, k_size: int, tech_of_bits, monkeypatch):
    """Summed over the tiles of a matrix, from statistics on the lattice; of a DRAM that rounds nothing to bursts."""
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    matrix = csr_array(generators.power_law_rows(64, 64, 5, 2.1, 3))
    statistics = measure(SparseKernel("x", matrix, None, 16))
    fields = design(random.Random(0), "outer_product" if format == "csc" else "gustavson", "dense_b")
    fields |= {"a_format": format, "a_zero": "compute", "tile_m": m_size, "tile_k": k_size}
    a = describe_a(point_of(*built(fields), statistics, tech_of_bits.solved(), Exact()))
    modelled = float(total(jnp.broadcast_to(a.fetched_bits, a.tiles.shape)))
    bits = matrix_bits(matrix, format, tile=(m_size, k_size))
    assert bits * (1 - 1e-5) <= modelled <= bits + float(total(a.tiles))


@pytest.mark.parametrize(
    ("matrix", "best"),
    [
        (np.ones((64, 64)), "dense"),
        (generators.uniform(64, 64, 0.5, 0), "bitmask"),
        (generators.n_of_m(64, 64, 1, 4, 0), "nm4"),
        (generators.uniform(512, 512, 0.002, 0), "coo"),
        (np.kron(np.eye(8), np.ones((4, 4))), "bcsr"),
    ],
)
def test_the_best_format_follows_density_and_structure(matrix, best: str):
    assert best_format(matrix) == best
    chosen = best_format(matrix)
    assert all(matrix_bits(matrix, chosen) <= matrix_bits(matrix, other) for other in FORMATS)


def test_what_cannot_be_encoded_is_refused():
    with pytest.raises(InputError, match=r"format 'ellpack' is unknown; choose one of: dense, "):
        encode(np.eye(3), "ellpack")
    with pytest.raises(InputError, match="is unknown"):
        matrix_bits(np.eye(3), "ellpack")
    with pytest.raises(InputError, match="no format to choose from"):
        best_format(np.eye(3), formats=())
    with pytest.raises(OverflowError, match="does not fit in 1 bits"):
        encode(np.eye(5), "csr", widths_of(8, 2, 2))
    with pytest.raises(OverflowError, match="2 non-zeros in a group of 1 slots"):
        encode(np.ones((1, 2)), "nm4", slots=1)
