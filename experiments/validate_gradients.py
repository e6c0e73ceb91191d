"""Are the gradients finite everywhere, equal to finite differences, and worth following?

Usage:
    python experiments/validate_gradients.py
    python experiments/validate_gradients.py --matrix graph.mtx --designs 20000

Draws designs anywhere in a box wider than what can be built, half with mixtures of choices and a third on the
statistics lattice, for both families of kernels and each dataflow. Under `Smooth`, the gradients of log latency, log
energy and log area by every number and every choice must be finite; off the lattice, in float64, those by the log of
each number must equal central differences to a relative 1e-3 (absolute below an elasticity of 0.01). The table says,
for each number, on which share of the designs its elasticity exceeds 1e-3: where it does not, a search by gradients
does not see it. The exit status is 1 if a bar fails.

Writes to --out:
    gradients.csv    one row a family, dataflow and number
    provenance.json  versions, commit, configuration, whether the bars hold
"""

from experiments.common.cli import main

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from dse.problem.batched_models import SOON
from experiments.common.options import Seed, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.random_designs import draw_designs
from experiments.common.table import text_table
from hwmodels import Hardware, Mapping, Smooth, evaluate
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS
from hwmodels.technology import make_technology, scenario
from workloads import SparseKernel, load_matrix, measure
from workloads.generators import rmat

BAR_FAILED = 1
"""Exit status."""
NUMBERS = (*HARDWARE_NUMBERS, *MAPPING_NUMBERS)
OBJECTIVES = ("latency", "energy", "area")
CHUNK = 2000
SEEN = 1e-3
"""Elasticity above which a number counts as felt."""
STEP = 1e-8
"""Of the central differences, relative."""
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Config:
    """What to draw."""

    matrix: Path | None = None
    """A square matrix file, used as A*B with a dense B and as A*A; an R-MAT graph of 1,024 nodes by default."""
    designs: Annotated[int, whole(1, 10_000_000)] = 100_000
    """Random designs for each family and dataflow."""
    differences: Annotated[int, whole(1, 100_000)] = 1_000
    """Designs whose gradients are compared with central differences, for each family and dataflow."""
    columns: Annotated[int, whole(1, 65_536)] = 64
    """Columns of the dense B."""
    seed: Seed = 0
    """Seed of the random designs."""
    out: Path = Path("out/validate_gradients")
    """Folder for the results."""
    smoke: bool = False
    """A run of seconds: one dataflow, 2,000 designs, 20 differences."""


def log_outputs(steps: dict[str, Any], hardware: Hardware, mapping: Mapping, statistics: Any, tech: Any) -> Any:
    """Log latency, energy and area, shape [3], of a design whose numbers are multiplied by exp(steps)."""

    def moved(part: Any, names: tuple[str, ...]) -> Any:
        fields = {name: getattr(part, name) for name in type(part).__dataclass_fields__}
        return type(part)(**fields | {name: fields[name] * jnp.exp(steps[name]) for name in names})

    design = moved(hardware, HARDWARE_NUMBERS), moved(mapping, MAPPING_NUMBERS)
    cost = evaluate(*design, statistics, tech, numerics=Smooth())
    return jnp.log(jnp.stack([cost.latency_s, cost.total_energy_pj, cost.total_area_mm2]))


def slopes(hardware: Hardware, mapping: Mapping, statistics: Any, tech: Any) -> tuple[Any, Any, Any]:
    """Outputs; elasticities by number, each [3]; whether these and the gradients by all choices are finite."""
    still = {name: jnp.zeros_like(hardware.pe_rows) for name in NUMBERS}
    outputs, pull = jax.vjp(lambda s, h, m: log_outputs(s, h, m, statistics, tech), still, hardware, mapping)
    by_number, by_hardware, by_mapping = jax.vmap(pull)(jnp.eye(len(OBJECTIVES), dtype=outputs.dtype))
    leaves = jax.tree.leaves((by_number, by_hardware, by_mapping, outputs))
    return outputs, by_number, jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def central_differences(hardware: Hardware, mapping: Mapping, statistics: Any, tech: Any) -> Any:
    """By the log of each number, as `slopes` gives them; of fourth order.

    Where a tile needs 100,000 column passes, `Smooth` climbs each of these steps within a relative 1e-7 of a
    number, which differences of second order see only to 1e-3.
    """
    moves = jnp.concatenate([jnp.eye(len(NUMBERS)) * (at * STEP) for at in (1, -1, 2, -2)])

    def at(move: Any) -> Any:
        return log_outputs(dict(zip(NUMBERS, move, strict=True)), hardware, mapping, statistics, tech)

    outputs = jax.lax.map(at, moves)
    near_up, near_down, far_up, far_down = jnp.split(outputs, 4)
    change = (8 * (near_up - near_down) - (far_up - far_down)) / (12 * STEP)
    return dict(zip(NUMBERS, change, strict=True))


def over_designs(function: Any, *arguments: Any) -> Any:
    """A function of one design, compiled in haste for stacks of designs like these arguments."""
    lowered = jax.jit(jax.vmap(function, in_axes=(0, 0, None, None))).lower(*arguments)
    return lowered.compile(compiler_options=SOON if jax.default_backend() == "cpu" else {})


def in_float64(tree: Any) -> Any:
    """Every array of a tree in double precision."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), tree)


def elasticities(
    draw: Any, count: int, statistics: Any, tech: Any, bar: tqdm
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Elasticities by number, each [count, 3], and whether all is finite, [count]."""
    chunk, found, finite = min(CHUNK, count), [], []
    function = over_designs(slopes, *draw(chunk, seed=0), statistics, tech)
    for start in range(0, count, chunk):
        _, by_number, sound = function(*draw(chunk, seed=start + 1), statistics, tech)
        found.append(jax.device_get(by_number))
        finite.append(np.asarray(sound))
        bar.update(chunk)
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *found), np.concatenate(finite)[:count]


def worst_differences(draw: Any, count: int, statistics: Any, tech: Any) -> dict[str, float]:
    """Largest disagreement of gradients and central differences by number, relative above an elasticity of 0.01."""
    with jax.enable_x64(True):
        arguments = *in_float64(draw(count, seed=0)), in_float64(statistics), in_float64(tech)
        _, analytic, _ = over_designs(slopes, *arguments)(*arguments)
        numeric = over_designs(central_differences, *arguments)(*arguments)
        return {
            name: float(np.max(np.abs(analytic[name] - numeric[name]) / np.maximum(np.abs(numeric[name]), 1e-2)))
            for name in NUMBERS
        }


def run(config: Config) -> None:
    """Draw, differentiate, compare; ends the process with status 1 if a bar fails."""
    out = Output(config.out)
    matrix = rmat(10, 16, 0) if config.matrix is None else load_matrix(config.matrix)
    kernels = {"dense_b": SparseKernel("spmm", matrix, None, config.columns)}
    if matrix.shape[0] == matrix.shape[1] and not config.smoke:
        kernels["sparse_b"] = SparseKernel("axa", matrix, matrix, matrix.shape[1])
    flows = DATAFLOWS[:1] if config.smoke else DATAFLOWS
    designs, differences = (2000, 20) if config.smoke else (config.designs, config.differences)
    tech = make_technology(scenario())
    rows, unsound, shares = [], 0, {}
    cases = [(family, flow) for family in kernels for flow in flows]
    with tqdm(total=designs * len(cases), unit="design", disable=not show_progress()) as bar:
        for family, flow in cases:
            statistics = measure(kernels[family])
            bar.set_description(f"{family} {flow}")
            anywhere = partial(draw_designs, dataflow=flow, mixed=0.5, on_lattice=1 / 3)
            inside = partial(draw_designs, dataflow=flow, mixed=0.5)
            found, finite = elasticities(anywhere, designs, statistics, tech, bar)
            worst = worst_differences(inside, differences, statistics, tech)
            unsound += int(np.sum(~finite))
            for name in NUMBERS:
                felt = np.abs(found[name]) > SEEN
                share = dict(zip(OBJECTIVES, felt.mean(axis=0).tolist(), strict=True))
                shares[name, family, flow] = float(felt.any(axis=1).mean())
                rows.append(
                    {"family": family, "dataflow": flow, "number": name}
                    | {f"share_felt_by_{objective}": value for objective, value in share.items()}
                    | {"share_felt": shares[name, family, flow], "worst_difference": worst[name]}
                )
    largest = max(row["worst_difference"] for row in rows)
    holds = unsound == 0 and largest <= TOLERANCE
    out.csv("gradients.csv", rows)
    facts = {"designs_not_finite": unsound, "worst_difference": largest, "bars_hold": holds}
    out.provenance("experiments/validate_gradients.py", config, **facts)
    table = [[name, *(f"{shares[name, *case]:.1%}" for case in cases)] for name in NUMBERS]
    print(f"share of designs on which an objective's elasticity exceeds {SEEN:g}")
    print(text_table(["number", *(f"{family} {flow}" for family, flow in cases)], table))
    print(
        f"\ngradients: {designs:,} designs in each of {len(cases)} cases, {unsound:,} not finite\n"
        f"central differences: {differences:,} designs in each case, {len(NUMBERS)} numbers, 3 objectives: worst "
        f"disagreement {largest:.1e}\n{out.seconds:.1f} s"
    )
    print(out.listing())
    if not holds:
        print("A bar fails.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
