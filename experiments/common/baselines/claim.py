"""The claim "1/70 of the energy, 8 times as fast", kernel by kernel: where a design reaches it, and what decides."""

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.common.baselines.machines import Contender, CpuAtHand, best_cpu
from experiments.common.design_words import quantity
from experiments.common.table import text_table
from hwmodels.baselines import MODELLED, CpuPower
from hwmodels.cost import ENERGY_COMPONENTS, Cost
from hwmodels.systems import Work

FASTER, LESS_ENERGY = 8.0, 70.0
"""The claim that is heard of Onyx against a CPU."""
CPU_WORDS = {"cpu_dense": "dense", "cpu_dense_1": "dense, 1 thread", "cpu_sparse": "sparse"}
ONYX_EDP_GAINS = {
    "ElemAdd3": 4.4,
    "SpM*SpV": 243.0,
    "SpM*SpM": 4.7,
    "ElemMult": 8.5,
    "TTV": 123.1,
    "TTM": 144.1,
    "InnerProd": 15.0,
    "MTTKRP": 564.6,
}
"""Energy-delay product of the best CPU over Onyx's, measured on the chip: Koul et al., "Onyx", VLSI 2024, Fig. 7b."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One kernel."""

    kernel: str
    speedup: float
    saving: float
    cpu: str
    """The better CPU run."""
    bound_by: str
    bound_share: float
    utilization: float
    top_energy: str
    top_share: float
    rate: float
    """Effectual multiplies a second of the design."""
    cpu_rate: float
    pj_per_multiply: float
    cpu_pj_per_multiply: float
    call_share: float
    """Share of the CPU's time that the same call takes on one element."""
    wasted: float
    """Multiplies of the CPU run for each effectual one."""
    roof_share: float
    """Rate of the multiplies that the CPU does over its measured GEMM rate."""

    @property
    def reaches(self) -> str:
        """`both`, `speed`, `energy` or `neither`."""
        fast, frugal = self.speedup >= FASTER, self.saving >= LESS_ENERGY
        return "both" if fast and frugal else "speed" if fast else "energy" if frugal else "neither"


def examine(
    design: Contender, machines: Sequence[Contender], cpu: CpuAtHand, works: Sequence[Work], names: Sequence[str]
) -> list[Verdict]:
    """Every kernel of a design against the better CPU run."""
    found = []
    for at in design.able():
        mine, (other, theirs), work = design.run(at), best_cpu(machines, at), works[at]
        cost = mine.cost
        assert isinstance(cost, Cost)
        parts = np.asarray(cost.energy_pj, float) / np.sum(cost.energy_pj)
        done = work.multiplies if other.name == "cpu_sparse" else work.dense_multiplies
        call = min(cpu.call_s[at][other.name] / theirs.latency_s, 1.0)
        found.append(
            Verdict(
                kernel=names[at],
                speedup=theirs.latency_s / mine.latency_s,
                saving=theirs.energy_pj / mine.energy_pj,
                cpu=other.name,
                bound_by=cost.bottleneck,
                bound_share=cost.bottleneck_share,
                utilization=float(cost.utilization),
                top_energy=ENERGY_COMPONENTS[int(parts.argmax())],
                top_share=float(parts.max()),
                rate=work.multiplies / mine.latency_s,
                cpu_rate=work.multiplies / theirs.latency_s,
                pj_per_multiply=mine.energy_pj / work.multiplies,
                cpu_pj_per_multiply=theirs.energy_pj / work.multiplies,
                call_share=call,
                wasted=done / work.multiplies,
                roof_share=done / theirs.latency_s / cpu.gemm_per_s,
            )
        )
    return found


def claim_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Rows of `claim.csv`."""
    units = {
        "rate": "multiplies_per_s",
        "cpu_rate": "cpu_multiplies_per_s",
        "wasted": "cpu_multiplies_per_effectual",
        "roof_share": "cpu_share_of_gemm_rate",
        "call_share": "cpu_call_share",
    }
    return [
        {"reaches": one.reaches, **{units.get(name, name): value for name, value in dataclasses.asdict(one).items()}}
        for one in verdicts
    ]


def claim_table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as text."""
    rows = [
        (
            one.kernel,
            f"{one.speedup:.3g} x",
            f"{one.saving:.3g} x",
            one.reaches,
            f"{one.bound_by} {one.bound_share:.0%}",
            f"{one.utilization:.1%}",
            f"{one.pj_per_multiply:.2g} pJ, {one.top_energy} {one.top_share:.0%}",
            CPU_WORDS[one.cpu],
            f"{one.cpu_pj_per_multiply:.3g} pJ",
            f"{one.call_share:.0%}",
            f"{one.wasted:.3g}",
            f"{one.roof_share:.1%}",
        )
        for one in verdicts
    ]
    header = (
        "kernel",
        "speed",
        "energy",
        "reaches",
        "bound by",
        "MACs used",
        "a multiply",
        "CPU",
        "a multiply",
        "in the call",
        "done for one",
        "of its GEMM",
    )
    return text_table(header, rows, left=(0, 3, 4, 6, 7))


def claim_story(verdicts: Sequence[Verdict], title: str, power: CpuPower) -> str:
    """What the verdicts teach, in sentences."""
    by = {kind: [one for one in verdicts if one.reaches == kind] for kind in ("both", "speed", "energy", "neither")}
    onyx = sorted(ONYX_EDP_GAINS.items(), key=lambda entry: -entry[1])
    mean = np.exp(np.mean(np.log(list(ONYX_EDP_GAINS.values()))))
    lines = [
        f'"1/70 of the energy, 8 times as fast" is an energy-delay product {FASTER * LESS_ENERGY:.0f} times smaller. '
        f"Onyx's chip has that against its CPU on one kernel of {len(onyx)} "
        f"({', '.join(f'{name} {gain:g}' for name, gain in onyx)}; geometric mean {mean:.3g}).",
        f"{title} against this CPU reaches both on {len(by['both'])} of {len(verdicts)} kernels"
        f"{_named(by['both'])}, only the speed on {len(by['speed'])}{_named(by['speed'])}, only the energy on "
        f"{len(by['energy'])}{_named(by['energy'])}, neither on {len(by['neither'])}{_named(by['neither'])}.",
    ]
    if power.by == MODELLED:
        watts = {one.kernel: power.core_w * LESS_ENERGY / one.saving for one in verdicts}
        low, high = min(watts, key=lambda name: watts[name]), max(watts, key=lambda name: watts[name])
        lines.append(
            f"The energy half is as good as the power of the CPU, here {power.core_w:.3g} W a busy core, not measured "
            f"and without DRAM (the design's energy includes it): 1/70 needs {watts[low]:.3g} W a core on {low}, "
            f"{watts[high]:.3g} W on {high}."
        )
    lines += [_why(one) for one in sorted(verdicts, key=lambda one: -one.speedup * one.saving)]
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="    ") for line in lines)


def _named(verdicts: Sequence[Verdict]) -> str:
    return f" ({', '.join(one.kernel for one in verdicts)})" if verdicts else ""


def _why(one: Verdict) -> str:
    """One kernel: what the machine does with it, and what the CPU does."""
    gain = one.speedup * one.saving
    machine = (
        f"{quantity(one.rate, 'multiplies/s')}, bound by {one.bound_by} "
        f"with {one.utilization:.0%} of the MACs at work; most energy goes to {one.top_energy}"
    )
    slack = 1.0 / max(one.utilization, 1e-9)
    if one.speedup < FASTER:
        machine += f"; MACs always at work would make it {slack:.3g} times as fast, where {FASTER:g} times asks for "
        machine += f"{FASTER / one.speedup:.3g}"
    if one.saving < LESS_ENERGY:
        rest = 1.0 / max(1.0 - one.top_share, 1e-9)
        machine += f"; were {one.top_energy} free, it would save {one.saving * rest:.3g} times the energy"
    spent = []
    if one.wasted > 1.05:
        spent.append(f"{one.wasted:.3g} multiplies for each that counts")
    if one.call_share > 0.05:
        spent.append(f"{one.call_share:.0%} of the time in calling the library")
    spent.append(f"{one.roof_share:.1%} of its GEMM rate")
    return (
        f"  {one.kernel}: {one.speedup:.3g} times as fast, {one.saving:.3g} times less energy (product {gain:.3g}). "
        f"The design does {machine}. The CPU ({CPU_WORDS[one.cpu]}) spends {', '.join(spent)}."
    )
