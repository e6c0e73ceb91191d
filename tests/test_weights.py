"""Layers from files: what is stored comes back, nothing is run, and every mistake is one sentence."""

import json
import pickle
import struct
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import save_file
from workloads.readers.weights import load_weights

from workloads import DensityKernel, InputError, load_matrix, resolve_workload
from workloads.densities import NM, Dense, Uniform
from workloads.readers import weights

FC = np.array([[1.5, 0, -2], [0, 0, 3]])
CONV = np.arange(16.0).reshape(2, 2, 2, 2) % 3


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.float32, np.float64, np.int8, np.bool_])
def test_safetensors_of_every_type(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {"a.fc.weight": FC, "b.conv.weight": CONV, "a.fc.bias": np.ones(2), "scale": np.float64(3)}
    save_file({name: np.asarray(tensor).astype(dtype) for name, tensor in tensors.items()}, path)
    layers = load_weights(path)
    assert list(layers) == ["a.fc", "b.conv"]
    np.testing.assert_array_equal(layers["a.fc"].matrix.toarray(), FC.astype(dtype).astype(float))
    np.testing.assert_array_equal(layers["b.conv"].matrix.toarray(), CONV.reshape(2, 8).astype(dtype).astype(float))
    kernels = resolve_workload(f"{path}#*conv*@spmm:9").kernels
    assert [(kernel.name, kernel.shape) for kernel in kernels] == [("b.conv@spmm:9", (2, 8, 9))]


def test_arrays_of_numpy(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", fc1=FC, conv=CONV, bias=np.ones(3))
    workload = resolve_workload(str(tmp_path / "net.npz"))
    assert [(kernel.name, kernel.shape) for kernel in workload.kernels] == [
        ("fc1@spmm:64", (2, 3, 64)),
        ("conv@spmm:64", (2, 8, 64)),
    ]
    sp.save_npz(tmp_path / "one.npz", sp.csr_array(FC))
    (tmp_path / "layers.csv").write_text("name,M,N,K\nfc,3,4,5\n")
    (tmp_path / ".hidden.npz").write_bytes(b"")
    names = [kernel.name for kernel in resolve_workload(str(tmp_path)).kernels]
    assert names == ["layers.csv/fc", "net.npz/fc1@spmm:64", "net.npz/conv@spmm:64", "one.npz@spmm:64"]


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('ran')",)


@pytest.mark.parametrize("name", ["w.npz", "w.npy", "w.pt", "w.bin", "w.pkl", "w.safetensors"])
def test_nothing_pickled_is_run(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "w.npz":
        np.savez(path, w=np.array([[Bomb()]], dtype=object))
    elif name == "w.npy":
        np.save(path, np.array([[Bomb()]], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match=r"pickled Python|malformed|no safetensors file"):
        resolve_workload(str(path))


def header(**tensors: tuple) -> bytes:
    fields = ("dtype", "shape", "data_offsets")
    text = json.dumps({name: dict(zip(fields, value, strict=True)) for name, value in tensors.items()}).encode()
    return struct.pack("<Q", len(text)) + text


BAD_SAFETENSORS = [
    (b"abc", "is no safetensors file .*; write or copy it again"),
    (b"", "is no safetensors file"),
    (struct.pack("<Q", 1 << 60) + b"{}", "is no safetensors file"),
    (header(w=("F32", [2, 2], [0, 16])) + b"\0" * 9, "is no safetensors file"),
    (header(w=("F32", [2, 2], [0, 4])) + b"\0" * 4, "is no safetensors file"),
    (header(w=("F32", [-1, 2], [0, 4])) + b"\0" * 4, "is no safetensors file"),
    (header(w=("F8_E4M3", [2, 2], [0, 4])) + b"\1" * 4, "w has the type F8_E4M3, .*; save it as bfloat16 or float32"),
    (header(w=("F32", [2, 2], [0, 16])) + b"\0" * 16, "w holds no non-zero; remove it"),
    (header(w=("F32", [1, 2], [0, 8])) + struct.pack("<ff", 1, np.nan), "w holds values that are NaN or infinite"),
    (header(w=("F32", [0, 2], [0, 0])), r"w has the shape \[0, 2\], no entries"),
    (header(w=("F32", [2], [0, 8])) + b"\1" * 8, "holds no array of two axes or more; check"),
]


@pytest.mark.parametrize(("content", "message"), BAD_SAFETENSORS)
def test_bad_safetensors(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        resolve_workload(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_bad_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such file; check the path"):
        load_weights(tmp_path / "nowhere.safetensors")
    np.savez(tmp_path / "net.npz", fc1=FC, words=np.array([["a"]]))
    with pytest.raises(InputError, match="words has the type <U1, not real numbers"):
        resolve_workload(f"{tmp_path / 'net.npz'}")
    with pytest.raises(InputError, match=r"no array of two axes or more whose name matches 'x\*'"):
        resolve_workload(f"{tmp_path / 'net.npz'}#x*")
    monkeypatch.setattr(weights, "MOST_NONZEROS", 2)
    with pytest.raises(InputError, match=r"more than 2 non-zeros up to fc1; .*FILE#PATTERN, as in net\.npz#\*fc1\*"):
        resolve_workload(f"{tmp_path / 'net.npz'}")
    damaged = bytearray((tmp_path / "net.npz").read_bytes())
    damaged[60:120] = b"\0" * 60
    (tmp_path / "net.npz").write_bytes(damaged)
    with pytest.raises(InputError, match=r"fc1 is damaged .*; write or copy the file again"):
        resolve_workload(f"{tmp_path / 'net.npz'}")
    with pytest.raises(InputError, match="unknown suffix"):
        load_matrix(Path(__file__))


TABLE = """# a network
Layer,  M, N, K, density, density b, repeats,
conv1, 64, 100, 27, 0.5, 1, 3,

fc, 10, 1, 64, 2:4, 0.25, 1,
fc, 10, 1, 64, 1.0, 0.25, 1,
"""


CONVOLUTION = "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides\n"


def test_table_of_layers(tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text(TABLE)
    kernels = resolve_workload(str(tmp_path / "net.csv")).kernels
    assert list(kernels) == [
        DensityKernel("conv1", 64, 27, 100, Uniform(0.5), Dense(), repeats=3.0),
        DensityKernel("fc", 10, 64, 1, NM(2, 4), Uniform(0.25)),
        DensityKernel("fc#2", 10, 64, 1, Dense(), Uniform(0.25)),
    ]
    (tmp_path / "conv.csv").write_text(
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Sparsity\n"
        "Conv1,224,224,7,7,3,64,2,1:4,\n"
    )
    (conv,) = resolve_workload(str(tmp_path / "conv.csv")).kernels
    assert conv == DensityKernel("Conv1", 64, 147, 110 * 110, NM(1, 4))  # SCALE-Sim rounds up
    (tmp_path / "plain.csv").write_text("name,k,n,m\r\nx,3,2,1\r\n")
    assert list(resolve_workload(str(tmp_path / "plain.csv")).kernels) == [DensityKernel("x", 1, 3, 2, Dense())]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,M,N\nx,1,2\n", "the first line names no column 'k'; begin with `name,M,N,K,density`"),
        ("M,N,K\n1,2,3\n", "names no column 'name'"),
        ("name,M,N,K,sparsity\nx,1,2,3,0\n", "line 1: column 'sparsity' is unknown; use name, m, n, k, density"),
        ("name,M,N,K,m\nx,1,2,3,4\n", "line 1: column 'm' comes twice"),
        ("name,channels,num filter\nx,1,2\n", "the first line names no column 'ifmap_height'"),
        (CONVOLUTION + "x,2,9,3,3,1,1,1\n", "line 2: the filter is 3 x 3 but the map 2 x 9; add its padding"),
        (CONVOLUTION + "x,9,9,3,3,0,1,1\n", "line 2: channels is '0'"),
        ("name,M,N,K\n", "has no line below its heading"),
        ("name,M,N,K\nx,1,2\n", "line 2 has 3 fields where the heading has 4"),
        ("name,M,N,K\n\nx,1,2,3,4\n", "line 3 has 5 fields where the heading has 4"),
        ("name,M,N,K\n,1,2,3\n", "line 2: name is empty"),
        ("name,M,N,K\nx,1,0,3\n", "line 2: N is '0'; give a whole number from 1"),
        ("name,M,N,K\nx,1,2,1.5\n", "line 2: K is '1.5'"),
        ("name,M,N,K\nx,1e9,2,3\n", "line 2: M is '1e9'"),
        ("name,M,N,K,density\nx,1,2,3,1\ny,1,2,3,0\n", "line 3: density is '0'; give a share above 0 and at most 1"),
        ("name,M,N,K,density\nx,1,2,3,50%\n", "line 2: density is '50%'"),
        ("name,M,N,K,density\nx,1,2,3,5:4\n", "line 2: density is '5:4'"),
        ("name,M,N,K,density_b\nx,1,2,3,nan\n", "line 2: density_b is 'nan'"),
        ("name,M,N,K,repeats\nx,1,2,3,-1\n", "line 2: repeats is '-1'; give a number above 0"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        resolve_workload(str(path))
    assert str(caught.value).startswith(str(path))


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


@pytest.mark.parametrize("name", ["w.safetensors", "w.npz", "w.onnx", "w.csv"])
def test_damaged_bytes_are_one_sentence_or_still_a_network(tmp_path: Path, name: str) -> None:
    path, rng = tmp_path / name, np.random.default_rng(0)
    if name == "w.safetensors":
        save_file({"a": FC, "b": CONV}, path)
    elif name == "w.npz":
        np.savez_compressed(path, a=FC, b=CONV)
    elif name == "w.onnx":
        onnx_model(path)
    else:
        path.write_text(TABLE)
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
