"""The products themselves, tile by tile. Compiled."""

from numba import njit


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
