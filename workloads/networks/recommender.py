"""DLRM (Naumov et al., arXiv:1906.00091) as MLPerf trains it on Criteo's terabyte.

Sizes: `bench/run_and_time.sh` of github.com/facebookresearch/dlrm (26 tables of 128 features, rows capped at 40
million; MLPs 13-512-256-128 and 479-1024-1024-512-256-1; batch 2,048). The 479 are the 128 dense features and the 351
products of pairs among 27 vectors.

A look-up is a product of a one-hot matrix [batch, rows of the table], one non-zero a sample, with the table. Rows are
hit with equal chance here, which is less reuse than real traffic has. What is looked up is put beside the bottom MLP's
result for the pairs, and these beside it for the top MLP: other arrangements, which come from memory.
"""

from itertools import pairwise

from workloads.kernels.tensor_names import TensorNames, constant, outside, read
from workloads.networks.layer import Layer

FEATURES = 128
BOTTOM = (13, 512, 256, 128)
TOP = (479, 1024, 1024, 512, 256, 1)
# fmt: off
TABLE_ROWS = (
    39884406, 39043, 17289, 7420, 20263, 3, 7120, 1543, 63, 38532951, 2953546, 403346, 10, 2208, 11938, 155, 4, 976, 14,
    39979771, 25641295, 39664984, 585935, 12972, 108, 36,
)
# fmt: on
"""Rows of the tables under that cap: `--vocab_sizes_embed` in the README of MLPerf's DLRM for TensorFlow 1."""


def dlrm(batch: int) -> list[Layer]:
    """Products of one batch: look-ups, the bottom MLP, products of pairs, the top MLP."""
    vectors = len(TABLE_ROWS) + 1
    look_ups = []
    for at, rows in enumerate(TABLE_ROWS):
        names = TensorNames(outside(f"table{at}.ids"), constant(f"table{at}.rows"), z=f"table{at}")
        look_ups.append(
            Layer(f"table{at}", batch, rows, FEATURES, weight_density=1.0 / rows, prunable=False, tensors=names)
        )
    pair = outside("vectors"), outside("vectors", "transposed")
    names = TensorNames(*pair, z="pairs", loops=(("sample", batch),))
    pairs = Layer("pairs", vectors, FEATURES, vectors, batch, prunable=False, tensors=names)
    return [*look_ups, *_mlp("bottom", BOTTOM, batch), pairs, *_mlp("top", TOP, batch)]


def _mlp(name: str, widths: tuple[int, ...], batch: int) -> list[Layer]:
    layers, before = [], outside(f"{name}.input")
    for at, (into, out) in enumerate(pairwise(widths)):
        names = TensorNames(constant(f"{name}{at}.weight"), before, z=f"{name}{at}")
        layers.append(Layer(f"{name}{at}", out, into, batch, tensors=names))
        before = read(f"{name}{at}", "pointwise")
    return layers
