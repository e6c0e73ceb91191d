"""AccelForge's workloads: einsums over named ranks (github.com/Accelergy-Project/accelforge, `examples/workloads`).

An einsum is a list of `tensor_accesses` with projections, or a string `Z[m, n] = A[m, k] * W[k, n]`; sizes stand in
`rank_sizes` or as bounds `0 <= m < 8` in `iteration_space_shape`. Templates are refused, as they hold no sizes.
"""

import re
from collections.abc import Mapping
from typing import Any

from workloads.densities import Density, Uniform
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.source import Source
from workloads.readers.tables.contraction import Contraction, Operand, is_elementwise, layer_of
from workloads.readers.tables.layers import TABLE, with_own_names
from workloads.readers.tables.yaml_text import MOST_AXES, MOST_LAYERS, refuse_zeros, scalar, shown, whole_number

WHAT = "an AccelForge workload"
_BOUND = re.compile(r"(-?\d{1,15})\s*(<=?)\s*(\w+)\s*(<=?)\s*(-?\d{1,15})")
_ACCESS = re.compile(r"\b(\w+)\b\s*(?:\(\s*(\w+)\s*\))?\s*\[([^\[\]]*)\]")
_TERM = re.compile(r"(?:(\d{1,6})\s*\*\s*)?([A-Za-z_]\w*)(?:\s*\*\s*(\d{1,6}))?")


def read_accelforge(source: Source, workload: Mapping) -> Found:
    """The einsums that are products of two tensors; copies and functions are left out. **Raises** `InputError`."""
    einsums = workload.get("einsums")
    if not isinstance(einsums, list) or not 0 < len(einsums) <= MOST_LAYERS:
        source.fail(WHAT, f"has no list of 1 to {MOST_LAYERS} einsums", f"give {TABLE}")
    ranks = workload.get("rank_sizes", {})
    ranks = ranks if isinstance(ranks, dict) else {}
    bounds = _bounds(source, workload.get("iteration_space_shape", workload.get("shape", {})))
    layers, left_out = [], []
    for number, einsum in enumerate(einsums):
        found = _layer(source, number, einsum, ranks, bounds, workload)
        (left_out if isinstance(found, LeftOut) else layers).append(found)
    if not layers:
        source.fail(WHAT, "holds no product of two tensors", f"give {TABLE}")
    return Found(source.path, "AccelForge workload", with_own_names(layers), tuple(left_out))


def _layer(
    source: Source, number: int, einsum: Any, ranks: Mapping, bounds: dict[str, int], whole: Mapping
) -> FoundLayer | LeftOut:
    entry = einsum if isinstance(einsum, dict) else {"einsum": einsum}
    text = scalar(entry["einsum"]) if "einsum" in entry else None
    where = f"einsum {number + 1} of {WHAT}"
    for mapping in (whole, entry):
        refuse_zeros(source, where, mapping)
    operands, output, roles, plain = (
        _written(source, where, text) if text is not None else _listed(source, where, entry)
    )
    name = scalar(entry.get("name")) or (output.name if output else f"einsum{number + 1}")
    if output is None or len(operands) != 2 or not plain:
        return LeftOut(name, "no product of two tensors")
    sizes = {**bounds, **_bounds(source, entry.get("iteration_space_shape", entry.get("shape", {})))}
    for operand in (*operands, output):
        for index in operand.indices - sizes.keys():
            rank = next((one for one in (index.upper(), index) if one in ranks), None)
            if rank is not None:
                sizes[index] = whole_number(source, f"rank size {rank} of {WHAT}", ranks[rank])
    renames = entry.get("renames")
    weights = roles.get("weight") or (renames.get("weight") if isinstance(renames, dict) else None)
    repeats = 1
    for place in (whole, entry):
        repeats *= whole_number(source, f"n_instances of {WHAT}", place.get("n_instances", 1))
    one = Contraction(name, (operands[0], operands[1]), output, sizes, scalar(weights), repeats)
    return LeftOut(name, "elementwise") if is_elementwise(one) else layer_of(source, where, one)


def _bounds(source: Source, shape: Any) -> dict[str, int]:
    """Sizes of indices: `{m: 0 <= m < 8}` or a list of such bounds."""
    texts = list(shape.values()) if isinstance(shape, dict) else shape if isinstance(shape, list) else []
    found = {}
    for text in texts:
        for part in re.split(r"\band\b|,", scalar(text)) if isinstance(text, str) else []:
            parts = _BOUND.fullmatch(part.strip())
            if parts is None:
                what = f"has the bound {part.strip()[:60]!r}"
                source.fail(WHAT, what, f"write it as 0 <= m < 8, or give {TABLE}")
            first, last = int(parts[1]) + (parts[2] == "<"), int(parts[5]) - (parts[4] == "<")
            if last < first:
                source.fail(WHAT, f"has the empty bound {part.strip()[:60]!r}", "correct it")
            found[parts[3]] = last - first + 1
    return found


def _listed(source: Source, where: str, entry: Mapping) -> tuple[list[Operand], Operand | None, dict[str, str], bool]:
    """Operands, result, what each is for, and whether it is a plain product: of a list of accesses."""
    inputs, output = [], None
    accesses = entry.get("tensor_accesses")
    for access in accesses[:MOST_AXES] if isinstance(accesses, list) else []:
        if not isinstance(access, dict):
            source.fail(where, "has a tensor access that is no mapping", f"correct it, or give {TABLE}")
        refuse_zeros(source, where, access, ("density",))
        projection = access.get("projection")
        values = projection.values() if isinstance(projection, dict) else projection
        if isinstance(values, str):
            values = values.split(",")
        if values is None or isinstance(values, (int, float)) or len(values) > MOST_AXES:
            what = f"has a tensor access without a projection of at most {MOST_AXES} axes"
            source.fail(where, what, f"correct it, or give {TABLE}")
        places = [_place(source, where, scalar(one)) for one in values]
        operand = Operand(scalar(access.get("name")), places, _density(source, where, access))
        if access.get("output"):
            output = operand
        else:
            inputs.append(operand)
    return inputs, output, {}, not entry.get("is_copy_operation")


def _density(source: Source, where: str, access: Mapping) -> Density | None:
    if "density" not in access:
        return None
    value = access["density"]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        source.fail(where, f"has the density {shown(value)}", f"give a share above 0 and at most 1, or {TABLE}")
    return None if value == 1 else Uniform(value)


def _written(source: Source, where: str, text: str) -> tuple[list[Operand], Operand | None, dict[str, str], bool]:
    """The same of a string `Z[m, n] = A[m, k] * W[k, n]`; `M: p` or `M=p` stands for index p of rank M."""
    accesses = list(_ACCESS.finditer(text))
    between = _ACCESS.sub("@", text)
    if not accesses or re.sub(r"\s", "", between) != "@=@*@":
        return [], None, {}, False
    operands, roles = [], {}
    for access in accesses:
        name, role, inside = access.groups()
        terms = [re.split(r"[:=]", one)[-1] for one in inside.split(",")]
        operands.append(Operand(name, [_place(source, where, term) for term in terms]))
        if role:
            roles[role] = name
    return operands[1:], operands[0], roles, True


def _place(source: Source, where: str, text: str) -> dict[str, int]:
    """A sum of indices, as `2*p + r`."""
    place: dict[str, int] = {}
    for part in text[:200].split("+"):
        term = _TERM.fullmatch(part.strip())
        if term is None or term[2] in place:
            what = f"has the projection {text.strip()[:60]!r}, which is no sum of indices"
            source.fail(where, what, f"correct it, or give {TABLE}")
        place[term[2]] = int(term[1] or 1) * int(term[3] or 1)
    return place
