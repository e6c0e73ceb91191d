"""Arrays that belong to no packed weight: passed on as they are, left out as scales, or refused as codes."""

import numpy as np

from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, stem_of
from workloads.readers.checkpoints.packed.settings import method
from workloads.readers.checkpoints.stored import Stored, StoredArray, Weights
from workloads.readers.found import LeftOut

_ACTIVATIONS = (
    "input_scale", "output_scale", "input_zero_point", "output_zero_point", "input_global_scale", "output_global_scale",
    "k_scale", "v_scale", "q_scale", "kv_scale", "prob_scale", "pre_quant_scale", "act_scale", "activation_scale",
    "k_zero_point", "v_zero_point", "q_zero_point", "input_amax", "act_pre_scale", "input_scale_inv", "scale_input",
)  # fmt: skip
_OBSERVERS = (".activation_post_process.", ".weight_fake_quant.", ".input_quantizer.", ".weight_quantizer.")
_SCALES = (
    "weight_scale", "weight_scale_inv", "weight_zero_point", "weight_global_scale", "weight_scale_2", "weight_shape",
    "weight_g_idx", "g_idx", "SCB", "weight_format", "scale_weight",
)  # fmt: skip
_CODES = ("qweight", "qzeros", "weight_packed", "W_q", "q_weight", "weight_blocks", "quant_state", "weight_scales")
_WORDS_OF_CODES = ("I16", "U16", "I32", "U32")


def pass_on(stored: Stored, array: StoredArray, words: str) -> Weights | LeftOut:
    """What an array is that no scheme took. **Raises** `InputError` for codes of an unknown scheme."""
    name = array.name
    if _ends(name, _ACTIVATIONS) or any(part in f".{name}." for part in _OBSERVERS):
        return LeftOut(name, "a scale of activations or an observer's")
    said = method(stored.config)
    if _ends(name, _CODES) and array.dtype[:1] in ("I", "U"):
        _refuse(stored, array, said)
    if _ends(name, _SCALES):
        return LeftOut(name, "a scale whose weights are not here, or are no codes")
    if not words and len(array.shape) >= 2 and _ends(name, ("weight",)):
        if array.dtype in _WORDS_OF_CODES:
            _refuse(stored, array, said)
        if array.dtype == "U8":
            return Weights(name, array.shape, "mask", lambda: _mask(stored, array, said))
    return Weights(name, array.shape, words or WORDS.get(array.dtype, array.dtype), array.read)


def _mask(stored: Stored, array: StoredArray, said: str) -> np.ndarray:
    """Bytes under a weight's name: a mask of 0 and 1, else codes."""
    found = array.read()
    if found.size and found.max() > 1:
        _refuse(stored, array, said)
    return found


def _refuse(stored: Stored, array: StoredArray, said: str) -> None:
    by, kind = f" ({said})" if said else "", WORDS.get(array.dtype, array.dtype)
    what = f"holds packed or quantised codes ({kind}) of a scheme{by} that is not known here"
    stored.source.fail(array.name, what, DEQUANTISE)


def _ends(name: str, words: tuple[str, ...]) -> bool:
    return any(stem_of(name, word) is not None for word in words)
