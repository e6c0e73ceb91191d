"""Models of other frameworks, in formats of their own."""

import re

from workloads.readers.foreign.signs import is_safetensors, keyed, magic, named, surest, written, zipped
from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.source import Source
from workloads.readers.tables.layers import TABLE

_WEIGHTS = "convert the weights to .safetensors or .npz, or export the model to ONNX"
_TO_ONNX = "export or convert the model to ONNX, or its weights to .npz"


def _messagepack(source: Source) -> Sureness:
    """A map whose first key is text, with names that Flax gives (github.com/msgpack/msgpack, `spec.md`)."""
    head = source.head
    mapped = re.match(rb"([\x81-\x8f]|\xde..|\xdf....)([\xa1-\xbf]|\xd9.)[\x20-\x7e]", head[:16], re.DOTALL)
    named = any(name in head for name in (b"params", b"kernel", b"embedding", b"batch_stats", b"target"))
    if mapped and named and not is_safetensors(source):
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix == ".msgpack" else Sureness.NO


def _keras(source: Source) -> Sureness:
    """HDF5 with the attributes or groups that Keras writes; other HDF5 only where no reader knows it."""
    if not source.head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Sureness.NO
    names = (
        b"keras_version",
        b"model_weights",
        b"layer_names",
        b"_layer_checkpoint_dependencies",
        b"optimizer_weights",
    )
    three = all(re.search(rb"[\0-\x1f]%s(?!\w)" % name, source.head) for name in (b"layers", b"vars"))
    return Sureness.SIGNED if three or any(name in source.head for name in names) else Sureness.NO


def _mlir(source: Source) -> Sureness:
    """MLIR as text or bytecode, or XLA's HLO as text."""
    if source.head.startswith(b"ML\xefR"):
        return Sureness.SIGNED
    text = source.head[:8192].decode("utf-8", "replace")
    signed = (
        (re.search(r"^\s*(builtin\.)?module\b.*\{", text, re.MULTILINE) and "func" in text)
        or "stablehlo." in text
        or text.startswith("HloModule ")
    )
    return Sureness.SIGNED if signed and source.is_text else named(r"\.mlir(bc)?$")(source)


MODELS: tuple[FileFormat, ...] = (
    refused("a TensorFlow SavedModel", named(r"^saved_model\.pb(txt)?$|^keras_metadata\.pb$"), _TO_ONNX),
    refused(
        "an Orbax checkpoint of JAX",
        surest(magic(b"\x0c\xdb\x3a\x2a"), named(r"^(_checkpoint_metadata|manifest\.ocdbt|_metadata|_sharding)$")),
        "save the arrays with numpy.savez or safetensors.flax.save_file",
    ),
    refused(
        "a TensorFlow checkpoint",
        surest(named(r"\.data-\d{5}-of-\d{5}$|\.ckpt.*\.(index|meta)$"), written(r"model_checkpoint_path:")),
        _TO_ONNX,
    ),
    refused("a Flax checkpoint in MessagePack", _messagepack, "save the weights with safetensors.flax.save_file"),
    refused("a TensorFlow Lite (LiteRT) model", surest(magic(b"TFL3", at=4), named(r"\.(tflite|lite)$")), _TO_ONNX),
    refused(
        "an ONNX Runtime (ORT format) model",
        surest(magic(b"ORTM", at=4), named(r"\.ort$")),
        "give the .onnx that it was converted from, or convert it to ONNX",
    ),
    refused("an ExecuTorch program", magic(b"ET12", b"ET11", b"ET13", at=4), _TO_ONNX),
    refused(
        "an OpenVINO model (IR in .xml and .bin)",
        written(r"(<\?xml[^>]*\?>\s*)?<net\s[^>]*\b(version|name)\s*="),
        "give the .onnx that it was converted from, or export the weights to .npz",
    ),
    refused("StableHLO or another MLIR program", _mlir, f"export the model to ONNX, or give {TABLE}"),
    refused(
        "a TensorRT engine",
        surest(magic(b"ftrt"), named(r"\.(engine|plan|trt)$")),
        "give the ONNX model that it was built from, or export it to .onnx",
    ),
    refused("a Core ML model", surest(named(r"\.mlmodel$"), keyed("itemInfoEntries")), _TO_ONNX),
    refused(
        "a GGML model older than GGUF",
        magic(b"lmgg", b"fmgg", b"tjgg", b"algg"),
        "convert it to GGUF with llama.cpp, or give the original .safetensors",
    ),
    refused(
        "a Keras model in HDF5 or a .keras archive",
        surest(_keras, zipped(r"^model\.weights\.h5$"), named(r"\.(keras|weights\.h5)$")),
        _TO_ONNX,
    ),
    refused("a TensorFlow.js model", keyed("modelTopology", "weightsManifest"), _TO_ONNX),
    refused("a TensorFlow graph in text", written(r"node\s*\{\s*name:\s*\"[^\"]*\"\s*op:"), _TO_ONNX),
    refused("a TensorFlow graph (.pb)", named(r"\.(pb|pbtxt)$"), _TO_ONNX),
    refused(
        "a Caffe model of weights",
        named(r"\.(caffemodel|binaryproto)$"),
        "give its deploy.prototxt for the sizes, or convert the weights to .npz",
    ),
    refused(
        "Caffe's settings of a solver",
        written(r"(?=[\s\S]*\bbase_lr\s*:)(#[^\n]*\n\s*)*(net|train_net|base_lr|test_iter)\s*:"),
        "give the network's deploy.prototxt, or a table of layers (.csv)",
    ),
    refused(
        "Darknet weights", named(r"\.weights$"), "give the network's .cfg for the sizes, or convert the weights to .npz"
    ),
    refused("an MXNet file of parameters", named(r"\.params$"), _WEIGHTS),
    refused("an ncnn model", written(r"7767517[ \t]*\r?\n\s*\d+\s+\d+\s*\n"), _TO_ONNX),
    refused("an RKNN model", magic(b"RKNN"), _TO_ONNX),
    refused("a PaddlePaddle model", named(r"\.(pdmodel|pdiparams)$"), _TO_ONNX),
    refused("an MNN model", named(r"\.mnn$"), _TO_ONNX),
    refused("a model of Lua Torch (.t7)", named(r"\.t7$"), _WEIGHTS),
    refused(
        "a Timeloop problem in libconfig's syntax (.cfg)",
        written(r"(#[^\n]*\n\s*|//[^\n]*\n\s*)*problem\s*[:=]?\s*=?\s*\{[^{}]*="),
        f"write it as YAML, or give {TABLE}",
    ),
)
"""Checkpoints, graphs and compiled programs."""
