"""Design files: they round-trip, and every defect is one sentence that names the file and the field."""

import json

import numpy as np
import pytest
from test_dse_search import TINY, fake_problem

from dse import RandomSearch, read_design, read_front, write_design, write_front
from hwmodels.design.hardware import DEFAULTS
from workloads.errors import InputError


@pytest.fixture(scope="module")
def found():
    problem = fake_problem(2, **TINY)
    return problem, RandomSearch()(problem, budget=200, seed=1)


def test_fronts_round_trip(tmp_path, found):
    problem, result = found
    path = tmp_path / "deep" / "front.json"
    write_front(path, problem, result, created_by="test")
    file = read_front(path)
    assert list(file.designs) == problem.designs(result.genomes)
    np.testing.assert_array_equal(file.values, result.objectives)
    assert file.objectives == (("latency_s", "s"), ("energy_pj", "pJ"), ("area_mm2", "mm2"))
    assert [kernel["name"] for kernel in file.kernels] == ["k0", "k1"]
    assert file.created_by == "test"
    assert read_design(f"{path}:1") == file.designs[1]
    np.testing.assert_allclose(problem.score_designs(file.designs).objectives, file.values, rtol=1e-6)
    assert [entry.name for entry in path.parent.iterdir()] == ["front.json"]


def test_single_designs_off_the_lattice_round_trip(tmp_path, found):
    problem, result = found
    design = problem.designs(result.genomes)[0]
    odd = type(design)({**design.hardware, "pe_rows": 12.0}, design.mappings, design.kernels)
    write_design(tmp_path / "one.json", problem, odd, created_by="test")
    assert read_design(tmp_path / "one.json") == odd


def _set(*path):
    *keys, value = path

    def change(document):
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


def _drop(*path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_set("schema", "other"), "not a design file"),
        (_set("version", 9), "version 9 is unknown; this project reads version 2.$"),
        (_set("version", 1), "search again, or set version to 2 and residency to b"),
        (_drop("rows"), "'rows' is missing"),
        (_drop("kernels"), "'kernels' is missing"),
        (_drop("workload"), "'workload' is missing"),
        (_set("scenario", 3), "'scenario' must be an object"),
        (_set("rows", 3), "'rows' must be a list"),
        (_set("rows", 0, 4), r"rows\[0\]' must be an object"),
        (_drop("rows", 0, "hardware", "lanes"), r"rows\[0\].hardware.lanes' is missing"),
        (_set("rows", 0, "hardware", "lanes", "two"), "must be a number"),
        (_set("rows", 0, "hardware", "lanes", float("nan")), "must be a number"),
        (_set("rows", 0, "hardware", "lanes", -1), "at least 1"),
        (_set("rows", 0, "hardware", "lanes", 10**30), "at most 16,384"),
        (_set("rows", 0, "hardware", "lanes", 10**400), "must be a number"),
        (_set("scenario", "dram", [1.0, [0.0]]), "scenario.dram must list"),
        (_set("scenario", "clock_ghz", "fast"), "scenario.clock_ghz"),
        (_set("rows", 0, "hardware", "colour", 1), "colour' is unknown"),
        (_set("rows", 0, "hardware", "intersection", "none"), "is unknown; use"),
        (_set("rows", 0, "mappings", "k0", "a_format", "zip"), "is unknown; use"),
        (_drop("rows", 0, "mappings", "k1"), "k1' is missing"),
        (_set("rows", 0, "mappings", "k9", {}), "not among the file's kernels"),
        (_set("rows", 0, "mappings", "k0", "b_zero", "skip"), "does not go with"),
        (_drop("rows", 0, "objectives", "area_mm2"), "area_mm2' is missing"),
        (_set("kernels", 0, "family", "cubic"), "must be one of: dense_b, sparse_b, sddmm, elementwise"),
    ],
)
def test_defects_are_told_in_one_sentence(tmp_path, found, change, part):
    problem, result = found
    path = tmp_path / "front.json"
    write_front(path, problem, result, created_by="test")
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=part) as caught:
        read_front(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_from_before_a_number_with_a_default(tmp_path, found, monkeypatch):
    problem, result = found
    path = tmp_path / "front.json"
    write_front(path, problem, result, created_by="test")
    document = json.loads(path.read_text())
    for row in document["rows"]:
        del row["hardware"]["lanes"]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="lanes' is missing; add it"):
        read_front(path)
    monkeypatch.setitem(DEFAULTS, "lanes", 2.0)
    assert all(design.hardware["lanes"] == 2.0 for design in read_front(path).designs)


def test_rows_that_are_not_there(tmp_path, found):
    problem, result = found
    path = tmp_path / "front.json"
    write_front(path, problem, result, created_by="test")
    for row in (-1, len(result.genomes)):
        with pytest.raises(InputError, match="has rows 0 to"):
            read_design(f"{path}:{row}")
    with pytest.raises(InputError, match="choose one by its row"):
        read_design(path)
    for where in ("missing.json:0", "front.json:²", "front.json:--1"):
        with pytest.raises(InputError, match="does not exist"):
            read_design(tmp_path / where)
    path.write_text(path.read_text().replace('"rows"', '"rows": [], "rows"'))
    with pytest.raises(InputError, match="the key 'rows' is there twice"):
        read_front(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        read_front(path)
