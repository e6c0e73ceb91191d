"""Arrays that belong to no packed weight: passed on as they are, left out as scales, or refused as codes."""

import re
from collections.abc import Iterator
from functools import partial
from typing import NoReturn

import numpy as np

from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, stem_of
from workloads.readers.checkpoints.packed.settings import method
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays, Weights
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
_SCALE_OF = re.compile(r"[._:](?:weight_)?(?:scales?|scale_inv|absmax|zero_?points?|q?zeros?|zps?)$")
_WORDS_OF_CODES = ("I16", "U16", "I32", "U32")


def pass_on(stored: StoredArrays, words: dict[str, str]) -> Iterator[Weights | LeftOut]:
    """What the arrays are that no scheme took; `words`: types of those that one made.

    **Raises** `InputError` for codes of an unknown scheme.
    """
    scaled = {stem for name in stored.arrays if (stem := _SCALE_OF.sub("", name)) != name}
    for name, array in stored.arrays.items():
        activations = _ends(name, _ACTIVATIONS) or any(part in f".{name}." for part in _OBSERVERS)
        if not activations and name not in words and _holds_codes(array, scaled, method(stored.config)):
            _refuse(stored, array)
        if activations:
            yield LeftOut(name, "a scale of activations or an observer's")
        elif _ends(name, _SCALES):
            yield LeftOut(name, "a scale whose weights are not here, or are no codes")
        elif array.dtype == "U8" and name not in words and _ends(name, ("weight",)):
            yield Weights(name, array.shape, "mask", partial(_mask, stored, array))
        else:
            yield Weights(name, array.shape, words.get(name) or WORDS.get(array.dtype, array.dtype), array.read)


def _holds_codes(array: StoredArray, scaled: set[str], said: str) -> bool:
    """Whether whole numbers are codes: under a packed name, beside scales, or as words under a weight's name."""
    if array.dtype[:1] not in ("I", "U") or _ends(array.name, _SCALES):
        return False
    if _ends(array.name, _CODES):
        return True
    if len(array.shape) < 2 or array.dtype == "I8":
        return False
    beside = array.name in scaled or array.name.removesuffix("weight").rstrip("./") in scaled
    words = array.dtype in _WORDS_OF_CODES or bool(said) or array.shape[-1] == 1
    return beside or (words and _ends(array.name, ("weight",)))


def _mask(stored: StoredArrays, array: StoredArray) -> np.ndarray:
    """Bytes under a weight's name: a mask of 0 and 1, else codes."""
    found = array.read()
    if found.size and found.max() > 1:
        _refuse(stored, array)
    return found


def _refuse(stored: StoredArrays, array: StoredArray) -> NoReturn:
    said = method(stored.config)
    by, kind = f" ({said})" if said else "", WORDS.get(array.dtype, array.dtype)
    what = f"holds packed or quantised codes ({kind}) of a scheme{by} that is not known here"
    stored.source.fail(array.name, what, DEQUANTISE)


def _ends(name: str, words: tuple[str, ...]) -> bool:
    return any(stem_of(name, word) is not None for word in words)
