"""A second copy of a network in the same file: moving averages, teachers, momentum encoders, earlier states.

Known by its name and by its arrays: what is below one module has the names and shapes of what is below another.

| copy | of |
|---|---|
| `params_ema` (BasicSR), `ema_params`, `averaged`, `shadow` | what else has these arrays |
| `teacher` (DINO), `target`, `swa_model`, `model_old` | `student`, `online`, `model` |
| `momentum_encoder`, `encoder_k` (MoCo), `visual_encoder_m` (ALBEF) | `base_encoder`, `encoder_q`, `visual_encoder` |
"""

import re
from collections.abc import Mapping

_AVERAGES = {"ema", "averaged", "shadow", "polyak"}
"""Words that only copies have."""
_OTHERS = {
    "swa", "avg", "average", "teacher", "target", "momentum", "m", "old", "prev", "previous", "best", "backup",
    "frozen", "reference", "ref",
}  # fmt: skip
_NETWORKS = {
    "student",
    "online",
    "model",
    "module",
    "net",
    "network",
    "params",
    "state",
    "base",
    "main",
    "policy",
    "live",
}
_PARTS = _NETWORKS | {"encoder", "decoder", "backbone", "generator", "critic", "actor", "branch", "unet", "transformer"}
_PAIRS = ({"q", "k"}, {"query", "key"})


def copies_within(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Arrays that belong to a copy, and the module that it is a copy of."""
    tables: dict[tuple[str, ...], dict[str, dict[str, tuple[int, ...]]]] = {}
    for name, shape in shapes.items():
        parts = re.findall(r"[^./]+[./]?", name)
        for at, part in enumerate(parts[:-1]) if len(shape) > 1 else ():
            below = tables.setdefault(tuple(parts[:at]), {}).setdefault(part, {})
            below["".join(parts[at + 1 :])] = shape
    found: dict[str, str] = {}
    for before, modules in tables.items():
        for module, arrays in modules.items():
            if not _words(module) & (_AVERAGES | _OTHERS | {"k", "key"}):
                continue
            of = next((one for one in modules if one != module and _is_copy(module, one, arrays, modules[one])), None)
            if of is not None:
                stem = "".join(before)
                found |= {f"{stem}{module}{rest}": f"the network in {stem}{of}".rstrip("./") for rest in arrays}
    return found


def _is_copy(module: str, of: str, arrays: Mapping[str, tuple], others: Mapping[str, tuple]) -> bool:
    words, their = _words(module), _words(of)
    if not arrays.items() <= others.items():
        return False
    if words & _AVERAGES and not their & _AVERAGES:
        return True
    if words ^ their in _PAIRS:
        return bool(words & their & _PARTS) and bool(words & {"k", "key"})
    rest = words - _OTHERS
    named = bool(words & _OTHERS) and not their & _OTHERS and bool((rest | their) & _PARTS)
    return named and rest - _NETWORKS == their - _NETWORKS


def _words(module: str) -> set[str]:
    return {one for one in re.split(r"[_\-]", module.rstrip("./").lower()) if one}
