"""Memory as a choice: DRAM and SRAM cell of the hardware; standing power, the clock of parts, power over area."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from dse import Exhaustive, RandomSearch, default_space, make_problem, read_front, write_front
from dse.files.design_reader import read_design
from dse.problem.search_problem import Problem
from experiments.common.search import with_its_memory
from hwmodels import evaluate
from hwmodels.area import area_mm2
from hwmodels.clock import clock_limits_ghz, limiting_part
from hwmodels.cost import ENERGY_COMPONENTS, FITS, misfit_words, outside_pj, within_limit
from hwmodels.design.choices import DRAMS, OF_SCENARIO
from hwmodels.energy import machine_energy
from hwmodels.simulator import simulate_kernel
from hwmodels.technology import make_technology, scenario
from workloads import InputError, SparseKernel, Workload, measure

MACHINE = {
    "pe_rows": 4.0,
    "pe_cols": [2.0, 4.0],
    "lanes": 4.0,
    "glb_bytes": 65536.0,
    "glb_banks": 16.0,
    "pe_buffer_bytes": 4096.0,
    "accumulator_bytes": 1024.0,
    "index_bus_bits": 128.0,
    "value_bus_bits": 256.0,
    "dataflow": "gustavson",
    "intersection": "leader_follower",
    "a_format": ["dense", "csr"],
    "a_zero": ["gate", "skip"],
    "schedule": ["row_blocks", "balanced"],
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
    "loop_order": "mkn",
    "tile_m": 64.0,
    "tile_k": [32.0, 64.0],
    "tile_n": 16.0,
}
"""A space of a few mappings on two machines."""
MEMORIES = {"dram": ["lpddr4", "hbm2"], "dram_channels": [1.0, 4.0]}


@pytest.fixture(scope="module")
def kernel() -> SparseKernel:
    return SparseKernel(
        "product", csr_array(random_array((64, 64), density=0.2, rng=np.random.default_rng(1))), None, 16
    )


@pytest.fixture(scope="module")
def free(kernel) -> Problem:
    """Its memory is free."""
    space = default_space().fix(**MACHINE, **MEMORIES)
    return make_problem(Workload("small", (kernel,)), space, make_technology())


@pytest.fixture(scope="module")
def front(free):
    return Exhaustive()(free, budget=int(free.encoding.size))


def held(free: Problem, dram: str, channels: float) -> Problem:
    """The same with one memory, and its PHY counted all the same."""
    return free.within(free.encoding.space.fix(dram=dram, dram_channels=channels))


def test_a_memory_chosen_freely_equals_or_beats_each_fixed_one(free, front):
    rows, taken = [], set()
    for dram in MEMORIES["dram"]:
        for channels in MEMORIES["dram_channels"]:
            one = held(free, dram, channels)
            found = Exhaustive()(one, budget=int(one.encoding.size))
            rows.append(found.objectives)
            assert one.counts_phy
    every = np.concatenate(rows)
    for objectives in every:
        assert (front.objectives <= objectives * (1 + 1e-6)).all(axis=1).any()
    for design in free.designs(front.genomes):
        taken.add((design.hardware["dram"], design.hardware["dram_channels"]))
    assert len(taken) > 1
    for at in range(3):
        assert front.objectives[:, at].min() == pytest.approx(every[:, at].min(), rel=1e-6)


def test_a_named_memory_is_priced_as_the_scenario_with_it(kernel, front, free):
    """Model and simulator, whatever the scenario says."""
    other = make_technology(scenario(dram="ddr4", dram_channels=16))
    statistics = measure(kernel)
    seen = set()
    for design in free.designs(front.genomes):
        dram, channels = str(design.hardware["dram"]), float(design.hardware["dram_channels"])
        if (dram, channels) in seen:
            continue
        seen.add((dram, channels))
        hardware, (mapping,) = design.build()
        bare = hardware.with_(dram=OF_SCENARIO)
        own = make_technology(scenario(dram=dram, dram_channels=channels))
        for run in (lambda h, t, m=mapping: evaluate(h, m, statistics, t),
                    lambda h, t, m=mapping: simulate_kernel(h, m, kernel, t).cost):  # fmt: skip
            named, of_scenario = run(hardware, other), run(bare, own)
            for leaf in ("latency_s", "energy_pj", "area_mm2", "fits"):
                assert np.allclose(getattr(named, leaf), getattr(of_scenario, leaf), rtol=1e-6), leaf
            assert not np.allclose(run(bare, other).area_mm2, of_scenario.area_mm2)
        again = other.with_memory_of(hardware).with_memory_of(hardware)
        assert float(again.dram_gbps()) == pytest.approx(float(own.dram_gbps()))


def test_energy_adds_up_and_standing_power_is_power_times_time(kernel, free, front):
    statistics = measure(kernel)
    hardware, (mapping,) = free.designs(front.genomes)[0].build()
    technology = make_technology()
    modelled = evaluate(hardware, mapping, statistics, technology)
    simulated = simulate_kernel(hardware, mapping, kernel, technology).cost
    watts = float(technology.with_memory_of(hardware).dram_static_w())
    assert watts > 0
    for cost in (modelled, simulated):
        parts = cost.parts()["energy_pj"]
        assert tuple(parts) == ENERGY_COMPONENTS
        assert sum(parts.values()) == pytest.approx(float(cost.total_energy_pj), rel=1e-6)
        assert parts["dram_standing"] == pytest.approx(watts * float(cost.latency_s) * 1e12, rel=1e-5)
        assert float(outside_pj(cost.energy_pj)) == pytest.approx(parts["dram"] + parts["dram_standing"], rel=1e-6)
    silent = eased(technology, {f"dram_{name}_static_w": 1e-9 for name in DRAMS})
    quiet = evaluate(hardware, mapping, statistics, silent).parts()["energy_pj"]
    assert quiet["leakage"] == pytest.approx(modelled.parts()["energy_pj"]["leakage"], rel=1e-6)
    assert quiet["dram_standing"] < 1e-6 * modelled.parts()["energy_pj"]["dram_standing"]


def eased(technology, constants: dict[str, float]):
    return replace(technology, constants=technology.constants | {n: jnp.float32(v) for n, v in constants.items()})


def test_the_phy_counts_where_the_memory_is_free(free, front, kernel):
    costed = free.costed(free.designs(front.genomes))
    scores = free.score(front.genomes)
    assert free.counts_phy
    for one, area in zip(costed, scores.area_mm2, strict=True):
        assert one.point[2] == pytest.approx(float(one.total.total_area_mm2), rel=1e-6) == pytest.approx(area, rel=1e-6)
    fixed = make_problem(
        Workload("small", (kernel,)), default_space().fix(**MACHINE), make_technology(), statistics=free.statistics
    )
    assert not fixed.counts_phy
    rows = fixed.encoding.random(np.random.default_rng(0), 4)
    (one, *_), area = fixed.costed(fixed.designs(rows)), fixed.score(rows).area_mm2
    assert one.point[2] == pytest.approx(float(one.total.core_area_mm2), rel=1e-6) == pytest.approx(area[0], rel=1e-6)


def test_what_is_left_of_the_memory_is_the_scenarios(kernel):
    technology, workload = make_technology(scenario(dram="hbm2", dram_channels=2)), Workload("small", (kernel,))

    def memory(**fixes) -> tuple:
        space = make_problem(workload, default_space().fix(**MACHINE, **fixes), technology).encoding.space
        return space.values("dram"), space.values("dram_channels")

    assert memory() == ((OF_SCENARIO,), (1.0,))
    assert memory(dram_channels=[1, 8]) == (("hbm2",), (1.0, 8.0))
    assert memory(dram=["lpddr4", "hbm3"]) == (("lpddr4", "hbm3"), (2.0,))
    assert memory(dram=[OF_SCENARIO, "ddr4"], dram_channels=4) == (("ddr4", "hbm2"), (4.0,))
    bare = make_problem(workload, default_space().fix(**MACHINE), technology)
    design = bare.design(bare.encoding.random(np.random.default_rng(0), 1)[0])
    with pytest.raises(InputError, match="the DRAM is the scenario's, with its channels; give dram, too"):
        design.with_(dram_channels=8)


def test_power_over_the_area_of_the_die_is_a_limit(free, front):
    costed = free.costed(free.designs(front.genomes))
    densities = np.array([float(one.total.power_density_w_mm2) for one in costed])
    limit = float(np.median(densities))
    limited = free.within(free.encoding.space, constraints={"power_density_w_mm2": limit})
    scores = limited.score(front.genomes)
    assert (scores.feasible == within_limit(densities, limit)).all()
    assert scores.feasible.any()
    assert not scores.feasible.all()
    found = RandomSearch()(limited, budget=600, seed=0)
    shown = limited.costed(limited.designs(found.genomes))
    assert shown
    assert all(within_limit(float(one.total.power_density_w_mm2), limit) for one in shown)
    for one in costed[:3]:
        watts = float(one.total.power_w) - float(outside_pj(one.total.energy_pj)) * 1e-12 / float(one.total.latency_s)
        assert float(one.total.power_density_w_mm2) == pytest.approx(watts / float(one.total.total_area_mm2), rel=1e-5)
    impossible = free.within(free.encoding.space, constraints={"power_density_w_mm2": 1e-9})
    with pytest.raises(InputError, match="No design meets power_density_w_mm2 <= 1e-09 W/mm2: the smallest found is"):
        impossible.require_feasible(replace(found, genomes=found.genomes[:0], objectives=found.objectives[:0]))


def test_fast_cells_cost_area_and_leakage_for_a_faster_clock(free, front):
    technology = make_technology()
    hardware = free.designs(front.genomes)[0].build()[0]
    fast = hardware.with_(glb_cell="fast")
    areas = [np.asarray(area_mm2(one, technology)) for one in (hardware, fast)]
    leaks = [
        float(machine_energy(one, jnp.asarray(area), technology).leakage_pj_per_cycle)
        for one, area in zip((hardware, fast), areas, strict=True)
    ]
    assert np.count_nonzero(areas[0] != areas[1]) == 1
    assert areas[0].sum() < areas[1].sum()
    assert leaks[0] < leaks[1]
    slow, quick = (np.asarray(clock_limits_ghz(one, technology)) for one in (hardware, fast))
    assert quick[1] == pytest.approx(4 * slow[1])
    assert quick[0] == slow[0] == float(technology.max_clock_ghz())


def test_the_clock_that_parts_allow_is_a_number_and_the_part_is_named(kernel, free, front):
    technology = make_technology()
    for one in free.costed(free.designs(front.genomes[:4])):
        limits = free.clock_limits_ghz(one.design)
        assert float(one.total.max_clock_ghz) == pytest.approx(min(limits.values()), rel=1e-5)
        assert limiting_part(float(one.total.max_clock_ghz), technology) == min(limits, key=lambda part: limits[part])
    old = make_technology(scenario(node_nm=45, clock_ghz=1.0))
    space = default_space().fix(**MACHINE | {"glb_bytes": 2.0**24, "glb_banks": 4.0})
    slow = make_problem(Workload("small", (kernel,)), space, old)
    with pytest.raises(InputError, match=r"a GLB bank of no design allows more than 0\..*glb_cell=fast"):
        slow.require_feasible(RandomSearch()(slow, budget=100, seed=0))
    design = slow.design(slow.encoding.random(np.random.default_rng(0), 1)[0])
    need = float(slow.costed([design])[0].total.fits[FITS.index("clock")])
    assert "GLB bank" in misfit_words("clock", need)
    assert slow.score_designs([design.with_(glb_cell="fast")]).feasible.all()
    with pytest.raises(InputError, match=r"more than 45 nm reaches .* GHz, which its logic allows"):
        make_technology(scenario(node_nm=45, clock_ghz=5.0))


def test_design_files_name_a_memory_only_where_it_was_free(tmp_path, kernel, free, front):
    path = tmp_path / "front.json"
    write_front(path, free, front, created_by="test")
    designs = free.designs(front.genomes)
    assert list(read_front(path).designs) == designs
    fixed = make_problem(Workload("small", (kernel,)), default_space().fix(**MACHINE), make_technology())
    rows = fixed.encoding.random(np.random.default_rng(0), 1)
    old = tmp_path / "old.json"
    one = replace(front, genomes=rows, objectives=fixed.score(rows).objectives)
    write_front(old, fixed, one, created_by="test")
    hardware = json.loads(old.read_text())["rows"][0]["hardware"]
    assert not {"dram", "dram_channels"} & set(hardware)
    document = json.loads(old.read_text())
    del document["rows"][0]["hardware"]["glb_cell"]  # as files were before
    old.write_text(json.dumps(document))
    assert read_design(old) == fixed.design(rows[0])
    moved = with_its_memory(designs[0], {"node_nm": 16})
    assert moved[0].hardware["dram"] == OF_SCENARIO
    assert DRAMS[int(np.argmax(moved[1]["dram"]))] == designs[0].hardware["dram"]
    assert moved[1]["dram_channels"] == designs[0].hardware["dram_channels"]
    assert with_its_memory(fixed.design(rows[0]), {}) == (fixed.design(rows[0]), {})
