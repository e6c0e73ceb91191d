"""Pareto local search over lattice neighbours (Paquete, Chiarandini and Stuetzle, 2004), shared by the strategies.

The members of the front take turns, those that contribute most hypervolume more often, and try their untried neighbours
in random order. Kernels share nothing but the hardware, so a step in every kernel's mapping is tried in one evaluation;
`assemble` puts together what was best for each.
"""

from collections.abc import Callable

import moocore
import numpy as np

from dse.moves import hardware_neighbours, mapping_neighbours, random_steps, shrink_tiles
from dse.pareto import Box
from dse.problem import TOLERANCE
from dse.strategies.run import Run

PARENTS = 12
"""Members of the front that take part in one round."""
BATCH = 48
"""Neighbours tried in one round."""
CROSSED = 48
"""Children of two members of the front tried in one round: several coupled changes at once, each good somewhere."""
ASSEMBLED = 16
"""Designs put together of known mappings before what else can be put together is looked at again."""
STALLED = 40
"""Rounds of random steps without one new design, after which the space counts as searched."""


def polish(run: Run, until: int = 0) -> None:
    """Improve the run's front until only `until` evaluations remain, or nothing is left to try."""
    stalled = 0
    while run.remaining > until and run.scores is not None and stalled < STALLED:
        parents = choose_parents(run, PARENTS, lambda row: run.untried.get(row.tobytes()) != [])
        per_parent = max(BATCH // max(len(parents), 1), 1)
        children = []
        for parent in parents:
            queue = _queue(run, run.front[parent])
            children += [queue.pop() for _ in range(min(per_parent, len(queue)))]
        before = run.spent
        if children:
            try_children(run, np.array(children), until)
            try_children(run, _crossed(run), until)
        else:
            try_children(run, _kicks(run), until)
        stalled = 0 if run.spent > before else stalled + 1


def try_children(run: Run, children: np.ndarray, until: int = 0) -> None:
    """Score children; shrink the tiles of those that nearly fit, and score those."""
    problem = run.problem
    kept, scores = run.score(problem.encoding.canonical(children)[: max(run.remaining - until, 0)])
    if scores is None:
        return
    nearly = np.flatnonzero(
        (scores.violation > 0) & (scores.violation < 3.0) & (scores.fits[:, :, :3].max((1, 2)) > 1 + TOLERANCE)
    )
    if len(nearly):
        rows = shrink_tiles(problem.encoding, children[kept][nearly], scores.take(nearly), run.rng)
        run.score(problem.encoding.canonical(rows)[: max(run.remaining - until, 0)])


def assemble(run: Run) -> None:
    """Score what can be put together beyond the front of mappings tried on the same hardware, till no more is found."""
    while run.found and run.scores is not None and run.remaining:
        rows = run.problem.encoding.canonical(run.ledger.compositions(run.scores))
        if run.score(rows[run.unseen(rows)][:ASSEMBLED])[1] is None:
            return


def _queue(run: Run, row: np.ndarray) -> list[np.ndarray]:
    """Neighbours of a row that the polish has not tried yet."""
    key = row.tobytes()
    if key not in run.untried:
        run.untried[key] = _neighbours(run, row)
    return run.untried[key]


def choose_parents(run: Run, count: int, usable: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Members of the front to take the next steps from: at most `count` usable ones, the lonelier the likelier."""
    candidates = np.flatnonzero([usable(row) for row in run.front])
    if len(candidates) <= count:
        return candidates
    share = np.full(len(candidates), 1.0 / len(candidates))
    if run.found:
        assert run.scores is not None
        points = Box.of(run.scores.objectives).normalise(run.scores.objectives)
        gains = moocore.hv_contributions(points, ref=np.full(points.shape[1], 1.0))[candidates]
        if gains.sum() > 0:
            share = 0.3 * share + 0.7 * gains / gains.sum()
    return run.rng.choice(candidates, count, replace=False, p=share / share.sum())


def _neighbours(run: Run, row: np.ndarray) -> list[np.ndarray]:
    """All neighbours of a row in random order, and the best mappings known of its kernels (last, so tried first).

    Mapping steps of different kernels are taken together.
    """
    encoding, rng = run.problem.encoding, run.rng
    rows = list(hardware_neighbours(encoding, row))
    lists = [mapping_neighbours(encoding, row, kernel) for kernel in range(len(encoding.kernels))]
    together = [row.copy() for _ in range(max(len(steps) for steps in lists))]
    for kernel, steps in enumerate(lists):
        columns = encoding.of_kernel == kernel
        for child, step in zip(together, rng.permutation(len(steps)), strict=False):
            child[columns] = steps[step][columns]
    rows += together
    known = [run.bank.mappings(kernel) for kernel in range(len(lists))]
    best = [row.copy() for _ in range(max(len(mappings) for mappings in known))]
    for kernel, mappings in enumerate(known):
        for child, at in zip(best, rng.permutation(len(mappings)), strict=False):
            child[run.bank.columns[kernel]] = mappings[at]
    return [rows[i] for i in rng.permutation(len(rows))] + best


def _kicks(run: Run) -> np.ndarray:
    """Several random steps at once from random members of the front, when all single steps have been tried."""
    rows = run.front[run.rng.integers(len(run.front), size=BATCH)]
    steps = run.rng.integers(2, 5, size=BATCH)
    for step in range(int(steps.max())):
        moving = np.flatnonzero(steps > step)
        rows[moving] = random_steps(run.problem.encoding, rows[moving], run.rng)
    return rows


def _crossed(run: Run) -> np.ndarray:
    """Children of two members of the front: genes of the hardware one by one, mappings kernel by kernel."""
    encoding, rng, count = run.problem.encoding, run.rng, CROSSED
    mothers, fathers = (run.front[rng.integers(len(run.front), size=count)] for _ in range(2))
    genes = rng.random((count, len(encoding.genes))) < 0.5
    single = encoding.is_number[None] | (encoding.of_kernel < 0)[None]
    blocks = (rng.random((count, len(encoding.kernels) + 1)) < 0.5)[:, encoding.of_kernel]
    return np.where(np.where(single, genes, blocks), mothers, fathers)
