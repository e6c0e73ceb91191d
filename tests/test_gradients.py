"""Gradients under `Smooth` and `StraightThrough`: finite, equal to central differences, and tending to `Exact`."""

import random
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import FAMILIES, batch_of, cost_of, design, evaluate_all

from experiments.common.random_designs import draw_designs
from hwmodels import Hardware, Mapping, Smooth, StraightThrough
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

CASES = [(family, dataflow) for family in FAMILIES for dataflow in DATAFLOWS]
DESIGNS = 64
DIFFERENCES = 20


def anywhere(dataflow: str, seed: int, count: int, on_lattice: float = 1 / 3) -> tuple[Hardware, Mapping]:
    """Designs in a box wider than what can be built, half with mixtures of choices; on the last axis."""
    drawn = draw_designs(count, dataflow, seed, mixed=0.5, on_lattice=on_lattice)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), drawn)


def logs(cost) -> jax.Array:
    """What a search descends: log latency, energy and area, [3, designs]."""
    parts = (cost.cycles, cost.energy_pj.sum(axis=0), cost.area_mm2.sum(axis=0))
    return jnp.stack(jnp.broadcast_arrays(*(jnp.log(part) for part in parts)))


def gradients(designs, statistics, tech, numerics):
    """Gradient of the sum of `logs` of every design by every leaf, and `logs`; designs do not touch each other."""

    def loss(both):
        values = logs(evaluate_all(*both, statistics, tech, numerics=numerics, compiled=False))
        return values.sum(), values

    return jax.grad(loss, has_aux=True)(designs)


def floats(tree, dtype):
    """Every array of a tree in another precision."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), dtype), tree)


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_smooth_gradients_are_finite(family: str, dataflow: str, measured, tech):
    designs = anywhere(dataflow, 11, DESIGNS)
    slopes, values = gradients(designs, measured[family][0], tech, Smooth())
    assert np.all(np.isfinite(values))
    for path, slope in jax.tree_util.tree_leaves_with_path(slopes):
        assert slope.shape[-1] == DESIGNS
        assert np.all(np.isfinite(slope)), jax.tree_util.keystr(path)
    moved = [name for name in HARDWARE_NUMBERS if np.any(np.asarray(getattr(slopes[0], name)) != 0)]
    assert moved == list(HARDWARE_NUMBERS)
    acting = [name for name in MAPPING_NUMBERS if name != "glb_room"]  # which acts on what fits alone
    assert all(np.any(np.asarray(getattr(slopes[1], name)) != 0) for name in acting)


@pytest.mark.parametrize(("family", "dataflow"), [("dense_b", "gustavson"), ("sparse_b", "inner_product")])
def test_smooth_gradients_equal_central_differences(family: str, dataflow: str, measured, tech):
    """In float64, by the log of every number, inside the cells of the lattice; elasticities to 1e-3.

    `validate_gradients.py` does the same for every family and dataflow, at its smoke size in CI.
    """
    step = 1e-6
    with jax.enable_x64(True):
        statistics, technology = floats(measured[family][0], jnp.float64), floats(tech, jnp.float64)
        off_lattice = floats(anywhere(dataflow, 12, DIFFERENCES, on_lattice=0.0), jnp.float64)
        slopes_of = jax.jit(partial(gradients, statistics=statistics, tech=technology, numerics=Smooth()))
        slopes, _ = slopes_of(off_lattice)
        names = [*HARDWARE_NUMBERS, *MAPPING_NUMBERS]
        analytic = np.stack(
            [
                np.asarray(getattr(slope, n) * getattr(d, n))
                for slope, d, own in zip(slopes, off_lattice, (HARDWARE_NUMBERS, MAPPING_NUMBERS), strict=True)
                for n in own
            ]
        )

        def shifted(name: str, by: float) -> np.ndarray:
            """`logs` of every design, added, with one number moved."""
            part = 0 if name in HARDWARE_NUMBERS else 1
            moved = list(off_lattice)
            moved[part] = eqx.tree_at(
                lambda one: getattr(one, name), moved[part], getattr(moved[part], name) * np.exp(by)
            )
            return np.asarray(slopes_of(tuple(moved))[1].sum(axis=0))

        numeric = np.stack([(shifted(name, step) - shifted(name, -step)) / (2 * step) for name in names])
    assert numeric.dtype == np.float64
    error = np.abs(analytic - numeric) / np.maximum(np.abs(numeric), 1e-2)
    print(f"{family} {dataflow}: {error.size} derivatives, worst {error.max():.1e}")
    worst = np.unravel_index(error.argmax(), error.shape)
    assert error.max() <= 1e-3, f"{names[worst[0]]}: {analytic[worst]} against {numeric[worst]}"


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_smooth_tends_to_exact(family: str, dataflow: str, measured, tech):
    """On designs that can be built, off the lattice; the default temperature is within 5 % at the median."""
    rng = random.Random(13)
    chosen = [design(rng, dataflow, family) for _ in range(60)]
    for fields in chosen:
        for name in ("tile_m", "tile_k", "tile_n", "pe_rows", "pe_cols"):
            fields[name] = rng.randint(1, 40 if name.startswith("tile") else 20)
    designs = batch_of(chosen)
    statistics = measured[family][0]
    exact = logs(evaluate_all(*designs, statistics, tech, compiled=False))[:2]
    errors = {}
    for temperature in (0.2, Smooth().temperature, 0.0125):
        smooth = logs(evaluate_all(*designs, statistics, tech, numerics=Smooth(temperature), compiled=False))[:2]
        errors[temperature] = np.abs(np.expm1(np.asarray(smooth - exact)))
    medians = {t: float(np.median(e)) for t, e in errors.items()}
    means = [float(e.mean()) for e in errors.values()]
    print(f"{family} {dataflow}: median errors by temperature {medians}, means {means}")
    assert means[0] > means[1] > means[2]
    assert medians[Smooth().temperature] <= 0.05
    assert medians[0.0125] <= 0.01


@pytest.mark.parametrize(("family", "dataflow"), [("dense_b", "gustavson"), ("sparse_b", "inner_product")])
def test_straight_through_has_exact_values_and_finite_slopes(family: str, dataflow: str, measured, tech):
    designs = anywhere(dataflow, 14, DESIGNS)
    statistics = measured[family][0]
    slopes, values = gradients(designs, statistics, tech, StraightThrough())
    exact = logs(evaluate_all(*designs, statistics, tech, compiled=False))
    np.testing.assert_allclose(values, exact, rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(slopes))
    assert np.any(np.asarray(slopes[1].tile_m) != 0)


def test_one_design_costs_the_same_in_any_batch(measured, tech):
    rng = random.Random(15)
    chosen = [design(rng, "gustavson", "dense_b") for _ in range(20)]
    together = cost_of(chosen, measured["dense_b"][0], tech).cycles
    backwards = cost_of(chosen[::-1], measured["dense_b"][0], tech).cycles
    np.testing.assert_allclose(together, backwards[::-1], rtol=3e-7, err_msg="more than the order of a sum")
