"""What is found could be built and run: docs/machine.md, section 10, on real fronts and optima."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from dse import Gradient, default_space, make_problem
from dse.mapper import Enumerated, best_mappings, mapping_space, merit_of
from dse.problem.search_problem import Problem
from hwmodels import simulate_kernel
from hwmodels.area import WORD_BITS
from hwmodels.cost import Cost, within_limit
from hwmodels.design.hardware import Hardware
from hwmodels.technology import Technology, make_technology, scenario
from workloads import SparseKernel, generators

FILL_CYCLES = 1.0
"""A level more of the trees of the buses, of PE rows or of columns."""
ROUNDING = 1e-5


def kernel_named(name: str) -> SparseKernel:
    """Of 96 x 80: a matrix-vector product, a product with few columns, and one of two sparse matrices."""
    a = csr_array(generators.power_law_rows(96, 80, 6, 2.1, 0))
    if name == "vector":
        return SparseKernel(name, a, None, 1)
    if name == "columns":
        return SparseKernel(name, a, None, 12)
    return SparseKernel(name, a, csr_array(generators.uniform(80, 64, 0.05, 1)), 64)


def problem_of(kernel: SparseKernel, **fixed) -> Problem:
    workload = SimpleNamespace(name=kernel.name, kernels=(kernel,))
    return make_problem(workload, default_space().fix(**fixed), make_technology(scenario()))


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


@pytest.mark.parametrize("name", ["vector", "columns", "two_sparse"])
def test_no_design_of_a_front_breaks_a_storage_rule_or_beats_its_rooflines(name: str):
    """By the models that searched, and by the simulator, which holds the real non-zeros."""
    kernel = kernel_named(name)
    problem = problem_of(kernel)
    front = Gradient()(problem, budget=1500).genomes
    for row in front[:: max(len(front) // 12, 1)]:
        design = problem.design(row)
        hardware, (mapping,) = design.build()
        run = simulate_kernel(hardware, mapping, kernel, problem.technology)
        modelled = problem.costed([design])[0].kernels[0]
        for cost in (run.cost, modelled):
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


@pytest.mark.parametrize("name", ["vector", "columns", "two_sparse"])
def test_more_of_a_resource_is_not_slower(name: str):
    """With the mapping chosen anew, which may use no more parts than before."""
    problem = problem_of(kernel_named(name), **CLOSED)

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


def test_sparse_is_not_ahead_on_dense_work():
    """Of a full matrix, at equal numbers of the hardware, each with units for its own mapping."""
    full = SparseKernel("full", csr_array(np.ones((64, 64))), None, 16)
    held = {name: value for name, value in CLOSED.items() if name not in ("a_zero", "a_format")}
    problem = problem_of(full, **held, a_format=["dense", "bitmask", "rle", "csr", "csc", "coo", "nm4", "bcsr"])
    for hardware in (SMALL, SMALL | {"pe_rows": 8.0, "lanes": 4.0, "index_bus_bits": 128.0, "value_bus_bits": 256.0}):
        for merit in ("latency_s", "energy_pj", "edp_js"):
            found = []
            for choices in ({}, {"a_format": ["dense"], "a_zero": ["compute"]}):
                within = problem.within(mapping_space(problem.encoding.space, hardware, choices))
                (best,) = best_mappings(within, Enumerated(), merit)
                assert best is not None
                found.append(merit_of(merit)(best.latency_s, best.energy_pj))
            assert found[1] <= 1.02 * found[0], (hardware, merit)
