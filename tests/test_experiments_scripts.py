"""The scripts, run as a user runs them at smoke size: which files they write, and what is in them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from dse import read_design, read_front
from experiments import pareto_front, tune_pe_count, what_if
from experiments.common import pe_count
from experiments.common.cli import main

ONE_DATAFLOW = ("--fix", "dataflow=gustavson")
"""One compiled function instead of three."""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def check_figure(path: Path) -> None:
    """Large enough, and neither blank nor a flat colour."""
    pixels = imread(path)[:, :, :3]
    assert min(pixels.shape[:2]) >= 600
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    assert 0.01 < (pixels.min(axis=2) < 0.95).mean() < 0.9


def check_provenance(folder: Path, script: str) -> None:
    text = (folder / "provenance.json").read_text()
    record = json.loads(text)
    assert record["script"] == script
    assert {"python", "jax", "numpy", "scipy"} <= set(record["versions"])
    assert {"version", "commit", "changed_since"} <= set(record["project"])
    assert record["seed"] == record["configuration"]["seed"] == 0
    assert record["wall_time_s"] > 0
    assert '"/' not in text, "an absolute path"
    assert str(Path.home()) not in text
    assert sorted(record["files"] + ["provenance.json"]) == sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("front") / "made" / "by the script"
    assert main(pareto_front.run, pareto_front.Config, ["--smoke", *ONE_DATAFLOW, "--out", str(out)]) == 0
    return out


def test_front_table_has_units_objectives_and_every_parameter(front: Path):
    rows = rows_of(front / "front.csv")
    file = read_front(front / "front.json")
    assert len(rows) == len(file.designs) >= 3
    columns = set(rows[0])
    assert {"latency_s", "energy_pj", "area_mm2", "power_w", "bottleneck"} <= columns
    assert {"pe_rows [PEs]", "glb_bytes", "index_bus_bits", "lanes [MACs]", "intersection"} <= columns
    assert {"digits_fc1@spmm:64.tile_m [elements]", "digits_fc1@spmm:64.a_format"} <= columns
    for row in rows:
        core, phy, die = (float(row[name]) for name in ("area_mm2", "dram_phy_area_mm2", "die_area_mm2"))
        assert phy > 0
        assert core + phy == pytest.approx(die, rel=1e-5)
    found = np.array([[float(row[name]) for name, _ in file.objectives] for row in rows])
    np.testing.assert_allclose(found, file.values, rtol=1e-4)
    assert np.isfinite(found).all()


def test_layers_add_up_to_the_front(front: Path):
    designs, layers = rows_of(front / "front.csv"), rows_of(front / "layers.csv")
    assert len(layers) == 3 * len(designs)
    for design in designs:
        own = [row for row in layers if row["row"] == design["row"]]
        for name in ("latency_s", "energy_pj"):
            total = sum(float(row[name]) * float(row["repeats"]) for row in own)
            assert total == pytest.approx(float(design[name]), rel=1e-4)
        parts = [value for name, value in own[0].items() if name.startswith("energy_") and name != "energy_pj"]
        assert sum(map(float, parts)) == pytest.approx(float(own[0]["energy_pj"]), rel=1e-4)


def test_front_has_a_figure_and_provenance(front: Path):
    check_figure(front / "pareto.png")
    check_provenance(front, "experiments/pareto_front.py")
    assert not any("dense" in key for key in json.loads((front / "provenance.json").read_text())["kernels"])


def test_same_seed_same_front(front: Path, tmp_path: Path):
    assert main(pareto_front.run, pareto_front.Config, ["--smoke", *ONE_DATAFLOW, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "front.csv").read_bytes() == (front / "front.csv").read_bytes()


def test_story_names_designs_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = ["--smoke", *ONE_DATAFLOW, "--objectives", "latency", "energy", "--max-power-w", "5", "--out", str(tmp_path)]
    assert main(pareto_front.run, pareto_front.Config, args) == 0
    said = capsys.readouterr().out
    for word in (
        "balanced",
        "PEs of",
        "GLB",
        "gustavson",
        "bound by",
        "dense accelerator",
        "without the PHY",
        "front.csv",
    ):
        assert word in said
    assert max(float(row["power_w"]) for row in rows_of(tmp_path / "front.csv")) <= 5.0001


def test_what_if_shows_both_sides(front: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = ["--design", f"{front / 'front.json'}:0", "--set", "index_bus_bits=16", "--set", "a_format=bitmask"]
    assert main(what_if.run, what_if.Config, [*args, "--out", str(tmp_path)]) == 0
    before, after = read_design(tmp_path / "before.json"), read_design(tmp_path / "after.json")
    assert before == read_design(f"{front / 'front.json'}:0")
    assert after.hardware["index_bus_bits"] == 16
    assert {mapping["a_format"] for mapping in after.mappings} == {"bitmask"}
    parts = rows_of(tmp_path / "what_if.csv")
    assert {row["quantity"] for row in parts} == {"latency_s", "energy_pj", "area_mm2"}
    slopes = {row["parameter"]: row for row in rows_of(tmp_path / "elasticities.csv")}
    assert {"pe_rows", "index_bus_bits", "digits_fc1@spmm:64.tile_m"} <= set(slopes)
    assert all(np.isfinite(float(row[name])) for row in slopes.values() for name in what_if.OBJECTIVES)
    wider = slopes["index_bus_bits"]
    assert float(wider["above_value"]) == 32
    assert float(wider["latency_s_above"]) <= 1.0 + 1e-4, "mappings chosen anew lose nothing by a wider bus"
    check_figure(tmp_path / "what_if.png")
    check_provenance(tmp_path, "experiments/what_if.py")
    said = capsys.readouterr().out
    assert "LATENCY" in said
    assert "misleads" in said


def test_retuning_gains_and_says_what_it_changed(front: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = ["--design", f"{front / 'front.json'}:0", "--set", "index_bus_bits=16", "--tune", "latency"]
    latency = {}
    for name, option in (("held", []), ("retuned", ["--retune"])):
        out = tmp_path / name
        assert main(what_if.run, what_if.Config, [*args, *option, "--out", str(out)]) == 0
        parts = [row for row in rows_of(out / "what_if.csv") if row["quantity"] == "latency_s"]
        latency[name] = sum(float(row["after"]) for row in parts)
    assert latency["retuned"] <= latency["held"] * (1 + 1e-4)
    rows = rows_of(tmp_path / "retuned" / "retuned.csv")
    total = sum(float(row["latency_s_retuned"]) for row in rows)
    assert total == pytest.approx(latency["retuned"], rel=1e-4)
    after = read_design(tmp_path / "retuned" / "after.json")
    assert [mapping["loop_order"] for mapping in after.mappings] == [row["loop_order_retuned"] for row in rows]
    assert "mappings chosen anew" in capsys.readouterr().out


def test_pe_sweep_keeps_the_rest_of_the_hardware(front: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    where = f"{front / 'front.json'}:0"
    assert (
        main(
            tune_pe_count.run,
            tune_pe_count.Config,
            ["--smoke", *ONE_DATAFLOW, "--design", where, "--out", str(tmp_path)],
        )
        == 0
    )
    rows = rows_of(tmp_path / "pe_count.csv")
    assert rows, "no count fits"
    held = read_design(where).hardware
    for row in rows:
        assert float(row["pe_rows [PEs]"]) * float(row["pe_cols [PEs]"]) == float(row["pe_count [PEs]"])
        assert float(row["glb_bytes"]) == held["glb_bytes"]
    areas = [float(row["area_mm2"]) for row in rows]
    assert areas == sorted(areas), "more PEs take more area"
    read_design(tmp_path / "best.json")
    check_figure(tmp_path / "pe_count.png")
    check_provenance(tmp_path, "experiments/tune_pe_count.py")
    assert "least latency" in capsys.readouterr().out


def test_pe_sweep_searches_the_rest_and_says_how_sure_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pe_count, "PASSES", 1)
    out = tmp_path / "sweep"
    held = ("a_format=csr", "schedule=balanced", "glb_bytes=65536,131072", "glb_banks=16", "pe_buffer_bytes=1024,2048")
    args = ["--smoke", *ONE_DATAFLOW, *held, "--max-area-mm2", "2", "--out", str(out)]
    assert main(tune_pe_count.run, tune_pe_count.Config, args) == 0
    rows = rows_of(out / "pe_count.csv")
    assert [int(row["pe_count [PEs]"]) for row in rows] == [4, 16]
    for row in rows:
        assert float(row["pe_rows [PEs]"]) * float(row["pe_cols [PEs]"]) == float(row["pe_count [PEs]"])
        assert float(row["area_mm2"]) <= 2.0001
        restarts = [float(row[f"restart_{at}_edp_js"]) for at in range(2) if row[f"restart_{at}_edp_js"]]
        assert all(float(row["edp_js"]) <= each * (1 + 1e-4) for each in restarts)
    said = capsys.readouterr().out
    assert "restarts differ by" in said
    assert "best count for energy-delay product" in said
    check_figure(out / "pe_count.png")
    check_provenance(out, "experiments/tune_pe_count.py")
