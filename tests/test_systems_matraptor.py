"""MatRaptor: its figures' operational intensity and throughput, and its model on patterns and on totals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from hwmodels.systems import Work, work_of
from hwmodels.systems.matraptor import MatRaptor
from workloads import SparseKernel

MACHINE = MatRaptor()
# rows, non-zeros, products and outputs of A x A (TeAAL's artifact); ops/byte and GOP/s of MICRO 2020, Fig. 7
PAPER = {
    "ca-CondMat": (23133.0, 186936.0, 4127524.0, 2355437.0, 0.1332, 7.426),
    "poisson3Da": (13514.0, 352762.0, 11768678.0, 2957530.0, 0.176, 8.819),
}


@pytest.mark.parametrize("name", PAPER)
def test_intensity_and_throughput_of_the_paper(name):
    rows, nonzeros, products, outputs, intensity, gops = PAPER[name]
    work = Work(rows, rows, rows, nonzeros, nonzeros, products, outputs)
    bus_bytes = sum(MACHINE.traffic_bytes(work).values())
    needed_bytes = bus_bytes - nonzeros * (MACHINE.burst_bytes - MACHINE.row_bytes)  # lengths not rounded up to bursts
    assert 2 * products / needed_bytes == pytest.approx(intensity, rel=0.03)
    assert MACHINE.throughput_gops(work) == pytest.approx(gops, rel=0.12)


def test_rows_of_equal_work_take_what_their_totals_say():
    at = np.arange(800)
    ring = csr_array((np.ones(4 * 800), (np.tile(at, 4), np.concatenate([(at + d) % 800 for d in range(4)]))))
    work = work_of(SparseKernel("ring", ring, ring, 800))
    whole, parts = MACHINE.cost(replace(work, kernel=None)), MACHINE.cost(work)
    assert parts.cycles == pytest.approx(whole.cycles)
    assert parts.total_energy_pj == pytest.approx(MACHINE.power_w * 1e12 * float(parts.latency_s), rel=1e-3)


def test_empty_rows_of_b_cost_only_their_length():
    a = csr_array(np.ones((8, 8)))
    b = csr_array(np.diag([1.0, 0, 0, 0, 0, 0, 0, 0]))
    moved = MACHINE.traffic_bytes(work_of(SparseKernel("mostly_empty", a, b, 8)))
    assert moved["b"] == 8 * 8 + 8 * 24 + 64 * 32  # products, rests of 8 bursts, 64 lengths


def test_merging_takes_passes_by_row_length_and_fewer_where_products_collide():
    lengths = np.array([1.0, 9.0, 90.0])
    assert np.allclose(MACHINE.passes(lengths), [1.0, 1.0, 5.5], rtol=1e-4)
    assert np.all(MACHINE.passes(lengths, draws=5.0) <= MACHINE.passes(lengths) + 1e-12)
    assert MACHINE.passes(90.0, draws=1e4) == 1.0


def test_more_channels_and_more_pes_are_never_slower():
    rows, nonzeros, products, outputs, _, _ = PAPER["poisson3Da"]
    work = Work(rows, rows, rows, nonzeros, nonzeros, products, outputs)
    base = MACHINE.throughput_gops(work)
    assert replace(MACHINE, channels=16).throughput_gops(work) > base
    assert replace(MACHINE, pes=16).throughput_gops(work) > base
