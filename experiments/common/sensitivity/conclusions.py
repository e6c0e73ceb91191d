"""What survives: shares of draws, put into tables and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse import Outcomes, beaten_shares, front_shares, rank_correlations, uncertainty, winning_shares
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, RESOURCES
from hwmodels.technology import Constant

QUANTITIES = {
    "latency_s": (1.0, 0.0, 0.0),
    "energy_pj": (0.0, 1.0, 0.0),
    "area_mm2": (0.0, 0.0, 1.0),
    "edp": (1.0, 1.0, 0.0),
}
"""Exponents of latency, energy and area."""
WORDS = {"latency_s": "latency", "energy_pj": "energy", "area_mm2": "area", "edp": "energy-delay product"}
SURE, LIKELY = 0.95, 0.8
PERCENTILES = (2.5, 50.0, 97.5)


@dataclass(frozen=True)
class Survey:
    """n designs under d draws of C constants, and with the constants as they are."""

    constants: Sequence[Constant]
    factors: np.ndarray
    """Shape [d, C]."""
    drawn: Outcomes
    default: Outcomes
    """Of one draw, the constants themselves."""

    def ratios(self, quantity: str) -> np.ndarray:
        """A quantity over its default, whether or not the design is sound, shape [d, n]."""
        exponents = QUANTITIES[quantity]
        log = 0.0
        for power, part in zip(exponents, ("latency_s", "energy_pj", "area_mm2"), strict=True):
            pair = [getattr(outcomes, part) for outcomes in (self.drawn, self.default)]
            drawn, default = (p if p.ndim == 2 else p.sum(axis=2) for p in pair)
            log = log + power * np.log(drawn / default)
        return np.exp(log)

    def values(self, quantity: str) -> np.ndarray:
        """A quantity, infinite where a design is not sound, shape [d, n]."""
        return self.drawn.values(QUANTITIES[quantity])

    def on_front(self) -> np.ndarray:
        """Share of the draws in which each design is not dominated in latency, energy and area, shape [n]."""
        return front_shares(np.stack([self.values(name) for name in list(QUANTITIES)[:3]], axis=2))


def verdict(share: float) -> str:
    """A share of draws as a word."""
    return (
        "survives" if share >= SURE else "mostly survives" if share >= LIKELY else "is open" if share > 0.5 else "falls"
    )


def design_rows(survey: Survey) -> list[dict[str, Any]]:
    """Rows of `designs.csv`: how far each design's objectives spread, and what of it survives."""
    on_front, least = survey.on_front(), {name: winning_shares(survey.values(name)) for name in QUANTITIES}
    binds, spends = _kept(survey, "bound_cycles"), _kept(survey, "energy_pj")
    takes = _kept(survey, "area_mm2")
    spread = {name: np.percentile(survey.ratios(name), PERCENTILES, axis=0) for name in QUANTITIES}
    rows = []
    for at in range(len(on_front)):
        row: dict[str, Any] = {"row": at, "on_front_share": float(on_front[at])}
        row["reaches_clock_share"] = float(survey.drawn.sound[:, at].mean())
        for name in QUANTITIES:
            for percent, value in zip(PERCENTILES, spread[name][:, at], strict=True):
                row[f"{name}_p{percent:g}_over_default"] = float(value)
            row[f"least_{name}_share"] = float(least[name][at])
        for what, names, (first, kept) in (
            ("bottleneck", RESOURCES, binds),
            ("largest_energy", ENERGY_COMPONENTS, spends),
            ("largest_area", AREA_COMPONENTS, takes),
        ):
            row |= {what: names[first[at]], f"{what}_kept_share": float(kept[at])}
        rows.append(row)
    return rows


def _kept(survey: Survey, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The largest component of each design by default, and the share of the draws in which it stays the largest."""
    first = getattr(survey.default, part)[0].argmax(axis=1)
    return first, (getattr(survey.drawn, part).argmax(axis=2) == first).mean(axis=0)


def pair_rows(survey: Survey) -> list[dict[str, Any]]:
    """Rows of `pairs.csv`: in which share of the draws design a has less than design b."""
    tables = {name: beaten_shares(survey.values(name)) for name in QUANTITIES}
    pairs = [(a, b) for a in range(len(tables["edp"])) for b in range(len(tables["edp"])) if a != b]
    return [
        {"a": a, "b": b} | {f"less_{name}_share": float(table[a, b]) for name, table in tables.items()}
        for a, b in pairs
    ]


def constant_rows(survey: Survey, low: Outcomes, high: Outcomes, focus: int) -> list[dict[str, Any]]:
    """Rows of `constants.csv`, the most influential first: swing of each objective of one design, and rank correlation.

    `low` and `high` hold one draw for each constant: at the lower and upper end of its range, the others as they are.
    """
    known = uncertainty(survey.constants)
    rows: list[dict[str, Any]] = []
    correlations = {name: rank_correlations(survey.factors, survey.ratios(name)[:, focus]) for name in QUANTITIES}
    swings = {
        name: [_over_default(survey, outcomes, name)[:, focus] for outcomes in (low, high)] for name in QUANTITIES
    }
    for at, constant in enumerate(survey.constants):
        row: dict[str, Any] = {"constant": constant.name, "value": constant.value, "unit": constant.unit}
        row |= {"confidence": constant.confidence, "factor": known[constant.name]}
        for name in QUANTITIES:
            row |= {f"{name}_{end}": float(swing[at]) for end, swing in zip(("low", "high"), swings[name], strict=True)}
            row[f"{name}_rank_correlation"] = float(correlations[name][at])
        rows.append(row)
    return sorted(rows, key=lambda row: -abs(np.log(row["edp_high"] / row["edp_low"])))


def _over_default(survey: Survey, outcomes: Outcomes, name: str) -> np.ndarray:
    return Survey(survey.constants, survey.factors, outcomes, survey.default).ratios(name)


def choice_rows(question: str, values: Sequence[str], survey: Survey) -> list[dict[str, Any]]:
    """Rows of `choices.csv` for one choice: rivals by energy-delay product, best by default first."""
    wins, default = winning_shares(survey.values("edp")), survey.default.values(QUANTITIES["edp"])[0]
    order = np.argsort(default)
    ahead = beaten_shares(survey.values("edp"))[order[0]]
    return [
        {
            "choice": question,
            "value": values[at],
            "edp_js": float(default[at]) * 1e-12,
            "over_best": float(default[at] / default[order[0]]),
            "best_share": float(wins[at]),
            "beaten_by_best_share": 0.0 if at == order[0] else float(ahead[at]),
        }
        for at in order
    ]


def story(
    survey: Survey,
    designs: Sequence[Mapping[str, Any]],
    named: Mapping[str, int],
    choices: Sequence[Sequence[Mapping[str, Any]]],
    focus: int,
) -> list[str]:
    """Conclusions in words, each with the share of the draws in which it holds; `designs` are the `design_rows`."""
    values = {name: survey.values(name) for name in QUANTITIES}
    shares = np.array([row["on_front_share"] for row in designs])
    lines = [
        f"of {len(shares)} designs, {int((shares >= SURE).sum())} stay non-dominated in at least {SURE:.0%} of the "
        f"draws, {int((shares < 0.5).sum())} in less than half; on average a design stays in {shares.mean():.0%}"
    ]
    for words, at in named.items():
        row = designs[at]
        spread = ", ".join(
            f"{WORDS[name]} {row[f'{name}_p2.5_over_default']:.2f} to {row[f'{name}_p97.5_over_default']:.2f} x"
            for name in QUANTITIES
        )
        lines += [
            f"design {at} ({words}) stays non-dominated in {row['on_front_share']:.0%} of the draws and reaches its "
            f"clock in {row['reaches_clock_share']:.0%}",
            f"  95 % of the draws, over the default: {spread}",
            f"  bound by {row['bottleneck']} in {row['bottleneck_kept_share']:.0%}; "
            f"{row['largest_energy']} takes the most energy in {row['largest_energy_kept_share']:.0%}; "
            f"{row['largest_area']} the most area in {row['largest_area_kept_share']:.0%}",
        ]
    for name in QUANTITIES:
        best = int(survey.default.values(QUANTITIES[name])[0].argmin())
        share = winning_shares(values[name])[best]
        lines.append(f"design {best} has the least {WORDS[name]}: {verdict(share)}, in {share:.0%} of the draws")
    beaten = beaten_shares(values["edp"])
    default = survey.default.values(QUANTITIES["edp"])[0]
    for other in named.values():
        if other != focus:
            a, b = (focus, other) if default[focus] < default[other] else (other, focus)
            lines.append(
                f"design {a} has a smaller energy-delay product than design {b} ({default[b] / default[a]:.3g} x): "
                f"{verdict(beaten[a, b])}, in {beaten[a, b]:.0%}"
            )
    for rows in choices:
        lines += choice_story(rows)
    return lines


def choice_story(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What becomes of the best value of one choice, and by how much it leads the others."""
    if len(rows) < 2:
        return []
    best, *others = rows
    against = ", ".join(
        f"over {row['value']} ({row['over_best']:.2f} x) in {row['beaten_by_best_share']:.0%}" for row in others[:3]
    )
    share = best["best_share"]
    return [f"{best['choice']}: {best['value']} is best: {verdict(share)}, in {share:.0%} of the draws; {against}"]


def label_story(survey: Survey, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """In which share of the draws the best design of the front still has the property it has by default.

    `labels` names each design's value of a property (by default: a bottleneck is that of the constants as they are).
    """
    lines = []
    for name in ("edp", "energy_pj"):
        best = int(survey.default.values(QUANTITIES[name])[0].argmin())
        wins, texts = winning_shares(survey.values(name)), []
        for question, values in labels.items():
            share = sum(win for win, value in zip(wins, values, strict=True) if value == values[best])
            texts.append(f"{question} {values[best]} {verdict(share)} ({share:.0%})")
        lines.append(f"whichever design has the least {WORDS[name]}: {', '.join(texts)}")
    return lines


def constants_story(rows: Sequence[Mapping[str, Any]], draws: int, count: int = 5) -> list[str]:
    """The constants that matter most for one design; what chance makes of their squares in `draws` is taken off."""
    strongest = sorted(rows, key=lambda row: -abs(row["edp_rank_correlation"]))[:count]
    chance = sum(row["edp_rank_correlation"] != 0 for row in rows) / max(draws - 1, 1)
    explained = max(sum(row["edp_rank_correlation"] ** 2 for row in rows) - chance, 0.0)
    return [
        "what its energy-delay product hangs on (rank correlation): "
        + ", ".join(f"{row['constant']} {row['edp_rank_correlation']:+.2f} ({row['confidence']})" for row in strongest),
        f"  all {len(rows)} constants together explain {min(explained, 1.0):.0%} of the variance of its ranks",
    ]
