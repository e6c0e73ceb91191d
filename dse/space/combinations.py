"""The legal combinations of a mapping's choices, listed once for each family and set of allowed names."""

import functools
import itertools

import numpy as np

from hwmodels.design.hardware import MAPPING_CHOICES
from hwmodels.design.legality import (
    canonical,
    illegality,
    legal_formats,
    legal_lane_axes,
    legal_residencies,
    legal_zero_modes,
)
from hwmodels.formats.records import STAND_INS

COMBINED = ("dataflow", *MAPPING_CHOICES)
"""The choices that only go together in some combinations."""


@functools.lru_cache(maxsize=256)
def legal_rows(lists: tuple[tuple[str, ...], ...], family: str) -> tuple[np.ndarray, np.ndarray]:
    """Every legal, canonical combination of names, and which of them each raw combination settles to.

    **Arguments**: `lists`, the names allowed for each choice of `COMBINED`. **Returns** positions in `lists`,
    shape [c, choices], sorted; and for each raw combination (in C order of the lists) a row of them, or -1 for none.
    """
    once = tuple(names[:1] if choice == "loop_order" else names for choice, names in zip(COMBINED, lists, strict=True))
    keys: list[tuple[int, ...] | None] = []
    for names in itertools.product(*once):  # the loop order goes with everything, so it is put in afterwards
        words = _settled(dict(zip(COMBINED, names, strict=True)), lists, family)
        settled = None
        if words is not None:
            settled = tuple(
                values.index(words[name]) if words[name] in values else 0
                for name, values in zip(COMBINED, once, strict=True)
            )
        keys.append(settled)
    found = sorted({key for key in keys if key is not None})
    at = {row: index for index, row in enumerate(found)}
    axis = COMBINED.index("loop_order")
    orders = len(lists[axis])
    rows = np.tile(np.array(found, np.int32).reshape(-1, len(lists)), (orders, 1))
    rows[:, axis] = np.repeat(np.arange(orders), len(found))
    raw = np.array([at[key] if key is not None else -1 for key in keys]).reshape([len(names) for names in once])
    raw = np.concatenate([np.where(raw >= 0, raw + order * len(found), -1) for order in range(orders)], axis=axis)
    sorting = np.lexsort(rows.T[::-1])
    place = np.append(np.argsort(sorting), -1)  # -1 stays -1
    return rows[sorting], place[raw].ravel()


def _settled(words: dict[str, str], lists: tuple[tuple[str, ...], ...], family: str) -> dict[str, str] | None:
    """The legal, canonical combination nearest to a raw one; None if there is none within the lists."""
    if illegality(words, family):
        allowed = dict(zip(COMBINED, lists, strict=True))
        words = dict(words)
        for operand in ("a", "b"):
            format, zero = f"{operand}_format", f"{operand}_zero"
            if words[format] not in legal_formats(words["dataflow"], operand, family):
                words[format] = STAND_INS.get(words[format], words[format])
            if words[zero] not in legal_zero_modes(words[format], operand, family):
                words[zero] = "gate" if "gate" in allowed[zero] else "compute"
            if words[format] not in allowed[format] or words[zero] not in allowed[zero]:
                return None
        axes = legal_lane_axes(words["dataflow"], words["b_zero"], family)
        held = legal_residencies(words["dataflow"], words["b_format"], family)
        for choice, legal in (("lanes_on", axes), ("residency", held)):
            if words[choice] not in legal:
                words[choice] = legal[0]
            if words[choice] not in allowed[choice]:
                return None
        if illegality(words, family):
            return None
    return canonical(words, family)
