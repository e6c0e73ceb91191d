"""ExTensor: times and traffic of its authors' figures, and expectations against counts on a pattern."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from hwmodels.systems import Work, work_of
from hwmodels.systems.extensor import ExTensor
from workloads import SparseKernel

# A x A (TeAAL's artifact): rows, non-zeros, products, outputs; time in ns and energy in pJ as the authors report them
POISSON = (Work(13514.0, 13514.0, 13514.0, 352762.0, 352762.0, 11768678.0, 2957530.0), 6086000.0, 42757856014.0)
CONDMAT = (Work(23133.0, 23133.0, 23133.0, 186936.0, 186936.0, 4127524.0, 2355437.0), 2128000.0, 16730262131.0)


@pytest.mark.parametrize("published", [POISSON, CONDMAT], ids=["poisson3Da", "ca-CondMat"])
def test_times_and_energies_that_the_authors_report(published):
    work, nanoseconds, picojoules = published
    cost = ExTensor().cost(work)
    assert 1e9 * float(cost.latency_s) == pytest.approx(nanoseconds, rel=0.15)
    assert cost.total_energy_pj == pytest.approx(picojoules, rel=0.25)


def test_intersections_bind_the_denser_matrix_and_memory_the_other():
    assert ExTensor().cost(POISSON[0]).bottleneck == "compute"
    assert ExTensor().cost(CONDMAT[0]).bottleneck == "dram"


def test_traffic_of_poisson3da_by_operand():
    moved = ExTensor().traffic_bytes(POISSON[0])
    for name, published in (("a", 12591632.0), ("b", 6295816.0), ("partial", 94640960.0), ("z", 47320480.0)):
        assert moved[name] == pytest.approx(published, rel=0.08), name


def test_counts_in_expectation_are_those_of_a_random_pattern():
    rng = np.random.default_rng(3)
    a, b = (csr_array(random_array((2000, 2000), density=0.002, rng=rng)) for _ in range(2))
    work = work_of(SparseKernel("random", a, b, 2000))
    machine = ExTensor(4, 4)
    exact, expected = machine.counts(work), machine.counts(replace(work, kernel=None))
    for name in ("a_fibers", "b_fibers", "intersections", "a_visits"):
        assert getattr(expected, name) == pytest.approx(getattr(exact, name), rel=0.03), name
    # in expectation all rows count alike; on the pattern long rows have more outputs and more parts
    assert 0.8 * exact.revisits < expected.revisits < exact.revisits


def test_larger_llb_tiles_move_no_more():
    work = CONDMAT[0]
    small, large = ExTensor(16, 16).traffic_bytes(work), ExTensor(200, 200).traffic_bytes(work)
    assert all(large[name] <= small[name] for name in small)
    assert large["partial"] == 0
