"""Cut the non-zeros of a matrix into tiles, and the tiles into rows and columns. Compiled.

Tiles without a non-zero do not appear. Inside a tile, entries lie row by row; padding entries of RLE are inserted as
explicit zeros. The cost is that of the entries, whatever the tiles.
"""

import numpy as np

from workloads.cache.machine_code import compiled


@compiled
def cut_entries(indptr, indices, data, columns, tile_h, tile_w, run):
    """Entries of all tiles in order of (row of tiles, column of tiles, row, column).

    `run`: zeros that one entry of RLE can jump over and hold (16), or 0 for no padding. Returns (tile_row [T],
    tile_column [T], start [T + 1], row, column, value), row and column within the tile.
    """
    rows = indptr.size - 1
    across = (columns + tile_w - 1) // tile_w
    counts, touched = np.zeros(across, np.int64), np.empty(across, np.int64)
    stored = indices.size
    if run > 0:
        for i in range(rows):
            stored += padding_of(indices, indptr[i], indptr[i + 1], tile_w, run)
    row, column, value = np.empty(stored, np.int32), np.empty(stored, np.int32), np.empty(stored, np.float64)
    room = 64
    tile_row, tile_column = np.empty(room, np.int64), np.empty(room, np.int64)
    start = np.zeros(room + 1, np.int64)
    tiles, at = 0, 0
    for top in range(0, rows, tile_h):
        bottom = min(top + tile_h, rows)
        used = 0
        for i in range(top, bottom):
            tile, edge, previous = -1, 0, -1
            for p in range(indptr[i], indptr[i + 1]):
                if indices[p] >= edge:
                    tile = indices[p] // tile_w
                    edge, previous = (tile + 1) * tile_w, tile * tile_w - 1
                    if counts[tile] == 0:
                        touched[used] = tile
                        used += 1
                counts[tile] += 1
                if run > 0:
                    counts[tile] += (indices[p] - previous - 1) // run
                    previous = indices[p]
        if 8 * used < across:
            touched[:used].sort()
        else:
            used = 0
            for t in range(across):
                if counts[t] > 0:
                    touched[used] = t
                    used += 1
        while tiles + used > room:
            room *= 2
            tile_row, tile_column = grown(tile_row, room), grown(tile_column, room)
            start = grown(start, room + 1)
        for u in range(used):
            t = touched[u]
            tile_row[tiles], tile_column[tiles] = top // tile_h, t
            counts[t], at = at, at + counts[t]
            tiles += 1
            start[tiles] = at
        for i in range(top, bottom):
            tile, edge, left, previous, place = -1, 0, 0, -1, 0
            for p in range(indptr[i], indptr[i + 1]):
                if indices[p] >= edge:
                    if tile >= 0:
                        counts[tile] = place
                    tile = indices[p] // tile_w
                    left = tile * tile_w
                    edge, previous, place = left + tile_w, left - 1, counts[tile]
                if run > 0:
                    for _ in range((indices[p] - previous - 1) // run):
                        previous += run
                        row[place], column[place], value[place] = i - top, previous - left, 0.0
                        place += 1
                    previous = indices[p]
                row[place], column[place], value[place] = i - top, indices[p] - left, data[p]
                place += 1
            if tile >= 0:
                counts[tile] = place
        for u in range(used):
            counts[touched[u]] = 0
    return tile_row[:tiles].copy(), tile_column[:tiles].copy(), start[: tiles + 1].copy(), row, column, value


@compiled
def padding_of(indices, first, end, tile_w, run):
    """Padding entries of a row."""
    padding, edge, previous = 0, 0, -1
    for p in range(first, end):
        if indices[p] >= edge:
            left = indices[p] // tile_w * tile_w
            edge, previous = left + tile_w, left - 1
        padding += (indices[p] - previous - 1) // run
        previous = indices[p]
    return padding


@compiled
def grown(array, size):
    """A copy with room for more."""
    larger = np.zeros(size, array.dtype)
    larger[: array.size] = array
    return larger


@compiled
def count_blocks(start, row, column, side, extent):
    """Blocks of `side` x `side` with an entry of each tile, of which a tile has at most `extent` in a row."""
    blocks = np.zeros(start.size - 1, np.int64)
    last = np.full(extent, -1, np.int64)
    for t in range(start.size - 1):
        for p in range(start[t], start[t + 1]):
            if last[column[p] // side] != row[p] // side:
                last[column[p] // side] = row[p] // side
                blocks[t] += 1
        for p in range(start[t], start[t + 1]):
            last[column[p] // side] = -1
    return blocks


@compiled
def cut_rows(start, row):
    """Rows of each tile: (fibers_of [T + 1], number [F], first [F + 1]).

    Tile t has the fibers `fibers_of[t] : fibers_of[t + 1]`, sorted by number; fiber f the entries
    `first[f] : first[f + 1]`.
    """
    tiles, fibers = start.size - 1, 0
    for t in range(tiles):
        for p in range(start[t], start[t + 1]):
            fibers += p == start[t] or row[p] != row[p - 1]
    fibers_of = np.zeros(tiles + 1, np.int64)
    number, first = np.empty(fibers, np.int64), np.zeros(fibers + 1, np.int64)
    fibers = 0
    for t in range(tiles):
        for p in range(start[t], start[t + 1]):
            if p == start[t] or row[p] != row[p - 1]:
                number[fibers], first[fibers] = row[p], p
                fibers += 1
        fibers_of[t + 1] = fibers
    first[fibers] = row.size
    return fibers_of, number, first


@compiled
def cut_columns(start, column, extent):
    """Columns of each tile, of which it has at most `extent`, as `cut_rows`; and the entries column by column.

    Returns (fibers_of, number, first, order): fiber f has the entries `order[first[f] : first[f + 1]]`.
    """
    tiles = start.size - 1
    counts, touched = np.zeros(extent, np.int64), np.empty(extent, np.int64)
    fibers_of, order = np.zeros(tiles + 1, np.int64), np.empty(column.size, np.int64)
    number, first = np.empty(column.size, np.int64), np.zeros(column.size + 1, np.int64)
    fibers, at = 0, 0
    for t in range(tiles):
        used, low, high = 0, extent, -1
        for p in range(start[t], start[t + 1]):
            k = column[p]
            if counts[k] == 0:
                touched[used] = k
                used += 1
                low, high = min(low, k), max(high, k)
            counts[k] += 1
        if high - low >= 8 * used:
            touched[:used].sort()
        else:
            used = 0
            for k in range(low, high + 1):
                if counts[k] > 0:
                    touched[used] = k
                    used += 1
        for u in range(used):
            k = touched[u]
            number[fibers] = k
            counts[k], at = at, at + counts[k]
            fibers += 1
            first[fibers] = at
        for p in range(start[t], start[t + 1]):
            k = column[p]
            order[counts[k]] = p
            counts[k] += 1
        for u in range(used):
            counts[touched[u]] = 0
        fibers_of[t + 1] = fibers
    return fibers_of, number[:fibers].copy(), first[: fibers + 1].copy(), order


@compiled
def columns_of_owners(start, column, extent, owners):
    """Columns of each tile that have an entry, of the owner that has most; column j belongs to owner j mod `owners`."""
    found, owned = np.zeros(start.size - 1, np.int64), np.zeros(owners, np.int64)
    seen_in = np.full(extent, -1, np.int64)
    for t in range(start.size - 1):
        for p in range(start[t], start[t + 1]):
            k = column[p]
            if seen_in[k] != t:
                seen_in[k] = t
                owned[k % owners] += 1
                found[t] = max(found[t], owned[k % owners])
        for p in range(start[t], start[t + 1]):
            owned[column[p] % owners] = 0
    return found


@compiled
def across_tiles(tile_row, fibers_of, number, tile_h, rows):
    """Rows of the matrix across tiles: (first [rows + 1], fiber [F]); row i has the fibers `fiber[first[i] : ...]`."""
    first = np.zeros(rows + 1, np.int64)
    for t in range(tile_row.size):
        for f in range(fibers_of[t], fibers_of[t + 1]):
            first[tile_row[t] * tile_h + number[f] + 1] += 1
    for i in range(rows):
        first[i + 1] += first[i]
    place, fiber = first[:-1].copy(), np.empty(number.size, np.int64)
    for t in range(tile_row.size):
        for f in range(fibers_of[t], fibers_of[t + 1]):
            i = tile_row[t] * tile_h + number[f]
            fiber[place[i]] = f
            place[i] += 1
    return first, fiber
