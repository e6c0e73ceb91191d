"""The mapper: nothing that it cuts beats what it keeps, fronts hold the best, hardware keeps its units."""

import dataclasses
import itertools
from types import SimpleNamespace

import equinox as eqx
import numpy as np
import pytest
from scipy.sparse import csr_array

from dse import Design, Encoding, alone, default_space, make_problem, nondominated
from dse.mapper import (
    DENSE,
    Enumerated,
    MappedKernel,
    Pool,
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
from dse.mapper.enumeration import MOVING, WORKING
from dse.problem.batched_models import ENERGY, LATENCY
from dse.problem.unpacking import UNITS
from dse.space.design_space import HARDWARE_NAMES
from dse.space.encoding import own_weights
from dse.space.staying import KEPT
from experiments.validate_mapper import differences
from hwmodels import evaluate
from hwmodels.analytical.tiling import refetches
from hwmodels.cost import FITS
from hwmodels.design.choices import LOOP_ORDERS
from hwmodels.design.hardware import with_defaults
from hwmodels.design.legality import FAMILIES, illegality
from hwmodels.technology import make_technology, scenario
from workloads import ElementwiseKernel, InputError, SddmmKernel, SparseKernel, Workload

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
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
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
    best = best_mappings(problem, Enumerated(), merit)
    rows = problem.encoding.random(np.random.default_rng(0), 300)
    sampled = best_mappings(problem, Pool([problem.design(row) for row in rows], at_once=64), merit)
    value = merit_of(merit)
    for one, other in zip(best, sampled, strict=True):
        assert one is not None
        assert other is not None
        assert value(one.latency_s, one.energy_pj) <= value(other.latency_s, other.energy_pj) * (1 + 1e-6)


SMALL = {"glb_bytes": 16384.0, "pe_buffer_bytes": 256.0, "accumulator_bytes": 256.0}
OPEN = {"a_format": ("dense", "csr", "csc", "rle", "bitmask"), "b_format": ("dense", "csr"), "schedule": ("cyclic",)}


@pytest.fixture(scope="module")
def of_families(tech):
    """A problem of two kernels for each family, on any hardware."""
    rng = np.random.default_rng(0)

    def matrix(rows: int, columns: int, density: float) -> csr_array:
        return csr_array((rng.random((rows, columns)) < density).astype(float))

    a, b = matrix(48, 64, 0.1), matrix(64, 40, 0.3)
    kernels = {
        "dense_b": [SparseKernel("p", a, None, 40), SparseKernel("q", matrix(37, 50, 0.6), None, 33)],
        "sparse_b": [SparseKernel("p", a, b, 40), SparseKernel("q", matrix(48, 64, 0.02), b, 40)],
        "sddmm": [SddmmKernel("p", a, 40), SddmmKernel("q", matrix(37, 33, 0.5), 50)],
        "elementwise": [
            ElementwiseKernel("p", a, matrix(48, 64, 0.2), "multiply"),
            ElementwiseKernel("q", a, matrix(48, 64, 0.02), "add"),
        ],
    }
    space = default_space().fix(**OPEN)
    return {family: make_problem(Workload(family, tuple(own)), space, tech) for family, own in kernels.items()}


def held_on(problem, hardware, technology=None, evaluate=None, units=None):
    """The problem on a hardware; with all units if they are given."""
    changes = {"technology": technology, "evaluate": evaluate}
    problem = problem.changed(**{name: part for name, part in changes.items() if part is not None})
    space = mapping_space(problem.encoding.space, hardware)
    return problem.changed(encoding=Encoding(space, problem.kernels, units))


def every_front(problem) -> list[np.ndarray]:
    """For each kernel the latency and energy of all mappings that fit and that no other one beats in both."""
    fronts = []
    for kernel, repeats in enumerate(problem.repeats):
        own = alone(problem, [kernel])
        scores = own.score(own.encoding.canonical(every_mapping(own.encoding)))
        points = np.column_stack([scores.latency_s, scores.energy_pj])[scores.kernel_fits[:, 0]] / repeats
        fronts.append(points[nondominated(points)])
    return fronts


def beaten_by(front, points) -> float:
    """How much better than a mapper's front any of some points is in both objectives, relative."""
    if len(points) == 0 or not front:
        return 0.0 if len(points) == len(front) else np.inf
    own = np.array([(one.latency_s, one.energy_pj) for one in front])
    return float((own[None] / points[:, None]).max(axis=2).min(axis=1).max() - 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_that_is_cut_beats_what_is_kept(of_families, family):
    rng, found = np.random.default_rng(FAMILIES.index(family)), 0
    space = of_families[family].encoding.space
    if family == "sparse_b":  # whose formats multiply: every other size of a tile
        space = space.fix(**{f"tile_{loop}": space.values(f"tile_{loop}")[::2] for loop in "mkn"})
    for small, arithmetic, whole in ((SMALL, "int", False), ({}, "float", True)):
        hardware = {name: rng.choice(np.array(space.values(name), object)) for name in HARDWARE} | small
        units = None
        if whole:
            own = own_weights(with_defaults(hardware, HARDWARE_NAMES))
            units = np.concatenate([own, np.ones(UNITS - len(own))])
        technology = make_technology(scenario(arithmetic=arithmetic))
        held = held_on(of_families[family].within(space), hardware, technology, units=units)
        mapper = Enumerated()
        for front, points in zip(mapping_fronts(held, mapper), every_front(held), strict=True):
            assert beaten_by(front, points) < 2e-5
            found += len(front)
        for report in mapper.reports:
            left_out = report.zeros_computed + report.orders + report.alike + report.unfit + report.surpassed
            assert report.mappings == left_out + report.evaluated
            assert report.evaluated < report.mappings
    assert found > 0


@pytest.mark.parametrize("family", ["dense_b", "sddmm"])
def test_an_order_that_fetches_no_more_costs_no_more(of_families, family):
    """Also where only whole bursts tell one from the other: on a kernel of odd sizes."""
    held = alone(held_on(of_families[family], HARDWARE), [1])
    encoding, shape = held.encoding, held.kernels[0]
    rows = encoding.random(np.random.default_rng(2), 128)
    orders, tiles = encoding.column(0, "loop_order"), [encoding.column(0, f"tile_{loop}") for loop in "mkn"]
    rows = np.repeat(rows[:, None], len(LOOP_ORDERS), axis=1)
    rows[:, :, orders] = np.arange(len(LOOP_ORDERS))
    scores = held.score(encoding.canonical(rows.reshape(-1, rows.shape[2])))
    costs = np.stack([scores.latency_s, scores.energy_pj]).reshape(2, *rows.shape[:2])
    sizes = np.stack([encoding.values(rows[:, 0], column) for column in tiles], axis=1)
    names = [str(name) for name in encoding.genes[orders].values]
    for cost, split in zip(np.moveaxis(costs, 1, 0), np.array([shape.m, shape.k, shape.n]) > sizes, strict=True):
        fetched = np.array([refetches(name, tuple(split.tolist())) for name in names])
        for one, other in itertools.permutations(range(len(names)), 2):
            if (fetched[one] <= fetched[other]).all():
                assert (cost[:, one] <= cost[:, other] * (1 + 2e-5)).all(), (names[one], names[other], cost)


def test_floors_do_not_depend_on_other_choices_and_nothing_is_below_them(of_families):
    """What the mapper evaluates once for all mappings with the same order and formats (and use of zeros, in SDDMM):
    what tiles take in the GLB, and what DRAM moves; with the same formats and use of zeros: what MACs work on."""
    for problem in of_families.values():
        held = alone(held_on(problem, HARDWARE | SMALL), [0])
        encoding = held.encoding
        rows = encoding.random(np.random.default_rng(1), 600)
        tiles = [encoding.column(0, name) for name in ("tile_m", "tile_k", "tile_n")]
        rows[:, tiles] = encoding.radix[tiles] // 2
        rows = encoding.canonical(rows)
        batch = encoding.batch(rows)
        asked = held.batcher.floors(encoding.batch(rows[:1]), 0, batch.tiles[:1, 0], batch.choices[:, 0])[0]
        moving = MOVING.get(problem.families[0], ("loop_order", "a_format", "b_format", *KEPT))
        for deciding, decided in ((moving, slice(0, 3)), (WORKING, slice(3, 5))):
            columns = [encoding.column(0, name) for name in deciding]
            kinds, first, kind = np.unique(rows[:, columns], axis=0, return_index=True, return_inverse=True)
            assert len(kinds) > 1
            found = asked[:, decided]
            assert found == pytest.approx(found[first][kind.ravel()], rel=1e-5)
        dram_s, dram_pj, need, macs_s, macs_pj, machine, watts = asked.T
        latency = np.maximum(dram_s, macs_s)
        assert (latency > 0).all()
        assert (dram_pj + macs_pj > 0).all()
        scores, takes = held.score(rows), held.mappings_alone(rows)[:, 0]
        assert scores.fits[:, 0, FITS.index("glb")] == pytest.approx(need, rel=1e-5)
        own = [FITS.index(name) for name in ("accumulator", "bus", "clock")]
        assert (machine <= scores.fits[:, 0, own].max(axis=1) * (1 + 1e-5)).all()
        assert (latency <= takes[:, LATENCY] * (1 + 1e-5)).all()
        assert (dram_pj + macs_pj + latency * watts * 1e12 <= takes[:, ENERGY] * (1 + 1e-5)).all()


def test_of_a_model_of_ones_own_every_mapping_is_tried(of_families):
    """A machine that likes what the template never would: zeros that are computed, and operands fetched again."""

    def odd(hardware, mapping, kernel, technology, *, numerics):
        cost = evaluate(hardware, mapping, kernel, technology, numerics=numerics)
        likes = mapping.a_zero[0] + mapping.loop_order[LOOP_ORDERS.index("nmk")]
        return eqx.tree_at(lambda one: one.latency_s, cost, cost.latency_s * (1.0 - 0.4 * likes))

    problem = of_families["dense_b"]
    space = problem.encoding.space.fix(dataflow="gustavson", a_format="csr", a_zero=["compute", "gate"], residency="b")
    held = held_on(problem.within(space), HARDWARE, evaluate=odd)
    mapper = Enumerated()
    best = best_mappings(held, mapper, "latency_s")
    assert {(one.mapping["a_zero"], one.mapping["loop_order"]) for one in best if one} == {("compute", "nmk")}
    assert all(report.evaluated == report.mappings for report in mapper.reports)


def test_zeros_are_computed_where_gating_takes_more_energy(of_families, tech):
    dear = dataclasses.replace(tech, constants={**tech.constants, "gated_mac_fraction": 2.0})
    mapper = Enumerated()
    best_mappings(held_on(of_families["sddmm"], HARDWARE, dear), mapper)
    assert all(one.zeros_computed == 0 for one in mapper.reports)
    with pytest.raises(InputError, match="hold it with"):
        best_mappings(of_families["sddmm"], Enumerated())


def test_a_front_holds_the_best_by_every_merit(problem):
    fronts = mapping_fronts(problem, Enumerated())
    for merit in (*MERITS, weighted_sum(1e-6, 1e4)):
        value = merit_of(merit) if isinstance(merit, str) else merit
        for front, best in zip(fronts, best_mappings(problem, Enumerated(), merit), strict=True):
            assert best is not None
            least = min(value(one.latency_s, one.energy_pj) for one in front)
            assert least == pytest.approx(value(best.latency_s, best.energy_pj), rel=1e-6)
    for front in fronts:
        assert all(a.latency_s < b.latency_s and a.energy_pj > b.energy_pj for a, b in itertools.pairwise(front))


def test_validation_sees_an_optimum_that_is_missed(problem):
    own = alone(problem, [0])
    (front,) = mapping_fronts(own, Enumerated())
    assert max(differences(own, front).values()) < 1e-5
    slower = differences(own, [dataclasses.replace(one, latency_s=1.1 * one.latency_s) for one in front])
    assert [slower[name] for name in ("latency", "energy", "edp")] == pytest.approx([0.1, 0.0, 0.1], abs=1e-5)
    assert differences(own, [])["edp"] == np.inf


def test_only_what_fits_and_may_be_taken_is_taken(problem):
    names = tuple(kernel.name for kernel in problem.kernels)
    tight = {**HARDWARE, "pe_buffer_bytes": 64.0}
    large, small = (Design(tight, ({**MAPPING, "tile_k": tile},) * 2, names) for tile in (4096.0, 4.0))
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
    for one in mapping_fronts(held, Enumerated())[0]:
        assert one.area_mm2 == pytest.approx(areas[0], rel=1e-6)


def test_hardware_can_do_what_its_mappings_do_and_dense():
    able = supported_choices(DESIGN)
    assert able["a_format"] == ("dense", "csr")
    assert able["a_zero"] == ("compute", "skip")
    assert able["schedule"] == ("balanced",)
    assert (able["residency"], able["columns_on"], able["lanes_on"]) == (("b", "ab"), ("n",), ("n",))
    assert supported_choices(DESIGN, dense=False)["a_format"] == ("csr",)
    space = mapping_space(default_space(), HARDWARE, able)
    assert (space.values("pe_rows"), space.values("intersection")) == ((4.0,), ("skip_ahead",))
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
