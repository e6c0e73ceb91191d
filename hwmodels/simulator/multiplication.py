"""The products themselves, tile by tile. Compiled."""

import numpy as np

from workloads.cache.machine_code import compiled

EFFECTUAL, OUTPUTS, FRESH = range(3)
"""Columns of what `multiply_sparse` finds in each visit: products; distinct outputs; those no earlier visit had."""


@compiled
def multiply_dense(tiles, m, k, n, start, row, column, value, b, z, tile_m, tile_k, tile_n):
    """Add A B to a dense Z [M, N], visit by visit: tile `tiles[v]` of A (-1: no entries) times rows of a dense B."""
    columns = b.shape[1]
    for v in range(tiles.size):
        t = tiles[v]
        if t < 0:
            continue
        top, left, low = m[v] * tile_m, k[v] * tile_k, n[v] * tile_n
        high = min(low + tile_n, columns)
        for p in range(start[t], start[t + 1]):
            x = value[p]
            if x != 0.0:
                i, at = top + row[p], left + column[p]
                for j in range(low, high):
                    z[i, j] += x * b[at, j]


@compiled
def multiply_masked(tiles, m, k, n, start, row, column, value, a, b, sums, tile_m, tile_k, tile_n):
    """Add to `sums`, one for each entry of the mask, its row of A times its column of B, visit by visit.

    `tiles[v]`: tile of the mask (-1: no entries); `b` is given transposed, [N, K].
    """
    depth = a.shape[1]
    for v in range(tiles.size):
        t = tiles[v]
        if t < 0:
            continue
        top, left, low = m[v] * tile_m, n[v] * tile_n, k[v] * tile_k
        high = min(low + tile_k, depth)
        for p in range(start[t], start[t + 1]):
            if value[p] != 0.0:
                i, j, total = top + row[p], left + column[p], 0.0
                for at in range(low, high):
                    total += a[i, at] * b[j, at]
                sums[p] += total


@compiled
def multiply_sparse(a, b, tiles, fibers, sizes, visits):
    """Multiply two sparse matrices row by row, and count what each of so many visits has of it.

    `a`, `b`: (start, column, value) in CSR, without padding; `sizes`: tile_m, tile_k, tiles along k, columns of B.
    `tiles` of A: (first of each row block, place along k, first visit); `fibers`, the parts of B's rows in its tiles:
    (first of each row, non-zeros, place of its tile's visit among those of a tile of A).

    The visits of a tile of Z go through k upwards whatever the loops, and so does a row of A: an output is new to a
    visit if its mark, row and place along k of the last product, is older. Returns (start, column, value) of Z, which
    keeps sums that cancelled, its columns in no order, and the counts, shape [visits, 3].
    """
    (a_start, a_column, a_value), (b_start, b_column, b_value) = a, b
    (of_block, along_k, first_visit), (of_row, nonzeros, rank) = tiles, fibers
    tile_m, tile_k, trips_k, columns = sizes
    rows = a_start.size - 1
    found = np.zeros((visits, 3), np.int64)
    base = np.zeros(trips_k, np.int64)
    mark, sums = np.full(columns, -1, np.int64), np.zeros(columns)
    start, room, block = np.zeros(rows + 1, np.int64), 0, -1
    for i in range(rows):
        products = 0
        for p in range(a_start[i], a_start[i + 1]):
            products += b_start[a_column[p] + 1] - b_start[a_column[p]]
        room += min(products, columns)
    column, value = np.empty(room, np.int32), np.empty(room)  # what is not used is never touched, and takes no memory
    for i in range(rows):
        if i // tile_m != block:
            block = i // tile_m
            for t in range(of_block[block], of_block[block + 1]):
                base[along_k[t]] = first_visit[t]
        before, count = i * trips_k, start[i]
        edge, place = 0, -1
        for p in range(a_start[i], a_start[i + 1]):
            k, x = a_column[p], a_value[p]
            if k >= edge:
                place = k // tile_k
                edge = (place + 1) * tile_k
            now, q = before + place, b_start[k]
            for f in range(of_row[k], of_row[k + 1]):
                v, end, had = base[place] + rank[f], q + nonzeros[f], count
                old = 0
                for at in range(q, end):
                    j, seen = b_column[at], mark[b_column[at]]
                    if seen >= before:
                        old += seen == now
                        sums[j] += x * b_value[at]
                    else:
                        sums[j] = x * b_value[at]
                        column[count] = j
                        count += 1
                    mark[j] = now
                found[v, EFFECTUAL] += end - q
                found[v, OUTPUTS] += end - q - old
                found[v, FRESH] += count - had
                q = end
        start[i + 1] = count
        for at in range(start[i], count):
            value[at] = sums[column[at]]
    size = start[rows]
    return start, column[:size], value[:size], found
