"""BitNet b1.58: weights of -1, 0 and 1 in two bits, four outputs to a byte, [out / 4, in].

Ma et al., The Era of 1-bit LLMs, arXiv:2402.17764; format: transformers `integrations/bitnet.py`. The one scale of a
layer is left off.
"""

import numpy as np

from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import method


def _is_bitnet(group: ArrayGroup) -> bool:
    said = method(group.stored.config) in ("bitnet", "1.58bit", "b1.58")
    return said and group.dtype("weight") == "U8" and len(group.shape("weight")) == 2


def _unpacked(group: ArrayGroup) -> Unpacked:
    rows, size = group.shape("weight")
    group.require(int(np.prod(group.shape("scale"))) == 1, f"its scale has the shape {list(group.shape('scale'))}")

    def read() -> np.ndarray:
        words = group.read("weight")
        codes = np.concatenate([(words >> np.uint8(shift)) & np.uint8(3) for shift in (0, 2, 4, 6)])
        group.require(not (codes == 3).any(), "it holds codes beyond -1, 0 and 1")
        return codes.astype(np.float32) - 1

    return Unpacked(group.name, (4 * rows, size), "ternary with one scale", read)


SCHEME = Scheme(
    "BitNet", by_suffixes("BitNet", "weight", {"scale": "weight_scale"}, needs=("scale",), fits=_is_bitnet), _unpacked
)
