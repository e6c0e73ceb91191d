"""Is the mapper's best mapping the best there is, and how long does it take to know?

Usage:
    python experiments/validate_mapper.py
    python experiments/validate_mapper.py --matrix graph.mtx --pairs 100

Draws random machines that can be built, and kernels of every family (SpMM, SpMSpM, SDDMM, element-wise), with as many
choices of a mapping open as leave at most a million mappings. Every one of them is evaluated, and the best is compared
with what the mapper finds after its cuts: least latency, energy and energy-delay product, and whether any mapping at
all is below the mapper's front. Then a matrix times a dense B, and times itself, with every choice open, on random
machines: seconds once the models are compiled, and how many mappings each cut leaves out. The exit status is 1 if an
optimum is missed.

Writes to --out:
    pairs.csv        one row a pair: machine, mappings, what each cut leaves out, seconds, differences
    large.csv        the same of the products with every choice open, which are not enumerated without cuts
    provenance.json  versions, commit, configuration, whether the bar holds
"""

from experiments.common.cli import main

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from scipy.sparse import csr_array, random_array
from tqdm import tqdm

from dse import Problem, alone, default_space, make_problem, nondominated
from dse.mapper import Enumerated, MappedKernel, every_mapping, mapping_fronts, mapping_space
from dse.space.design_space import HARDWARE_NAMES, Value
from dse.space.encoding import Encoding, own_weights
from dse.strategies.lattice_steps import buildable
from experiments.common.options import MOST, Seed, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from hwmodels.design.choices import INTERSECTIONS
from hwmodels.design.legality import FAMILIES
from hwmodels.technology import NODE_RANGE_NM, make_technology, scenario
from workloads import ElementwiseKernel, SddmmKernel, SparseKernel, Workload, load_matrix
from workloads.errors import InputError
from workloads.generators import rmat

BAR_FAILED = 1
"""Exit status."""
TOLERANCE = 1e-4
"""Relative difference that two programs of the same model may have in float32."""
AT_ONCE = 65_536
"""Mappings evaluated in one call."""
KERNELS = 4
"""Of each family, of random sizes and sparsity: they share compiled models."""
SIDES = (48, 64, 100, 128, 200, 256)
DENSITIES = (0.01, 0.05, 0.2, 0.6)
MACHINES = {
    "glb_bytes": [2.0**at for at in range(11, 19)],
    "pe_buffer_bytes": [2.0**at for at in range(5, 13)],
    "accumulator_bytes": [2.0**at for at in range(4, 12)],
}
"""Small buffers, so that many mappings do not fit; all else is drawn from the default space."""
WIDTHS = {8.0: 24.0, 16.0: 32.0, 32.0: 32.0}
"""Widths of values and of sums."""
CLOSED = ("a_format", "b_format", "schedule", "dataflow", "loop_order", "a_zero", "b_zero")
"""Choices that lose names until a pair has few enough mappings."""
MERITS = {"latency": (1, 0), "energy": (0, 1), "edp": (1, 1)}
"""Powers of latency and energy."""
CUTS = ("zeros_computed", "orders", "alike", "unfit", "surpassed")
"""Of a `MapperReport`."""


@dataclass(frozen=True)
class Config:
    """What to draw."""

    matrix: Path | None = None
    """A square matrix file for the products with every choice open; an R-MAT graph of 1,024 nodes by default."""
    columns: Annotated[int, whole(1, 65_536)] = 64
    """Columns of their dense B."""
    pairs: Annotated[int, whole(1, 100_000)] = 50
    """Random pairs of hardware and kernel of which every mapping is evaluated."""
    largest: Annotated[int, whole(1, MOST)] = 1_000_000
    """Mappings of a pair, at most."""
    machines: Annotated[int, whole(1, 10_000)] = 5
    """Random machines for the products with every choice open."""
    node: Annotated[float, real(*NODE_RANGE_NM)] = 16.0
    """Technology node, nm."""
    seed: Seed = 0
    """Seed of machines and kernels."""
    out: Path = Path("out/validate_mapper")
    """Folder for the results."""
    smoke: bool = False
    """A run of a minute: three pairs of SpMM and SDDMM, of at most 5,000 mappings, and no products."""


def random_machine(problem: Problem, rng: np.random.Generator) -> dict[str, Value]:
    """A value of each parameter of the hardware, of a machine that can be built."""
    width = float(rng.choice(list(WIDTHS)))
    space = problem.encoding.space.fix(value_bits=width, accumulator_bits=WIDTHS[width])
    encoding = Encoding(space, problem.kernels)
    hardware = encoding.design(buildable(encoding, encoding.random(rng, 1))[0]).hardware
    return {**hardware, "intersection": str(rng.choice(INTERSECTIONS))}


def random_kernel(name: str, family: str, rng: np.random.Generator) -> Any:
    """A kernel of a family, of a random size and sparsity."""
    m, k, n = (int(side) for side in rng.choice(SIDES, 3))

    def matrix(rows: int, columns: int) -> csr_array:
        found = random_array((rows, columns), density=float(rng.choice(DENSITIES)), rng=rng).toarray()
        found[0, 0] = 1.0
        return csr_array(found)

    if family == "sddmm":
        return SddmmKernel(name, matrix(m, n), k)
    if family == "elementwise":
        return ElementwiseKernel(name, matrix(m, n), matrix(m, n), str(rng.choice(["multiply", "add"])))
    return SparseKernel(name, matrix(m, k), None if family == "dense_b" else matrix(k, n), n)


def family_problem(family: str, node_nm: float, rng: np.random.Generator) -> Problem:
    """Kernels of a family, on any machine."""
    kernels = tuple(random_kernel(f"{family}_{at}", family, rng) for at in range(KERNELS))
    space = default_space().fix(**MACHINES)
    return make_problem(Workload(family, kernels), space, make_technology(scenario(node_nm=node_nm)))


def on_random_machine(problem: Problem, kernel: int, rng: np.random.Generator, largest: float = np.inf) -> Problem:
    """One kernel on a machine, of integers or floats; choices of its mapping are closed until few enough are left.

    Every other machine has all units, whatever is run; on the others a mapping has those that it uses.
    """
    machine, own = random_machine(problem, rng), alone(problem, [kernel])
    arithmetic = str(rng.choice(["int", "float"]))
    node_nm = float(problem.technology.scenario.node_nm)
    own = own.changed(technology=make_technology(scenario(node_nm=node_nm, arithmetic=arithmetic)))
    held = own.within(mapping_space(own.encoding.space, machine))
    while held.encoding.size > largest:
        choice = str(rng.choice(CLOSED))
        names = held.encoding.space.values(choice)
        if len(names) > 2 or (len(names) == 2 and choice == "schedule"):
            kept = [name for name in names if name != rng.choice(np.array(names, object))] or [names[0]]
            try:
                held = held.within(held.encoding.space.fix(**{choice: kept}))
            except InputError:  # nothing legal is left
                continue
    if rng.random() < 0.5:
        able = held.encoding.batch(held.encoding.random(rng, 1)).capabilities()
        units = np.concatenate([own_weights(machine), np.ones(able.size)])
        held = held.changed(encoding=Encoding(held.encoding.space, held.kernels, units))
    return held


def mapper_row(problem: Problem) -> tuple[dict[str, Any], list[MappedKernel]]:
    """What the mapper does on a held machine, the models being compiled; and the front that it finds."""
    mapping_fronts(problem, Enumerated())
    mapper, start = Enumerated(), time.perf_counter()
    (front,) = mapping_fronts(problem, mapper)
    seconds = time.perf_counter() - start
    (report,) = mapper.reports
    counts = {name: getattr(report, name) for name in ("mappings", *CUTS, "evaluated")}
    row = {"kernel": report.kernel, "family": problem.families[0], **counts, "front": len(front), "seconds": seconds}
    return {**row, **{name: problem.encoding.space.values(name)[0] for name in HARDWARE_NAMES}}, front


def differences(problem: Problem, front: Sequence[MappedKernel]) -> dict[str, float]:
    """How far the mapper's front is from the best of all mappings, relative; no mapping fits either: 0."""
    points = []
    rows = every_mapping(problem.encoding)
    for at in range(0, len(rows), AT_ONCE):
        scores = problem.score(problem.encoding.canonical(rows[at : at + AT_ONCE]))
        fitting = scores.kernel_fits[:, 0]
        points.append(np.column_stack([scores.latency_s[fitting, 0], scores.energy_pj[fitting, 0]]))
    every = np.concatenate(points)
    own = np.array([(one.latency_s, one.energy_pj) for one in front]).reshape(-1, 2)
    if len(every) == 0 or len(own) == 0:
        return {name: 0.0 if len(every) == len(own) else np.inf for name in (*MERITS, "front")}
    found = {name: float(np.prod(own**powers, 1).min() / np.prod(every**powers, 1).min() - 1.0)
             for name, powers in MERITS.items()}  # fmt: skip
    best = every[nondominated(every)]
    found["front"] = float((own[None] / best[:, None]).max(axis=2).min(axis=1).max() - 1.0)
    return found


def check_pairs(config: Config, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Random pairs, the families in turn, against all their mappings."""
    families = ("dense_b", "sddmm") if config.smoke else FAMILIES
    pairs, largest = (3, 5_000) if config.smoke else (config.pairs, config.largest)
    problems = {family: family_problem(family, config.node, rng) for family in families}
    rows = []
    for at in tqdm(range(pairs), desc="pairs", disable=not show_progress()):
        problem = problems[families[at % len(families)]]
        held = on_random_machine(problem, int(rng.integers(KERNELS)), rng, largest)
        row, front = mapper_row(held)
        rows.append(row | {f"difference_{name}": value for name, value in differences(held, front).items()})
    return rows


def large_products(config: Config, matrix: csr_array, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The matrix times a dense B and times itself, with every choice open, on random machines."""
    kernels = [SparseKernel("times a dense B", matrix, None, config.columns)]
    if matrix.shape[0] == matrix.shape[1]:
        kernels.append(SparseKernel("times itself", matrix, matrix, matrix.shape[1]))
    technology = make_technology(scenario(node_nm=config.node))
    problem = make_problem(Workload("products", tuple(kernels)), default_space(), technology)
    cases = [(kernel, at) for kernel in range(len(kernels)) for at in range(config.machines)]
    return [
        mapper_row(on_random_machine(problem, kernel, rng))[0]
        for kernel, _ in tqdm(cases, desc="products", disable=not show_progress())
    ]


def summary(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line of the table: what rows of one name have in common."""
    mappings = sum(row["mappings"] for row in rows)
    shares = [f"{sum(row[name] for row in rows) / mappings:.1%}" for name in (*CUTS, "evaluated")]
    seconds = [row["seconds"] for row in rows]
    each = f"{np.median([row['mappings'] for row in rows]):,.0f}"
    return [f"{len(rows)}", each, *shares, f"{np.median(seconds):.3f}", f"{max(seconds):.3f}"]


def run(config: Config) -> None:
    """Draw, enumerate, compare; ends the process with status 1 if an optimum is missed."""
    out, rng = Output(config.out), np.random.default_rng(config.seed)
    matrix = rmat(10, 16, 0) if config.matrix is None else load_matrix(config.matrix)
    rows = check_pairs(config, rng)
    large = [] if config.smoke else large_products(config, matrix, rng)
    worst = {name: max(row[f"difference_{name}"] for row in rows) for name in (*MERITS, "front")}
    holds = max(worst.values()) <= TOLERANCE
    out.csv("pairs.csv", rows)
    if large:
        out.csv("large.csv", large)
    out.provenance("experiments/validate_mapper.py", config, worst_differences=worst, bar_holds=holds)
    groups = {f"pairs, {family}": [row for row in rows if row["family"] == family] for family in FAMILIES}
    groups |= {
        name: [row for row in large if row["kernel"] == name] for name in dict.fromkeys(r["kernel"] for r in large)
    }
    heads = [
        "",
        "number",
        "mappings",
        "computed",
        "orders",
        "alike",
        "unfit",
        "floors",
        "evaluated",
        "median s",
        "most s",
    ]
    print("mappings: median; what each cut leaves out, and what is evaluated, as shares; seconds once compiled")
    print(text_table(heads, [[name, *summary(group)] for name, group in groups.items() if group]))
    listed = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
    print(f"\n{len(rows)} pairs against all their mappings: worst relative difference of {listed}\n{out.seconds:.1f} s")
    print(out.listing())
    if not holds:
        print("An optimum is missed.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
