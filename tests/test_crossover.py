"""Patterns at falling densities, the machines found for them, and the script that sweeps them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from matplotlib.image import imread

from experiments import sparsity_crossover
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.crossover.curves import crossing, system_curve
from experiments.common.crossover.machines import ANCHORS, KINDS, Finder
from experiments.common.crossover.patterns import density_grid, read_patterns
from hwmodels.systems import SYSTEMS, work_of
from hwmodels.systems.nvidia import Gpu
from workloads import generators

DENSITIES = [1.0, 0.5, 0.1, 0.02]


@pytest.fixture(scope="module")
def patterns():
    return read_patterns(None, 32, 64, 8, seed=3)


def test_patterns_are_nested_and_exact(patterns):
    before = None
    for density in DENSITIES:
        a = patterns.kernel(density).a
        assert a.nnz == round(density * 32 * 64)
        if before is not None:
            assert (before.multiply(a) != a).nnz == 0, "a sparser pattern is a part of the denser one"
        before = a


def test_two_of_four_keeps_at_most_two_neighbours(patterns):
    for density in DENSITIES[1:]:
        kernel = patterns.kernel(density, two_of_four=True)
        assert kernel.a.nnz == round(density * 32 * 64)
        assert work_of(kernel).fullest_of_four <= 2
    assert work_of(patterns.kernel(1.0, two_of_four=True)).fullest_of_four == 4


def test_a_file_is_thinned_from_its_own_pattern(tmp_path: Path):
    own = generators.power_law_rows(40, 50, 6, 2.3, 0)
    scipy.sparse.save_npz(tmp_path / "own.npz", own)
    patterns = read_patterns(str(tmp_path / "own.npz"), 4, 4, 8, seed=0)
    assert patterns.density == own.nnz / 2000
    thin = patterns.kernel(0.02).a
    assert thin.nnz == 40
    assert thin.multiply(own).nnz == 40, "no position is new"


def test_grid_has_the_ends_and_the_densities_people_ask_for():
    grid = density_grid(13, 1.0, 0.001)
    assert len(grid) == 13
    assert {1.0, 0.5, 0.05, 0.001} <= set(grid)
    assert grid == sorted(grid, reverse=True)


def test_crossing_is_found_between_densities():
    densities = [1.0, 0.3, 0.03, 0.01]
    falling = 0.1 / np.array(densities)  # a gain that reaches 1 at 10 %
    assert crossing(densities, falling) == pytest.approx(0.1)
    assert crossing(densities, falling * 20) == float("inf")
    assert crossing(densities, falling / 20) is None
    assert crossing(densities, np.array([2.0, 0.5, 1.0, 4.0])) == pytest.approx(0.03), "where it stays above 1"
    assert crossing(densities, np.full(4, np.nan)) is None


@pytest.fixture(scope="module")
def finder(patterns, tech):
    kernels = {family: [patterns.kernel(d, two_of_four=family) for d in DENSITIES] for family in (False, True)}
    anchors = {family: [patterns.kernel(d, two_of_four=family) for d in ANCHORS] for family in (False, True)}
    return Finder(kernels, anchors, tech, {"dataflow": "gustavson"})


HARDWARE = {"pe_rows": 4.0, "pe_cols": 2.0, "lanes": 4.0, "glb_bytes": 65536.0, "glb_banks": 4.0,
            "pe_buffer_bytes": 512.0, "accumulator_bytes": 512.0, "index_bus_bits": 32.0, "value_bus_bits": 64.0,
            "value_bits": 8.0, "accumulator_bits": 24.0, "intersection": "leader_follower"}  # fmt: skip


def test_each_density_has_the_best_of_all_mappings(finder: Finder):
    kind = next(kind for kind in KINDS if kind.name == "csr")
    machine = finder.run(kind, HARDWARE)
    problem = finder.problems[False]
    space = finder.space.fix(**kind.choices, **HARDWARE)
    rows = type(problem.encoding)(space, problem.kernels).random(np.random.default_rng(0), 400)
    bound = type(problem.encoding)(space, problem.kernels)
    scores = problem.score_designs([bound.design(row) for row in rows])
    products = np.where((scores.fits <= 1).all(axis=2), scores.latency_s * scores.energy_pj, np.inf)
    assert (machine.latency_s * machine.energy_pj <= products.min(axis=0) * 1.001).all()
    assert len({json.dumps(mapping) for mapping in machine.design.mappings}) > 1, "densities want different mappings"


def test_skipping_takes_least_and_gating_saves_only_energy(finder: Finder):
    machine = finder.run(next(kind for kind in KINDS if kind.name == "csr"), HARDWARE)
    gated, computed = finder.with_zeros(machine, "gate"), finder.with_zeros(machine, "compute")
    for at, density in enumerate(DENSITIES):
        skip, gate, compute = machine.costs[at], gated[at], computed[at]
        assert float(gate.latency_s) == float(compute.latency_s) >= float(skip.latency_s) * 0.999
        if density < 0.5:
            assert skip.energy_pj.sum() < gate.energy_pj.sum() < compute.energy_pj.sum()
        assert float(compute.computes.ineffectual) == pytest.approx((1 - density) * 32 * 64 * 8, rel=1e-3)


def test_a_dense_machine_grows_to_an_area_and_not_beyond(finder: Finder):
    dense = finder.run(KINDS[0], HARDWARE)
    assert np.ptp(dense.latency_s) == 0, "zeros make no difference to it"
    larger = finder.grown(dense, dense.area_mm2 * 1.2)
    assert dense.area_mm2 < larger.area_mm2 <= dense.area_mm2 * 1.2
    assert larger.design.hardware["pe_rows"] > 4


def test_systems_are_held_to_an_array_of_their_own_size(patterns):
    curve = system_curve(SYSTEMS["eyeriss_v2"], [patterns.kernel(d) for d in DENSITIES])
    work = work_of(patterns.kernel(0.1))
    np.testing.assert_allclose(curve.dense_latency_s, curve.dense_latency_s[0], rtol=1e-9)
    chip = SYSTEMS["eyeriss_v2"]
    assert curve.dense_latency_s[0] == pytest.approx(work.dense_multiplies / chip.peak / chip.clock_ghz * 1e-9)
    assert curve.speedup[-1] > curve.speedup[0]


def test_script_writes_curves_and_crossings(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = ["--smoke", "--size", "64", "64", "8", "--fix", "loop_order=mkn", "--out", str(tmp_path)]
    assert main(sparsity_crossover.run, sparsity_crossover.Config, args) == 0
    said = capsys.readouterr().out

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / name).open(newline="") as stream:
            return list(csv.DictReader(stream))

    machines = rows("crossover.csv")
    assert {row["machine"] for row in machines} == {kind.name for kind in KINDS} | {"dense_equal_area"}
    for row in machines:
        parts = [float(v) for k, v in row.items() if k.startswith("energy_") and k != "energy_pj"]
        assert sum(parts) == pytest.approx(float(row["energy_pj"]), rel=1e-4)
    assert {row["zeros"] for row in rows("zeros.csv")} == {"compute", "gate", "skip"}
    systems = {f"{name}_2_4" if isinstance(system, Gpu) else name for name, system in SYSTEMS.items()}
    assert {row["system"] for row in rows("systems.csv")} == {*systems, "cpu"}
    csr = next(row for row in rows("crossings.csv") if row["machine"] == "csr")
    assert 0.05 < float(csr["energy_vs_dense"]) < 1
    assert min(imread(tmp_path / "crossover.png").shape[:2]) >= 600
    assert json.loads((tmp_path / "provenance.json").read_text())["densities"][0] == 1.0
    for words in ("Density below which", "saved by skipping", "on the densest matrix", "CSR/CSC", "This CPU"):
        assert words in said


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--least", "0.2"], ["--least"]),
        (["--densities", "2"], ["--densities"]),
        (["--size", "2", "2", "2"], ["--size"]),
        (["--pattern", "nowhere.mtx"], ["nowhere.mtx"]),
        (["--fix", "pe_rowz=3"], ["pe_rowz"]),
    ],
)
def test_mistakes_are_one_sentence(args: list[str], words: list[str], tmp_path: Path, capsys):
    assert main(sparsity_crossover.run, sparsity_crossover.Config, [*args, "--out", str(tmp_path)]) == USAGE_ERROR
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in words)
