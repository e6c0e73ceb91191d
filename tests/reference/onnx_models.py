"""Small ONNX models made with the onnx package, and what is found in them."""

from pathlib import Path

import numpy as np
import pytest

from workloads.readers.found import Found
from workloads.readers.loading import describe

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(0)


def sparse(*shape: int) -> np.ndarray:
    """Random float32 with half of them zero."""
    return np.where(RNG.random(shape) < 0.5, 0, RNG.standard_normal(shape)).astype(np.float32)


def codes(dtype: type, *shape: int, zero: int = 0) -> np.ndarray:
    """Random integers around a zero point, half of them equal to it."""
    return np.where(RNG.random(shape) < 0.5, zero, RNG.integers(zero - 7, zero + 8, shape)).astype(dtype)


def model(nodes, stored: dict, inputs: dict, outputs=("y",), opset: int = 21, **more):
    """A model of nodes, its stored arrays (or tensors), and shapes and types of its inputs."""
    kinds = {np.dtype(d): helper.np_dtype_to_tensor_dtype(np.dtype(d)) for d in ("f4", "u1", "i1", "i8", "?")}
    tensors = [
        numpy_helper.from_array(np.asarray(one), name) if isinstance(one, np.ndarray | np.generic) else one
        for name, one in stored.items()
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(n, kinds[np.dtype(dtype)], shape) for n, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [one for one in tensors if isinstance(one, onnx.TensorProto)],
        sparse_initializer=[one for one in tensors if isinstance(one, onnx.SparseTensorProto)],
    )
    domains = {node.domain for node in nodes} - {""}
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in sorted(domains))]
    return helper.make_model(graph, opset_imports=imports, **{"ir_version": 10, **more})


def found(tmp_path: Path, one) -> Found:
    """What is found in a model that is saved."""
    path = tmp_path / "net.onnx"
    path.write_bytes(one.SerializeToString())
    return describe(path)


def dense(layer) -> np.ndarray:
    return layer.read().toarray()


def n(kind: str, inputs: str, output: str = "f", **options):
    return helper.make_node(kind, inputs.split(), output.split(), **options)
