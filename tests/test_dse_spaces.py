"""Design spaces and encodings: everything they make is legal, canonical and reads back."""

import numpy as np
import pytest

from dse import DesignSpace, Encoding, default_space, describe, parse_fixes, read_space
from dse.space.encoding import KernelShape, batch_of, design_of
from dse.space.neighbours import hardware_neighbours, mapping_neighbours
from hwmodels.design.choices import DATAFLOWS, FORMATS
from hwmodels.design.hardware import CAPABILITY_OF
from hwmodels.design.legality import canonical, illegality, legal_formats, legal_zero_modes
from workloads.errors import InputError

KERNELS = [KernelShape("conv", "dense_b", 100, 300, 32), KernelShape("graph", "sparse_b", 64, 64, 64)]


def small(**fixes) -> DesignSpace:
    return default_space().fix(
        loop_order=["mkn", "nmk"], a_format=["csr", "csc", "dense"], b_format=["csr", "dense"], **fixes
    )


def test_every_default_parameter_has_a_source():
    assert all(parameter.source for parameter in default_space().parameters)


def test_random_rows_are_legal_and_canonical():
    encoding = Encoding(default_space(), KERNELS)
    rows = encoding.random(np.random.default_rng(0), 300)
    assert (rows >= 0).all()
    assert (rows < encoding.radix).all()
    for row in rows:
        design = encoding.design(row)
        for mapping, kernel in zip(design.mappings, KERNELS, strict=True):
            assert illegality(mapping, kernel.family) is None
            assert canonical(mapping, kernel.family) == mapping
        assert design.checked(("dense_b", "sparse_b")) == design


def test_genomes_round_trip_through_words():
    encoding = Encoding(default_space(), KERNELS)
    for row in encoding.random(np.random.default_rng(1), 50):
        np.testing.assert_array_equal(encoding.genome(encoding.design(row)), row)


def test_batches_of_genomes_and_of_words_agree():
    encoding = Encoding(small(), KERNELS)
    rows = encoding.random(np.random.default_rng(2), 20)
    designs = [encoding.design(row) for row in rows]
    one, other = encoding.batch(rows), batch_of(designs)
    assert [design_of(one, row, designs[0].kernels) for row in range(len(rows))] == designs
    for name in ("hardware", "intersection", "tiles", "dataflow", "choices"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.capabilities(), other.capabilities())


def test_capabilities_cover_exactly_what_the_mappings_use():
    encoding = Encoding(default_space(), KERNELS)
    row = encoding.random(np.random.default_rng(3), 1)
    hardware, mappings = encoding.design(row[0]).build()
    vectors = [hardware.dataflows, *(getattr(hardware, name) for name in CAPABILITY_OF.values())]
    expected = np.concatenate([np.asarray(vector) for vector in vectors])
    np.testing.assert_array_equal(encoding.batch(row).capabilities()[0], expected)
    assert {m.dataflow for m in mappings} == {d for d, on in zip(DATAFLOWS, hardware.dataflows, strict=True) if on}


def test_tiles_stop_at_the_kernel():
    encoding = Encoding(default_space(), KERNELS)
    assert encoding.genes[encoding.column(0, "tile_m")].values[-1] == 128
    assert encoding.genes[encoding.column(0, "tile_n")].values == (1, 2, 4, 8, 16, 32)


def test_neighbours_are_legal_and_one_step_away():
    encoding = Encoding(small(), KERNELS)
    for row in encoding.random(np.random.default_rng(4), 20):
        for step in hardware_neighbours(encoding, row):
            assert (step != row).sum() == 1
        for kernel in range(2):
            steps = mapping_neighbours(encoding, row, kernel)
            assert len(np.unique(steps, axis=0)) == len(steps)
            for step in steps:
                assert illegality(encoding.design(step).mappings[kernel], KERNELS[kernel].family) is None
                assert (encoding.of_kernel[step != row] == kernel).all()


def test_legality_table():
    assert "csc" not in legal_formats("gustavson", "a", "dense_b")
    assert set(FORMATS) - set(legal_formats("outer_product", "a", "sparse_b")) == {"csr", "rle", "bcsr"}
    assert set(FORMATS) - set(legal_formats("inner_product", "b", "sparse_b")) == {"csr", "rle", "bcsr"}
    assert legal_formats("inner_product", "b", "dense_b") == ("dense",)
    assert "skip" not in legal_zero_modes("dense", "a", "sparse_b")
    assert legal_zero_modes("dense", "b", "dense_b") == ("compute",)


def test_fix_holds_one_value_for_all_or_for_one_kernel():
    space = default_space().fix(**parse_fixes(["pe_rows=12", "conv.tile_m=64", "lanes=1,2"]))
    assert space["pe_rows"].values == (12.0,)
    encoding = Encoding(space, KERNELS)
    assert encoding.genes[encoding.column(0, "tile_m")].values == (64.0,)
    assert len(encoding.genes[encoding.column(1, "tile_m")].values) > 1
    assert describe(encoding.design(encoding.random(np.random.default_rng(0), 1)[0]))["pe_rows"] == 12.0


@pytest.mark.parametrize(
    ("fixes", "part"),
    [
        (["pe_rows"], "NAME=VALUE"),
        (["pe_rows=1", "pe_rows=2"], "twice"),
        (["rows=1"], "no parameter 'rows'"),
        (["pe_rows=0"], "whole number"),
        (["pe_rows=nan"], "whole number"),
        (["a_format=zip"], "choose one of"),
        (["conv.pe_rows=4"], "belongs to the hardware"),
    ],
)
def test_bad_fixes_are_told_in_one_sentence(fixes, part):
    with pytest.raises(InputError, match=part) as caught:
        default_space().fix(**parse_fixes(fixes))
    assert "\n" not in str(caught.value)


def test_spaces_without_a_legal_mapping_are_refused():
    with pytest.raises(InputError, match="No legal mapping"):
        Encoding(default_space().fix(dataflow="gustavson", a_format="csc"), KERNELS)
    with pytest.raises(InputError, match="not one of"):
        Encoding(default_space().fix(**{"other.tile_m": 64}), KERNELS)


def test_space_files(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        "[pe_rows]\nlow = 4\nhigh = 16\n[pe_cols]\nlow = 2\nhigh = 8\nstep = 3\n[lanes]\nvalues = [3, 1]\n"
        "[a_zero]\nfixed = 'skip'\n[kernel.conv.tile_k]\nvalues = [32, 64]\n"
    )
    space = read_space(path)
    assert space["pe_rows"].values == (4, 8, 16)
    assert space["pe_cols"].values == (2, 5, 8)
    assert space["lanes"].values == (1, 3)
    assert space["a_zero"].values == ("skip",)
    assert space.values("tile_k", "conv") == (32, 64)


def test_a_long_array_of_decimals_is_not_nested(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(f"[pe_rows]\nvalues = [{', '.join(f'{one}.0' for one in range(1, 301))}]\n")
    assert read_space(path)["pe_rows"].values == tuple(range(1, 301))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[pe_rows", "not valid TOML"),
        ("[rows]\nfixed = 1", "no parameter"),
        ("[pe_rows]\nlow = 8\nhigh = 4", "swap"),
        ("[pe_rows]\nlow = 'a'", "not a number"),
        ("[pe_rows]\nhigh = inf", "not a number of at least 1 and at most 1,048,576"),
        ("[pe_rows]\nvalues = [inf]", "not a whole number"),
        ("[pe_rows]\nfixed = " + "9" * 400, "not a whole number"),
        ("[pe_rows]\nfixed = " + "9" * 5000, "not valid TOML"),
        ("[pe_rows]\nfixed = " + "[" * 5000, "nested too deeply"),
        ("[" + "a." * 50_000 + "a]\n" + "x = 1\n" * 9, "nested too deeply"),
        ("#" * 300_000, "at most 262,144"),
        ("[pe_rows]\nhigh = 1e6\nstep = 1", "make 1,000,000 values"),
        ("[pe_rows]\ntop = 4", "field 'top' is unknown"),
        ("[pe_rows]\nvalues = 4", "must be a list"),
        ("[pe_rows]\nvalues = []", "at least one"),
        ("[a_format]\nlow = 1", "no bounds"),
        ("pe_rows = 4", "must be a table"),
        ("kernel = 1", "must hold tables"),
        ("[kernel.conv.pe_rows]\nfixed = 1", "belongs to the hardware"),
    ],
)
def test_bad_space_files_are_told_in_one_sentence(tmp_path, text, part):
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=part) as caught:
        read_space(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        read_space(tmp_path / "missing.toml")
