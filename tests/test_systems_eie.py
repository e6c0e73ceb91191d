"""EIE: encoding of the paper's example, laws of its queues, known patterns against drawn ones, the paper's tables."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.eie import Eie
from hwmodels.systems.eie_units import EiePe
from hwmodels.systems.estimates.broadcast_queues import queued_cycles
from workloads import SparseKernel
from workloads.errors import InputError

CHIP = Eie()


def kernel(a: np.ndarray | csr_array, b: csr_array | None = None, n: int = 1) -> SparseKernel:
    return SparseKernel("test", csr_array(a), b, n)


def test_padding_of_the_papers_example():
    """Section III: the column 0 0 1 2, 18 zeros, 3 is stored as four entries, one of them padding."""
    column = np.zeros((23, 1))
    column[[2, 3, 22]] = [[1], [2], [3]]
    assert replace(CHIP, pes=1).stored_entries(work_of(kernel(column))) == 4
    assert CHIP.stored_entries(work_of(kernel(column))) == 3


def test_queues_of_one_processor_and_of_one_item():
    work = np.array([[3.0], [0.0], [5.0]])
    assert queued_cycles(work, 8) == 1 + 3 + 1 + 5
    assert queued_cycles(np.array([[2.0, 7.0, 0.0]]), 1) == 1 + 7


def test_a_queue_of_one_is_a_barrier_and_longer_ones_wait_less():
    work = np.random.default_rng(0).binomial(64, 0.09, (500, 16)).astype(float)
    cycles = [queued_cycles(work, depth) for depth in (1, 2, 4, 8, 1000)]
    assert cycles[0] == 1 + np.maximum(work, 1).max(axis=1).sum()
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[-1] >= np.maximum(work, 1).sum(axis=0).max()


@pytest.mark.parametrize("density", [0.03, 0.09, 0.3])
def test_known_patterns_agree_with_drawn_ones(density: float):
    rng = np.random.default_rng(1)
    a = random_array((1024, 1200), density=density, rng=rng, format="csr")
    b = csr_array(random_array((1200, 2), density=0.4, rng=rng, format="csr"))
    known, drawn = work_of(kernel(a, b, 2)), uniform_work(1024.0, 1200.0, 2.0, density, 0.4)
    assert CHIP.stored_entries(known) == pytest.approx(CHIP.stored_entries(drawn), rel=0.01)
    assert CHIP.theoretical_cycles(known) == pytest.approx(CHIP.theoretical_cycles(drawn), rel=0.03)
    assert CHIP.cycles(known) == pytest.approx(CHIP.cycles(drawn), rel=0.03)
    assert CHIP.cycles(known) >= CHIP.theoretical_cycles(known)


def test_more_vectors_take_as_much_longer():
    a = random_array((256, 5000), density=0.1, rng=np.random.default_rng(2), format="csr")
    one, five = (CHIP.cost(work_of(kernel(a, n=n))) for n in (1, 5))
    assert float(five.cycles) == pytest.approx(5 * float(one.cycles))
    assert np.sum(five.energy_pj) == pytest.approx(5 * np.sum(one.energy_pj))


def test_uneven_rows_wait_for_the_fullest_pe():
    even = np.zeros((128, 400))
    even[:, ::4] = 1
    uneven = np.zeros((128, 400))
    uneven[::64] = 1  # two rows of the same PE hold as much of each column as the 128 do of a fourth of them
    uneven[1::64, :100] = 1
    cost = {name: float(CHIP.cost(work_of(kernel(a))).cycles) for name, a in (("even", even), ("uneven", uneven))}
    assert cost["uneven"] > 1.5 * cost["even"]


def test_weights_must_fit_the_chip():
    with pytest.raises(InputError, match=r"eie: A takes 1\.68e\+07 entries of 8\.39e\+06"):
        CHIP.cost(uniform_work(4096.0, 4096.0, 1.0))


def test_chip_of_the_paper():
    """Han et al., ISCA 2016, Tables II and V: 590 mW and 40.8 mm2, as input and by the technology."""
    cost = CHIP.cost(uniform_work(4096.0, 4096.0, 1.0, 0.09, 0.35))
    assert np.sum(cost.area_mm2) == pytest.approx(40.8, rel=0.01)
    assert np.sum(cost.energy_pj) * 1e-12 / cost.latency_s == pytest.approx(0.590, rel=0.01)
    assert CHIP.nonzero_units == 21
    pe = EiePe()
    assert sum(pe.area_um2().values()) == pytest.approx(638_024, rel=0.05)
    assert sum(pe.power_mw().values()) == pytest.approx(9.157, rel=0.15)
    assert sum(pe.unit_power_mw().values()) == pytest.approx(sum(pe.power_mw().values()), rel=1e-5)
    assert sum(pe.unit_area_um2().values()) + pe.area_um2()["filler"] == pytest.approx(sum(pe.area_um2().values()))


def test_half_of_the_cycles_are_idle_with_queues_of_one():
    """Section VI, Fig. 8: about half without a queue, little to gain beyond eight. The layer is AlexNet's FC7."""
    layer = uniform_work(4096.0, 4096.0, 1.0, 0.09, 0.35)
    busy = {d: CHIP.theoretical_cycles(layer) / replace(CHIP, fifo_depth=d).cycles(layer) for d in (1, 8, 16)}
    assert 0.4 < busy[1] < 0.65
    assert busy[8] > 0.95
    assert busy[16] - busy[8] < 0.02
