"""What cannot be read is refused by its name, and nothing that can be read is taken for it."""

import gzip
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import save

from workloads import InputError, load_matrix, resolve_workload
from workloads.readers.formats import format_of
from workloads.readers.source import Source

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4976\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>"
CONFIG = json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 12}).encode()
MLIR = b"module @jit_f {\n  func.func public @main(%arg0: tensor<4x16xf32>) -> tensor<4x14xf32> {\n  }\n}\n"


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('ran')",)


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 40)
    return stream.getvalue()


SUFFIXES = (".npz", ".npy", ".safetensors", "", ".mtx", ".onnx")


def flatbuffer(mark: bytes) -> bytes:
    return b"\x18\0\0\0" + mark + b"\0" * 60


CASES = [
    ("web-Google.mtx", LFS, "Git LFS pointer.*git lfs pull"),
    ("model.safetensors", LFS, "Git LFS pointer.*git lfs pull"),
    ("pytorch_model.bin", LFS, "Git LFS pointer.*git lfs pull"),
    ("A.mtx", b"/annex/objects/MD5E-s3--abc.mtx\n", "git-annex pointer.*git annex get"),
    ("data.dvc", b"outs:\n- md5: abc\n  size: 3\n  path: A.mtx\n", "DVC pointer.*dvc pull"),
    ("bcsstk13.mtx", PAGE, "web page .HTML.*download"),
    ("A.npz", b"\n  <HTML>\n", "web page"),
    ("model.safetensors", b"Entry not found", "web server's message.*download"),
    ("A.mtx", b"404: Not Found", "web server's message"),
    ("model.onnx", b'{"error":"Access to this resource is restricted"}', "web server's message"),
    *[("w.anything", pickle.dumps({"a": [1.5], "b": "x"}, at), "pickled.*save the weights") for at in range(2, 6)],
    *[("ind.cora.x", pickle.dumps(sp.csr_matrix(np.eye(3)), at), "pickled.*scipy.sparse.save_npz") for at in range(6)],
    *[(f"bomb{suffix}", pickle.dumps(Bomb(), at), "pickled") for at, suffix in enumerate(SUFFIXES)],
    ("old.pth", pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2), "pickled"),
    ("model.pt", zipped("model/data.pkl", "model/data/0", "model/version"), "PyTorch file.*pickled.*safetensors"),
    ("model.zip", zipped("m/code/__torch__.py", "m/data/0", "m/data.pkl", "m/constants.pkl"), "PyTorch file.*pickled"),
    ("model.ckpt", b"\1\2\3\4", "PyTorch file.*pickled"),
    ("saved_model.pb", b"\x08\x01\x12\x06\n\x04main", "TensorFlow SavedModel.*ONNX"),
    ("frozen.pb", b"\n\x10\n\x01x\x12\x0bPlaceholder", "TensorFlow graph.*ONNX"),
    ("model.ckpt-1.data-00000-of-00001", b"\0" * 40, "TensorFlow checkpoint"),
    ("manifest.ocdbt", b"\x0c\xdb\x3a\x2a" + b"\0" * 40, "Orbax checkpoint.*numpy.savez"),
    ("flax_model.msgpack", b"\x81\xa6params\x81\xa6kernel\xc7\x10\x01" + b"\0" * 16, "Flax.*MessagePack.*safetensors"),
    ("model.tflite", flatbuffer(b"TFL3"), "TensorFlow Lite.*ONNX"),
    ("model.bin", flatbuffer(b"TFL3"), "TensorFlow Lite.*ONNX"),
    ("model.ort", flatbuffer(b"ORTM"), "ONNX Runtime.*convert"),
    ("model.pte", flatbuffer(b"ET12"), "ExecuTorch"),
    ("model.xml", b'<?xml version="1.0"?>\n<net name="m" version="11"><layers></layers></net>\n', "OpenVINO.*export"),
    ("model.mlir", MLIR, "StableHLO.*MLIR.*table of layers"),
    ("model.txt", MLIR, "StableHLO.*MLIR"),
    ("model.mlirbc", b"ML\xefR\x01" + b"\0" * 9, "MLIR"),
    ("model.engine", b"ftrt" + b"\0" * 40, "TensorRT engine.*ONNX"),
    ("model.hlo", b"HloModule jit_f\n\nENTRY main {\n}\n", "StableHLO"),
    ("model.plan", b"\1" * 40, "TensorRT engine"),
    ("net.mlmodel", b"\x08\x04\x12\x00", "Core ML"),
    ("ggml-model.bin", b"tjgg\x03\0\0\0" + b"\0" * 40, "GGML.*GGUF"),
    ("m.keras", zipped("metadata.json", "config.json", "model.weights.h5"), "Keras.*ONNX"),
    ("model.json", b'{"format": "layers-model", "modelTopology": {}}', "TensorFlow.js"),
    ("net.caffemodel", b"\n\x04name", "Caffe model.*deploy.prototxt"),
    ("solver.prototxt", b'net: "train_val.prototxt"\nbase_lr: 0.01\n', "solver.*deploy.prototxt"),
    ("yolo.weights", b"\0" * 40, "Darknet weights.*cfg"),
    ("problem.cfg", b"problem:\n{\n  R = 3;\n  S = 3;\n};\n", "Timeloop.*libconfig.*YAML"),
    ("net.param", b"7767517\n3 3\nInput x 0 1 x\n", "ncnn"),
    ("graph.bin", b"\x3f\xa1\xb4\x46\xf0\x4f\x2e\xdd" + b"\1" * 40, "DGL graph.*npz or .mtx"),
    ("edges.parquet", b"PAR1" + b"\0" * 20 + b"PAR1", "Parquet.*convert it to .mtx, .npz or .csv"),
    ("edges.feather", b"ARROW1\0\0" + b"\0" * 20, "Arrow.*convert"),
    ("layers.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel spreadsheet.*save the sheet as CSV"),
    ("layers.csv", zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel spreadsheet.*save the sheet as CSV"),
    ("layers.ods", zipped("mimetype", "content.xml"), "OpenDocument.*CSV"),
    ("layers.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40, "old Excel.*CSV"),
    ("graph.db", b"SQLite format 3\0" + b"\0" * 20, "SQLite.*CSV"),
    ("A.rds", gzip.compress(b"X\n\0\0\0\x03" + b"\0" * 20), "R's own data file.*writeMM"),
    ("A.mtx.zst", b"\x28\xb5\x2f\xfd" + b"\0" * 20, "Zstandard.*decompress"),
    ("A.mtx.lz4", b"\x04\x22\x4d\x18" + b"\0" * 20, "LZ4.*decompress"),
    ("A.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 20, "7-Zip.*unpack"),
    ("paper.pdf", b"%PDF-1.7\n", "PDF"),
    ("A.mtx", b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "picture"),
    ("config.json", CONFIG, r"config.json.*no weights.*give the .safetensors"),
    ("tokenizer.json", b'{"version": "1.0", "added_tokens": []}', "tokenizer"),
    ("numbers.json", b"[1, 2]", "JSON.*convert"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), CASES, ids=range(len(CASES)))
def test_foreign_files_are_refused_by_name(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        resolve_workload(str(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


LOOKALIKES = (
    0x0280,
    0x0380,
    0x280280,
    0x7D0280,
    0x8B1F,
    0x9D1F,
    0x112,
    0x0A,
    0x5A42,
    0x81,
    0xA6DE,
    0x4D18,
    0x5089,
    0x3C,
)


@pytest.mark.parametrize("length", LOOKALIKES)
def test_a_header_that_is_as_long_as_anothers_mark_is_still_safetensors(length: int, tmp_path: Path) -> None:
    stored = save({"params.kernel": np.eye(3, dtype=np.float32)})
    size = struct.unpack("<Q", stored[:8])[0]
    wanted = length if length >= size else length + (1 << 16)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", wanted) + stored[8 : 8 + size].ljust(wanted) + stored[8 + size :])
    found = format_of(Source(path))
    assert found is not None
    assert found.name == "safetensors"
    if wanted < 2**20:
        assert load_matrix(path).nnz == 3


TEXTS = {
    "A.mtx": b"%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 1.0\n",
    "cat.el": b"0 1\n1 2\n",
    "A.csv": b"0,1\n1,2\n",
    "genes.edges": b"PAR1 F2\nF2 RIFF\nRIFF PAR1\n",
    "ids.txt": b"7767517 4\n4 9\n9 7767517\n",
    "layers.csv": b"name,M,N,K\nx,2,3,4\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_readable_text_is_not_taken_for_foreign(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(TEXTS[name])
    assert resolve_workload(str(tmp_path / name)).kernels


def test_folders_tell_what_they_hold_instead(tmp_path: Path) -> None:
    def refused(message: str, **files: bytes) -> None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content)
        with pytest.raises(InputError, match=message):
            resolve_workload(str(folder))

    pickled = zipped("m/data.pkl", "m/data/0")
    refused(r"pytorch_model\.bin: is a PyTorch file", config__json=CONFIG, pytorch_model__bin=pickled)
    refused(r"saved_model\.pb: is a TensorFlow SavedModel", saved_model__pb=b"\x08\x01")
    refused("Orbax", _CHECKPOINT_METADATA=b"{}", manifest__ocdbt=b"\x0c\xdb\x3a\x2a" + b"\0" * 40)
    refused(r"config\.json: is a model's configuration", config__json=CONFIG)
    refused("holds no matrix file", README__md=b"nothing here", fig__png=b"\x89PNG\r\n\x1a\n")


def test_a_folder_passes_over_what_is_no_data(tmp_path: Path) -> None:
    (tmp_path / "A.mtx").write_bytes(TEXTS["A.mtx"])
    for name, content in {
        "fig.png": b"\x89PNG\r\n\x1a\n",
        "config.json": CONFIG,
        "old.pt": pickle.dumps([1]),
        "run.yaml": b"lr: 1\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    assert len(resolve_workload(str(tmp_path)).kernels) == 1


def test_hdf5_is_not_taken_for_messagepack(tmp_path: Path) -> None:
    """Its first byte opens a map in MessagePack, and Scanpy and Keras write names that Flax writes too."""
    with h5py.File(tmp_path / "scanpy.h5ad", "w") as file:
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "shape": (2, 3)})
        group["data"], group["indices"], group["indptr"] = [1.5, 2], [2, 0], [0, 1, 2]
        file["uns/neighbors/params/n_neighbors"], file["layers/covars"], file["obs/target"] = 15, 1, 1
    np.testing.assert_array_equal(load_matrix(tmp_path / "scanpy.h5ad").toarray(), [[0, 0, 1.5], [2, 0, 0]])
    for name in ("dense/dense/kernel:0", "model_weights/dense/kernel:0", "layers/dense/vars/0"):
        for version in ("earliest", "latest"):
            with h5py.File(tmp_path / "model.h5", "w", libver=version) as file:
                file[name] = np.eye(3)
            with pytest.raises(InputError, match="Keras"):
                load_matrix(tmp_path / "model.h5")
