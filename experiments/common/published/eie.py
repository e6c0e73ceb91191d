"""What the model of EIE says of its published points, and rooflines of the GPUs it was compared with."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.eie import Eie
from hwmodels.systems.eie_units import EiePe
from hwmodels.systems.nvidia import TEGRA_K1, TITAN_X, Gpu
from hwmodels.systems.work import Work, uniform_work

CHIP = Eie()
PROJECTED = replace(CHIP, pes=256, node_nm=28.0, clock_ghz=1.2)
"""Table V's projection to 28 nm."""
ACTUAL = "EIE actual time"
CPU_DENSE = "CPU i7-5930k dense batch1"
CPU_W = 73.0
"""Of the i7-5930k and its DRAM, measured: Section V."""
GPUS = {"GPU TitanX": TITAN_X, "mGPU TegraK1": TEGRA_K1}
CSR_BYTES = 8.0
"""Of a non-zero: float32 value and 32-bit column."""

AREAS = ("chip_area", "PE_area")
POWERS = ("chip_power", "PE_power")
PROJECTIONS = ("projection_28nm_256PE_area", "projection_28nm_256PE_power", "projection_28nm_256PE_FC7")
RATES = ("AlexNet_FC_throughput", "FC7_throughput_64PE", "FC7_energy_eff_64PE", "peak_on_compressed")
MEANS = (
    "geomean_speedup_vs_CPU_dense_b1",
    "geomean_energy_vs_CPU",
    "speedup_256PE_over_64PE",
    "FIFO_depth_1_idle_fraction",
)
FACTS = (*AREAS, *POWERS, *PROJECTIONS, *RATES, *MEANS, "LNZD_units")

BARS = {
    "actual times": Bar(lambda point: point.metric == ACTUAL, mean=0.10),
    "area by the technology": Bar(lambda point: point.metric in AREAS, mean=0.05),
    "power by the technology": Bar(lambda point: point.metric in POWERS, mean=0.15),
    "theoretical times": Bar(lambda point: point.metric == "EIE theoretical time"),
    "load-balance efficiency": Bar(lambda point: "load-balance" in point.metric),
    "against the CPU": Bar(lambda point: "vs CPU" in point.metric),
    "projection to 28 nm": Bar(lambda point: point.metric in PROJECTIONS),
    "throughput": Bar(lambda point: point.metric in RATES),
    "means, FIFO depth, 256 PEs": Bar(lambda point: point.metric in (*MEANS, "LNZD_units")),
    "GPU dense, roofline": Bar(lambda point: "GPU" in point.metric and "dense batch1" in point.metric),
    "GPU sparse, roofline": Bar(lambda point: "GPU" in point.metric and "sparse batch1" in point.metric),
}
NO_CPU = "a CPU time: MKL reaches a third to a sixth of the memory bandwidth, and no roofline says which"
NO_DENSE_BATCH = "cuBLAS times 64 vectors: 1.3 to 30 times its roofline, for reasons of its kernels"
NO_SPARSE_BATCH = "cuSPARSE times many vectors: bound by its own gathering, which no roofline has"


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Times, efficiencies, gains over the CPU, areas, powers and projections; else the reason why not."""
    if not point.workload:
        return _fact(point.metric, points)
    if point.metric.startswith("CPU "):
        return NO_CPU
    try:
        layer = _layer(point)
    except KeyError as missing:
        return f"{missing.args[0]} of this layer is not given"
    gpu = next((GPUS[name] for name in GPUS if point.metric.startswith(name)), None)
    if gpu is not None:
        return _gpu_us(gpu, layer, point.metric)
    theoretical_us, actual_us = _times_us(CHIP, layer)
    if "theoretical time" in point.metric:
        return theoretical_us
    if "actual time" in point.metric:
        return actual_us
    if "load-balance" in point.metric:
        return theoretical_us / actual_us
    if "vs CPU dense b1" in point.metric:
        cpu_us = _cpu_us(point, points)
        if isinstance(cpu_us, str):
            return cpu_us
        return cpu_us / actual_us * (CPU_W / _chip_w() if "energy" in point.metric else 1.0)
    return "no model of this metric"


def _layer(point: PublishedPoint) -> Work:
    """A layer times one vector. KeyError names the parameter that is missing."""
    outputs, inputs, weights, active = (
        float(point.params[name]) for name in ("n_out", "n_in", "weight_density", "activation_density")
    )
    return uniform_work(outputs, inputs, 1.0, weights, active)


@lru_cache
def _times_us(chip: Eie, layer: Work) -> tuple[float, float]:
    """Theoretical and actual."""
    scale = 1e-3 / chip.clock_ghz
    return chip.theoretical_cycles(layer) * scale, chip.cycles(layer) * scale


@lru_cache
def _chip_w(chip: Eie = CHIP) -> float:
    """Power by the technology."""
    return 1e-3 * (chip.pes * sum(EiePe(chip).power_mw().values()) + chip.nonzero_units * chip.nonzero_mw)


@lru_cache
def _chip_mm2(chip: Eie = CHIP) -> float:
    """Area by the technology."""
    return 1e-6 * (chip.pes * sum(EiePe(chip).area_um2().values()) + chip.nonzero_units * chip.nonzero_um2)


def _cpu_us(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    found = [p.value for p in points if p.metric == CPU_DENSE and p.workload == point.workload]
    return found[0] if found else "the CPU's time of this layer is not given"


def _gpu_us(gpu: Gpu, layer: Work, metric: str) -> float | str:
    """A vector's time. Sparse: CSR read once at the bandwidth that a stream reaches."""
    if metric.endswith("dense batch1"):
        return gpu.gemm_us(layer.m, layer.k, 1.0)
    if metric.endswith("sparse batch1"):
        size = layer.a_nonzeros * CSR_BYTES + 4 * (layer.m + layer.k)
        return size / (gpu.dram_gbps * gpu.dram_share) * 1e-3 + gpu.launch_us
    return NO_DENSE_BATCH if "dense" in metric else NO_SPARSE_BATCH


def _fact(name: str, points: Sequence[PublishedPoint]) -> float | str:
    layers = {p.workload: _layer(p) for p in points if p.metric == ACTUAL}
    alexnet = [_times_us(CHIP, layers[name])[1] for name in ("Alex-6", "Alex-7", "Alex-8") if name in layers]
    if len(alexnet) < 3:
        return "the layers of AlexNet are not among the points"
    single = {
        "chip_area": lambda: _chip_mm2(),
        "PE_area": lambda: sum(EiePe().area_um2().values()),
        "chip_power": lambda: 1e3 * _chip_w(),
        "PE_power": lambda: sum(EiePe().power_mw().values()),
        "projection_28nm_256PE_area": lambda: _chip_mm2(PROJECTED),
        "projection_28nm_256PE_power": lambda: 1e3 * _chip_w(PROJECTED),
        "projection_28nm_256PE_FC7": lambda: 1e6 / _times_us(PROJECTED, layers["Alex-7"])[1],
        "AlexNet_FC_throughput": lambda: 1e6 / sum(alexnet),
        "FC7_throughput_64PE": lambda: 1e6 / alexnet[1],
        "FC7_energy_eff_64PE": lambda: 1e6 / alexnet[1] / _chip_w(),
        "peak_on_compressed": lambda: 2.0 * CHIP.pes * CHIP.clock_ghz,
        "LNZD_units": lambda: float(CHIP.nonzero_units),
        "geomean_speedup_vs_CPU_dense_b1": lambda: _geomean(points, layers),
        "geomean_energy_vs_CPU": lambda: _geomean(points, layers) * CPU_W / _chip_w(),
        "speedup_256PE_over_64PE": lambda: (
            math.prod(_times_us(CHIP, x)[1] / _times_us(replace(CHIP, pes=256), x)[1] for x in layers.values())
            ** (1 / len(layers))
        ),
        "FIFO_depth_1_idle_fraction": lambda: (
            sum(
                1 - efficiency[0] / efficiency[1]
                for efficiency in (_times_us(replace(CHIP, fifo_depth=1), x) for x in layers.values())
            )
            / len(layers)
        ),
    }
    return single[name]() if name in single else "no model of this metric"


def _geomean(points: Sequence[PublishedPoint], layers: dict[str, Work]) -> float:
    """Of the speed-ups over the CPU's published times."""
    cpu_us = {p.workload: p.value for p in points if p.metric == CPU_DENSE}
    logs = [math.log(cpu_us[name] / _times_us(CHIP, layer)[1]) for name, layer in layers.items() if name in cpu_us]
    return math.exp(sum(logs) / len(logs))
