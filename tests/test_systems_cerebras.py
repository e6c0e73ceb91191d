"""Cerebras WSE-2: near-linear gains of unstructured sparsity, the fullest column by hand, and capacity."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments.common.published import PublishedPoint, read_points
from experiments.common.published.cerebras import predict
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.cerebras import CerebrasWse2
from workloads import SparseKernel
from workloads.errors import InputError
from workloads.generators import uniform

WAFER = CerebrasWse2()


def test_a_wide_layer_gains_nearly_as_its_zeros():
    """Unstructured sparsity of a GPT-3 layer of 12,288 gains nearly its share; the fullest column takes a little."""
    dense, sparse = (WAFER.cost(uniform_work(12288.0, 12288.0, 65536.0, density)) for density in (1.0, 0.1))
    assert 9 < dense.resource_cycles[0] / sparse.resource_cycles[0] < 10


def test_fullest_column_by_hand():
    """Three features a column: the first has four weights, each met by five tokens in two cycles of four."""
    a = np.zeros((3, 2000))
    a[:, 0], a[0, 1], a[:2, 3] = 1.0, 1.0, 1.0
    cost = WAFER.cost(work_of(SparseKernel("small", csr_array(a), None, 4000)))
    assert cost.resource_cycles[0] == 4 * 2
    assert WAFER.side == 921


def test_expectation_is_that_of_patterns():
    kernel = SparseKernel("uniform", uniform(2000, 1500, 0.1, seed=1), None, 100)
    expected = WAFER.cost(uniform_work(2000.0, 1500.0, 100.0, 0.1)).resource_cycles[0]
    assert WAFER.cost(work_of(kernel)).resource_cycles[0] == pytest.approx(expected, rel=0.05)


def test_activations_must_fit():
    with pytest.raises(InputError, match="lower n"):
        WAFER.cost(uniform_work(12288.0, 12288.0, 2e6))


def test_predictor_says_why_not_and_takes_sizes_where_given():
    points = read_points(None, "cerebras")
    assert all(isinstance(predict(point, points), str) for point in points)
    sizes = {"m": 12288, "k": 12288, "n": 65536, "density": 0.25}
    assert predict(PublishedPoint("cerebras", "layer", "speedup", 4.0, "x", sizes), points) == pytest.approx(4, rel=0.1)
