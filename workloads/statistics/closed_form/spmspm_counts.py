"""Expected counts of two operands, A and B independent of each other."""

import numpy as np

from workloads.densities.density import Density
from workloads.statistics.closed_form.fiber_pairs import walk_steps
from workloads.statistics.closed_form.row_assignment import mean_of_most
from workloads.statistics.closed_form.row_conflicts import expected_rows
from workloads.statistics.closed_form.row_distributions import row_laws
from workloads.statistics.closed_form.row_stacks import EntryWork, Stack
from workloads.statistics.closed_form.sum_distributions import Law
from workloads.statistics.fiber_pairs import PAIR_STEPS
from workloads.statistics.lattice import levels
from workloads.statistics.spmspm_counts import DEPTH_QUANTITIES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES


def row_weights(b: Density, k: int, n: int) -> EntryWork:
    """Work of an entry of A: the non-zeros of a row of B [k, n]."""
    (law,) = (one.law for one in row_laws(b, k, n, n))
    return EntryWork(law.mean, law.variance)


def expected_pair(a: Density, b: Density, shape: tuple[int, int, int], a_extents: np.ndarray) -> dict[str, np.ndarray]:
    """Expected counts of a pair, in the layout of `spmspm_counts.count_pair`, and `b_padding` [Ln].

    `a_extents` [Lm, Lk, 2, classes]: non-empty tiles of A as wide as nominal, and of those at the edge.
    """
    m, k, n = shape
    lm, lk, ln = (levels(size) for size in shape)
    a_nnz, b_nnz = a.nonzeros(m, k), b.nonzeros(k, n)
    b_stacks = [[(one.count, Stack(one)) for one in row_laws(b, k, n, min(1 << level, n))] for level in range(ln)]
    share_a, share_b = a_nnz / (m * k), b_nnz / (k * n)

    visits, met_squares = np.zeros((lm, lk, ln, CLASSES)), np.zeros((lm, lk, ln, CLASSES))
    met, columns, a_visits = np.zeros((lm, lk, CLASSES)), np.zeros((lm, lk, ln)), np.zeros((lk, ln))
    depth = np.zeros((lk, len(DEPTH_QUANTITIES)))

    def meet(level: int) -> None:
        size = min(1 << level, k)
        extents = [(k // size, size), (1 if k % size else 0, k % size)]
        laws = row_laws(a, m, k, size)
        for at, (blocks, depth_k) in enumerate(extents):
            if not blocks:
                continue
            a_tiles = a_extents[:, level, at]
            each_a, each_b = share_a * depth_k * m, share_b * depth_k * n
            met[:, level] += a_tiles * each_b
            for wide, stacks in enumerate(b_stacks):
                held = [(count, stack.width, stack.law(depth_k)) for count, stack in stacks]
                some = [(count, width, 1 - empty(law)) for count, width, law in held]
                tiles = sum(count * chance for count, _, chance in some)
                visits[:, level, wide] += a_tiles * tiles
                squares = sum(count * (law.variance + law.mean**2) for count, _, law in held)
                met_squares[:, level, wide] += a_tiles * squares
                widths = sum(count * width * chance for count, width, chance in some)
                columns[:, level, wide] += a_tiles.sum(axis=1) * widths
                a_visits[level, wide] += blocks * each_a * tiles
            rows = [(one, one.law.probability) for one in laws if one.width == depth_k]
            weights = np.array([one.count for one, _ in rows], float)
            no_row = weights @ [empty(one.law) for one, _ in rows] / weights.sum()
            a_rows, b_cols = m * (1 - no_row), n * (1 - (1 - share_b) ** depth_k)
            b_none = float(empty(b_stacks[-1][0][1].law(depth_k)))
            a_none = no_row**m
            missed = (
                sum(
                    weight * (chance @ (1 - share_b) ** one.law.points)
                    for weight, (one, chance) in zip(weights, rows, strict=True)
                )
                / weights.sum()
            )
            depth[level] += blocks * np.array(
                [
                    each_a * (1 - b_none),
                    each_b * (1 - a_none),
                    a_rows * b_cols,
                    each_a * b_cols,
                    a_rows * each_b,
                    PAIR_STEPS * a_rows * b_cols + m * n * walk_steps(a, share_a, share_b, k, depth_k),
                    m * n * (1 - missed),
                ]
            )

    in_threads(meet, lk)
    products = a_nnz * b_nnz / k
    return {
        "visits": visits,
        "met": met,
        "met_squares": met_squares,
        "columns": columns,
        "a_visits": a_visits,
        "depth": depth,
        "depth_errors": np.zeros_like(depth),
        "block_products": _block_products(a, m, k, row_weights(b, k, n)),
        **expected_rows(b, a_nnz, k, n),
        "b_padding": np.array(
            [
                k * sum(one.count * float(one.law.parts[:, 5].sum()) for one in row_laws(b, k, n, min(1 << level, n)))
                for level in range(ln)
            ]
        ),
        "totals": np.array([products, depth[-1, 6]]),
    }


def empty(law: Law) -> float:
    """P(no non-zero)."""
    return float(law.probability[law.points < 0.5].sum())


def _block_products(a: Density, m: int, k: int, weights: EntryWork) -> np.ndarray:
    """Expected products of the row block that has most, for blocks of 1, 2, 4, ... rows."""
    stack = Stack(row_laws(a, m, k, k)[0], weights)
    most = []
    for level in range(levels(m)):
        height = min(1 << level, m)
        thresholds, joint = stack.load_law(height, "work")
        below = joint[None, :] ** (m // height)
        whole = np.array([1e300])
        most.append(float(mean_of_most(below, thresholds.at, thresholds.stepped, whole, 1e300)[0]))
    return np.array(most)
