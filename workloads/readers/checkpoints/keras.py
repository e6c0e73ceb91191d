"""Keras' own files of weights, recognised to be refused: HDF5 of `layers/.../vars/N`, or `layer_names` of Keras 2."""

from workloads.readers.formats import Format, Sureness, refused
from workloads.readers.source import Source

_MAGIC = b"\x89HDF\r\n\x1a\n"


def _recognise(source: Source) -> Sureness:
    if not source.head.startswith(_MAGIC):
        return Sureness.NO
    says = any(
        word in source.head for word in (b"keras_version", b"layer_names", b"_layer_checkpoint", b"model_weights")
    )
    named = source.name.endswith((".weights.h5", ".keras"))
    return Sureness.SIGNED if named or says or (b"layers" in source.head and b"vars" in source.head) else Sureness.NO


FORMAT: Format = refused(
    "Keras weights in HDF5",
    _recognise,
    "save them with numpy.savez, each kernel transposed to [out, in], or export the model to ONNX",
)
