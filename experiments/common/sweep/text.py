"""A sweep in print and in files: how far seeds agree, what differs, and the balanced designs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dse import SearchOutcome, describe
from experiments.common.design_words import energy, quantity, size
from experiments.common.report import titled
from experiments.common.sweep.cases import MEASURES, Case, main_choice, measures
from experiments.common.sweep.comparison import COMPARED, AreaComparison
from experiments.common.table import text_table

WORDS = {"latency_s": "latency", "energy_pj": "energy", "area_mm2": "area", "edp_js": "EDP"}
IN_WORDS: dict[str, Callable[[float], str]] = {
    "latency_s": lambda value: quantity(value, "s"),
    "energy_pj": energy,
    "area_mm2": lambda value: quantity(value, "mm2"),
    "edp_js": lambda value: quantity(value, "Js"),
}
CHOSEN = ("dataflow", "a_format", "b_format")
"""Choices of the mappings that are told of a balanced design."""
CORNERS = ("ideal", "reference")
Shorten = Mapping[str, str]


def key_columns(cases: Sequence[Case], short: Shorten) -> tuple[list[str], Callable[[Case], list[str]]]:
    """Titles of the columns that tell cases apart, and what stands in them for a case."""
    shown = {
        "workload": lambda case: case.workload,
        "space": lambda case: case.space,
        "scenario": lambda case: short[case.scenario],
    }
    names = [name for name in shown if name == "workload" or len({shown[name](case) for case in cases}) > 1]
    return names, lambda case: [shown[name](case) for name in names]


def case_label(case: Case, cases: Sequence[Case], short: Shorten) -> str:
    """The space and the scenario, as far as the cases have several."""
    parts = [case.space] if len({other.space for other in cases}) > 1 else []
    parts += [short[case.scenario]] if len({other.scenario for other in cases}) > 1 else []
    return ": ".join(parts)


def cut(text: str, most: int) -> str:
    """A name cut in the middle to fit into so many letters."""
    return text if len(text) <= most else f"{text[: (most - 1) // 2]}…{text[-(most // 2) :]}"


def agreement_table(cases: Sequence[Case], short: Shorten) -> str:
    """Extremes by case, how far the worst seed lies behind them, and a verdict; failures in a sentence."""
    titles, keys = key_columns(cases, short)
    rows = []
    for case in cases:
        cells = ["-"] * (len(MEASURES) + 1)
        if case.results:
            behind = case.behind.max(axis=0)
            cells = [
                f"{IN_WORDS[name](best)} {f'+{100 * worse:.1f} %' if len(case.results) > 1 else ''}".rstrip()
                for name, best, worse in zip(MEASURES, case.extremes.min(axis=0), behind, strict=True)
            ]
            cells.append(f"{case.volumes.min():.1%}" if len(case.results) > 1 else "-")
        designs = len(case.front) if case.results else 0
        seeds = f"{len(case.results)} of {len(case.outcomes)}"
        rows.append((*keys(case), seeds, designs, *cells, verdict(case)))
    header = (*titles, "seeds", "designs", *(f"least {WORDS[name]}" for name in MEASURES), "hypervolume", "verdict")
    return text_table(header, rows, left=(*range(len(titles)), len(header) - 1))


def verdict(case: Case) -> str:
    """Whether the seeds agree, or why there are none."""
    failures = {outcome.error.removeprefix(f"{outcome.task.name}: "): outcome for outcome in case.outcomes}
    told = [text for text, outcome in failures.items() if outcome.result is None]
    if not case.results:
        return "; ".join(told)
    if len(case.results) == 1:
        found = "one seed: how far it can be trusted is not known"
    elif case.disagreements:
        found = f"seeds differ in {', '.join(WORDS.get(name, name) for name in case.disagreements)}"
    else:
        found = "seeds agree"
    return "; ".join([found, *told])


def comparison_table(comparison: AreaComparison, cases: Sequence[Case], short: Shorten) -> str:
    """The least latency, energy and EDP in one area, and each over that of the first case."""
    titles, keys = key_columns(cases, short)
    rows = []
    for at, case in enumerate(comparison.cases):
        cells = []
        for column, name in enumerate(COMPARED):
            ratio = f"x{comparison.ratios[at, column]:.3g}" if at else ""
            unsure = "~" if at and not comparison.holds[at, column] else ""
            cells += [IN_WORDS[name](comparison.best[at, column]), f"{ratio}{unsure}"]
        rows.append((*keys(case)[1:], *cells))
    header = [*titles[1:], *(title for name in COMPARED for title in (f"least {WORDS[name]}", ""))]
    return text_table(header, rows, left=tuple(range(len(titles) - 1)))


def balanced_table(cases: Sequence[Case], short: Shorten) -> str:
    """The balanced design of each case: what it costs, what it is made of and where it stands."""
    titles, keys = key_columns(cases, short)
    header = [*titles, *(WORDS[name] for name in MEASURES), "DRAM PHY", "PEs", "MACs", "GLB", "PE buffer", "buses b"]
    header += ["dataflow", "A", "B", "bound by", "design"]
    rows = []
    for case in cases:
        if not case.results:
            continue
        costed, n = case.balanced, case.balanced.design.hardware
        point = measures(np.array([costed.point]))[0]
        cells = [IN_WORDS[name](value) for name, value in zip(MEASURES, point, strict=True)]
        cells.append(IN_WORDS["area_mm2"](_phy_area_mm2(case)))
        cells += [f"{n['pe_rows']:g} x {n['pe_cols']:g}", f"{n['pe_rows'] * n['pe_cols'] * n['lanes']:g}"]
        cells += [size(n["glb_bytes"]), size(n["pe_buffer_bytes"])]
        cells += [f"{n['index_bus_bits']:g}+{n['value_bus_bits']:g}"]
        cells += [main_choice(costed, name) for name in CHOSEN]
        outcome, row = case.balanced_origin
        rows.append((*keys(case), *cells, costed.total.bottleneck, f"{outcome.task.name}.json:{row}"))
    last = len(header)
    return text_table(header, rows, left=(*range(len(titles)), *range(last - 5, last)))


def _phy_area_mm2(case: Case) -> float:
    return float(case.problem.technology.dram_phy_area_mm2())


def search_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Rows of `searches.csv`: one a search."""
    return _same_columns([_search_row(case, outcome) for case in cases for outcome in case.outcomes])


def _search_row(case: Case, outcome: SearchOutcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "workload": case.workload,
        "space": case.space,
        "scenario": case.scenario,
        "seed": outcome.task.seed,
        "outcome": how_it_ended(outcome),
        "error": outcome.error,
    }
    if outcome.result is None:
        return row
    at = next(at for at, result in enumerate(case.results) if result is outcome.result)
    row |= {"file": f"{outcome.task.name}.json", "designs": len(outcome.result.genomes)}
    row |= {"evaluations": outcome.result.evaluations, "seconds": outcome.result.seconds}
    row |= {f"least_{name}": float(value) for name, value in zip(MEASURES, case.extremes[at], strict=True)}
    return row | {"hypervolume_share": float(case.volumes[at])}


def how_it_ended(outcome: SearchOutcome) -> str:
    """`searched`, `resumed` (from a journal), `from file` (of an earlier run) or `failed`."""
    if outcome.result is None:
        return "failed"
    if outcome.from_file:
        return "from file"
    return "resumed" if outcome.result.replayed else "searched"


def case_rows(cases: Sequence[Case], comparisons: Sequence[AreaComparison]) -> list[dict[str, Any]]:
    """Rows of `sweep.csv`: one a case."""
    places = {id(case): (comparison, at) for comparison in comparisons for at, case in enumerate(comparison.cases)}
    return _same_columns([_case_row(case, places.get(id(case))) for case in cases])


def _case_row(case: Case, place: tuple[AreaComparison, int] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"workload": case.workload, "space": case.space, "scenario": case.scenario}
    row |= {"seeds": len(case.outcomes), "seeds_ended": len(case.results), "verdict": verdict(case)}
    if place is None:
        return row
    comparison, at = place
    row |= {"designs": len(case.front)}
    for name, best, behind in zip(MEASURES, case.extremes.min(axis=0), case.behind.max(axis=0), strict=True):
        row |= {f"least_{name}": float(best), f"worst_seed_behind_{name}": float(behind)}
    row |= {"worst_hypervolume_share": float(case.volumes.min())}
    for corner, values in zip(CORNERS, (case.box.ideal, case.box.reference), strict=True):
        row |= {f"box_{corner}_{name}": float(10.0**v) for name, v in zip(MEASURES, values, strict=False)}
    row |= {"compared_at_area_mm2": comparison.area_mm2}
    for column, name in enumerate(COMPARED):
        row |= {
            f"at_area_{name}": float(comparison.best[at, column]),
            f"at_area_{name}_worst_seed": float(comparison.worst[at, column]),
            f"at_area_{name}_ratio": float(comparison.ratios[at, column]),
        }
    costed = case.balanced
    outcome, number = case.balanced_origin
    point = measures(np.array([costed.point]))[0]
    row |= {"balanced_design": f"{outcome.task.name}.json:{number}"}
    row |= {f"balanced_{name}": float(value) for name, value in zip(MEASURES, point, strict=True)}
    row |= {"dram_phy_area_mm2": _phy_area_mm2(case)}
    row |= {f"balanced_main_{name}": main_choice(costed, name) for name in CHOSEN}
    row |= {"balanced_bottleneck": costed.total.bottleneck}
    return row | {f"balanced_{titled(name)}": v for name, v in describe(costed.design).items() if "." not in name}


def _same_columns(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that all have every column, empty where there is nothing to say."""
    columns = list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))
    return [dict.fromkeys(columns, "") | row for row in rows]
