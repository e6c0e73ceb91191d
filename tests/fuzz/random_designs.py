"""Random designs over all families of kernels and dataflows, held to the laws of `model_laws` and to the simulator.

Usage:
    cd tests
    ../.venv/bin/python -m fuzz.random_designs COUNT SEED [SIMULATED]

COUNT designs in all are evaluated, each with its five faster twins, on the kernels of `hard_kernels`, which are drawn
anew with SEED; SIMULATED of them (2,000 unless given) are also run by the simulator. Prints how many break each law,
with the first of them in words, and how far the model is from the simulator by kernel. The exit status is 1 if a law
is broken.
"""

import sys
import time
from collections import defaultdict
from typing import Any

import jax
import numpy as np

from fuzz.designs import in_words, on_lattice, random_designs, row
from fuzz.hard_kernels import FAMILIES, hard_kernels, huge_kernels
from fuzz.model_laws import MORE, broken_laws
from hwmodels import Cost, Hardware, Mapping, evaluate
from hwmodels.design.legality import legal_dataflows
from hwmodels.simulator import simulate_kernel
from hwmodels.technology import Technology, make_technology, scenario
from workloads import measure
from workloads.statistics.measurement import with_shared_shapes

CHUNK = 1024
"""Designs of a call."""
SIMULATED = 2000


@jax.jit
def _stacked(hardware, mapping, statistics, technology):
    return jax.vmap(lambda one, other: evaluate(one, other, statistics, technology))(hardware, mapping)


def costs(hardware: Hardware, mapping: Mapping, statistics: Any, technology: Technology) -> Cost:
    """Costs of stacked designs, in NumPy."""
    return jax.device_get(_stacked(hardware, mapping, statistics, technology))


class Campaign:
    """Designs evaluated so far, the laws that they broke, and how far the simulator was."""

    def __init__(self, technology: Technology):
        self.technology = technology
        self.count = 0
        self.broken: dict[str, int] = defaultdict(int)
        self.examples: dict[str, str] = {}
        self.errors: dict[tuple[str, str, str], list[tuple[float, str]]] = defaultdict(list)

    def evaluate(self, rng: np.random.Generator, family: str, dataflow: str, kernel: Any, statistics: Any, count: int):
        """Hold `count` designs of one kernel to the laws."""
        for start in range(0, count, CHUNK):
            designs = random_designs(rng, CHUNK, dataflow, family, kernel.shape)
            kept = min(CHUNK, count - start)
            found, faster = costs(*designs, statistics, self.technology), {}
            for name, change in MORE.items():
                more, sped = change(designs[0], self.technology)
                faster[name] = costs(more, designs[1], statistics, sped).latency_s
            positions = float(np.prod([float(size) for size in kernel.shape]))
            for law, mask in broken_laws(found, faster, *designs, positions, self.technology).items():
                self._note(law, mask[:kept], designs, f"{family}, {dataflow}, {kernel.name}")
            self.count += kept

    def _note(self, law: str, mask: np.ndarray, designs: Any, where: str) -> None:
        self.broken[law] += int(mask.sum())
        self.broken[f"{law}: {where}"] += int(mask.sum())
        if mask.any() and law not in self.examples:
            self.examples[law] = f"{where}: {_brief(row(designs, int(np.argmax(mask))))}"

    def simulate(self, rng: np.random.Generator, family: str, dataflow: str, kernel: Any, statistics: Any, count: int):
        """Run `count` designs of one kernel in the simulator too."""
        if count < 1:
            return
        designs = random_designs(rng, CHUNK, dataflow, family, kernel.shape, small=True)
        found = costs(*designs, statistics, self.technology)
        for at in range(count):
            truth = simulate_kernel(*row(designs, at), kernel, self.technology).cost
            if np.any(truth.fits[1:3] > 1):  # neither has a plan for what does not fit the PEs
                continue
            model = jax.tree.map(lambda leaf, at=at: leaf[at], found)
            words = _brief(row(designs, at))
            for what, name in (("cycles", "cycles"), ("energy", "total_energy_pj")):
                ratio = float(np.sum(getattr(model, name))) / float(np.sum(getattr(truth, name)))
                lattice = "on the lattice" if on_lattice(row(designs, at)) else "off it"
                self.errors[f"{family}, {lattice}", what, kernel.name].append((ratio, f"{dataflow} {words}"))
            effectual = float(model.computes.effectual), float(truth.computes.effectual)
            wrong = np.array([abs(effectual[0] - effectual[1]) > 1e-4 * max(effectual)])
            self._note(
                "effectual MACs are the simulator's",
                wrong,
                jax.tree.map(lambda x, at=at: x[at : at + 1], designs),
                f"{family}, {dataflow}, {kernel.name}",
            )


def _brief(design: Any) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else value for name, value in in_words(*design).items()
    )


def run(count: int, seed: int, simulated: int) -> bool:
    """The campaign; whether every law holds."""
    rng, start = np.random.default_rng(seed), time.perf_counter()
    campaign = Campaign(make_technology(scenario(dram_channels=2)))
    for family in FAMILIES:
        small, huge = hard_kernels(family, seed), huge_kernels(family)
        kernels = small + huge
        measured = with_shared_shapes([measure(kernel) for kernel in small])
        measured += with_shared_shapes([measure(kernel) for kernel in huge]) if huge else []
        flows = legal_dataflows(family)
        share = len(FAMILIES) * len(flows) * len(kernels)
        for dataflow in flows:
            for kernel, statistics in zip(kernels, measured, strict=True):
                campaign.evaluate(rng, family, dataflow, kernel, statistics, -(-count // share))
            for kernel, statistics in zip(small, measured, strict=False):
                campaign.simulate(rng, family, dataflow, kernel, statistics, -(-simulated // share))
        print(
            f"{family}: {len(kernels)} kernels, {campaign.count:,} designs, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return report(campaign)


def report(campaign: Campaign) -> bool:
    """Print what was found; whether every law holds."""
    laws = [law for law in campaign.broken if ": " not in law]
    for law in laws:
        if not campaign.broken[law]:
            continue
        print(f"{campaign.broken[law]:8d} break: {law}; the first: {campaign.examples[law]}")
        where = {at.removeprefix(f"{law}: "): n for at, n in campaign.broken.items() if at.startswith(f"{law}: ") and n}
        print("        ", "; ".join(f"{n} {at}" for at, n in sorted(where.items(), key=lambda one: -one[1])[:6]))
    for family, what in sorted({key[:2] for key in campaign.errors}):
        runs = [(abs(np.log(ratio)), ratio, name, words)
                for (of, which, name), found in campaign.errors.items() if (of, which) == (family, what)
                for ratio, words in found]  # fmt: skip
        errors = np.expm1([run[0] for run in runs])
        print(f"{family} {what}: {len(runs)} runs, median {np.median(errors):.2%}, 95th "
              f"{np.quantile(errors, 0.95):.2%}, worst {errors.max():.2%}")  # fmt: skip
        worst = sorted(runs, reverse=True)
        print("        ", "; ".join(f"{ratio:.3f} {name}" for _, ratio, name, _ in worst[:6]))
        print(f"         the worst: {worst[0][3]}")
    held = sum(not campaign.broken[law] for law in laws)
    print(f"{campaign.count:,} designs; {held} of {len(laws)} laws hold for all")
    return held == len(laws)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    if len(numbers) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(0 if run(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else SIMULATED) else 1)
