"""What PEs and buses do in all visits of a product together (docs/machine.md, "Energy and area")."""

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayActions, ArrayWork, BusTraffic, Fates
from hwmodels.simulator.stored_operand import StoredOperand


def unicast_hops(design: ConcreteDesign) -> float:
    """Pitches of PEs that a bit from or to one PE travels."""
    return (design.pe_rows + design.pe_cols) / 2


def bus_hops(design: ConcreteDesign, bus: BusTraffic) -> float:
    """Bits on the buses times the pitches that each travels: A to the PEs of a queue, B to those of a column or all."""
    rows, columns = design.pe_rows, design.pe_cols
    alone = unicast_hops(design)
    of_a, of_b = (
        (alone, rows + rows * columns) if design.columns_on == "m" else (columns + rows / 2, rows + columns / 2)
    )
    if bus.fetched is not None:
        of_b = alone
    return int(bus.a.sum()) * of_a + int(bus.b.sum()) * of_b + int(bus.results.sum()) * alone


def array_actions(
    design: ConcreteDesign,
    a: StoredOperand,
    work: ArrayWork,
    fates: Fates,
    bus: BusTraffic,
    *,
    word_bits: int,
    sums_in_accumulators: bool,
) -> ArrayActions:
    """Actions of a product whose inner product does not skip B; B is written and read in words of so many bits.

    `sums_in_accumulators`: partial sums are read and written there for each MAC, and results are there already.
    """
    coordinate = (a.widths.row if design.is_outer else a.widths.column) if design.a_skips else 0
    stored = work.decoded * (1 if design.holds_a else work.passes)
    a_taken = 0 if design.a_in_pes else a.taken_bits(int(stored.sum()), int(bus.a.sum())) * design.queue_sharers
    b_sent = int(bus.b.sum())
    copies = design.active_lanes if design.lanes_are_on_k and design.a_skips else 1
    queue, read, written = 0, 0, 0
    if design.holds_a:
        written += a_taken
        worked = int((work.entries * work.passes).sum())
        read += worked * design.queue_sharers * (design.value_bits + coordinate)
    else:
        queue += 2 * a_taken
    if design.fetches_rows:
        queue += 2 * b_sent
    else:
        written += int(work.words.sum()) * design.queues * word_bits * copies
        read += int(work.word_steps.sum()) * design.queue_sharers * word_bits * copies
    b_heard = 1 if design.fetches_rows else design.queues
    a_decoded = 0 if a.format.is_dense else int((work.decoded * work.passes).sum())
    results = int(fates.results.sum())
    return ArrayActions(
        tree_adds=fates.processed if design.lanes_are_on_k else 0,
        queue_bits=queue,
        pe_buffer_read_bits=read,
        pe_buffer_write_bits=written,
        accumulator_accesses=2 * fates.processed + results if sums_in_accumulators else 2 * results,
        intersection_steps=0,
        decoded_entries=a_decoded * design.queue_sharers + int(bus.b_decoded.sum()) * b_heard,
        bus_hops=bus_hops(design, bus),
    )
