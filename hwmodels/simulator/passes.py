"""How a tile is cut to fit the PEs: column passes, fills of the PE buffers, and what of it does not fit."""

import numpy as np

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import PerVisit
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.visits import TileVisits


def ceil_div(count, size):
    """Groups of `size` that `count` things fill (numbers or arrays); none if there is nothing."""
    return -(-count // size)


def column_passes(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits, b_is_dense: bool
) -> tuple[int, float, float]:
    """Column passes of every visit, and the need over capacity of the PEs' buffers and accumulators."""
    h, w = min(design.tile_m, a.shape[0]), min(design.tile_k, a.shape[1])
    columns = min(design.tile_n, b.shape[1])
    b_bits, tiles = int(b.bits[visits.b].sum()), max(1, len(visits))
    if b_is_dense:
        b_bits, tiles = w * columns * design.value_bits, 1
    slices = tiles * design.pe_cols
    words, half = design.accumulators, design.half_buffer_bits
    passes, pe_buffer, accumulator = 1, 0.0, 0.0
    if design.dataflow == "outer_product":
        room = design.pe_rows * design.pe_cols * words
        passes, accumulator = ceil_div(h * columns, room), h / room
    elif design.b_stays:
        passes = ceil_div(b_bits, slices * half)
        pe_buffer = b_bits / tiles / columns / half
        if design.dataflow == "gustavson":
            passes = max(passes, ceil_div(columns, design.pe_cols * words))
    elif design.dataflow == "gustavson":
        rows = ceil_div(h, design.pe_rows)
        passes, accumulator = ceil_div(rows * columns, design.pe_cols * words), rows / words
    return max(1, passes), pe_buffer, accumulator


def buffer_fills(design: ConcreteDesign, share_bits: PerVisit) -> PerVisit:
    """How often the most loaded PE row fills its buffer in each visit, and so how often B is streamed."""
    if not design.a_stays:
        return np.ones_like(share_bits)
    return np.maximum(1, ceil_div(share_bits, design.half_buffer_bits))
