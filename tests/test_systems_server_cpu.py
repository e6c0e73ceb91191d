"""The server CPU: MKL's published times, the dense roofline, and rules at their borders."""

import dataclasses

import numpy as np
import pytest

from experiments.common.published import read_points
from experiments.common.published.cpu_horowitz_mkl import predict
from hwmodels.systems import Work, uniform_work
from hwmodels.systems.server_cpu import ServerCpu, named_cpu
from workloads.errors import InputError

CPU = ServerCpu()

MKL_AXA = [  # rows, non-zeros, multiplies of A x A, milliseconds on 12 cores (TeAAL artifact, baselines/mkl.csv)
    (8297, 103689, 4542805, 7.485),
    (62586, 147892, 538318, 3.203),
    (23133, 186936, 4127524, 9.592),
    (13514, 352762, 11768678, 16.388),
    (36692, 367662, 51501448, 66.102),
]


def test_mkl_times_within_a_third_but_for_the_smallest():
    """The rule has no cost for rows: p2p-Gnutella31, with 9 products a row, takes 3.6 times as long."""
    cpu = named_cpu("E5-2687W v4")
    works = [Work(*map(float, (n, n, n, stored, stored, met, met / 2))) for n, stored, met, _ in MKL_AXA]
    ratios = np.array(
        [float(cpu.cost(work).latency_s) * 1e3 / row[3] for work, row in zip(works, MKL_AXA, strict=True)]
    )
    assert np.all(abs(np.delete(ratios, 1) - 1) < 1 / 3)
    assert 0.2 < ratios[1] < 0.4


def test_dense_roofline():
    """Large products reach 0.9 of the peak, vectors the bandwidth."""
    large = CPU.cost(uniform_work(8192.0, 8192.0, 8192.0))
    assert large.utilization == pytest.approx(0.9, rel=0.01)
    vector = CPU.cost(uniform_work(8192.0, 8192.0, 1.0))
    assert vector.bottleneck == "dram"
    gbps = (8192**2 + 2 * 8192) * 4 / (float(vector.latency_s) - CPU.call_us * 1e-6) * 1e-9
    assert gbps == pytest.approx(0.8 * 76.8)


def test_power_is_the_thermal_design_power():
    cost = CPU.cost(uniform_work(4096.0, 4096.0, 4096.0))
    package = cost.energy_pj.sum() - cost.energy_pj[6]
    assert float(package / cost.latency_s) * 1e-12 == pytest.approx(145, rel=1e-6)
    assert cost.energy_pj[0] < 0.2 * package


def test_fewer_nonzeros_take_less_time_and_one_core_more():
    times = [float(CPU.cost(uniform_work(4096.0, 4096.0, 64.0, density)).latency_s) for density in (0.5, 0.1, 0.01)]
    assert times == sorted(times, reverse=True)
    one = dataclasses.replace(CPU, cores=1)
    assert float(one.cost(uniform_work(4096.0, 4096.0, 64.0, 0.5)).latency_s) > 5 * times[0]


def test_unknown_cpu():
    with pytest.raises(InputError, match="E5-2699 v4"):
        named_cpu("Z80")


def test_predictor_on_published_mkl_times():
    points = read_points(None, "cpu_horowitz_mkl")
    answers = {(point.workload, point.metric): (predict(point, points), point.value) for point in points}
    rate, published = answers["email-Enron", "implied MKL rate"]
    assert rate == pytest.approx(published, rel=0.3)
    assert all(isinstance(a, str) == ("cuSPARSE" in metric) for (_, metric), (a, _) in answers.items())
