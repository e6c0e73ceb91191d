"""Files that are wrong as a whole: bombs, endless announcements, loops, pipes, lines and tables without end."""

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from reference.onnx_models import helper, model, numpy_helper

REAL = "%%MatrixMarket matrix coordinate real general\n"
MANY = 2_000_000
"""Lines of long files."""


def hostile(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Names, and what writes each into the folder and returns the spec to be read."""
    for part in (_texts, _tables, _bombs, _arrays, _graphs_of_onnx, _trees, _places):
        yield from part(folder)


def _written(folder: Path, name: str, content: bytes | str | Callable[[], bytes | str], options: str = ""):
    def write() -> str:
        made = content() if callable(content) else content
        (folder / name).write_bytes(made.encode() if isinstance(made, str) else made)
        return f"{folder / name}{options}"

    return f"{name}{options}", write


def _texts(folder: Path):
    for name, text in {
        "far.el": "0 268435455\n",
        "farther.el": "0 9223372036854775807\n",
        "bipartite.csv": "row,col\n0,268435455\n268435455,0\n",
        "square.mtx": f"{REAL}268435456 268435456 1\n1 1 1\n",
        "tall.mtx": f"{REAL}268435456 1 1\n1 1 1\n",
        "wide.mtx": f"{REAL}1 268435456 1\n1 1 1\n",
        "array.mtx": "%%MatrixMarket matrix array real symmetric\n268435456 268435456\n1\n",
        "cut.mtx": f"{REAL}2 2 1\n1 1 1e",
        "sizes.tns": "3 1000000000000 1000000000000 1\n1 1 1 1\n",
        "wide.svm": "1 268435455:1\n",
        "words.txt": "268435456\n268435456\n1\n1 1 1\n",
        "nodes.graph": "268435456 0\n",
        "huge.net": "*Vertices 268435456\n*Arcs\n1 2\n",
        "dense.net": "*Vertices 100000\n*Matrix\n1 2\n",
        "p.gr": "p sp 268435456 1\na 1 2 3\n",
        "ligra.adj": "AdjacencyGraph\n268435456\n1\n0\n0\n",
        "wide.smtx": "268435456, 268435456, 1\n0 1\n0\n",
        "wide.rua": "t".ljust(80)
        + "\n"
        + f"{3:14d}" * 5
        + "\nRUA"
        + " " * 11
        + f"{268435455:14d}" * 2
        + f"{1:14d}{0:14d}"
        + "\n"
        + "(8I10)".ljust(16) * 2
        + "(3D26.17)".ljust(20)
        + "\n1 2\n1\n1.0\n",
    }.items():
        yield _written(folder, name, text)
    for product in ("@axa", "@axat", "@spmv", "@sddmm:64", ":keepgaps", ":bipartite", ":undirected:keepgaps"):
        yield _written(folder, "far.el", "0 268435455\n5 100000000\n", product)
    yield _written(folder, "lines.el", lambda: "".join(f"{i} {i * 7 % MANY}\n" for i in range(MANY)))
    yield _written(folder, "names.edges", lambda: "".join(f"n{i} n{i * 7 % MANY}\n" for i in range(MANY)))
    yield _written(folder, "same.edges", lambda: "a b\n" * MANY)
    yield _written(folder, "data.edgelist", lambda: "".join(f"{i} {i + 1} {{}}\n" for i in range(MANY)))
    yield _written(
        folder, "lines.mtx", lambda: f"{REAL}{MANY} 9 {MANY}\n" + "".join(f"{i + 1} 1 1\n" for i in range(MANY))
    )
    yield _written(
        folder,
        "symmetric.mtx",
        lambda: REAL.replace("general", "symmetric") + f"3 3 {MANY}\n" + "2 1 1\n1 2 1\n" * (MANY // 2),
    )
    yield _written(folder, "lines.tns", lambda: "".join(f"{i + 1} 1 1 1\n" for i in range(MANY)), "@mttkrp:0:8")
    yield _written(folder, "lines.svm", lambda: "1 1:1 2:1\n" * MANY)
    yield _written(
        folder,
        "lines.gml",
        lambda: (
            "graph [\n"
            + "".join(f"node [ id {i} ]\n" for i in range(MANY // 4))
            + "".join(f"edge [ source {i} target 0 ]\n" for i in range(MANY // 4))
            + "]\n"
        ),
    )
    yield _written(
        folder,
        "lines.graphml",
        lambda: (
            "<graphml><graph>"
            + "".join(f'<node id="n{i}"/>\n' for i in range(MANY // 4))
            + "".join(f'<edge source="n{i}" target="n0"/>\n' for i in range(MANY // 4))
            + "</graph></graphml>"
        ),
    )
    yield _written(folder, "lines.adjlist", lambda: "".join(f"{i} {i + 1}\n" for i in range(MANY // 2)))
    yield _written(folder, "lines.graph", lambda: f"{MANY // 2} 0\n" + "\n" * (MANY // 2))
    yield _written(folder, "lines.net", lambda: f"*Vertices {MANY}\n*Arcs\n" + "1 2\n" * MANY)
    yield _written(folder, "lines.col", lambda: f"p edge 9 {MANY}\n" + "e 1 2\n" * MANY)
    yield _written(folder, "lines.txt", lambda: "1.5 2.5 3.5 4.5 5.5\n" * MANY)
    yield _written(folder, "comments.mtx", lambda: REAL + "%\n" * (20 * MANY) + "1 1 1\n1 1 1\n")
    yield _written(folder, "blank.el", lambda: "0 1\n" + "\n" * (50 * MANY))
    yield _written(folder, "one_line.el", lambda: "0 1 " * (25 * MANY // 2))
    yield _written(folder, "one_word.el", lambda: "1" * (50 * MANY))
    yield _written(folder, "long_word.mtx", lambda: f"{REAL}1 1 1\n1 1 1." + "1" * (50 * MANY))
    yield _written(folder, "long_words.mtx", lambda: f"{REAL}9 9 200\n" + f"1 1 1.{'1' * 100_000}\n" * 200)
    yield _written(folder, "quotes.el", lambda: '"' * (10 * MANY))
    yield _written(folder, "quoted.csv", lambda: "source,target\n" + '0,"' * (MANY // 40) + "\n")
    yield _written(folder, "zeros.el", bytes(50 * MANY))
    yield _written(folder, "blanks.txt", lambda: b" " * (50 * MANY))


def _tables(folder: Path):
    head = "name,M,N,K,density\n"
    for count in (20_000, MANY):
        yield _written(
            folder, f"rows{count}.csv", lambda n=count: head + "".join(f"l{i},8,8,8,0.5\n" for i in range(n))
        )
        yield _written(folder, f"same{count}.csv", lambda n=count: head + "l,8,8,8,0.5\n" * n)
    for name, line in {
        "large": "l,268435456,268435456,268435456,0.5",
        "sparse": "l,268435456,268435456,268435456,1e-12",
        "both": "l,268435456,268435456,268435456,1e-9",
        "nm": "l,268435456,268435456,268435456,1:128",
        "odd": "l,268435399,268435367,268435361,0.37",
    }.items():
        yield _written(folder, f"{name}.csv", head + line + "\n")
        yield _written(folder, f"{name}_b.csv", head.strip() + ",density_b\n" + line + ",0.1\n")
    convolution = "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides,groups\n"
    yield _written(folder, "conv.csv", convolution + "l,16384,16384,3,3,65536,65536,1,1\n")
    yield _written(folder, "groups.csv", convolution + "l,99,99,3,3,268435456,268435456,1,268435456\n")
    yield _written(folder, "filter.csv", convolution + "l,16384,16384,16384,16384,1,1,1,1\n")
    yield _written(folder, "columns.csv", "name,M,N,K" + ",x" * 2000 + "\nl,8,8,8" + ",1" * 2000 + "\n")
    yield _written(folder, "twins.csv", ("name,M,N,K" + ",M" * 1500) + "\nl,8,8,8" + ",1" * 1500 + "\n")
    darknet = "[net]\nheight=32\nwidth=32\nchannels=3\n"
    yield _written(folder, "deep.cfg", darknet + "[convolutional]\nfilters=8\nsize=3\npad=1\n" * 20_000)
    yield _written(
        folder, "large.cfg", darknet.replace("32", "99999999") + "[convolutional]\nfilters=99999999\nsize=1\n"
    )
    yield _written(folder, "net.prototxt", 'layer { type: "x" ' * 20_000)
    yield _written(folder, "deep.prototxt", "layer { type: 'x' " + "a { " * 100_000 + "}" * 100_001)
    yield _written(
        folder,
        "maestro.m",
        "Network x {\n" + "Layer C { Type: CONV Dimensions { K: 8 C: 8 R: 3 S: 3 Y: 8 X: 8 } }\n" * 10_000 + "}",
    )
    yield _written(folder, "braces.m", "Network x {\n Layer C { Dimensions {" + "{" * 500_000)
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    yield _written(folder, "laughs.yaml", laughs + "problem:\n  shape: *a29\n  instance: *a29\n")
    yield _written(folder, "zigzag.yaml", laughs + "- id: 0\n  equation: x\n")
    yield _written(folder, "deep.yaml", "problem:\n  shape: " + "[" * 300_000)
    yield _written(folder, "braces.yaml", "problem: " + "{a: " * 90 + "1" + "}" * 90)
    yield _written(folder, "long.yaml", "problem:\n" + "".join(f"  k{i}: {i}\n" for i in range(60_000)))
    yield _written(folder, "deep.py", "workload = " + "(" * 90 + "1," + ")" * 90 + " # equation loop_dim_size\n")
    yield _written(folder, "digits.yaml", "problem:\n  shape: cnn-layer\n  R: " + "9" * 5000 + "\n")
    yield _written(folder, "digits.json", '{"weight_map": {"a": ' + "9" * 5000 + "}}")


def _bombs(folder: Path):
    zeros = bytes(2**24)
    lines = b"1 1 1\n" * 2**22
    market = f"{REAL}9 9 {2**30}\n".encode()
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
        for name, head, block in (("zeros.npy", _npy((2**14, 2**14)), zeros), ("lines.mtx", market, lines)):
            # Streams that follow each other are one content in all three formats.
            yield _written(
                folder, name + suffix, lambda pack=pack, head=head, block=block: pack(head) + pack(block) * 128
            )
    members = "".join(f"{j} {j}\n" for j in range(1000)).encode()
    yield _written(folder, "many.gz", lambda: gzip.compress(members) * 20_000)
    yield _written(folder, "nested.mtx.gz", lambda: _nested(gzip.compress, 200))
    yield _written(folder, "nested.zip", lambda: _nested(lambda data: _zipped({"a.zip": data}), 50))
    yield _written(folder, "many.zip", lambda: _zipped({f"{i}.mtx": b"x" for i in range(100_000)}))
    yield _written(
        folder, "few.zip", lambda: _zipped({f"{i}.mtx": f"{REAL}1 1 1\n1 1 1\n".encode() for i in range(3000)})
    )
    yield _written(folder, "bomb.zip", lambda: _zipped({"a.mtx": bytes(2**30)}))
    yield _written(folder, "bombs.zip", lambda: _zipped({f"{i}.mtx": market + 4 * lines for i in range(64)}))
    yield _written(folder, "overlapping.npz", _overlapping)
    yield _written(folder, "zeros.npz", lambda: _npz({"a.npy": (2**14, 2**17)}))
    yield _written(
        folder, "data.npz", lambda: _npz({"data.npy": (2**28,), "indices.npy": (2**28,), "indptr.npy": (2,)})
    )
    yield _written(folder, "bomb.tar.gz", lambda: gzip.compress(_tarred({"a.mtx": bytes(2**30)})))
    yield _written(folder, "links.tar", lambda: _tarred({"a.mtx": "b.mtx", "b.mtx": "a.mtx"}))
    yield _written(folder, "many.tar", lambda: _tarred({f"{i}.mtx": b"x" for i in range(20_000)}))


def _nested(pack: Callable[[bytes], bytes], depth: int) -> bytes:
    data = f"{REAL}1 1 1\n1 1 1\n".encode()
    for _ in range(depth):
        data = pack(data)
    return data


def _zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _tarred(members: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _npz(shapes: dict[str, tuple[int, ...]]) -> bytes:
    """Arrays of zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in shapes.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(_npy(shape, "|i1"))
                for _ in range(max(int(np.prod(shape)) >> 24, 1)):
                    member.write(bytes(min(2**24, int(np.prod(shape)))))
    return stream.getvalue()


def _npy(shape: object, descr: str = "<f8", order: object = False) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text + b"\n"


def _overlapping() -> bytes:
    """Many names of one member's bytes, as in Fifield's "A better zip bomb" (WOOT 2019)."""
    data = bytearray(_npz({"a.npy": (2**26,)}))
    at = data.rindex(b"PK\x05\x06")
    begin = int.from_bytes(data[at + 16 : at + 20], "little")
    entry = bytes(data[begin:at])
    entries = b"".join(entry.replace(b"a.npy", f"{i:05d}.npy".encode()[-5:]) for i in range(5))
    return bytes(data[:begin]) + entries + data[at : at + 8] + struct.pack("<HHII", 5, 5, len(entries), begin) + b"\0\0"


def _arrays(folder: Path):
    for name, shape in {
        "negative": "(-1, 5)", "huge": f"({2**62}, {2**62})", "floats": "(1.5, 2)", "empty": "()",
        "deep": str((1,) * 99), "true": "(True, 5)", "words": "('a', 'b')", "nested": "((1, 2), (3,))", "many": f"({10**400}, 1)", "none": "None",
    }.items():  # fmt: skip
        yield _written(folder, f"{name}.npy", _npy(shape) + bytes(64))
    for name, descr in {"object": "|O", "huge_type": "|V2147483647", "text": "<U99999999", "times": "<M8[ns]"}.items():
        yield _written(folder, f"{name}.npy", _npy((2, 2), descr) + bytes(64))
    yield _written(folder, "order.npy", _npy((2, 2), order="'x' * 9**9") + bytes(64))
    yield _written(folder, "header.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"(" * 9000)
    yield _written(folder, "brackets.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000)
    one = {"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}
    for name, changed in {
        "negative": {"shape": [-4, -4]}, "overflow": {"shape": [2**32, 2**32]}, "float": {"shape": [4.0, 4]},
        "wide": {"shape": [4] * 5000}, "empty": {"shape": [0, 2**40], "data_offsets": [0, 0]},
        "type": {"dtype": "F" * 10**6},
    }.items():  # fmt: skip
        yield _written(folder, f"{name}.safetensors", _safetensors(json.dumps({"a": one["a"] | changed}).encode()))
    yield _written(folder, "deep.safetensors", _safetensors(b'{"a":' + b"[" * 200_000))
    yield _written(folder, "digits.safetensors", _safetensors(b'{"a":' + b"9" * 5000 + b"}"))
    yield _written(
        folder,
        "long.safetensors",
        lambda: _safetensors(b'{"__metadata__":{' + b",".join(b'"%d":"x"' % i for i in range(4_000_000)) + b"}}"),
    )
    many = {f"l{i}.weight": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]} for i in range(200_000)}
    yield _written(folder, "many.safetensors", lambda: _safetensors(json.dumps(many).encode()))
    small = {f"l{i}.weight": {"dtype": "U8", "shape": [1, 1], "data_offsets": [i, i + 1]} for i in range(50_000)}
    yield _written(folder, "small.safetensors", lambda: _safetensors(json.dumps(small).encode(), 50_000))
    for name, counts in {"tensors": (2**60, 0), "entries": (0, 2**60), "million": (10**6, 10**6)}.items():
        yield _written(folder, f"{name}.gguf", b"GGUF" + struct.pack("<IQQ", 3, *counts) + bytes(10**6))
    text = struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9)
    for name, kind, length in (("strings", 8, 2**60), ("numbers", 4, 2**60), ("lists", 9, 2**60), ("text", 8, 10**6)):
        yield _written(
            folder,
            f"{name}.gguf",
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text + struct.pack("<IQ", kind, length) + bytes(8 * 10**6),
        )
    for name, write in {
        "chunk": _h5_chunk,
        "loop": _h5_loop,
        "outside": _h5_outside,
        "vlen": _h5_vlen,
        "groups": _h5_groups,
    }.items():
        yield _written(folder, f"{name}.h5", lambda write=write: _h5(write))


def _safetensors(header: bytes, size: int = 64) -> bytes:
    return struct.pack("<Q", len(header)) + header + bytes(size)


def _h5(write: Callable[[h5py.File], None]) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        write(file)
    return stream.getvalue()


def _h5_chunk(file: h5py.File) -> None:
    group = file.create_group("X")
    group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", (2**40, 2**40)
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, (2**40,), "i8", chunks=(2**20,), compression="gzip", fillvalue=1)


def _h5_loop(file: h5py.File) -> None:
    file["a/b/c"] = h5py.SoftLink("/a")
    file["a/d"] = file["a"]
    file["X"] = h5py.SoftLink("/X")


def _h5_outside(file: h5py.File) -> None:
    file["X"] = h5py.ExternalLink("/etc/passwd", "/")
    file.create_dataset("data", (10, 10), "u1", external=[("/etc/passwd", 0, 100)])


def _h5_vlen(file: h5py.File) -> None:
    group = file.create_group("X")
    for name in ("data", "indices", "indptr"):
        made = group.create_dataset(name, (3,), h5py.vlen_dtype(np.int64))
        made[0] = np.arange(1000)


def _h5_groups(file: h5py.File) -> None:
    for at in range(12_000):
        file.create_group(f"g{at}")


def _graphs_of_onnx(folder: Path):
    for name, made in {
        "group": lambda: _convolution(1_000_000, expanded=True),
        "stored": lambda: _convolution(10_000, expanded=False),
        "filled": lambda: _grown("ConstantOfShape", [2**14, 2**14]),
        "tiled": lambda: _grown("Tile", [2**14, 2**14]),
        "padded": lambda: _grown("Pad", [0, 0, 2**14, 2**14]),
        "chained": lambda: _chain(1000),
        "doubled": lambda: _doubled(40),
        "chain": lambda: _chain(100_000, folded=False),
        "nested": lambda: _subgraphs(60),
        "overflow": lambda: _dims([2**32, 2**32]),
        "negative": lambda: _dims([-4, -4]),
        "many_axes": lambda: _dims([1] * 5000),
        "outside": lambda: _external("../../../../etc/passwd"),
        "absolute": lambda: _external("/etc/passwd"),
        "device": lambda: _external("device"),
        "loop": lambda: _external("loop"),
        "itself": lambda: _external("itself.onnx"),
    }.items():

        def written(made=made, name=name) -> bytes:
            for link, to in (("device", "/dev/zero"), ("loop", "loop")):
                if not (folder / link).is_symlink():
                    (folder / link).symlink_to(to)
            return made().SerializeToString()

        yield _written(folder, f"{name}.onnx", written)
    yield _written(folder, "deep.onnx", lambda: _nested(lambda data: b"\x3a" + _varint(len(data)) + data, 20_000))
    yield _written(
        folder, "text.onnxtxt", "<ir_version: 8>\nagraph (float[N] x) => (float[N] y) {" + "y = Foo(" * 100_000
    )
    yield _written(folder, "deep.onnxjson", '{"ir_version": 8, "graph": ' + "[" * 150 + "]" * 150 + "}")


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def _convolution(groups: int, expanded: bool):
    conv = helper.make_node("Conv", ["x", "w"], ["y"], group=groups, kernel_shape=[1, 1])
    stored = {"w": np.ones((groups, 1, 1, 1), "f4")}
    nodes = [conv]
    if expanded:
        stored = {"one": np.ones((1, 1, 1, 1), "f4"), "shape": np.array([groups, 1, 1, 1])}
        nodes = [helper.make_node("Expand", ["one", "shape"], ["w"]), conv]
    return model(nodes, stored, {"x": ("f4", [1, groups, 4, 4])})


def _grown(kind: str, sides: list[int]):
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    inputs = ["shape"] if kind == "ConstantOfShape" else ["one", "shape"]
    fill = {"value": numpy_helper.from_array(np.ones(1, "f4"))} if kind == "ConstantOfShape" else {}
    grow = helper.make_node(kind, inputs, ["w"], **fill)
    stored = {"one": np.ones((1, 1), "f4"), "shape": np.array(sides)}
    return model([grow, product], stored, {"x": ("f4", [4, None])})


def _chain(length: int, folded: bool = True):
    """Operators one behind the other, over a large constant or over activations."""
    first = helper.make_node("ConstantOfShape", ["shape"], ["w0"])
    nodes = [helper.make_node("Exp", [f"w{at}"], [f"w{at + 1}"]) for at in range(length)]
    nodes.append(helper.make_node("MatMul", ["x", f"w{length}" if folded else "one"], ["y"]))
    stored = {"shape": np.array([2**12, 2**12]), "one": np.ones((4, 4), "f4")}
    inputs = {"x": ("f4", [4, None])} | ({} if folded else {"w0": ("f4", [4])})
    return model([first, *nodes] if folded else nodes, stored, inputs)


def _doubled(times: int):
    nodes = [helper.make_node("Concat", [f"w{at}", f"w{at}"], [f"w{at + 1}"], axis=0) for at in range(times)]
    nodes.append(helper.make_node("MatMul", ["x", f"w{times}"], ["y"]))
    return model(nodes, {"w0": np.ones((4, 4), "f4")}, {"x": ("f4", [4, None])})


def _subgraphs(depth: int):
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [], [])
    for _ in range(depth):
        branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([branch], "g", [], [])
        if inner.ByteSize() > 2**24:
            break
    return model(list(inner.node), {}, {"x": ("f4", [4, 4]), "c": ("?", [])})


def _dims(sides: list[int]):
    made = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.ones((4, 4), "f4")}, {"x": ("f4", [4, 4])})
    del made.graph.initializer[0].dims[:]
    made.graph.initializer[0].dims.extend(sides)
    return made


def _external(place: str):
    made = _dims([4, 4])
    stored = made.graph.initializer[0]
    stored.ClearField("raw_data")
    stored.data_location = 1
    for key, value in (("location", place), ("offset", "0"), ("length", "64")):
        entry = stored.external_data.add()
        entry.key, entry.value = key, value
    return made


def _trees(folder: Path):
    def many() -> str:
        top = folder / "many"
        for at in range(12_000):
            (top / f"{at % 100}").mkdir(parents=True, exist_ok=True)
            (top / f"{at % 100}" / f"{at}.mtx").write_text(f"{REAL}1 1 1\n1 1 1\n")
        return str(top)

    def looped() -> str:
        top = folder / "looped"
        (top / "a").mkdir(parents=True, exist_ok=True)
        (top / "a" / "A.mtx").write_text(f"{REAL}1 1 1\n1 1 1\n")
        for name, to in (("up", ".."), ("root", "/"), ("self", "self")):
            if not (top / "a" / name).is_symlink():
                (top / "a" / name).symlink_to(to)
        return str(top)

    def deep() -> str:
        top = folder / "deep"
        top.mkdir(exist_ok=True)
        here = os.getcwd()
        os.chdir(top)
        for _ in range(1500):
            os.makedirs("d", exist_ok=True)
            os.chdir("d")
        os.chdir(here)
        return str(top)

    yield "many", many
    yield "looped", looped
    yield "deep", deep


def _places(folder: Path):
    def pipe() -> str:
        if not (folder / "pipe.mtx").exists():
            os.mkfifo(folder / "pipe.mtx")
        return str(folder / "pipe.mtx")

    def of_pipe() -> str:
        (folder / "pipes").mkdir(exist_ok=True)
        if not (folder / "pipes" / "a.mtx").exists():
            os.mkfifo(folder / "pipes" / "a.mtx")
        return str(folder / "pipes")

    def socketed() -> str:
        with socket.socket(socket.AF_UNIX) as one:
            (folder / "s").unlink(missing_ok=True)
            one.bind(str(folder / "s"))
        return str(folder / "s")

    def unreadable() -> str:
        (folder / "closed.mtx").write_text(REAL)
        (folder / "closed.mtx").chmod(0)
        return str(folder / "closed.mtx")

    yield "pipe", pipe
    yield "folder of a pipe", of_pipe
    yield "socket", socketed
    yield "unreadable", unreadable
    for place in (
        "/",
        "/dev",
        "/dev/zero",
        "/dev/stdin",
        "/proc",
        "/proc/self/mem",
        "/sys",
        "/etc",
        "/proc/kmsg",
        "a" * 5000,
        "\0",
        ".",
    ):
        yield place[:40], lambda place=place: place
