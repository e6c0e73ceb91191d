"""The sparsity report in rows, words and tables."""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

from experiments.common.design_words import energy, mapping_words, quantity
from experiments.common.sparsity.bits import Bounds, FormatBits
from experiments.common.sparsity.inputs import Pattern, Subject
from experiments.common.sparsity.saving import Saving
from experiments.common.table import text_table
from hwmodels.design.choices import FORMATS
from workloads.statistics.schedules import SCHEDULES
from workloads.structure import Structure
from workloads.structure.balance import PARTITIONS


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
    """A pattern, looked at."""

    pattern: Pattern
    structure: Structure
    stored: FormatBits
    picture: str
    """Name of the file."""


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """A kernel: the profiles of its sparse operands, bounds and expectations."""

    subject: Subject
    operands: dict[str, Profile]
    bounds: Bounds | None
    effectual: float
    saving: Saving | None

    @property
    def products(self) -> float:
        """All products over the effectual ones; NaN where none is."""
        return 1 / self.effectual if self.effectual else math.nan

    @property
    def main(self) -> Profile | None:
        """The operand that is walked: A, or the mask."""
        return next(iter(self.operands.values()), None)


LONGEST_NAME = 48
"""Characters of a kernel's name in the table."""
LEGEND = (
    "`P=64`: load of the most loaded of 64 partitions of the rows under the best schedule, over the mean. `A`, `B`: "
    "best format and bits for each non-zero. `x mult.`, `x bits`: the most that skipping can save in multiplies and in "
    "operand bits. `x time`, `x energy`: what the models expect."
)


def report_row(entry: Entry) -> dict[str, Any]:
    """One row of `report.csv`; empty where a thing is not known or does not exist."""
    kernel, saving, bound = entry.subject.kernel, entry.saving, entry.bounds
    row: dict[str, Any] = {
        "kernel": entry.subject.name,
        "kind": kernel.kind,
        "m": kernel.m,
        "k": kernel.k,
        "n": kernel.n,
    }
    for operand in ("a", "b"):
        profile = entry.operands.get(operand) or (entry.operands.get("mask") if operand == "a" else None)
        row |= {f"{operand}_{name}": value for name, value in _operand_row(profile).items()}
    sparse, dense, chosen = (None, None, None) if saving is None else (saving.sparse, saving.dense, saving.run)
    return row | {
        "effectual_fraction": entry.effectual,
        "bound_multiplies": _known(entry.products),
        "bound_traffic": "" if bound is None else bound.traffic,
        "sparsity_pays": "" if saving is None else saving.pays,
        "expected_latency_saving": _known(None if saving is None else saving.latency),
        "expected_energy_saving": _known(None if saving is None else saving.energy),
        "sparse_latency_s": _known(sparse and sparse.latency_s),
        "sparse_energy_pj": _known(sparse and sparse.energy_pj),
        "dense_latency_s": _known(dense and dense.latency_s),
        "dense_energy_pj": _known(dense and dense.energy_pj),
        "mapping": mapping_words(chosen.mapping) if chosen else "",
        "note": entry.subject.note,
    }


def _operand_row(profile: Profile | None) -> dict[str, Any]:
    """Columns of one operand."""
    if profile is None:
        empty = ("matrix", "zeros_percent", "nonzeros", "origin", "evidence", "structure", "findings", "best_format")
        return dict.fromkeys((*empty, *_numbers(None), "picture"), "")
    structure, stored = profile.structure, profile.stored
    return {
        "matrix": profile.pattern.name,
        "zeros_percent": 100 * structure.zeros,
        "nonzeros": structure.nnz,
        "origin": structure.origin.kind,
        "evidence": "; ".join(structure.origin.evidence),
        "structure": ", ".join(structure.findings),
        "findings": "; ".join(f"{name}: {text}" for name, text in structure.findings.items()),
        "best_format": stored.best,
        **_numbers(profile),
        "picture": profile.picture,
    }


def _numbers(profile: Profile | None) -> dict[str, float]:
    """Numbers of one operand by column; NaN for none."""
    if profile is None:
        names = [f"bits_per_nonzero_{name}" for name in FORMATS]
        return dict.fromkeys(("bits_per_nonzero", *names, *_unevenness(None)), math.nan)
    bits = profile.stored.per_nonzero
    named = {f"bits_per_nonzero_{name}": value for name, value in bits.items()}
    return {"bits_per_nonzero": bits[profile.stored.best]} | named | _unevenness(profile.structure)


def _unevenness(structure: Structure | None) -> dict[str, float]:
    names = [f"imbalance_{schedule}_{parts}" for parts in PARTITIONS for schedule in SCHEDULES]
    if structure is None:
        return dict.fromkeys(("row_max_over_mean", "row_gini", "column_max_over_mean", "column_gini", *names), math.nan)
    rows, columns = structure.balance, structure.column_balance
    values = [rows.most[parts, schedule] for parts in PARTITIONS for schedule in SCHEDULES]
    return {
        "row_max_over_mean": rows.fullest,
        "row_gini": rows.gini,
        "column_max_over_mean": columns.fullest,
        "column_gini": columns.gini,
        **dict(zip(names, values, strict=True)),
    }


def _known(value: float | None) -> float | str:
    return "" if value is None or math.isnan(value) else value


def headline(entries: Sequence[Entry]) -> str:
    """One line a kernel."""
    header = (
        "kernel",
        "zeros",
        "origin",
        "structure",
        "P=64",
        "A",
        "B",
        "effectual",
        "x mult.",
        "x bits",
        "x time",
        "x energy",
    )
    names = [_short(entry.subject.name) for entry in entries]
    if len(set(names)) < len(names):
        names = [entry.subject.name for entry in entries]
    rows = [(name, *_headline_row(entry)) for name, entry in zip(names, entries, strict=True)]
    return text_table(header, rows, left=(0, 2, 3, 5, 6))


def _headline_row(entry: Entry) -> tuple[str, ...]:
    """All but the name."""
    main, second, saving = entry.main, entry.operands.get("b"), entry.saving
    bound = entry.bounds
    gains = ("-", "-") if saving is None else (_times(saving.latency), _times(saving.energy))
    if main is None:
        told = (percent(1 - entry.effectual), "-", "by density model", "-", "-", "-")
    else:
        structure = main.structure
        imbalance = min(structure.balance.most[64, schedule] for schedule in SCHEDULES)
        names = ", ".join(list(structure.findings)[:2])
        stored = f"{main.stored.best} {main.stored.per_nonzero[main.stored.best]:.3g} b"
        other = f"{second.stored.best} {second.stored.per_nonzero[second.stored.best]:.3g} b" if second else "dense"
        origin = structure.origin.kind if structure.zeros else "-"
        told = (percent(structure.zeros), origin, names, f"{imbalance:.2f}", stored, other)
    return (
        *told,
        f"{100 * entry.effectual:.3g}%",
        _times(entry.products),
        "-" if bound is None else _times(bound.traffic),
        *gains,
    )


def _short(name: str) -> str:
    """Without the file's suffix, and cut in the middle; the end tells layers apart."""
    plain = re.sub(r"\.(mtx|smtx|npz|npy|txt|el|edges|edgelist|tsv|csv)(\.gz)?(?=@|#|$)", "", name)
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME // 3]}..{plain[-LONGEST_NAME * 2 // 3 :]}"


def percent(share: float) -> str:
    """Two digits behind the point, four where that would round to all."""
    return f"{share:.2%}" if share < 0.9995 else f"{share:.4%}"


def _times(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def pattern_words(profile: Profile) -> list[str]:
    """What is found in a pattern, a sentence each."""
    structure = profile.structure
    evidence = "; ".join(structure.origin.evidence) or "neither source nor pattern says"
    lines = [f"{name}: {text}" for name, text in structure.findings.items()]
    if structure.zeros:
        kind = "of unknown origin" if structure.origin.kind == "unknown" else structure.origin.kind
        lines.append(f"zeros are {kind}: {evidence}")
    lines.append(
        f"fullest row {structure.balance.fullest:.3g} times the mean, Gini {structure.balance.gini:.2f}; fullest "
        f"column {structure.column_balance.fullest:.3g} times, Gini {structure.column_balance.gini:.2f}"
    )
    most = structure.balance.most
    dealt = ", ".join(f"{schedule} {most[64, schedule]:.2f}" for schedule in SCHEDULES)
    lines.append(f"most loaded of 64 partitions over the mean: {dealt}")
    return [*lines, _format_words(profile.stored)]


def _format_words(stored: FormatBits) -> str:
    """The best format, and those that are as good."""
    bits, best = stored.per_nonzero, stored.best
    alike = [name for name in FORMATS if stored.bits[name] == stored.bits[best]]
    return f"best format: {' or '.join(alike)}, {bits[best]:.3g} bits for each non-zero"


def saving_words(entry: Entry) -> str:
    """One sentence on what the models expect."""
    saving = entry.saving
    if saving is None:
        return f"No saving is given: the models do not price this {entry.subject.kernel.kind} and its dense mode."
    if saving.run is None:
        return "Nothing fits the hardware, sparse or dense."
    if saving.dense is None:
        return f"Dense operands do not fit the hardware; sparse it takes {_run_words(saving.run)}."
    if saving.sparse is None:
        return f"Nothing compressed fits the hardware; dense it takes {_run_words(saving.dense)}."
    if not saving.pays:
        return f"Run dense ({_run_words(saving.dense)}): sparsity does not pay ({_run_words(saving.sparse)} sparse)."
    return (
        f"Expected saving: {saving.latency:.3g} times the speed and {saving.energy:.3g} times less energy "
        f"({_run_words(saving.sparse)} sparse, {_run_words(saving.dense)} dense), by "
        f"{mapping_words(saving.sparse.mapping)}."
    )


def _run_words(run: Any) -> str:
    return f"{quantity(run.latency_s, 's')} and {energy(run.energy_pj)}"


def report_text(entries: Sequence[Entry], profiles: Sequence[Profile], where: str) -> str:
    """`report.md`."""
    parts = [
        "# Sparsity report",
        f"Expected savings on {where}.",
        "```text\n" + headline(entries) + "\n```",
        LEGEND,
        "## Kernels",
        *(_kernel_text(entry) for entry in entries),
        "## Matrices",
        *(_matrix_text(profile) for profile in profiles),
    ]
    return "\n\n".join(parts) + "\n"


def _kernel_text(entry: Entry) -> str:
    kernel, bound = entry.subject.kernel, entry.bounds
    lines = [f"### {entry.subject.name}", f"{kernel.kind}, m {kernel.m:,}, k {kernel.k:,}, n {kernel.n:,}."]
    if entry.subject.note:
        lines[-1] += f" It is {entry.subject.note}."
    operands = [f"{operand.upper()} is {profile.pattern.name}" for operand, profile in entry.operands.items()]
    lines[-1] += f" {', '.join(operands)}." if operands else ""
    saved = f"at most {_times(entry.products)} times" if entry.effectual else "all"
    text = f"{100 * entry.effectual:.3g}% of the products are effectual: skipping saves {saved} the multiplies"
    text += "" if bound is None else f" and {_times(bound.traffic)} times the operand bits"
    return "\n\n".join([*lines, f"{text}. {saving_words(entry)}"])


def _matrix_text(profile: Profile) -> str:
    structure = profile.structure
    m, k = structure.shape
    bullets = "\n".join(f"- {line}" for line in pattern_words(profile))
    bits = profile.stored.per_nonzero
    formats = text_table(
        ("format", "bits/non-zero"), [(f, f"{bits[f]:.4g}") for f in sorted(bits, key=lambda f: bits[f])]
    )
    most = structure.balance.most
    rows = [(parts, *(f"{most[parts, schedule]:.3f}" for schedule in SCHEDULES)) for parts in PARTITIONS]
    loads = text_table(("partitions", *SCHEDULES), rows)
    return "\n\n".join(
        [
            f"### {profile.pattern.name}",
            f"{m:,} x {k:,}, {structure.nnz:,} non-zeros, {percent(structure.zeros)} zeros.",
            bullets,
            f"![{profile.pattern.name}]({profile.picture})",
            f"```text\n{formats}\n\n{loads}\n```",
        ]
    )
