"""Where entries go: what each queue is fed, which words of B each PE column holds, and in what order they are met."""

from dataclasses import dataclass, field
from typing import Any

from .design import COLUMNS_ADDRESSABLE, ROWS_ADDRESSABLE, Design, ceil_div
from .pe import LOOK_UP, MASK, Entry, Slot
from .storage import Tile


def queued_rows(a: Tile) -> list[int]:
    """Rows of A that queues hold: those with entries."""
    return [i for i in range(a.shape[0]) if a.in_row[i]]


def sent_columns(a: Tile, b: Tile, design: Design) -> list[int]:
    """Columns of A that are sent: in the outer product none whose row of B is seen to be empty."""
    leaves_out = design.dataflow == "outer_product" and a.skips and b.skips and design.a_format in COLUMNS_ADDRESSABLE
    return [k for k in range(a.shape[1]) if not (leaves_out and not b.in_row[k])]


def sent_rows(a: Tile, b: Tile, design: Design) -> list[int]:
    """Rows of B that are sent: those that A touches, where they can be addressed and columns are not walked whole."""
    walked_whole = design.dataflow == "inner_product" and b.skips
    if a.skips and not walked_whole and design.b_format in ROWS_ADDRESSABLE and design.lanes_on == "n":
        return sorted({k for _, k, _, _ in a.worked})
    return list(range(b.shape[0]))


def feed(a: Tile, rows: list[int], columns: list[int], design: Design) -> list:
    """Entries of a queue and words of mask in the order in which the decoder takes them."""
    masks = a.skips and a.stored_as == "bitmask"
    if design.dataflow == "outer_product":
        words = ceil_div(ceil_div(a.shape[0], design.P), design.mask_word) if masks else 0
        mine, fed = set(rows), []
        for k in columns:
            fed += [MASK] * words
            fed += [Entry(i, k, value, padding, False) for i, value, padding in a.in_column[k] if i in mine]
        return fed
    words = ceil_div(a.shape[1], design.mask_word) if masks else 0
    entries = []
    for i in sorted(rows):
        for at, (k, value, padding) in enumerate(a.in_row[i]):
            entries.append((at == 0, Entry(i, k, value, padding, at == len(a.in_row[i]) - 1)))
    fed, at_once = [], design.L if design.lanes_on == "k" else 1
    for start in range(0, len(entries), at_once):
        batch = entries[start : start + at_once]
        fed += [MASK] * (words * sum(begins for begins, _ in batch))
        fed += [entry for _, entry in batch]
    return fed


@dataclass
class Held:
    """What a PE column holds of B in a pass: words, and for each k the steps that an entry takes."""

    words: dict[Any, list] = field(default_factory=dict)
    addresses: dict[int, list] = field(default_factory=dict)


def hold_all(b: Tile, rows: list[int], groups: range, column: int, design: Design) -> Held:
    """A B that does not skip, lanes on n: a word of L neighbouring columns for each row and group."""
    held, values = Held(), b.array.tolist()
    for k in range(b.shape[0]):
        held.addresses[k] = []
        for group in groups:
            first = group * design.W + column * design.q
            there = first < b.shape[1]
            held.addresses[k].append((k, group) if there else None)
            if there and k in rows:
                places = range(first, first + design.q)
                held.words[k, group] = [Slot(j, values[k][j], False) if j < b.shape[1] else None for j in places]
    return held


def hold_column(b: Tile, group: int, column: int, design: Design) -> Held:
    """A B that does not skip, lanes on k: a column in words of L neighbouring k's."""
    held, j = Held(), group * design.W + column
    if j < b.shape[1]:
        values = b.array[:, j].tolist()
        for word in range(ceil_div(len(values), design.L)):
            part = values[word * design.L : (word + 1) * design.L]
            held.words[j, word] = [Slot(j, value, False) for value in part]
    return held


def place_row(b: Tile, k: int, design: Design) -> list[list[Slot]]:
    """Entries of a row of a B that skips, by the lane that owns their column."""
    lanes: list[list[Slot]] = [[] for _ in range(design.W)]
    for j, value, padding in b.in_row[k]:
        lanes[j % design.W].append(Slot(j, value, padding))
    return lanes


def conflicts(b: Tile, design: Design) -> list[int]:
    """Steps of each row of a B that skips: the entries of its fullest lane."""
    return [max(len(lane) for lane in place_row(b, k, design)) for k in range(b.shape[0])]


def hold_slots(b: Tile, rows: list[int], column: int, design: Design) -> Held:
    """A B that skips: as many words of L slots for each row as its fullest lane has entries."""
    held = Held()
    for k in range(b.shape[0]):
        lanes = place_row(b, k, design)
        mine = lanes[column * design.q : (column + 1) * design.q]
        count = max(map(len, lanes))
        held.addresses[k] = [(k, word) for word in range(count)] or [LOOK_UP]
        if k in rows:
            for word in range(count):
                held.words[k, word] = [lane[word] if word < len(lane) else None for lane in mine]
    return held
