"""Kernels by composition: results against NumPy and SciPy, their statistics against counting, and users' mistakes."""

import numpy as np
import pytest
from scipy.signal import correlate
from scipy.sparse import csr_array

from dse import RandomSearch, default_space, make_problem
from hwmodels.design.legality import FAMILIES
from workloads import InputError, SparseKernel, Workload, generators, measure, sampling_error
from workloads.kernels.attention import sparse_attention
from workloads.kernels.convolution import sparse_convolution
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.kernel import Kernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.tensors import CooTensor, mttkrp, ttm, ttv
from workloads.statistics.elementwise_counts import STEPS, VISIT_QUANTITIES, count_overlay
from workloads.statistics.schedules import CYCLIC, SCHEDULES


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_convolution_is_the_product(stride: int, padding: int):
    draw = np.random.default_rng(stride)
    weights = draw.normal(size=(5, 3, 3, 2)) * (draw.random((5, 3, 3, 2)) < 0.5)
    maps = draw.normal(size=(2, 3, 7, 6)) * (draw.random((2, 3, 7, 6)) < 0.5)
    kernel = sparse_convolution(weights, maps, "conv", stride=stride, padding=padding)
    around = np.pad(maps, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    expected = np.stack(
        [[correlate(image, one, "valid")[0, ::stride, ::stride] for image in around] for one in weights]
    )
    found = (kernel.a @ kernel.b).toarray()
    np.testing.assert_allclose(found, expected.reshape(5, -1), atol=1e-12)
    rows, columns = kernel.b.nonzero()
    np.testing.assert_array_equal(maps.ravel()[kernel.unfolding.source(rows, columns)], kernel.b[rows, columns])


def test_activations_that_tiles_share_are_counted(monkeypatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    maps = np.ones((1, 1, 4, 4))
    kernel = sparse_convolution(np.ones((2, 1, 2, 2)), maps, "conv")
    shares = np.exp2(np.asarray(measure(kernel).b_distinct))[..., 0]
    assert kernel.b.nnz == 36
    assert shares[0, 0] == 1  # positions by themselves
    assert shares[-1, -1] == pytest.approx(16 / 36)  # the whole map once
    # two rows of the unfolded matrix are neighbours along x: 3 rows of 4 activations for 3 rows of 2 x 3 positions
    assert shares[1, -1] == pytest.approx(2 * 12 / 36)


def test_a_kernel_of_another_class_is_measured_once_it_says_how():
    class Unknown(Kernel):
        name, repeats, m, k, n = "x", 1, 1, 1, 1
        kind = family = "unknown"

        def content_hash(self) -> str:
            return ""

    with pytest.raises(InputError, match="x: nothing measures a Unknown; register it"):
        measure(Unknown())
    with pytest.raises(InputError, match="x: sampling errors are kept of products of matrices; this is unknown"):
        sampling_error(Unknown())
    measure.register(Unknown, lambda kernel: kernel)
    assert isinstance(measure(Unknown()), Unknown)


def test_tensor_kernels_are_einsums():
    draw = np.random.default_rng(1)
    dense = draw.normal(size=(4, 5, 6)) * (draw.random((4, 5, 6)) < 0.3)
    at = np.argwhere(dense)
    tensor = CooTensor(at, dense[tuple(at.T)], dense.shape)
    for mode in range(3):
        unfolded, fibers = tensor.unfold(mode)
        moved = np.moveaxis(dense, mode, 0)
        np.testing.assert_array_equal(unfolded.toarray(), moved[:, *fibers.T])
        vector, matrix = draw.normal(size=dense.shape[mode]), draw.normal(size=(dense.shape[mode], 3))
        assert ttv(tensor, mode, "x").kind == "spmv"
        np.testing.assert_allclose(
            ttv(tensor, mode, "x").a @ vector, np.tensordot(vector, moved, 1)[*fibers.T], atol=1e-12
        )
        by_matrix = np.moveaxis(np.tensordot(matrix.T, moved, 1), 0, -1)
        np.testing.assert_allclose(ttm(tensor, mode, 3, "x").a @ matrix, by_matrix[*fibers.T], atol=1e-12)
        factors = [draw.normal(size=(size, 3)) for k, size in enumerate(dense.shape) if k != mode]
        kernel = mttkrp(tensor, mode, 3, "x")
        expected = np.einsum("ijk,jr,kr->ir", moved, *factors)
        khatri_rao = np.prod([factor[fibers[:, at]] for at, factor in enumerate(factors)], axis=0)
        np.testing.assert_allclose(kernel.a @ khatri_rao, expected, atol=1e-12)
        assert kernel.n == 3
    # columns in the order of Kolda and Bader: the first of the other modes runs fastest
    np.testing.assert_array_equal(np.lexsort(tensor.unfold(2)[1].T), np.arange(len(tensor.unfold(2)[1])))


@pytest.mark.parametrize("union", [True, False])
def test_places_of_two_patterns_are_counted(union: bool):
    """Against counting in dense tiles, at one lattice point and at the largest."""
    a, b = generators.power_law_rows(20, 24, 3, 2.1, 0), generators.uniform(20, 24, 0.1, 1)
    found = count_overlay(a, b, union)
    left, right = a.toarray() != 0, b.toarray() != 0
    for high, wide in ((2, 3), (5, 5), (0, 0)):
        tiles = [
            (left[i : i + (1 << high), j : j + (1 << wide)], right[i : i + (1 << high), j : j + (1 << wide)])
            for i in range(0, 20, 1 << high)
            for j in range(0, 24, 1 << wide)
        ]
        made = [(x, y) for x, y in tiles if (x.any() or y.any() if union else x.any() and y.any())]
        totals = dict(zip(VISIT_QUANTITIES, found.visits[high, wide].sum(axis=-1), strict=True))
        assert totals["tiles"] == pytest.approx(len(made))
        assert totals["areas"] == pytest.approx(sum(x.size for x, _ in made))
        assert totals["a_nonzeros"] == pytest.approx(sum(x.sum() for x, _ in made))
        both = [(x | y if union else x & y).sum() for x, y in made]
        assert totals["operations"] == pytest.approx(sum(both))
        fibers = [(x | y if union else x & y).sum(axis=1).max() for x, y in made]
        every_row_alone = found.loads[high, wide, -1, 0, 0].sum()
        assert every_row_alone == pytest.approx(sum(fibers))
        of_both, of_one = np.split(found.visits[high, wide, 0], 2)
        assert of_both.sum() == pytest.approx(sum(x.any() and y.any() for x, y in made))
        assert of_one.sum() == pytest.approx(sum(x.any() != y.any() for x, y in made))
        cyclic = found.loads[high, wide, 1, 1 + STEPS.index("leader_follower"), CYCLIC].sum()
        led = [x.shape[1] * (x | y).any(axis=1) if union else x.sum(axis=1) * y.any(axis=1) for x, y in made]
        assert cyclic == pytest.approx(sum(max(steps[::2].sum(), steps[1::2].sum()) for steps in led))


def test_rows_of_a_mask_are_dealt_by_their_conflicts():
    mask = generators.power_law_rows(20, 24, 5, 2.1, 0)
    statistics, present = measure(SddmmKernel("x", mask, 8)), mask.toarray() != 0
    steps = np.exp2(np.asarray(statistics.steps)).reshape(*statistics.steps.shape[:-1], len(SCHEDULES), -1).sum(-1)
    for high, wide, parts, columns in ((5, 5, 2, 1), (2, 5, 1, 3), (3, 3, 2, 2), (4, 2, 1, 6)):
        total = np.zeros(len(SCHEDULES))
        for i in range(0, 20, 1 << high):
            for j in range(0, 24, 1 << wide):
                tile = present[i : i + (1 << high), j : j + (1 << wide)]
                owner = np.arange(tile.shape[1]) % (1 << columns)
                work = np.array([np.bincount(owner, row).max() for row in tile]).astype(np.int64)
                total += [max(sum(work[row] for row in hand) for hand in dealt(work, parts, way)) for way in SCHEDULES]
        np.testing.assert_allclose(steps[high, wide, parts, columns], total, rtol=1e-5)


def test_the_pe_column_that_is_sent_most_of_b():
    mask = generators.power_law_rows(20, 24, 5, 2.1, 0)
    found, present = np.exp2(np.asarray(measure(SddmmKernel("x", mask, 8)).columns)).sum(-1), mask.toarray() != 0
    for high, wide, columns in ((5, 5, 1), (2, 5, 3), (0, 3, 2), (4, 2, 6), (3, 4, 0)):
        tiles = [
            present[i : i + (1 << high), j : j + (1 << wide)].any(axis=0)
            for i in range(0, 20, 1 << high)
            for j in range(0, 24, 1 << wide)
        ]
        most = sum(max(touched[owner :: 1 << columns].sum() for owner in range(1 << columns)) for touched in tiles)
        np.testing.assert_allclose(found[high, wide, columns], most, rtol=1e-5)


def dealt(work: np.ndarray, level: int, schedule: str) -> list[list[int]]:
    """Rows of each of 2**level queues; longest processing time first unless cyclic dealing leaves less to one."""
    parts, rows = 1 << level, range(work.size)
    hands: list[list[int]] = [[] for _ in range(parts)]
    if schedule == "balanced":
        for row in sorted(rows, key=lambda row: -work[row]):
            min(hands, key=lambda hand: (work[hand].sum(), len(hand))).append(row)
        cyclic = dealt(work, level, "cyclic")
        return min(hands, cyclic, key=lambda hands: max(work[hand].sum() for hand in hands))
    for row in rows:
        hands[row * parts // work.size if schedule == "row_blocks" else row % parts].append(row)
    return hands


def test_attention_is_scores_softmax_and_sum():
    mask = generators.banded(16, 2, 0)
    workload = sparse_attention(mask, heads=4, depth=8)
    assert [kernel.family for kernel in workload.kernels] == [
        "sddmm",
        "elementwise",
        "elementwise",
        "dense_b",
    ]
    assert [kernel.repeats for kernel in workload.kernels] == [4, 4, 4, 4]
    assert [kernel.shape for kernel in workload.kernels] == [(16, 8, 16), (16, 1, 16), (16, 1, 16), (16, 16, 8)]


def test_a_search_takes_all_families_together(tech, monkeypatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    mask, other = generators.banded(24, 2, 0), generators.uniform(24, 24, 0.1, 1)
    kernels = (
        *sparse_attention(mask, heads=2, depth=8).kernels,
        SparseKernel("product", mask, other, 24),
        ElementwiseKernel("sum", mask, other, "add"),
    )
    space = default_space().fix(dataflow="inner_product", tile_m=16, tile_k=16, tile_n=16, a_format="csr")
    problem = make_problem(Workload("mixed", kernels), space, tech)
    assert set(problem.families) == set(FAMILIES)
    result = problem.require_feasible(RandomSearch()(problem, budget=40))
    costs, total = problem.detail(problem.design(result.genomes[0]))
    latency = sum(cost.latency_s * kernel.repeats for cost, kernel in zip(costs, kernels, strict=True))
    assert float(total.latency_s) == pytest.approx(float(latency), rel=1e-5)
    assert float(costs[0].computes.effectual) == pytest.approx(mask.nnz * 8)
    assert float(costs[-1].computes.effectual) == pytest.approx((mask + other).nnz)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a: SddmmKernel("x", a, 0), "depth is 0; give A at least one column"),
        (lambda a: ElementwiseKernel("x", a, a[:2], "add"), "A is 8 x 8 but B is 2 x 8; give both the same shape"),
        (lambda a: ElementwiseKernel("x", a, a, "divide"), "operation 'divide' is unknown; use multiply or add"),
        (lambda a: sparse_attention(a, 0, 8), "heads is 0; give a whole number"),
        (lambda a: sparse_convolution(np.ones((1, 2, 3, 3)), np.ones((1, 3, 8, 8)), "x"), "as many input channels"),
        (lambda a: sparse_convolution(np.ones((1, 1, 9, 9)), np.ones((1, 1, 8, 8)), "x"), "do not fit a map of 8 x 8"),
        (lambda a: CooTensor(np.array([[0, 9]]), np.ones(1), (2, 3)), "not whole numbers inside"),
        (lambda a: CooTensor(np.array([[0, 1], [0, 1]]), np.ones(2), (2, 3)), "coordinates occur twice"),
        (lambda a: CooTensor(np.array([[0, 1]]), np.ones(1), (2, 3)).unfold(2), "has modes 0 to 1"),
    ],
)
def test_mistakes_are_told(make, message: str):
    with pytest.raises(InputError, match=message):
        make(csr_array(np.eye(8)))
