"""Section 4: what the PE array does inside one visit, and section 3: what happens to each multiply."""

from dataclasses import dataclass, field

from .design import Design, ceil_div
from .schedule import deal
from .storage import Tile

BITMASK_WORD = 64


@dataclass
class Work:
    """One visit of the array: times, multiplies and outputs."""

    rows_of: list[list[int]]
    compute_cycles: int = 0
    intersect_cycles: int = 0
    intersection_steps: int = 0
    effectual: int = 0
    ineffectual: int = 0
    gated: int = 0
    outputs: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def macs_not_skipped(self) -> int:
        return self.effectual + self.ineffectual + self.gated


def work_off(a: Tile, b: Tile, b_is_dense: bool, column_passes: int, design: Design) -> Work:
    """Walk one visit."""
    work = Work(deal(row_work(a, b, b_is_dense, column_passes, design), design.pe_rows, design.schedule))
    multiply(a, b, design, work)
    if design.dataflow == "gustavson":
        steps = row_of_b_steps(b, column_passes, design)
        work.compute_cycles = max(sum(steps[k] for i in rows for k, _, _ in a.in_row[i]) for rows in work.rows_of)
    elif design.dataflow == "outer_product":
        steps = row_of_b_steps(b, column_passes, design)
        if b.skips:
            steps = [ceil_div(len(b.in_row[k]), design.width) for k in range(b.shape[0])]
        work.compute_cycles = sum(ceil_div(len(a.in_column[k]), design.pe_rows) * steps[k] for k in range(a.shape[1]))
        return work
    decode_cycles = [decode_rows(a, rows, column_passes) for rows in work.rows_of]
    intersection_cycles = [0] * design.pe_rows
    if design.dataflow == "inner_product":
        intersection_cycles = inner_product(a, b, b_is_dense, column_passes, design, work)
    work.intersect_cycles = max(max(decode_cycles), max(intersection_cycles))
    return work


def row_work(a: Tile, b: Tile, b_is_dense: bool, column_passes: int, design: Design) -> list[int]:
    """What the firmware takes for the work of each row of A."""
    if not a.skips:
        return [1] * a.shape[0]
    if design.dataflow == "inner_product" and design.intersection in ("two_finger", "bitmask"):
        return [int(nonzeros > 0) for nonzeros in a.row_nonzeros]
    if design.dataflow == "gustavson" and not b_is_dense and b.skips:
        steps = row_of_b_steps(b, column_passes, design)
        return [sum(max(steps[k], column_passes) for k, _, _ in a.in_row[i]) for i in range(a.shape[0])]
    return a.row_nonzeros


def multiply(a: Tile, b: Tile, design: Design, work: Work) -> None:
    """Every MAC of two entries, and what becomes of it; the same set of MACs in every dataflow."""
    for i, k, a_value, a_padding in a.worked:
        for j, b_value, b_padding in b.in_row[k]:
            if a_value != 0 and b_value != 0:
                work.effectual += 1
                work.outputs[i, j] = work.outputs.get((i, j), 0.0) + a_value * b_value
            elif a_padding or b_padding or (design.a_zero if a_value == 0 else design.b_zero) == "gate":
                work.gated += 1
            else:
                work.ineffectual += 1


def pass_columns(columns: int, column_passes: int) -> list[range]:
    """Columns of each pass; the last ones may be short, or have none."""
    most = ceil_div(columns, column_passes)
    return [range(p * most, min((p + 1) * most, columns)) for p in range(column_passes)]


def steps_over_columns(columns: int, column_passes: int, design: Design) -> int:
    """Steps of a row of W lanes over the columns of a dense B, all passes alike; so many columns a lane works on."""
    most = ceil_div(columns, column_passes)
    return sum(ceil_div(most, design.width) for _ in range(column_passes))


def row_of_b_steps(b: Tile, column_passes: int, design: Design) -> list[int]:
    """Steps that one entry of A takes with each row of B, Gustavson."""
    w, columns = b.shape
    if not b.skips:
        return [steps_over_columns(columns, column_passes, design)] * w
    steps = []
    for k in range(w):
        in_passes = [sum(j in some for j, _, _ in b.in_row[k]) for some in pass_columns(columns, column_passes)]
        steps.append(sum(ceil_div(entries, design.width) for entries in in_passes))
    return steps


def decode_rows(a: Tile, rows: list[int], column_passes: int) -> int:
    """Cycles in which the decoder of a PE row reads its rows of A, once for each column pass."""
    if not a.skips:
        return 0
    cycles = 0
    for i in rows:
        cycles += len(a.in_row[i])
        if a.stored_as == "bitmask" and a.in_row[i]:
            cycles += ceil_div(a.shape[1], BITMASK_WORD)
    return cycles * column_passes


def inner_product(a: Tile, b: Tile, b_is_dense: bool, column_passes: int, design: Design, work: Work) -> list[int]:
    """MACs and intersections of each pair of a row and a column; the intersection cycles of each PE row."""
    w, columns = b.shape
    rows = [[k for k, _, _ in a.in_row[i]] for i in range(a.shape[0])]
    if b_is_dense:
        # All columns are alike: a lane repeats one of them as often as it works on columns.
        fibers, lanes, repeats = [list(range(w))], [[0]], steps_over_columns(columns, column_passes, design)
        copies = columns
    else:
        fibers = [[k for k, _, _ in b.in_column[j]] for j in range(columns)]
        column_work = b.column_nonzeros if b.skips else [1] * columns
        lanes, repeats, copies = deal(column_work, design.width, design.schedule), 1, 1
    macs = [[len(set(row) & set(fiber)) for fiber in fibers] for row in rows]
    steps = [[0] * len(fibers) for _ in rows]
    if a.skips:
        steps = [[intersect(design.intersection, row, fiber, w) for fiber in fibers] for row in rows]
    work.intersection_steps = copies * sum(sum(row) for row in steps)
    intersection_cycles = []
    for some_rows in work.rows_of:
        mac_loads = [repeats * sum(macs[i][j] for i in some_rows for j in lane) for lane in lanes]
        step_loads = [repeats * sum(steps[i][j] for i in some_rows for j in lane) for lane in lanes]
        work.compute_cycles = max(work.compute_cycles, *mac_loads)
        intersection_cycles.append(max(step_loads))
    return intersection_cycles


def intersect(unit: str, row: list[int], column: list[int], w: int) -> int:
    """Steps in which a unit intersects two sorted fibers; none if either is empty."""
    if not row or not column:
        return 0
    matches = len(set(row) & set(column))
    if unit == "two_finger":
        return len(row) + len(column) - matches + 1
    if unit == "leader_follower":
        return len(row)
    if unit == "bitmask":
        return ceil_div(w, BITMASK_WORD) + matches
    return jumps(row, column)


def jumps(row: list[int], column: list[int]) -> int:
    """Skip-ahead: the side that lags jumps to the other's coordinate or beyond; a jump onto it is a match.

    Fibers that stand on the same coordinate match in one step. The walk ends when either fiber does.
    """
    count, x, y = 0, 0, 0
    while x < len(row) and y < len(column):
        target = max(row[x], column[y])
        while x < len(row) and row[x] < target:
            x += 1
        while y < len(column) and column[y] < target:
            y += 1
        count += 1
        if x < len(row) and y < len(column) and row[x] == column[y]:
            x, y = x + 1, y + 1
    return count
