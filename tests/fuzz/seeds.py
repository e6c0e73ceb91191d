"""Small sound files of every format, by the writers of the tests; and those of folders that a user names."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import scipy.sparse as sp
import test_readers_checkpoints as checkpoints
import test_readers_graphs as graphs
import test_readers_matrices as matrices
import test_readers_onnx_graphs as onnx_graphs
import test_readers_problems as problems
from packed_files import CASES as PACKED
from reference.onnx_models import helper, model, n, sparse
from safetensors.numpy import save_file

LARGEST = 200_000
"""Bytes of a file in a named folder that is a seed."""

TABLES = {
    "layers.csv": "name,M,N,K,density,density_b,repeats\nfc1,8,64,12,0.5,2:4,2\nfc2,16,64,8,25 %,1,1\n",
    "layers.tsv": "Layer\tM\tN\tK\tsparsity\nfc1\t8\t64\t12\t0.5\nfc2\t16\t64\t8\t2:4\n",
    "semicolons.csv": "name;M;N;K;density\nfc1;8;64;12;0,5\nfc2;16;64;8;0,25\n",
    "scalesim.csv": """\
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Sparsity,
conv1, 34, 34, 3, 3, 16, 32, 1, 2:4,
conv2, 16, 16, 1, 1, 32, 64, 2, 1:4,
""",
    "convolutions.csv": """\
name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides,padding,groups
conv1,32,32,3,3,16,32,1,1,4
""",
    "yolo.cfg": """\
[net]
batch=1
height=32
width=32
channels=3
[convolutional]
filters=8
size=3
stride=2
pad=1
[convolutional]
filters=8
size=3
pad=1
[shortcut]
from=-2
[route]
layers=-1,-3
[maxpool]
size=2
stride=2
[connected]
output=10
""",
    "deploy.prototxt": """\
name: "net"
input: "data"
input_shape { dim: 1 dim: 3 dim: 32 dim: 32 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "pool" type: "Pooling" bottom: "conv1" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 10 } }
""",
    "net.m": """\
Network x {
  Layer C1 {
    Type: CONV
    Stride { X: 2, Y: 2 }
    Dimensions { K: 64, C: 3, R: 7, S: 7, Y: 32, X: 32 }
  }
  Layer G { Type: GEMM Dimensions { M: 8, N: 16, K: 32 } }
}
""",
    "accelforge.yaml": """\
workload:
  rank_sizes: {M: 8, N: 16, K: 32}
  einsums:
  - name: Z
    tensor_accesses:
    - {name: A, projection: [m, k], density: 0.5}
    - {name: W, projection: [k, n]}
    - {name: Z, projection: [m, n], output: true}
""",
}
"""Tables and other tools' problem files."""


@dataclass(frozen=True)
class Seed:
    """A file, with the files beside it that it needs, and the product that a tensor needs."""

    name: str
    files: dict[str, bytes]
    """By path below a folder; the mutated one is one of these."""
    product: str = ""


def made(folder: Path) -> Iterator[Seed]:
    """Seeds of every format, written below an empty folder and read again."""
    matrix = sp.random_array((9, 7), density=0.3, rng=np.random.default_rng(0), format="csr")
    for name, write in {**matrices.WRITERS, "dense.csv": matrices.dense_text}.items():
        yield _of_one(folder, f"matrix-{name}", lambda path, write=write: write(path, matrix))
    yield _of_one(folder, "dense.npy", lambda path: np.save(path, matrix.toarray()))
    tensor = sp.coo_array(np.ones((2, 3, 4)))
    yield Seed(
        "tensor.npz",
        {"tensor.npz": _bytes_of(folder, "tensor.npz", lambda path: sp.save_npz(path, tensor))},
        "@ttm:1:8",
    )
    yield Seed("tensor.tns", {"tensor.tns": b"1 1 1 2.5\n2 3 4 1.0D+01\n1 3 2 -4e-1\n"}, "@mttkrp:0:8")
    market = _bytes_of(folder, "a.mtx", lambda path: matrices.market(path, matrix))
    text = f"{matrix.shape[0]}, {matrix.shape[1]}, {matrix.nnz}\n" + "\n".join(
        " ".join(map(str, part)) for part in (matrix.indptr, matrix.indices)
    )
    for name, content in {
        "a.smtx": text.encode(), "a.smtx.gz": gzip.compress(text.encode()), "a.mtx.gz": gzip.compress(market),
        "a.zip": matrices.zipped(market), "a.tar.gz": matrices.tarred(market),
        "symmetric.mtx": b"%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 2\n2 1 5\n3 2 1.5e0\n",
        "complex.mtx": b"%%MatrixMarket matrix coordinate complex hermitian\n2 2 2\n1 1 2 0\n2 1 5 -1\n",
        "svm.txt": b"+1 1:0.5 3:2\n-1 qid:4 2:1\n0 1:1\n", "words.txt": b"2\n3\n2\n1 3 4\n2 1 5\n",
        **{name: content.encode() for name, content in TABLES.items()},
    }.items():  # fmt: skip
        yield Seed(name, {name: content})
    yield from _graphs()
    yield from _weights(folder)
    yield from _networks(folder)


def _bytes_of(folder: Path, name: str, write: Callable[[Path], object]) -> bytes:
    path = folder / name
    write(path)
    content = path.read_bytes()
    path.unlink()
    return content


def _of_one(folder: Path, name: str, write: Callable[[Path], object]) -> Seed:
    return Seed(name, {name: _bytes_of(folder, name, write)})


def _graphs() -> Iterator[Seed]:
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3)]
    for kind, writers in (("directed", graphs.DIRECTED), ("undirected", graphs.UNDIRECTED)):
        for name, write in writers.items():
            yield Seed(f"{kind}-{name}", {name: write(5, edges).encode()})
    for name, weighted in (("g.graph", False), ("weighted.graph", True)):
        yield Seed(name, {name: graphs.metis(5, edges, weighted).encode()})
    xml = '<?xml version="1.0"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    xml += '<key id="w" for="edge" attr.name="weight"/><graph edgedefault="directed">' + "".join(
        f'<node id="n{i}"/>\n' for i in range(5)
    )
    xml += "".join(f'<edge source="n{i}" target="n{j}"><data key="w">1.5</data></edge>\n' for i, j in edges)
    yield Seed("g.graphml", {"g.graphml": (xml + "</graph></graphml>").encode()})
    gexf = '<gexf version="1.3"><graph defaultedgetype="undirected"><nodes><node id="0"/><node id="1"/></nodes><edges>'
    yield Seed(
        "g.gexf", {"g.gexf": (gexf + '<edge source="0" target="1" weight="2"/></edges></graph></gexf>').encode()}
    )
    yield Seed("g.adjlist", {"g.adjlist": b"# x.py\n# GMT Mon Jan  1\n# \n0 1 2\n1 2\n2 3\n3 4\n4\n"})
    yield Seed("edge.csv", {"edge.csv": b"0,1\n1,2\n2,3\n", "num-node-list.csv": b"5\n"})
    yield Seed("g.e", {"g.e": b"7 8 0.5\n8 9 1.5\n", "g.v": b"7\n8\n9\n", "g.properties": b"graph.g.directed = true\n"})


def _weights(folder: Path) -> Iterator[Seed]:
    for kind in ("one copy alone", *list(checkpoints.NETWORKS)[:3]):
        shapes, config, _ = checkpoints.NETWORKS[kind]
        arrays = {name: checkpoints.pruned(*shape) for name, shape in shapes.items()}
        for suffix in (".safetensors", ".npz"):
            name = f"weights{suffix}"
            content = _bytes_of(folder, name, lambda path, arrays=arrays: checkpoints.saved(path, arrays))
            yield Seed(f"{kind}{suffix}", {name: content, "config.json": json.dumps(config).encode()})
    shards = {f"model-0000{at}-of-00002.safetensors": {f"l{at}.weight": checkpoints.pruned(4, 6)} for at in (1, 2)}
    files = {
        name: _bytes_of(folder, name, lambda path, one=one: checkpoints.saved(path, one))
        for name, one in shards.items()
    }
    index = {"weight_map": {array: name for name, one in shards.items() for array in one}}
    yield Seed("sharded", files | {"model.safetensors.index.json": json.dumps(index).encode()})
    rng = np.random.default_rng(0)
    for kind in list(PACKED)[::5]:
        one, name = PACKED[kind](rng), "weights.safetensors"
        arrays = {key: np.ascontiguousarray(array) for key, array in one.arrays.items()}
        content = _bytes_of(folder, name, lambda path, one=one, arrays=arrays: save_file(arrays, path, one.metadata))
        yield Seed(f"packed {kind}", {name: content, "config.json": json.dumps(one.config).encode()})
    for kind in ("F32", "Q8_0", "Q4_0"):
        yield _of_one(folder, f"{kind}.gguf", lambda path, kind=kind: _gguf(path, kind))


def _gguf(path: Path, kind: str) -> None:
    block = getattr(gguf.GGMLQuantizationType, kind)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", ""])
    writer.add_float32("llama.rope.freq_base", 1e4)
    writer.add_tensor("blk.0.ffn_up.weight", gguf.quants.quantize(checkpoints.pruned(4, 64), block), raw_dtype=block)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()


def _networks(folder: Path) -> Iterator[Seed]:
    for name, (nodes, stored, opset) in list(onnx_graphs.FOLDED.items())[::2]:
        made = model([*nodes, n("MatMul", "x f", "y")], stored, {"x": ("f4", [4, None])}, opset=opset)
        yield Seed(f"onnx {name}", {"net.onnx": made.SerializeToString()})
    convolution = helper.make_node("Conv", ["x", "w"], ["h"], group=2, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    nodes = [convolution, n("Relu", "h", "r"), n("Conv", "r v", "y")]
    made = model(nodes, {"w": sparse(8, 2, 3, 3), "v": sparse(4, 8, 1, 1)}, {"x": ("f4", [1, 4, 8, 8])})
    yield Seed("onnx convolutions", {"net.onnx": made.SerializeToString()})
    outside = model([n("MatMul", "x w", "y")], {"w": sparse(16, 16)}, {"x": ("f4", [4, 16])})
    stored = outside.graph.initializer[0]
    data = stored.raw_data
    stored.ClearField("raw_data")
    stored.data_location = 1
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", str(len(data)))):
        entry = stored.external_data.add()
        entry.key, entry.value = key, value
    yield Seed("onnx outside", {"net.onnx": outside.SerializeToString(), "w.bin": data})
    case = problems.Case(8, 4, (3, 3), (6, 6), 1)
    for tool in (problems.timeloop, problems.timeloop_old, problems.zigzag):
        name, text = tool(case)
        yield Seed(f"{tool.__name__} {name}", {name: text.encode()})


def of_folder(folder: Path) -> Iterator[Seed]:
    """Every small file below a folder as a seed; with `expected.json` beside `data`, the input that it says."""
    for expected in sorted(folder.glob("*/expected.json")):
        said, data = json.loads(expected.read_text()), expected.parent / "data"
        files = {str(path.relative_to(data)): path for path in sorted(data.rglob("*")) if path.is_file()}
        if files and all(path.stat().st_size <= LARGEST for path in files.values()):
            product = f"@{said['product']}" if said.get("product") else ""
            yield Seed(expected.parent.name, {name: path.read_bytes() for name, path in files.items()}, product)
    if not any(folder.glob("*/expected.json")):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and 0 < path.stat().st_size <= LARGEST:
                yield Seed(str(path.relative_to(folder)), {path.name: path.read_bytes()})
