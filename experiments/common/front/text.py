"""A front in words."""

from collections.abc import Mapping, Sequence

import numpy as np

from dse import AtBound, Costed, DenseRival, Result
from experiments.common.design_words import energy, hardware_words, mapping_words, quantity
from experiments.common.front.shares import bottlenecks, lasting_shares, main_formats
from experiments.common.table import text_table
from hwmodels.clock import limiting_part
from hwmodels.cost import AREA_COMPONENTS, within_limit
from hwmodels.technology import Technology


def named_story(front: Sequence[Costed], named: Mapping[str, int], rivals: Mapping[str, DenseRival]) -> str:
    """The designs pointed out, each with its dense rival if it has one."""
    lines = []
    for words, row in named.items():
        lines += ["", *design_story(front[row], words)]
        if words in rivals:
            lines.append(f"     {rival_words(rivals[words])}")
    return "\n".join(lines[1:])


def design_story(costed: Costed, words: str) -> list[str]:
    """One design in words, and a table of its kernels, each for one run of those that it has."""
    latency, picojoules, area = costed.point
    name, share = costed.total.bottleneck, costed.total.bottleneck_share
    head = f"{words}: {quantity(latency, 's')}, {energy(picojoules)}, {area:.3g} mm2"
    often = bool((costed.repeats != 1).any())
    header = ("kernel", *(("runs",) if often else ()), "latency", "energy", "used", "bound by", "mapping")
    table = [
        (
            kernel,
            *((f"{repeats:g}",) if often else ()),
            quantity(float(cost.latency_s), "s"),
            energy(float(np.sum(cost.energy_pj))),
            f"{float(cost.utilization):.1%}",
            cost.bottleneck,
            mapping_words(mapping),
        )
        for kernel, mapping, cost, repeats in zip(
            costed.design.kernels, costed.design.mappings, costed.kernels, costed.repeats, strict=True
        )
    ]
    return [
        f"{head}, bound by {name} for {share:.0%} of the time",
        f"     {hardware_words(costed.design)}",
        text_table(header, table, indent="     ", left=(0, len(header) - 1)),
    ]


def rival_words(rival: DenseRival) -> str:
    """What the dense accelerator beside a design takes; says so where it leaves area unused."""
    area = rival.costed.point[2]
    left = "" if within_limit(1.0, rival.times_area) else " (it has no use for as much area as this design has)"
    ahead = rival.times_latency < 1 and rival.times_energy < 1
    sizes = ", ".join(f"{name}={value:g}" for name, value in rival.between.items())
    why = (
        f"with sizes between those that were searched ({sizes}), which --fix can add"
        if sizes
        else "so the search has come to its end too early: raise --budget"
    )
    short = f"; it is ahead in both, {why}" if ahead else ""
    return (
        f"a dense accelerator of {area:.3g} mm2{left} takes {rival.times_latency:.3g} times as long and "
        f"{rival.times_energy:.3g} times the energy{short}"
    )


def front_story(
    fronts: Sequence[Sequence[Costed]], found: int, min_gain: float, max_price: float, technology: Technology
) -> str:
    """The first of some fronts as a whole, with the shares that hold over all of them.

    **Arguments**: the front that is shown and those of restarts; `found`: designs before those were left out that buy
    less than `min_gain` for more than `max_price`.
    """
    front = fronts[0]
    points = np.array([costed.point for costed in front])
    low, high = points.min(axis=0), points.max(axis=0)
    lines = [
        f"{len(front)} designs from {quantity(low[0], 's')} to {quantity(high[0], 's')} ({high[0] / low[0]:.3g} x), "
        f"from {energy(low[1])} to {energy(high[1])} ({high[1] / low[1]:.3g} x), "
        f"from {low[2]:.3g} to {high[2]:.3g} mm2 ({high[2] / low[2]:.3g} x)"
    ]
    if found > len(front):
        lines.append(
            f"  {found - len(front)} more are left out: they are alike (--designs), or buy less than "
            f"{100 * min_gain:.3g} % of one objective for more than {100 * max_price:.3g} % of another (--min-gain, "
            "--max-price)"
        )
    lines += [
        f"  {phy_words(front)}",
        f"  {die_words(front, technology)}",
        f"  bottlenecks: {lasting_shares([bottlenecks(one) for one in fronts])}",
        f"  main format of A: {lasting_shares([main_formats(one, 'a') for one in fronts])}",
        f"  main format of B: {lasting_shares([main_formats(one, 'b') for one in fronts])}",
    ]
    return "\n".join(lines)


def phy_words(front: Sequence[Costed]) -> str:
    """Whether areas hold the PHY of the DRAM, and how much that is."""
    phy = [float(costed.total.area_mm2[AREA_COMPONENTS.index("dram_phy")]) for costed in front]
    if front[0].counts_phy:
        return f"areas are with the PHY of the DRAM, which is free: {min(phy):.3g} to {max(phy):.3g} mm2 of each"
    return f"areas are without the PHY of the DRAM, which takes {phy[0]:.3g} mm2 more on each"


def die_words(front: Sequence[Costed], technology: Technology) -> str:
    """The fastest clocks that the parts of the designs allow, what limits them, and the power over the area."""
    clocks = [float(costed.total.max_clock_ghz) for costed in front]
    parts = [limiting_part(clock, technology) for clock in clocks]
    limits = ", ".join(f"{part} on {parts.count(part) / len(parts):.0%}" for part in dict.fromkeys(parts))
    density = max(float(costed.total.power_density_w_mm2) for costed in front)
    return (
        f"at {float(technology.scenario.clock_ghz):g} GHz; the parts allow {min(clocks):.3g} to {max(clocks):.3g} GHz, "
        f"limited by {limits}; power over the die's area is {density:.3g} W/mm2 at most"
    )


def bounds_story(found: Sequence[AtBound]) -> str:
    """The bounds of the design space that a front lies on, with the option that widens each; empty if there is none."""
    if not found:
        return ""
    lines = ["Where the design space ends the front; wider by adding"]
    options: dict[str, tuple[float, ...]] = {}
    for one in found:
        end = "greatest" if one.upper else "least"
        lines.append(f"  {one.name} is at its {end}, {one.value:.10g}, on {one.share:.0%} of the front")
        options[one.name] = one.wider
    lines += [f"  --fix {name}={','.join(f'{value:.10g}' for value in wider)}" for name, wider in options.items()]
    return "\n".join(lines)


def search_story(result: Result, strategy: str, volume: float, seconds: float) -> str:
    """How long the search took, how far it got, and how sure it is."""
    ended = "it has settled" if result.converged else "the budget ended it: a larger --budget may find better designs"
    lines = [
        f"{strategy}: {result.evaluations:,} evaluations in {result.seconds:.1f} s, {seconds:.1f} s in all; {ended}",
        f"hypervolume {volume:.3f} of the box from the front's ideal to 10 % beyond its nadir, in log10; "
        f"the last half of the evaluations won {result.last_half_gain:.1%} of it",
    ]
    if result.restarts:
        *shares, last = (f"{share:.1%}" for share in result.restart_shares)
        shares = f"{', '.join(shares)} and {last}" if shares else last
        lines.append(f"its {len(result.restarts)} independent restarts came to {shares} of it, each by itself")
    return "\n".join(lines)
