"""Masks of pruning, applied to the weights beside them, or weights' patterns where they were saved alone.

`weight_orig`, `weight_mask`: torch.nn.utils.prune; `__weight_mma_mask`: ASP (github.com/NVIDIA/apex,
`contrib/sparsity`; Mishra et al., arXiv:2104.08378); `parametrizations.weight.original`, `.0.mask`: torch.ao.pruning;
`zero_mask`, which marks the zeros: nupic.torch; `mask` and the like: hand-made.
"""

import re
from collections.abc import Iterator

import numpy as np

from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays

_NAME = "pruned by a mask"
APPLIED = "masks that are stored beside weights are applied to them"
"""Told where it was done."""
_PARAMETRISED = re.compile(r"(.*?parametrizations\.\w+\.)(.+)")
_LONGEST_NAME = 500
_OWN = ("weight", "weights", "kernel", "w", "W")
"""What a module calls its weight, or a file its only one."""
_BESIDE = (
    (re.compile(r"(.*?)__(\w+)_mma_mask"), ("{0}{1}",)),
    (re.compile(r"(.*)\.zero_mask"), ("{0}.module.weight", "{0}.weight")),
    (re.compile(r"masks?[._/](.*)"), ("{0}", "{0}.weight", "params/{0}", "params.{0}")),
    (
        re.compile(r"(.*?)[._/](?:pruning_|sparse_|sparsity_)?masks?"),
        ("{0}", *(f"{{0}}{s}{w}" for s in "./" for w in _OWN)),
    ),
    (re.compile(r"()(?:pruning_|sparse_|sparsity_|weights?_)?masks?"), _OWN),
)
"""Names of masks, and of the weights that they may belong to."""
_ALONE = re.compile(r"(?:masks?[._/])?(.*?)(?:__)?((?:weight|kernel)\w*?)(?:_mma_mask|[._]mask)")


def _find_originals(stored: StoredArrays) -> Iterator[ArrayGroup]:
    """`W_orig` with `W_mask`."""
    for name in list(stored.arrays):
        weight = name.removesuffix("_orig")
        if weight != name and name in stored.arrays and f"{weight}_mask" in stored.arrays:
            yield ArrayGroup(
                stored, _NAME, weight, {"weight": stored.arrays[name], "0": stored.arrays[f"{weight}_mask"]}
            )


def _find_parametrised(stored: StoredArrays) -> Iterator[ArrayGroup]:
    parts: dict[str, dict[str, StoredArray]] = {}
    for name, array in stored.arrays.items():
        match = _PARAMETRISED.fullmatch(name) if len(name) < _LONGEST_NAME else None
        if match:
            parts.setdefault(match[1], {})[match[2]] = array
    for before, found in parts.items():
        if "original" not in found:
            continue
        module, _, parameter = before.rstrip(".").rpartition("parametrizations.")
        weight = found.pop("original")
        group = ArrayGroup(stored, "parametrised", module + parameter, {"weight": weight, **found})
        known = bool(found) and all(re.fullmatch(r"\d+\.(mask|_u|_v)", one) for one in found)
        fix = "call torch.nn.utils.parametrize.remove_parametrizations before saving"
        group.require(known, "the function that its weights go through is not in the file", fix)
        yield group


def _find_beside(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in list(stored.arrays):
        mask = stored.arrays.get(name)
        weight = _weight_beside(stored, mask) if mask is not None else None
        if mask is not None and weight is not None:
            spare = name.replace("_mma_mask", "_mma_pruned_p")
            unused = {"pruned": stored.arrays[spare]} if spare != name and spare in stored.arrays else {}
            role = "zeros" if name.endswith("zero_mask") else "0"
            yield ArrayGroup(stored, _NAME, weight.name, {"weight": weight, role: mask, **unused})


def _weight_beside(stored: StoredArrays, mask: StoredArray) -> StoredArray | None:
    """The weight that a mask belongs to; one that has as many axes and does not fit it is refused."""
    for pattern, weights in _BESIDE:
        match = pattern.fullmatch(mask.name) if len(mask.name) < _LONGEST_NAME else None
        for weight in weights if match else ():
            found = stored.arrays.get(weight.format(*match.groups()) if match else "")
            if found is None or found is mask or len(found.shape) != len(mask.shape) or len(found.shape) < 2:
                continue
            if not _covers(mask.shape, found.shape):
                ArrayGroup(stored, _NAME, found.name, {}).refuse(
                    f"{mask.name} has the shape {list(mask.shape)}, not {list(found.shape)}"
                )
            return found
    return None


def _covers(mask: tuple[int, ...], weight: tuple[int, ...]) -> bool:
    return len(mask) == len(weight) >= 2 and all(a in (1, b) for a, b in zip(mask, weight, strict=True))


def _find_alone(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in list(stored.arrays):
        match = _ALONE.fullmatch(name) if len(name) < _LONGEST_NAME else None
        if match and len(stored.arrays[name].shape) >= 2 and match[1] + match[2] not in stored.arrays:
            yield ArrayGroup(stored, "a mask of pruning", match[1] + match[2], {"0": stored.arrays[name]})


def _masked(group: ArrayGroup) -> Unpacked:
    shape, masks = group.shape("weight"), [role for role in group.parts if role == "0" or role.endswith(".mask")]
    for role in [*masks, *(["zeros"] if "zeros" in group else [])]:
        fits = _covers(group.shape(role), shape) or group.shape(role) == shape
        group.require(fits, f"its mask has the shape {list(group.shape(role))}, not {list(shape)}")

    def read() -> np.ndarray:
        weights = group.read("weight").copy()
        for role in masks:
            weights[np.broadcast_to(~_kept(group, role), shape)] = 0
        if "zeros" in group:
            weights[np.broadcast_to(_kept(group, "zeros"), shape)] = 0
        return weights

    return Unpacked(group.name, shape, "", read, group.dtype("weight"), APPLIED)


def _alone(group: ArrayGroup) -> Unpacked:
    return Unpacked(group.name, group.shape("0"), "mask", lambda: _kept(group, "0"), "BOOL")


def _kept(group: ArrayGroup, role: str) -> np.ndarray:
    """The mask as truth values."""
    mask = group.floats(role)
    group.require(
        bool(((mask == 0) | (mask == 1)).all()), "its mask holds other values than 0 and 1", "write it as 0 and 1"
    )
    return mask == 1


BEFORE = (Scheme(_NAME, _find_originals, _masked), Scheme("parametrised", _find_parametrised, _masked))
"""Under names of their own: before schemes that take the weights up."""
AFTER = (Scheme(_NAME, _find_beside, _masked), Scheme("a mask of pruning", _find_alone, _alone))
"""Beside a weight, quantised or not."""
