"""A network as a workload: one kernel for each layer, its weights times the inputs of a batch of images."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.matrix_product import SparseKernel
from workloads.kernels.workload import Workload
from workloads.pruning.small_networks import Network


def pruned_workload(
    name: str,
    layers: Sequence[str],
    weights: Sequence[np.ndarray],
    inputs: Sequence[np.ndarray],
    *,
    sparse_inputs: bool = False,
    network: Network | None = None,
) -> Workload:
    """Kernels `name_layer`: A is a weight [out, K], B the layer's inputs [batch x positions, K] transposed.

    With `sparse_inputs` B is sparse, with zeros where the inputs have them (what ReLU and pruning made of real images,
    for convolutions laid out by im2col); else it is dense. With the `network` that the layers are of, an activation
    that im2col repeats is fetched once for a tile. Layers whose weights or inputs are all zero compute nothing and are
    left out. **Raises** `InputError` where that leaves none.
    """
    kernels = []
    unfoldings = network.unfoldings([weight.shape[1] for weight in weights]) if network else [None] * len(weights)
    for layer, weight, columns, unfolding in zip(layers, weights, inputs, unfoldings, strict=True):
        if np.any(weight) and np.any(columns):
            b = csr_array(columns.T.astype(np.float64)) if sparse_inputs else None
            a = csr_array(weight.astype(np.float64))
            kernels.append(SparseKernel(f"{name}_{layer}", a, b, len(columns), unfolding=unfolding))
    if not kernels:
        raise InputError(f"{name}: every layer's weights or inputs are all zero; prune less.")
    return Workload(name, tuple(kernels))
