"""Published numbers beside their predictions: reading them, bars of the issue, unseen points, mistakes of a user."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import validate_published
from experiments.common.cli import main
from experiments.common.published import PUBLISHED, Bar, PublishedPoint, predictor, read_points, trimmed
from experiments.common.published.points import EMBEDDED, read_facts
from experiments.common.published.report import judged_groups, predict_all
from workloads.errors import InputError

RESULT = {
    "workload": "layer",
    "metric": "time",
    "value": 1.5,
    "unit": "us",
    "params": {},
    "source": "a paper",
    "method": "table",
    "grade": "primary",
}


def write(folder: Path, system: str, results: list, facts: tuple = ()) -> Path:
    (folder / f"{system}.json").write_text(json.dumps({"facts": list(facts), "results": results, "notes": ["unused"]}))
    return folder


def test_lists_and_tables_are_a_point_each(tmp_path: Path):
    rows = [RESULT | {"value": [1, 2.5]}, RESULT | {"value": {"a": 3, "b": None}}, RESULT | {"value": "about 2"}]
    points = read_points(write(tmp_path, "eie", rows), "eie")
    assert [(p.metric, p.params) for p in points] == [
        ("time", {"part": 0}),
        ("time", {"part": 1}),
        ("time a", {}),
        ("time", {"words": "about 2"}),
    ]
    np.testing.assert_equal([p.value for p in points], [1.0, 2.5, 3.0, np.nan])


def test_trimmed_copies_read_the_same(tmp_path: Path):
    fact = {"key": "area", "value": 2.0, "unit": "mm2", "source": "a paper", "grade": "memory", "unverified": True}
    write(tmp_path, "eie", [RESULT | {"extra": 1, "unverified": False}], (fact,))
    (tmp_path / "copy").mkdir()
    trimmed(tmp_path / "eie.json", tmp_path / "copy" / "eie.json")
    assert read_points(tmp_path, "eie") == read_points(tmp_path / "copy", "eie")
    assert [p.grade for p in read_facts(tmp_path / "copy", "eie", ("area",))] == ["memory"]
    assert "extra" not in (tmp_path / "copy" / "eie.json").read_text()


def test_bars_of_groups():
    published, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.1, 2.2, 3.6])
    bar = Bar(lambda point: True, mean=0.11, factor=1.2, rank=0.9)
    assert bar.broken(published, predicted) == []
    assert str(bar) == "mean <= 11%, each within 1.2 x, rank >= 0.9"
    assert len(bar.broken(published, predicted[::-1])) == 3
    assert replace(bar, rank=None).broken(published, -predicted)[1] == "some off by more than 1.2 x"
    assert bar.broken(published[:2], predicted[:2]) == ["rank correlation below 0.9"]


@pytest.mark.parametrize("system", ["eie", "dstc", "nvidia_a100_h100", "onyx", "technology"])
def test_bars_of_the_issue_hold(system: str):
    rows = predict_all(None, system)
    groups = judged_groups(rows)
    assert not {group.name: group.misses for group in groups if group.misses}
    assert any(group.asked for group in groups) or system == "technology"
    assert all(row.reason or row.predicted > 0 for row in rows)


@pytest.mark.parametrize("system", PUBLISHED)
def test_every_system_answers_each_metric_with_a_number_or_a_reason(system: str):
    assert (EMBEDDED / f"{system}.json").stat().st_size < 300_000
    how = predictor(system)
    points = [*read_points(None, system), *read_facts(None, system, how.facts)]
    judged = [p for p in points if p.grade != "memory" and not np.isnan(p.value)]
    for point in {p.metric: p for p in judged}.values():
        found = how.predict(point, points)
        assert found if isinstance(found, str) else np.isfinite(found), point
    unknown = PublishedPoint(system, "nowhere", "beauty", 1.0, "", {})
    assert isinstance(how.predict(unknown, points), str)


UNSEEN = {
    "eie": (
        "EIE actual time",
        {"n_in": 2048, "n_out": 1000, "weight_density": 0.12, "activation_density": 0.5},
        (2.4, 4.5),
    ),
    "dstc": ("DSTC latency", {"M": 2048, "N": 2048, "K": 2048, "A_sparsity_pct": 50, "B_sparsity_pct": 50}, (120, 200)),
    "nvidia_a100_h100": (
        "cuSPARSELt 2:4 time",
        {"m": 1024, "k": 4096, "n": 1024, "batch": 8, "dtype": "fp16"},
        (110, 250),
    ),
}


@pytest.mark.parametrize("system", UNSEEN)
def test_points_that_are_not_in_the_files(system: str, tmp_path: Path):
    metric, params, (low, high) = UNSEEN[system]
    row = RESULT | {"metric": metric, "params": params, "workload": "A100, a new layer"}
    (found,) = [r for r in predict_all(write(tmp_path, system, [row]), system) if r.point.metric == metric]
    assert low < found.predicted < high


def test_script_writes_every_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    options = ["--systems", "eie", "technology", "--out", str(tmp_path)]
    assert main(validate_published.run, validate_published.Config, options) == 0
    with (tmp_path / "published.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len([row for row in rows if row["system"] == "eie" and row["method"] != "fact"]) == 153
    assert all(bool(row["reason"]) != bool(row["predicted"]) for row in rows)
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert record["bars"]["eie: actual times"]["holds"] is True
    assert record["bars"]["eie: actual times"]["mean_error"] < 0.10
    assert (tmp_path / "published.png").stat().st_size > 10_000
    assert "holds" in capsys.readouterr().out


def test_script_fails_where_a_bar_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    params = {"n_in": 4096, "n_out": 4096, "weight_density": 0.09, "activation_density": 0.353}
    write(tmp_path, "eie", [RESULT | {"metric": "EIE actual time", "value": 40.0, "params": params}])
    with pytest.raises(SystemExit) as ended:
        main(
            validate_published.run,
            validate_published.Config,
            ["--facts", str(tmp_path), "--systems", "eie", "--out", str(tmp_path / "out")],
        )
    assert ended.value.code == validate_published.BAR_FAILED
    assert "eie, actual times: mean error above 10%" in capsys.readouterr().err


MISTAKES = {
    "no folder": (["--facts", "nowhere"], "--facts nowhere: no such folder; give one that holds"),
    "empty folder": (["--facts", "."], "holds the file of no system, as eie.json would be one"),
    "unknown system": (["--systems", "tpu"], "--systems tpu: no such system; choose from eie, dstc"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_a_sentence(mistake: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options, text = MISTAKES[mistake]
    assert main(validate_published.run, validate_published.Config, [*options, "--out", "out"]) == 2
    assert text in capsys.readouterr().err


def test_broken_files_are_told_in_a_sentence(tmp_path: Path):
    with pytest.raises(InputError, match=r"eie\.json: results\[0\]: field 'unit' is missing; complete the entry"):
        read_points(write(tmp_path, "eie", [{k: v for k, v in RESULT.items() if k != "unit"}]), "eie")
    (tmp_path / "eie.json").write_text("{")
    with pytest.raises(InputError, match=r"eie\.json: is not valid JSON"):
        read_points(tmp_path, "eie")
    with pytest.raises(InputError, match=r"dstc\.json: no such file; give --facts a folder that holds dstc\.json"):
        read_points(tmp_path, "dstc")
