"""Schemes that are known so that they can be refused by name: laid out for a kernel, or coded by books of vectors."""

from dataclasses import dataclass

from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, stem_of
from workloads.readers.checkpoints.packed.settings import method
from workloads.readers.checkpoints.stored import StoredArrays


@dataclass(frozen=True)
class Refusal:
    """A scheme by the last words of its arrays' names, all of which a module has."""

    name: str
    words: tuple[str, ...]
    dtype: str = ""
    """Of the array by the first of the words; empty for any."""


REFUSALS = (
    Refusal("packed by EXL2", ("q_weight", "q_scale")),
    Refusal("packed by EXL3", ("trellis", "svh")),
    Refusal("packed by QTIP", ("trellis", "SU")),
    Refusal("quantised by AQLM", ("codes", "codebooks")),
    Refusal("quantised by QuIP#", ("Qidxs", "SU")),
    Refusal("quantised by SpQR", ("dense_weights", "row_offsets")),
    Refusal("quantised by VPTQ", ("indices", "centroids.weight")),
    Refusal("quantised by HIGGS", ("weight", "tables2")),
    Refusal("packed for QQQ", ("B", "s_channel")),
    Refusal("packed for Marlin 2:4", ("B_24", "s")),
    Refusal("packed for Marlin 2:4", ("B_24", "B_meta")),
    Refusal("packed for Marlin", ("B", "s"), "I32"),
    Refusal("packed for EETQ", ("weight", "weight_scales"), "I8"),
    Refusal("packed by SVDQuant (Nunchaku)", ("qweight", "wscales")),
    Refusal("packed by AWQ for GEMV fast", ("qweight", "scaled_zeros")),
    Refusal("packed by AWQ for GEMV fast", ("qweight", "scales"), "I16"),
    Refusal("packed for a GPU as 2:4", ("packed", "meta")),
    Refusal("packed for a GPU as 2:4", ("weight_packed", "weight_meta")),
    Refusal("packed by torchao for a CPU", ("packed_weights",)),
)


def refuse_known(stored: StoredArrays) -> None:
    """**Raises** `InputError` for the first module that is packed by one of `REFUSALS`."""
    for one in REFUSALS:
        for name, array in stored.arrays.items():
            stem = stem_of(name, one.words[0])
            if stem is None or (one.dtype and array.dtype != one.dtype):
                continue
            if all(stem + word in stored.arrays for word in one.words[1:]):
                stored.source.fail(name, f"is {one.name}, which is not read here", DEQUANTISE)
    if method(stored.config) == "quark" and any(array.dtype == "I32" for array in stored.arrays.values()):
        stored.source.fail("file", "is packed by Quark, which is not read here", DEQUANTISE)
