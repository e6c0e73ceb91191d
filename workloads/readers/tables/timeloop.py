"""Timeloop's problem files, with Sparseloop's densities: one einsum and its sizes.

`problem: {shape, instance}` of version 0.4 and the older `data-spaces`, `read-write` with sizes beside the shape
(timeloop.csail.mit.edu/v4/input-formats/problem; github.com/NVlabs/timeloop, `src/workload`, `problem-shapes`).
Densities: Wu et al., Sparseloop, MICRO 2022, section 5.3.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from workloads.densities import NM, Banded, Dense, Density, Uniform
from workloads.readers.found import Found
from workloads.readers.source import Source
from workloads.readers.tables.contraction import Contraction, Operand, is_elementwise, layer_of
from workloads.readers.tables.layers import TABLE
from workloads.readers.tables.yaml_text import MOST_AXES, refuse_zeros, scalar, shown, underscored, whole_number

WHAT = "a Timeloop problem"
_CNN = {
    "coefficients": [{"name": name, "default": 1} for name in ("Wstride", "Hstride", "Wdilation", "Hdilation")],
    "data_spaces": [
        {"name": "Weights", "projection": [[["C"]], [["K"]], [["R"]], [["S"]]]},
        {
            "name": "Inputs",
            "projection": [
                [["N"]],
                [["C"]],
                [["R", "Wdilation"], ["P", "Wstride"]],
                [["S", "Hdilation"], ["Q", "Hstride"]],
            ],
        },
        {"name": "Outputs", "projection": [[["N"]], [["K"]], [["Q"]], [["P"]]], "read_write": True},
    ],
}
_GEMM = {
    "data_spaces": [
        {"name": "A", "projection": [[["M"]], [["K"]]]},
        {"name": "B", "projection": [[["N"]], [["K"]]]},
        {"name": "Z", "projection": [[["M"]], [["N"]]], "read_write": True},
    ]
}
_SHAPES = {"cnn_layer": _CNN, "gemm_abz": _GEMM, "gemm": _GEMM}
"""Those that Timeloop knows by name."""
_STRUCTURED = ("fixed_structured", "fixed")
_MOST_GROUP = 64
"""Longest group of neighbours that a fixed density is taken to repeat in."""


def read_timeloop(source: Source, problem: Any) -> Found:
    """The layer of what stands under `problem`. **Raises** `InputError`."""
    if not isinstance(problem, dict):
        source.fail(f"problem of {WHAT}", "is no mapping of names to values", f"correct it, or give {TABLE}")
    problem = underscored(problem)
    notes: list[str] = []
    shape = _shape(source, problem, notes)
    instance = _instance(source, problem)
    coefficients = _coefficients(source, shape, instance)
    spaces = [underscored(one) for one in _list(source, shape, "data_spaces") if isinstance(one, dict)]
    if len(spaces) != 3 or sum(bool(one.get("read_write")) for one in spaces) != 1:
        what = f"has {len(spaces)} data spaces"
        source.fail(f"{WHAT}", f"{what}, not two operands and one result", f"give {TABLE}")
    operands = [_operand(source, one, coefficients) for one in spaces]
    inputs = tuple(one for one, space in zip(operands, spaces, strict=True) if not space.get("read_write"))
    output = next(one for one, space in zip(operands, spaces, strict=True) if space.get("read_write"))
    indices = set().union(*(one.indices for one in operands))
    sizes = {
        index: whole_number(source, f"{index} of {WHAT}", instance[index]) for index in indices if index in instance
    }
    one = Contraction("", inputs, output, sizes)
    if is_elementwise(one):
        source.fail(WHAT, "multiplies element by element, which no matrix product does", f"give {TABLE}")
    layer = layer_of(source, WHAT, _with_densities(source, one, problem, instance, notes))
    return Found(source.path, "Timeloop problem", (layer,), (), tuple(notes))


def _shape(source: Source, problem: Mapping, notes: list[str]) -> Mapping:
    shape = problem.get("shape", "cnn_layer")
    if "shape" not in problem:
        notes.append("The problem names no shape; it is taken for Timeloop's cnn-layer.")
    if isinstance(shape, str):
        known = _SHAPES.get(shape.lower().replace("-", "_").removesuffix(".yaml"))
        if known is None:
            fix = f"write its data_spaces into the file, or give {TABLE}"
            source.fail(f"shape of {WHAT}", f"is {shape[:40]!r}, whose file is not known here", fix)
        return known
    if not isinstance(shape, dict):
        source.fail(f"shape of {WHAT}", "is no mapping", f"correct it, or give {TABLE}")
    return underscored(shape)


def _instance(source: Source, problem: Mapping) -> dict[str, Any]:
    """Sizes and coefficients by name, wherever they stand: under `instance`, or beside the shape."""
    inside = problem.get("instance", {})
    inside = inside if isinstance(inside, dict) else {}
    shape = problem.get("shape")
    within = shape.get("instance", {}) if isinstance(shape, dict) else {}
    found = {**problem, **(within if isinstance(within, dict) else {}), **inside}
    if isinstance(shape, str) and "K" not in found and "M" in found and "cnn" in shape.lower():
        found["K"] = found["M"]
    return found


def _coefficients(source: Source, shape: Mapping, instance: Mapping) -> dict[str, int]:
    found = {}
    for one in _list(source, shape, "coefficients", ()):
        if not isinstance(one, dict) or "name" not in one:
            source.fail(f"coefficients of {WHAT}", "have an entry without a name", "name it")
        name = scalar(one["name"])
        found[name] = whole_number(source, f"{name} of {WHAT}", instance.get(name, one.get("default", 1)))
    return found


def _list(source: Source, mapping: Mapping, key: str, default: Any = None) -> list:
    found = mapping.get(key, default)
    if not isinstance(found, (list, tuple)) or len(found) > MOST_AXES:
        what = f"are missing, or no list of at most {MOST_AXES}"
        source.fail(f"{key} of {WHAT}", what, f"correct them, or give {TABLE}")
    return list(found)


def _operand(source: Source, space: Mapping, coefficients: Mapping[str, int]) -> Operand:
    """A data space: each axis a list of terms, each term an index and coefficients that multiply it."""
    places = []
    for axis in _list(source, space, "projection"):
        place: dict[str, int] = {}
        for term in axis[:MOST_AXES] if isinstance(axis, list) else [axis]:
            factors = term[:MOST_AXES] if isinstance(term, list) else [term]
            indices = [str(one) for one in factors if isinstance(one, str) and one not in coefficients]
            numbers = [coefficients[one] if isinstance(one, str) else one for one in factors if one not in indices]
            if len(indices) != 1 or not all(isinstance(one, int) and 0 < one < 2**31 for one in numbers):
                what = f"has the term {_written(term)}, which is no index times coefficients"
                source.fail(f"projection of {WHAT}", what, f"correct it, or give {TABLE}")
            if indices[0] in place:
                source.fail(f"projection of {WHAT}", f"has {indices[0]} twice on one axis", f"give {TABLE}")
            place[indices[0]] = math.prod(numbers)
        places.append(place)
    return Operand(scalar(space.get("name")), places)


def _written(term: Any) -> str:
    return " ".join(shown(one) for one in term[:6]) if isinstance(term, list) else shown(term)


def _with_densities(
    source: Source, one: Contraction, problem: Mapping, instance: Mapping, notes: list[str]
) -> Contraction:
    """The same with what the file says of the operands' zeros; A is the first operand that `layer_of` takes."""
    keys = ("densities", "common_density", "commonDensity")
    for place in (instance, problem):
        refuse_zeros(source, WHAT, place, keys)
    said = next((place[key] for place in (instance, problem) for key in keys if place.get(key) is not None), None)
    if said is None:
        return one
    by_name = said if isinstance(said, dict) and "distribution" not in said else None
    operands = []
    for operand in one.inputs:
        spec = said if by_name is None else by_name.get(operand.name, 1.0)
        operands.append(Operand(operand.name, operand.places, _density(source, operand.name, spec, notes)))
    unknown = [str(name) for name in by_name or () if name not in [space.name for space in (*one.inputs, one.output)]]
    if unknown:
        source.fail(f"densities of {WHAT}", f"name {unknown[0][:40]!r}, which is no data space", "correct the name")
    if by_name is not None and one.output.name in by_name:
        notes.append(f"The density of the result {one.output.name} follows from those of the operands and is left out.")
    return Contraction(one.name, (operands[0], operands[1]), one.output, one.sizes)


def _density(source: Source, name: str, spec: Any, notes: list[str]) -> Density | None:
    """None for a dense operand."""
    where = f"density of {name} in {WHAT}"
    spec = spec if isinstance(spec, dict) else {"distribution": "", "density": spec}
    kind = scalar(spec.get("distribution")).lower().replace("-", "_")
    if kind == "banded":
        width = spec.get("band_width", 0)
        if not isinstance(width, int) or not 0 <= width < 2**31:
            source.fail(where, f"has a band_width of {shown(width)}", "give a whole number of at least 0")
        return Banded(width)
    if kind not in ("", "hypergeometric", "uniform", "random", *_STRUCTURED):
        fix = f"give the matrix's own file, or {TABLE}"
        source.fail(where, f"is of the distribution {kind[:40]!r}, which is not read here", fix)
    value = spec.get("density")
    try:
        share = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        share = -1.0
    if isinstance(value, bool) or not 0 < share <= 1:
        source.fail(where, f"is {shown(value)}", "give a share of non-zeros above 0 and at most 1")
    if share == 1:
        return None
    if kind == "":
        notes.append(f"The density {share:g} of {name} names no distribution; its non-zeros lie anywhere.")
    if kind not in _STRUCTURED:
        return Uniform(share)
    ratio = Fraction(share).limit_denominator(_MOST_GROUP)
    if abs(float(ratio) - share) > 1e-4 or ratio <= 0:
        notes.append(f"The fixed density {share:g} of {name} is no simple fraction; its non-zeros lie anywhere.")
        return Uniform(share)
    n, m = ratio.numerator, ratio.denominator
    notes.append(f"The fixed density {share:g} of {name} is taken as {n}:{m} along its rows, those of A along K.")
    return Dense() if n == m else NM(n, m)
