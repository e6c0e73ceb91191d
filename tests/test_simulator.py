"""The simulator against SciPy on every legal combination, and against the naive reference on random designs."""

import random
from itertools import product

import numpy as np
import pytest
from conftest import FAMILIES, design
from reference import Design, Outcome
from reference import run as run_reference
from reference.intersection import steps_of as reference_steps
from scipy.sparse import csr_array

from hwmodels import FITS, RESOURCES, make_hardware, make_mapping, price
from hwmodels.design.choices import COLUMN_AXES, DATAFLOWS, INTERSECTIONS, LOOP_ORDERS, SCHEDULES
from hwmodels.design.legality import legal_formats, legal_lane_axes, legal_residencies, legal_zero_modes
from hwmodels.simulator import ConcreteDesign, KernelRun, Memory, run_product, simulate
from hwmodels.simulator.intersection import WALK_ENDS, add_drops, jumps
from workloads import InputError, generators

CASES = [(family, dataflow) for family in FAMILIES for dataflow in DATAFLOWS]
MEMORY = Memory(bits_per_cycle=61.0, latency_cycles=90.0, burst_bits=64)
REFERENCE_MEMORY = {"dram_bits_per_cycle": 61.0, "dram_latency_cycles": 90.0, "burst_bits": 64}
DRAWS = 30


def sparse(rng: np.random.Generator, rows: int, columns: int, density: float) -> np.ndarray:
    return rng.uniform(0.5, 2.0, (rows, columns)) * (rng.random((rows, columns)) < density)


def operands(rng: np.random.Generator, family: str) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Small, of any shape and density: A, B (None: dense), columns of B."""
    m, k, n = (int(rng.integers(1, most)) for most in (36, 80, 30))
    densities = rng.choice([0.0, 0.02, 0.1, 0.4, 1.0], p=[0.04, 0.3, 0.3, 0.3, 0.06], size=2)
    b = sparse(rng, k, n, densities[1]) if family == "sparse_b" else None
    return sparse(rng, m, k, densities[0]), b, n


def any_design(rng: random.Random, dataflow: str, family: str) -> dict:
    """On the lattice half of the time, else of any size that can be built."""
    fields = design(rng, dataflow, family)
    if rng.random() < 0.5:
        return fields
    limits = {"pe_rows": 9, "pe_cols": 6, "lanes": 4, "tile_m": 25, "tile_k": 90, "tile_n": 25, "glb_banks": 7}
    fields |= {name: rng.randint(1, limit) for name, limit in limits.items()}
    used = {"rows_used": rng.randint(1, 9), "cols_used": rng.randint(1, 6), "lanes_used": rng.randint(1, 4)}
    return (
        fields
        | {
            "accumulator_bits": rng.choice([20, 24, 32]),
            "value_bits": rng.choice([8, 12]),
            "pe_buffer_bytes": rng.randint(10, 300),
        }
        | (used if rng.random() < 0.5 else {})
    )


def assert_equal(found: KernelRun, truth: Outcome, fields: dict):
    """Cycles by resource, what binds, every count of actions and traffic, and what fits: to rounding."""
    assert len(found.visits) == truth.visits
    pairs = [("cycles", found.cycles, truth.cycles), ("fill", found.fill_cycles, truth.fill_cycles)]
    for at, name in enumerate(RESOURCES):
        pairs.append((f"busy {name}", found.resource_cycles[at], truth.resource_cycles[name]))
        pairs.append((f"bound {name}", found.bound_cycles[at], truth.bound_cycles[name]))
    for kind in ("actions", "traffic", "computes", "fits"):
        pairs += [(f"{kind} {name}", getattr(found, kind)[name], v) for name, v in getattr(truth, kind).items()]
    assert found.actions.keys() - truth.actions.keys() == {"cycles"}
    assert found.fits.keys() == truth.fits.keys()
    for name, mine, other in pairs:
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-9, err_msg=f"{name} of {fields}")


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_everything_equals_the_reference(family: str, dataflow: str):
    rng = random.Random(f"{family} {dataflow}")
    for _ in range(DRAWS):
        fields = any_design(rng, dataflow, family)
        values = np.random.default_rng(rng.randrange(2**31))
        a, b, n = operands(values, family)
        truth = run_reference(a, b, n, Design(**fields), **REFERENCE_MEMORY)
        right = np.random.default_rng(0).uniform(0.5, 1.5, (a.shape[1], n)) if b is None else csr_array(b)
        found = run_product(ConcreteDesign(**fields), csr_array(a), right, MEMORY)
        z = found.result if b is None else found.result.toarray()
        np.testing.assert_allclose(z, truth.z, rtol=1e-12, atol=1e-12)
        assert_equal(found, truth, fields)


def combinations(family: str, dataflow: str):
    """Every legal format, zero mode, schedule and (for the inner product) intersection unit."""
    units = INTERSECTIONS if dataflow == "inner_product" else INTERSECTIONS[:1]
    for a_format, b_format in product(*(legal_formats(dataflow, operand, family) for operand in "ab")):
        modes = [legal_zero_modes(form, operand, family) for form, operand in ((a_format, "a"), (b_format, "b"))]
        for a_zero, b_zero, schedule, unit in product(*modes, SCHEDULES, units):
            yield {
                "a_format": a_format,
                "b_format": b_format,
                "a_zero": a_zero,
                "b_zero": b_zero,
                "schedule": schedule,
                "intersection": unit,
            }


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_the_product_is_scipys_on_every_combination(family: str, dataflow: str):
    """SpMV and SpMM, or SpMSpM; loop order, residency, spatial assignment and tiles go round."""
    rng, draw = random.Random(3), np.random.default_rng(3)
    for at, choices in enumerate(combinations(family, dataflow)):
        if at % 25 == 0:
            m, k, n = (int(draw.integers(1, 14)) for _ in range(3))
            a = csr_array(sparse(draw, m, k, 0.3))
            b = draw.normal(size=(k, n) if at % 2 else k) if family == "dense_b" else csr_array(sparse(draw, k, n, 0.3))
            expected = a @ b if family == "dense_b" else (a @ b).toarray()
        sizes = design(rng, dataflow, family) | {f"tile_{loop}": rng.choice([3, 5, 16]) for loop in "mkn"}
        held, axes = legal_residencies(dataflow, choices["b_format"], family), COLUMN_AXES
        lanes = legal_lane_axes(dataflow, choices["b_zero"], family)
        turn = {"loop_order": LOOP_ORDERS[at % 6], "residency": held[at % len(held)]}
        turn |= {"columns_on": axes[at // 2 % len(axes)], "lanes_on": lanes[at % len(lanes)]}
        found = run_product(ConcreteDesign(**(sizes | choices | turn)), a, b, MEMORY)
        result = found.result if family == "dense_b" else found.result.toarray()
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12, err_msg=str(choices))
        assert found.computes["effectual"] == (
            a.nnz * (n if b.ndim == 2 else 1)
            if family == "dense_b"
            else np.sum(np.diff(a.tocsc().indptr) * np.diff(b.indptr))
        )


def built(fields: dict):
    mapping = make_mapping(**fields)
    numbers = {name: float(value) for name, value in fields.items() if not isinstance(value, str)}
    return make_hardware(fields["intersection"], [mapping], **numbers), mapping


@pytest.mark.parametrize("family", FAMILIES)
def test_a_simulation_is_a_run_with_its_price(family: str, tech):
    fields = design(random.Random(1), "gustavson", family)
    hardware, mapping = built(fields)
    a = generators.power_law_rows(40, 40, 4, 2.1, 0)
    b = np.ones((40, 8)) if family == "dense_b" else a
    found = simulate(hardware, mapping, a, b, tech)
    plain = run_product(ConcreteDesign(**fields), a, b, Memory.of(tech))
    cost = found.cost
    assert float(cost.cycles) == plain.cycles == found.run.cycles
    assert {name: float(getattr(cost.actions, name)) for name in plain.actions} == plain.actions
    np.testing.assert_allclose(cost.energy_pj, price(cost.actions, hardware, mapping, cost.area_mm2, tech), rtol=1e-5)
    np.testing.assert_allclose(float(cost.latency_s), plain.cycles * 1e-9, rtol=1e-12)
    np.testing.assert_allclose(cost.bound_cycles.sum() + plain.fill_cycles, plain.cycles, rtol=1e-12)
    assert found.bottleneck == RESOURCES[int(np.argmax(plain.bound_cycles))]
    assert cost.fits.shape == (len(FITS),)
    assert cost.fits[0] == plain.fits["glb"]
    times = found.visits.cycles
    np.testing.assert_allclose(
        np.bincount(np.argmax(times, axis=0), times.max(axis=0), len(RESOURCES)), plain.bound_cycles
    )


def test_skip_ahead_walks_as_the_reference_does():
    """Pair by pair, and many pairs at once, in blocks that the memory given is too small to hold."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        fibers = [[np.flatnonzero(rng.random(40) < density) for density in rng.random(9)] for _ in "ab"]
        a, b = ([fiber for fiber in side if fiber.size] for side in fibers)
        expected = np.array([[reference_steps("skip_ahead", x.tolist(), y.tolist(), 40) for y in b] for x in a])
        one = np.array([[jumps(x, 0, len(x), y, 0, len(y)) for y in b] for x in a])
        np.testing.assert_array_equal(WALK_ENDS + one, expected)
        left, right = (
            (ends[:-1], ends[1:], np.arange(len(side)), np.concatenate(side).astype(np.int32))
            for side, ends in ((side, np.cumsum([0, *map(len, side)])) for side in (a, b))
        )
        room, of_a, of_b = np.empty(60, np.int32), np.zeros(one.shape, np.int64), np.zeros(one.T.shape, np.int64)
        add_drops(left, right, 40, True, room, of_a)
        add_drops(right, left, 40, False, room, of_b)
        np.testing.assert_array_equal(of_a + of_b.T, one)


def test_outputs_that_cancel_are_kept():
    """The machine does not look at sums: an output that cancels to zero is stored like any other."""
    a = csr_array(np.array([[1.0, 1.0]]))
    b = csr_array(np.array([[1.0], [-1.0]]))
    fields = design(random.Random(1), "gustavson", "sparse_b")
    found = run_product(ConcreteDesign(**fields), a, b, MEMORY)
    assert (found.result.nnz, found.result.toarray().tolist()) == (1, [[0.0]])


@pytest.mark.parametrize(
    ("change", "a", "b", "message"),
    [
        ({}, np.eye(3), np.eye(3), "A is not a sparse matrix; pass a scipy.sparse.csr_array."),
        ({}, csr_array(np.eye(3)), np.ones((4, 2)), r"A is 3 x 3 but B has shape \(4, 2\); give B as many rows."),
        ({}, csr_array(np.diag([1, np.nan])), np.ones((2, 2)), "A holds values that are NaN or infinite"),
        ({"pe_rows": 2.5}, csr_array(np.eye(3)), np.ones((3, 2)), "pe_rows is 2.5; the simulator builds"),
        ({"accumulator_bytes": 2}, csr_array(np.eye(3)), np.ones((3, 2)), "give each lane of a PE room for one"),
        ({"a_format": "csc"}, csr_array(np.eye(3)), np.ones((3, 2)), "a_format 'csc' does not go with gustavson"),
        ({"tile_m": 1, "tile_n": 1, "tile_k": 1}, csr_array(np.ones((1000, 1000))), np.ones((1000, 64)), "64,000,000"),
    ],
)
def test_what_cannot_run_is_refused(change: dict, a, b, message: str, tech):
    fields = design(random.Random(2), "gustavson", "dense_b") | change
    with pytest.raises(InputError, match=message):
        simulate(*built(fields), a, b, tech)
