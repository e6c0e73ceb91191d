"""What nobody meant to be read: bombs, announcements without end, damaged packing, files cut off meanwhile."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from reference.onnx_models import model, n
from safetensors.numpy import save_file
from test_readers_matrices import REAL, WRITERS, tarred, zipped

from workloads import InputError, describe, load_matrix, resolve_workload
from workloads.errors import LONGEST
from workloads.readers import archives, finding, measurable, source, unpacking
from workloads.readers.matrices import hdf5_process
from workloads.readers.measurable import MOST_DESCRIBED

BLANKS = REAL.encode() + b"1 1 1\n1 1 1\n" + b"%" + b" " * 2**20
"""A sound matrix and much of what is nothing."""


def tar(content: bytes, name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def in_zip(content: bytes, name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


PACKS: tuple[tuple[Callable[[bytes, str], bytes], Callable[[bytes], int]], ...] = (
    (lambda data, _: gzip.compress(data), lambda packed: len(packed) - 7),
    (lambda data, _: bz2.compress(data), lambda packed: 12),
    (lambda data, _: lzma.compress(data), lambda packed: len(packed) - 40),
    (tar, lambda packed: len(packed) - 7),
    (in_zip, lambda packed: packed.index(b"PK\x01\x02") + 17),
)
"""Ways to pack a file of some name, and where its checksum, or that of xz' blocks or index, lies."""
TEXTS = {
    "a.smtx": "2, 2, 1\n0 1 1\n1\n",
    "layers.csv": "name,M,N,K\nfc,8,8,8\n",
    "edges.el": "0 1\n1 2\n2 0\n",
    "g.gml": "graph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 ] ]",
}


@pytest.mark.parametrize("name", [*WRITERS, *TEXTS, "a.npy", "net.safetensors"])
def test_checksums_come_before_what_they_cover(name: str, tmp_path: Path) -> None:
    path, matrix = tmp_path / name, sp.csr_array(np.eye(5) + np.eye(5, k=1))
    if name in TEXTS:
        path.write_text(TEXTS[name])
    elif name == "net.safetensors":
        save_file({"fc.weight": np.ones((4, 4), np.float32)}, path)
    else:
        WRITERS.get(name, lambda path, a: np.save(path, a.toarray()))(path, matrix)
    content = path.read_bytes()
    for pack, place in PACKS[:-1] if name == "a.npy" else PACKS:  # which in a zip file is an .npz
        packed = bytearray(pack(content, name))
        path.write_bytes(packed)
        describe(path)
        packed[place(packed)] ^= 1
        path.write_bytes(packed)
        with pytest.raises(InputError, match=r"truncated or damaged|is damaged \(Bad CRC"):
            describe(path).layers[0].read()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.mtx.gz", gzip.compress), ("a.mtx.bz2", bz2.compress), ("a.mtx.xz", lzma.compress), ("a.tar.gz", tarred),
     ("a.zip", lambda data: zipped(gzip.compress(data)))],
)  # fmt: skip
def test_bombs_are_found_out_unless_they_are_meant(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MOST_TEXT", 2**16)
    monkeypatch.setattr(source, "MOST_BYTES", 2**17)
    (tmp_path / name).write_bytes(pack(BLANKS))
    with pytest.raises(InputError, match=r"unpacks to more than .* add :large to the path"):
        load_matrix(tmp_path / name)
    assert load_matrix(f"{tmp_path / name}:large").nnz == 1


def test_what_a_zip_file_says_of_its_packed_bytes_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would make a bomb of any size as good as its packed bytes; what is padded lets the library go on reading."""
    monkeypatch.setattr(source, "MOST_TEXT", 2**16)
    monkeypatch.setattr(archives, "MOST_BYTES", 2**26)
    monkeypatch.setattr(unpacking, "MOST_RATIO", 0.01)
    monkeypatch.setattr(archives, "MOST_RATIO", 0.01)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mtx", BLANKS)
        packed = archive.getinfo("a.mtx").compress_size
        archive.writestr("z.bin", bytes(2**23), zipfile.ZIP_STORED)
    content = stream.getvalue().replace(struct.pack("<I", packed), struct.pack("<I", 2**30))
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"unpacks to more than .* add :large to the path"):
        load_matrix(f"{tmp_path / 'a.zip'}#a*")


def test_arrays_are_not_made_for_what_is_only_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 2**16)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((100, 1000)))
    with pytest.raises(InputError, match="add :large to the path"):
        describe(tmp_path / "a.npz")


def test_empty_rows_and_sizes_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurable, "MOST_LAYERS", 9)
    (tmp_path / "a.mtx").write_text(REAL + "5000000 3 1\n5000000 3 1\n")
    (tmp_path / "a.el").write_text("0 268435455\n")
    for spec in ("a.mtx", "a.mtx@axat", "a.el:keepgaps"):
        with pytest.raises(InputError, match=r"nearly all rows or columns empty.*add :large"):
            resolve_workload(str(tmp_path / spec))
    assert load_matrix(f"{tmp_path / 'a.mtx'}:large").shape == (5_000_000, 3)
    assert load_matrix(tmp_path / "a.el").shape == (2, 2)
    head = "name,M,N,K,density\n"
    (tmp_path / "a.csv").write_text(head + f"l,8,8,{MOST_DESCRIBED + 1},0.5\n")
    (tmp_path / "b.csv").write_text(head + "l,8,8,8,0.5\n" * 10)
    (tmp_path / "c.csv").write_text(
        "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides\nl,9999,9999,3,3,1,1,1\n"
    )
    for name, what in (("a", "on a side"), ("b", "10 layers, more than 9"), ("c", "maps of 9999 x 9999")):
        with pytest.raises(InputError, match=f"{what}.*:large"):
            resolve_workload(str(tmp_path / f"{name}.csv"))
    assert resolve_workload(f"{tmp_path / 'a'}.csv:large").kernels[0].k == MOST_DESCRIBED + 1


def test_folders_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "A.mtx").write_text(REAL + "1 1 1\n1 1 1\n")
    (tmp_path / "a" / "up").symlink_to("..")
    assert len(describe(tmp_path).layers) == 3
    monkeypatch.setattr(finding, "MOST_MEMBERS", 5)
    with pytest.raises(InputError, match="more than 5 files and folders"):
        describe(tmp_path)


def test_files_that_are_cut_off_between_two_looks(tmp_path: Path) -> None:
    weights = np.ones((64, 64), np.float32)
    save_file({"fc.weight": weights}, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", **{"fc.weight": weights})
    outside = model([n("MatMul", "x w", "y")], {"w": weights}, {"x": ("f4", [4, 64])})
    tensor = outside.graph.initializer[0]
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="w.bin")
    (tmp_path / "a.onnx").write_bytes(outside.SerializeToString())
    for name, data in (("a.safetensors", "a.safetensors"), ("a.npz", "a.npz"), ("a.onnx", "w.bin")):
        layer = describe(tmp_path / name).layers[0]
        assert layer.read().nnz == 64 * 64
        (tmp_path / data).write_bytes((tmp_path / data).read_bytes()[:200])
        with pytest.raises(InputError, match=data):
            layer.read()


def test_a_library_that_hangs_or_breaks_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS["csr.h5ad"](tmp_path / "a.h5ad", sp.csr_array(np.eye(4)))
    (tmp_path / "abort.py").write_text("import os\nos.abort()\n")
    with monkeypatch.context() as patch:
        patch.setattr(hdf5_process, "_MOST_S", 0.0)
        with pytest.raises(InputError, match=r"a\.h5ad: HDF5 file is damaged \(the HDF5 library comes to no end"):
            describe(tmp_path / "a.h5ad")
    monkeypatch.setattr(hdf5_process, "_WORKER", tmp_path / "abort.py")
    with pytest.raises(InputError, match="the HDF5 library broke off"):
        describe(tmp_path / "a.h5ad")


def test_sentences_are_fit_for_a_terminal() -> None:
    text = str(InputError("a.csv: \x1b[2J\u202e\r\nname \ud800 is\n" + "x" * 5000 + " wrong; correct it."))
    assert text.isprintable()
    assert text.startswith("a.csv: ?[2J? name ? is xxx")
    assert text.endswith("x wrong; correct it.")
    assert len(text) < LONGEST
