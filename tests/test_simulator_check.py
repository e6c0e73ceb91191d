"""Designs scored again by the simulator: what is compared, and what is said of it."""

import jax
import numpy as np
import pytest
from test_accelerated_product import DESIGN

from dse import Costed
from experiments.common.simulator_check import confirm, confirm_rows, confirm_story
from hwmodels import evaluate, simulate
from workloads import SparseKernel, Workload, generators, measure


def test_a_front_is_simulated_and_the_differences_are_told(tech, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    kernel = SparseKernel("graph", generators.uniform(96, 96, 0.03, 0), generators.uniform(96, 96, 0.03, 1), 96)
    workload = Workload("graph", (kernel,))
    hardware, (mapping,) = DESIGN.build()
    cost = jax.tree.map(np.asarray, evaluate(hardware, mapping, measure(kernel), tech))
    twice = jax.tree.map(lambda leaf: 2 * leaf, cost)
    front = [Costed(DESIGN, [cost], twice, np.array([2.0]))] * 2
    checked = confirm(front, workload, tech)
    run = simulate(hardware, mapping, kernel.a, kernel.b, tech)
    assert [one.row for one in checked] == [0, 1]
    np.testing.assert_allclose(checked[0].simulated[0], 2 * float(run.cost.latency_s), rtol=1e-12)
    np.testing.assert_allclose(checked[0].modelled[0], 2 * float(cost.latency_s), rtol=1e-12)
    assert checked[0].bottleneck == run.bottleneck
    assert max(map(abs, checked[0].errors)) < 0.3
    rows = confirm_rows(checked)
    assert rows[1]["latency_error"] == pytest.approx(rows[1]["latency_s"] / rows[1]["simulated_latency_s"] - 1)
    story = confirm_story(checked)
    assert story.startswith("confirmed by the simulator: 2 designs\n  latency: the models are off by ")
    assert run.bottleneck in story
