"""Structure of patterns: each criterion finds what was made, and not what chance makes."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array, kron

from workloads import generators, load_matrix
from workloads.structure import Origin, describe_structure, source_of
from workloads.structure.balance import PARTITIONS, gini, measure_balance
from workloads.structure.band import find_band, find_reordered_band
from workloads.structure.blocks import find_blocks
from workloads.structure.evenness import measure_clustering, measure_evenness, measure_spread
from workloads.structure.heavy_tail import find_tail
from workloads.structure.n_of_m import find_n_of_m
from workloads.structure.repeats import find_repeats

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real matrices beside the repository; not part of it."""


def permuted(matrix: csr_array, seed: int) -> csr_array:
    """Rows and columns in the same random order."""
    order = np.random.default_rng(seed).permutation(matrix.shape[0])
    return csr_array(matrix[order][:, order])


@pytest.mark.parametrize(
    ("m", "k", "density"), [(300, 200, 0.01), (40, 900, 0.1), (128, 128, 0.5), (500, 64, 0.9), (9, 300, 0.3)]
)
def test_uniform_patterns_are_called_uniform(m: int, k: int, density: float):
    for seed in range(3):
        structure = describe_structure(generators.uniform(m, k, density, seed))
        assert structure.evenness.uniform
        assert next(iter(structure.findings)) == "uniform", structure.findings


def test_p_values_of_chance_are_calibrated():
    """A test at 5 % says no to about 5 % of what chance makes (120 patterns: at most 13 % with overwhelming odds)."""
    made = [measure_evenness(generators.uniform(40, 60, 0.15, seed)) for seed in range(120)]
    for name in ("rows", "columns", "along_rows", "along_columns"):
        rejected = np.mean([getattr(one, name).p_value < 0.05 for one in made])
        assert 0.005 <= rejected <= 0.13, name


def test_dispersion_is_variance_over_that_of_the_hypergeometric_law():
    rng = np.random.default_rng(0)
    counts = rng.multivariate_hypergeometric([50] * 40, 700, size=200)
    found = [measure_spread(row, np.full(40, 50)).dispersion for row in counts]
    assert np.mean(found) == pytest.approx(1.0, abs=0.05)
    variance = 700 / 40 * (1 - 1 / 40) * (2000 - 700) / 1999
    assert found[0] == pytest.approx(np.var(counts[0], ddof=1) / variance / (40 / 39), rel=1e-9)
    assert measure_spread(np.full(40, 17), np.full(40, 50)).dispersion == 0


def test_runs_are_seen_that_counts_hide():
    runs = csr_array(np.tile(np.repeat([1.0, 0.0], 20), (30, 5)))
    assert measure_clustering(runs).correlation > 0.8
    assert measure_clustering(csr_array(np.tile([1.0, 0.0], (30, 50)))).correlation < -0.8


@pytest.mark.parametrize(("n", "m"), [(1, 4), (2, 4), (3, 4), (2, 8), (5, 8), (4, 16), (9, 16)])
def test_n_of_m_along_rows_and_columns(n: int, m: int):
    matrix = generators.n_of_m(64, 120, n, m, 0)
    for stored, along in ((matrix, "rows"), (csr_array(matrix.T), "columns")):
        found = find_n_of_m(stored)
        assert found.found
        assert found.n / found.m == n / m
        assert found.along == along
    assert not find_n_of_m(generators.uniform(64, 120, n / m, 0)).found


def test_one_group_too_full_is_no_n_of_m():
    dense = generators.n_of_m(64, 128, 2, 4, 0).toarray()
    row, group = 7, 3
    dense[row, 4 * group : 4 * group + 4] = 1.0
    found = find_n_of_m(csr_array(dense))
    assert (found.n, found.m) != (2, 4)


@pytest.mark.parametrize("side", [2, 3, 5, 8, 21])
def test_blocks_on_their_grid_only(side: int):
    base = generators.uniform(24, 30, 0.15, side)
    whole = csr_array(kron(base, np.ones((side, side))))
    found, aligned = find_blocks(whole)
    assert found is not None
    assert found.side == side
    assert found.fill == 1.0
    assert aligned is not None
    off = find_blocks(csr_array(whole[1:, 1:]))[0]
    assert off is None or off.side != side


@pytest.mark.parametrize(
    "matrix",
    [
        generators.uniform(200, 200, 0.3, 0),
        generators.banded(200, 1, 0),
        generators.banded(300, 12, 0, 0.5),
        generators.power_law_rows(400, 400, 8, 2.1, 0),
        csr_array(np.ones((64, 64))),
    ],
    ids=("uniform", "tridiagonal", "band", "power law", "dense"),
)
def test_no_blocks_without_a_grid(matrix: csr_array):
    assert find_blocks(matrix)[0] is None


def test_blocks_of_a_sample_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch):
    whole = csr_array(kron(generators.uniform(900, 60, 0.04, 0), np.ones((6, 6))))
    entire = find_blocks(whole)[0]
    monkeypatch.setattr("workloads.structure.blocks.MOST_NONZEROS", whole.nnz // 3)
    sampled = find_blocks(whole)[0]
    assert entire is not None
    assert sampled is not None
    assert (sampled.side, sampled.fill) == (entire.side, entire.fill) == (6, 1.0)
    assert sampled.occupied < entire.occupied
    assert sampled.bits_nonzero == pytest.approx(entire.bits_nonzero)


def test_bands_and_diagonals():
    stencil = generators.stencil_2d(30, 30)
    found = find_band(stencil)
    assert found is not None
    assert found.found
    assert (found.diagonals, found.diagonal) == (5, True)
    assert found.half_width == 30
    mixed = permuted(stencil, 0)
    shuffled, again = find_band(mixed), find_reordered_band(mixed)
    assert shuffled is not None
    assert again is not None
    assert not shuffled.found
    assert again.found
    assert "reorderable" in describe_structure(mixed).findings
    chance = find_band(generators.uniform(300, 200, 0.05, 0))
    assert chance is not None
    assert not chance.found
    assert chance.area == pytest.approx(0.95, abs=0.02)
    wide = find_band(csr_array(generators.banded(200, 30, 0, 0.3)[:, :150]))
    assert wide is not None


@pytest.mark.parametrize("exponent", [2.0, 2.5, 3.2])
def test_exponent_of_a_power_law(exponent: float):
    """Maximum likelihood has a standard error of about (a - 1) / sqrt(n)."""
    counts = np.random.default_rng(0).zipf(exponent, 20_000)
    found = find_tail(counts)
    assert found is not None
    assert found.found
    assert found.exponent == pytest.approx(exponent, abs=4 * (exponent - 1) / found.counts**0.5)


def test_light_tails_are_no_power_law():
    rng = np.random.default_rng(1)
    for counts in (rng.geometric(0.02, 5000), rng.poisson(12, 5000), np.full(5000, 7), np.zeros(10, int)):
        found = find_tail(counts)
        assert found is None or not found.found


def test_what_is_said_twice():
    graph = generators.rmat(8, 6, 0)
    both = csr_array(graph + graph.T)
    assert find_repeats(both).symmetric
    assert find_repeats(graph).symmetry < 0.9
    assert np.isnan(find_repeats(generators.uniform(20, 30, 0.2, 0)).symmetry)
    twice = csr_array(np.repeat(generators.uniform(30, 60, 0.2, 0).toarray(), 2, axis=0))
    assert find_repeats(twice).rows.share == 1.0
    assert find_repeats(twice).rows.found
    assert not find_repeats(generators.uniform(4, 400, 0.5, 0)).columns.found, (
        "six patterns of two in four meet by chance"
    )


def test_balance_against_counting():
    counts = np.random.default_rng(0).zipf(1.8, 150).clip(0, 400)
    found = measure_balance(counts)
    assert found.fullest == pytest.approx(counts.max() / counts.mean())
    rows = np.arange(150)
    for parts in PARTITIONS:
        cyclic = max(counts[rows % parts == p].sum() for p in range(parts))
        assert found.most[parts, "cyclic"] == pytest.approx(cyclic / (counts.sum() / parts))
        least = max(counts.max(), counts.sum() / parts) / (counts.sum() / parts)
        assert least <= found.most[parts, "balanced"] + 1e-12 <= 4 / 3 * least + 1, "Graham's bound"


def test_gini_of_equals_and_of_one():
    assert gini(np.full(9, 4)) == pytest.approx(0.0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)


def test_zeros_by_pattern_and_values():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((200, 333))
    pruned = np.where(np.abs(weights) > np.quantile(np.abs(weights), 0.853), weights, 0)
    tuned = np.where(pruned != 0, pruned + 0.2 * rng.standard_normal(pruned.shape), 0)
    cases = {
        "magnitude": (pruned, "induced"),
        "fine-tuned after": (tuned, "induced"),
        "random": (np.where(rng.random(weights.shape) < 0.147, weights, 0), "unknown"),
        "ReLU": (np.maximum(weights - 0.7, 0), "natural"),
        "2:4": (generators.n_of_m(64, 128, 2, 4, 0).toarray(), "induced"),
        "target": (generators.uniform(200, 300, 0.25, 0).toarray(), "induced"),
        "stencil": (generators.stencil_2d(20, 20).toarray(), "natural"),
        "look-up": (np.eye(40)[rng.integers(0, 40, 500)], "natural"),
        "no zeros": (np.abs(weights) + 1, "unknown"),
    }
    found = {name: describe_structure(csr_array(values)).origin for name, (values, _) in cases.items()}
    assert {name: one.kind for name, one in found.items()} == {name: kind for name, (_, kind) in cases.items()}
    assert "hole" in found["magnitude"].evidence[0]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.smtx", "2, 2, 1\n", "induced"),
        ("a.edges", "0 1\n", "natural"),
        ("x.mtx", "%%MatrixMarket matrix\n% pruned ResNet-50 weight, sparsity 0.9\n", "induced"),
        ("x.mtx", "%%MatrixMarket matrix\n% post-ReLU activation of a pruned network\n", "natural"),
        ("x.mtx", "%%MatrixMarket matrix\n% UF Sparse Matrix Collection\n% kind: structural problem\n", "natural"),
        ("relu3_out.npy", "", "natural"),
        ("fc1_weight.npy", "", "induced"),
        ("x.mtx", "%%MatrixMarket matrix coordinate real general\n1 1 1\n", None),
    ],
)
def test_zeros_by_source(tmp_path, name: str, text: str, kind: str | None):
    folder = tmp_path / "m"
    folder.mkdir()
    path = folder / name
    path.write_text(text)
    found = source_of(name, path)
    assert (None if found is None else found.kind) == kind
    if found is not None and "%" in text:
        assert text.split("% ")[1].split("\n")[0] in " ".join(found.evidence) or "kind" in found.evidence[0]


def test_a_source_that_is_known_decides():
    said = Origin("natural", ("the user says so",))
    assert describe_structure(generators.n_of_m(64, 64, 2, 4, 0), said).origin == said


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (5, 5), (3000, 2)])
def test_every_shape_has_a_finding(shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape) * (rng.random(shape) < 0.4)
    values[0, 0] = 1.0
    assert describe_structure(csr_array(values)).findings


REAL = {
    "matrix/bcsstk16.mtx.gz": ("block", "natural"),
    "matrix/cryg2500.mtx.gz": ("diagonals", "natural"),
    "graph/as19990309.mtx.gz": ("power law", "natural"),
    "nn/dlmc_tr_rand_0.8/body_encoder_layer_2_ffn_conv2_fully_connected.mtx.gz": ("uniform", "induced"),
    "nn/squeezenet_deepcomp/fire9_conv3x3_2.mtx.gz": ("unstructured", "induced"),
    "activation/squeezenet/n01440764_conv_final_in.mtx.gz": ("unstructured", "unknown"),
}
"""First finding, and the origin that pattern and values tell without the file's words."""


@pytest.mark.skipif(not DATA.is_dir(), reason="shared real matrices are not here")
def test_real_matrices():
    found = {name: describe_structure(load_matrix(DATA / name)) for name in REAL}
    assert {name: (next(iter(one.findings)), one.origin.kind) for name, one in found.items()} == REAL
    assert found["matrix/bcsstk16.mtx.gz"].blocks.side == 3, "three displacements at each node"
    assert "clustered" in found["activation/squeezenet/n01440764_conv_final_in.mtx.gz"].findings
    said = source_of("conv_final_in", DATA / "activation/squeezenet/n01440764_conv_final_in.mtx.gz")
    assert said is not None
    assert said.kind == "natural"
