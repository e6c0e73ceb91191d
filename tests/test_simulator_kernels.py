"""SDDMM and element-wise kernels: SciPy's results on every combination, and the naive walk of sections 7 and 8."""

import random
from itertools import product

import numpy as np
import pytest
from conftest import design
from reference import Design
from reference.elementwise import run_elementwise as reference_elementwise
from reference.sddmm import run_sddmm as reference_sddmm
from scipy.sparse import csr_array
from test_simulator import MEMORY, REFERENCE_MEMORY, any_design, assert_equal, built, sparse

from hwmodels.design.choices import COLUMN_AXES, INTERSECTIONS, LOOP_ORDERS, SCHEDULES
from hwmodels.design.legality import legal_formats, legal_zero_modes
from hwmodels.simulator import ConcreteDesign, run_elementwise, run_sddmm, simulate_elementwise, simulate_sddmm
from workloads import InputError

DRAWS = 40


def element_formats() -> list[tuple[str, str]]:
    return [
        (stored, zero)
        for stored in legal_formats("inner_product", "a", "elementwise")
        for zero in legal_zero_modes(stored, "a", "elementwise")
    ]


def test_sddmm_equals_the_naive_walk():
    rng = random.Random("sddmm")
    for _ in range(DRAWS):
        fields = any_design(rng, "inner_product", "sddmm")
        draw = np.random.default_rng(rng.randrange(2**31))
        m, k, n = (int(draw.integers(1, most)) for most in (36, 30, 60))
        mask = sparse(draw, m, n, draw.choice([0.0, 0.05, 0.2, 1.0], p=[0.05, 0.45, 0.45, 0.05]))
        a, b = draw.uniform(0.5, 2, (m, k)), draw.uniform(0.5, 2, (k, n))
        found = run_sddmm(ConcreteDesign(**fields), csr_array(mask), a, b, MEMORY)
        assert_equal(found, reference_sddmm(mask, a, b, Design(**fields), **REFERENCE_MEMORY), fields)
        np.testing.assert_allclose(found.result.toarray(), mask * (a @ b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operation", ["multiply", "add"])
def test_elementwise_equals_the_naive_walk(operation: str):
    rng = random.Random(operation)
    for _ in range(DRAWS):
        fields = any_design(rng, "inner_product", "elementwise")
        draw = np.random.default_rng(rng.randrange(2**31))
        m, n = (int(draw.integers(1, most)) for most in (36, 80))
        a, b = (sparse(draw, m, n, draw.choice([0.0, 0.05, 0.2, 1.0], p=[0.05, 0.45, 0.45, 0.05])) for _ in "ab")
        found = run_elementwise(ConcreteDesign(**fields), csr_array(a), csr_array(b), operation, MEMORY)
        truth = reference_elementwise(a, b, operation == "add", Design(**fields), **REFERENCE_MEMORY)
        assert_equal(found, truth, fields)
        padded = "rle" in (fields["a_format"], fields["b_format"])
        assert padded or min(found.computes.values()) >= 0
        np.testing.assert_allclose(found.result.toarray(), a + b if operation == "add" else a * b, rtol=1e-12)


def test_results_are_scipys_on_every_combination():
    """Every format and zero mode of one operand with every one of the other; in pairs, schedules and units go round."""
    rng, draw = random.Random(5), np.random.default_rng(5)
    a, b = (csr_array(sparse(draw, 11, 13, 0.3)) for _ in "ab")
    left, right = draw.normal(size=(11, 6)), draw.normal(size=(6, 13))
    both = {"multiply": (a * b).toarray(), "add": (a + b).toarray()}
    turn = 0
    for at, ((a_format, a_zero), schedule) in enumerate(product(element_formats(), SCHEDULES)):
        fields = design(rng, "inner_product", "sddmm") | {f"tile_{loop}": rng.choice([3, 5, 16]) for loop in "mkn"}
        fields |= {"a_format": a_format, "a_zero": a_zero, "schedule": schedule, "loop_order": LOOP_ORDERS[at % 6]}
        fields |= {"columns_on": COLUMN_AXES[at % 2]}
        found = run_sddmm(ConcreteDesign(**fields), a, left, right, MEMORY)
        np.testing.assert_allclose(found.result.toarray(), a.toarray() * (left @ right), rtol=1e-12, atol=1e-12)
        for b_format, b_zero in element_formats()[at % 3 :: 3]:
            fields |= {"b_format": b_format, "b_zero": b_zero, "intersection": INTERSECTIONS[turn % 4]}
            turn += 1
            for operation, expected in both.items():
                found = run_elementwise(ConcreteDesign(**fields), a, b, operation, MEMORY)
                np.testing.assert_allclose(found.result.toarray(), expected, rtol=1e-12)


def test_both_are_priced(tech):
    fields = design(random.Random(1), "inner_product", "sddmm")
    fields |= {"a_format": "csr", "a_zero": "skip"}
    hardware, mapping = built(fields)
    mask = csr_array(np.eye(6))
    found = simulate_sddmm(hardware, mapping, mask, np.ones((6, 4)), np.ones((4, 6)), tech)
    assert float(found.cost.computes.effectual) == 24
    assert float(found.cost.energy_pj.sum()) > 0
    hardware, mapping = built(fields | {"b_format": "csr", "b_zero": "skip", "lanes_on": "n"})
    assert simulate_elementwise(hardware, mapping, mask, mask, "add", tech).result.toarray()[0, 0] == 2.0
    with pytest.raises(InputError, match="dataflow 'outer_product' cannot run this kernel; use inner_product"):
        simulate_elementwise(*built(fields | {"dataflow": "outer_product"}), mask, mask, "add", tech)
    with pytest.raises(InputError, match="give both the same shape"):
        simulate_elementwise(hardware, mapping, mask, csr_array(np.eye(7)), "add", tech)
    with pytest.raises(InputError, match=r"give S \[M, N\], A \[M, K\] and B \[K, N\]"):
        simulate_sddmm(*built(fields), mask, np.ones((6, 4)), np.ones((5, 6)), tech)
