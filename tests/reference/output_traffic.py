"""Section 4, DRAM: how the results of each visit reach DRAM, and how partial ones come back."""

from dataclasses import dataclass

from .design import Design, bits_to_number
from .inside import Work
from .tiles import Visit, group_by_stay, stays_until_complete


@dataclass
class ZBits:
    """Bits of Z that each visit moves from and to DRAM."""

    read: list[float]
    write: list[float]

    def spread_write(self, bits: float, positions: list[int]) -> None:
        """Write some bits in the background of several visits."""
        for position in positions:
            self.write[position] += bits / len(positions)


def z_traffic(
    visits: list[Visit], works: list[Work], shapes: list, trips: dict, dense_z: bool, design: Design
) -> ZBits:
    """Bits of Z of each visit; `shapes` are rows and columns of the Z tile of each visit."""
    bits = ZBits([0.0] * len(visits), [0.0] * len(visits))
    tiles: dict[tuple[int, int], list[int]] = {}
    for position, visit in enumerate(visits):
        tiles.setdefault((visit.m, visit.n), []).append(position)
    stays = stays_until_complete(design.loop_order, trips)
    if stays:
        assert len(group_by_stay(visits, design.loop_order, trips, "z")) == len(tiles)
    for positions in tiles.values():
        if dense_z:
            dense_tile(positions, shapes, stays, design, bits)
        else:
            sparse_tile(positions, works, stays, design, bits)
    if not dense_z:
        row_pointers(visits, shapes, design, bits)
    return bits


def dense_tile(positions: list[int], shapes: list, stays: bool, design: Design, bits: ZBits) -> None:
    """Complete: written once as values. Partial: out as accumulator words, and back at the next visit."""
    rows, columns = shapes[positions[0]]
    if stays:
        bits.spread_write(rows * columns * design.value_bits, positions)
        return
    for position in positions[:-1]:
        bits.write[position] += rows * columns * design.accumulator_bits
    for position in positions[1:]:
        bits.read[position] += rows * columns * design.accumulator_bits
    bits.write[positions[-1]] += rows * columns * design.value_bits


def sparse_tile(positions: list[int], works: list[Work], stays: bool, design: Design, bits: ZBits) -> None:
    """Complete: written once. Partial: each visit appends its outputs; the last reads them back and writes Z."""
    row_bits, column_bits = (max(1, bits_to_number(tile)) for tile in (design.tile_m, design.tile_n))
    finished = set().union(*(works[position].outputs for position in positions))
    finished_bits = len(finished) * (design.value_bits + column_bits)
    if stays:
        bits.spread_write(finished_bits, positions)
        return
    for position in positions:
        appended = len(works[position].outputs) * (design.accumulator_bits + row_bits + column_bits)
        bits.write[position] += appended
        bits.read[positions[-1]] += appended
    bits.write[positions[-1]] += finished_bits


def row_pointers(visits: list[Visit], shapes: list, design: Design, bits: ZBits) -> None:
    """One pointer for each row of each row block that was visited, in the background of its visits."""
    pointer_bits = bits_to_number(design.tile_m) + bits_to_number(design.tile_n) + 1
    blocks: dict[int, list[int]] = {}
    for position, visit in enumerate(visits):
        blocks.setdefault(visit.m, []).append(position)
    for positions in blocks.values():
        rows, _ = shapes[positions[0]]
        bits.spread_write(rows * pointer_bits, positions)
