"""Section 5, DRAM: how the results of each visit reach DRAM in whole bursts, and how partial ones come back."""

from dataclasses import dataclass

from .design import Design, bits_to_number
from .tiles import Visit, stays_until_complete


def whole_bursts(bits: float, burst_bits: int) -> float:
    """Bits rounded up to whole bursts."""
    return -(-bits // burst_bits) * burst_bits


@dataclass
class ZBits:
    """Bits of Z that each visit moves from and to DRAM."""

    read: list[float]
    write: list[float]
    burst_bits: int

    def spread_write(self, bits: float, positions: list[int]) -> None:
        """Write a piece in the background of several visits."""
        for position in positions:
            self.write[position] += whole_bursts(bits, self.burst_bits) / len(positions)


def z_traffic(
    visits: list[Visit], results: list, shapes: list, trips: dict, dense_z: bool, design: Design, burst_bits: int
) -> ZBits:
    """Bits of Z of each visit; `results` are its outputs, `shapes` rows and columns of its Z tile."""
    bits = ZBits([0.0] * len(visits), [0.0] * len(visits), burst_bits)
    tiles: dict[tuple[int, int], list[int]] = {}
    for position, visit in enumerate(visits):
        tiles.setdefault((visit.m, visit.n), []).append(position)
    stays = stays_until_complete(design.loop_order, trips)
    for positions in tiles.values():
        if dense_z:
            rows, columns = shapes[positions[0]]
            count = rows * columns
            partial = [count * design.accumulator_bits] * len(positions)
            write_tile(positions, partial, count * design.value_bits, stays, bits)
        else:
            sparse_tile(positions, results, stays, design, bits)
    if not dense_z:
        row_pointers(visits, shapes, design, bits)
    return bits


def write_tile(positions: list[int], partial: list[float], finished: float, stays: bool, bits: ZBits) -> None:
    """Complete: written once as values. Partial: out as accumulator words, and back at the next visit."""
    if stays:
        bits.spread_write(finished, positions)
        return
    for position, words, following in zip(positions, partial, positions[1:], strict=False):
        bits.write[position] += whole_bursts(words, bits.burst_bits)
        bits.read[following] += whole_bursts(words, bits.burst_bits)
    bits.write[positions[-1]] += whole_bursts(finished, bits.burst_bits)


def sparse_tile(positions: list[int], results: list, stays: bool, design: Design, bits: ZBits) -> None:
    """Complete: written once. Partial: each visit appends its outputs; the last reads them back and writes Z."""
    row_bits, column_bits = (max(1, bits_to_number(tile)) for tile in (design.tile_m, design.tile_n))
    finished = set().union(*(results[position] for position in positions))
    finished_bits = len(finished) * (design.value_bits + column_bits)
    if stays:
        bits.spread_write(finished_bits, positions)
        return
    for position in positions:
        appended = len(results[position]) * (design.accumulator_bits + row_bits + column_bits)
        bits.write[position] += whole_bursts(appended, bits.burst_bits)
        bits.read[positions[-1]] += whole_bursts(appended, bits.burst_bits)
    bits.write[positions[-1]] += whole_bursts(finished_bits, bits.burst_bits)


def row_pointers(visits: list[Visit], shapes: list, design: Design, bits: ZBits) -> None:
    """One pointer for each row of each row block that was visited, in the background of its visits."""
    pointer_bits = bits_to_number(design.tile_m) + bits_to_number(design.tile_n) + 1
    blocks: dict[int, list[int]] = {}
    for position, visit in enumerate(visits):
        blocks.setdefault(visit.m, []).append(position)
    for positions in blocks.values():
        rows, _ = shapes[positions[0]]
        bits.spread_write(rows * pointer_bits, positions)
