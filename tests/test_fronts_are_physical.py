"""What is found could be built and run: docs/machine.md, section 10, on real fronts and optima."""

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from dse import Design, Gradient, alone, default_space, make_problem
from dse.mapper import Enumerated, best_mappings, mapping_space, merit_of
from dse.problem.search_problem import Problem
from hwmodels import simulate_kernel
from hwmodels.area import WORD_BITS
from hwmodels.cost import Cost, within_limit
from hwmodels.design.hardware import TILE_SIZES, Hardware
from hwmodels.design.legality import DENSE_A, DENSE_B, legal_dataflows
from hwmodels.formats.records import FORMATS
from hwmodels.technology import Technology, make_technology, scenario
from workloads import SparseKernel, generators
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.kernel import Kernel
from workloads.kernels.sddmm import SddmmKernel

FILL_CYCLES = 1.0
"""A level more of the trees of the buses, of PE rows or of columns."""
ROUNDING = 1e-5


KERNELS = ("vector", "columns", "two_sparse", "sampled", "overlap", "union")
"""A matrix-vector product, a product with few columns, one of two sparse matrices, an SDDMM, A * B and A + B."""
FULL = tuple(f"full_{name}" for name in KERNELS)
"""The same of matrices without a zero."""


def kernel_named(name: str) -> Kernel:
    """One of `KERNELS`, whose A is of 96 x 80, or of `FULL`, of 64 x 64."""
    if name in FULL:
        a = b = other = csr_array(np.ones((64, 64)))
    else:
        a, other = (csr_array(generators.power_law_rows(96, 80, 6, 2.1, seed)) for seed in (0, 3))
        b = csr_array(generators.uniform(80, 64, 0.05, 1))
    made: dict[str, Kernel] = {
        "vector": SparseKernel(name, a, None, 1),
        "columns": SparseKernel(name, a, None, 12),
        "two_sparse": SparseKernel(name, a, b, 64),
        "sampled": SddmmKernel(name, a, 12),
        "overlap": ElementwiseKernel(name, a, other, "multiply"),
        "union": ElementwiseKernel(name, a, other, "add"),
    }
    return made[name.removeprefix("full_")]


@functools.cache
def every_problem() -> Problem:
    """Of all kernels, so that each model is compiled once."""
    kernels = tuple(map(kernel_named, KERNELS + FULL))
    return make_problem(SimpleNamespace(name="all", kernels=kernels), default_space(), make_technology(scenario()))


def problem_of(name: str, **fixed) -> Problem:
    """Of one of the kernels by itself, in the default space with some parameters fixed."""
    return alone(every_problem(), [(KERNELS + FULL).index(name)]).within(default_space().fix(**fixed))


def roofline_s(cost: Cost, hardware: Hardware, technology: Technology) -> float:
    """The longest that MACs, a bus, the GLB or the DRAM are busy, if each has nothing else to wait for."""
    ghz, computes, traffic, actions = technology.scenario.clock_ghz, cost.computes, cost.traffic, cost.actions
    macs = computes.effectual + computes.ineffectual + computes.gated
    cycles = (
        macs / (hardware.pe_rows * hardware.pe_cols * hardware.lanes),
        8.0 * traffic.value_bus_bytes / hardware.value_bus_bits,
        8.0 * traffic.index_bus_bytes / hardware.index_bus_bits,
        (actions.glb_read_bits + actions.glb_write_bits) / (WORD_BITS * hardware.glb_banks),
        (actions.dram_read_bits + actions.dram_write_bits) / (technology.solved().dram_gbps() * 8.0 / ghz),
    )
    return float(np.max(np.array(cycles, float))) / float(ghz) * 1e-9


@pytest.mark.parametrize("name", KERNELS)
def test_no_design_of_a_front_breaks_a_storage_rule_or_beats_its_rooflines(name: str):
    """By the models that searched, and by the simulator, which holds the real non-zeros."""
    kernel, problem = kernel_named(name), problem_of(name)
    front = Gradient()(problem, budget=1500).genomes
    designs = problem.designs(front[:: max(len(front) // 12, 1)])
    for design, costed in zip(designs, problem.costed(designs), strict=True):
        hardware, (mapping,) = design.build()
        run = simulate_kernel(hardware, mapping, kernel, problem.technology)
        for cost in (run.cost, costed.kernels[0]):
            assert within_limit(cost.fits).all(), (design, cost.fits)
            assert float(cost.latency_s) >= roofline_s(cost, hardware, problem.technology) * (1 - ROUNDING), design


SMALL = {
    "pe_rows": 4.0, "pe_cols": 2.0, "lanes": 2.0, "glb_bytes": 65536.0, "glb_banks": 4.0, "pe_buffer_bytes": 256.0,
    "accumulator_bytes": 64.0, "index_bus_bits": 32.0, "value_bus_bits": 64.0, "value_bits": 8.0,
    "accumulator_bits": 24.0,
    "intersection": "two_finger",
}  # fmt: skip
RESOURCES = [name for name in SMALL if name not in ("value_bits", "accumulator_bits", "intersection")]
PARTS = {"rows_used": "pe_rows", "cols_used": "pe_cols", "lanes_used": "lanes"}
"""What a mapping may leave idle."""
CLOSED = {
    "loop_order": ["mkn", "nkm"], "a_zero": ["gate", "skip"], "a_format": ["dense", "bitmask", "csr", "csc"],
    "b_format": ["dense", "csr", "csc"], "schedule": ["cyclic", "balanced"], "tile_m": [16, 128],
    "tile_k": [16, 128], "tile_n": [16, 64],
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_more_of_a_resource_is_not_slower(name: str):
    """With the mapping chosen anew, which may use no more parts than before."""
    problem = problem_of(name, **CLOSED)

    def least_s(hardware: dict) -> float:
        allowed = {used: sorted({SMALL[part], hardware[part]}) for used, part in PARTS.items()}
        held = problem.within(mapping_space(problem.encoding.space.fix(**allowed), hardware))
        (best,) = best_mappings(held, Enumerated(), "latency_s")
        assert best is not None
        return best.latency_s

    before, cycle_s = least_s(SMALL), 1e-9 / float(problem.technology.scenario.clock_ghz)
    times = {part: least_s(SMALL | {part: 2 * SMALL[part]}) for part in RESOURCES}
    fill = {part: FILL_CYCLES * cycle_s * (part in ("pe_rows", "pe_cols")) for part in RESOURCES}
    slower = {part: time / before for part, time in times.items() if time > (before + fill[part]) * (1 + ROUNDING)}
    assert not slower
    assert min(times.values()) < before


AHEAD = 1.02
"""What sparse may be ahead by on dense work."""
DENSE = DENSE_A | DENSE_B


def test_sparse_is_not_ahead_on_dense_work():
    """Of a full matrix, at equal numbers of the hardware, each with units for its own mapping."""
    held = {name: value for name, value in CLOSED.items() if name not in ("a_zero", "a_format")}
    formats = ["dense", "bitmask", "rle", "csr", "csc", "coo", "nm4", "bcsr"]
    problem = problem_of("full_columns", **held, a_format=formats)
    for hardware in (SMALL, SMALL | {"pe_rows": 8.0, "lanes": 4.0, "index_bus_bits": 128.0, "value_bus_bits": 256.0}):
        for merit in ("latency_s", "energy_pj", "edp_js"):
            found = []
            for choices in ({}, {name: [value] for name, value in DENSE.items()}):
                within = problem.within(mapping_space(problem.encoding.space, hardware, choices))
                (best,) = best_mappings(within, Enumerated(), merit)
                assert best is not None
                found.append(merit_of(merit)(best.latency_s, best.energy_pj))
            assert found[1] <= AHEAD * found[0], (hardware, merit)


def dense_machines(sparse: Design, family: str) -> list[Design]:
    """The same numbers on dense operands: each dataflow, and tiles as they are or as large as the full matrices."""
    (mapping,) = sparse.mappings
    found = []
    for flow in legal_dataflows(family):
        own = {} if flow == mapping["dataflow"] else {"dataflow": flow, "lanes_on": "n", "residency": "b"}
        for sizes in itertools.product(*({mapping[name], 64.0} for name in TILE_SIZES)):
            changed = {**mapping, **DENSE, **own, **dict(zip(TILE_SIZES, sizes, strict=True))}
            found.append(Design(sparse.hardware, (changed,), sparse.kernels))
    return found


@pytest.mark.parametrize("name", FULL)
def test_no_sparse_machine_is_ahead_of_a_dense_one_of_its_area(name: str):
    """On full matrices, of a front and at random; the dense ones have the same numbers and are no larger."""
    formats = [stored for stored in FORMATS if stored != "dense"]
    problem = problem_of(name, a_format=formats, a_zero=["skip"])
    front = Gradient()(problem, budget=500).genomes
    drawn = problem.encoding.random(np.random.default_rng(0), 400)
    fitting = drawn[problem.score(drawn).feasible]
    assert len(fitting) >= 10
    sparse = problem.designs(np.concatenate([front[:40], fitting[:60]]))
    rivals = [dense_machines(design, problem.families[0]) for design in sparse]
    ours, theirs = problem.score_designs(sparse), problem.score_designs(list(itertools.chain(*rivals)))
    owner = np.repeat(np.arange(len(sparse)), [len(some) for some in rivals])
    held = theirs.feasible & within_limit(theirs.area_mm2, ours.area_mm2[owner])
    for mine, dense in ((ours.latency_s, theirs.latency_s), (ours.energy_pj, theirs.energy_pj)):
        best = np.full(len(sparse), np.inf)
        np.minimum.at(best, owner[held], dense[held, 0])
        assert within_limit(best, AHEAD * mine[:, 0]).all(), sparse[int(np.argmax(best / mine[:, 0]))]
