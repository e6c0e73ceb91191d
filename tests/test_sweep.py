"""The sweep script: what is said of seeds and of cases, what it writes, takes up again and refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from test_dse_search import fake_problem

from dse import RandomSearch, Result, SearchOutcome, SearchTask, read_design, read_front
from experiments import sweep
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.scenario import ScenarioOptions
from experiments.common.sweep.cases import Case
from experiments.common.sweep.choices import settings_of
from experiments.common.sweep.comparison import compare
from experiments.common.sweep.text import case_rows, verdict

SMOKE = ("--smoke", "--workload", "digits", "--fix", "dataflow=gustavson")


PROBLEM = fake_problem()
"""Of cases whose designs are never built."""


def case(*fronts, workload="w", space="s", scenario="x") -> Case:
    """Seeds with these fronts of (latency, energy, area); None for one that failed."""
    outcomes = []
    for seed, front in enumerate(fronts):
        task = SearchTask(f"seed{seed}", fake_problem, RandomSearch(), 9, seed)
        if front is None:
            outcomes.append(SearchOutcome(task, None, error=f"seed{seed}: No design fits."))
        else:
            result = Result(np.arange(len(front)), np.array(front, float), 9, 0.1, "RandomSearch", seed)
            outcomes.append(SearchOutcome(task, result))
    return Case(workload, space, scenario, PROBLEM, tuple(outcomes))


FIRST = [[1.0, 10.0, 4.0], [4.0, 4.0, 2.0], [10.0, 2.0, 1.0]]


def test_equal_seeds_agree():
    same = case(FIRST, FIRST, FIRST[::-1])
    assert len(same.front) == 3
    assert same.behind.max() == 0
    np.testing.assert_array_equal(same.volumes, 1.0)
    assert verdict(same) == "seeds agree"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([[1.04, 10.0, 4.0], [4.0, 4.0, 2.0], [10.0, 2.0, 1.0]], "seeds agree"),
        ([[1.0, 10.0, 4.0], [4.6, 4.6, 2.3], [10.0, 2.0, 1.0]], "seeds differ in hypervolume"),
        ([[1.06, 10.0, 4.0], [4.0, 4.0, 2.0], [10.0, 2.0, 1.0]], "seeds differ in latency"),
        ([[1.0, 10.0, 4.0], [4.0, 4.0, 2.0]], "seeds differ in energy, area, hypervolume"),
    ],
)
def test_seeds_that_differ_are_told(changed, words):
    both = case(FIRST, changed)
    assert verdict(both) == words
    assert both.volumes[0] == 1.0
    assert both.volumes[1] < 1.0
    np.testing.assert_allclose(both.extremes[:, 3], [10e-12, min(x * y for x, y, _ in changed) * 1e-12])


def test_the_balanced_design_is_the_knee_of_all_seeds_and_whose_it_is_is_known():
    both = case([[10.0, 10.0, 10.0], [1.0, 100.0, 10.0]], [[2.0, 2.0, 2.0], [100.0, 1.0, 10.0]])
    outcome, row = both.balanced_origin
    assert (outcome.task.name, row) == ("seed1", 0)
    assert [10.0, 10.0, 10.0] not in both.front.tolist()


def test_failures_are_told_once_and_leave_the_rest():
    assert verdict(case(None, None)) == "No design fits."
    assert verdict(case(FIRST, None)) == "one seed: how far it can be trusted is not known; No design fits."
    assert verdict(case(FIRST, FIRST, None)) == "seeds agree; No design fits."
    assert case(FIRST, None).front.shape == (3, 3)


def test_differences_hold_where_they_are_larger_than_those_of_seeds():
    def scaled(latency: float, *noise: float, **labels) -> Case:
        return case(*([[latency * x * y, e, a] for x, e, a in FIRST] for y in noise), **labels)

    cases = [scaled(1.0, 1.0, 1.1, scenario="first"), scaled(0.5, 1.0, 1.2, scenario="faster")]
    cases += [scaled(1.05, 1.0, 1.1, scenario="alike"), scaled(0.1, 1.0, scenario="one seed")]
    comparisons = compare([*cases, case(None, scenario="failed"), case(FIRST, FIRST, workload="other")])
    assert [len(comparison.cases) for comparison in comparisons] == [4, 1]
    latency = comparisons[0]
    np.testing.assert_allclose(latency.ratios[:, 0], [1.0, 0.5, 1.05, 0.1])
    assert latency.holds[:, 0].tolist() == [False, True, False, False]
    assert not latency.holds[:, 1].any()
    np.testing.assert_allclose(latency.ratios[:, 1], 1.0)


def test_cases_are_compared_in_an_area_that_each_can_have():
    small, large = case(FIRST, FIRST), case(*([[[x, e, 8 * a] for x, e, a in FIRST]] * 2), scenario="y")
    (comparison,) = compare([small, large])
    knees = [one.front[one.front[:, 0] == 4.0][0, 2] for one in (small, large)]
    assert comparison.area_mm2 == max(knees) == 16.0
    assert comparison.best[0, 0] == 1.0, "all of the small ones may be used"
    assert comparison.best[1, 0] == 4.0, "and of the large ones only those in that area"


def test_rows_have_all_columns():
    rows = case_rows([case(None)], [])
    assert rows[0]["verdict"] == "No design fits."
    assert rows[0]["seeds_ended"] == 0


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweep")
    assert main(sweep.run, sweep.Config, [*SMOKE, "--out", str(out)]) == 0
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_files_of_a_sweep(done: Path):
    cases, searches = rows_of(done / "sweep.csv"), rows_of(done / "searches.csv")
    assert [row["scenario"] for row in cases] == ["16 nm, 1 GHz, 4 x LPDDR4", "7 nm, 1 GHz, 4 x LPDDR4"]
    assert [row["seed"] for row in searches] == ["0", "1"] * 2
    for at, row in enumerate(searches):
        file = read_front(done / "searches" / row["file"])
        least = [float(row[f"least_{name}"]) for name, _ in file.objectives]
        np.testing.assert_allclose(file.values.min(axis=0), least, rtol=1e-6)
        assert 0 < float(row["hypervolume_share"]) <= 1
        assert float(cases[at // 2]["least_latency_s"]) <= least[0] * (1 + 1e-6)
    for row in cases:
        design = read_design(done / "searches" / row["balanced_design"])
        assert design.hardware["pe_rows"] == float(row["balanced_pe_rows [PEs]"])
        assert row["balanced_main_dataflow"] == "gustavson"
    for name in ("sweep.png", "balanced.png"):
        pixels = imread(done / name)[:, :, :3]
        assert min(pixels.shape[:2]) >= 400
        assert 0.01 < (pixels.min(axis=2) < 0.95).mean() < 0.9
    record = json.loads((done / "provenance.json").read_text())
    assert record["script"] == "experiments/sweep.py"
    assert record["searches"] == {"searched": 4}
    assert list(record["kernels"]) == ["digits"]


def test_the_same_sweep_again_takes_what_there_is(done: Path, capsys: pytest.CaptureFixture[str]):
    before = {name: (done / name).read_bytes() for name in ("sweep.csv", "balanced.png")}
    (done / "searches" / "digits-default-7nm,1GHz,4xLPDDR4-seed1.npz").unlink()
    assert main(sweep.run, sweep.Config, [*SMOKE, "--out", str(done)]) == 0
    assert {name: (done / name).read_bytes() for name in before} == before
    said = capsys.readouterr().out
    assert "4 searches (3 from file, 1 searched)" in said
    for words in ("Do the seeds agree?", "What differs for digits", "Balanced designs", "hypervolume", "7 nm", "x0."):
        assert words in said


def test_a_cluster_writes_the_same_fronts(done: Path, tmp_path: Path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    options = {"dashboard_address": None, "worker_dashboard_address": None}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        args = [*SMOKE, "--cluster", cluster.scheduler_address, "--out", str(tmp_path)]
        assert main(sweep.run, sweep.Config, args) == 0
    assert (tmp_path / "sweep.csv").read_bytes() == (done / "sweep.csv").read_bytes()
    for file in (done / "searches").glob("*.json"):
        assert (tmp_path / "searches" / file.name).read_bytes() == file.read_bytes()


def test_a_search_that_fails_leaves_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    space = tmp_path / "tiny.toml"
    space.write_text("glb_bytes.fixed = 1024\ntile_m.fixed = 64\ntile_k.fixed = 64\ntile_n.fixed = 64\n")
    args = [
        *SMOKE,
        "--node",
        "16",
        "7",
        "--seeds",
        "1",
        "--space",
        str(space),
        "default",
        "--out",
        str(tmp_path / "out"),
    ]
    with pytest.raises(SystemExit) as stop:
        main(sweep.run, sweep.Config, args)
    assert stop.value.code == sweep.SEARCH_FAILED
    said = capsys.readouterr()
    assert "No design fits: the least glb need found is" in said.out
    assert "Traceback" not in said.out + said.err
    outcomes = {(row["space"], row["outcome"]) for row in rows_of(tmp_path / "out" / "searches.csv")}
    assert outcomes == {("tiny", "failed"), ("default", "searched")}
    assert [row["designs"] != "" for row in rows_of(tmp_path / "out" / "sweep.csv")] == [False, False, True, True]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--workload", "nobody-has-this"], ["nobody-has-this", "no such path"]),
        (["--workload"], ["--workload", "without a value"]),
        (["--workload", "digits", "digits"], ["--workload", "digits twice"]),
        (["--space", "{}/missing.toml"], ["missing.toml"]),
        (["--space", "default", "{}/wrong.toml"], ["wrong.toml", "pe_rowz"]),
        (["--space", "{}/kernel.toml"], ["nobody"]),
        (["--seeds", "0"], ["--seeds", "at least 1"]),
        (["--budget", "0"], ["--budget", "at least 1"]),
        (["--node", "16", "3"], ["--node", "at least 5 and at most 45"]),
        (["--node", "7", "7"], ["--node", "7 twice"]),
        (["--dram", "core"], ["core", "lpddr4"]),
        (["--dram", "hbm2:two"], ["hbm2:two", "TYPE:CHANNELS"]),
        (["--dram", "hbm2:0"], ["dram_channels"]),
        (["--clock-ghz", "40"], ["clock_ghz"]),
        (["--technology", "{}/missing.json"], ["missing.json"]),
        (["--max-area-mm2", "-1"], ["--max-area-mm2", "above 0"]),
        (["--fix", "pe_rowz=12"], ["pe_rowz", "pe_rows"]),
        (["--devices", "--cluster", "tcp://127.0.0.1:9"], ["--devices and --cluster"]),
        (["--cluster", "host"], ["'host' is no executor", "tcp://host:8786"]),
        (["--seed", "-1"], ["--seed"]),
        (["--out", "{}/wrong.toml/below"], ["--out", "cannot write"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_told_before_anything_is_searched(
    args: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "wrong.toml").write_text("[pe_rowz]\nlow = 1\nhigh = 8\n")
    (tmp_path / "kernel.toml").write_text("[kernel.nobody.tile_m]\nfixed = 16\n")
    args = [arg.replace("{}", str(tmp_path)) for arg in args]
    out = [] if "--out" in args else ["--out", str(tmp_path / "out")]
    assert main(sweep.run, sweep.Config, ["--smoke", *args, *out]) == USAGE_ERROR
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    for word in words:
        assert word in said[0]
    assert not list((tmp_path / "out").glob("*"))


def test_how_a_file_was_read_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("1 2\n2 3\n")
    settings_of([str(tmp_path / "a.txt")], ["default"], (), {"now": ScenarioOptions()})
    assert "nothing says whether edges are directed" in capsys.readouterr().out
