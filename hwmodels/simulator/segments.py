"""Cut the non-zeros of a matrix into tiles, and the tiles into rows and columns. Compiled.

Tiles without a non-zero do not appear. Inside a tile, entries lie row by row; padding entries of RLE are inserted as
explicit zeros.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def cut_entries(indptr, indices, data, tile_h, tile_w, run):
    """Entries of all tiles in order of (row of tiles, column of tiles, row, column).

    `run`: zeros that one entry of RLE can jump over and hold (16), or 0 for no padding. Returns (tile_row [T],
    tile_column [T], start [T + 1], row, column, value), row and column within the tile.
    """
    rows = indptr.size - 1
    stored = indices.size
    if run > 0:
        for i in range(rows):
            previous, tile = -1, -1
            for p in range(indptr[i], indptr[i + 1]):
                t, inside = indices[p] // tile_w, indices[p] % tile_w
                if t != tile:
                    tile, previous = t, -1
                stored += (inside - previous - 1) // run
                previous = inside
    row, column = np.empty(stored, np.int32), np.empty(stored, np.int32)
    value = np.empty(stored, np.float64)
    columns = 1
    for p in range(indices.size):
        columns = max(columns, indices[p] + 1)
    across = (columns + tile_w - 1) // tile_w
    counts = np.zeros(across, np.int64)
    room = 64
    tile_row, tile_column = np.empty(room, np.int64), np.empty(room, np.int64)
    start = np.zeros(room + 1, np.int64)
    tiles, at = 0, 0
    touched = np.empty(across, np.int64)
    for top in range(0, rows, tile_h):
        bottom = min(top + tile_h, rows)
        used = 0
        for i in range(top, bottom):
            previous, tile = -1, -1
            for p in range(indptr[i], indptr[i + 1]):
                t, inside = indices[p] // tile_w, indices[p] % tile_w
                if t != tile:
                    tile, previous = t, -1
                if counts[t] == 0:
                    touched[used] = t
                    used += 1
                counts[t] += 1
                if run > 0:
                    counts[t] += (inside - previous - 1) // run
                previous = inside
        order = np.sort(touched[:used])
        for u in range(used):
            t = order[u]
            if tiles == room:
                room *= 2
                tile_row, tile_column = grown(tile_row, room), grown(tile_column, room)
                start = grown(start, room + 1)
            tile_row[tiles], tile_column[tiles] = top // tile_h, t
            size = counts[t]
            counts[t] = at
            at += size
            tiles += 1
            start[tiles] = at
        for i in range(top, bottom):
            previous, tile = -1, -1
            for p in range(indptr[i], indptr[i + 1]):
                t, inside = indices[p] // tile_w, indices[p] % tile_w
                if t != tile:
                    tile, previous = t, -1
                place = counts[t]
                if run > 0:
                    for _ in range((inside - previous - 1) // run):
                        previous += run
                        row[place], column[place], value[place] = i - top, previous, 0.0
                        place += 1
                row[place], column[place], value[place] = i - top, inside, data[p]
                counts[t] = place + 1
                previous = inside
        for u in range(used):
            counts[order[u]] = 0
    return tile_row[:tiles].copy(), tile_column[:tiles].copy(), start[: tiles + 1].copy(), row, column, value


@njit(cache=True, nogil=True)
def grown(array, size):
    """A copy with room for more."""
    larger = np.zeros(size, array.dtype)
    larger[: array.size] = array
    return larger


@njit(cache=True, nogil=True)
def cut_fibers(start, key, extent):
    """Group the entries of each tile by `key` (their row or column, below `extent`), keeping their order.

    Returns (fibers_of [T + 1], number [F], first [F + 1], order [entries]): tile t has the fibers
    `fibers_of[t] : fibers_of[t + 1]`, sorted by number; fiber f the entries `order[first[f] : first[f + 1]]`.
    """
    tiles = start.size - 1
    counts = np.zeros(extent, np.int64)
    touched = np.empty(extent, np.int64)
    fibers_of = np.zeros(tiles + 1, np.int64)
    order = np.empty(key.size, np.int64)
    number, first = np.empty(key.size, np.int64), np.zeros(key.size + 1, np.int64)
    fibers, at = 0, 0
    for t in range(tiles):
        used, is_sorted = 0, True
        for p in range(start[t], start[t + 1]):
            k = key[p]
            if counts[k] == 0:
                if used > 0 and touched[used - 1] > k:
                    is_sorted = False
                touched[used] = k
                used += 1
            counts[k] += 1
        keys = touched[:used] if is_sorted else np.sort(touched[:used])
        for u in range(used):
            k = keys[u]
            number[fibers] = k
            size = counts[k]
            counts[k] = at
            at += size
            fibers += 1
            first[fibers] = at
        for p in range(start[t], start[t + 1]):
            k = key[p]
            order[counts[k]] = p
            counts[k] += 1
        for u in range(used):
            counts[keys[u]] = 0
        fibers_of[t + 1] = fibers
    return fibers_of, number[:fibers].copy(), first[: fibers + 1].copy(), order
