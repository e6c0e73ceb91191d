"""The spaces that strategies are compared on, and what their hypervolume is measured against."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dse import Box, Exhaustive, Problem, default_space, hypervolume, make_problem, nondominated, upper_bound
from hwmodels.technology import make_technology, scenario
from workloads import Workload, resolve_workload

_KIB = 1024
FIXED: dict[str, list[Any]] = {
    "glb_banks": [16],
    "intersection": ["leader_follower"],
    "a_zero": ["skip"],
    "b_zero": ["compute", "skip"],
}
"""Values of parameters that a small space does not name."""
SMOKE = {
    "pe_rows": [4, 16],
    "pe_cols": [1, 4],
    "lanes": [1, 4],
    "glb_bytes": [64 * _KIB],
    "tile_k": [64],
    "accumulator_bytes": [256],
    "schedule": ["balanced"],
}


@dataclass(frozen=True)
class Space:
    """A workload, how many of its kernels (all, unless given), and the values that parameters may take: those of the
    default space, or of a small one."""

    workload: str
    kernels: int | None = None
    small: dict[str, list[Any]] | None = None
    known: str = "union"
    """What is known of its front: "enumerated", it itself; "bounded", points that no design gets beyond; "union",
    what all runs that are compared have found together."""


@dataclass(frozen=True)
class Reference:
    """What hypervolumes are measured against."""

    known: str
    """As in `Space`."""
    objectives: np.ndarray
    """Of the points, shape [n, d]."""
    designs: float
    """Of the space."""
    seconds: float
    """That it took to find out."""

    @property
    def box(self) -> Box:
        """Where hypervolumes are measured."""
        return Box.of(self.objectives)

    def share(self, objectives: np.ndarray) -> float:
        """Hypervolume of a front as a share of the known one's."""
        return hypervolume(objectives, self.box) / hypervolume(self.objectives, self.box)

    def facts(self) -> dict[str, Any]:
        """For the provenance file."""
        ideal, reference = (10.0**corner for corner in (self.box.ideal, self.box.reference))
        return {
            "known": self.known,
            "designs": self.designs,
            "points": len(self.objectives),
            "seconds": self.seconds,
            "box": {"ideal": ideal.tolist(), "reference": reference.tolist()},
            "hypervolume": hypervolume(self.objectives, self.box),
        }


SPACES = {
    "graph": Space(
        "rmat@spmm:64",
        1,
        {
            "pe_rows": [2, 4, 8, 16, 32, 64],
            "pe_cols": [1, 4, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [64 * _KIB, 512 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 8 * _KIB],
            "accumulator_bytes": [256, 4 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [256],
            "tile_m": [64, 256, 1024],
            "tile_k": [64, 1024],
            "tile_n": [16, 64],
            "a_format": ["bitmask", "csr", "csc", "coo"],
            "schedule": ["row_blocks", "balanced"],
            "loop_order": ["mnk", "nkm"],
        },
        "enumerated",
    ),
    "network": Space(
        "digits@spmm:64",
        2,
        {
            "pe_rows": [1, 4, 16],
            "pe_cols": [1, 4, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [64 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 4 * _KIB],
            "accumulator_bytes": [256, 1 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [64, 256],
            "tile_m": [64],
            "tile_k": [64],
            "tile_n": [16, 64],
            "a_format": ["rle", "csr", "coo"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mnk"],
            "residency": ["b"],
        },
        "enumerated",
    ),
    "spmspm": Space(
        "rmat@axa",
        1,
        {
            "pe_rows": [2, 4, 8, 16, 32, 64],
            "pe_cols": [1, 2, 4, 8, 16],
            "lanes": [1, 4],
            "glb_bytes": [256 * _KIB, 1024 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 8 * _KIB],
            "accumulator_bytes": [256, 4 * _KIB],
            "index_bus_bits": [64, 256],
            "value_bus_bits": [256],
            "intersection": ["two_finger", "leader_follower", "skip_ahead"],
            "tile_m": [128, 1024],
            "tile_k": [128, 1024],
            "tile_n": [64, 1024],
            "a_format": ["csr", "csc"],
            "b_format": ["csr", "csc"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mkn", "nkm"],
        },
        "enumerated",
    ),
    "layers": Space(
        "digits@spmm:64",
        3,
        {
            "pe_rows": [1, 2, 4, 8, 16, 32],
            "pe_cols": [1, 2, 4, 8, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [32 * _KIB, 128 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 4 * _KIB],
            "accumulator_bytes": [256, 1 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [64, 256],
            "tile_m": [32, 64, 128],
            "tile_k": [32, 64],
            "tile_n": [16, 64],
            "a_format": ["dense", "bitmask", "rle", "csr", "csc"],
            "a_zero": ["compute", "skip"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mnk", "mkn"],
        },
        "bounded",
    ),
    "embedded": Space("embedded"),
    "axa": Space("rmat@axa", 1),
    "transformer": Space("bert-base:movement90"),
}
"""By name."""


def problem_of(name: str, smoke: bool) -> Problem:
    """The problem of searching a space; of a small one, cut still smaller if `smoke`."""
    space = SPACES[name]
    whole = resolve_workload(space.workload)
    workload = Workload(name, whole.kernels[: space.kernels])
    if space.small is None:
        return make_problem(workload, default_space(workload), make_technology(scenario()))
    values = FIXED | space.small | (SMOKE if smoke else {})
    return make_problem(workload, default_space().fix(**values), make_technology(scenario()))


def reference_of(name: str, problem: Problem) -> Reference:
    """What is known of a space before it is searched; of one that only the runs tell of, no points yet."""
    known, size, start = SPACES[name].known, problem.encoding.size, time.perf_counter()
    objectives = np.zeros((0, len(problem.objectives)))
    if known == "enumerated":
        exact = Exhaustive()(problem, budget=int(size))
        objectives, size = exact.objectives, float(exact.evaluations)
    elif known == "bounded":
        bound = upper_bound(problem)
        objectives, size = bound.objectives, bound.designs
    return Reference(known, objectives, size, time.perf_counter() - start)


def with_fronts(reference: Reference, fronts: list[np.ndarray]) -> Reference:
    """The reference, of the union of all fronts where nothing else is known."""
    if reference.known != "union":
        return reference
    every = np.concatenate(fronts)
    return replace(reference, objectives=every[nondominated(every)])
