"""Workloads, spaces and scenarios of a sweep, each under a label, from what the options say."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TypeVar

from dse import DesignSpace, Problem
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import TRADE_OFF, build_problem, build_space, workload_of
from hwmodels.technology import Technology
from workloads import Workload
from workloads.errors import InputError

DEFAULT_SPACE = "default"
Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class SweepSetting:
    """One workload in one space under one scenario, by label, and what these are."""

    workload: str
    space: str
    scenario: str
    parts: tuple[Workload, DesignSpace, Technology]

    @property
    def name(self) -> str:
        """What files are called by it."""
        labels = (self.workload, self.space, self.scenario)
        return "-".join(re.sub(r"[^\w.@+=,-]+", "_", label.replace(" ", "")).lstrip(".") for label in labels)


def settings_of(
    specs: Sequence[str],
    spaces: Sequence[str],
    fixes: Sequence[Sequence[str]],
    scenarios: Mapping[str, ScenarioOptions],
) -> list[SweepSetting]:
    """Every workload, by itself, in every space (`default` or a TOML file) under every scenario, the last moving
    fastest.

    Workloads are labelled by the last parts of their paths, spaces by the stems of their files, as far as these differ.
    InputError for workloads and files that cannot be read, and for what is named twice or not at all.
    """
    workloads = _labelled(
        "--workload", specs, lambda text: re.sub(r"[^:@#]*/", "", text.rstrip("/")), lambda text: workload_of([text])
    )
    files = _labelled("--space", spaces, lambda text: Path(text).stem, str)
    settings = []
    for workload, made in workloads.items():
        numbers = next(iter(scenarios.values())).built_for(made)[1]
        technologies = {scenario: options.build(numbers=numbers) for scenario, options in scenarios.items()}
        for space, file in files.items():
            built = build_space(None if file == DEFAULT_SPACE else Path(file), fixes, made, numbers)
            settings += [
                SweepSetting(workload, space, scenario, (made, built, technology))
                for scenario, technology in technologies.items()
            ]
    return settings


def scenarios_of(
    nodes: Sequence[float],
    clocks: Sequence[float],
    drams: Sequence[str],
    constants: Path | None,
    arithmetic: str | None = None,
) -> dict[str, ScenarioOptions]:
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
        options = ScenarioOptions(node, clock, kind, int(channels) if colon else None, constants, arithmetic)
        made[scenario_words(options.build())] = options
    return made


def problems_of(settings: Sequence[SweepSetting], limits: Mapping[str, float | None]) -> list[Problem]:
    """The problem of each setting; each workload is measured once.

    InputError for a space that does not suit a workload, and for a limit that cannot be met.
    """
    problems: list[Problem] = []
    measured: dict[str, Problem] = {}
    for setting in settings:
        workload, space, technology = setting.parts
        if setting.workload not in measured:
            measured[setting.workload] = build_problem(workload, space, technology, TRADE_OFF, limits)
        problems.append(measured[setting.workload].within(space).changed(technology=technology))
    return problems


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
