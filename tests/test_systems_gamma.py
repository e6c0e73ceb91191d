"""GAMMA: times that its authors report, and rows longer than its mergers."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from hwmodels.systems import Work, work_of
from hwmodels.systems.gamma import Gamma
from workloads import SparseKernel

# A x A (TeAAL's artifact): time in ns as the authors report it
TIMES = {
    "wiki-Vote": (Work(8297.0, 8297.0, 8297.0, 103689.0, 103689.0, 4542805.0, 1831112.0), 210160.0),
    "p2p-Gnutella31": (Work(62586.0, 62586.0, 62586.0, 147892.0, 147892.0, 538318.0, 537601.0), 82186.0),
    "ca-CondMat": (Work(23133.0, 23133.0, 23133.0, 186936.0, 186936.0, 4127524.0, 2355437.0), 262508.0),
    "poisson3Da": (Work(13514.0, 13514.0, 13514.0, 352762.0, 352762.0, 11768678.0, 2957530.0), 373730.0),
    "email-Enron": (Work(36692.0, 36692.0, 36692.0, 367662.0, 367662.0, 51501448.0, 30492154.0), 3337816.0),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_that_the_authors_report(name):
    work, nanoseconds = TIMES[name]
    assert 1e9 * float(Gamma().cost(work).latency_s) == pytest.approx(nanoseconds, rel=0.13)


def test_rows_beyond_the_radix_pass_twice():
    a = csr_array(np.vstack([np.ones((1, 100)), np.eye(3, 100)]))
    work = work_of(SparseKernel("long_row", a, csr_array(np.eye(100)), 100))
    assert Gamma().merged(work) == 2 * 100 + 3
    assert Gamma(radix=128).merged(work) == 103


def test_rows_of_b_that_no_column_selects_stay_in_memory():
    a = csr_array(np.eye(4, 8))
    work = work_of(SparseKernel("half", a, csr_array(np.ones((8, 8))), 8))
    assert Gamma().traffic_bytes(work)["b"] == 4 * 8 * 12 + 8 * 4
