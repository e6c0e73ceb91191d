"""What the rows of B take, cut at the edges of tiles: words of so many values, or steps of so many lanes.

Column j of a tile, counted from the tile's edge, belongs to lane j mod W. The entries of a row are worked on by their
owners at once, so a piece of a row takes its *conflicts*, the most entries that any owner has (docs/machine.md,
section 4). All is exact for powers of two.
"""

import numpy as np
from scipy.sparse import csr_array

from workloads.cache.machine_code import compiled
from workloads.statistics.lattice import ARRAY_WIDTHS, levels
from workloads.statistics.row_segments import csr_arrays
from workloads.statistics.threads import in_threads


def count_rows(b: csr_array, times: np.ndarray) -> dict[str, np.ndarray]:
    """Counts of the pieces of the rows of a sorted pattern `b` [K, N], on each width of `ARRAY_WIDTHS`.

    `times` (int64, [K]): entries of A that each row meets. **Returns** `row_words` [Ln, 13]: sum over the entries of A
    of the words that hold the pieces of their row of B; `conflicts` [Ln, 13]: the same of conflicts; `b_conflicts`
    [Ln, 13]: conflicts, each piece once; `b_most_words` [Lk, Ln, 13]: the largest sum of conflicts of a tile of B.
    """
    lk, ln = (levels(size) for size in b.shape)
    widths = ARRAY_WIDTHS.size
    row_words, conflicts, b_conflicts = (np.zeros((ln, widths)) for _ in range(3))
    most = np.zeros((lk, ln, widths))
    pointers, columns = csr_arrays(b)

    def cut(level: int) -> None:
        words, *found, tiles = _count_pieces(pointers, columns, times, level, b.shape[1], lk, widths)
        row_words[level] = words
        # A lane owns one column at most where there are as many lanes as columns.
        last = np.minimum(np.arange(widths), tiles.shape[1] - 1)
        conflicts[level], b_conflicts[level] = (sums[last] for sums in found)
        most[:, level] = tiles[:, last]

    in_threads(cut, ln)
    return {"row_words": row_words, "conflicts": conflicts, "b_conflicts": b_conflicts, "b_most_words": most}


@compiled
def _count_pieces(pointers, columns, times, level, width, deep, widths):
    """(words, conflicts, conflicts of each piece once, most conflicts of a tile [deep, W]) of pieces 2**level wide.

    Conflicts are counted up to as many lanes as a piece has columns. Sums over tiles of doubling depth are carried from
    each to that of twice the depth once the rows have left it.
    """
    different = min(level, widths - 1) + 1
    words, met, once = np.zeros(widths), np.zeros(different), np.zeros(different)
    tiles = ((width - 1) >> level) + 1
    most = np.zeros((deep, different), np.int64)
    sums, block = np.zeros((tiles, deep, different), np.int32), np.full((tiles, deep), -1, np.int32)
    bins = np.zeros(1 << (different - 1), np.int32)
    takes = np.empty(different, np.int64)
    for k in range(pointers.size - 1):
        p = pointers[k]
        while p < pointers[k + 1]:
            t = columns[p] >> level
            end = p + 1
            while end < pointers[k + 1] and columns[end] >> level == t:
                end += 1
            _most_of_an_owner(columns, p, end, bins, takes)
            for w in range(widths - 1):
                words[w] += times[k] * (((end - p - 1) >> w) + 1)
            words[widths - 1] += times[k]
            at = 0
            while at < deep and block[t, at] != k >> at:
                _leave(sums[t], most, at)
                block[t, at] = k >> at
                at += 1
            for w in range(different):
                met[w] += times[k] * takes[w]
                once[w] += takes[w]
                sums[t, 0, w] = takes[w]
            p = end
    for t in range(tiles):
        for at in range(deep):
            _leave(sums[t], most, at)
    return words, met, once, most


def piece_conflicts(pattern: csr_array, level: int, pieces: int, numbers: int) -> np.ndarray:
    """Conflicts of each piece of the rows of a sorted pattern, cut at every 2**level columns, [pieces, numbers].

    Of 1, 2, 4, ... owners, so many numbers of them; pieces in the order of `row_segments.segments`.
    """
    found = np.ones((pieces, numbers), np.int64)
    _fill_conflicts(*csr_arrays(pattern), level, found)
    return found


@compiled
def _fill_conflicts(pointers, columns, level, found):
    different = min(level, found.shape[1]) + 1
    bins, takes = np.zeros(1 << (different - 1), np.int32), np.empty(different, np.int64)
    piece = 0
    for k in range(pointers.size - 1):
        p = pointers[k]
        while p < pointers[k + 1]:
            end = p + 1
            while end < pointers[k + 1] and columns[end] >> level == columns[p] >> level:
                end += 1
            _most_of_an_owner(columns, p, end, bins, takes)
            for w in range(min(different, found.shape[1])):
                found[piece, w] = takes[w]
            piece, p = piece + 1, end


@compiled
def _leave(sums, most, at):
    """Carry the sums of a tile to the tile of twice its depth."""
    for w in range(sums.shape[1]):
        most[at, w] = max(most[at, w], sums[at, w])
        if at + 1 < sums.shape[0]:
            sums[at + 1, w] += sums[at, w]
        sums[at, w] = 0


@compiled
def _most_of_an_owner(columns, start, end, bins, takes):
    """Most entries that one of 1, 2, 4, ... owners has, into `takes`; the last number of owners has one at most.

    `bins` is room for all owners but those of the last number, zeros before and after.
    """
    held, last = end - start, takes.size - 1
    takes[:] = 1
    if held == 1:
        return
    if held * last < 2 << last:  # few entries: number by number, until no owner has two
        for w in range(last):
            mask = (1 << w) - 1
            takes[w] = 0
            for p in range(start, end):
                bins[columns[p] & mask] += 1
                takes[w] = max(takes[w], bins[columns[p] & mask])
            for p in range(start, end):
                bins[columns[p] & mask] = 0
            if takes[w] == 1:
                return
        return
    for p in range(start, end):
        bins[columns[p] & ((1 << last >> 1) - 1)] += 1
    for w in range(last - 1, -1, -1):
        takes[w] = 0
        for o in range(1 << w):
            takes[w] = max(takes[w], bins[o])
        half = 1 << w >> 1
        for o in range(half):
            bins[o] += bins[o + half]
    bins[: 1 << last >> 1] = 0
