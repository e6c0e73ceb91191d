"""How many PEs? Latency, energy, area and utilisation against the number of PEs, and what stops more from helping.

Usage:
    python experiments/tune_pe_count.py
    python experiments/tune_pe_count.py --design out/pareto_front/front.json:7 --counts 48 96 168 192
    python experiments/tune_pe_count.py --design out/pareto_front/front.json:7 --rest searched
    python experiments/tune_pe_count.py --workload graph.mtx@axa --tune latency --max-area-mm2 4

At each count the rest of the hardware (buffers, buses, lanes, banks, GLB, units) and all mappings are searched anew for
the least --tune. The best design of each count then goes on in steps of single numbers, and is tried at its neighbours'
counts and at every array shape (rows x columns up to 4:1), mappings chosen anew by the mapper, until none is better.
All that is done --restarts times, with seeds of their own. Shown is the best of all; how far the restarts differ is
printed and drawn, for that much another --seed may change. Of counts within 2 % of the least the smallest is named, and
the others beside it.

With --design the rest of its hardware and its units are held instead, unless --rest searched: only the array and the
mappings change, and no seed matters. `--rest held` without a design holds the balanced one of a quick search.

Writes to --out:
    pe_count.csv     one row a count: array shape, objectives, bottleneck, energy by component, restarts
    pe_count.png     the four curves over the bottleneck's colour, best counts marked, restarts as rings
    best.json        the design of that count of least energy-delay product, for the other scripts: --design best.json
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from dse import OBJECTIVES, Costed, Design, Objective, Problem, write_design
from experiments.common.design_words import energy, hardware_words, quantity
from experiments.common.figures.pe_count import pe_figure
from experiments.common.options import AreaLimit, Counts, Evaluations, Seed, Seeds
from experiments.common.output import Output
from experiments.common.pe_count import ALIKE, exchanged, held, least, remapped, searched
from experiments.common.report import design_row
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import ALIASES, TRADE_OFF, Start, balanced_design, build_problem, build_space
from experiments.common.table import text_table
from workloads.errors import InputError

QUANTITIES = {"latency_s": "latency", "energy_pj": "energy", "area_mm2": "area", "edp_js": "energy-delay product"}


@dataclass(frozen=True)
class Config:
    """Options."""

    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the design's own, or `embedded`, unless given."""
    design: str | None = None
    """Design to start from, such as front.json:7."""
    counts: Counts = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    """Numbers of PEs to try."""
    tune: Literal["edp", "latency", "energy"] = "edp"
    """What hardware and mappings are chosen for at each count."""
    rest: Literal["searched", "held"] | None = None
    """Whether the rest of the hardware is searched at each count; held where a design is given, unless it says so."""
    max_area_mm2: AreaLimit = None
    """Largest area, DRAM PHY included; no limit unless given."""
    budget: Evaluations = 2000
    """Evaluations of each search."""
    restarts: Seeds = 2
    """Searches at each count, with seeds that follow --seed."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of the space that is searched (dataflow=gustavson, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the searches."""
    out: Path = Path("out/tune_pe_count")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: counts 4 and 16, budget 60, two restarts at most, and the workload `digits` unless one is
    given."""


def run(config: Config) -> None:
    """Sweep the counts, write the files, say which is best and why."""
    output = Output(config.out)
    counts, budget, specs = sorted(set(config.counts)), config.budget, config.workload
    if config.smoke:
        counts, budget, specs = [4, 16], min(budget, 60), specs or (() if config.design else ("digits",))
    start = Start.of(config.design, specs)
    technology, numbers = config.scenario.built_for(start.workload, start.design, start.scenario)
    limits = {"area_mm2": config.max_area_mm2}
    problem = build_problem(
        start.workload, build_space(None, config.fix, start.workload, numbers), technology, TRADE_OFF, limits
    )
    objective = OBJECTIVES[ALIASES[config.tune]]
    known, restarts, began = [start.design] if start.design else [], [], ""
    if (config.rest or ("held" if known else "searched")) == "held":
        base = known[0] if known else balanced_design(problem, budget, config.seed)
        designs, began = held(problem, base, counts, objective), f"Held: {hardware_words(base).partition(', ')[2]}\n"
    else:
        count = min(config.restarts, 2) if config.smoke else config.restarts
        seeds = range(config.seed, config.seed + count)
        restarts = [restart(problem, known, counts, objective, budget, seed) for seed in seeds]
        of_all = {count: least(problem, [found.get(count) for found in restarts], objective) for count in counts}
        designs = {count: design for count, design in of_all.items() if design is not None}
    require_some(problem, designs)
    table = costed_table(problem, designs)
    tables = [costed_table(problem, found) for found in restarts]

    rows = [count_row(count, entry, at, tables) for at, (count, entry) in enumerate(table.items())]
    output.csv("pe_count.csv", rows)
    tuned = QUANTITIES[objective.name]
    title = f"PEs for {start.workload.name} ({scenario_words(technology)}), least {tuned} by "
    title += "hardware and mappings" if restarts else "mappings"
    output.figure("pe_count.png", pe_figure(table, title, tables))
    best = table[alike_counts(table)["edp_js"][0]].design
    output.write("best.json", lambda path: write_design(path, problem, best, created_by="experiments/tune_pe_count.py"))
    output.provenance("experiments/tune_pe_count.py", config, evaluations=problem.evaluations)
    print(began + "\n" + summary(table))
    if not began:
        print("\n" + "\n".join(designs_words(table)))
    print("\n" + "\n".join(verdicts(table) + (stability(table, tables, objective) if restarts else [])))
    print(f"\n{problem.evaluations:,} evaluations, {output.seconds:.1f} s")
    print(output.listing())


def restart(
    problem: Problem, known: Sequence[Design], counts: Sequence[int], objective: Objective, budget: int, seed: int
) -> dict[int, Design]:
    """A whole search with a seed of its own: number of PEs -> the best design."""
    offers = searched(problem, counts, objective, budget, seed)
    for design, count in itertools.product(known, counts):
        offers[count] += remapped(problem, design, count, [count], objective)[count]
    return exchanged(problem, offers, objective)


def costed_table(problem: Problem, designs: Mapping[int, Design]) -> dict[int, Costed]:
    """Number of PEs -> the design with all its costs; empty where a search has found none."""
    if not designs:
        return {}
    return dict(zip(designs, problem.costed(list(designs.values())), strict=True))


def require_some(problem: Problem, designs: Mapping[int, Design]) -> None:
    """InputError where there is no design at any count."""
    if designs:
        return
    limit = "".join(f" and none is within {c.maximum:g} mm2" for c in problem.constraints)
    raise InputError(f"At no count does a mapping fit the buffers{limit}; allow more area or larger buffers.")


def count_row(count: int, costed: Costed, row: int, searches: Sequence[Mapping[int, Costed]]) -> dict[str, Any]:
    """One row of `pe_count.csv`."""
    parts = {f"energy_{name}_pj": value for name, value in costed.total.parts()["energy_pj"].items()}
    measured = design_row(costed, row)
    restarts = {
        f"restart_{at}_{name}": design_row(found[count], row)[name] if count in found else ""
        for at, found in enumerate(searches)
        for name in QUANTITIES
    }
    kept = {name: measured[name] for name in measured if "." not in name}
    return {"pe_count [PEs]": count} | kept | parts | restarts


def designs_words(table: Mapping[int, Costed]) -> list[str]:
    """The accelerator at each count."""
    return [f"  {count} PEs: {hardware_words(costed.design)}" for count, costed in table.items()]


def objective_of(designs: Sequence[Costed], objective: Objective) -> np.ndarray:
    """The objective of each design."""
    return objective.value(*np.array([costed.point for costed in designs]).reshape(-1, 3).T)


def stability(table: Mapping[int, Costed], searches: Sequence[Mapping[int, Costed]], objective: Objective) -> list[str]:
    """How far whole restarts differ: that much another --seed may change."""
    if len(searches) < 2:
        return ["one search at each count (--restarts 1): nothing says how sure it is"]
    found = {count: objective_of([one[count] for one in searches if count in one], objective) for count in table}
    apart = {count: each.max() / each.min() - 1 for count, each in found.items() if len(each) > 1}
    words, lines = QUANTITIES[objective.name], []
    if apart:
        most = max(apart, key=lambda count: apart[count])
        mean = np.mean(list(apart.values()))
        lines.append(f"{words}: restarts differ by {mean:.1%} on average, by {apart[most]:.1%} at most (at {most} PEs)")
    counts = [str(alike_counts(one)[objective.name][0]) for one in searches if one]
    best = alike_counts(table)[objective.name][0]
    lines.append(f"best count for {words}: {', '.join(counts)} by the restarts, {best} in all")
    return lines


def summary(table: Mapping[int, Costed]) -> str:
    """The sweep as text."""
    rows = []
    for count, costed in table.items():
        latency, picojoules, area = costed.point
        name, share = costed.total.bottleneck, costed.total.bottleneck_share
        array = f"{costed.design.hardware['pe_rows']:g} x {costed.design.hardware['pe_cols']:g}"
        cells = (quantity(latency, "s"), energy(picojoules), f"{area:.3g}", f"{float(costed.total.utilization):.1%}")
        rows.append((count, array, *cells, f"{name} {share:.0%}"))
    return text_table(("PEs", "array", "latency", "energy", "area mm2", "utilisation", "bound by"), rows)


def alike_counts(table: Mapping[int, Costed]) -> dict[str, list[int]]:
    """Objective -> numbers of PEs at which it is least or as good as that, fewest PEs first."""
    points = {count: np.array([*costed.point, costed.point[0] * costed.point[1]]) for count, costed in table.items()}
    least = np.min(list(points.values()), axis=0) * (1 + ALIKE)
    return {
        name: [count for count in sorted(points) if points[count][at] <= least[at]]
        for at, name in enumerate(QUANTITIES)
    }


def verdicts(table: Mapping[int, Costed]) -> list[str]:
    """The best count for each objective and why: what would bind, or cost more, on either side of it."""
    lines = []
    counts = list(table)
    for name, (best, *others) in alike_counts(table).items():
        at = counts.index(best)
        beside = [counts[other] for other in (at - 1, at + 1) if 0 <= other < len(counts)]
        reasons = [f"with {other}: {why(table[best], table[other], name)}" for other in beside]
        alike = f" ({', '.join(map(str, others))} within {ALIKE:.0%})" if others else ""
        lines.append(f"least {QUANTITIES[name]}: {best} PEs{alike}; {'; '.join(reasons) or 'the only count tried'}")
    return lines


def why(best: Costed, other: Costed, name: str) -> str:
    """How another count differs in an objective, and in which component the most, as shares of the best's whole."""
    kinds = ("latency_s", "energy_pj") if name == "edp_js" else (name,)
    texts = []
    for kind in kinds:
        ours, theirs = best.total.parts()[kind], other.total.parts()[kind]
        whole = sum(ours.values())
        change = {part: (theirs[part] - ours[part]) / whole for part in ours}
        total = sum(change.values())
        part = max(change, key=lambda key: change[key] * (1 if total >= 0 else -1))
        texts.append(f"{QUANTITIES[kind]} {total:+.0%} (of it {part} {change[part]:+.0%})")
    return ", ".join(texts)


if __name__ == "__main__":
    sys.exit(main(run, Config))
