"""Section 4: the firmware deals rows to PE rows, and columns to lanes."""

import heapq
from collections.abc import Sequence


def deal(work: Sequence[int], parts: int, schedule: str, evenly: Sequence[int] | None = None) -> list[list[int]]:
    """Items of each part. Only `balanced` looks at the work of an item; it deals only the items `evenly`, if given, and
    no part gets more of them than others must."""
    hands: list[list[int]] = [[] for _ in range(parts)]
    if schedule == "row_blocks":
        for item in range(len(work)):
            hands[item * parts // len(work)].append(item)
    elif schedule == "cyclic":
        for item in range(len(work)):
            hands[item % parts].append(item)
    elif evenly is not None:
        limited(work, hands, evenly)
    else:
        longest_first(work, hands)
        cyclic = deal(work, parts, "cyclic")
        if most_work(work, cyclic) < most_work(work, hands):
            return cyclic
    return hands


def limited(work: Sequence[int], hands: list[list[int]], items: Sequence[int]) -> None:
    """Longest processing time first, where each hand has room for as many items as the fullest must take."""
    room = -(-len(items) // len(hands))
    for item in sorted(items, key=lambda item: (-work[item], item)):
        open_hands = [hand for hand in hands if len(hand) < room]
        min(open_hands, key=lambda hand: (sum(work[i] for i in hand), len(hand))).append(item)


def most_work(work: Sequence[int], hands: list[list[int]]) -> int:
    """Work of the most loaded hand."""
    return max(sum(work[item] for item in hand) for hand in hands)


def longest_first(work: Sequence[int], hands: list[list[int]]) -> None:
    """Longest processing time first: each item, in decreasing order of work, goes to the least loaded hand.

    Ties go to the hand with fewer items. Items without work go last, to the hand that has fewest items.
    """
    least_loaded = [(0, 0, part) for part in range(len(hands))]
    heapq.heapify(least_loaded)
    for item in sorted((item for item in range(len(work)) if work[item]), key=lambda item: (-work[item], item)):
        load, items, part = heapq.heappop(least_loaded)
        hands[part].append(item)
        heapq.heappush(least_loaded, (load + work[item], items + 1, part))
    for item in range(len(work)):
        if not work[item]:
            min(hands, key=len).append(item)
