"""The sparsity report, run as a user runs it: what it writes, and that its numbers are those of the matrices."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from matplotlib.image import imread
from scipy.sparse import csr_array

from dse import Design
from dse.mapper import MappedKernel
from experiments import sparsity_report
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.sparsity.bits import bounds, dense_bits, format_bits
from experiments.common.sparsity.figure import cell_densities
from experiments.common.sparsity.inputs import subjects_of
from experiments.common.sparsity.saving import DEFAULT_HARDWARE, HeldHardware, Saving
from hwmodels.design.choices import FORMATS
from hwmodels.formats.comparison import best_format, matrix_bits
from workloads import generators
from workloads.structure import describe_structure


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense matrix, a pruned layer and a file that says what it is."""
    folder = tmp_path_factory.mktemp("inputs")
    scipy.sparse.save_npz(folder / "full.npz", csr_array(np.ones((48, 64))))
    scipy.sparse.save_npz(folder / "half.npz", generators.n_of_m(96, 128, 2, 4, 0))
    thin = generators.uniform(128, 128, 0.03, 0).tocoo()
    lines = [f"{row + 1} {column + 1}" for row, column in zip(thin.row, thin.col, strict=True)]
    head = f"%%MatrixMarket matrix coordinate pattern general\n% pruned layer of a test\n128 128 {thin.nnz}\n"
    (folder / "thin.mtx").write_text(head + "\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def report(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    specs = [f"{inputs / 'full.npz'}@spmm:16", f"{inputs / 'half.npz'}@spmm:16", f"{inputs / 'thin.mtx'}@spmm:16"]
    args = [*specs, "--smoke", "--out", str(out)]
    assert main(sparsity_report.run, sparsity_report.Config, args) == 0
    return out


def test_one_row_a_kernel_with_what_is_found(report: Path):
    full, half, thin = rows_of(report / "report.csv")
    assert [row["a_structure"].split(", ")[0] for row in (full, half, thin)] == ["dense", "N:M", "uniform"]
    assert [row["a_origin"] for row in (full, half, thin)] == ["unknown", "induced", "induced"]
    assert "pruned layer of a test" in thin["a_evidence"]
    assert [float(row["a_zeros_percent"]) for row in (full, half)] == [0, 50]
    assert float(half["bound_multiplies"]) == 2
    assert float(half["a_row_max_over_mean"]) == 1
    assert {half["a_best_format"], thin["a_best_format"]} <= set(FORMATS)
    assert float(half["a_bits_per_nonzero_nm4"]) == pytest.approx(10, abs=0.1), "8 bits and two of position"


def test_savings_are_those_of_zeros(report: Path):
    full, half, thin = rows_of(report / "report.csv")
    assert full["sparsity_pays"] == "False"
    assert float(full["expected_latency_saving"]) == float(full["expected_energy_saving"]) == 1
    products = {row["kernel"]: float(row["sparse_latency_s"]) * float(row["sparse_energy_pj"]) for row in (half, thin)}
    for row in (half, thin):
        assert row["sparsity_pays"] == "True"
        assert products[row["kernel"]] < float(row["dense_latency_s"]) * float(row["dense_energy_pj"])
        assert float(row["expected_latency_saving"]) == pytest.approx(
            float(row["dense_latency_s"]) / float(row["sparse_latency_s"]), rel=1e-5
        )


def test_pictures_text_and_provenance(report: Path):
    text = (report / "report.md").read_text()
    for row in rows_of(report / "report.csv"):
        assert row["kernel"] in text
        assert f"({row['a_picture']})" in text
        pixels = imread(report / row["a_picture"])[::4, ::4, :3]
        assert min(pixels.shape[:2]) >= 150
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    record = (report / "provenance.json").read_text()
    assert json.loads(record)["script"] == "experiments/sparsity_report.py"
    assert '"/' not in record, "an absolute path"


def test_effectual_products_and_bits_of_both_operands():
    subject = subjects_of(["digits_sparse"], 0)[1]
    a, b = (subject.patterns[name].matrix for name in ("a", "b"))
    sources = [subject.patterns[name].source for name in ("a", "b")]
    assert [source and source.kind for source in sources] == ["induced", "natural"]
    stored = {name: format_bits(matrix, 8, None) for name, matrix in (("a", a), ("b", b))}
    found = bounds(subject, stored, 8)
    products = (a != 0).astype(int) @ (b != 0).astype(int)
    assert found.effectual == pytest.approx(products.sum() / np.prod(subject.kernel.shape))
    best = sum(matrix_bits(matrix, best_format(matrix)) for matrix in (a, b))
    assert found.traffic == pytest.approx((dense_bits(a, 8) + dense_bits(b, 8)) / best)
    assert {name: one.best for name, one in stored.items()} == {"a": best_format(a), "b": best_format(b)}


def test_equal_patterns_are_one():
    first, second = subjects_of(["stencil@axa", "stencil@spmv"], 0)
    assert first.patterns["a"] is first.patterns["b"] is second.patterns["a"]
    twice = subjects_of(["nm24", "nm24"], 0)
    assert twice[0].name != twice[1].name


def test_densities_are_sampled_or_told():
    subjects = subjects_of(["lenet-300-100", "llama3-8b:decode:2:4"], 0)
    assert "one sample" in subjects[0].note
    assert subjects[0].patterns["a"].matrix.shape == subjects[0].kernel.shape[:2]
    large = next(subject for subject in subjects if "windows" in subject.note)
    window = large.patterns["a"].matrix
    assert window.nnz < 300_000 < large.kernel.m * large.kernel.k
    structure = describe_structure(window)
    assert next(iter(structure.findings)) == "N:M"
    found = bounds(large, {"a": format_bits(window, 8, None)}, 8)
    assert found.effectual == pytest.approx(0.5)
    assert found.traffic == pytest.approx(1.6, rel=0.01), "8 bits of a zero or 8 + 2 of a non-zero: 16 to 10"


@pytest.mark.parametrize("shape", [(3, 5), (100, 40), (700, 530), (2, 5000)])
def test_cells_hold_every_non_zero(shape: tuple[int, int]):
    matrix = generators.uniform(*shape, 0.2, 0)
    cells = cell_densities(matrix, 64)
    assert cells.shape == tuple(min(side, 64) for side in shape)
    high, wide = (np.bincount(np.arange(side) * cut // side) for side, cut in zip(shape, cells.shape, strict=True))
    assert (cells * np.outer(high, wide)).sum() == pytest.approx(matrix.nnz)
    assert 0 <= cells.min() <= cells.max() <= 1


def test_machine_of_a_design_keeps_its_hardware_and_what_it_can_do():
    mapping = {
        "tile_m": 64.0, "tile_k": 64.0, "tile_n": 32.0, "loop_order": "mkn", "residency": "b", "columns_on": "n",
        "lanes_on": "n", "a_format": "csr",
        "b_format": "csr", "a_zero": "skip", "b_zero": "skip", "schedule": "balanced", "dataflow": "gustavson",
    }  # fmt: skip
    hardware = DEFAULT_HARDWARE | {"pe_rows": 12.0}
    machine = HeldHardware.of(Design(hardware, (mapping,), ("graph",)), "front.json:3")
    assert machine.numbers["pe_rows"] == 12
    assert machine.choices["dataflow"] == ("gustavson",)
    assert machine.choices["a_format"] == ("dense", "csr")


def test_dense_wins_where_sparse_does_not():
    fast, slow = MappedKernel({}, 1.0, 2.0, 1.0), MappedKernel({}, 2.0, 3.0, 1.0)
    assert (Saving(fast, slow, True).latency, Saving(fast, slow, True).energy) == (2.0, 1.5)
    assert Saving(slow, fast, False).latency == 1.0
    assert np.isnan(Saving(None, None, False).latency)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["missing.mtx"], ["missing.mtx", "no such path"]),
        (["stencil@dot"], ["dot", "@axa"]),
        (["--tile", "0", "4"], ["--tile", "at least 1"]),
        (["--value-bits", "65"], ["--value-bits", "64"]),
        (["--design", "missing.json:0"], ["missing.json", "does not exist"]),
    ],
)
def test_mistakes_are_one_sentence(args: list[str], words: list[str], tmp_path: Path, capsys):
    assert main(sparsity_report.run, sparsity_report.Config, [*args, "--out", str(tmp_path)]) == USAGE_ERROR
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    for word in words:
        assert word in said[0]
