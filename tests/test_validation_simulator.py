"""The models against the simulator: which cases are drawn, and that batches and processes change nothing."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import save_npz

from experiments.common.validation import against_simulator, simulator_cases
from experiments.common.validation.simulator_cases import LATTICES, CaseTask, compare_kernel
from hwmodels import RESOURCES, evaluate, make_hardware, make_mapping
from hwmodels.design.choices import DATAFLOWS
from workloads import SparseKernel, generators, measure

SIZES = (64, 64, 64)


@pytest.fixture(scope="module")
def cases() -> list[dict]:
    """A small kernel on twelve designs."""
    kernel = SparseKernel("graph", generators.power_law_rows(60, 50, 6, 2.1, 0), None, 16)
    done = compare_kernel(CaseTask(kernel, 6, (3, 0), SIZES))
    assert done.multiplies == len(done.rows) * kernel.a.nnz * kernel.n
    return done.rows


def test_designs_cover_dataflows_on_and_off_the_lattice(cases: list[dict]):
    assert [row["lattice"] for row in cases] == [where for where in LATTICES for _ in range(6)]
    for where in LATTICES:
        assert {row["dataflow"] for row in cases if row["lattice"] == where} == set(DATAFLOWS)
    numbers = ("tile_m", "tile_k", "tile_n", "pe_rows", "pe_cols", "glb_bytes", "index_bus_bits")
    off = [np.log2([row[name] for name in numbers]) % 1 for row in cases if row["lattice"] == "off"]
    on = [np.log2([row[name] for name in numbers]) % 1 for row in cases if row["lattice"] == "on"]
    assert np.all(np.array(on) == 0)
    assert np.mean(np.array(off) > 0) > 0.5
    assert all(row["value_bits"] == 8 for row in cases)
    assert {row["bottleneck"] for row in cases} | {row["bottleneck_model"] for row in cases} <= set(RESOURCES)


def test_errors_are_those_of_the_models(cases: list[dict], tech):
    """Tables padded for larger matrices change nothing, and neither do the other designs of the batch."""
    kernel = SparseKernel("graph", generators.power_law_rows(60, 50, 6, 2.1, 0), None, 16)
    row = cases[-1]
    mapping = make_mapping(**row)
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    hardware = make_hardware(row["intersection"], [mapping], **numbers)
    cost = evaluate(hardware, mapping, measure(kernel), tech)
    np.testing.assert_allclose(float(cost.cycles), row["cycles_model"], rtol=1e-4)
    np.testing.assert_allclose(float(cost.total_energy_pj), row["energy_pj_model"], rtol=1e-4)
    assert row["cycles_error"] == pytest.approx(row["cycles_model"] / row["cycles_simulator"] - 1)


def test_widths_of_values_are_as_right_as_eight_bits():
    kernel = SparseKernel("graph", generators.power_law_rows(60, 50, 6, 2.1, 0), None, 16)
    worst: dict[int, np.ndarray] = {}
    for bits, word in ((8, 24), (4, 16), (16, 40), (32, 72)):
        done = compare_kernel(CaseTask(kernel, 40, (3, 0), SIZES, (bits,)))
        rows = [row for row in done.rows if row["lattice"] == "on"]
        assert {(row["value_bits"], row["accumulator_bits"]) for row in rows} == {(bits, word)}
        errors = np.abs([[row["cycles_error"], row["energy_pj_error"]] for row in rows])
        assert np.all(np.median(errors, axis=0) <= 0.01)
        worst[bits] = np.quantile(errors, 0.95, axis=0)
        assert np.all(worst[bits] <= worst[8] + 0.005)


@pytest.mark.parametrize(("rows", "columns"), [(40, 40), (40, 25)])
def test_products_that_are_too_large_are_cut_to_their_first_rows(rows: int, columns: int, monkeypatch):
    a = generators.uniform(rows, columns, 0.2, 0)
    whole = against_simulator.kernel_of_product("a", a)
    assert (whole.a.shape, whole.n) == (a.shape, rows)
    monkeypatch.setattr(against_simulator, "MULTIPLIES", 300)
    cut = against_simulator.kernel_of_product("a", a)
    assert whole.b is not None
    multiplies = [int(np.diff(whole.b.indptr)[kernel.a.indices].sum()) for kernel in (whole, cut)]
    assert 0 < multiplies[1] <= 300 < multiplies[0]
    assert cut.name == f"a@{'axa' if rows == columns else 'axat'} of {cut.m} rows"
    assert (cut.a != a[: cut.m]).nnz == 0
    assert cut.n == whole.n


def test_designs_that_pad_too_much_are_left_out(monkeypatch):
    kernel = SparseKernel("band", generators.banded(50, 3, 0), None, 4)
    monkeypatch.setattr(simulator_cases, "ENTRIES", kernel.a.nnz)
    done = compare_kernel(CaseTask(kernel, 8, (0, 0), SIZES))
    assert done.rows
    assert all(row["a_format"] != "rle" for row in done.rows)


def test_a_process_of_its_own_changes_nothing(cases: list[dict]):
    kernel = SparseKernel("graph", generators.power_law_rows(60, 50, 6, 2.1, 0), None, 16)
    ((at, done),) = against_simulator.results_as_done([CaseTask(kernel, 6, (3, 0), SIZES)], [0], 2)
    assert at == 0
    for mine, other in zip(done.rows, cases, strict=True):
        assert mine == other


def test_every_matrix_of_a_folder_is_compared(tmp_path: Path):
    save_npz(tmp_path / "square.npz", generators.uniform(30, 30, 0.2, 0))
    save_npz(tmp_path / "wide.npz", generators.uniform(12, 40, 0.3, 1))
    kernels, cut = against_simulator.kernels_to_compare(tmp_path, smoke=False)
    assert [kernel.name for kernel in kernels] == [
        *(f"square.npz{kernel}" for kernel in ("@spmm:64", "@axa", "@sddmm:64")),
        *(f"wide.npz{kernel}" for kernel in ("@spmm:64", "@axat", "@multiply")),
    ]
    assert [kernel.shape for kernel in kernels[:3]] == [(30, 30, 64), (30, 30, 30), (30, 64, 30)]
    assert [kernel.shape for kernel in kernels[3:]] == [(12, 40, 64), (12, 40, 12), (12, 1, 40)]
    assert cut == 0


def test_masks_that_are_too_large_are_cut_to_their_first_rows(monkeypatch):
    a = generators.uniform(40, 25, 0.2, 0)
    monkeypatch.setattr(against_simulator, "NONZEROS", 60)
    mask, product, total = against_simulator.kernels_with_mask("a", a)
    assert 0 < mask.mask.nnz <= 60 < a.nnz
    assert mask.name == f"a@sddmm:64 of {mask.m} rows"
    assert (product.kind, total.kind) == ("multiply", "add")
    assert (total.b != a[::-1][: mask.m]).nnz == 0
