"""The simulator: equal to the naive reference on random designs of every family, and SciPy's results on every legal
combination."""

import itertools
import random
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import DATAFLOWS_OF, FAMILIES, built, design
from reference import Design, Outcome
from reference import run as walk_product
from reference.elementwise import run_elementwise as walk_elementwise
from reference.intersection import steps_of
from reference.sddmm import run_sddmm as walk_sddmm
from scipy.sparse import csr_array

from hwmodels import FITS, RESOURCES, price
from hwmodels.design.choices import COLUMN_AXES, INTERSECTIONS, LOOP_ORDERS, SCHEDULES
from hwmodels.design.legality import (
    B_IS_DENSE,
    lanes_decode_a,
    legal_formats,
    legal_lane_axes,
    legal_residencies,
    legal_zero_modes,
)
from hwmodels.simulator import (
    ConcreteDesign,
    KernelRun,
    Memory,
    run_elementwise,
    run_product,
    run_sddmm,
    simulate,
    simulate_elementwise,
    simulate_sddmm,
)
from hwmodels.simulator.intersection import add_drops, jumps, steps_of_pairs
from workloads import InputError, generators

MEMORY = Memory(bits_per_cycle=61.0, latency_cycles=90.0, burst_bits=256)
DRAM = {"dram_bits_per_cycle": 61.0, "dram_latency_cycles": 90.0, "burst_bits": 256}
DRAWS = {"dense_b": 16, "sparse_b": 24, "sddmm": 24, "elementwise": 40}
"""Random designs of each dataflow."""


def sparse(rng: np.random.Generator, rows: int, columns: int, density: float) -> np.ndarray:
    return rng.uniform(0.5, 2.0, (rows, columns)) * (rng.random((rows, columns)) < density)


def any_design(rng: random.Random, dataflow: str, family: str) -> dict:
    """On the lattice a third of the time, else of any size that can be built."""
    fields = design(rng, dataflow, family, stays=rng.random() < 0.5)
    if rng.random() < 1 / 3:
        return fields
    limits = {"pe_rows": 6, "pe_cols": 4, "lanes": 4, "tile_m": 14, "tile_k": 40, "tile_n": 14, "glb_banks": 7}
    limits |= {"index_bus_bits": 80, "value_bus_bits": 80}
    fields |= {name: rng.randint(1, limit) for name, limit in limits.items()}
    return fields | {
        "accumulator_bits": rng.choice([16, 20, 24, 32, 40]),
        "value_bits": rng.choice([4, 8, 12, 16, 32]),
        "pe_buffer_bytes": rng.randint(60, 3000),
        "accumulator_bytes": fields["lanes"] * rng.randint(16, 200),
    }


def simulated_and_walked(family: str, fields: dict, rng: np.random.Generator) -> tuple[KernelRun, Outcome, np.ndarray]:
    """A small kernel of any shape and density by the simulator and by the reference; and its right result."""
    m, k, n = (int(rng.integers(1, most)) for most in (24, 44, 20))
    one, other = rng.choice([0.0, 0.02, 0.1, 0.4, 1.0], p=[0.04, 0.3, 0.3, 0.3, 0.06], size=2)
    mine, theirs = ConcreteDesign(**fields), Design(**fields)
    if family == "sddmm":
        s, a, b = sparse(rng, m, n, one), rng.uniform(0.5, 2, (m, k)), rng.uniform(0.5, 2, (k, n))
        return run_sddmm(mine, csr_array(s), a, b, MEMORY), walk_sddmm(s, a, b, theirs, **DRAM), s * (a @ b)
    a = sparse(rng, m, k, one)
    if family == "elementwise":
        b, union = sparse(rng, m, k, other), bool(rng.integers(2))
        found = run_elementwise(mine, csr_array(a), csr_array(b), "add" if union else "multiply", MEMORY)
        return found, walk_elementwise(a, b, union, theirs, **DRAM), a + b if union else a * b
    if family == "dense_b":
        b = np.random.default_rng(0).uniform(0.5, 1.5, (k, n))
        return run_product(mine, csr_array(a), b, MEMORY), walk_product(a, None, n, theirs, **DRAM), a @ b
    b = sparse(rng, k, n, other)
    return run_product(mine, csr_array(a), csr_array(b), MEMORY), walk_product(a, b, n, theirs, **DRAM), a @ b


def figures(found: KernelRun, truth: Outcome) -> Iterator[tuple[str, float, float]]:
    """(name, of the simulator, of the reference) of all that both give."""
    yield "cycles", found.cycles, truth.cycles
    yield "fill", found.fill_cycles, truth.fill_cycles
    yield "visits", len(found.visits), truth.visits
    for at, name in enumerate(RESOURCES):
        yield f"busy {name}", found.resource_cycles[at], truth.resource_cycles[name]
        yield f"bound {name}", found.bound_cycles[at], truth.bound_cycles[name]
    for kind in ("actions", "traffic", "computes", "fits"):
        for name, value in getattr(truth, kind).items():
            yield f"{kind} {name}", getattr(found, kind)[name], value


@pytest.mark.parametrize(("family", "dataflow"), DATAFLOWS_OF)
def test_everything_equals_the_reference(family: str, dataflow: str):
    """Result, cycles by resource, what binds, every count of actions and traffic, and what fits: to rounding."""
    rng = random.Random(f"{family} {dataflow}")
    for _ in range(DRAWS[family]):
        fields = any_design(rng, dataflow, family)
        found, truth, z = simulated_and_walked(family, fields, np.random.default_rng(rng.randrange(2**31)))
        result = found.result if family == "dense_b" else found.result.toarray()
        np.testing.assert_allclose(result, z, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(truth.z, z, rtol=1e-12, atol=1e-12)
        assert found.actions.keys() - truth.actions.keys() == {"cycles"}
        for name, mine, other in figures(found, truth):
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-9, err_msg=f"{name} of {fields}")


def combinations(family: str, dataflow: str) -> Iterator[dict[str, str]]:
    """Every legal format, zero mode and (where it is used) intersection unit, each with every schedule: a sparse B's
    with some of the other choices."""
    each = len(SCHEDULES) if family in B_IS_DENSE else 1
    formats = itertools.product(*(legal_formats(dataflow, operand, family) for operand in "ab"))
    for first, (a_format, b_format) in enumerate(formats):
        schedules = itertools.cycle(np.roll(SCHEDULES, first).tolist())
        modes = [legal_zero_modes(form, operand, family) for form, operand in ((a_format, "a"), (b_format, "b"))]
        for a_zero, b_zero in itertools.product(*modes):
            choices = {"a_format": a_format, "b_format": b_format, "a_zero": a_zero, "b_zero": b_zero}
            if family == "elementwise" and not lanes_decode_a(choices):
                continue
            meet = dataflow == "inner_product" and (a_zero, b_zero) == ("skip", "skip")
            for unit in INTERSECTIONS if meet else INTERSECTIONS[:1]:
                for schedule in itertools.islice(schedules, each):
                    yield choices | {"schedule": schedule, "intersection": unit}


@pytest.mark.parametrize(("family", "dataflow"), DATAFLOWS_OF)
def test_results_are_scipys_on_every_combination(family: str, dataflow: str):
    """Loop orders, residencies, assignments, operands and tiles go round."""
    rng, draw = random.Random(3), np.random.default_rng(3)
    for at, choices in enumerate(combinations(family, dataflow)):
        fields = design(rng, dataflow, family) | choices | {f"tile_{loop}": rng.choice([3, 5, 16]) for loop in "mkn"}
        residencies = legal_residencies(dataflow, choices["b_format"], family)
        axes = legal_lane_axes(dataflow, choices["b_zero"], family)
        fields |= {"loop_order": LOOP_ORDERS[at % 6], "residency": residencies[at % len(residencies)]}
        fields |= {"lanes_on": axes[at % len(axes)], "columns_on": COLUMN_AXES[at // 2 % 2]}
        if at % 25 == 0:
            m, k, n = (int(draw.integers(1, 14)) for _ in range(3))
            a, b = csr_array(sparse(draw, m, k, 0.3)), csr_array(sparse(draw, k, n, 0.3))
            same, mask = csr_array(sparse(draw, m, k, 0.3)), csr_array(sparse(draw, m, n, 0.3))
            left, right = draw.normal(size=(m, k)), draw.normal(size=(k, n))
        built_design = ConcreteDesign(**fields)
        if family == "elementwise":
            operation = ("add", "multiply")[at // 3 % 2]
            found = run_elementwise(built_design, a, same, operation, MEMORY)
            expected = (a + same if operation == "add" else a * same).toarray()
        elif family == "sddmm":
            found, expected = run_sddmm(built_design, mask, left, right, MEMORY), mask.toarray() * (left @ right)
        elif family == "dense_b":
            thin = right[:, 0] if at % 2 else right
            found, expected = run_product(built_design, a, thin, MEMORY), a @ thin
        else:
            found, expected = run_product(built_design, a, b, MEMORY), (a @ b).toarray()
        result = found.result if family == "dense_b" else found.result.toarray()
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12, err_msg=str(choices))


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
    bound = np.bincount(np.argmax(times, axis=0), times.max(axis=0), len(RESOURCES))
    np.testing.assert_allclose(bound, plain.bound_cycles)


def test_units_walk_as_those_of_the_reference():
    rng = np.random.default_rng(4)
    for _ in range(60):
        row, column = (np.flatnonzero(rng.random(70) < density).astype(np.int32) for density in rng.random(2))
        if not row.size or not column.size:
            continue
        counts = (1, row.size, column.size, np.intersect1d(row, column).size)
        jumped = jumps(row, 0, row.size, column, 0, column.size)
        for unit, name in enumerate(INTERSECTIONS):
            assert steps_of_pairs(unit, *counts, jumped, 2) == steps_of(name, row.tolist(), column.tolist(), 70)


def test_skip_ahead_walks_many_pairs_at_once():
    """In blocks that the memory given is too small to hold."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        fibers = [[np.flatnonzero(rng.random(40) < density) for density in rng.random(9)] for _ in "ab"]
        a, b = ([fiber for fiber in side if fiber.size] for side in fibers)
        each = np.array([[jumps(x, 0, len(x), y, 0, len(y)) for y in b] for x in a])
        left, right = (
            (ends[:-1], ends[1:], np.arange(len(side)), np.concatenate(side).astype(np.int32))
            for side, ends in ((side, np.cumsum([0, *map(len, side)])) for side in (a, b))
        )
        room, of_a, of_b = np.empty(60, np.int32), np.zeros(each.shape, np.int64), np.zeros(each.T.shape, np.int64)
        add_drops(left, right, 40, True, room, of_a)
        add_drops(right, left, 40, False, room, of_b)
        np.testing.assert_array_equal(of_a + of_b.T, each)


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
        ({"lanes_on": "k"}, csr_array(np.eye(3)), np.ones((3, 2)), "lanes_on 'k' does not go with gustavson"),
        ({"tile_m": 1, "tile_n": 1, "tile_k": 1}, csr_array(np.ones((1000, 1000))), np.ones((1000, 64)), "64,000,000"),
    ],
)
def test_what_cannot_run_is_refused(change: dict, a, b, message: str, tech):
    fields = design(random.Random(2), "gustavson", "dense_b") | change
    with pytest.raises(InputError, match=message):
        simulate(*built(fields), a, b, tech)


def test_other_kernels_are_priced_and_what_they_cannot_run_is_refused(tech):
    mask, ones = csr_array(np.eye(6)), np.ones((6, 4))
    fields = design(random.Random(1), "inner_product", "sddmm") | {"a_format": "csr", "a_zero": "skip"}
    found = simulate_sddmm(*built(fields), mask, ones, ones.T, tech)
    assert float(found.cost.computes.effectual) == 24
    assert float(found.cost.energy_pj.sum()) > 0
    with pytest.raises(InputError, match=r"give S \[M, N\], A \[M, K\] and B \[K, N\]"):
        simulate_sddmm(*built(fields), mask, ones, np.ones((5, 6)), tech)
    with pytest.raises(InputError, match="dataflow 'gustavson' cannot run this kernel; use inner_product"):
        simulate_sddmm(*built(fields | {"dataflow": "gustavson", "lanes_on": "n"}), mask, ones, ones.T, tech)
    fields = design(random.Random(1), "inner_product", "elementwise")
    fields |= {"a_format": "csr", "b_format": "csr", "a_zero": "skip", "b_zero": "skip"}
    both = built(fields)
    assert simulate_elementwise(*both, mask, mask, "add", tech).result.toarray()[0, 0] == 2.0
    with pytest.raises(InputError, match="give both the same shape"):
        simulate_elementwise(*both, mask, csr_array(np.eye(7)), "add", tech)
    with pytest.raises(InputError, match="lanes decode a compressed A only where A and B skip"):
        simulate_elementwise(*built(fields | {"b_zero": "gate"}), mask, mask, "add", tech)
    with pytest.raises(InputError, match=r"b_format 'csc' does not go with inner_product"):
        simulate_elementwise(*built(fields | {"b_format": "csc"}), mask, mask, "add", tech)
