"""Published machines as template designs: legal for both families, and what they share with their small models."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from dse.space.design import Design
from hwmodels.cost import RESOURCES, Cost
from hwmodels.simulator import simulate
from hwmodels.systems import SYSTEMS, work_of
from hwmodels.systems.eie import Eie
from hwmodels.systems.onyx import Onyx
from hwmodels.systems.template_designs import EIE, GAMMA, ONYX, OUTERSPACE, TEMPLATES, TemplateMachine
from workloads import SparseKernel

WHOLE = {"loop_order": "mkn", "tile_m": 1024.0, "tile_k": 1024.0, "tile_n": 1024.0}


def random_pair(m: int, k: int, n: int, density: float) -> tuple[csr_array, csr_array]:
    rng = np.random.default_rng(3)
    return tuple(csr_array(random_array(shape, density=density, rng=rng)) for shape in ((m, k), (k, n)))


def simulated(machine: TemplateMachine, tech, a: csr_array, b, **free) -> Cost:
    mapping = machine.mapping(not isinstance(b, csr_array), **(WHOLE | free))
    hardware, (built,) = Design(machine.hardware, (mapping,), ("product",)).build()
    return simulate(hardware, built, a, b, tech).cost


def resource_cycles(machine: TemplateMachine, tech, a: csr_array, b, name: str) -> float:
    return float(simulated(machine, tech, a, b).resource_cycles[RESOURCES.index(name)])


@pytest.mark.parametrize("name", TEMPLATES)
def test_designs_are_legal_for_a_dense_and_a_sparse_b(name: str):
    machine = TEMPLATES[name]
    mappings = tuple(machine.mapping(dense_b, **WHOLE) for dense_b in (True, False))
    checked = Design(machine.hardware, mappings, ("spmm", "axa")).checked(("dense_b", "sparse_b"))
    assert checked.mappings == mappings
    assert checked.hardware["intersection"] == machine.hardware["intersection"]
    assert machine.system in SYSTEMS
    assert machine.limits.endswith(".")


def test_one_lane_of_onyx_merges_as_its_own_model_does(tech):
    a, b = random_pair(70, 95, 50, 0.05)
    lane = replace(ONYX, hardware={**ONYX.hardware, "pe_rows": 1.0})
    own = replace(Onyx(), lanes=1, hops=0).sparse_cycles(work_of(SparseKernel("random", a, b, 50)))
    assert resource_cycles(lane, tech, a, b, "intersect") == pytest.approx(own)


def test_eie_waits_for_no_pe_as_a_template(tech):
    a, _ = random_pair(640, 200, 1, 0.1)
    ours = resource_cycles(EIE, tech, a, np.ones((200, 1)), "compute")
    per_column = np.diff(a.tocsc().indptr)
    assert ours == np.ceil(per_column / 64).sum()
    assert per_column.sum() / 64 < ours < Eie().cycles(work_of(SparseKernel("random", a, None, 1)))


def test_outerspace_sends_every_product_to_memory(tech):
    a, b = random_pair(60, 50, 40, 0.05)
    moved = simulated(OUTERSPACE, tech, a, b, tile_n=8.0).traffic
    work = work_of(SparseKernel("random", a, b, 40))
    sums, coordinates = float(OUTERSPACE.hardware["accumulator_bits"]), 10 + 3  # of a tile of 1024 x 8
    assert float(moved.dram_z_read_bytes) == work.multiplies * (sums + coordinates) / 8


def test_gamma_passes_each_product_once(tech):
    a, b = random_pair(256, 200, 150, 0.02)  # short rows: one level of merging in its own model
    products = work_of(SparseKernel("random", a, b, 150)).multiplies
    one = replace(GAMMA, hardware={**GAMMA.hardware, "pe_rows": 1.0})
    assert resource_cycles(one, tech, a, b, "compute") == products
    assert resource_cycles(GAMMA, tech, a, b, "compute") == pytest.approx(products / 32, rel=0.1)
