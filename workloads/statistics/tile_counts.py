"""Compiled passes over the non-zeros: what tiles of every power-of-two shape hold, and how evenly it can be dealt.

`scan_rows` looks at the rows of each tile (fibers along k), `scan_columns` at its columns. Both collect their results
per bucket of tile occupancy (`workloads.statistics.tile_classes`), so that both class tiles alike. Both see every tile.
Only the loads of partitions may be taken from a sample of the tiles of a bucket; what they are scaled by is exact.
A tile of height h has at most h parts: of more partitions, as many hold what those of h do.
"""

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.load_balance import PARTITION_LEVELS, balanced_loads, block_loads, cyclic_loads
from workloads.statistics.longest_first import deal_balanced, most_work_first
from workloads.statistics.sampling import SEED, next_is_picked
from workloads.statistics.schedules import BALANCED, CYCLIC, ROW_BLOCKS, SCHEDULES
from workloads.statistics.tile_classes import BUCKETS, bucket_of

BASICS = 7
"""Leading quantities of `scan_rows`: tiles, non-zeros, non-empty rows, padding of RLE, work, extent of rows, blocks."""
NOT_COUNTED = np.empty(0, np.int64)
"""Blocks of tiles where nobody asks for them."""

COLUMN_BASICS = 5
"""The quantities of `scan_columns`: non-zeros, non-empty columns, their weight, extent of the columns, area."""


@compiled
def scan_rows(cut, height_level, rows, sample_tiles, blocks=NOT_COUNTED, only_work=False):
    """Statistics of the rows of every tile of height 2**height_level, per occupancy bucket.

    `cut` is a segment list in the order of that height (`workloads.statistics.row_segments`), `blocks` those of each
    tile (`workloads.statistics.block_counts`). A share s of the
    non-zeros that lies in tiles of one bucket has its loads taken from about s * `sample_tiles` tiles spread over the
    matrix, or from all of them if there are not twice as many; tiles of a single row are always all counted. With
    `only_work` rows are dealt by their work alone, and what is said of non-zeros is nothing. Returns
    (sums, errors, shares, peaks):
    `sums` [BUCKETS, BASICS + kinds * schedules * PARTITION_LEVELS]: `BASICS`, then the most loaded of P partitions by
    non-empty rows, by non-zeros and, if the segments carry it, by work, each for the `SCHEDULES`; `errors`, of the
    same shape: half the difference between the estimates from two halves of the sample; `shares` [2, schedules,
    PARTITION_LEVELS]: most rows and most non-zeros of a partition in any tile, rows that are balanced of the tile that
    has most of them; `peaks`: most non-zeros, most padding
    and most blocks of a tile.
    """
    row_of, tile, count, padding, work = cut
    weighted = work.size > 0
    n = row_of.size
    basics = np.zeros((BUCKETS, BASICS))
    single = np.zeros((BUCKETS, 3))
    starts, buckets = np.empty(n // 2 + 1, np.int32), np.empty(n // 2 + 1, np.int16)
    many, tiles = 0, 0
    peak_count, peak_padding, peak_blocks = np.int64(0), np.int64(0), np.int64(0)
    peak_rows, peak_start, longest = 0, 0, np.int64(0)
    start = 0
    while start < n:
        block, t = row_of[start] >> height_level, tile[start]
        end = start
        nnz, pad, total = np.int64(0), np.int64(0), np.int64(0)
        while end < n and tile[end] == t and (row_of[end] >> height_level) == block:
            nnz += count[end]
            pad += padding[end]
            longest = max(longest, count[end])
            if weighted:
                total += work[end]
            end += 1
        if not weighted:
            total = nnz
        peak_count, peak_padding = max(peak_count, nnz), max(peak_padding, pad)
        if end - start > peak_rows:
            peak_rows, peak_start = end - start, start
        b = bucket_of(nnz)
        basics[b, 0] += 1
        basics[b, 1] += nnz
        basics[b, 2] += end - start
        basics[b, 3] += pad
        basics[b, 4] += total
        basics[b, 5] += min(1 << height_level, rows - (block << height_level))
        if blocks.size:
            basics[b, 6] += blocks[tiles]
            peak_blocks = max(peak_blocks, blocks[tiles])
        tiles += 1
        if end - start == 1:
            single[b, 0] += 1
            single[b, 1] += nnz
            single[b, 2] += total
        else:
            starts[many], buckets[many] = start, b
            many += 1
        start = end
    strides = _strides(basics, single, sample_tiles)
    loads, most, seen = _sampled_loads(cut, height_level, rows, starts[:many], buckets[:many], strides, only_work)
    sums, errors = _expand(basics, single, loads, seen, strides)
    shares = np.empty((2, len(SCHEDULES), PARTITION_LEVELS), np.int64)
    for kind in range(2):
        whole, row = (peak_rows, 1) if kind == 0 else (peak_count, longest)
        for schedule in range(len(SCHEDULES)):
            for level in range(PARTITION_LEVELS):
                found = most[kind, schedule, min(level, most.shape[2] - 1)]
                shares[kind, schedule, level] = whole if level == 0 else max(found, row)
    if not only_work:
        end = peak_start + peak_rows
        local = row_of[peak_start:end].astype(np.int64) - ((row_of[peak_start] >> height_level) << height_level)
        by_work = np.empty(peak_rows, np.int64)
        for i in range(peak_rows):
            by_work[i] = work[peak_start + i] if weighted else count[peak_start + i]
        _rows_when_balanced(local, by_work, shares[0, BALANCED])
    return sums, errors, shares, (peak_count, peak_padding, peak_blocks)


@compiled
def _rows_when_balanced(local, work, most):
    """Raise `most`, of P = 1, 2, 4, ... partitions, to the rows of the one that has most of a tile dealt by work."""
    size = local.size
    order, part_of = np.empty(size, np.int64), np.empty(size, np.int64)
    busy = most_work_first(work, size, order)
    if busy == 0 or work[order[0]] == work[order[busy - 1]]:
        return  # all alike: as even as can be
    loads, counts, heap = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    for level in range(1, PARTITION_LEVELS):
        parts = 1 << level
        if parts >= busy:
            return
        if deal_balanced(local, work, size, order, busy, parts, part_of, loads, counts, heap):
            most[level] = max(most[level], counts[:parts].max())


@compiled
def _strides(basics, single, sample_tiles):
    """One tile of how many is looked at, for each bucket: no fewer tiles than its share of the non-zeros is worth."""
    strides = np.ones(BUCKETS, np.int64)
    total = basics[:, 1].sum()
    for b in range(BUCKETS):
        wanted = max(2.0, sample_tiles * (basics[b, 1] - single[b, 1]) / total)
        strides[b] = max(1, int((basics[b, 0] - single[b, 0]) / wanted))
    return strides


@compiled
def _sampled_loads(cut, height_level, rows, starts, buckets, strides, only_work):
    """Sums of loads over one tile of each `strides` that follow each other in a bucket, picked at random.

    Returns (loads, most, seen). `loads` [2, BUCKETS, kinds * schedules * levels] and `seen` [2, BUCKETS, kinds], the
    non-empty rows, non-zeros and work of the tiles picked, are those of two halves of the sample; `most` [kinds,
    schedules, levels] is the largest load. There are as many levels as make the partitions of a tile differ.
    """
    row, tile, count, _, work = cut
    kinds = 3 if work.size > 0 else 2
    levels = min(height_level + 1, PARTITION_LEVELS)
    sums = np.zeros((2, BUCKETS, kinds * len(SCHEDULES) * levels))
    seen = np.zeros((2, BUCKETS, kinds))
    at = np.zeros(BUCKETS, np.int64)
    pick = np.zeros(BUCKETS, np.int64)
    half = np.zeros(BUCKETS, np.int8)
    state = np.full(1, SEED, np.uint64)
    widest = 1 << (levels - 1)
    bins, row_bins, heap = np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    flat = np.zeros(kinds * len(SCHEDULES) * levels, np.int64)
    peaks = np.zeros_like(flat)
    found = flat.reshape(kinds, len(SCHEDULES), levels)
    room = 1024
    local, items, ordered = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    for j in range(starts.size):
        b = buckets[j]
        if not next_is_picked(b, strides[b], at, pick, state):
            continue
        start = starts[j]
        block, t = row[start] >> height_level, tile[start]
        base = block << height_level
        height = min(1 << height_level, rows - base)
        size = 0
        while start + size < row.size and tile[start + size] == t and (row[start + size] >> height_level) == block:
            size += 1
        if size > room:
            room = 2 * size
            local, items, ordered = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
        side = half[b]
        half[b] = 1 - side
        for i in range(size):
            local[i] = row[start + i] - base
        for level in range(levels):
            found[0, BALANCED, level] = (size + (1 << level) - 1) >> level
        seen[side, b, 0] += size
        for kind in range(2 if only_work else 1, kinds):
            total = np.int64(0)
            for i in range(size):
                items[i] = count[start + i] if kind == 1 else work[start + i]
                total += items[i]
            seen[side, b, kind] += total
            for schedule in range(len(SCHEDULES)):
                most, most_rows = found[kind, schedule], found[0, schedule]
                if schedule == ROW_BLOCKS:
                    block_loads(local, items, size, height, height_level, bins, row_bins, most, most_rows)
                elif schedule == CYCLIC:
                    cyclic_loads(local, items, size, height_level, bins, row_bins, most, most_rows)
                elif schedule == BALANCED:
                    balanced_loads(items, size, ordered, heap, most)
                    for level in range(levels):
                        most[level] = min(most[level], found[kind, CYCLIC, level])
                else:
                    raise ValueError("rows are not dealt by this schedule")
        for q in range(flat.size):
            sums[side, b, q] += flat[q]
            peaks[q] = max(peaks[q], flat[q])
    return sums, peaks.reshape(kinds, len(SCHEDULES), levels), seen


@compiled
def _expand(basics, single, loads, seen, strides):
    """Exact sums beside loads scaled from the tiles seen to all tiles of each bucket, and the loads' errors."""
    kinds = seen.shape[2]
    levels = loads.shape[2] // (kinds * len(SCHEDULES))
    sums = np.zeros((BUCKETS, BASICS + kinds * len(SCHEDULES) * PARTITION_LEVELS))
    errors = np.zeros_like(sums)
    for b in range(BUCKETS):
        if basics[b, 0] == 0:
            continue
        sums[b, :BASICS] = basics[b]
        to = BASICS
        for kind in range(kinds):
            total = basics[b, 2] if kind == 0 else basics[b, 1] if kind == 1 else basics[b, 4]
            many = total - single[b, kind]
            first, second = seen[0, b, kind], seen[1, b, kind]
            scale = many / max(first + second, 1.0) if strides[b] > 1 else 1.0
            for schedule in range(len(SCHEDULES)):
                for level in range(PARTITION_LEVELS):
                    at = (kind * len(SCHEDULES) + schedule) * levels + min(level, levels - 1)
                    one, two = loads[0, b, at], loads[1, b, at]
                    sums[b, to] = (one + two) * scale + single[b, kind]
                    if strides[b] > 1:
                        errors[b, to] = many / 2 * (one / max(first, 1.0) - two / max(second, 1.0))
                    to += 1
    return sums, errors


@compiled
def scan_columns(cut, weight, width_level, columns, height_level, rows):
    """Statistics of the columns of every tile, per occupancy bucket.

    `cut` is a segment list of the transposed pattern, whose rows are columns. Returns [BUCKETS, COLUMN_BASICS]; the
    weight of columns are the entries of B that they touch, and their number where `weight` is empty.
    """
    column, tile, count = cut[0], cut[1], cut[2]
    weighted = weight.size > 0
    sums = np.zeros((BUCKETS, COLUMN_BASICS))
    n = column.size
    start = 0
    while start < n:
        block, t = column[start] >> width_level, tile[start]
        end = start
        nnz, touched = np.int64(0), np.int64(0)
        while end < n and tile[end] == t and (column[end] >> width_level) == block:
            nnz += count[end]
            if weighted:
                touched += weight[column[end]]
            end += 1
        width = min(1 << width_level, columns - (block << width_level))
        b = bucket_of(nnz)
        sums[b, 0] += nnz
        sums[b, 1] += end - start
        sums[b, 2] += touched if weighted else end - start
        sums[b, 3] += width
        sums[b, 4] += width * min(1 << height_level, rows - (np.int64(t) << height_level))
        start = end
    return sums
