"""No mapping costs less on any machine of a box than its bound there says, and a box of one machine is exact."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from dse import default_space, make_problem
from dse.analysis.box_costs import TESTED, KernelBounds
from dse.analysis.machine_box import WIDTHS, MachineBox
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.technology import make_technology, scenario
from workloads import SparseKernel, Workload, resolve_workload

PAIRS, BOXES = 6_144, 12
"""Of a design and a box that holds its machine."""
TILES = {"tile_m": [32, 256, 1024], "tile_k": [64, 1024], "tile_n": [16, 1024]}


@pytest.fixture(scope="module", params=[("digits@spmm:64", 0), ("digits@spmm:64", 2), ("rmat@axa", 0)])
def bounds(request: pytest.FixtureRequest) -> KernelBounds:
    spec, kernel = request.param
    space = default_space().fix(**TILES)
    if "axa" in spec:
        space = space.fix(a_format=["dense", "bitmask", "csr", "coo"], b_format=["bitmask", "csr"])
    one = Workload("one", resolve_workload(spec).kernels[kernel : kernel + 1])
    return KernelBounds(make_problem(one, space, make_technology(scenario())), 0, {})


def random_box(whole: MachineBox, rng: np.random.Generator, *, single: bool = False) -> MachineBox:
    """A part of the machines of the same widths; every third number is held at one value, all of them in a `single`
    machine."""
    ends = np.sort(rng.integers(whole.high + 1, size=(2, len(whole.high))), axis=0)
    held = np.ones(len(whole.high), bool) if single else rng.random(len(whole.high)) < 1 / 3
    held[WIDTHS] = True
    return MachineBox(whole.lists, ends[0], np.where(held, ends[0], ends[1]))


def true_costs(bounds: KernelBounds, box: MachineBox, which: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Latency, energy and area of mappings, each on a machine drawn from the box; infinite where they do not fit."""
    problem, rows = bounds.problem, bounds.rows[which].copy()
    columns = [problem.encoding.column(-1, name) for name in HARDWARE_NUMBERS]
    rows[:, columns] = rng.integers(box.low, box.high + 1, size=(len(rows), len(columns)))
    scores = problem.score(rows)
    costs = np.stack([scores.latency_s[:, 0], scores.energy_pj[:, 0], scores.area_mm2], axis=1)
    return np.where(scores.design_fits[:, None], costs, np.inf)


def test_nothing_in_a_box_costs_less_than_its_bound(bounds: KernelBounds):
    rng, whole = np.random.default_rng(0), MachineBox.of(bounds.problem.encoding)
    fitting = 0
    for _ in range(BOXES):
        box, which = random_box(whole, rng), rng.integers(len(bounds), size=PAIRS // BOXES)
        least, true = bounds.costs(box, which), true_costs(bounds, box, which, rng)
        fitting += int(np.isfinite(true[:, 0]).sum())
        over = (least > true).any(axis=1)
        assert not over.any(), (box.least, box.most, bounds.rows[which[over]][0], least[over][0], true[over][0])
    assert fitting > PAIRS / 20


def test_sums_are_counted_as_if_what_a_small_array_holds_of_a_left_room_for_one_group():
    """Then they stay in registers, in the array of one PE row alone."""
    space = default_space().fix(
        **{"pe_rows": [1, 2], "pe_cols": [1], "lanes": [2], "pe_buffer_bytes": [8448], "accumulator_bytes": [512]},
        **{"glb_bytes": [65536], "glb_banks": [8], "value_bus_bits": [32], "index_bus_bits": [64], "tile_m": [64]},
        **{"tile_k": [64], "tile_n": [32], "dataflow": ["gustavson"], "residency": ["ab"], "loop_order": ["mkn"]},
        **{"a_format": ["dense"], "a_zero": ["gate"], "schedule": ["cyclic"], "columns_on": ["n"]},
    )
    kernel = SparseKernel("full", csr_array(np.ones((64, 64))), None, 32)
    bounds = KernelBounds(make_problem(Workload("one", (kernel,)), space, make_technology(scenario())), 0, {})
    whole, only = MachineBox.of(bounds.problem.encoding), np.arange(len(bounds))
    least = bounds.costs(whole, only)
    for at in (0, 1):
        low = np.where(whole.high > 0, at, 0)
        true = true_costs(bounds, MachineBox(whole.lists, low, low), only, np.random.default_rng(0))
        assert np.isfinite(true).all()
        assert (least <= true).all()


def test_one_machine_is_bounded_by_what_it_costs(bounds: KernelBounds):
    """But for the GLB: a larger one than the mapping needs costs more."""
    rng, whole = np.random.default_rng(1), MachineBox.of(bounds.problem.encoding)
    compared = 0
    for _ in range(8):
        box, which = random_box(whole, rng, single=True), rng.integers(len(bounds), size=512)
        least, true = bounds.costs(box, which), true_costs(bounds, box, which, rng)
        np.testing.assert_array_equal(np.isfinite(least), np.isfinite(true))
        fits = np.isfinite(true[:, 0])
        np.testing.assert_allclose(least[fits], true[fits], rtol=1e-4)
        compared += int(fits.sum())
    assert compared > 100


def test_cuts_of_a_box_make_it_up_and_are_bounded_no_lower(bounds: KernelBounds):
    """From the first cut on, into boxes of the same widths; where that rests on tests, but for what they leave open."""
    rng, whole = np.random.default_rng(2), MachineBox.of(bounds.problem.encoding)
    which = rng.integers(len(bounds), size=256)
    assert sum(part.count for part in whole.cut()) == whole.count
    box = whole.cut()[2]
    kinds = set()
    while parts := box.cut():
        assert sum(part.count for part in parts) == box.count
        kinds.add(len(parts) > 2)
        part = parts[rng.integers(len(parts))]
        larger, own = bounds.costs(box, which), bounds.costs(part, which)
        assert (own >= larger * (1 - 1e-5 if bounds.proven() else TESTED)).all()
        box = part
    assert box.count == 1
    assert kinds == {False, True}


@pytest.mark.parametrize("node_nm", [5.0, 16.0, 45.0])
def test_no_access_to_a_buffer_is_cheaper_in_a_larger_one(node_nm: float):
    technology, space = make_technology(scenario(node_nm=node_nm)), default_space()
    for name, words in (
        ("pe_buffer_bytes", [8.0 * float(n) for n in space["lanes"].values]),
        ("accumulator_bytes", [24.0]),
    ):
        sizes = np.array(space[name].values, np.float32)
        for word in words:
            for price in (technology.buffer_read_pj, technology.buffer_write_pj, technology.buffer_area_mm2):
                assert (np.diff(np.asarray(price(sizes, word))) > 0).all(), (name, word, price)
