"""Finite changes: what doubling and halving do, mappings held and chosen anew, and where slopes foretell otherwise."""

import dataclasses
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from dse import (
    OBJECTIVES,
    Design,
    Enumerated,
    FiniteChange,
    best_mappings,
    default_space,
    elasticities,
    finite_changes,
    make_problem,
    mapping_fronts,
)
from dse.analysis.remapper import Remapper
from dse.mapper import mapping_space, supported_choices
from dse.space.encoding import Encoding, batch_of
from hwmodels.design.hardware import HARDWARE_NUMBERS
from workloads import InputError

MAPPING = {
    "dataflow": "gustavson", "tile_m": 16.0, "tile_k": 32.0, "tile_n": 16.0, "loop_order": "nkm", "residency": "b",
    "columns_on": "n", "lanes_on": "n", "a_format": "csr", "b_format": "dense", "a_zero": "skip", "b_zero": "compute",
    "schedule": "balanced",
}  # fmt: skip
HARDWARE = {
    "pe_rows": 4.0, "pe_cols": 2.0, "lanes": 2.0, "glb_bytes": 4096.0, "glb_banks": 4.0, "pe_buffer_bytes": 1024.0,
    "accumulator_bytes": 256.0, "index_bus_bits": 64.0, "value_bus_bits": 64.0, "value_bits": 8.0,
    "accumulator_bits": 24.0, "intersection": "leader_follower",
}  # fmt: skip
NAMES = ("latency_s", "energy_pj", "area_mm2", "edp_js")


@pytest.fixture(scope="module")
def problem(kernels, measured, tech):
    workload = SimpleNamespace(name="small", kernels=kernels["dense_b"])
    return make_problem(workload, default_space(), tech, objectives=NAMES, statistics=measured["dense_b"])


@pytest.fixture(scope="module")
def design(problem):
    return Design(HARDWARE, (MAPPING, MAPPING), tuple(kernel.name for kernel in problem.kernels))


@pytest.fixture(scope="module")
def remapper(problem, design):
    return Remapper(problem, design)


@pytest.fixture(scope="module")
def changes(problem, design):
    return finite_changes(problem, design)


def moved(design: Design, **numbers: float) -> Design:
    return dataclasses.replace(design, hardware={**design.hardware, **numbers})


def exactly_on(problem, design: Design):
    """The problem of mapping on the design's hardware, every mapping it can run open."""
    space = mapping_space(default_space(), design.hardware, supported_choices(design))
    return problem.changed(encoding=Encoding(space, problem.kernels, batch_of([design]).used_units()[0]))


def test_held_changes_equal_direct_evaluation(problem, design, changes):
    assert "dram_channels" not in changes.above, "the DRAM is the scenario's"
    for name in set(HARDWARE_NUMBERS) - {"dram_channels"}:
        for change, factor in ((changes.below.get(name), 0.5), (changes.above[name], 2.0)):
            if change is None:
                continue
            scores = problem.score_designs([design, moved(design, **{name: design.hardware[name] * factor})])
            assert (change.value, change.factor) == (design.hardware[name] * factor, factor)
            assert bool(change.misfit) == (not scores.design_fits[1])
            if scores.design_fits[1]:
                found = [change.held[objective] for objective in NAMES]
                np.testing.assert_allclose(found, scores.objectives[1] / scores.objectives[0], rtol=1e-6)
    kernel = problem.kernels[0].name
    wider = dataclasses.replace(design, mappings=({**MAPPING, "tile_m": 32.0}, MAPPING))
    scores = problem.score_designs([design, wider])
    assert changes.above[f"{kernel}.tile_m"].held["energy_pj"] == pytest.approx(
        scores.objectives[1, 1] / scores.objectives[0, 1] if scores.design_fits[1] else math.nan, nan_ok=True
    )
    assert not changes.above[f"{kernel}.tile_m"].anew
    small = finite_changes(problem, moved(design, glb_bytes=1024.0))
    assert all(math.isnan(ratio) for ratio in small.below["glb_bytes"].held.values())
    assert "times the glb there is" in small.below["glb_bytes"].misfit


@pytest.mark.parametrize("objective", ["latency_s", "energy_pj", "edp_js"])
def test_mappings_on_the_same_hardware_are_the_best_of_all(problem, design, remapper, objective):
    (tuned,) = remapper.best([design.hardware], OBJECTIVES[objective])
    scores = remapper.problem.score_designs([tuned])
    held = exactly_on(problem, design)
    if objective == "edp_js":
        fronts = mapping_fronts(held, Enumerated())
        least = min(
            sum(one.latency_s for one in some) * sum(one.energy_pj for one in some) * 1e-12
            for some in itertools.product(*fronts)
        )
    else:
        least = sum(getattr(one, objective) for one in best_mappings(held, Enumerated(), objective))
    assert scores.objectives[0, NAMES.index(objective)] == pytest.approx(least, rel=1e-5)


def test_mappings_chosen_anew_are_never_worse_than_held_ones_and_nearly_the_best(problem, design, remapper, changes):
    sides = [*changes.below.items(), *changes.above.items()]
    hardware = [moved(design, **{name: change.value}).hardware for name, change in sides if "." not in name]
    found = remapper.best(hardware, OBJECTIVES["latency_s"])
    pairs = [
        (Design(numbers, design.mappings, design.kernels), one)
        for numbers, one in zip(hardware, found, strict=True)
        if one
    ]
    held, anew = (remapper.problem.score_designs([pair[at] for pair in pairs]) for at in (0, 1))
    assert anew.design_fits.all()
    assert (anew.objectives[:, 0] <= np.where(held.design_fits, held.objectives[:, 0], np.inf) * (1 + 1e-4)).all()
    for (unmapped, _), latency in zip(pairs[::5], anew.objectives[::5, 0], strict=True):
        exact = best_mappings(exactly_on(problem, unmapped), Enumerated(), "latency_s")
        assert latency <= sum(best.latency_s for best in exact if best) * 1.03
    assert changes.gain["edp_js"] <= 1 + 1e-5
    assert changes.gain["area_mm2"] == pytest.approx(1.0), "units stay"


def test_what_is_held_is_not_chosen_anew(problem, design):
    held = {"a_zero": "compute", f"{design.kernels[1]}.tile_m": 32.0}
    changed = dataclasses.replace(design, mappings=tuple({**MAPPING, "a_zero": "compute"} for _ in "ab"))
    tuned = finite_changes(problem, changed, held=held).tuned
    assert tuned is not None
    assert {mapping["a_zero"] for mapping in tuned.mappings} == {"compute"}
    assert tuned.mappings[1]["tile_m"] in (32.0, MAPPING["tile_m"])


def test_steps_are_those_of_a_space_where_it_has_some(problem, design):
    found = finite_changes(problem, design, space=default_space().fix(pe_rows=[3, 4, 6, 12], lanes=2))
    assert (found.below["pe_rows"].value, found.above["pe_rows"].value) == (3.0, 6.0)
    assert (found.below["lanes"].value, found.above["lanes"].value) == (1.0, 4.0)
    odd = finite_changes(problem, moved(design, pe_rows=1.0, pe_cols=3.0))
    assert "pe_rows" not in odd.below
    assert odd.below["pe_cols"].value == 1.0


def test_a_slope_that_foretells_another_direction_misleads():
    double = FiniteChange(8.0, 2.0, {"latency_s": 0.7}, "", {"latency_s": 0.5}, None)
    half = FiniteChange(2.0, 0.5, {"latency_s": 1.5}, "", {"latency_s": 1.9}, None)
    never = FiniteChange(2.0, 0.5, {"latency_s": math.nan}, "no", {"latency_s": math.nan}, None)
    for slope, right in ((-0.9, True), (-0.2, True), (0.0, False), (0.3, False)):
        assert double.agrees("latency_s", slope) is right
        assert half.agrees("latency_s", slope) is right
        assert never.agrees("latency_s", slope)
    still = FiniteChange(8.0, 2.0, {"latency_s": 1.001}, "", {}, None)
    assert still.agrees("latency_s", 0.0)
    assert still.agrees("latency_s", 0.03), "2 % are close"
    assert not still.agrees("latency_s", -0.6)


def test_more_buffer_than_a_tile_needs_is_worth_something_no_slope_sees(problem, design):
    """A tile of the whole kernel fits only from twice the buffer on."""
    tight = finite_changes(problem, moved(design, glb_bytes=1024.0), objective="energy_pj")
    slopes = elasticities(problem, tight.tuned)
    assert slopes["glb_bytes"]["energy_pj"] >= 0
    assert tight.above["glb_bytes"].anew["energy_pj"] < 0.97
    assert "above" in tight.misleading(slopes)["glb_bytes"]["energy_pj"]


def test_mappings_are_not_chosen_by_what_slow_kernels_are_better_in(problem, design):
    with pytest.raises(InputError, match="power_w"):
        finite_changes(problem, design, objective="power_w")
