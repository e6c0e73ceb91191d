"""How many PEs? Latency, energy, area and utilisation against the number of PEs, and what stops more from helping.

Usage:
    python experiments/tune_pe_count.py
    python experiments/tune_pe_count.py --design out/pareto_front/front.json:7 --counts 48 96 168 192
    python experiments/tune_pe_count.py --workload graph.mtx@axa --tune latency

The rest of the hardware is held: that of --design, or of the balanced design of a quick search. The mapping of every
kernel is chosen anew at each count and each array shape (rows x columns up to 4:1): a short search at each count fills
one pool of mappings, the whole pool is tried at every count, and each kernel takes its best by --tune.

Writes to --out:
    pe_count.csv     one row a count: array shape, objectives, bottleneck, energy by component
    pe_count.png     the four curves over the bottleneck's colour, best counts marked
    best.json        the design of least energy-delay product, for the other scripts: --design best.json
    provenance.json  versions, commit, configuration
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from tqdm import tqdm

from dse import Costed, Design, Problem, write_design
from dse.mapper import Pool, Searched, best_mappings, mapping_space, merit_of
from experiments.common.cli import main, show_progress
from experiments.common.design_words import energy, hardware_words, quantity
from experiments.common.figures.pe_count import pe_figure
from experiments.common.output import Output
from experiments.common.report import design_row
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import TRADE_OFF, Start, balanced_design, build_problem, build_space
from experiments.common.table import text_table
from workloads.errors import InputError

MOST_ELONGATED = 4.0
START_SHARE = 4
"""Budget of the search for a start design, in budgets of one count."""
LARGEST = 65_536
TUNED = {"edp": "edp_js", "latency": "latency_s", "energy": "energy_pj"}
QUANTITIES = {"latency_s": "latency", "energy_pj": "energy", "area_mm2": "area", "edp_js": "energy-delay product"}


@dataclass(frozen=True)
class Config:
    """Options."""

    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the design's own, or `embedded`, unless given."""
    design: str | None = None
    """Design to start from, such as front.json:7."""
    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    """Numbers of PEs to try."""
    tune: Literal["edp", "latency", "energy"] = "edp"
    """What each kernel's mapping is chosen for at each count."""
    budget: int = 300
    """Evaluations of the search for mappings at each count."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of the space that is searched (dataflow=gustavson, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: int = 0
    """Seed of the searches."""
    out: Path = Path("out/tune_pe_count")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: counts 4, 16 and 64, budget 60, and the workload `digits` unless one is given."""


def run(config: Config) -> None:
    """Sweep the counts, write the files, say which is best and why."""
    output = Output(config.out)
    counts, budget, specs = sorted(set(config.counts)), config.budget, config.workload
    if config.smoke:
        counts, budget, specs = [4, 16, 64], min(budget, 60), specs or (() if config.design else ("digits",))
    if not counts or counts[0] < 1 or counts[-1] > LARGEST:
        raise InputError(f"--counts must be whole numbers from 1 to {LARGEST}; give some, such as --counts 16 64 256.")
    start = Start.of(config.design, specs)
    technology = config.scenario.build(start.scenario)
    problem = build_problem(start.workload, build_space(None, config.fix, start.workload), technology, TRADE_OFF, {})
    base = start.design or balanced_design(problem, START_SHARE * budget, config.seed)
    designs = sweep(problem, base, counts, tune=config.tune, budget=budget, seed=config.seed)
    costed = problem.costed(list(designs.values()))
    table = dict(zip(designs, costed, strict=True))

    output.csv("pe_count.csv", [count_row(count, entry, at) for at, (count, entry) in enumerate(table.items())])
    tuned = QUANTITIES[TUNED[config.tune]]
    title = f"PEs for {start.workload.name} ({scenario_words(technology)}), mappings tuned for {tuned}"
    output.figure("pe_count.png", pe_figure(table, title))
    best = table[best_counts(table)["edp_js"]].design
    output.write("best.json", lambda path: write_design(path, problem, best, created_by="experiments/tune_pe_count.py"))
    output.provenance("experiments/tune_pe_count.py", config, start=dict(base.hardware))
    print(f"Held: {hardware_words(base).partition(', ')[2]}\n")
    print(summary(table))
    print()
    print("\n".join(verdicts(table)))
    print(f"\n{problem.evaluations:,} evaluations, {output.seconds:.1f} s")
    print(output.listing())


def sweep(
    problem: Problem, base: Design, counts: Sequence[int], *, tune: str, budget: int, seed: int
) -> dict[int, Design]:
    """The best design found at each number of PEs; InputError if none fits at any."""
    pool = [base]
    for count in tqdm(counts, desc="searching mappings", unit="count", disable=not show_progress()):
        rows, columns = shapes(count)[0]
        hardware = {**base.hardware, "pe_rows": float(rows), "pe_cols": float(columns)}
        space = mapping_space(problem.encoding.space, hardware, any_intersection=True)
        local = problem.within(space, objectives=("latency_s", "energy_pj"))
        pool += Searched(budget, seed).designs(local)
        problem.evaluations += local.evaluations
    found = {count: best_at(problem, pool, base, count, tune) for count in counts}
    fitting = {count: design for count, design in found.items() if design is not None}
    if not fitting:
        raise InputError(
            "No mapping fits the buffers of this design at any count; start from a design with larger ones."
        )
    return fitting


def best_at(problem: Problem, pool: Sequence[Design], base: Design, count: int, tune: str) -> Design | None:
    """The pool's best mapping of each kernel on the best array of `count` PEs; None if a kernel has none that fits."""
    merit, candidates = merit_of(TUNED[tune]), []
    for rows, columns in shapes(count):
        hardware = {**base.hardware, "pe_rows": float(rows), "pe_cols": float(columns)}
        moved = [Design(hardware | {"intersection": d.hardware["intersection"]}, d.mappings, d.kernels) for d in pool]
        for unit in sorted({str(d.hardware["intersection"]) for d in moved}):
            own = [d for d in moved if d.hardware["intersection"] == unit]
            best = [one for one in best_mappings(problem, Pool(own), merit) if one is not None]
            if len(best) == len(base.kernels):
                mappings = tuple(one.mapping for one in best)
                candidates.append(Design(hardware | {"intersection": unit}, mappings, base.kernels))
    if not candidates:
        return None
    scores = problem.score_designs(candidates)
    total = np.where(scores.feasible, merit(scores.latency_s.sum(axis=1), scores.energy_pj.sum(axis=1)), np.inf)
    return candidates[int(total.argmin())] if np.isfinite(total).any() else None


def shapes(count: int) -> list[tuple[int, int]]:
    """Arrays of `count` PEs, squarest first: rows x columns up to 4:1 either way, or the squarest there is."""
    pairs = [(rows, count // rows) for rows in range(1, count + 1) if count % rows == 0]
    pairs.sort(key=lambda pair: (max(pair) / min(pair), -pair[0]))
    return [pair for pair in pairs if max(pair) / min(pair) <= MOST_ELONGATED] or pairs[:2]


def count_row(count: int, costed: Costed, row: int) -> dict[str, Any]:
    """One row of `pe_count.csv`."""
    parts = {f"energy_{name}_pj": value for name, value in costed.total.parts()["energy_pj"].items()}
    measured = design_row(costed, row)
    return {"pe_count [PEs]": count} | {name: measured[name] for name in measured if "." not in name} | parts


def summary(table: dict[int, Costed]) -> str:
    """The sweep as text."""
    rows = []
    for count, costed in table.items():
        latency, picojoules, area = costed.point
        name, share = costed.total.bottleneck, costed.total.bottleneck_share
        array = f"{costed.design.hardware['pe_rows']:g} x {costed.design.hardware['pe_cols']:g}"
        cells = (quantity(latency, "s"), energy(picojoules), f"{area:.3g}", f"{float(costed.total.utilization):.1%}")
        rows.append((count, array, *cells, f"{name} {share:.0%}"))
    return text_table(("PEs", "array", "latency", "energy", "area mm2", "utilisation", "bound by"), rows)


def best_counts(table: dict[int, Costed]) -> dict[str, int]:
    """Objective -> number of PEs at which it is least."""
    points = {count: np.array([*costed.point, costed.point[0] * costed.point[1]]) for count, costed in table.items()}
    return {name: min(points, key=lambda count: points[count][at]) for at, name in enumerate(QUANTITIES)}


def verdicts(table: dict[int, Costed]) -> list[str]:
    """The best count for each objective and why: what would bind, or cost more, on either side of it."""
    lines = []
    counts = list(table)
    for name, best in best_counts(table).items():
        at = counts.index(best)
        others = [counts[other] for other in (at - 1, at + 1) if 0 <= other < len(counts)]
        reasons = [f"with {other}: {why(table[best], table[other], name)}" for other in others]
        lines.append(f"least {QUANTITIES[name]}: {best} PEs; {'; '.join(reasons) or 'the only count tried'}")
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
