"""Statistics against brute force: every table at every lattice point, lookups between them, stacking and the cache."""

import heapq
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_array

from workloads import (
    DensityKernel,
    SamplingError,
    SparseBStatistics,
    SparseKernel,
    Uniform,
    measure,
    sampling_error,
    stack_statistics,
    table_bytes,
)
from workloads import generators as make
from workloads.kernels.unfolding import Unfolding
from workloads.statistics import fiber_pairs as fibers
from workloads.statistics.lattice import ARRAY_WIDTHS, TINY, levels, lookup, to_log
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.measurement import with_shared_shapes
from workloads.statistics.occupancy import Cut, cut
from workloads.statistics.operand import LOADS, PEAKS
from workloads.statistics.operand_counts import POINT_QUANTITIES, TILE_QUANTITIES, count_operand, group_occupancy
from workloads.statistics.sampling import Sampling, summarize
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.spmspm_counts import DEPTH_QUANTITIES, count_pair

SHAPE = (13, 21)
"""Neither side a power of two: the tiles at the far edges are cut."""


def pattern(name: str, rows: int, columns: int, seed: int = 0) -> csr_array:
    made = {
        "uniform": lambda: make.uniform(rows, columns, 0.13, seed),
        "power_law": lambda: make.power_law_rows(rows, columns, 4, 2.1, seed),
        "banded": lambda: make.banded(max(rows, columns), 2, seed),
        "one": lambda: csr_array(([1.0], ([rows // 2], [columns - 1])), shape=(rows, columns)),
        "full": lambda: csr_array(np.ones((rows, columns))),
    }[name]()
    made = csr_array(made[:rows, :columns])
    made.sort_indices()
    return made


PATTERNS = ("uniform", "power_law", "banded", "one", "full")


def tiles_of(present: np.ndarray, height: int, width: int):
    """(first row, first column, tile) of every tile, cut at the edges."""
    for top, left in product(range(0, present.shape[0], height), range(0, present.shape[1], width)):
        yield top, left, present[top : top + height, left : left + width]


def padding_of(present: np.ndarray) -> int:
    """Entries that runs of 4 bits need in addition: one for each 16 zeros before a non-zero, anew in each row."""
    total = 0
    for row in present:
        run = 0
        for bit in row:
            total, run = (total + run // 16, 0) if bit else (total, run + 1)
    return total


def most_loaded(schedule: str, items: np.ndarray, parts: int) -> int:
    """Load of the most loaded of `parts` partitions; `items` holds every row of the tile, empty ones as 0."""
    height = len(items)
    if schedule == "balanced":
        heap = [0] * parts
        for item in sorted(items[items > 0].tolist(), reverse=True):
            heapq.heapreplace(heap, heap[0] + item)
        return min(max(heap), most_loaded("cyclic", items, parts))
    to = [i * parts // height if schedule == "row_blocks" else i % parts for i in range(height)]
    return int(np.bincount(to, weights=items).max())


def balanced_rows(tile: np.ndarray, work: np.ndarray, parts: int) -> int:
    """Rows of the part that has most where rows are dealt by their work; 0 where cyclic dealing leaves less work."""
    loads, counts = np.zeros(parts, int), np.zeros(parts, int)
    for row in np.argsort(-work, kind="stable")[: np.count_nonzero(work)]:
        part = min(range(parts), key=lambda one: (loads[one], counts[one], one))
        loads[part], counts[part] = loads[part] + work[row], counts[part] + 1
    return 0 if most_loaded("cyclic", work, parts) < loads.max() else counts.max()


def brute_force(present: np.ndarray, weight: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
    """The tables at one lattice point, summed over classes."""
    sums = dict.fromkeys(TILE_QUANTITIES, 0)
    point = dict.fromkeys(POINT_QUANTITIES, 0)
    loads = np.zeros((PARTITION_LEVELS, 3, 3))
    shares = np.zeros((PARTITION_LEVELS, 3, 2))
    fullest = (0, None, None)
    for _, left, tile in tiles_of(present, height, width):
        if not tile.any():
            continue
        w = weight[left : left + tile.shape[1]]
        by_row, by_column, work = tile.sum(1), tile.sum(0), tile @ w
        padding = padding_of(tile)
        if (by_row > 0).sum() > fullest[0]:
            fullest = ((by_row > 0).sum(), tile, work)
        blocks = sum(block.any() for *_, block in tiles_of(tile, 4, 4))
        found = (1, tile.sum(), (by_row > 0).sum(), padding, work.sum(), tile.shape[0], blocks)
        found += ((by_column > 0).sum(), w[by_column > 0].sum(), tile.shape[1], tile.size)
        for name, value in zip(TILE_QUANTITIES, found, strict=True):
            sums[name] += value
        for name, value in (("nonzeros", tile.sum()), ("padding", padding), ("blocks", blocks)):
            point[f"peak_{name}"] = max(point[f"peak_{name}"], value)
        for level in range(PARTITION_LEVELS):
            for at, schedule in enumerate(SCHEDULES):
                for kind, items in enumerate(((by_row > 0).astype(int), by_row, work)):
                    most = most_loaded(schedule, items, 1 << level)
                    loads[level, at, kind] += most
                    if kind < 2:
                        shares[level, at, kind] = max(shares[level, at, kind], most)
    _, tile, work = fullest
    for level in range(1, PARTITION_LEVELS if tile is not None else 0):
        most = balanced_rows(tile, work, 1 << level)
        shares[level, SCHEDULES.index("balanced"), 0] = max(shares[level, SCHEDULES.index("balanced"), 0], most)
    for name, side, size in (("block_rows", 1, height), ("block_columns", 0, width)):
        occupied = present.any(axis=side)
        blocks = [occupied[at : at + size] for at in range(0, occupied.size, size)]
        point[name] = sum(block.size for block in blocks if block.any())
    return {
        "tiles": np.array([float(sums[name]) for name in TILE_QUANTITIES]),
        "point": np.array([float(point[name]) for name in POINT_QUANTITIES]),
        "loads": loads,
        "shares": shares,
    }


@pytest.mark.parametrize("weighted", [False, True], ids=["unit", "weighted"])
@pytest.mark.parametrize("name", PATTERNS)
def test_tables_equal_brute_force_at_every_lattice_point(name: str, weighted: bool):
    rows, columns = SHAPE
    matrix = pattern(name, rows, columns)
    weight = np.random.default_rng(1).integers(1, 9, columns) if weighted else np.ones(columns, int)
    tables = count_operand(matrix, weight if weighted else None)
    present = (matrix.toarray() != 0).astype(int)
    for i, j in product(range(levels(rows)), range(levels(columns))):
        expected = brute_force(present, weight, 1 << i, 1 << j)
        summed = {
            "tiles": tables["tiles"][i, j].sum(0),
            "point": tables["point"][i, j],
            "loads": tables["loads"][i, j].sum(1),
            "shares": tables["shares"][i, j],
        }
        expected["loads"] = expected["loads"][..., : summed["loads"].shape[-1]]
        for quantity, value in expected.items():
            np.testing.assert_allclose(
                summed[quantity], value, rtol=1e-9, atol=1e-9, err_msg=f"{quantity} of {1 << i} x {1 << j} tiles"
            )


@pytest.mark.parametrize("name", PATTERNS)
def test_classes_share_the_nonzeros_equally_and_grow(name: str):
    matrix = pattern(name, *SHAPE)
    tiles = count_operand(matrix)["tiles"]
    count, nonzeros = tiles[..., 0], tiles[..., 1]
    np.testing.assert_allclose(nonzeros, np.full_like(nonzeros, matrix.nnz / nonzeros.shape[-1]), rtol=1e-9)
    occupancy = nonzeros / count
    assert np.all(np.diff(occupancy, axis=-1) >= -1e-9 * occupancy[..., 1:])


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("group", [1, 2, 4, 8])
def test_fullest_group(name: str, group: int):
    present = pattern(name, *SHAPE).toarray() != 0
    starts = range(0, present.shape[1], group)
    assert group_occupancy(pattern(name, *SHAPE), group) == max(
        present[:, at : at + group].sum(1).max() for at in starts
    )


PAIRS = [("uniform", "uniform"), ("power_law", "banded"), ("banded", "power_law"), ("one", "full"), ("uniform", "one")]


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda name: name)
def test_pair_tables_equal_brute_force(left: str, right: str):
    m, k, n = 13, 19, 11
    a, b = pattern(left, m, k, 1), pattern(right, k, n, 2)
    tables = count_pair(a, b)
    x, y = (a.toarray() != 0).astype(int), (b.toarray() != 0).astype(int)
    per_column, per_row = x.sum(0), y.sum(1)
    depth = dict(zip(DEPTH_QUANTITIES, tables["depth"].T, strict=True))
    for i, j, wide in product(range(levels(m)), range(levels(k)), range(levels(n))):
        expected = joint_of(x, y, 1 << i, 1 << j, 1 << wide)
        found = {name: tables[name][i, j, wide].sum() for name in ("visits", "met_squares", "columns")}
        found |= {"met": tables["met"][i, j].sum(), "a_visits": tables["a_visits"][j, wide]}
        found |= {name: depth[name][j] for name in ("a_once", "b_once")}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, err_msg=f"{name} at {i, j, wide}")
    for j in range(levels(k)):
        found = [depth[name][j] for name in ("pairs", "a_elements", "b_elements", "skip_ahead", "distinct")]
        np.testing.assert_allclose(found, fibers_of(x, y, 1 << j), err_msg=f"fibers at {1 << j}")
    for i in range(levels(m)):
        products = [(x[at : at + (1 << i)] @ y).sum() for at in range(0, m, 1 << i)]
        assert tables["block_products"][i] == max(products)
    for wide, w in product(range(levels(n)), range(ARRAY_WIDTHS.size)):
        pieces = [y[:, at : at + (1 << wide)] for at in range(0, n, 1 << wide)]
        words = sum(-(-piece.sum(1) // ARRAY_WIDTHS[w]) for piece in pieces)
        assert tables["row_words"][wide, w] == (words * per_column).sum()
        steps = np.stack([conflicts_of(piece, int(ARRAY_WIDTHS[w])) for piece in pieces])
        assert tables["conflicts"][wide, w] == (steps * per_column).sum()
        assert tables["b_conflicts"][wide, w] == steps.sum()
        for j in range(levels(k)):
            tiles = [steps[:, at : at + (1 << j)].sum(1).max() for at in range(0, k, 1 << j)]
            assert tables["b_most_words"][j, wide, w] == max(tiles)
    z = (x @ y) > 0
    np.testing.assert_allclose(tables["totals"], [(per_column * per_row).sum(), z.sum()])


def conflicts_of(piece: np.ndarray, lanes: int) -> np.ndarray:
    """Most entries of each row that one lane owns, column j belonging to lane j mod W."""
    owner = np.arange(piece.shape[1]) % lanes
    return np.array([np.bincount(owner, row).max() for row in piece])


def joint_of(x: np.ndarray, y: np.ndarray, height: int, depth: int, width: int) -> dict[str, float]:
    """What tiles make of each other, by walking all visits."""
    a_tiles = {(top // height, left // depth): tile for top, left, tile in tiles_of(x, height, depth) if tile.any()}
    b_tiles = {(top // depth, left // width): tile for top, left, tile in tiles_of(y, depth, width) if tile.any()}
    visits = [(a, b) for a in a_tiles for b in b_tiles if a[1] == b[0]]
    return {
        "visits": len(visits),
        "met": sum(b_tiles[b].sum() for _, b in visits),
        "met_squares": sum(b_tiles[b].sum() ** 2 for _, b in visits),
        "columns": sum(b_tiles[b].shape[1] for _, b in visits),
        "a_visits": sum(a_tiles[a].sum() for a, _ in visits),
        "a_once": sum(a_tiles[a].sum() for a in {a for a, _ in visits}),
        "b_once": sum(b_tiles[b].sum() for b in {b for _, b in visits}),
    }


def skip_ahead(row: list[int], column: list[int]) -> int:
    """Steps of two non-empty fibers: two, and those of a walk that drops up to four coordinates at once."""
    steps = 2
    while row and column:
        steps += 1
        x, y = row[0], column[0]
        dropped = [1, 1] if x == y else [sum(at < y for at in row[:4]), sum(at < x for at in column[:4])]
        row, column = row[dropped[0] :], column[dropped[1] :]
    return steps


def fibers_of(x: np.ndarray, y: np.ndarray, depth: int) -> np.ndarray:
    """Pairs of non-empty fibers, A's and B's elements in them, skip-ahead steps, distinct outputs."""
    total = np.zeros(5)
    for at in range(0, x.shape[1], depth):
        rows = [np.flatnonzero(row).tolist() for row in x[:, at : at + depth]]
        columns = [np.flatnonzero(column).tolist() for column in y[at : at + depth].T]
        for row, column in product(filter(None, rows), filter(None, columns)):
            total += (1, len(row), len(column), skip_ahead(row, column), bool(set(row) & set(column)))
    return total


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")


def cuts(matrix: csr_array, height: float, width: float) -> tuple[Cut, Cut]:
    """Rows and columns of a matrix, cut into tiles."""
    spans = [(np.float32(span), np.float32(size)) for span, size in zip(matrix.shape, (height, width), strict=True)]
    return tuple(cut(jnp.float32(span), jnp.float32(size), jnp.ceil(span / size)) for span, size in spans)  # pyright: ignore


def kernel_of(name: str, m: int = 21, k: int = 37, n: int | None = 26) -> SparseKernel:
    b = None if n is None else pattern("uniform", k, n, 5)
    return SparseKernel("x", pattern(name, m, k), b, n or 8)


@pytest.mark.usefixtures("no_cache")
def test_lookups_give_the_tables_at_lattice_points():
    kernel = kernel_of("power_law")
    statistics = measure(kernel)
    assert isinstance(statistics, SparseBStatistics)
    per_row = np.diff(kernel.b.indptr)
    weighted = count_operand(kernel.a, per_row)
    schedules = jnp.eye(3, dtype=jnp.float32)
    for i, j in product(range(6), range(7)):
        sides = cuts(kernel.a, 1 << i, 1 << j)
        found = statistics.a.tiles_of(*sides)
        for at, name in enumerate(TILE_QUANTITIES):
            expected = weighted["tiles"][i, j, :, at]
            np.testing.assert_allclose(found.classes[name], expected, rtol=3e-5, atol=1e-6, err_msg=name)
            if name in found.totals:
                np.testing.assert_allclose(found.totals[name], expected.sum(), rtol=3e-5, err_msg=name)
        point = {**found.peaks, **found.totals}
        expected = dict(zip(POINT_QUANTITIES, weighted["point"][i, j], strict=True))
        for name in expected:
            np.testing.assert_allclose(point[name], expected[name], rtol=3e-5, atol=1e-9, err_msg=name)
        assert set(found.peaks) == set(PEAKS)
        np.testing.assert_allclose(list(found.scale.values()), 1.0, rtol=3e-5)
        if (i + j) % 3:
            continue
        for p, (at, one) in product((0, 2, 5, 14), enumerate(schedules)):
            loads = statistics.a.most_loaded(*sides, jnp.float32(1 << p), one, one, found.scale)
            for kind, name in enumerate(LOADS):
                np.testing.assert_allclose(
                    loads[name], weighted["loads"][i, j, p, :, at, kind], rtol=3e-5, err_msg=name
                )
            share = statistics.a.fullest_share(*sides, jnp.float32(1 << p), one, one)
            most = [share["rows"], share["nonzeros"]]
            np.testing.assert_allclose(most, weighted["shares"][i, j, p, at], rtol=1e-5)


@pytest.mark.usefixtures("no_cache")
def test_meetings_give_the_tables_at_lattice_points():
    kernel = kernel_of("power_law")
    statistics, tables = measure(kernel), count_pair(kernel.a, kernel.b)
    depth = dict(zip(DEPTH_QUANTITIES, tables["depth"].T, strict=True))
    for i, j, wide in product(range(6), range(7), range(6)):
        m, k = cuts(kernel.a, 1 << i, 1 << j)
        n = cuts(kernel.b, 1 << j, 1 << wide)[1]
        found = statistics.meetings(statistics.a.tiles_of(m, k), m, k, n)
        visits, met = tables["visits"][i, j, wide], tables["met"][i, j]
        np.testing.assert_allclose(found.visits, visits, rtol=3e-5)
        np.testing.assert_allclose(found.b_nonzeros, met, rtol=3e-5)
        np.testing.assert_allclose(found.columns, tables["columns"][i, j, wide] / visits.sum(), rtol=3e-5)
        spread = tables["met_squares"][i, j, wide] * visits / met**2 - 1
        np.testing.assert_allclose(found.spread, np.maximum(spread, 0), atol=3e-5, rtol=1e-4)
        for name, values in found.depth.items():
            np.testing.assert_allclose(values, depth[name][j], rtol=3e-5, err_msg=name)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize(
    ("name", "median", "largest"), [("full", 1e-5, 1e-4), ("uniform", 0.02, 0.1), ("banded", 0.1, 0.6)]
)
def test_counts_between_lattice_points_are_near_the_true_ones(name: str, median: float, largest: float):
    """Tiles of any size: all of a full matrix's; nearly as many as there are of others, least so of a thin band's."""
    matrix = pattern(name, 150, 230)
    statistics = measure(SparseKernel("x", matrix, None, 4)).a
    present = matrix.toarray() != 0
    errors = []
    for height, width in product((5, 12, 23, 47, 90), (6, 19, 50, 93, 150)):
        found = statistics.tiles_of(*cuts(matrix, height, width)).totals
        true = {"tiles": 0, "areas": 0, "rows": 0}
        for _, _, tile in tiles_of(present, height, width):
            if tile.any():
                found_in = {"tiles": 1, "areas": tile.size, "rows": tile.any(1).sum()}
                true = {quantity: true[quantity] + found_in[quantity] for quantity in true}
        errors += [float(found[quantity]) / true[quantity] - 1 for quantity in true]
    errors = np.abs(errors)
    assert np.median(errors) < median
    assert errors.max() < largest


def test_lookups_are_continuous_and_monotone_between_points():
    table = jnp.asarray(to_log(np.array([[1.0, 2, 8], [2.0, 4, 64]])[..., None]))
    for axis in (0, 1):
        sizes = jnp.linspace(1.0, 4.0, 4001, dtype=jnp.float32)
        fixed = jnp.full_like(sizes, 1.3)
        at = (sizes, fixed) if axis == 0 else (fixed, sizes)
        values = np.asarray(jax.vmap(lambda x, y: lookup(table, (x, y))[0])(*at))
        assert np.all(np.diff(values) >= -1e-5)
        assert np.max(np.diff(values)) < 0.05
    corner = lookup(table, (jnp.float32(2.0), jnp.float32(2.0)))
    np.testing.assert_allclose(corner, [4.0], rtol=1e-6)
    beyond = lookup(table, (jnp.float32(1e6), jnp.float32(1e6)))
    np.testing.assert_allclose(beyond, [64.0], rtol=1e-6)


@pytest.mark.usefixtures("no_cache")
def test_lookups_stay_between_neighbouring_points_and_zeros_come_back():
    statistics = measure(kernel_of("power_law", n=None))
    sizes = np.exp2(np.linspace(0, 5, 61)).astype(np.float32)
    rows, columns = statistics.a.rows, statistics.a.columns
    across = cut(columns, jnp.float32(8.0), jnp.ceil(columns / 8.0))
    find = jax.jit(jax.vmap(lambda h: statistics.a.tiles_of(cut(rows, h, jnp.ceil(rows / h)), across).totals["tiles"]))
    tiles = np.asarray(find(jnp.asarray(sizes)))
    assert np.all(np.diff(tiles) <= 0.05 * tiles[1:]), "taller tiles are fewer"
    assert tiles[0] > 2 * tiles[-1]
    assert float(lookup(jnp.asarray(to_log(np.zeros((3, 1)))), (jnp.float32(1.5),))[0]) <= TINY


def test_tables_of_any_size_have_one_shape():
    """So that one compiled model serves them all, down to a single weight and with maps that are unfolded."""
    of = Unfolding(2, 5, 5, 3, 3, 3, 3, 1, 0)
    whole = [DensityKernel("k", m, k, n, Uniform(0.5)) for m, k, n in ((1, 1, 1), (3, 5, 7), (3000, 20, 9000))]
    whole.append(DensityKernel("conv", 4, 18, 9, Uniform(0.5), unfolding=of))
    alone = [with_shared_shapes([measure(kernel)])[0] for kernel in whole]
    assert len({tuple(np.shape(leaf) for leaf in jax.tree.leaves(one)) for one in alone}) == 1


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("n", [None, 26], ids=["dense_b", "sparse_b"])
def test_stacking_pads_without_changing_lookups(n: int | None):
    small = measure(kernel_of("uniform", 9, 6, None if n is None else 5))
    large = measure(kernel_of("banded", 40, 70, n))
    stacked = stack_statistics([small, large])
    for at, alone in enumerate((small, large)):
        member = jax.tree.map(lambda leaf, at=at: leaf[at], stacked)
        for height, width in [(1.0, 1.0), (3.0, 5.0), (8.0, 64.0), (500.0, 500.0)]:
            sizes = (jnp.float32(height), jnp.float32(width))
            three = (*sizes, jnp.float32(6.0))
            for name, at in (("tiles", sizes), ("loads", three), ("shares", three)):
                expected = lookup(getattr(alone.a, name), at)
                np.testing.assert_allclose(lookup(getattr(member.a, name), at), expected, rtol=1e-5)
            if n is not None:
                for name, at in (("visits", three), ("met", sizes), ("a_visits", sizes), ("depth", sizes[:1])):
                    expected = lookup(getattr(alone, name), at)
                    np.testing.assert_allclose(lookup(getattr(member, name), at), expected, rtol=1e-5)
    assert table_bytes(stacked) >= table_bytes(small) + table_bytes(large)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("n", [None, 26], ids=["dense_b", "sparse_b"])
def test_disk_cache_gives_the_same_tables(n: int | None, tmp_path, monkeypatch: pytest.MonkeyPatch):
    kernel = kernel_of("power_law", n=n)
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    fresh = measure(kernel)
    monkeypatch.setenv("SPARSE_DSE_CACHE", str(tmp_path))
    first = measure(kernel)
    assert list(tmp_path.rglob("*.tables"))
    monkeypatch.setattr("workloads.statistics.operand.count_operand", None)
    monkeypatch.setattr("workloads.statistics.spmspm.count_pair", None)
    again = measure(kernel)
    for one, two, three in zip(*(jax.tree.leaves(s) for s in (fresh, first, again)), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(two, three)


@pytest.mark.usefixtures("no_cache")
def test_work_of_an_entry_is_the_row_of_b_that_it_meets():
    kernel = kernel_of("uniform")
    x, y = (kernel.a.toarray() != 0).astype(int), (kernel.b.toarray() != 0).astype(int)
    statistics = measure(kernel)
    whole = cuts(kernel.a, 64, 64)
    products = (x @ y).sum()
    tiles = statistics.a.tiles_of(*whole)
    np.testing.assert_allclose(tiles.classes["work"].sum(), products, rtol=1e-5)
    np.testing.assert_allclose(statistics.products, products)
    np.testing.assert_allclose(statistics.z_nonzeros, ((x @ y) > 0).sum())
    one = jnp.array([0.0, 0.0, 1.0], jnp.float32)
    most = statistics.a.most_loaded(*whole, jnp.float32(4.0), one, one, tiles.scale)["work"].sum()
    np.testing.assert_allclose(most, most_loaded("balanced", x @ y.sum(1), 4), rtol=1e-5)


@pytest.mark.parametrize("renumber", [True, False], ids=["renumbered", "hubs_first"])
def test_sampled_loads_are_within_one_percent_and_all_else_is_exact(renumber: bool):
    """Every entry: the total over a class of tiles at each tile shape, number of partitions, schedule and kind."""
    graph = make.rmat(15, 14, 3, renumber=renumber)
    exact = count_operand(graph, sampling=Sampling(above=graph.nnz))
    sampled = count_operand(graph, sampling=Sampling(above=graph.nnz - 1, tiles=8192))
    for name in ("tiles", "point"):
        np.testing.assert_array_equal(sampled[name], exact[name], err_msg=name)
    assert not exact["load_errors"].any()
    assert (sampled["shares"] <= exact["shares"]).all()
    assert (sampled["shares"] > 0.9 * exact["shares"]).all()
    error = summarize(sampled["loads"] - exact["loads"], exact["loads"])
    assert error.sampled > 0.05
    assert error.largest < 0.01
    assert error.percentile_99 < 0.003
    estimate = summarize(sampled["load_errors"], sampled["loads"])
    assert error.rms < estimate.rms < 2 * error.rms
    assert error.percentile_99 < estimate.percentile_99 < 2 * error.percentile_99


def test_sampled_pairs_of_fibers_are_near_the_exact_ones(monkeypatch: pytest.MonkeyPatch):
    graph = make.rmat(10, 8, 1)
    columns, depth = csr_array(graph.T), levels(graph.shape[1])
    columns.sort_indices()
    rng = np.random.default_rng(0)
    monkeypatch.setattr("workloads.statistics.fiber_pairs.PAIR_LIMIT", 1 << 20)
    exact = fibers.skip_ahead_steps(graph, columns, depth, rng)[0], fibers.distinct_outputs(graph, graph, depth, rng)[0]
    monkeypatch.setattr("workloads.statistics.fiber_pairs.PAIR_LIMIT", 40_000)
    monkeypatch.setattr("workloads.statistics.fiber_pairs.PRODUCT_LIMIT", 60_000)
    drawn = fibers.skip_ahead_steps(graph, columns, depth, rng), fibers.distinct_outputs(graph, graph, depth, rng)
    for truth, (found, error) in zip(exact, drawn, strict=True):
        np.testing.assert_allclose(found, truth, rtol=0.02)
        assert 0 < np.max(error / truth) < 0.02


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("n", [None, 26], ids=["dense_b", "sparse_b"])
def test_sampling_error_is_kept_with_the_tables(n: int | None, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", str(tmp_path))
    kernel = kernel_of("power_law", n=n)
    measure(kernel)
    monkeypatch.setattr("workloads.statistics.operand.count_operand", None)
    errors = sampling_error(kernel)
    kinds = {"a.loads.rows", "a.loads.nonzeros"}
    if n is not None:
        kinds |= {"a.loads.work", "b.loads.rows", "b.loads.nonzeros", "skip_ahead", "distinct"}
    assert set(errors) == kinds
    assert all(error == SamplingError(0.0, 0.0, 0.0, 0.0) for error in errors.values())
