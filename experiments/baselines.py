"""Is an accelerator worth it? A design, published systems, CPU and GPU side by side, and a famous claim examined.

Usage:
    python experiments/baselines.py
    python experiments/baselines.py --workload graph.mtx@axa layer.smtx@spmm:64 --cpu-watts 12
    python experiments/baselines.py --design out/pareto_front/front.json:7

An inference is one run of the whole workload. The design is that of --design, or the balanced one of a quick search;
the dense accelerator beside it is the best of a second search, of equal area. CPU times are measured here and now
(NumPy's BLAS on dense operands, SciPy on sparse ones, float32, operands warm in the caches), the median of repeated
runs; CPU energy by RAPL where it can be read, else modelled. GPU times are measured where JAX has a GPU. Everything
else is modelled, also two data-centre GPUs, each system at its own technology node: no figure is scaled from one node
to another. Systems that can be put in the terms of this project's machine are shown as such designs too, all at the
node and DRAM of the design; their files are designs for the other scripts. "The CPU" of a ratio is, for each kernel,
the CPU run of least energy-delay product.

Writes to --out:
    machines.csv     one row a machine: node, energy per inference, latency, throughput, geometric means over the CPU
    baselines.csv    one row a machine and kernel: latency, energy, whether each was measured, ratios to the CPU
    templates.csv    systems as designs of this project beside their own models: cycles and DRAM bytes by kernel
    NAME.json        such a design, as EIE's in eie_template.json
    claim.csv        the design by kernel: does it reach 1/70 of the energy and 8 times the speed, and what decides
    baselines.png    speed-up and energy saving of every machine, and of the design by kernel
    provenance.json  versions, commit, configuration, CPU
"""

from experiments.common.cli import main

import math
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from dse import (
    Costed,
    Gradient,
    Problem,
    RandomSearch,
    Strategy,
    default_space,
    find_dense_rivals,
    knee,
    write_design,
)
from experiments.common.baselines.claim import claim_rows, claim_story, claim_table, examine
from experiments.common.baselines.figure import baselines_figure
from experiments.common.baselines.machines import (
    Contender,
    ContenderRun,
    CpuAtHand,
    best_cpu,
    gains,
    geometric_mean,
    of_cpu,
    of_design,
    of_gpu,
    of_systems,
    works_of,
)
from experiments.common.baselines.templates import as_templates, comparison_rows, comparison_table
from experiments.common.design_words import energy, hardware_words, quantity, times
from experiments.common.options import Evaluations, Seed, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import TRADE_OFF, Start, build_problem
from experiments.common.table import text_table
from hwmodels.baselines import CpuPower, cpu_power
from hwmodels.systems import SYSTEMS, Work
from hwmodels.systems.template_designs import TEMPLATES
from workloads.errors import InputError
from workloads.kernels.workload import with_patterns

LEAST_DENSE_BUDGET = 300


@dataclass(frozen=True)
class Config:
    """Options."""

    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the design's own, or `embedded`, unless given."""
    design: str | None = None
    """Design to compare, such as front.json:7."""
    budget: Evaluations = 2000
    """Evaluations of the quick search, where no design is given."""
    threads: Annotated[int | None, whole(1, 1024)] = None
    """Threads of the dense CPU run; all physical cores unless given. SciPy's sparse products have one."""
    cpu_watts: Annotated[float | None, real(0, 10_000, above=True, below=True)] = None
    """Power of a busy CPU core in W; by RAPL, or else from data sheets, unless given."""
    measure_s: Annotated[float, real(0, 60, above=True)] = 0.3
    """Seconds for each measurement on the CPU or GPU."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the quick search."""
    out: Path = Path("out/baselines")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: a random search of 100 evaluations at most, short measurements, and `digits` unless a workload
    is given."""


def run(config: Config) -> None:
    """Search, measure, compare, write the files, say what was found."""
    output = Output(config.out)
    specs, budget, measure_s = config.workload, config.budget, config.measure_s
    if config.smoke:
        specs = specs or (() if config.design else ("digits",))
        budget, measure_s = min(budget, 100), min(measure_s, 0.05)
    power = cpu_power(config.cpu_watts)
    start = Start.of(config.design, specs)
    workload = with_patterns(start.workload, "a comparison with the CPU", config.seed)
    works = works_of(workload)
    technology, numbers = config.scenario.built_for(workload, start.design, start.scenario)
    problem = build_problem(workload, default_space(workload, numbers), technology, TRADE_OFF, {})
    strategy = RandomSearch() if config.smoke else Gradient()
    ours, dense = designs(problem, start, strategy, budget, config.seed)

    node = f"{float(technology.scenario.node_nm):g} nm"
    design = of_design("design", "This design", node, ours)
    cpus, cpu = of_cpu(workload, power, config.threads, measure_s)
    machines = [design, of_design("dense", "Dense, equal area", node, dense)]
    templates, unable = as_templates(problem)
    machines += [of_design(n, TEMPLATES[n].title, node, costed, "template") for n, costed in templates.items()]
    machines += [*of_systems(SYSTEMS, works), *of_gpu(workload, measure_s), *cpus]
    names = [kernel.name for kernel in workload.kernels]
    verdicts = examine(design, machines, cpu, works, names)

    output.csv("machines.csv", machine_rows(machines, problem.repeats), gaps=True)
    output.csv("baselines.csv", kernel_rows(machines, works, names), gaps=True)
    output.csv("claim.csv", claim_rows(verdicts))
    compared = [row for n, costed in templates.items() for row in comparison_rows(TEMPLATES[n], costed, works)]
    output.csv("templates.csv", compared, gaps=True)
    for n, costed in templates.items():
        output.write(
            f"{n}.json",
            lambda path, d=costed.design: write_design(path, problem, d, created_by="experiments/baselines.py"),
        )
    title = f"{workload.name}: speed and energy against {cpu.name} (designs: {scenario_words(technology)})"
    output.figure("baselines.png", baselines_figure(machines, verdicts, title))
    facts = {"name": cpu.name, "threads": cpu.threads, "gemm_multiplies_per_s": cpu.gemm_per_s, "energy": power.source}
    output.provenance("experiments/baselines.py", config, cpu=facts)

    area = f"{ours.point[2]:.3g} mm2 without DRAM PHY"
    print(f"Design: {hardware_words(ours.design)}, {area} ({scenario_words(technology)})")
    print(measured_words(cpu, power, machines))
    print(f"\nOne inference ({len(names)} kernels)\n\n{machine_table(machines, problem.repeats)}")
    print("\n".join(reasons(machines, names)))
    print(f"\nWhat the models of the systems leave out\n\n{limits_words()}")
    print(f"\nSystems as designs of this project, at {scenario_words(technology)}\n\n{comparison_table(compared)}")
    print("\n".join(f"  {words}" for words in unable))
    print(
        f"\n{mean_words(machines, design)}\n\n{claim_table(verdicts)}\n\n{claim_story(verdicts, design.title, power)}"
    )
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


def designs(problem: Problem, start: Start, strategy: Strategy, budget: int, seed: int) -> tuple[Costed, Costed]:
    """The design to compare, and the dense accelerator of equal area."""
    design = start.design
    if design is None:
        found = strategy(problem, budget=budget, seed=seed, progress=show_progress())
        problem.require_feasible(found)
        design = problem.design(found.genomes[knee(found.objectives)])
    budget = max(budget, LEAST_DENSE_BUDGET)
    (rival,) = find_dense_rivals(
        problem, [design], lambda dense: strategy(dense, budget=budget, seed=seed, progress=show_progress())
    )
    if rival is None:
        raise InputError(f"No dense accelerator of equal area was found; raise --budget above {budget}.")
    return problem.costed([design])[0], rival.costed


def machine_rows(machines: Sequence[Contender], repeats: np.ndarray) -> list[dict[str, Any]]:
    """Rows of `machines.csv`."""
    rows = []
    for machine in machines:
        latency, joules = machine.total(repeats)
        speed, saving = geometric_mean(gains(machines, machine))
        able = machine.able()
        first = machine.run(able[0]) if able else None
        rows.append(
            {
                "machine": machine.name,
                "title": machine.title,
                "node": machine.node,
                "latency_by": first.latency_by if first else "",
                "energy_by": first.energy_by if first else "",
                "kernels_run": len(able),
                "kernels": len(machine.runs),
                "energy_per_inference_pj": joules,
                "latency_s": latency,
                "inferences_per_s": 1.0 / latency,
                "power_w": joules * 1e-12 / latency,
                "speedup_over_cpu_geomean": speed,
                "energy_saving_over_cpu_geomean": saving,
            }
        )
    return rows


def kernel_rows(machines: Sequence[Contender], works: Sequence[Work], names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of `baselines.csv`."""
    rows = []
    for machine in machines:
        over = gains(machines, machine)
        for at, (run, work, name) in enumerate(zip(machine.runs, works, names, strict=True)):
            ran = run if isinstance(run, ContenderRun) else ContenderRun(math.nan, math.nan, "", "")
            speed, saving = over.get(at, (math.nan, math.nan))
            rows.append(
                {
                    "machine": machine.name,
                    "kernel": name,
                    "node": machine.node,
                    "latency_s": ran.latency_s,
                    "latency_by": ran.latency_by,
                    "energy_pj": ran.energy_pj,
                    "energy_by": ran.energy_by,
                    "runs_per_s": 1.0 / ran.latency_s,
                    "effectual_multiplies_per_s": work.multiplies / ran.latency_s,
                    "pj_per_effectual_multiply": ran.energy_pj / work.multiplies,
                    "speedup_over_cpu": speed,
                    "energy_saving_over_cpu": saving,
                    "cpu": best_cpu(machines, at)[0].name,
                    "reason": "" if isinstance(run, ContenderRun) else run,
                }
            )
    return rows


def measured_words(cpu: CpuAtHand, power: CpuPower, machines: Sequence[Contender]) -> str:
    """What was measured, and on what."""
    gpus = [machine.title for machine in machines if machine.kind == "gpu"]
    busy = "\nThe machine is busy, all cores together are hardly faster than one: times of the CPU are too long"
    return (
        f"Measured: time on {cpu.name} ({cpu.node}), {cpu.threads} or 1 threads for dense and 1 for sparse products, "
        f"at most {cpu.gemm_per_s / 1e9:.3g} G multiplies/s; "
        f"{', '.join(gpus) if gpus else 'there is no GPU here'}\n"
        f"CPU energy: {power.by}, {power.source}; everything else is modelled{busy if cpu.busy else ''}"
    )


def machine_table(machines: Sequence[Contender], repeats: np.ndarray) -> str:
    """All machines as text, best energy-delay product first among those that run everything."""
    rows = []
    for row in sorted(machine_rows(machines, repeats), key=_order):
        whole = math.isfinite(row["latency_s"])
        rows.append(
            (
                row["title"],
                row["node"],
                "" if math.isnan(row["energy_per_inference_pj"]) else energy(row["energy_per_inference_pj"]),
                quantity(row["latency_s"], "s") if whole else "",
                quantity(row["inferences_per_s"], "/s") if whole else "",
                "" if math.isnan(row["power_w"]) else quantity(row["power_w"], "W"),
                times(row["speedup_over_cpu_geomean"]),
                times(row["energy_saving_over_cpu_geomean"]),
                f"{row['kernels_run']} of {row['kernels']}",
                row["latency_by"],
                row["energy_by"],
            )
        )
    header = (
        "",
        "node",
        "energy",
        "latency",
        "inferences",
        "power",
        "speed/CPU",
        "CPU/energy",
        "kernels",
        "time",
        "energy",
    )
    return text_table(header, rows, left=(0, 1, 9, 10))


def _order(row: dict[str, Any]) -> tuple[bool, bool, float]:
    product = row["energy_per_inference_pj"] * row["latency_s"]
    gain = row["speedup_over_cpu_geomean"] * row["energy_saving_over_cpu_geomean"]
    return math.isnan(product), math.isnan(gain), product if math.isfinite(product) else -gain


def reasons(machines: Sequence[Contender], names: Sequence[str]) -> list[str]:
    """Why machines run some kernels not, each reason once."""
    lines = []
    for machine in machines:
        told: dict[str, list[str]] = {}
        for run, name in zip(machine.runs, names, strict=True):
            if isinstance(run, str):
                told.setdefault(run.removeprefix(f"{name}: "), []).append(name)
        lines += [f"  {machine.title} does not run {', '.join(kernels)}: {why}" for why, kernels in told.items()]
    return lines


def limits_words() -> str:
    """What each system's model cannot express."""
    lines = [f"  {one.title}: {one.limits}" for one in (*SYSTEMS.values(), *TEMPLATES.values())]
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="    ") for line in lines)


def mean_words(machines: Sequence[Contender], design: Contender) -> str:
    """The design's geometric means over what was measured, and over the dense accelerator."""
    lines = ["The design, geometric mean over kernels:"]
    rivals = [(m.name, m.title) for m in machines if m.kind in ("cpu", "gpu", "gpu_model") or m.name == "dense"]
    for name, title in [(None, "the better CPU run of each kernel"), *rivals]:
        over = gains(machines, design, name)
        if over:
            speed, saving = geometric_mean(over)
            some = "" if len(over) == len(design.runs) else f" (on {len(over)} of {len(design.runs)} kernels)"
            less = f"1/{saving:.3g} of the energy" if math.isfinite(saving) else "unknown shares of the energy"
            lines.append(f"  {speed:.3g} times the speed and {less} of {title}{some}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(run, Config))
