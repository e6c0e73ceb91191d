"""Compiled passes over the non-zeros: what tiles of every power-of-two shape hold, and how evenly it can be dealt.

`scan_rows` looks at the rows of each tile (fibers along k), `scan_columns` at its columns. Both collect their results
per *bucket* of tile occupancy, so that tiles of equal occupancy are interchangeable and both passes class alike; the
classes of `workloads.tables` are cut from the buckets. Heights double by merging neighbouring tiles (a pyramid), so
each level costs one linear merge and one scan.
"""

import numpy as np
from numba import njit

PARTITION_LEVELS = 11
"""Partition counts 1, 2, 4, ..., 1024."""

RLE_RUN = 16
"""Gaps of this many zeros need a padding entry: runs are 4 bits wide (Han et al., ISCA 2016)."""

FINE = 256
STEPS = 64
BUCKETS = FINE + STEPS * 24
"""Occupancy buckets: one per count below 256, then 64 per octave (a tile is at most 1.6 % off its bucket)."""

BASICS = 5
"""Leading quantities of `scan_rows`: tiles, non-zeros, non-empty rows, RLE padding entries, work."""

SCAN_LIMIT = 1_500_000
"""Row segments of one lattice point up to which every tile's loads are scanned; above, tiles are sampled."""


@njit(cache=True, nogil=True)
def bucket_of(count):
    """Bucket of a tile with `count` non-zeros."""
    if count < FINE:
        return count
    octave = 0
    rest = count
    while rest > 1:
        rest >>= 1
        octave += 1
    return FINE + (octave - 8) * STEPS + (((count - (1 << octave)) * STEPS) >> octave)


@njit(cache=True, nogil=True)
def segments(indptr, indices, weight, shift):
    """Cut each row into segments of width 2**shift: arrays of row, tile column, non-zeros, padding and work."""
    rows = indptr.size - 1
    nnz = indices.size
    row = np.empty(nnz, np.int32)
    tile = np.empty(nnz, np.int32)
    count = np.empty(nnz, np.int32)
    padding = np.empty(nnz, np.int32)
    work = np.empty(nnz, np.int64)
    n = -1
    for i in range(rows):
        last = -1
        previous = 0
        for p in range(indptr[i], indptr[i + 1]):
            k = indices[p]
            t = k >> shift
            if t != last:
                n += 1
                row[n] = i
                tile[n] = t
                count[n] = 0
                padding[n] = 0
                work[n] = 0
                last = t
                previous = (t << shift) - 1
            count[n] += 1
            padding[n] += (k - previous - 1) // RLE_RUN
            work[n] += weight[k]
            previous = k
    n += 1
    return row[:n].copy(), tile[:n].copy(), count[:n].copy(), padding[:n].copy(), work[:n].copy()


@njit(cache=True, nogil=True)
def merge_heights(row, tile, count, padding, work, level):
    """Sort segments by (row block of height 2**level, tile column, row), given that order for half the height.

    The segments themselves are moved, not an index of them: the scans then read memory in order.
    """
    n = row.size
    new_row, new_tile, new_count = np.empty_like(row), np.empty_like(tile), np.empty_like(count)
    new_padding, new_work = np.empty_like(padding), np.empty_like(work)
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
        for out in range(start, end):
            if right >= end or (left < middle and tile[left] <= tile[right]):
                s = left
                left += 1
            else:
                s = right
                right += 1
            new_row[out], new_tile[out], new_count[out] = row[s], tile[s], count[s]
            new_padding[out], new_work[out] = padding[s], work[s]
        start = end
    return new_row, new_tile, new_count, new_padding, new_work


@njit(cache=True, nogil=True)
def sift_down(heap, size, at, value):
    """Put `value` at or below place `at` of a min-heap."""
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@njit(cache=True, nogil=True)
def sort_descending(items, size):
    """Heap sort in place, largest first."""
    for at in range(size // 2 - 1, -1, -1):
        sift_down(items, size, at, items[at])
    for last in range(size - 1, 0, -1):
        smallest = items[0]
        value = items[last]
        sift_down(items, last, 0, value)
        items[last] = smallest


@njit(cache=True, nogil=True)
def longest_processing_time(ordered, size, partitions, heap):
    """Most loaded partition when items in decreasing order each go to the least loaded one (Graham 1969)."""
    for p in range(partitions):
        heap[p] = ordered[partitions - 1 - p]
    for i in range(partitions, size):
        sift_down(heap, partitions, 0, heap[0] + ordered[i])
    largest = heap[0]
    for p in range(1, partitions):
        largest = max(largest, heap[p])
    return largest


@njit(cache=True, nogil=True)
def balanced_loads(items, size, ordered, heap, loads):
    """Load of the most loaded of 1, 2, 4, ... partitions under longest processing time first, into `loads`."""
    total, first, second, ones, all_equal = np.int64(0), np.int64(0), np.int64(0), 0, True
    for i in range(size):
        x = items[i]
        total += x
        if x > first:
            second = first
            first = x
        elif x > second:
            second = x
        if x == 1:
            ones += 1
        if x != items[0]:
            all_equal = False
    is_sorted = False
    for level in range(PARTITION_LEVELS):
        partitions = 1 << level
        if size <= partitions:
            loads[level] = first
        elif partitions == 1:
            loads[level] = total
        elif all_equal:
            loads[level] = first * ((size + partitions - 1) >> level)
        elif (total - first) + second * (partitions - 1) <= first * (partitions - 1):
            loads[level] = first  # all others fit below the largest
        elif ones >= (partitions - 1) * first or (size > 8192 and size >= 64 * partitions):
            # the small items fill every dent that the large ones leave
            loads[level] = max((total + partitions - 1) >> level, first)
        else:
            if not is_sorted:
                for i in range(size):
                    ordered[i] = items[i]
                sort_descending(ordered, size)
                is_sorted = True
            loads[level] = longest_processing_time(ordered, size, partitions, heap)


@njit(cache=True, nogil=True)
def block_loads(local, items, size, height, height_level, loads, row_loads):
    """Most work and most rows of 1, 2, 4, ... partitions into contiguous row blocks: row i to i * P // height."""
    whole = height == 1 << height_level
    done = False
    for level in range(PARTITION_LEVELS):
        if done:
            loads[level] = loads[level - 1]
            row_loads[level] = 1
            continue
        most, most_rows = np.int64(0), np.int64(0)
        current, current_rows = np.int64(0), np.int64(0)
        part = np.int64(-1)
        for i in range(size):
            p = (local[i] << level) >> height_level if whole else (local[i] << level) // height
            if p != part:
                most = max(most, current)
                most_rows = max(most_rows, current_rows)
                current, current_rows, part = np.int64(0), np.int64(0), p
            current += items[i]
            current_rows += 1
        loads[level] = max(most, current)
        row_loads[level] = max(most_rows, current_rows)
        done = row_loads[level] == 1


@njit(cache=True, nogil=True)
def cyclic_loads(local, items, size, height, bins, row_bins, loads, row_loads):
    """Most work and most rows of 1, 2, 4, ... partitions when row i goes to partition i mod P."""
    top = PARTITION_LEVELS - 1
    while top > 0 and (1 << (top - 1)) >= height:
        top -= 1
    width = 1 << top
    for p in range(width):
        bins[p] = 0
        row_bins[p] = 0
    for i in range(size):
        p = local[i] & (width - 1)
        bins[p] += items[i]
        row_bins[p] += 1
    for level in range(top, -1, -1):
        width = 1 << level
        most, most_rows = np.int64(0), np.int64(0)
        for p in range(width):
            most = max(most, bins[p])
            most_rows = max(most_rows, row_bins[p])
        loads[level] = most
        row_loads[level] = most_rows
        half = width >> 1
        for p in range(half):
            bins[p] += bins[p + half]
            row_bins[p] += row_bins[p + half]
    for level in range(top + 1, PARTITION_LEVELS):
        loads[level] = loads[top]
        row_loads[level] = row_loads[top]


@njit(cache=True, nogil=True)
def cyclic_loads_few(local, items, size, slots, sums, counts, loads, row_loads):
    """`cyclic_loads` for a tile of few rows, by comparing them pairwise instead of filling bins."""
    for level in range(PARTITION_LEVELS):
        mask = (1 << level) - 1
        used = 0
        most, most_rows = np.int64(0), np.int64(0)
        for i in range(size):
            p = local[i] & mask
            at = 0
            while at < used and slots[at] != p:
                at += 1
            if at == used:
                slots[at] = p
                sums[at] = 0
                counts[at] = 0
                used += 1
            sums[at] += items[i]
            counts[at] += 1
            most = max(most, sums[at])
            most_rows = max(most_rows, counts[at])
        loads[level] = most
        row_loads[level] = most_rows
        if used == size:
            for rest in range(level + 1, PARTITION_LEVELS):
                loads[rest] = most
                row_loads[rest] = 1
            return


@njit(cache=True, nogil=True)
def scan_rows(row, tile, count, padding, work, height_level, rows):
    """Statistics of the rows of every tile of height 2**height_level, per occupancy bucket.

    Returns (sums, heights, peaks): `sums` [BUCKETS, BASICS + 6 * PARTITION_LEVELS]: `BASICS`, then the most loaded of P
    partitions by work for row blocks, cyclic and balanced schedules, then by non-empty rows for each of the three;
    `heights`: sum of the tiles' heights; `peaks`: most non-zeros, most work, most padding of a tile.
    """
    levels = PARTITION_LEVELS
    sums = np.zeros((BUCKETS, BASICS + 6 * levels))
    seen = np.zeros(BUCKETS)
    single_work = np.zeros(BUCKETS)
    singles = np.zeros(BUCKETS)
    widest = 1 << (levels - 1)
    bins, row_bins, heap = np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    loads = np.empty((6, levels), np.int64)
    room = 1024
    local, items, ordered = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    n = row.size
    keep_all = n <= SCAN_LIMIT
    state = np.uint64(88172645463325252)
    threshold = np.uint64(int(min(1.0, SCAN_LIMIT / n) * 4294967295.0))
    heights = 0.0
    peak_count, peak_work, peak_padding = np.int64(0), np.int64(0), np.int64(0)
    start = 0
    while start < n:
        block, t = row[start] >> height_level, tile[start]
        end = start
        nnz, pad, total = np.int64(0), np.int64(0), np.int64(0)
        while end < n:
            if tile[end] != t or (row[end] >> height_level) != block:
                break
            nnz += count[end]
            pad += padding[end]
            total += work[end]
            end += 1
        size = end - start
        base = block << height_level
        height = min(1 << height_level, rows - base)
        heights += height
        peak_count, peak_work, peak_padding = max(peak_count, nnz), max(peak_work, total), max(peak_padding, pad)
        b = bucket_of(nnz)
        sums[b, 0] += 1
        sums[b, 1] += nnz
        sums[b, 2] += size
        sums[b, 3] += pad
        sums[b, 4] += total
        if size == 1:
            singles[b] += 1
            single_work[b] += total
        else:
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            if keep_all or size > 65536 or (state & np.uint64(4294967295)) <= threshold:
                seen[b] += 1
                if size > room:
                    room = 2 * size
                    local, items, ordered = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
                for i in range(size):
                    local[i] = row[start + i] - base
                    items[i] = work[start + i]
                block_loads(local, items, size, height, height_level, loads[0], loads[3])
                if size <= 16 and height > 2 * size:
                    cyclic_loads_few(local, items, size, heap, bins, row_bins, loads[1], loads[4])
                else:
                    cyclic_loads(local, items, size, height, bins, row_bins, loads[1], loads[4])
                balanced_loads(items, size, ordered, heap, loads[2])
                for level in range(levels):
                    loads[5, level] = (size + (1 << level) - 1) >> level
                for q in range(6):
                    for level in range(levels):
                        sums[b, BASICS + q * levels + level] += loads[q, level]
        start = end
    for b in range(BUCKETS):
        if sums[b, 0] == 0:
            continue
        many = sums[b, 0] - singles[b]
        for q in range(6):
            for level in range(levels):
                at = BASICS + q * levels + level
                if seen[b] > 0:
                    sums[b, at] *= many / seen[b]
                elif many > 0:  # no tile of this bucket was sampled: take the mean load
                    amount = sums[b, 4] - single_work[b] if q < 3 else sums[b, 2] - singles[b]
                    sums[b, at] = amount / (1 << level)
                sums[b, at] += single_work[b] if q < 3 else singles[b]
    return sums, heights, (peak_count, peak_work, peak_padding)


@njit(cache=True, nogil=True)
def scan_columns(column, tile, count, weight, width_level, columns, height_level, rows):
    """Statistics of the columns of every tile (columns are the rows of the transposed pattern), per occupancy bucket.

    Returns (sums, widths, areas): `sums` [BUCKETS, 3 + PARTITION_LEVELS]: non-zeros, non-empty columns, their weight
    (entries of B that they touch), then the number of passes when each column is dealt P at a time; and the sums of
    the tiles' widths and areas.
    """
    levels = PARTITION_LEVELS
    sums = np.zeros((BUCKETS, 3 + levels))
    passes = np.empty(levels, np.int64)
    n = column.size
    widths, areas = 0.0, 0.0
    start = 0
    while start < n:
        block, t = column[start] >> width_level, tile[start]
        passes[:] = 0
        end = start
        nnz, touched, ones = np.int64(0), np.int64(0), np.int64(0)
        while end < n:
            if tile[end] != t or (column[end] >> width_level) != block:
                break
            nnz += count[end]
            touched += weight[column[end]]
            if count[end] == 1:
                ones += 1
            else:
                for level in range(levels):
                    passes[level] += (count[end] + (1 << level) - 1) >> level
            end += 1
        width = min(1 << width_level, columns - (block << width_level))
        widths += width
        areas += width * min(1 << height_level, rows - (np.int64(t) << height_level))
        b = bucket_of(nnz)
        sums[b, 0] += nnz
        sums[b, 1] += end - start
        sums[b, 2] += touched
        for level in range(levels):
            sums[b, 3 + level] += passes[level] + ones
        start = end
    return sums, widths, areas


@njit(cache=True, nogil=True)
def into_classes(amount, sums, classes):
    """Cut buckets, lightest first, into classes of equal amount: `sums` [BUCKETS, q] to [classes, q].

    A bucket that straddles a class boundary is shared in proportion, so one single tile still fills every class alike.
    """
    share = amount.sum() / classes
    out = np.zeros((classes, sums.shape[1]))
    at, room = 0, share
    for b in range(amount.size):
        if amount[b] <= 0:
            continue
        rest = amount[b]
        while rest > 0:
            take = min(rest, room) if at < classes - 1 else rest
            fraction = take / amount[b]
            for q in range(sums.shape[1]):
                out[at, q] += sums[b, q] * fraction
            rest -= take
            room -= take
            if room <= share * 1e-12 and at < classes - 1:
                at += 1
                room = share
    return out
