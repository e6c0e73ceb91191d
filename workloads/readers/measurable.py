"""Limits on what is found, so that measuring it takes seconds: a few bytes may describe what would take days.

Patterns are held to theirs by what stands in the file (`matrices.canonical_form`); what is only described is not.
"""

from typing import NoReturn

from workloads.errors import InputError
from workloads.readers.found import Found, FoundLayer
from workloads.readers.source import LARGE

MOST_LAYERS = 5000
"""Each takes a tenth of a second or more. The largest networks have some hundred."""
MOST_DESCRIBED = 2**22
"""Rows or columns of an operand that is known by its density."""
MOST_MET = 2**27
"""Places of a map times weights of a filter: what convolutions are counted over."""


def check_measurable(found: Found) -> None:
    """**Raises** `InputError` for more layers, or larger ones, than can be measured in reasonable time."""
    if len(found.layers) > MOST_LAYERS:
        fix = f"name those that are meant, as in {found.path.name}#*mlp*, or {LARGE}"
        raise InputError(f"{found.path}: holds {len(found.layers)} layers, more than {MOST_LAYERS}; {fix}.")
    for layer in found.layers:
        _check_described(found, layer)
        of = layer.unfolding
        if of is not None and of.repeats_anything and max(of.height * of.width, of.positions) * of.taps > MOST_MET:
            maps = f"maps of {of.height} x {of.width} and filters of {of.kernel_height} x {of.kernel_width}"
            _refuse(found, layer, f"has {maps}, more than {MOST_MET} products of the two")


def _check_described(found: Found, layer: FoundLayer) -> None:
    if layer.density is None:
        return
    sides = (*layer.shape, *((layer.columns or 1,) if layer.activations is not None else ()))
    if max(sides) > MOST_DESCRIBED:
        words = " x ".join(f"{side}" for side in sides)
        _refuse(found, layer, f"is described as {words}, more than {MOST_DESCRIBED} on a side")


def _refuse(found: Found, layer: FoundLayer, what: str) -> NoReturn:
    raise InputError(f"{found.path}: layer {layer.name} {what}; correct its sizes, or {LARGE}.")
