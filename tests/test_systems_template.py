"""Published machines as template designs: legal for both families, they fit, and they do what their mechanism says."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from dse.space.design import Design
from hwmodels.cost import RESOURCES, Cost, within_limit
from hwmodels.simulator import simulate
from hwmodels.systems import SYSTEMS, work_of
from hwmodels.systems.eie import Eie
from hwmodels.systems.matraptor import MatRaptor
from hwmodels.systems.onyx import Onyx
from hwmodels.systems.template_designs import EIE, GAMMA, MATRAPTOR, ONYX, OUTERSPACE, TEMPLATES, TemplateMachine
from workloads import SparseKernel

WHOLE = {"loop_order": "mkn", "tile_m": 1024.0, "tile_k": 1024.0, "tile_n": 1024.0}
PASS_CYCLES = 8.0
"""docs/machine.md, section 5."""


def random_pair(m: int, k: int, n: int, density: float) -> tuple[csr_array, csr_array]:
    rng = np.random.default_rng(3)
    return tuple(csr_array(random_array(shape, density=density, rng=rng)) for shape in ((m, k), (k, n)))


def simulated(machine: TemplateMachine, tech, a: csr_array, b, **free) -> Cost:
    mapping = machine.mapping(not isinstance(b, csr_array), **(WHOLE | free))
    hardware, (built,) = Design(machine.hardware, (mapping,), ("product",)).build()
    return simulate(hardware, built, a, b, tech).cost


def busy_cycles(machine: TemplateMachine, tech, a: csr_array, b, name: str) -> float:
    return float(simulated(machine, tech, a, b).resource_cycles[RESOURCES.index(name)])


@pytest.mark.parametrize("name", TEMPLATES)
def test_designs_are_legal_and_fit_with_a_dense_and_a_sparse_b(name: str, tech):
    machine = TEMPLATES[name]
    mappings = tuple(machine.mapping(dense_b, **WHOLE) for dense_b in (True, False))
    design = Design(machine.hardware, mappings, ("spmm", "axa"))
    checked = design.checked(("dense_b", "sparse_b"))
    assert checked.mappings == design.mappings
    assert checked.hardware["intersection"] == machine.hardware["intersection"]
    assert machine.system in SYSTEMS
    assert machine.limits.endswith(".")
    a, b = random_pair(96, 96, 96, 0.1)
    small = {"tile_m": 32.0, "tile_k": 32.0, "tile_n": 32.0}
    for right in (np.ones((96, 96)), b):
        assert within_limit(simulated(machine, tech, a, right, **small).fits).all()


def test_one_lane_of_onyx_merges_as_its_own_model_does(tech):
    a, b = random_pair(70, 95, 50, 0.05)
    lane = replace(ONYX, hardware={**ONYX.hardware, "pe_rows": 1.0})
    own = replace(Onyx(), lanes=1, hops=1, hop_cycles=PASS_CYCLES)  # of a pair of tiles
    expected = own.sparse_cycles(work_of(SparseKernel("random", a, b, 50)))
    assert busy_cycles(lane, tech, a, b, "compute") == pytest.approx(expected)


def test_eie_waits_for_the_fullest_pe_and_leaves_out_columns_without_an_activation(tech):
    a, _ = random_pair(640, 200, 1, 0.1)
    activations = csr_array((np.arange(200) % 3 == 0).astype(float)[:, None])
    for b in (np.ones((200, 1)), activations):
        met = a[:, b.nonzero()[0]].tocoo()
        ours = busy_cycles(EIE, tech, a, b, "compute")
        assert ours == np.bincount(met.row % 64).max() + PASS_CYCLES
        kernel = SparseKernel("random", a, None if isinstance(b, np.ndarray) else b, 1)
        assert met.nnz / 64 < ours < Eie().cycles(work_of(kernel))  # which pads runs, and passes over empty columns


def test_outerspace_sends_every_product_to_memory(tech):
    a, b = random_pair(60, 50, 40, 0.05)
    moved = float(simulated(OUTERSPACE, tech, a, b, tile_n=8.0).traffic.dram_z_read_bytes)
    pieces = sum(np.unique(b[[k]].indices // 8).size for k in np.flatnonzero(np.diff(a.tocsc().indptr)))
    sums, coordinates = float(OUTERSPACE.hardware["accumulator_bits"]), 10 + 3  # of a tile of 1024 x 8
    products = work_of(SparseKernel("random", a, b, 40)).multiplies * (sums + coordinates) / 8
    burst = float(tech.dram_burst_bits()) / 8
    assert products <= moved <= products + pieces * burst
    assert moved % burst == 0


def test_row_wise_machines_pass_each_product_once_and_fetch_a_row_for_each_entry(tech):
    a, b = random_pair(256, 200, 150, 0.02)  # short rows: one level of merging in their own models
    kernel, each = SparseKernel("random", a, b, 150), np.diff(b.indptr)
    steps = np.maximum(each[a.indices], 1)  # a row that is empty is looked up
    fullest = np.bincount(np.repeat(np.arange(256), np.diff(a.indptr)) % 8, steps).max()
    assert busy_cycles(MATRAPTOR, tech, a, b, "compute") == fullest + PASS_CYCLES
    assert fullest > MatRaptor().busy_cycles(work_of(kernel))[1]  # whose PEs share the merging evenly
    one = replace(GAMMA, hardware={**GAMMA.hardware, "pe_rows": 1.0, "value_bus_bits": 64.0, "index_bus_bits": 64.0})
    assert busy_cycles(one, tech, a, b, "compute") == steps.sum() + PASS_CYCLES
    assert busy_cycles(GAMMA, tech, a, b, "compute") == pytest.approx(steps.sum() / 32, rel=0.15)
    for machine in (MATRAPTOR, GAMMA):
        values = machine.hardware["value_bus_bits"] / machine.hardware["value_bits"]
        rows = np.ceil(each[a.indices] / values).sum()
        assert rows <= busy_cycles(machine, tech, a, b, "value_bus") < 2 * rows + 256 * 150
