"""Where a search begins: random machines with a few random mappings on each, and the archives that they fill."""

from collections.abc import Sequence

import numpy as np

from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.hardware_search import designs_of, shrunk
from dse.strategies.lattice_steps import buildable, random_mappings
from dse.strategies.operators import unit_sets
from dse.strategies.quasirandom import sobol
from hwmodels.design.choices import DATAFLOWS

SHARE, MOST = 0.15, 16_384
"""Share of the budget for the random designs, and evaluations at most."""
REPAIRS = 2
"""Times that the tiles of designs that do not fit are shrunk."""


def sample(run: SearchRun, budget: int, archives: Sequence[ParetoArchive]) -> None:
    """Random machines that can be built, a few random mappings on each; those that do not fit come again with smaller
    tiles."""
    encoding, each = run.problem.encoding, designs_of(run)
    count = int(np.clip(SHARE * budget, each, MOST))
    machines = -(-count // (2 * each))
    hardware = buildable(encoding, encoding.random(run.rng, machines, sobol(encoding, machines, run.rng)))
    rows = np.repeat(hardware[:, None], each, axis=1)
    rows = random_mappings(encoding, rows.reshape(-1, rows.shape[2]), run.rng).reshape(rows.shape)
    for _ in range(1 + REPAIRS):
        if len(rows) == 0:
            return
        tried, _ = run.try_on(rows, unit_sets(run, rows), archives)
        rows = shrunk(run, tried)


def dataflow_archives(run: SearchRun) -> list[ParetoArchive]:
    """One for each dataflow that any kernel can use; none where there is only one.

    Kernels that cannot use it use what they can. A dataflow comes with formats, buffers and tiles of its own, so a good
    design in one is many steps from a good one in another, and all between are worse than both; apart, each has the
    time to become good.
    """
    encoding = run.problem.encoding
    able = [encoding.dataflows(at) for at in range(len(encoding.kernels))]
    flows = sorted({flow for own in able for flow in own})
    if len(flows) == 1:
        return []
    every = (1 << len(DATAFLOWS)) - 1
    others = [{flow for own in able if only not in own for flow in own} for only in flows]
    units = [~every | (1 << only) | sum(1 << flow for flow in more) for only, more in zip(flows, others, strict=True)]
    return [ParetoArchive(len(encoding.genes), bits) for bits in units]
