"""Layers from files: what is stored comes back, nothing is run, and every mistake is one sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from workloads import InputError, resolve_workload

FC = np.array([[1.5, 0, -2], [0, 0, 3]])
CONV = np.arange(16.0).reshape(2, 2, 2, 2) % 3


def onnx_model(path: Path, batch: int | str = 1) -> None:
    onnx = pytest.importorskip("onnx")
    helper, numpy = onnx.helper, onnx.numpy_helper
    weights = {
        "w1": np.arange(54, dtype=np.float32).reshape(6, 1, 3, 3) % 2,  # two channels in two groups
        "w2": np.eye(24, 5, dtype=np.float32),
        "w3": np.eye(3, 5, dtype=np.float32),
        "shape": np.array([0, -1]),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], name="conv", group=2, strides=[2, 2]),
        helper.make_node("Reshape", ["c", "shape"], ["f"]),
        helper.make_node("MatMul", ["f", "w2"], ["g"], name="fc"),
        helper.make_node("Gemm", ["g", "w3"], ["y"], name="head", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [batch, 2, 5, 5])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.mark.parametrize(("batch", "images"), [(1, 1), (7, 7), ("batch", 1)])
def test_onnx_layers_have_their_columns(tmp_path: Path, batch: int | str, images: int) -> None:
    onnx_model(tmp_path / "net.onnx", batch)
    conv, fc, head = resolve_workload(str(tmp_path / "net.onnx")).kernels
    assert [(one.name, one.shape) for one in (conv, fc, head)] == [
        (f"conv@spmm:{4 * images}", (6, 18, 4 * images)),
        (f"fc@{'spmm:' + str(images)}", (5, 24, images)),
        (f"head@{'spmm:' + str(images)}", (3, 5, images)),
    ]
    blocks = conv.a.toarray().reshape(6, 2, 9)
    np.testing.assert_array_equal([*blocks[:3, 0], *blocks[3:, 1]], np.arange(54).reshape(6, 9) % 2)
    assert not blocks[:3, 1].any()
    assert not blocks[3:, 0].any()
    assert fc.a.nnz == 5


@pytest.mark.parametrize("name", ["w.safetensors", "w.npz", "w.onnx"])
def test_damaged_bytes_are_one_sentence_or_still_a_network(tmp_path: Path, name: str) -> None:
    path, rng = tmp_path / name, np.random.default_rng(0)
    if name == "w.safetensors":
        save_file({"a": FC, "b": CONV}, path)
    elif name == "w.npz":
        np.savez_compressed(path, a=FC, b=CONV)
    else:
        onnx_model(path)
    sound = path.read_bytes()
    said = []
    for _ in range(60):
        at, length = rng.integers(len(sound)), rng.integers(1, 9)
        damaged = bytearray(sound)
        damaged[at : at + rng.choice([0, length, len(sound)])] = rng.bytes(int(length))
        path.write_bytes(damaged)
        try:
            assert resolve_workload(str(path)).kernels
        except InputError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if "\n" in sentence or not sentence.startswith(str(path))]


def test_bad_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"not a graph at all")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnx", None)
        with pytest.raises(InputError, match=r"run `pip install 'sparse-dse\[onnx\]'`"):
            resolve_workload(str(path))
    pytest.importorskip("onnx")
    with pytest.raises(InputError, match=r"is no ONNX model that can be read .*; export it again"):
        resolve_workload(str(path))
