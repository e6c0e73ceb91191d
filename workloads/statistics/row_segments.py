"""Row segments: the non-zeros of a row inside one tile column, and their order by tiles of doubling height.

A segment list is a tuple (row, tile column, non-zeros, RLE padding, work), sorted by (row block, tile column, row). The
last two are empty arrays where nobody asks for them. Heights double by merging neighbouring row blocks (a pyramid), so
each level costs one linear merge, between two sets of arrays that are allocated once.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from workloads.cache.machine_code import compiled

RLE_RUN = 16
"""Gaps of this many zeros need a padding entry: runs are 4 bits wide (Han et al., ISCA 2016)."""
RLE_RUN_BITS = RLE_RUN.bit_length() - 1
"""Width of a run in the RLE format."""

Segments = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def segments(pattern: csr_array, level: int, weight: np.ndarray | None = None, padding: bool = False) -> Segments:
    """Cut each row of a sorted pattern into segments of width 2**level.

    Counts padding entries if asked to, and work where `weight` (int64, [columns]) gives the work of an entry.
    """
    indptr, indices = csr_arrays(pattern)
    weight = np.empty(0, np.int64) if weight is None else weight
    return _cut(indptr, indices, level, weight, padding, _count(indptr, indices, level))


def csr_arrays(pattern: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Row pointers as int64 and columns as int32."""
    return pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32, copy=False)


def heights(cut: Segments, n_levels: int) -> Iterator[Segments]:
    """The segments in the order of tiles of height 1, 2, 4, ...; each list is overwritten two steps later."""
    row, tile, count, padding, work = (np.empty_like(part) for part in cut)
    spare = (row, tile, count, padding, work)
    yield cut
    for level in range(1, n_levels):
        _merge(cut, spare, level)
        cut, spare = spare, cut
        yield cut


@compiled
def _count(indptr, indices, level):
    n = 0
    for i in range(indptr.size - 1):
        last = -1
        for p in range(indptr[i], indptr[i + 1]):
            t = indices[p] >> level
            n += t != last
            last = t
    return n


@compiled
def _cut(indptr, indices, level, weight, with_padding, n):
    row, tile, count = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    padding = np.zeros(n if with_padding else 0, np.int32)
    work = np.zeros(n if weight.size else 0, np.int64)
    n = -1
    for i in range(indptr.size - 1):
        last = -1
        previous = 0
        for p in range(indptr[i], indptr[i + 1]):
            k = indices[p]
            t = k >> level
            if t != last:
                n += 1
                row[n], tile[n], count[n] = i, t, 0
                last = t
                previous = (t << level) - 1
            count[n] += 1
            if with_padding:
                padding[n] += (k - previous - 1) // RLE_RUN
                previous = k
            if weight.size:
                work[n] += weight[k]
    return row, tile, count, padding, work


@compiled
def _merge(cut, out, level):
    """Sort segments by (row block of height 2**level, tile column, row), given that order for half the height.

    The segments themselves are moved, not an index of them: the scans then read memory in order.
    """
    row, tile, count, padding, work = cut
    new_row, new_tile, new_count, new_padding, new_work = out
    has_padding, has_work = padding.size > 0, work.size > 0
    n = row.size
    start = 0
    while start < n:
        block = row[start] >> level
        half = (block << 1) + 1
        middle = start
        while middle < n and (row[middle] >> (level - 1)) < half:
            middle += 1
        end = middle
        while end < n and (row[end] >> level) == block:
            end += 1
        left, right = start, middle
        for to in range(start, end):
            if right >= end or (left < middle and tile[left] <= tile[right]):
                s = left
                left += 1
            else:
                s = right
                right += 1
            new_row[to], new_tile[to], new_count[to] = row[s], tile[s], count[s]
            if has_padding:
                new_padding[to] = padding[s]
            if has_work:
                new_work[to] = work[s]
        start = end


def tiles_by_height(cut: Segments, n_levels: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(row block, tile column, non-zeros) of each non-empty tile of height 1, 2, 4, ..., from segments of one width."""
    block, tile, count = cut[0].copy(), cut[1].copy(), cut[2].astype(np.int64)
    spare = np.empty_like(block), np.empty_like(tile), np.empty_like(count)
    n = block.size
    yield block, tile, count
    for _ in range(1, n_levels):
        n = _merge_tiles(block, tile, count, n, *spare)
        (block, tile, count), spare = spare, (block, tile, count)
        yield block[:n], tile[:n], count[:n]


@compiled
def _merge_tiles(block, tile, count, n, new_block, new_tile, new_count):
    """Tiles of twice the height, by (row block, tile column); returns their number."""
    start, to = 0, 0
    while start < n:
        double = block[start] >> 1
        middle = start
        while middle < n and block[middle] == double << 1:
            middle += 1
        end = middle
        while end < n and block[end] >> 1 == double:
            end += 1
        left, right = start, middle
        while left < middle or right < end:
            if right >= end or (left < middle and tile[left] <= tile[right]):
                t, held = tile[left], count[left]
                if right < end and tile[right] == t:
                    held += count[right]
                    right += 1
                left += 1
            else:
                t, held = tile[right], count[right]
                right += 1
            new_block[to], new_tile[to], new_count[to] = double, t, held
            to += 1
        start = end
    return to
