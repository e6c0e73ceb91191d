"""What is proven of a front, in words."""

from collections.abc import Sequence

from dse import Certificate, Standing


def standing_line(standing: Standing) -> str:
    """One line of the gap as it falls."""
    return (
        f"{standing.seconds:7.1f} s: gap at most {standing.gap:.2%}; {standing.boxes:,} boxes bounded, "
        f"{standing.left:,} left, {standing.evaluations:,} mappings"
    )


def certificate_story(certificate: Certificate, names: Sequence[str], designs: float) -> str:
    """The gap, what could be gained of each objective, and on what the proof rests."""
    last = certificate.history[-1]
    held = 1.0 - last.gap
    lines = [
        f"Of {designs:.2e} designs none gets beyond {len(certificate.objectives)} points, so this front of "
        f"{len(certificate.known)} designs has at least {held:.2%} of the true front's hypervolume "
        "(log10 of the objectives, from this front's ideal to 10 % beyond its nadir; nothing outside counts).",
        *(
            f"  No design has less than {float(share):.4g} times this front's least {name}."
            for name, share in zip(names, last.least, strict=True)
        ),
    ]
    if last.left == 0:
        lines.append("Every machine of the space was tried: what is left is only that each kernel is bounded alone.")
    if certificate.proven:
        lines.append("All of it follows from the model's formulas (dse/analysis/front_bound.py, box_costs.py).")
    else:
        lines.append(
            "Proven from the model's formulas, but for one rule that was only tested: with buffers large enough, a "
            "mapping takes no more cycles on more PE rows, columns and lanes (dse/analysis/box_costs.py)."
        )
    return "\n".join(lines)


def standing_row(standing: Standing, names: Sequence[str]) -> dict[str, float | int]:
    """A row of gap.csv; `names` of the objectives."""
    least = {f"least_{name}_over_found": float(share) for name, share in zip(names, standing.least, strict=True)}
    counts = {"boxes": standing.boxes, "boxes_left": standing.left, "evaluations": standing.evaluations}
    return {"seconds": standing.seconds, "gap": standing.gap, **least, **counts}
