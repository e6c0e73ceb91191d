"""Gradients under `Smooth` and `StraightThrough`: finite, equal to central differences, and tending to `Exact`."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import FAMILIES, batch_of, cost_of, design, evaluate_all, log_uniform

from hwmodels import Exact, Hardware, Mapping, Smooth, StraightThrough
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

CASES = [(family, dataflow) for family in FAMILIES for dataflow in DATAFLOWS]
RANGES = {
    "pe_rows": (1, 512),
    "pe_cols": (1, 512),
    "lanes": (1, 64),
    "glb_bytes": (512, 2**24),
    "glb_banks": (1, 64),
    "pe_buffer_bytes": (8, 2**15),
    "accumulator_bytes": (4, 2**13),
    "index_bus_bits": (4, 2048),
    "value_bus_bits": (4, 4096),
    "value_bits": (4, 32),
    "accumulator_bits": (16, 64),
    "tile_m": (1, 128),
    "tile_k": (1, 128),
    "tile_n": (1, 128),
}
"""Wider than what can be built: a search may pass through all of it."""
CHOICES = {
    "intersection": 4,
    "dataflows": 3,
    "a_formats": 8,
    "b_formats": 8,
    "a_zero_modes": 3,
    "b_zero_modes": 3,
    "schedules": 3,
    "loop_order": 6,
    "residency": 2,
    "a_format": 8,
    "b_format": 8,
    "a_zero": 3,
    "b_zero": 3,
    "schedule": 3,
}
CAPABILITIES = ("dataflows", "a_formats", "b_formats", "a_zero_modes", "b_zero_modes", "schedules")
DESIGNS = 64
DIFFERENCES = 10


def random_designs(dataflow: str, seed: int, count: int) -> tuple[Hardware, Mapping]:
    """Numbers anywhere in their ranges; a third with whole powers of two, half with mixtures of choices."""
    rng = np.random.default_rng(seed)
    leaves = {}
    for name, (low, high) in RANGES.items():
        drawn = log_uniform(rng, low, high, count)
        leaves[name] = np.where(np.arange(count) % 3 == 0, 2.0 ** np.round(np.log2(drawn)), drawn).astype(np.float32)
    for name, size in CHOICES.items():
        mixture = rng.dirichlet(np.ones(size), count).T
        picked = np.eye(size)[rng.integers(0, size, count)].T
        leaves[name] = np.where(np.arange(count) % 2 == 0, picked, mixture).astype(np.float32)
        if name in CAPABILITIES:
            leaves[name] = np.maximum(leaves[name], 0.0)
    leaves = {name: jnp.asarray(value) for name, value in leaves.items()}
    of_mapping = set(Mapping.__dataclass_fields__)
    hardware = Hardware(**{name: value for name, value in leaves.items() if name not in of_mapping})
    return hardware, Mapping(**{name: value for name, value in leaves.items() if name in of_mapping}, dataflow=dataflow)


def logs(cost) -> jax.Array:
    """What a search descends: log latency, energy and area, [3, designs]."""
    parts = (cost.cycles, cost.energy_pj.sum(axis=0), cost.area_mm2.sum(axis=0))
    return jnp.stack(jnp.broadcast_arrays(*(jnp.log(part) for part in parts)))


def gradients(designs, statistics, tech, numerics):
    """Gradient of the sum of `logs` of every design by every leaf; designs do not touch each other."""

    def loss(both):
        values = logs(evaluate_all(*both, statistics, tech, numerics=numerics))
        return values.sum(), values

    return jax.grad(loss, has_aux=True)(designs)


def floats(tree, dtype):
    """Every array of a tree in another precision."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), dtype), tree)


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_smooth_gradients_are_finite(family: str, dataflow: str, measured, tech):
    designs = random_designs(dataflow, 11, DESIGNS)
    slopes, values = gradients(designs, measured[family][0], tech, Smooth())
    assert np.all(np.isfinite(values))
    for path, slope in jax.tree_util.tree_leaves_with_path(slopes):
        assert slope.shape[-1] == DESIGNS
        assert np.all(np.isfinite(slope)), jax.tree_util.keystr(path)
    moved = [name for name in HARDWARE_NUMBERS if np.any(np.asarray(getattr(slopes[0], name)) != 0)]
    assert moved == list(HARDWARE_NUMBERS)
    assert all(np.any(np.asarray(getattr(slopes[1], name)) != 0) for name in MAPPING_NUMBERS)


@pytest.mark.parametrize(("family", "dataflow"), [("dense_b", "gustavson"), ("sparse_b", "inner_product")])
def test_smooth_gradients_equal_central_differences(family: str, dataflow: str, measured, tech):
    """In float64, by the log of every number, inside the cells of the lattice; elasticities to 1e-3.

    `validate_gradients.py` does the same for every family and dataflow, at its smoke size in CI.
    """
    step = 1e-6
    with jax.enable_x64(True):
        statistics, technology = floats(measured[family][0], jnp.float64), floats(tech, jnp.float64)
        hardware, mapping = floats(random_designs(dataflow, 12, 3 * DIFFERENCES), jnp.float64)
        off_lattice = jax.tree.map(lambda leaf: leaf[..., np.arange(3 * DIFFERENCES) % 3 != 0], (hardware, mapping))
        slopes, _ = gradients(off_lattice, statistics, technology, Smooth())
        count = off_lattice[0].pe_rows.shape[0]
        names = [*HARDWARE_NUMBERS, *MAPPING_NUMBERS]
        analytic = np.stack(
            [
                np.asarray(getattr(slope, n) * getattr(d, n))
                for slope, d, own in zip(slopes, off_lattice, (HARDWARE_NUMBERS, MAPPING_NUMBERS), strict=True)
                for n in own
            ]
        )

        def shifted(by: float):
            """Every design once for each number, that number moved: the last axis is number, then design."""
            wide = [jax.tree.map(lambda leaf: jnp.tile(leaf, len(names)), part) for part in off_lattice]
            for part, own in zip(wide, (HARDWARE_NUMBERS, MAPPING_NUMBERS), strict=True):
                for name in own:
                    at = np.zeros(len(names) * count)
                    at[names.index(name) * count : (names.index(name) + 1) * count] = by
                    object.__setattr__(part, name, getattr(part, name) * np.exp(at))
            return np.asarray(logs(evaluate_all(*wide, statistics, technology, numerics=Smooth())).sum(axis=0))

        numeric = ((shifted(step) - shifted(-step)) / (2 * step)).reshape(len(names), count)
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
    exact = logs(evaluate_all(*designs, statistics, tech, numerics=Exact()))[:2]
    errors = {}
    for temperature in (0.2, Smooth().temperature, 0.0125):
        smooth = logs(evaluate_all(*designs, statistics, tech, numerics=Smooth(temperature)))[:2]
        errors[temperature] = np.abs(np.expm1(np.asarray(smooth - exact)))
    medians = {t: float(np.median(e)) for t, e in errors.items()}
    means = [float(e.mean()) for e in errors.values()]
    print(f"{family} {dataflow}: median errors by temperature {medians}, means {means}")
    assert means[0] > means[1] > means[2]
    assert medians[Smooth().temperature] <= 0.05
    assert medians[0.0125] <= 0.01


@pytest.mark.parametrize(("family", "dataflow"), [("dense_b", "gustavson"), ("sparse_b", "inner_product")])
def test_straight_through_has_exact_values_and_finite_slopes(family: str, dataflow: str, measured, tech):
    designs = random_designs(dataflow, 14, DESIGNS)
    statistics = measured[family][0]
    slopes, values = gradients(designs, statistics, tech, StraightThrough())
    exact = logs(evaluate_all(*designs, statistics, tech, numerics=Exact()))
    np.testing.assert_allclose(values, exact, rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(slopes))
    assert np.any(np.asarray(slopes[1].tile_m) != 0)


def test_one_design_costs_the_same_in_any_batch(measured, tech):
    rng = random.Random(15)
    chosen = [design(rng, "gustavson", "dense_b") for _ in range(20)]
    together = cost_of(chosen, measured["dense_b"][0], tech).cycles
    backwards = cost_of(chosen[::-1], measured["dense_b"][0], tech).cycles
    np.testing.assert_allclose(together, backwards[::-1], rtol=3e-7, err_msg="more than the order of a sum")
