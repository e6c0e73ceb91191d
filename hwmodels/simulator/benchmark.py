"""How fast the simulator is: effectual multiplies a second on one core, `python -m hwmodels.simulator.benchmark`."""

import dataclasses
import time
from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from hwmodels.choices import DATAFLOWS
from hwmodels.simulator.machine import Machine
from hwmodels.simulator.simulate import run
from hwmodels.simulator.simulation import Memory
from workloads import generators

MACHINE = Machine(
    pe_rows=16,
    pe_cols=8,
    lanes=4,
    glb_bytes=2**20,
    glb_banks=16,
    pe_buffer_bytes=2048,
    accumulator_bytes=1024,
    index_bus_bits=128,
    value_bus_bits=256,
    value_bits=8,
    accumulator_bits=32,
    intersection="two_finger",
    dataflow="gustavson",
    tile_m=1024,
    tile_k=1024,
    tile_n=1024,
    loop_order="mkn",
    residency="a",
    a_format="coo",
    b_format="coo",
    a_zero="skip",
    b_zero="skip",
    schedule="balanced",
)
MEMORY = Memory(bits_per_cycle=128.0, latency_cycles=100.0)


def cases(side: int, degree: int) -> Iterator[tuple[str, Machine, csr_array, np.ndarray | csr_array]]:
    """SpMM and SpMSpM of a power-law graph and a band, in every dataflow: (name, machine, A, B)."""
    matrices = {
        "power law": generators.power_law_rows(side, side, degree, 2.1, 0),
        "band": generators.banded(side, degree, 0),
    }
    for name, a in matrices.items():
        for dataflow in DATAFLOWS:
            dense = dataclasses.replace(MACHINE, dataflow=dataflow, b_format="dense", b_zero="compute")
            yield f"{name}, SpMM of 64 columns, {dataflow}", dense, a, np.ones((side, 64))
            yield f"{name}, SpMSpM, {dataflow}", dataclasses.replace(MACHINE, dataflow=dataflow), a, a


def multiplies_per_second(machine: Machine, a: csr_array, b: np.ndarray | csr_array) -> float:
    """Effectual multiplies over the CPU time of a run, after one run that compiles."""
    run(machine, a[: machine.tile_m], b, MEMORY)
    start = time.process_time()
    found = run(machine, a, b, MEMORY)
    return found.computes["effectual"] / (time.process_time() - start)


if __name__ == "__main__":
    for name, *case in cases(side=20_000, degree=30):
        print(f"{multiplies_per_second(*case) / 1e6:8.1f} M multiplies/s  {name}")
