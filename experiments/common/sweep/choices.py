"""Workloads, spaces and scenarios of a sweep, each under a label, from what the options say."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TypeVar

from dse import DesignSpace, Problem
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import TRADE_OFF, build_problem, build_space
from hwmodels.technology import Technology
from workloads import Workload, resolve_workload
from workloads.errors import InputError

DEFAULT_SPACE = "default"
Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class Choices:
    """What is swept over, by label, and the limits that all designs keep."""

    workloads: dict[str, Workload]
    spaces: dict[str, DesignSpace]
    technologies: dict[str, Technology]
    limits: dict[str, float]

    def problems(self) -> list[Problem]:
        """The problem of each workload in each space under each technology, the last moving fastest.

        Workloads are measured. InputError for a space that does not suit a workload.
        """
        made, first = [], (next(iter(self.spaces.values())), next(iter(self.technologies.values())))
        for workload in self.workloads.values():
            measured = build_problem(workload, *first, TRADE_OFF, self.limits)
            for space in self.spaces.values():
                inside = measured.within(space)
                made += [inside.changed(technology=technology) for technology in self.technologies.values()]
        return made


def sweep_workloads(specs: Sequence[str]) -> dict[str, Workload]:
    """Each workload by itself, by the last parts of its paths. InputError as `resolve_workload`."""
    return _labelled("--workload", specs, lambda text: re.sub(r"[^:@#]*/", "", text.rstrip("/")), resolve_workload)


def sweep_spaces(files: Sequence[str], fixes: Sequence[Sequence[str]]) -> dict[str, DesignSpace]:
    """Each space by the stem of its file, `default` for the default space. InputError for files that are not right."""

    def made(text: str) -> DesignSpace:
        return build_space(None if text == DEFAULT_SPACE else Path(text), fixes)

    return _labelled("--space", files, lambda text: Path(text).stem, made)


def sweep_scenarios(
    nodes: Sequence[float], clocks: Sequence[float], drams: Sequence[str], constants: Path | None
) -> dict[str, Technology]:
    """Every node with every clock and DRAM, the DRAM moving fastest, as `7 nm, 1 GHz, 4 x LPDDR4`.

    `drams` are `TYPE` or `TYPE:CHANNELS`. InputError for a value that is not right, and for one that comes twice.
    """
    for option, values in (("--node", nodes), ("--clock-ghz", clocks), ("--dram", drams)):
        _refuse_repeats(option, [f"{value:g}" if isinstance(value, float) else value for value in values])
    made = {}
    for node, clock, dram in product(nodes, clocks, drams):
        kind, colon, channels = dram.partition(":")
        if colon and not channels.isdecimal():
            raise InputError(f"--dram {dram}: '{channels}' is no number of channels; give TYPE:CHANNELS, as hbm2:1.")
        options = ScenarioOptions(node, clock, kind, int(channels) if colon else None, constants)
        technology = options.build()
        made[scenario_words(technology)] = technology
    return made


def file_names(labelled: Mapping[str, Made]) -> dict[str, Made]:
    """The same under names that files can have."""
    names = [re.sub(r"[^\w.@+=,-]+", "_", label.replace(" ", "")).lstrip(".") or "_" for label in labelled]
    return {
        f"{name}@{at}" if names.count(name) > 1 else name: made
        for at, (name, made) in enumerate(zip(names, labelled.values(), strict=True))
    }


def brief(scenarios: Sequence[str]) -> dict[str, str]:
    """Scenario -> those of its parts in which the scenarios differ; nothing where there is only one."""
    parts = [text.split(", ") for text in scenarios]
    differ = [at for at in range(len(parts[0])) if len({part[at] for part in parts}) > 1]
    return {text: ", ".join(part[at] for at in differ) for text, part in zip(scenarios, parts, strict=True)}


def _labelled(
    option: str, texts: Sequence[str], shorten: Callable[[str], str], make: Callable[[str], Made]
) -> dict[str, Made]:
    """What is made of each text under its short name, or under the text itself where short names are alike."""
    _refuse_repeats(option, texts)
    short = [shorten(text) for text in texts]
    return {
        name if short.count(name) == 1 and name else text: make(text) for text, name in zip(texts, short, strict=True)
    }


def _refuse_repeats(option: str, texts: Sequence[str]) -> None:
    if not texts:
        raise InputError(f"{option} names nothing; give at least one value or leave the option out.")
    for text in texts:
        if list(texts).count(text) > 1:
            raise InputError(f"{option} names {text} twice; name it once.")
