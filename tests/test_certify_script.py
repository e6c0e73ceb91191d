"""The script that certifies a front, as a user runs it: by boxes at smoke size, by all machines in a small space."""

import csv
import json
from pathlib import Path

import pytest

from experiments import certify
from experiments.common.cli import main


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_boxes_leave_a_gap_that_falls(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(certify.run, certify.Config, ["--smoke", "--every-s", "0.01", "--out", str(tmp_path)]) == 0
    gaps = [float(row["gap"]) for row in rows_of(tmp_path / "gap.csv")]
    assert gaps == sorted(gaps, reverse=True)
    assert 0 <= gaps[-1] < gaps[0] < 1
    assert json.loads((tmp_path / "provenance.json").read_text())["gap"] == pytest.approx(gaps[-1], rel=1e-6)
    assert (tmp_path / "gap.png").exists()
    said = capsys.readouterr().out
    assert "gap at most" in said
    assert "only tested" in said  # a layer of 10 rows, which PE rows do not divide


def test_a_small_space_is_tried_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    few = {"glb_bytes": "65536", "accumulator_bytes": "1024", "a_format": "csr"}
    held = dict(fix.split("=") for fix in certify.SMOKE_FIXES) | few
    fixes = ["--fix", *(f"{name}={value}" for name, value in held.items())]
    fixes += ["--workload", "digits", "--budget", "100"]
    assert main(certify.run, certify.Config, [*fixes, "--out", str(tmp_path)]) == 0
    assert len(rows_of(tmp_path / "gap.csv")) == 1
    assert "Every machine of the space was tried" in capsys.readouterr().out


def test_time_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(certify.run, certify.Config, ["--minutes", "0", "--out", str(tmp_path)]) != 0
    assert "--minutes" in capsys.readouterr().err
