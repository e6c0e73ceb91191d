"""Binary files that are wrong as a whole: bombs, headers that promise anything, graphs that grow or loop."""

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from reference.onnx_models import helper, model, numpy_helper

from fuzz.hostile import REAL, written


def hostile_binaries(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Names, and what writes each into the folder and returns the spec to be read."""
    for part in (_bombs, _arrays, _graphs_of_onnx):
        yield from part(folder)


def _bombs(folder: Path):
    zeros = bytes(2**24)
    lines = b"1 1 1\n" * 2**22
    market = f"{REAL}9 9 {2**30}\n".encode()
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
        for name, head, block in (("zeros.npy", _npy((2**14, 2**14)), zeros), ("lines.mtx", market, lines)):
            # Streams that follow each other are one content in all three formats.
            yield written(
                folder, name + suffix, lambda pack=pack, head=head, block=block: pack(head) + pack(block) * 128
            )
    members = "".join(f"{j} {j}\n" for j in range(1000)).encode()
    yield written(folder, "many.gz", lambda: gzip.compress(members) * 10_000)
    yield written(folder, "nested.mtx.gz", lambda: _nested(gzip.compress, 200))
    yield written(folder, "nested.zip", lambda: _nested(lambda data: _zipped({"a.zip": data}), 50))
    yield written(folder, "many.zip", lambda: _zipped({f"{i}.mtx": b"x" for i in range(100_000)}))
    yield written(
        folder, "few.zip", lambda: _zipped({f"{i}.mtx": f"{REAL}1 1 1\n1 1 1\n".encode() for i in range(3000)})
    )
    yield written(folder, "bomb.zip", lambda: _zipped({"a.mtx": bytes(2**30)}))
    yield written(folder, "bombs.zip", lambda: _zipped({f"{i}.mtx": market + 4 * lines for i in range(64)}))
    yield written(folder, "overlapping.npz", _overlapping)
    yield written(folder, "zeros.npz", lambda: _npz({"a.npy": (2**14, 2**17)}))
    yield written(folder, "ones.npz", lambda: _npz({"fc.weight.npy": (2**12, 2**12)}, 1))
    yield written(folder, "ones.npy.gz", lambda: gzip.compress(_npy((2**12, 2**12), "|i1") + bytes([1]) * 2**24))
    yield written(folder, "data.npz", lambda: _npz({"data.npy": (2**28,), "indices.npy": (2**28,), "indptr.npy": (2,)}))
    yield written(folder, "bomb.tar.gz", lambda: gzip.compress(_tarred({"a.mtx": bytes(2**30)})))
    yield written(folder, "links.tar", lambda: _tarred({"a.mtx": "b.mtx", "b.mtx": "a.mtx"}))
    yield written(folder, "many.tar", lambda: _tarred({f"{i}.mtx": b"x" for i in range(20_000)}))


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


def _npz(shapes: dict[str, tuple[int, ...]], value: int = 0) -> bytes:
    """Arrays of one value."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in shapes.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(_npy(shape, "|i1"))
                for _ in range(max(int(np.prod(shape)) >> 24, 1)):
                    member.write(bytes([value]) * min(2**24, int(np.prod(shape))))
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
        "deep": str((1,) * 99), "true": "(True, 5)", "words": "('a', 'b')", "nested": "((1, 2), (3,))", "none": "None",
        "many": f"({10**400}, 1)",
    }.items():  # fmt: skip
        yield written(folder, f"{name}.npy", _npy(shape) + bytes(64))
    for name, descr in {"object": "|O", "huge_type": "|V2147483647", "text": "<U99999999", "times": "<M8[ns]"}.items():
        yield written(folder, f"{name}.npy", _npy((2, 2), descr) + bytes(64))
    yield written(folder, "order.npy", _npy((2, 2), order="'x' * 9**9") + bytes(64))
    yield written(folder, "header.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"(" * 9000)
    yield written(folder, "brackets.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000)
    one = {"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}
    for name, changed in {
        "negative": {"shape": [-4, -4]}, "overflow": {"shape": [2**32, 2**32]}, "float": {"shape": [4.0, 4]},
        "wide": {"shape": [4] * 5000}, "empty": {"shape": [0, 2**40], "data_offsets": [0, 0]},
        "type": {"dtype": "F" * 10**6},
    }.items():  # fmt: skip
        yield written(folder, f"{name}.safetensors", _safetensors(json.dumps({"a": one["a"] | changed}).encode()))
    yield written(folder, "deep.safetensors", _safetensors(b'{"a":' + b"[" * 200_000))
    yield written(folder, "digits.safetensors", _safetensors(b'{"a":' + b"9" * 5000 + b"}"))
    yield written(
        folder,
        "long.safetensors",
        lambda: _safetensors(b'{"__metadata__":{' + b",".join(b'"%d":"x"' % i for i in range(4_000_000)) + b"}}"),
    )
    many = {f"l{i}.weight": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]} for i in range(200_000)}
    yield written(folder, "many.safetensors", lambda: _safetensors(json.dumps(many).encode()))
    small = {f"l{i}.weight": {"dtype": "U8", "shape": [1, 1], "data_offsets": [i, i + 1]} for i in range(50_000)}
    yield written(folder, "small.safetensors", lambda: _safetensors(json.dumps(small).encode(), 50_000))
    for name, counts in {"tensors": (2**60, 0), "entries": (0, 2**60), "million": (10**6, 10**6)}.items():
        yield written(folder, f"{name}.gguf", b"GGUF" + struct.pack("<IQQ", 3, *counts) + bytes(10**6))
    text = struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9)
    for name, kind, length in (("strings", 8, 2**60), ("numbers", 4, 2**60), ("lists", 9, 2**60), ("text", 8, 10**6)):
        yield written(
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
        yield written(folder, f"{name}.h5", lambda write=write: _h5(write))


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

        def content(made=made) -> bytes:
            for link, to in (("device", "/dev/zero"), ("loop", "loop")):
                if not (folder / link).is_symlink():
                    (folder / link).symlink_to(to)
            return made().SerializeToString()

        yield written(folder, f"{name}.onnx", content)
    yield written(folder, "deep.onnx", lambda: _nested(lambda data: b"\x3a" + _varint(len(data)) + data, 20_000))
    yield written(
        folder, "text.onnxtxt", "<ir_version: 8>\nagraph (float[N] x) => (float[N] y) {" + "y = Foo(" * 100_000
    )
    yield written(folder, "deep.onnxjson", '{"ir_version": 8, "graph": ' + "[" * 150 + "]" * 150 + "}")


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
