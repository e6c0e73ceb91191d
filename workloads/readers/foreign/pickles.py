"""Pickles, which are recognised but never opened: reading one runs what it says.

docs.python.org/3/library/pickle.html, and `torch.save` (pytorch.org/docs/stable/notes/serialization.html).
"""

import re

from workloads.readers.foreign.signs import is_safetensors, named, surest, zipped
from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.source import Source


def _pickled(source: Source) -> Sureness:
    """By a protocol's mark and a plausible next opcode, or by the global that an older protocol begins with."""
    head = source.head
    marked = (
        head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and head[2:3] in b"]}(cN\x8aX\x95KJU)"
    )
    older = re.match(rb"(\([dl]p\d+\n|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n(p\d+\n|\())", head[:200])
    return Sureness.SIGNED if (marked and len(head) > 3 and not is_safetensors(source)) or older else Sureness.NO


_UNPICKLED = "save the weights with safetensors.torch.save_file, a matrix with scipy.sparse.save_npz"

PICKLES: tuple[FileFormat, ...] = (
    refused(
        "a PyTorch file, which is pickled Python and runs code when read",
        surest(zipped(r"(^|/)(data|constants)\.pkl$"), named(r"\.(pt|pth|ckpt|pt2|mar)$|^pytorch_model.*\.bin$")),
        "save the weights with safetensors.torch.save_file",
    ),
    refused(
        "pickled Python, which runs code when read",
        surest(
            _pickled, named(r"\.(pkl|pickle|p|joblib|pdparams|pdopt|dill)$|^ind\.[\w-]+\.(x|tx|allx|y|ty|ally|graph)$")
        ),
        _UNPICKLED,
    ),
)
"""PyTorch and plain pickles."""
