"""Co-design: damage and price of what goes, masks that stay connected, slopes of the price, machines that only improve,
costs at equal accuracy."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from dse import Design, Encoding, RandomSearch, default_space, make_problem
from dse.codesign import Companions, descended
from experiments import codesign
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.codesign import points as codesign_points
from experiments.common.codesign.networks import whole_workload
from experiments.common.codesign.points import CodesignPoint, compared, cost_at
from hwmodels.technology import make_technology, scenario
from workloads import InputError, measure
from workloads.densities import Uniform
from workloads.kernels.matrix_product import DensityKernel
from workloads.pruning import train
from workloads.pruning.images import Images
from workloads.pruning.layer_statistics import layer_tables
from workloads.pruning.priced_pruning import (
    LayerCounts,
    connected,
    counts_of,
    damage,
    prune_priced,
    prune_to,
    shares_of_larger,
)
from workloads.pruning.shrink import without_silent, without_unread
from workloads.pruning.small_networks import cnn, mlp, recorded
from workloads.pruning.train import Recipe, masked

NETWORKS = [mlp((8, 8), 10, (24, 16)), cnn((8, 8), 10)]


def weights_of(network, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in network.shapes]


def test_damage_is_the_share_of_what_is_at_least_as_large():
    np.testing.assert_allclose(shares_of_larger(np.array([1.0, 4.0, 0.0, 5.0])), [0.1, 4 / 9, 0.0, 1.0])


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_what_is_dear_goes_and_a_way_always_stays(network):
    weights = weights_of(network)
    masks = [np.ones_like(weight) for weight in weights]
    layers = len(masks)
    only = lambda which, at: LayerCounts(*(np.eye(layers)[at] * (part == which) for part in range(3)))  # noqa: E731
    for at in range(layers):
        fewer = prune_to(masks, damage(weights), only(2, at), 0.5)
        sizes = [int(mask.sum()) for mask in fewer]
        # To first order; weights that go alone and with their output are counted twice.
        assert 0.5 * masks[at].size - 2 <= sizes[at] <= 0.57 * masks[at].size
        kept, gone = np.abs(weights[at])[fewer[at] > 0], np.abs(weights[at])[fewer[at] == 0]
        assert np.median(kept) > np.median(gone)
    narrow = counts_of(prune_to(masks, damage(weights), only(0, 0), 0.5))
    assert narrow.outputs[0] == pytest.approx(len(masks[0]) / 2, abs=1)
    assert list(narrow.outputs[1:]) == [len(mask) for mask in masks[1:]]
    least = prune_to(masks, damage(weights), LayerCounts(*np.ones((3, layers))), 1e9)
    assert [int(mask.sum()) for mask in least] == [1] * layers
    for mask, again in zip(least, connected(least), strict=True):
        np.testing.assert_array_equal(mask, again)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_silent_outputs_go_into_biases(network):
    rng = np.random.default_rng(1)
    params = [(weight, rng.normal(size=len(weight)).astype(np.float32)) for weight in weights_of(network)]
    for weight, _ in params[:-1]:
        weight[:5] = 0
    images = rng.random((6, 8, 8), np.float32)
    same = without_silent(network, params)
    (_, logits), (_, expected) = (recorded(network, one, images) for one in (same, params))
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    assert len(without_unread(same)[0][-2][0]) == len(params[-2][0]) - 5


def test_pruning_meets_a_share_of_any_price(monkeypatch):
    """Training leaves weights as they are: how many go is not its business."""
    network, seeds, shares = NETWORKS[0], [0, 1], (0.3, 0.05)
    still = lambda params, state, masks, data, key: (masked(params, masks), state)  # noqa: E731
    monkeypatch.setattr(train, "pass_of_all", lambda network, recipe, images: still)
    whole = sum(out * k for out, k in network.shapes)

    def price(counts: LayerCounts, done: float) -> tuple[np.ndarray, LayerCounts]:
        weights = np.asarray(counts.weights, float)
        total = weights.sum(axis=-1, keepdims=True)
        return np.log(total[..., 0] / whole), LayerCounts(0 * weights, 0 * weights, weights / total)

    blank = np.zeros((64, 8, 8), np.float32), np.zeros(64, np.int32)
    images = [Images("blank", *blank, *blank)] * len(seeds)
    for share, row in zip(shares, prune_priced(network, images, shares, seeds, Recipe(rounds=8), price), strict=True):
        for params in row:
            left = sum(np.count_nonzero(weight) for weight, _ in params) / whole
            assert left == pytest.approx(share, rel=0.15)


FULL = np.array([(16, 64, 1024), (10, 16, 160)])
"""Outputs, inputs and weights of the layers of the network whose machines are looked at."""


@pytest.fixture(scope="module")
def tables():
    return layer_tables([(16, 64), (10, 16)], [8, 8], sizes=(1.0, 0.25), densities=(1.0, 0.25, 0.0625))


@pytest.fixture(scope="module")
def problem():
    space = default_space().fix(dataflow="gustavson", a_format=["dense", "bitmask"])
    workload = whole_workload(mlp((8, 8), 10, (16,)), 8)
    return make_problem(workload, space, make_technology(scenario()), objectives=("edp_js",))


def test_tables_of_counts_are_those_of_the_layer(tables, problem):
    mapping = {"tile_m": 16.0, "tile_k": 32.0, "tile_n": 8.0, "loop_order": "mkn"}
    mapping |= {"residency": "b", "columns_on": "n", "lanes_on": "n"}
    mapping |= {"a_format": "bitmask", "b_format": "dense", "a_zero": "skip", "b_zero": "compute", "schedule": "cyclic"}
    numbers = {"pe_rows": 4, "pe_cols": 2, "lanes": 2, "glb_bytes": 65536, "glb_banks": 8, "pe_buffer_bytes": 512}
    numbers |= {"accumulator_bytes": 512, "index_bus_bits": 32, "value_bus_bits": 128}
    hardware = {name: float(value) for name, value in numbers.items()}
    hardware |= {"value_bits": 8.0, "accumulator_bits": 24.0, "intersection": "leader_follower"}
    design = Design(hardware, ({"dataflow": "gustavson", **mapping},) * 2, ("fc1", "fc2"))
    cases = ((16, 64, 1.0, 1e-5), (16, 64, 0.25, 1e-5), (9, 40, 0.4, 0.06), (5, 50, 0.15, 0.06))
    counts = np.log2([(m, k, round(m * k * density)) for m, k, density, _ in cases]).astype(np.float32)
    found = jax.jit(jax.vmap(tables.layer(0).statistics))(counts)
    for at, (m, k, density, error) in enumerate(cases):
        exact = measure(DensityKernel("layer", m, k, 8, Uniform(density)))
        pair = [exact, jax.tree.map(lambda leaf, at=at: leaf[at], found)]
        scores = problem.changed(statistics=pair).score_designs([design])
        for measured, interpolated in (*scores.latency_s, *scores.energy_pj):
            assert interpolated == pytest.approx(measured, rel=error)


def test_machines_follow_their_networks(tables, problem):
    companions = Companions(problem, tables, 2, strategy=RandomSearch(), budget=24)
    counts = np.log2([FULL, [(6, 40, 100), (10, 6, 40)]])
    first = companions.step(counts)
    assert first.log_price[0] == pytest.approx(companions.full_log_price, abs=0.2)
    assert first.log_price[1] < first.log_price[0]
    assert np.all(first.by_counts >= -1e-3)
    assert np.all(first.by_counts.sum(axis=(1, 2)) > 0.2)
    prices = [first.log_price]
    for _ in range(10):
        prices.append(companions.step(counts).log_price)
    companions.settle(counts)
    prices.append(companions.look(counts).log_price)
    assert np.all(np.diff(prices, axis=0) < 1e-2)  # the search rounds counts
    assert prices[-1][1] < prices[0][1]  # its machine was found for the whole network
    known = companions.genomes[:1]
    better = descended(problem, known, 60, np.random.default_rng(0))
    assert problem.score(better).objectives[0, 0] <= problem.score(known).objectives[0, 0]
    assert all(design.kernels == ("fc1", "fc2") for design in companions.designs())
    two = default_space().fix(dataflow=["gustavson", "outer_product"])
    with pytest.raises(InputError, match="fix one"):
        Companions(
            problem.changed(encoding=Encoding(two, problem.kernels)),
            tables, 1, strategy=RandomSearch(), budget=8,
        )  # fmt: skip


def point(method: str, accuracies: list[float], edp_js: float) -> CodesignPoint:
    networks = [SimpleNamespace(accuracy=accuracy) for accuracy in accuracies]
    return CodesignPoint("arm", method, "", tuple(SimpleNamespace(network=one, edp_js=edp_js) for one in networks))  # type: ignore


def test_costs_are_compared_at_equal_accuracy(monkeypatch):
    monkeypatch.setattr(codesign_points, "RESAMPLED", 50)
    every = np.arange(2)
    first = [point("a", [0.9, 0.92], 1.0), point("a", [0.95, 0.97], 4.0), point("b", [0.93, 0.93], 3.0)]
    assert cost_at(first, 0.935, every) == pytest.approx(2.0)  # half way between 0.91 and 0.96, in logarithms
    assert cost_at(first, 0.97, every) == np.inf
    assert cost_at([*first, point("a", [0.94, 0.96], 9.0)], 0.955, every) == cost_at(first, 0.955, every)
    second = [dataclasses.replace(one, judged=tuple(SimpleNamespace(network=j.network, edp_js=j.edp_js / 2) for j in one.judged)) for one in first]  # type: ignore  # fmt: skip # noqa: E501
    found = compared(first, second, 0.935, seed=0)
    assert (found.ratio, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert compared(first, second, 0.935, seed=0, slack=0.025).ratio == pytest.approx(1.0)
    assert np.isnan(compared(first, second, 0.99, seed=0).ratio)


def test_mistakes_are_answered_in_a_sentence(tmp_path, capsys):
    for arguments, words in {
        ("--shares", "1.5"): "--shares: '1.5' cannot be; give a number above 0 and below 1",
        ("--settles", "0"): "--settles: '0' cannot be; give a whole number of at least 1",
        ("--levels", "2"): "--levels: '2' cannot be",
    }.items():
        assert main(codesign.run, codesign.Config, ["--out", str(tmp_path), *arguments]) == USAGE_ERROR
        assert words in capsys.readouterr().err
