"""How fast the simulator is: effectual multiplies a second on one core, by matrix, product, dataflow and tile."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from hwmodels import make_hardware, make_mapping
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.legality import DENSE_B
from hwmodels.simulator import ConcreteDesign, Memory, make_concrete_design, run_product
from workloads import generators

HARDWARE = {
    "pe_rows": 16,
    "pe_cols": 8,
    "lanes": 4,
    "glb_bytes": 2**20,
    "glb_banks": 16,
    "pe_buffer_bytes": 2048,
    "accumulator_bytes": 1024,
    "index_bus_bits": 128,
    "value_bus_bits": 256,
    "value_bits": 8,
    "accumulator_bits": 32,
}
CHOICES = {
    "loop_order": "mkn",
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
    "a_format": "coo",
    "b_format": "coo",
    "a_zero": "skip",
    "b_zero": "skip",
    "schedule": "balanced",
}
MEMORY = Memory(bits_per_cycle=128.0, latency_cycles=100.0, burst_bits=256)
TILES = (1024, 128)
"""Where matrices have 10,000 rows, tiles of the power-law graph have about 2,000 and 30 non-zeros."""


def measured_rates(side: int, degree: int = 30) -> Iterator[dict[str, Any]]:
    """Rows of a table: SpMV, SpMM and SpMSpM of a power-law graph and a band of so many rows."""
    matrices = {
        "power law": generators.power_law_rows(side, side, degree, 2.1, 0),
        "band": generators.banded(side, degree, 0),
    }
    for name, a in matrices.items():
        rights = {"spmv": np.ones(side), "spmm:64": np.ones((side, 64)), "axa": a}
        for product, right in rights.items():
            for dataflow in DATAFLOWS:
                for tile in TILES:
                    machine = _machine(dataflow, tile)
                    if product != "axa":
                        machine = dataclasses.replace(machine, **DENSE_B)
                    units = ("two_finger", "skip_ahead") if (product, dataflow) == ("axa", DATAFLOWS[0]) else ("",)
                    for unit in units:
                        used = dataclasses.replace(machine, intersection=unit or machine.intersection)
                        yield {
                            "matrix": name,
                            "product": product,
                            "dataflow": f"{dataflow} {unit}".strip(),
                            "tile": tile,
                            **_timed(used, a, right),
                        }


def _machine(dataflow: str, tile: int) -> ConcreteDesign:
    mapping = make_mapping(dataflow, **CHOICES, **{f"tile_{loop}": tile for loop in "mkn"})
    return make_concrete_design(make_hardware("two_finger", [mapping], **HARDWARE), mapping)


def _timed(machine: ConcreteDesign, a: csr_array, b: np.ndarray | csr_array) -> dict[str, float]:
    """Visits, and effectual multiplies over the CPU time of a run (the better of two), after one that compiles."""
    run_product(machine, a[: machine.tile_m], b, MEMORY)
    best = float("inf")
    for _ in range(2):
        start = time.thread_time()
        found = run_product(machine, a, b, MEMORY)
        best = min(best, time.thread_time() - start)
    return {"visits": len(found.visits), "million_multiplies_per_s": found.computes["effectual"] / best / 1e6}
