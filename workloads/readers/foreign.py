"""Formats that are recognised so that they can be refused by name: pickles, other tools' models, pointers, pages."""

from workloads.readers.formats import Format, Sureness, refused
from workloads.readers.source import Source

_PICKLED = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
"""What PyTorch, scikit-learn and others write with pickle: reading it runs code. Of `.bin` the content decides."""


def _pickled(source: Source) -> Sureness:
    begins = source.head[:2] in (b"PK", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
    if source.suffix in _PICKLED:
        return Sureness.SIGNED
    return Sureness.SIGNED if source.suffix == ".bin" and begins else Sureness.NO


FORMATS: tuple[Format, ...] = (
    refused(
        "pickled Python, which runs code when read",
        _pickled,
        "save the weights with safetensors.torch.save_file or numpy.savez",
    ),
)
"""Records of formats that are refused."""
