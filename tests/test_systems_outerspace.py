"""OuterSPACE: its traffic in multiples of the minimum, and that memory at the measured utilisation gives its times."""

from dataclasses import replace

import pytest

from hwmodels.systems import Work
from hwmodels.systems.outerspace import OuterSpace

# A x A (TeAAL's artifact): total traffic over the minimum, and the minimum in bytes, as reported
TRAFFIC = {
    "wiki-Vote": (Work(8297.0, 8297.0, 8297.0, 103689.0, 103689.0, 4542805.0, 1831112.0), 5.5988 * 24012396),
    "poisson3Da": (Work(13514.0, 13514.0, 13514.0, 352762.0, 352762.0, 11768678.0, 2957530.0), 7.3983 * 44118820),
    "p2p-Gnutella31": (Work(62586.0, 62586.0, 62586.0, 147892.0, 147892.0, 538318.0, 537601.0), 2.2915 * 10719876),
}


@pytest.mark.parametrize("name", TRAFFIC)
def test_traffic_that_teaal_lists(name):
    work, published = TRAFFIC[name]
    assert sum(OuterSpace().traffic_bytes(work).values()) == pytest.approx(published, rel=0.04)


def test_throughput_on_wiki_vote_that_matraptors_figures_imply():
    work, _ = TRAFFIC["wiki-Vote"]
    assert 2e-9 * work.multiplies / float(OuterSpace().cost(work).latency_s) == pytest.approx(4.135, rel=0.05)


def test_memory_binds_until_it_is_plentiful():
    work, _ = TRAFFIC["poisson3Da"]
    cost, fast = OuterSpace().cost(work), replace(OuterSpace(), dram_gbps=1e5).cost(work)
    assert (cost.bottleneck, fast.bottleneck) == ("dram", "compute")
    assert fast.cycles < cost.cycles
    assert cost.traffic.dram_z_read_bytes == 12 * work.multiplies
