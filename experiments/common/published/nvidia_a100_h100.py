"""What the model of NVIDIA's GPUs says of published times of dense and 2:4 products, and of the speed-ups they make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.nvidia import A100, CUTLASS_2_4, H100, RTX_3060, RTX_4070_TI_SUPER, Gpu, Library

GPUS = {"A100": A100, "H100": H100, "4070": RTX_4070_TI_SUPER, "3060": RTX_3060}
"""Word in the name of a workload -> the GPU."""
SPEEDUP = "2:4 speed-up"
UNITS_US = {"us": 1.0, "ms": 1e3}

BARS = {
    "A100: 2:4 speed-ups": Bar(lambda point: point.metric.startswith(SPEEDUP) and "A100" in point.workload, mean=0.15),
    "GeForce: 2:4 speed-ups": Bar(lambda point: point.metric.startswith(SPEEDUP)),
    "A100: dense times": Bar(lambda point: point.metric == "dense cuBLAS time"),
    "A100: 2:4 times, cuSPARSELt": Bar(lambda point: point.metric == "cuSPARSELt 2:4 time"),
    "A100: 2:4 times, CUTLASS": Bar(lambda point: point.metric == "CUTLASS 2:4 time"),
    "GeForce: dense times": Bar(lambda point: point.metric == "dense time"),
    "GeForce: 2:4 times, CUTLASS": Bar(lambda point: point.metric == "sparse 2:4 time (CUTLASS)"),
    "single times from issues and READMEs": Bar(lambda point: point.unit in UNITS_US),
}


@dataclass(frozen=True)
class Product:
    """One product on a GPU: sizes, GPU, whether A is 2:4, the library where it is not the default."""

    gpu: Gpu
    m: float
    k: float
    n: float
    sparse: bool
    library: Library | None

    @property
    def us(self) -> float:
        """Time."""
        return self.gpu.gemm_us(self.m, self.k, self.n, sparse=self.sparse, library=self.library)


def derived(points: Sequence[PublishedPoint]) -> list[PublishedPoint]:
    """Speed-ups that follow from the published times of a dense and a sparse run of the same product."""
    found = []
    for sparse in points:
        dense = [p for p in points if p.workload == sparse.workload and p.params == sparse.params and _dense(p)]
        if "2:4 time" in sparse.metric and dense and sparse.params:
            ratio = dense[0].value / sparse.value
            metric = f"{SPEEDUP}: {dense[0].metric} over {sparse.metric}"
            found.append(replace(sparse, metric=metric, value=ratio, unit="x", method="derived"))
    return found


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Times of products whose sizes are given, and their ratios; else the reason why not."""
    if point.metric.startswith(SPEEDUP):
        dense, sparse = (part.strip() for part in point.metric.removeprefix(f"{SPEEDUP}:").split(" over "))
        runs = [_product(point, metric) for metric in (dense, sparse)]
        over, under = runs
        return over.us / under.us if isinstance(over, Product) and isinstance(under, Product) else str(over)
    if "Flash-LLM" in point.workload:
        return "unstructured sparsity: no model of Flash-LLM's and Sputnik's kernels"
    if point.unit not in UNITS_US:
        return "a whole network, of which the layers are not given"
    if "train" in point.workload:
        return "a training step: backward products, and pruning and packing at run time"
    found = _product(point, point.metric)
    return found if isinstance(found, str) else found.us / UNITS_US[point.unit]


def _dense(point: PublishedPoint) -> bool:
    return point.metric.startswith("dense") and "sparse" not in point.metric


def _product(point: PublishedPoint, metric: str) -> Product | str:
    gpu = next((GPUS[word] for word in GPUS if word in point.workload), None)
    if gpu is None:
        return "no model of this GPU"
    if point.params.get("dtype") == "int8":
        gpu = replace(gpu, fmas=2 * gpu.fmas, value_bytes=1.0)
    sizes = _sizes(point)
    if sizes is None:
        return "the sizes of the product are not given"
    sides = re.findall("dense|sparse|2:4", metric.replace("sparse 2:4", "2:4"))
    if not sides:
        return "no model of this metric"
    sparse = sides[int(point.params.get("part", 0)) % len(sides)] != "dense"
    if sparse and gpu is H100 and "Ampere" in metric:
        return "Ampere's instructions on a H100: their rate there is not published"
    return Product(gpu, *sizes, sparse, CUTLASS_2_4 if sparse and "CUTLASS" in metric else None)


def _sizes(point: PublishedPoint) -> tuple[float, float, float] | None:
    """m, k, n; from the parameters, else from the name of the workload. A batch makes n longer."""
    p = {name.lower(): value for name, value in point.params.items()}
    if {"m", "k", "n"} <= set(p):
        return float(p["m"]), float(p["k"]), float(p["n"]) * float(p.get("batch", 1))
    text = point.workload
    named = {name: re.search(rf"\b{name}(\d+)", text) for name in "mkn"}
    if all(named.values()):
        m, k, n = (float(match[1]) for match in named.values() if match)
        return m, k, n
    batch = re.search(r"batch (\d+)", text)
    times = float(batch[1]) if batch else 1.0
    if three := re.search(r"(\d+)x(\d+)x(\d+)", text):
        return float(three[1]), float(three[2]), float(three[3]) * times
    if two := re.search(r"(\d+)x(\d+)", text):
        return float(two[1]), float(two[2]), times
    return None
