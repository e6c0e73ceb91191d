"""The mapper: nothing beats the best of all mappings, fronts hold it, hardware keeps its units, dense tiles shrink."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from dse import Design, RandomSearch, default_space, make_problem
from dse.mapper import (
    DENSE,
    Enumerated,
    MappedKernel,
    Pool,
    Searched,
    best_design,
    best_mappings,
    densified,
    every_mapping,
    first_that_fits,
    mapping_for_family,
    mapping_fronts,
    mapping_problem,
    mapping_space,
    merit_of,
    sparsity_pays,
    supported_choices,
    weighted_sum,
)
from hwmodels.design.legality import illegality
from workloads import InputError

HARDWARE = {
    "pe_rows": 4.0,
    "pe_cols": 2.0,
    "lanes": 2.0,
    "glb_bytes": 65536.0,
    "glb_banks": 4.0,
    "pe_buffer_bytes": 1024.0,
    "accumulator_bytes": 512.0,
    "index_bus_bits": 64.0,
    "value_bus_bits": 128.0,
    "value_bits": 8.0,
    "accumulator_bits": 24.0,
    "intersection": "skip_ahead",
}
MAPPING = {
    "dataflow": "gustavson",
    "tile_m": 64.0,
    "tile_k": 64.0,
    "tile_n": 16.0,
    "loop_order": "mkn",
    "residency": "a",
    "a_format": "csr",
    "b_format": "dense",
    "a_zero": "skip",
    "b_zero": "compute",
    "schedule": "balanced",
}
DESIGN = Design(HARDWARE, (MAPPING,), ("graph",))
MERITS = ["edp_js", "latency_s", "energy_pj"]


@pytest.fixture(scope="module")
def problem(kernels, measured, tech):
    """Two kernels on a hardware that is held."""
    space = mapping_space(default_space(), HARDWARE, {**supported_choices(DESIGN), "loop_order": ("mkn", "knm")})
    workload = SimpleNamespace(name="small", kernels=kernels["dense_b"][:2])
    return make_problem(workload, space, tech, objectives=("edp_js",), statistics=measured["dense_b"][:2])


def test_enumeration_lists_every_legal_mapping_once(problem):
    encoding = make_problem(
        SimpleNamespace(name="one", kernels=[problem.kernels[0]]),
        problem.encoding.space,
        problem.technology,
        statistics=problem.statistics[:1],
    ).encoding
    rows = every_mapping(encoding)
    assert len(rows) == len(np.unique(rows, axis=0)) == encoding.size
    assert np.array_equal(encoding.canonical(rows), rows)
    for row in rows[::37]:
        words = {name: v for name, v in encoding.design(row).mappings[0].items() if isinstance(v, str)}
        assert illegality(words, "dense_b") is None


@pytest.mark.parametrize("merit", MERITS)
def test_no_sample_beats_the_best_of_all_mappings(problem, merit):
    best = best_mappings(problem, Enumerated(at_once=100), merit)
    rows = problem.encoding.random(np.random.default_rng(0), 300)
    sampled = best_mappings(problem, Pool([problem.design(row) for row in rows], at_once=64), merit)
    searched = best_mappings(problem, Searched(60), merit)
    value = merit_of(merit)
    for one, *others in zip(best, sampled, searched, strict=True):
        for other in others:
            assert value(one.latency_s, one.energy_pj) <= value(other.latency_s, other.energy_pj) * (1 + 1e-6)


def test_a_front_holds_the_best_by_every_merit(problem):
    fronts = mapping_fronts(problem, Enumerated(at_once=150))
    for merit in (*MERITS, weighted_sum(1e-6, 1e4)):
        value = merit_of(merit) if isinstance(merit, str) else merit
        for front, best in zip(fronts, best_mappings(problem, Enumerated(), merit), strict=True):
            least = min(value(one.latency_s, one.energy_pj) for one in front)
            assert least == pytest.approx(value(best.latency_s, best.energy_pj), rel=1e-6)
    for front in fronts:
        assert all(a.latency_s < b.latency_s and a.energy_pj > b.energy_pj for a, b in itertools.pairwise(front))


def test_only_what_fits_and_may_be_taken_is_taken(problem):
    names = tuple(kernel.name for kernel in problem.kernels)
    tight = {**HARDWARE, "accumulator_bytes": 16.0}
    large, small = (Design(tight, ({**MAPPING, "tile_m": tile},) * 2, names) for tile in (4096.0, 4.0))
    assert best_mappings(problem, Pool([large])) == [None, None]
    assert best_mappings(problem, Pool([])) == [None, None]
    assert [one and one.mapping for one in best_mappings(problem, Pool([large, small]))] == list(small.mappings)
    usable = np.array([[True, True], [True, False]])
    first, second = best_mappings(problem, Pool([large, small], usable), first_that_fits)
    assert first is not None
    assert second is None
    assert best_design(problem, [large, small]) is small


def test_given_hardware_keeps_its_units_whatever_is_run(kernels, tech):
    """The units of a sparse mapping take area and leak under a dense one too; a design of the dense one has none."""
    workload = SimpleNamespace(name="one", kernels=kernels["dense_b"][:1])
    held = mapping_problem(workload, DESIGN, tech)
    dense = Design(HARDWARE, (dict(MAPPING) | DENSE,), (kernels["dense_b"][0].name,))
    sparse = dataclasses.replace(dense, mappings=(MAPPING,))
    areas = held.score_designs([dense, sparse]).area_mm2
    free = held.within(held.encoding.space).score_designs([dense, sparse])
    assert areas[0] == areas[1] == free.area_mm2[1] > free.area_mm2[0]
    whole, leaner = held.detail(dense)[1], held.within(held.encoding.space).detail(dense)[1]
    assert float(whole.core_area_mm2) == pytest.approx(areas[0])
    assert whole.parts()["energy_pj"]["leakage"] > leaner.parts()["energy_pj"]["leakage"]
    assert {one.area_mm2 for one in mapping_fronts(held, Searched(40, strategy=RandomSearch()))[0]} == {areas[0]}


def test_hardware_can_do_what_its_mappings_do_and_dense():
    able = supported_choices(DESIGN)
    assert able["a_format"] == ("dense", "csr")
    assert able["a_zero"] == ("compute", "skip")
    assert able["schedule"] == ("balanced",)
    assert supported_choices(DESIGN, dense=False)["a_format"] == ("csr",)
    space = mapping_space(default_space(), HARDWARE, able, any_intersection=True)
    assert space.values("pe_rows") == (4.0,)
    assert len(space.values("intersection")) > 1
    assert mapping_for_family({**MAPPING, "b_format": "csr"}, "dense_b") == MAPPING
    assert mapping_for_family({**MAPPING, "a_format": "csc"}, "dense_b") is None


@pytest.mark.parametrize("shape", [(100, 300, 32), (5, 7, 1), (4096, 4096, 4096)])
def test_dense_tiles_are_halved_until_they_are_of_one_element(shape):
    tried = densified(MAPPING, shape)
    tiles = np.array([[mapping[f"tile_{side}"] for side in "mkn"] for mapping in tried])
    assert np.all(tiles[0] == np.minimum([64, 64, 16], shape))
    assert np.all(tiles[-1] == 1)
    assert np.all((np.diff(tiles, axis=0) < 0).sum(axis=1) == 1), "one tile is halved at a time"
    assert all(mapping | DENSE == mapping for mapping in tried)


def test_dense_wins_a_tie():
    fast, slow = MappedKernel({}, 1.0, 2.0, 1.0), MappedKernel({}, 2.0, 2.0, 1.0)
    latency = merit_of("latency_s")
    assert sparsity_pays(fast, slow, latency)
    assert not sparsity_pays(fast, fast, latency)
    assert not sparsity_pays(slow, fast, latency)
    assert sparsity_pays(slow, None, latency)
    assert not sparsity_pays(None, None, latency)
    with pytest.raises(InputError, match="'speed' is unknown"):
        merit_of("speed")
