"""Shared by the tests of statistics, models and gradients: small kernels, random designs, evaluations in batches.

The models are compiled once for each family, dataflow and shape of tables, on designs batched along the last axis;
gradients are taken operation by operation: JAX then compiles each operation once for all families, dataflows and
numerics, instead of one large program for each of them. What is compiled is compiled soon rather than well: tests run
few designs through many programs.
"""

import dataclasses
import os
import random
import sys
from functools import partial

import pytest

SOON = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {SOON}".strip()

UNCHECKED = (
    "workloads.statistics.tile_counts",
    "workloads.statistics.tile_classes",
    "workloads.statistics.sampling",
    "workloads.statistics.row_segments",
    "workloads.statistics.load_balance",
    "workloads.statistics.longest_first",
    "workloads.statistics.fiber_pairs",
    "workloads.statistics.row_conflicts",
    "workloads.statistics.spmspm_counts",
    "workloads.statistics.closed_form.sum_distributions",
    "workloads.statistics.closed_form.load_balance",
    "workloads.statistics.closed_form.row_assignment",
    "workloads.statistics.row_assignment",
    "workloads.statistics.elementwise_counts",
    "workloads.statistics.convolution",
    "workloads.readers.number_scanner",
    "hwmodels.simulator.schedules",
    "hwmodels.simulator.tile_cutting",
    "hwmodels.simulator.dense_loads",
    "hwmodels.simulator.multiplication",
    "hwmodels.simulator.sparse_loads",
    "hwmodels.simulator.elementwise_loads",
    "hwmodels.simulator.intersection",
    "hwmodels.simulator.pair_loads",
)

for finder in sys.meta_path:
    # The run-time checks wrap functions, and Numba cannot compile what is wrapped.
    if type(finder).__name__ == "_JaxtypingFinder":
        instrumented = finder.should_instrument
        finder.should_instrument = lambda name, was=instrumented: name not in UNCHECKED and was(name)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402

from dse import enable_compile_cache  # noqa: E402
from hwmodels import Exact, evaluate, make_hardware, make_mapping, scenario, stack  # noqa: E402
from hwmodels.design import legality  # noqa: E402
from hwmodels.design.choices import COLUMN_AXES, INTERSECTIONS, LOOP_ORDERS, SCHEDULES  # noqa: E402
from hwmodels.design.hardware import ALL_BYTES, ALL_PARTS  # noqa: E402
from hwmodels.design.legality import (  # noqa: E402
    legal_dataflows,
    legal_formats,
    legal_lane_axes,
    legal_residencies,
    legal_zero_modes,
)
from hwmodels.technology import make_technology  # noqa: E402
from workloads import SparseKernel, generators, measure  # noqa: E402

FAMILIES = ("dense_b", "sparse_b")
DATAFLOWS_OF = [(family, flow) for family in legality.FAMILIES for flow in legal_dataflows(family)]
"""Every family of kernels with the dataflows that can run it."""
BATCH = 12
EXACT = Exact()
WIDTH = 64
"""Designs evaluated at once, always: each operation is compiled for one shape."""


HEAVY = (
    "gradients", "experiments_scripts", "mapper", "models", "statistics", "densities_edges", "box_costs",
    "kernels_models", "front_bound", "kernels_workloads", "convolution", "baselines", "fronts_are_physical",
    "search_grid", "compare_strategies", "reference", "validation_simulator", "model_laws", "certify_script",
    "readers_matrices", "reference_stores", "ease_of_use", "hardware_search", "sweep", "codesign", "resume",
    "validation_sparseloop", "simulator", "crossover", "finite_changes", "pruning", "experiments_bad_input",
    "densities", "accelerated_product", "architecture", "dse_search", "dense_rival",
)  # fmt: skip
"""Files of tests that take longest, the heaviest first."""


def pytest_configure(config: pytest.Config):
    """Processes of `pytest -n` take files in the order of the collection, not those of most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]):
    """Heavy files come first, so that at the end no process is alone with one."""
    places = {f"test_{name}.py": at for at, name in enumerate(HEAVY)}
    items.sort(key=lambda item: places.get(item.path.name, len(HEAVY)))


@pytest.fixture(scope="session", autouse=True)
def _programs(tmp_path_factory: pytest.TempPathFactory):
    """No test reads or leaves a program in the user's cache; the processes of `pytest -n` share theirs."""
    folder = tmp_path_factory.getbasetemp()
    enable_compile_cache((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "programs")


def design(rng: random.Random, dataflow: str, family: str, stays: bool = False) -> dict:
    """A legal design on the statistics lattice, flat: numbers and names by field. Its buses can be built and it has the
    accumulators that any design needs; what else it needs may not fit. What may stay on the chip does, now and then, if
    anything `stays`."""
    chosen = {"dataflow": dataflow}
    while "a_zero" not in chosen or (family == "elementwise" and not legality.lanes_decode_a(chosen)):
        for operand in ("a", "b"):
            stored = rng.choice(legal_formats(dataflow, operand, family))
            modes = legal_zero_modes(stored, operand, family)
            chosen[f"{operand}_format"] = stored
            chosen[f"{operand}_zero"] = "skip" if "skip" in modes and rng.random() < 0.6 else rng.choice(modes)

    def power(low: int, high: int) -> int:
        return 2 ** rng.randint(low, high)

    rows, columns, lanes = power(0, 4), power(0, 3), power(0, 2)
    fields = chosen | {
        "pe_rows": rows,
        "pe_cols": columns,
        "lanes": lanes,
        "glb_bytes": power(10, 16),
        "glb_banks": power(0, 4),
        "pe_buffer_bytes": power(8, 13),
        "accumulator_bytes": 16 * lanes * power(0, 5),
        "index_bus_bits": power(3, 6),
        "value_bus_bits": min(power(4, 8), 32 * rows * columns * lanes),
        "value_bits": 8,
        "accumulator_bits": 32,
        "intersection": rng.choice(INTERSECTIONS),
        "tile_m": power(2, 5),
        "tile_k": power(2, 5),
        "tile_n": power(2, 5),
        "rows_used": rng.choice([ALL_PARTS, max(rows // 2, 1)]),
        "cols_used": rng.choice([ALL_PARTS, max(columns // 2, 1)]),
        "lanes_used": rng.choice([ALL_PARTS, max(lanes // 2, 1)]),
        "loop_order": rng.choice(LOOP_ORDERS),
        "residency": rng.choice(legal_residencies(dataflow, chosen["b_format"], family)),
        "columns_on": rng.choice(COLUMN_AXES),
        "lanes_on": rng.choice(legal_lane_axes(dataflow, chosen["b_zero"], family)),
        "schedule": rng.choice(SCHEDULES),
    }
    if not stays:
        return fields
    kept = {choice: rng.choice(places) for choice, places in legality.legal_kept(fields, family).items()}
    return fields | kept | {"glb_room": rng.choice([ALL_BYTES, power(9, 16)])}


def built(fields: dict):
    """Hardware and mapping of a flat design."""
    mapping = make_mapping(**fields)
    numbers = {name: float(value) for name, value in fields.items() if not isinstance(value, str)}
    return make_hardware(fields["intersection"], [mapping], **numbers), mapping


def batch_of(designs: list[dict]):
    """Hardware and mapping with the designs on the last axis."""
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), stack([built(fields) for fields in designs]))


def cost_of(designs: list[dict], statistics, tech, **options):
    """Costs of designs of one dataflow, on the last axis."""
    return evaluate_all(*batch_of(designs), statistics, tech, **options)


def _priced(hardware, mapping, statistics, tech, numerics):
    one = partial(evaluate, kernel=statistics, technology=tech, numerics=numerics)
    return jax.vmap(lambda h, m: one(h, m), in_axes=-1, out_axes=-1)(hardware, mapping)


priced = jax.jit(_priced, static_argnames="numerics")


def evaluate_all(hardware, mapping, statistics, tech, numerics=EXACT, *, compiled=True):
    """Costs of stacked designs; designs and costs on the last axis. `compiled`: else operation by operation."""
    many = partial(priced if compiled else _priced, statistics=statistics, tech=tech, numerics=numerics)
    count = hardware.pe_rows.shape[-1]
    rows = np.arange(-(-count // WIDTH) * WIDTH) % count
    costs = [
        many(*jax.tree.map(lambda leaf, at=at: leaf[..., at], (hardware, mapping))) for at in rows.reshape(-1, WIDTH)
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=-1)[..., :count], *costs)


def small_kernels() -> dict[str, list[SparseKernel]]:
    """Two of each family whose statistics have the same shapes; one has sides that are no powers of two."""
    skewed = generators.power_law_rows(28, 24, 4, 2.1, 0)
    even = generators.uniform(32, 32, 0.12, 1)
    band = csr_array(generators.banded(32, 2, 2)[:24, :20])
    return {
        "dense_b": [SparseKernel("skewed", skewed, None, 24), SparseKernel("even", even, None, 32)],
        "sparse_b": [
            SparseKernel("skewed", skewed, band, 20),
            SparseKernel("even", even, generators.power_law_rows(32, 32, 5, 2.1, 3), 32),
        ],
    }


@pytest.fixture(scope="session")
def kernels() -> dict[str, list[SparseKernel]]:
    return small_kernels()


@pytest.fixture(scope="session")
def measured(kernels) -> dict[str, list]:
    """Statistics of `kernels`, measured anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        found = {family: [measure(kernel) for kernel in kernels[family]] for family in FAMILIES}
    return found


@pytest.fixture(scope="session")
def tech():
    return make_technology(scenario())


@pytest.fixture(scope="session")
def tech_of_bits(tech):
    """Of a DRAM whose bursts are bits, so that nearly nothing is rounded."""
    return dataclasses.replace(tech, constants=tech.constants | {"dram_lpddr4_burst_bits": jnp.ones(())})
