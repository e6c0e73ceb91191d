"""The technology: published points, laws of growth, gradients, replacement by the user and bad input."""

import functools
import inspect
import json
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from hwmodels.design.choices import DRAMS, FORMATS, INTERSECTIONS, SCHEDULES, one_hot
from hwmodels.technology import CONFIDENCES, Technology, constants_table, make_technology, scenario
from workloads.errors import InputError


@functools.cache
def nominal(node_nm: int, arithmetic: str = "int") -> Technology:
    """Technology at the clock that needs exactly the nominal supply, at which the published energies hold."""
    clock_ghz = 0.8 * (45.0 / node_nm) ** 0.305
    return make_technology(scenario(node_nm=node_nm, clock_ghz=clock_ghz, arithmetic=arithmetic))


# Published points ----------------------------------------------------------------------------------------------------

HOROWITZ_2014_45NM = [  # Horowitz, ISSCC 2014: operation, bits, arithmetic, pJ, tolerance
    ("add", 8, "int", 0.03, 0.02),
    ("add", 32, "int", 0.1, 0.02),
    ("multiply", 8, "int", 0.2, 0.02),
    ("multiply", 32, "int", 3.1, 0.02),
    ("add", 16, "float", 0.4, 0.02),
    ("add", 32, "float", 0.9, 0.02),
    ("multiply", 16, "float", 1.1, 0.02),
    ("multiply", 32, "float", 3.7, 0.02),
]

JOUPPI_2021_7NM = [  # Jouppi et al., ISCA 2021, Table 2; one node exponent serves all nine
    ("add", 8, "int", 0.007, 0.55),
    ("add", 32, "int", 0.03, 0.20),
    ("multiply", 8, "int", 0.07, 0.02),
    ("multiply", 32, "int", 1.48, 0.30),
    ("add", 16, "float", 0.16, 0.15),
    ("add", 32, "float", 0.38, 0.20),
    ("multiply", 16, "float", 0.34, 0.15),
    ("multiply", 16, "bfloat", 0.21, 0.15),
    ("multiply", 32, "float", 1.31, 0.05),
]

OPERATIONS = [(45, *row) for row in HOROWITZ_2014_45NM] + [(7, *row) for row in JOUPPI_2021_7NM]


@pytest.mark.parametrize(("node_nm", "operation", "bits", "arithmetic", "pj", "tolerance"), OPERATIONS)
def test_published_operation_energies(node_nm, operation, bits, arithmetic, pj, tolerance):
    model = nominal(node_nm, arithmetic)
    energy = model.add_energy_pj(bits) if operation == "add" else model.multiply_energy_pj(bits)
    assert float(energy) == pytest.approx(pj, rel=tolerance)


@pytest.mark.parametrize(
    ("node_nm", "kib", "pj"),
    [(45, 8, 10.0), (45, 32, 20.0), (45, 1024, 100.0), (7, 8, 7.5), (7, 32, 8.5), (7, 1024, 14.0)],
)
def test_published_sram_energies(node_nm, kib, pj):
    """Horowitz, ISSCC 2014 (45 nm) and Jouppi et al., ISCA 2021, Table 2 (7 nm), 64-bit accesses, within 15 %."""
    assert float(nominal(node_nm).sram_read_pj(kib * 1024, 64)) == pytest.approx(pj, rel=0.15)


@pytest.mark.parametrize(
    ("operation", "bits", "arithmetic", "um2"),
    [
        ("add", 8, "int", 36),
        ("add", 16, "int", 67),
        ("add", 32, "int", 137),
        ("multiply", 8, "int", 282),
        ("multiply", 32, "int", 3495),
        ("add", 16, "float", 1360),
        ("add", 32, "float", 4184),
        ("multiply", 16, "float", 1640),
        ("multiply", 32, "float", 7700),
    ],
)
def test_published_operation_areas(operation, bits, arithmetic, um2):
    """Horowitz, ISSCC 2014, area column at 45 nm (quoted from memory), within 5 %."""
    model = nominal(45, arithmetic)
    area_mm2 = model.add_area_mm2(bits) if operation == "add" else model.multiply_area_mm2(bits)
    assert float(area_mm2) * 1e6 == pytest.approx(um2, rel=0.05)


def test_eie_processing_element():
    """EIE (Han et al., ISCA 2016), Table II, 45 nm, 800 MHz: areas within 5 %, clock and read power as stated."""
    model = nominal(45)
    weights = model.sram_area_mm2(128 * 1024, 64, 1)
    pointers = model.sram_area_mm2(32 * 1024, 16, 2)
    activations = model.sram_area_mm2(2 * 1024, 16, 1)
    assert float(weights) == pytest.approx(0.469412, rel=0.05)
    assert float(pointers) == pytest.approx(0.121849, rel=0.05)
    assert float(weights + pointers + activations) == pytest.approx(0.594786, rel=0.05)
    assert float(model.clock_pj_per_cycle(18.411e-3)) * 0.8 == pytest.approx(1.874, rel=0.01)  # pJ x GHz = mW
    # SpmatRead: one 64-bit read in eight cycles, 4.955 mW with its control logic; model 32 % below
    assert float(model.sram_read_pj(128 * 1024, 64)) * 0.1 == pytest.approx(4.955, rel=0.35)
    # PtrRead: two 16-bit reads in eight cycles, 1.807 mW with its control logic; model 32 % below
    assert 2 * float(model.sram_read_pj(16 * 1024, 16)) * 0.1 == pytest.approx(1.807, rel=0.35)
    # ArithmUnit: 3110 um2 with four pipeline stages and a 16-entry weight table, which a MAC here has not
    assert 1e-3 < float(model.mac_area_mm2(16, 32)) < 3.110e-3
    # all memory power together bounds the leakage of its 162 KB
    assert float(model.sram_leakage_w(162 * 1024)) < 5.416e-3


def test_published_sram_areas():
    """Yokoyama et al. (VLSI Circuits 2020) 29.2 Mb/mm2 at 7 nm; Trapezoid (ISCA 2024) 16 MB in 10.2 mm2 at 16 nm."""
    megabits = 8.0
    density = megabits / float(nominal(7).sram_area_mm2(2**20, 128, 1))
    assert density == pytest.approx(29.2, rel=0.10)
    assert float(nominal(16).sram_area_mm2(16 * 2**20, 128, 128)) == pytest.approx(10.2, rel=0.10)


def test_published_macros_that_fit_badly():
    """RPAccel's 12 nm compiler macros: small ones have more periphery than modelled, 0.37 to 0.64 of their area."""
    model = nominal(12)
    for kib, bits, um2, ratio in [(4, 16, 4684, 0.39), (32, 16, 29142, 0.50), (256, 32, 183290, 0.63)]:
        assert float(model.sram_area_mm2(kib * 1024, bits, 1)) * 1e6 / um2 == pytest.approx(ratio, abs=0.03)


def test_published_logic_areas_at_16nm():
    """Trapezoid (Yang et al., ISCA 2024): 128 FP32 multipliers 0.17 mm2, four 64 B 32 x 32 crossbars 2.0 mm2."""
    model = nominal(16, "float")
    assert 128 * float(model.multiply_area_mm2(32)) == pytest.approx(0.17, rel=0.20)
    assert 4 * float(model.crossbar_area_mm2(32, 32, 512)) == pytest.approx(2.0, rel=0.10)


def test_published_wires_and_dram():
    """Keckler et al. (IEEE Micro 2011) wire; Jouppi et al. (ISCA 2021), Table 2, DRAM energies for 64 bits."""
    assert float(nominal(40).wire_pj_per_bit_mm()) == pytest.approx(0.12, rel=0.01)
    assert float(nominal(10).wire_pj_per_bit_mm()) == pytest.approx(0.150 / 2, rel=0.20)
    bounds_pj = {"ddr4": (1280, 1320), "gddr6": (350, 480), "hbm2": (250, 450)}
    for name, (low, high) in bounds_pj.items():
        assert low <= 64 * float(make_technology(scenario(dram=name)).dram_pj_per_bit()) <= high
    stack = make_technology(scenario(node_nm=7, dram="hbm2", dram_channels=1))
    assert float(stack.dram_phy_area_mm2()) == pytest.approx(6.0)
    assert float(stack.dram_gbps()) == pytest.approx(256.0)


def test_published_clocks():
    """EIE runs at 0.8 GHz in 45 nm (ISCA 2016), the A100 at 1.41 GHz in 7 nm (NVIDIA), both at nominal supply."""
    for node_nm, clock_ghz in [(45, 0.8), (7, 1.41)]:
        model = make_technology(scenario(node_nm=node_nm, clock_ghz=clock_ghz))
        assert float(model.dynamic_scale()) == pytest.approx(1.0, rel=0.01)


# Laws ----------------------------------------------------------------------------------------------------------------

SIZED = {  # method with its sizes, each grown from its own range
    "multiply_energy_pj": [(4, 64)],
    "add_energy_pj": [(4, 64)],
    "mac_energy_pj": [(4, 64), (8, 64)],
    "gated_mac_energy_pj": [(4, 64), (8, 64)],
    "multiply_area_mm2": [(4, 64)],
    "add_area_mm2": [(4, 64)],
    "mac_area_mm2": [(4, 64), (8, 64)],
    "adder_tree_area_mm2": [(2, 64), (8, 64)],
    "sram_read_pj": [(256, 2**24), (8, 512)],
    "sram_write_pj": [(256, 2**24), (8, 512)],
    "sram_area_mm2": [(256, 2**26), (8, 512), (1, 256)],
    "sram_leakage_w": [(256, 2**26)],
    "buffer_read_pj": [(32, 2**18), (8, 256)],
    "buffer_write_pj": [(32, 2**18), (8, 256)],
    "buffer_area_mm2": [(32, 2**18), (8, 256)],
    "register_area_mm2": [(1, 2**20)],
    "queue_area_mm2": [(1, 2**20)],
    "queue_pj_per_bit": [(1, 64)],
    "logic_leakage_w": [(1e-4, 100)],
    "clock_pj_per_cycle": [(1e-4, 100)],
    "crossbar_area_mm2": [(1, 256), (1, 256), (8, 512)],
    "crossbar_pj": [(1, 4096), (1, 256)],
    "rotator_area_mm2": [(2, 1024), (8, 64)],
    "rotator_pj_per_bit": [(2, 1024)],
    "noc_area_mm2": [(8, 1024), (1, 128), (1, 128)],
}
CHOSEN = {  # method of a weight vector and sizes
    "intersection_step_pj": (len(INTERSECTIONS), [(4, 32)]),
    "intersection_area_mm2": (len(INTERSECTIONS), [(4, 32)]),
    "decoder_entry_pj": (len(FORMATS), [(4, 32)]),
    "decoder_area_mm2": (len(FORMATS), [(4, 32)]),
    "scheduler_area_mm2": (len(SCHEDULES), [(1, 128)]),
}
PLAIN = [
    "wire_pj_per_bit_mm",
    "dram_pj_per_bit",
    "dram_gbps",
    "dram_burst_bits",
    "dram_phy_area_mm2",
    "dram_static_w",
    "dram_latency_ns",
    "dynamic_scale",
    "leakage_scale",
    "logic_energy_scale",
    "nominal_clock_ghz",
    "max_clock_ghz",
]
OTHERS = {"glb_clock_limit_ghz", "logic_area_mm2", "node_scale", "solved", "solved_constants", "with_memory_of"}
"""Methods of none of these kinds: what falls with a size, scales, and the technology itself."""


def boxes(rng: np.random.Generator, sizes: list[tuple[float, float]], count: int) -> list[np.ndarray]:
    return [np.exp(rng.uniform(np.log(low), np.log(high), count)).astype(np.float32) for low, high in sizes]


def scenarios(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Node, clock, channels, DRAM weights, float and bfloat fractions at random, mixtures included."""
    node, clock, channels = boxes(rng, [(5, 45), (0.05, 2.0), (1, 32)], count)
    dram = rng.dirichlet(np.ones(len(DRAMS)), count).astype(np.float32)
    return [node, clock, channels, dram, *rng.uniform(0, 1, (2, count)).astype(np.float32)]


def at(model: Technology, node, clock, channels, dram, *fractions) -> Technology:
    return eqx.tree_at(
        lambda m: (
            m.scenario.node_nm,
            m.scenario.clock_ghz,
            m.scenario.dram_channels,
            m.scenario.dram,
            m.scenario.float_fraction,
            m.scenario.bfloat_fraction,
        ),
        model,
        (node, clock, channels, dram, *fractions),
    )


def test_every_method_is_used_and_kept_to_the_laws():
    found = {name for name, _ in inspect.getmembers(Technology, inspect.isfunction) if not name.startswith("_")}
    assert found == {*SIZED, *CHOSEN, *PLAIN, *OTHERS}
    folders = [Path(__file__).parent.parent / name for name in ("hwmodels", "experiments")]
    text = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py"))
    assert [name for name in found if f".{name}(" not in text] == []


def test_finite_positive_and_growing_everywhere():
    """Over random scenarios and sizes: finite and positive, finite gradients, and no derivative by a size negative."""
    rng = np.random.default_rng(0)
    count = 5000
    model = make_technology()
    arguments = {name: boxes(rng, sizes, count) for name, sizes in SIZED.items()}
    arguments |= {name: boxes(rng, sizes, count) for name, (_, sizes) in CHOSEN.items()}
    arguments |= {name: [] for name in PLAIN} | {"glb_clock_limit_ghz": boxes(rng, [(256, 2**24)], count)}
    weights = {name: rng.dirichlet(np.ones(n), count).astype(np.float32) for name, (n, _) in CHOSEN.items()}

    def log_costs(givens, weights, arguments):
        here = at(model, *givens)
        chosen = {name: [weights[name]] if name in weights else [] for name in arguments}
        costs = {name: getattr(here, name)(*chosen[name], *sizes) for name, sizes in arguments.items()}
        return sum(jnp.log(cost) for cost in costs.values()), costs

    batched = jax.vmap(jax.value_and_grad(log_costs, (0, 1, 2), has_aux=True))
    fast_compile = {"xla_backend_optimization_level": 0}
    (_, costs), gradients = jax.jit(batched, compiler_options=fast_compile)(scenarios(rng, count), weights, arguments)
    assert [name for name, cost in costs.items() if not (np.all(np.isfinite(cost)) and np.all(cost > 0))] == []
    assert all(np.all(np.isfinite(gradient)) for gradient in jax.tree.leaves(gradients))
    by_size = gradients[2]
    assert np.all(by_size.pop("glb_clock_limit_ghz")[0] < 0)
    assert [name for name, parts in by_size.items() if not all(np.all(part >= 0) for part in parts)] == []


def test_buffers_grow_through_the_crossover():
    sizes = np.geomspace(32, 2**18, 400, dtype=np.float32)
    nodes, bits = np.meshgrid(np.float32([5, 7, 16, 45]), np.float32([8, 16, 64, 256]))
    model = make_technology()

    def costs(node_nm, word_bits, size):
        here = eqx.tree_at(lambda m: m.scenario.node_nm, model, node_nm)
        methods = (here.buffer_read_pj, here.buffer_write_pj, here.buffer_area_mm2)
        return jnp.stack([method(size, word_bits) for method in methods])

    grid = jax.vmap(jax.vmap(costs, (None, None, 0)), (0, 0, None))
    assert np.all(np.diff(jax.jit(grid)(nodes.ravel(), bits.ravel(), sizes), axis=1) > 0)


def test_a_finer_node_costs_less():
    """At one clock, from 1 KB on: a smaller node never costs more energy, area or time."""
    model = make_technology(scenario(clock_ghz=0.8))

    @jax.jit
    @jax.vmap
    def costs(node_nm):
        here = eqx.tree_at(lambda m: m.scenario.node_nm, model, node_nm)
        return jnp.stack(
            [
                here.mac_energy_pj(8, 32),
                here.mac_area_mm2(8, 32),
                here.sram_read_pj(1024, 64),
                here.sram_area_mm2(65536, 64, 4),
                here.buffer_read_pj(1024, 16),
                here.buffer_area_mm2(1024, 16),
                here.wire_pj_per_bit_mm(),
            ]
        )

    assert np.all(np.diff(costs(jnp.linspace(5.0, 45.0, 100)), axis=0) > 0)


def test_a_faster_clock_costs_voltage_and_a_slow_one_stops_at_the_floor():
    model = make_technology()

    def supply(clock_ghz):
        return jnp.sqrt(eqx.tree_at(lambda m: m.scenario.clock_ghz, model, clock_ghz).dynamic_scale())

    volts = np.asarray(jax.jit(jax.vmap(supply))(jnp.geomspace(0.01, 3.0, 200)))
    assert np.all(np.diff(volts) >= 0)
    assert np.all(np.diff(volts[120:]) > 0)
    assert volts[0] == pytest.approx(0.65, rel=0.01)


@pytest.mark.parametrize("node_nm", [5, 16, 45])
def test_the_fastest_clock_needs_the_highest_supply(node_nm):
    model = nominal(node_nm)
    fastest = eqx.tree_at(lambda m: m.scenario.clock_ghz, model, model.max_clock_ghz())
    assert float(jnp.sqrt(fastest.dynamic_scale())) == pytest.approx(1.3, rel=1e-3)


def test_choices_select_and_mix():
    model = make_technology()
    each = [float(model.intersection_step_pj(one_hot(name, INTERSECTIONS), 16)) for name in INTERSECTIONS]
    assert float(model.intersection_step_pj(jnp.full(4, 0.25), 16)) == pytest.approx(np.mean(each), rel=1e-5)
    decoders = {name: float(model.decoder_entry_pj(one_hot(name, FORMATS), 16)) for name in FORMATS}
    assert decoders["dense"] == min(decoders.values())
    assert decoders["nm4"] < decoders["nm8"]
    assert decoders["csr"] == decoders["csc"]
    rows, _, balanced = (float(model.scheduler_area_mm2(one_hot(name, SCHEDULES), 16)) for name in SCHEDULES)
    assert rows < balanced


def test_gated_macs_and_small_units_are_cheap():
    model = make_technology()
    assert float(model.gated_mac_energy_pj(8, 32)) < 0.01 * float(model.mac_energy_pj(8, 32))
    assert float(model.noc_area_mm2(64, 16, 16)) < 0.2 * 256 * float(model.mac_area_mm2(16, 32))


def test_gradient_is_the_finite_difference():
    with jax.enable_x64(True):
        model = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), make_technology())

        def cost(clock_ghz):
            faster = eqx.tree_at(lambda m: m.scenario.clock_ghz, model, clock_ghz)
            return faster.buffer_read_pj(900.0, 16.0) + faster.crossbar_pj(64.0, 8.0)

        step, clocks_ghz = 1e-5, jnp.array([0.3, 0.9, 1.4])
        value_and_slope = jax.jit(jax.vmap(jax.value_and_grad(cost)))
        above, below = value_and_slope(clocks_ghz + step)[0], value_and_slope(clocks_ghz - step)[0]
        slope = value_and_slope(clocks_ghz)[1]
        assert np.asarray(slope) == pytest.approx(np.asarray((above - below) / (2 * step)), rel=1e-6)


def test_every_constant_is_a_leaf_that_something_depends_on():
    model = make_technology()
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(model))
    weights = {name.split("_")[0]: jnp.full(n, 1.0 / n) for name, (n, _) in CHOSEN.items()}
    middle = at(model, *(jnp.float32(v) for v in (16.0, 1.0, 4.0)), jnp.full(len(DRAMS), 0.1), *[jnp.float32(0.5)] * 2)

    def costs(constants):
        model = eqx.tree_at(lambda m: m.constants, middle, constants)
        values = [getattr(model, name)(*(low * 3.0 for low, _ in sizes)) for name, sizes in SIZED.items()]
        for name, (_, sizes) in CHOSEN.items():
            values.append(getattr(model, name)(weights[name.split("_")[0]], *(low * 3.0 for low, _ in sizes)))
        values += [getattr(model, name)() for name in PLAIN]
        return [*values, model.glb_clock_limit_ghz(65536.0)]

    names = sorted(middle.constants)  # the order of a dict's leaves
    traced = jax.make_jaxpr(costs)(middle.constants).jaxpr
    used = {id(variable) for equation in traced.eqns for variable in equation.invars} | {id(v) for v in traced.outvars}
    assert [name for name, variable in zip(names, traced.invars, strict=True) if id(variable) not in used] == []


# The user's file -----------------------------------------------------------------------------------------------------


def test_constants_are_cited():
    table = constants_table()
    assert len({row.name for row in table}) == len(table)
    for row in table:
        assert row.unit
        assert len(row.source) > 10
        assert row.confidence in CONFIDENCES
        assert row.source.startswith("guess: ") <= (row.confidence == "guess")


class FreeWires(Technology):
    """A technology of a user's own, of which one rule is another."""

    def wire_pj_per_bit_mm(self) -> Float[Array, ""]:
        """Wires that cost nothing."""
        return jnp.zeros(())


def test_a_subclass_replaces_a_rule_and_what_is_built_on_it():
    default = make_technology()
    mine = FreeWires(default.scenario, default.constants)
    assert isinstance(mine.solved(), FreeWires)
    assert float(mine.solved().crossbar_pj(64, 8)) < float(default.crossbar_pj(64, 8))
    assert float(mine.mac_area_mm2(8, 32)) == float(default.mac_area_mm2(8, 32))


def test_a_file_replaces_constants(tmp_path):
    path = tmp_path / "mine.json"
    entry = {"value": 10, "unit": "pJ/bit", "source": "our data sheet"}
    path.write_text(json.dumps({"int_add_pj": 0.2, "dram_lpddr4_pj_per_bit": entry}), encoding="utf-8")
    mine, default = make_technology(path=path), make_technology()
    assert float(mine.add_energy_pj(32)) == pytest.approx(2 * float(default.add_energy_pj(32)), rel=1e-5)
    assert float(mine.dram_pj_per_bit()) == pytest.approx(10.0)
    assert float(mine.sram_read_pj(65536, 64)) == float(default.sram_read_pj(65536, 64))
    rows = {row.name: row for row in constants_table(path)}
    assert (rows["int_add_pj"].source, rows["int_add_pj"].confidence) == ("user file mine.json", "user")
    assert rows["dram_lpddr4_pj_per_bit"].source == "our data sheet"
    assert jax.tree.structure(mine) == jax.tree.structure(default)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[1, 2]", "must hold one object"),
        ('{"int_ad_pj": 1}', "did you mean 'int_add_pj'?"),
        ('{"zzzzzzzz": 1}', "constants_table() lists the names"),
        ('{"int_add_pj": "0.1"}', "'0.1' is not a number"),
        ('{"int_add_pj": true}', "True is not a number"),
        ('{"int_add_pj": null}', "None is not a number"),
        ('{"int_add_pj": NaN}', "nan is not a finite number"),
        ('{"int_add_pj": Infinity}', "inf is not a finite number"),
        ('{"int_add_pj": 1e300}', "is not a finite number of usual size"),
        ('{"int_add_pj": 1e-42}', "is not a finite number of usual size"),
        ('{"int_add_pj": -0.1}', "-0.1 is negative"),
        ('{"int_add_pj": 0}', "it is zero; give a positive number in pJ"),
        ('{"int_add_pj": {"unit": "pJ"}}', "the field 'value' is missing"),
        ('{"int_add_pj": {"value": 1, "unit": "fJ"}}', "the unit is 'fJ'; convert the value to pJ"),
        ('{"int_add_pj": {"value": 1, "cite": "x"}}', "field 'cite' is unknown"),
        ('{"int_add_pj": {"value": 1, "confidence": "sure"}}', "confidence 'sure' is unknown"),
        ('{"threshold_ratio": 0.7}', "voltages must keep threshold_ratio < supply_floor_ratio"),
        ('{"alpha_power": 0.5}', "it is below 1"),
        ('{"clock_45nm_ghz": 0.1}', "is more than 16 nm reaches"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        make_technology(path=path)
    assert "\n" not in str(caught.value)


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json: does not exist"):
        make_technology(path=tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="is no file but a folder"):
        make_technology(path=tmp_path)
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no text in UTF-8"):
        make_technology(path=path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"node_nm": 4}, "node_nm 4 is outside 5..45; published energies are for 45 and 7 nm"),
        ({"node_nm": 65}, "node_nm 65 is outside 5..45"),
        ({"node_nm": float("nan")}, "node_nm nan is not a number"),
        ({"node_nm": True}, "node_nm True is not a number"),
        ({"clock_ghz": 0}, "clock_ghz 0 is outside 0.001..100"),
        ({"clock_ghz": -1.0}, "clock_ghz -1.0 is outside 0.001..100"),
        ({"clock_ghz": float("inf")}, "clock_ghz inf is not a number"),
        ({"clock_ghz": 2.0}, "clock_ghz 2 is more than 16 nm reaches at its highest supply, 1.43 GHz"),
        ({"dram_channels": 0}, "dram_channels 0 is outside 1..1024"),
        ({"dram": "sdram"}, "dram 'sdram' is unknown; choose one of: ddr4"),
        ({"arithmetic": "posit"}, "arithmetic 'posit' is unknown; choose one of: int, float"),
    ],
)
def test_a_bad_scenario_is_one_clear_sentence(fields, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make_technology(scenario(**fields))
