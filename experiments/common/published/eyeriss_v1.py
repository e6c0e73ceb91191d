"""What the model of Eyeriss says of its published points."""

from collections.abc import Sequence

from experiments.common.published.networks import layer_of, named_layer
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.convolution import Convolution
from hwmodels.systems.eyeriss_v1 import EyerissV1

BARS = {
    "processing latency": Bar(lambda point: point.metric.startswith("processing latency")),
    "chip power": Bar(lambda point: point.metric == "chip power"),
}

CHIP = EyerissV1()


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Processing time of a layer, ms, or the chip's mean power, mW; else the reason why not."""
    metric = point.metric.lower()
    if metric.startswith("processing latency"):
        layer = _shape(point)
        return (
            "the layer's sizes are not given"
            if layer is None
            else CHIP.processing_cycles(layer) / CHIP.clock_ghz * 1e-6
        )
    if "power" in metric:
        return CHIP.power_w * 1e3
    if "total latency" in metric:
        return "the time to load from DRAM beside processing: its overlap is not published"
    if "sparseloop" in metric:
        return "an output of another model, whose mapping is not given"
    if "compression" in metric:
        return "run lengths of real activation maps: their patterns are not published"
    return "no model of this metric"


def _shape(point: PublishedPoint) -> Convolution | None:
    """The layer as the chip ran it: a known one has its own sizes, as parameters round planes up to 28 and 56."""
    given, known = layer_of(point.params), named_layer(point.workload)
    if known is None:
        return None if given is None else given.shape
    images = 1 if given is None else given.shape.images
    shape = known.shape
    return Convolution(
        shape.channels, shape.filters, shape.rows, shape.columns, shape.filter_rows, shape.filter_columns, shape.stride,
        shape.groups, images,
    )  # fmt: skip
