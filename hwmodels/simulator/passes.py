"""How a tile is cut to fit the PEs: column passes, fills of the PE buffers, and what does not fit."""

import numpy as np

from hwmodels.simulator.concrete_design import Machine
from hwmodels.simulator.counters import Fits, PerVisit
from hwmodels.simulator.stored_operand import Operand
from hwmodels.simulator.visits import Visits


def ceil_div(count, size):
    """Groups of `size` that `count` things fill (numbers or arrays); none if there is nothing."""
    return -(-count // size)


def column_passes(machine: Machine, a: Operand, b: Operand, visits: Visits, b_is_dense: bool) -> tuple[int, Fits]:
    """Column passes of every visit, and what the PEs' memories and the GLB need; the GLB's need of Z is added later."""
    h, w = min(machine.tile_m, a.shape[0]), min(machine.tile_k, a.shape[1])
    columns = min(machine.tile_n, b.shape[1])
    if b_is_dense:
        b_bits, tiles = w * columns * machine.value_bits, 1
    else:
        b_bits, tiles = int(b.bits[visits.b].sum()), max(1, len(visits))
    slices = tiles * machine.pe_cols
    words, half = machine.accumulators, machine.half_buffer_bits
    passes, pe_buffer, accumulator = 1, 0.0, 0.0
    if machine.dataflow == "outer_product":
        room = machine.pe_rows * machine.pe_cols * words
        passes, accumulator = ceil_div(h * columns, room), h / room
    elif machine.b_stays:
        passes = ceil_div(b_bits, slices * half)
        pe_buffer = b_bits / tiles / columns / half
        if machine.dataflow == "gustavson":
            passes = max(passes, ceil_div(columns, machine.pe_cols * words))
    elif machine.dataflow == "gustavson":
        rows = ceil_div(h, machine.pe_rows)
        passes, accumulator = ceil_div(rows * columns, machine.pe_cols * words), rows / words
    return max(1, passes), Fits(0.0, pe_buffer, accumulator)


def buffer_fills(machine: Machine, share_bits: PerVisit) -> PerVisit:
    """How often the most loaded PE row fills its buffer in each visit, and so how often B is streamed."""
    if not machine.a_stays:
        return np.ones_like(share_bits)
    return np.maximum(1, ceil_div(share_bits, machine.half_buffer_bits))
