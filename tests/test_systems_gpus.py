"""NVIDIA's GPUs and the dual-side sparse tensor core: peaks of data sheets, laws of tiles, where sparsity pays."""

from dataclasses import replace

import numpy as np
import pytest

from hwmodels.systems import SYSTEMS, uniform_work
from hwmodels.systems.dstc import Dstc
from hwmodels.systems.nvidia import A100, CUTLASS_2_4, H100, RTX_3060, RTX_4070_TI_SUPER, Gpu

GPUS = (A100, H100, RTX_3060, RTX_4070_TI_SUPER)


@pytest.mark.parametrize(("gpu", "tflops"), [(A100, 312), (H100, 989.4), (RTX_4070_TI_SUPER, 88.2), (RTX_3060, 25.5)])
def test_peaks_of_data_sheets(gpu: Gpu, tflops: float):
    """16-bit operands, float32 sums, dense."""
    assert 2 * gpu.peak * gpu.clock_ghz * 1e-3 == pytest.approx(tflops, rel=0.01)


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.name)
def test_times_lie_between_the_roofline_and_its_double(gpu: Gpu):
    m, k, n = 8192.0, 8192.0, 8192.0
    peak_us = m * k * n / gpu.peak / gpu.clock_ghz * 1e-3
    assert peak_us < gpu.gemm_us(m, k, n) < 2 * peak_us
    assert peak_us / 2 < gpu.gemm_us(m, k, n, sparse=True) < gpu.gemm_us(m, k, n)
    bytes_us = m * k * 2 / gpu.dram_gbps * 1e-3
    assert bytes_us < gpu.gemm_us(m, k, 1.0) < 2 * bytes_us + gpu.launch_us


def test_larger_products_take_longer():
    sizes = [512.0, 1000.0, 2048.0, 3000.0, 4096.0]
    for sparse in (False, True):
        for vary in range(3):
            times = [A100.gemm_us(*np.roll([size, 2048.0, 2048.0], vary), sparse=sparse) for size in sizes]
            assert times == sorted(times)


def test_tiles_fill_whole_waves():
    """108 SMs: 9 x 12 tiles of 128 x 128 take a wave, one column more takes another."""
    full, more = (A100.gemm_us(1152.0, 4096.0, n, library=CUTLASS_2_4) for n in (1536.0, 1537.0))
    assert more - A100.launch_us == pytest.approx(2 * (full - A100.launch_us))


def test_2_4_pays_only_where_the_pattern_fits():
    work = uniform_work(4096.0, 4096.0, 4096.0, 0.5)
    fits = replace(work, fullest_of_four=2.0)
    dense, sparse = A100.cost(work), A100.cost(fits)
    assert 1.3 < dense.latency_s / sparse.latency_s < 2.0
    assert dense.computes.ineffectual == pytest.approx(work.multiplies)
    assert sparse.computes.ineffectual == 0
    assert np.sum(sparse.energy_pj) * 1e-12 / sparse.latency_s == pytest.approx(A100.power_w)


def test_dual_side_core_by_multiplies():
    chip = Dstc()
    dense = chip.cost(uniform_work(4096.0, 4096.0, 4096.0))
    assert dense.latency_s * 1e6 == pytest.approx(4586.5, rel=1e-3)  # Fig. 21
    densities = (1.0, 0.8, 0.5, 0.2, 0.1, 0.01)
    times = np.array(
        [[chip.relative_time(uniform_work(4096.0, 4096.0, 4096.0, a, b)) for b in densities] for a in densities]
    )
    assert (np.diff(times, axis=0) < 0).all()
    assert np.allclose(times, times.T)
    # the paper: faster than CUTLASS from about 25 % sparsity on
    assert (
        chip.speedup(uniform_work(4096.0, 4096.0, 4096.0, 0.85))
        < 1
        < chip.speedup(uniform_work(4096.0, 4096.0, 4096.0, 0.7))
    )


@pytest.mark.parametrize("name", ["eie", "dstc", "a100", "h100"])
def test_systems_answer_for_odd_sizes(name: str):
    cost = SYSTEMS[name].cost(uniform_work(301.0, 77.0, 3.0, 0.1, 0.6))
    assert cost.latency_s > 0
    assert np.sum(cost.energy_pj) > 0
    assert 0 < cost.utilization < 1
