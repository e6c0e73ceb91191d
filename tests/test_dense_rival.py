"""The dense accelerator beside a design: as large as it, searched for, and on dense work never behind it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from dse import Gradient, Problem, RandomSearch, default_space, find_dense_rivals, make_problem
from experiments.common.front.text import rival_words
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.technology import make_technology
from workloads import resolve_workload
from workloads.generators import rmat
from workloads.kernels.matrix_product import spmm


def rivals_of(problem: Problem, rows: np.ndarray, search):
    return find_dense_rivals(problem, problem.designs(rows), search)


def test_on_dense_work_no_sparse_design_is_ahead_of_its_rival(tmp_path):
    table = tmp_path / "layers.csv"
    table.write_text("name,M,N,K,density\ndense,1024,1024,1024,1.0\n")
    workload = resolve_workload(str(table))
    problem = make_problem(workload, default_space(workload), make_technology())
    found = Gradient()(problem, budget=3000)
    best = np.argsort(found.objectives, axis=0)[:2].ravel()
    spread = np.linspace(0, len(found.genomes) - 1, 8).astype(int)
    rows = found.genomes[np.unique([*best, *spread])]
    for rival in rivals_of(problem, rows, lambda dense: Gradient()(dense, budget=3000)):
        assert rival is not None
        assert max(rival.times_latency, rival.times_energy) <= 1.02
        assert 1 - 1e-5 <= rival.times_area <= 1.05 * (1 + 1e-5)
        assert {(m["a_format"], m["b_format"]) for m in rival.costed.design.mappings} == {("dense", "dense")}
        assert {m["a_zero"] for m in rival.costed.design.mappings} <= {"compute", "gate"}


@pytest.fixture(scope="module")
def graph() -> Problem:
    workload = SimpleNamespace(name="graph", kernels=(spmm(rmat(7, 4, 0), 16, "graph"),))
    space = default_space().fix(dataflow="gustavson", loop_order="mkn", schedule="row_blocks", pe_cols=[4, 8])
    return make_problem(workload, space, make_technology(), constraints={"power_w": 2.0})


def test_a_rival_is_what_it_says_and_meets_the_limits(graph: Problem):
    found = RandomSearch()(graph, budget=300)
    design = graph.design(found.genomes[0])
    (rival,) = find_dense_rivals(graph, [design], lambda dense: RandomSearch()(dense, budget=300))
    assert rival is not None
    ours, its = graph.score_designs([design]), graph.score_designs([rival.costed.design])
    assert its.feasible.all()
    times = [rival.times_latency, rival.times_energy, rival.times_area]
    for number, name in zip(times, ("latency_s", "energy_pj", "area_mm2"), strict=True):
        assert number == pytest.approx(float(getattr(its, name).sum() / getattr(ours, name).sum()), rel=1e-5)
    assert rival.costed.point[2] == pytest.approx(rival.times_area * float(ours.area_mm2[0]), rel=1e-5)


def test_what_the_space_holds_is_held(graph: Problem):
    """Leftover area is spent on what the user left open."""
    held = {name: 4 for name in ("pe_rows", "pe_cols", "lanes")}
    problem = graph.within(graph.encoding.space.fix(**held))
    found = RandomSearch()(problem, budget=200)
    rivals = rivals_of(problem, found.genomes[:3], lambda dense: RandomSearch()(dense, budget=200))
    for rival in rivals:
        assert rival is not None
        hardware = rival.costed.design.hardware
        assert all(hardware[name] == 4 for name in held)
        assert rival.between == {
            name: hardware[name]
            for name in HARDWARE_NUMBERS
            if hardware[name] not in problem.encoding.space.values(name)
        }
    assert any(rival.between for rival in rivals)


def test_a_rival_that_is_ahead_says_why(graph: Problem):
    design = graph.design(RandomSearch()(graph, budget=100).genomes[0])
    (rival,) = find_dense_rivals(graph, [design], lambda dense: RandomSearch()(dense, budget=100))
    assert rival is not None
    ahead = dataclasses.replace(rival, times_latency=0.9, times_energy=0.9)
    assert "raise --budget" in rival_words(dataclasses.replace(ahead, between={}))
    assert "(lanes=3), which --fix can add" in rival_words(dataclasses.replace(ahead, between={"lanes": 3.0}))
    assert "ahead" not in rival_words(dataclasses.replace(ahead, times_energy=1.1))


def test_no_rival_where_nothing_dense_is_allowed(graph: Problem):
    problem = graph.within(graph.encoding.space, constraints={"power_w": 1e-9})
    design = problem.design(problem.encoding.random(np.random.default_rng(0), 1)[0])
    assert find_dense_rivals(problem, [design], lambda dense: RandomSearch()(dense, budget=50)) == [None]
