"""Choosing mappings where the hardware is given: what it can do, and the problem that is left."""

from collections.abc import Mapping, Sequence
from typing import Any

from dse.mapper.dense_mappings import DENSE
from dse.problem.search_problem import Problem, make_problem
from dse.space.defaults import default_space
from dse.space.design import Design
from dse.space.design_space import CHOICES, HARDWARE_NAMES, DesignSpace, Value
from dse.space.encoding import Encoding, batch_of
from dse.space.scenario_memory import of_scenario
from hwmodels.design.hardware import CAPABILITY_OF, own_fields, with_defaults
from hwmodels.design.legality import B_IS_DENSE, DENSE_B, illegality
from hwmodels.technology import Technology

CAPABILITIES = ("dataflow", *CAPABILITY_OF)
"""Choices of a mapping that the hardware must have units for."""
FREE = {"residency": ("b", "ab"), "columns_on": ("n",), "lanes_on": ("n",)}
"""What takes no unit (`hwmodels.area`), beside dense operands and computing zeros."""


def supported_choices(design: Design, *, dense: bool = True) -> dict[str, tuple[str, ...]]:
    """Choice of a mapping -> what the hardware of a design can do: what its own mappings do.

    What takes no unit counts too: `FREE`, and unless not `dense`, dense operands and computing zeros.
    """
    used = {
        choice: {mapping[choice] for mapping in design.mappings} | {*FREE.get(choice, ())} for choice in CAPABILITIES
    }
    return {
        choice: tuple(name for name in CHOICES[choice] if name in used[choice] or (dense and name == DENSE.get(choice)))
        for choice in CAPABILITIES
    }


def mapping_space(
    base: DesignSpace,
    hardware: Mapping[str, Value],
    allowed: Mapping[str, Sequence[str]] | None = None,
) -> DesignSpace:
    """The space with the hardware held, so that mappings are all that is left; their choices are those `allowed`."""
    hardware = own_fields(with_defaults(hardware, HARDWARE_NAMES))
    choices = {choice: list(names) for choice, names in (allowed or {}).items()}
    held = {name: hardware[name] for name in HARDWARE_NAMES if name in hardware}
    return (base if "dram" in held else of_scenario(base)).fix(**held, **choices)


def mapping_problem(
    workload: Any,
    design: Design,
    technology: Technology,
    *,
    objectives: Sequence[str] = ("edp_js",),
    progress: bool = False,
) -> Problem:
    """The problem of mapping a workload on the hardware of a design, which may have been found for another one.

    The hardware has the units that the design's own mappings use: they take area and leak whatever is run.
    """
    space = mapping_space(default_space(), design.hardware, supported_choices(design))
    problem = make_problem(workload, space, technology, objectives=objectives, progress=progress)
    return problem.changed(encoding=Encoding(space, problem.kernels, batch_of([design]).used_units()[0]))


def mapping_for_family(mapping: Mapping[str, Value], family: str) -> dict[str, Value] | None:
    """A mapping as a kernel of a family can run it, None if it cannot; a dense B is stored dense and computed."""
    new = dict(mapping) | (DENSE_B if family in B_IS_DENSE else {})
    words = {name: value for name, value in new.items() if isinstance(value, str)}
    return None if illegality(words, family) else new
