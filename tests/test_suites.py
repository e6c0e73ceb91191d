"""Kernels and workloads: what a line of text resolves to, and what is refused."""

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from workloads.errors import InputError
from workloads.generators import uniform
from workloads.kernels.matrix_product import SparseKernel, spmm, spmspm, spmv
from workloads.kernels.workload import Workload
from workloads.workload_specs import SUITE_NAMES, resolve_workload, resolve_workloads

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workloads"


@pytest.fixture
def tall(tmp_path: Path) -> Path:
    path = tmp_path / "tall.npz"
    save_npz(path, uniform(6, 4, 0.5, 0))
    return path


def names(workload: Workload) -> list[str]:
    return [kernel.name for kernel in workload.kernels]


def test_kinds_and_shapes() -> None:
    a, b = uniform(6, 4, 0.5, 0), uniform(4, 9, 0.5, 1)
    kernels = [spmv(a, "v"), spmm(a, 3, "m"), spmspm(a, b, "s")]
    assert [kernel.kind for kernel in kernels] == ["spmv", "spmm", "spmspm"]
    assert [kernel.family for kernel in kernels] == ["dense_b", "dense_b", "sparse_b"]
    assert [kernel.shape for kernel in kernels] == [(6, 4, 1), (6, 4, 3), (6, 4, 9)]


def test_patterns_are_made_canonical() -> None:
    messy = csr_array((np.array([1.0, 2.0, 0.0, 4.0]), np.array([2, 0, 1, 2]), np.array([0, 4])), shape=(1, 3))
    kernel = spmv(messy, "messy")
    np.testing.assert_array_equal(kernel.a.indices, [0, 2])
    np.testing.assert_array_equal(kernel.a.data, [2.0, 5.0])
    assert messy.nnz == 4


def test_hash_sees_patterns_and_shape_only() -> None:
    a = uniform(6, 6, 0.5, 0)
    base = spmm(a, 4, "x").content_hash()
    wide = csr_array((2 * a.data, a.indices.astype(np.int64), a.indptr.astype(np.int64)), shape=a.shape)
    assert SparseKernel("y", wide, None, 4, repeats=3).content_hash() == base
    taller = csr_array((a.data, a.indices, a.indptr), shape=(6, 7))
    others = [spmm(a, 5, "x"), spmspm(a, a, "x"), spmm(taller, 4, "x"), spmm(uniform(6, 6, 0.5, 1), 4, "x")]
    assert len({base, *(other.content_hash() for other in others)}) == 5
    assert len(base) == 64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a: spmm(a, 0, "x"), "x: n is 0; give B at least one column"),
        (lambda a: spmspm(a, a, "x"), "A is 6 x 4 but B is 6 x 4 with n = 4; give B 4 rows"),
        (lambda a: SparseKernel("x", a, csr_array(a.T), 5), "give B 4 rows and n = 6"),
        (lambda a: spmv(csr_array((3, 3)), "x"), r"x: A \(3 x 3\) has no non-zeros"),
        (lambda a: spmspm(a, csr_array((4, 3)), "x"), r"x: B \(4 x 3\) has no non-zeros"),
        (lambda a: spmv(a * np.nan, "x"), "NaN or infinite"),
        (lambda a: SparseKernel("x", a, None, 1, repeats=0), "repeats is 0"),
        (lambda a: SparseKernel("x", a, None, 1, repeats=float("nan")), "repeats is nan"),
        (lambda a: spmv(a, ""), "name is empty"),
        (lambda a: Workload("w", ()), "'w' has no kernels"),
        (lambda a: Workload("w", (spmv(a, "x"), spmm(a, 2, "x"))), "two kernels named 'x'"),
    ],
)
def test_bad_kernels(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(uniform(6, 4, 0.5, 0))


def test_embedded() -> None:
    workload = resolve_workload("embedded")
    assert names(workload) == [
        "digits_fc1@spmm:64", "digits_fc2@spmm:64", "digits_fc3@spmm:64", "stencil_48x48@spmm:8",
        "rmat_10@axa", "rmat_10@spmm:64", "nm24_256x512@spmm:64",
    ]  # fmt: skip
    assert {kernel.family for kernel in workload.kernels} == {"dense_b", "sparse_b"}
    parts = [resolve_workload(name) for name in SUITE_NAMES[1:-2]]
    assert names(workload) == [name for part in parts for name in names(part)]


def test_digits_sparse() -> None:
    kernels = resolve_workload("digits_sparse").kernels
    assert [kernel.shape for kernel in kernels] == [(128, 64, 64), (64, 128, 64), (10, 64, 64)]
    assert {kernel.kind for kernel in kernels} == {"spmspm"}
    with pytest.raises(InputError, match="has its own B"):
        resolve_workload("digits_sparse@spmv")


def test_products_replace_a_suites_own() -> None:
    assert names(resolve_workload("rmat@spmv")) == ["rmat_10@spmv"]
    assert names(resolve_workload("stencil@axa")) == ["stencil_48x48@axa"]


@pytest.mark.parametrize(
    ("suffix", "name", "shape"),
    [
        ("", "tall.npz@spmm:64", (6, 4, 64)),
        ("@spmm", "tall.npz@spmm:64", (6, 4, 64)),
        ("@spmm:7", "tall.npz@spmm:7", (6, 4, 7)),
        ("@spmv", "tall.npz@spmv", (6, 4, 1)),
        ("@axat", "tall.npz@axat", (6, 4, 6)),
    ],
)
def test_file_products(tall: Path, suffix: str, name: str, shape: tuple) -> None:
    (kernel,) = resolve_workload(f"{tall}{suffix}").kernels
    assert (kernel.name, kernel.shape) == (name, shape)
    if suffix == "@axat":
        np.testing.assert_array_equal(kernel.b.toarray(), kernel.a.toarray().T)


def test_folder_and_at_sign_in_a_path(tall: Path, tmp_path: Path) -> None:
    (tmp_path / "sub@spmv").mkdir()
    save_npz(tmp_path / "sub@spmv" / "b.npz", uniform(3, 3, 0.5, 0))
    assert names(resolve_workload(f"{tmp_path}@spmv")) == ["sub@spmv/b.npz@spmv", "tall.npz@spmv"]
    assert names(resolve_workload(str(tmp_path / "sub@spmv"))) == ["b.npz@spmm:64"]


def test_merge(tall: Path) -> None:
    merged = resolve_workloads(["nm24", f"{tall}@spmv", "nm24"])
    assert names(merged) == ["nm24_256x512@spmm:64", "tall.npz@spmv", "nm24_256x512@spmm:64#2"]
    with pytest.raises(InputError, match="No workload is named"):
        resolve_workloads([])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "'nonsense': no such path and no workload of that name; .* embedded, digits, stencil, rmat, nm24"),
        ("", "'': no such path"),
        ("@spmv", "'': no such path"),
        ("nm24@foo", "unknown product 'foo'; use one of @spmv, @spmm, @spmm:N, @axa, @axat"),
        ("nm24@", "unknown product ''"),
        ("nm24@spmv:3", "unknown product 'spmv:3'"),
        ("nm24@spmm:", "N is ''; give a whole number"),
        ("nm24@spmm:0", "N is '0'"),
        ("nm24@spmm:-3", "N is '-3'"),
        ("nm24@spmm:1.5", "N is '1.5'"),
        ("nm24@spmm:99999999999999", "N is '99999999999999'"),
        ("nm24@axa", "nm24_256x512@axa: A @ A needs a square matrix but A is 256 x 512; use @axat or @spmm"),
    ],
)
def test_bad_specs(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_workload(spec)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no matrix file"):
        resolve_workload(str(tmp_path))
    (tmp_path / "bad.mtx").write_text("hello")
    with pytest.raises(InputError, match=r"bad\.mtx: first line"):
        resolve_workload(str(tmp_path))


def test_kernels_know_no_statistics_and_need_no_jax() -> None:
    rooms = [
        file
        for room in ("kernels", "readers", "networks", "densities", "cache")
        for file in (PACKAGE / room).glob("*.py")
    ]
    for path in (*rooms, *(PACKAGE / f"{module}.py" for module in ("generators", "workload_specs"))):
        tree = ast.parse(path.read_text())
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        imported += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        assert not {name.split(".")[0] for name in imported} & {"jax", "hwmodels", "dse", "experiments"}, path
        assert not any(name.startswith("workloads.statistics") for name in imported), path
