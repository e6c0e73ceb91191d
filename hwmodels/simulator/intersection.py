"""Steps of the intersection units, by their place in `INTERSECTIONS`: all that tells them apart. Compiled.

The steps of many pairs of fibers together are those of each, added up: `steps_of_pairs` is linear in all that is
counted of them. Jumps are counted for the units that are `walked`: by `jumps` for a pair of fibers, by `jumps_of_hands`
for whole tiles.
"""

from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER, SKIP_AHEAD, TWO_FINGER
from workloads.cache.machine_code import compiled


@compiled
def steps_of_pairs(unit, pairs, a_entries, b_entries, matches, jumps, words):
    """Steps of pairs of non-empty fibers with so many entries, matches and jumps altogether.

    `words` are those of the bitmask of one fiber. More pairs or entries never take less.
    """
    if unit == TWO_FINGER:
        return a_entries + b_entries - matches + pairs
    if unit == LEADER_FOLLOWER:
        return a_entries
    if unit == SKIP_AHEAD:
        return jumps
    if unit == BITMASK_AND:
        return pairs * words + matches
    return 0


@compiled
def steps_of_all_pairs(unit, rows, row_entries, columns, column_entries, matches, words):
    """Steps of each of so many non-empty rows against each of so many columns; none of a unit that is `walked`."""
    return steps_of_pairs(unit, rows * columns, row_entries * columns, rows * column_entries, matches, 0, words)


@compiled
def steps_of_full_columns(unit, rows, entries, depth):
    """Steps of `rows` non-empty rows that hold so many entries against one column without zeros.

    `depth` is the number of positions of a row. Every entry of the rows matches, and a walk jumps from one to the next.
    """
    return steps_of_pairs(unit, rows, entries, rows * depth, entries, entries, (depth + 63) // 64)


@compiled
def steps_of_union(unit, entries, words):
    """Steps in which a unit finds the union of two fibers that holds so many positions."""
    if unit == BITMASK_AND:
        return words + entries
    return entries + 1


@compiled
def walked(unit):
    """Whether the steps are those of a walk along both fibers, which must be counted: jumps."""
    return unit == SKIP_AHEAD


@compiled
def fullest_decides(unit):
    """Whether, but for matches, the fullest PE row and the lane with most columns take longest, whichever they are.

    So it is where the steps are those of the rows or of the entries of A alone, and matches save none.
    """
    return unit in (LEADER_FOLLOWER, BITMASK_AND)


@compiled
def jumps(left, left_at, left_end, right, right_at, right_end):
    """Jumps over two sorted lists of coordinates, `left[left_at:left_end]` and the like.

    The side that lags jumps to the other's coordinate or beyond it; landing on it is a match. Fibers that stand on the
    same coordinate match in one step. The walk ends when either fiber does (Hegde et al., MICRO 2019).
    """
    count = 0
    while left_at < left_end and right_at < right_end:
        x, y = left[left_at], right[right_at]
        count += 1
        if x < y:
            while left_at < left_end and left[left_at] < y:
                left_at += 1
        elif y < x:
            while right_at < right_end and right[right_at] < x:
                right_at += 1
        if left_at < left_end and right_at < right_end and left[left_at] == right[right_at]:
            left_at += 1
            right_at += 1
    return count


@compiled
def jumps_of_hands(a, b, lanes, tile, part_range, hands, scratch, found):
    """`jumps` of every row of a tile of A over every column of the tiles of B that it meets, by lane and PE row.

    A walk takes one step for each match, and one for each time that the merged fibers change sides. So an element of B
    counts one if the row has an element between it and the one above in its column, and one if between it and the one
    below; where it is a match, one in all. Rows of B are taken from the last to the first. As many rows of A have an
    element in an interval as there are entries in it, less pairs of neighbours in it; these are kept in a tree of sums
    over A's columns (Fenwick, Software: Practice and Experience 1994).

    `a`, `b`, `lanes`: tuples of `sparse_operands`; `tile`: (number of A's tile, row of B that it meets first, its
    width); only visits in `part_range`, of which the first lane is the third number; `hands`: PE row of each row, rows
    of each PE row; `scratch`: memory. `found` has the shape [lanes, PE rows].
    """
    (t, top, w), (first_visit, end_visit, first_lane), (hand_of, full) = tile, part_range, hands
    rank_of, columns_before, tree, waiting = scratch
    parts, column, left, first_row = full.size, a.column, a.columns.fibers_of[t], a.rows.fibers_of[t]
    size = a.columns.fibers_of[t + 1] - left
    tree[: size + 1] = 0
    waiting[:], found[:] = 0, 0
    begun, not_done, between = waiting[0], waiting[1], waiting[2]
    begun[:] = full
    c = size - 1
    for k in range(w - 1, -1, -1):
        matched = c >= 0 and a.columns.number[left + c] == k
        columns_before[k] = c if matched else c + 1
        here = range(a.columns.first[left + c], a.columns.first[left + c + 1]) if matched else range(0)
        for e in here:
            i = a.row_of[a.columns.order[e]]
            begun[hand_of[i - first_row]] -= a.columns.order[e] == a.rows.first[i]
        for part in range(b.of_row[top + k], b.of_row[top + k + 1]):
            if b.rank[part] < first_visit or b.rank[part] >= end_visit:
                continue
            for q in range(b.first[part], b.end[part]):
                sums = found[lanes.of_entry[q] - first_lane]
                if b.above[q] < 0 and b.below[q] >= w:
                    for r in range(parts):
                        sums[r] += begun[r] + not_done[r]
                elif b.above[q] < 0:
                    for r in range(parts):
                        sums[r] += begun[r]
                elif b.below[q] >= w:
                    for r in range(parts):
                        sums[r] += not_done[r]
                if b.below[q] < w and columns_before[b.below[q]] > columns_before[k] + matched:
                    # for this element and the one below
                    between[:] = 0
                    i = columns_before[b.below[q]]
                    while i > 0:
                        node = tree[i]
                        for r in range(parts):
                            between[r] += node[r]
                        i -= i & -i
                    for r in range(parts):
                        sums[r] += 2 * between[r]
                for e in here:
                    p = a.columns.order[e]
                    i = a.row_of[p]
                    ahead = p > a.rows.first[i] and column[p - 1] > b.above[q]
                    behind = p + 1 < a.rows.first[i + 1] and column[p + 1] < b.below[q]
                    sums[hand_of[i - first_row]] += 1 - ahead - behind
        for e in here:
            p = a.columns.order[e]
            i = a.row_of[p]
            r = hand_of[i - first_row]
            add_to_tree(tree, c, r, size, 1)
            if p + 1 < a.rows.first[i + 1]:
                add_to_tree(tree, rank_of[column[p + 1]], r, size, -1)
            else:
                not_done[r] += 1
        c -= matched


@compiled
def add_to_tree(tree, place, part, size, count):
    """Add to one part of a Fenwick tree of `size` places, each with a number for each part."""
    i = place + 1
    while i <= size:
        tree[i, part] += count
        i += i & -i
