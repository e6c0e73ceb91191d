"""The stream machine: small graphs by hand, closed forms of its kernels, SAM's own cycle counts, bad input."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments import validate_models
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.validation import against_sam
from experiments.common.validation.sam_machine import SAM_KERNELS, run_kernel
from experiments.common.validation.sam_machine.graph import Graph
from experiments.common.validation.sam_machine.streams import (
    DONE,
    EMPTY,
    STOP,
    CompressedLevel,
    Stream,
    compressed_levels,
)
from workloads import generators

FACTS = Path(__file__).resolve().parents[2] / "shared" / "facts" / "simulated" / "sam"
ONE = csr_array(np.ones((1, 1)))


def stream(*tokens: int, start: int = 0) -> Stream:
    """Tokens one a cycle from `start` on."""
    return Stream(np.array(tokens), np.arange(start, start + len(tokens)))


def same(found: Stream, tokens: list[int], cycles: list[int]) -> None:
    assert found.token.tolist() == tokens
    assert found.cycle.tolist() == cycles


def patterns() -> list[tuple[csr_array, csr_array]]:
    """Pairs of square matrices: sparse ones with empty rows, denser ones, a dense one, skewed ones."""
    pairs = [(generators.uniform(24, 24, d, s), generators.uniform(24, 24, d, s + 9)) for d, s in ((0.03, 1), (0.3, 2))]
    pairs.append((generators.power_law_rows(24, 24, 4, 2.2, 3), generators.rmat(5, 3, 4)[:24, :24]))
    pairs.append((csr_array(np.ones((5, 5))), csr_array(np.ones((5, 5)))))
    return [(csr_array(b), csr_array(c)) for b, c in pairs]


def rows_of(matrix: csr_array) -> list[set[int]]:
    """Columns of the non-zeros of each row."""
    return [set(matrix.indices[a:b].tolist()) for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]


def test_levels_leave_empty_rows_out():
    outer, inner = compressed_levels(csr_array(np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]])))
    assert outer.coordinates.tolist() == [0, 2]
    assert inner.segments.tolist() == [0, 2, 3]
    assert inner.coordinates.tolist() == [1, 2, 0]


def test_scanner_waits_for_the_token_behind_a_fiber():
    level = CompressedLevel(np.array([0, 2, 2, 3]), np.array([4, 7, 5]))
    crd, ref = Graph().scan("x", level, stream(0, 1, 2, STOP, DONE))
    tokens = [4, 7, STOP, STOP, 5, STOP - 1, DONE]
    same(crd, tokens, [1, 2, 3, 4, 5, 6, 7])
    assert ref.token.tolist() == [0, 1, STOP, STOP, 2, STOP - 1, DONE]
    late = Stream(np.array([0, STOP, DONE]), np.array([0, 9, 10]))
    same(Graph().scan("x", level, late)[0], [4, 7, STOP - 1, DONE], [1, 10, 11, 12])


def test_dense_scanner_counts():
    crd, ref = Graph().scan("x", 3, stream(1, DONE))
    same(crd, [0, 1, 2, STOP, DONE], [1, 2, 3, 4, 5])
    assert ref.token.tolist() == [3, 4, 5, STOP, DONE]


def test_intersecter_takes_a_step_for_each_coordinate_of_the_union():
    left, right = stream(1, 4, STOP, DONE), stream(2, 4, STOP, DONE)
    graph = Graph()
    same(graph.intersect("x", (left, left), (right, right))[0], [4, STOP, DONE], [4, 5, 6])
    crd, first, second = Graph().union("x", (left, left), (right, right))
    same(crd, [1, 2, 4, STOP, DONE], [2, 3, 4, 5, 6])
    assert first.token.tolist() == [1, EMPTY, 4, STOP, DONE]
    assert second.token.tolist() == [EMPTY, 2, 4, STOP, DONE]


def test_repeater_and_reducer():
    along = stream(7, 8, STOP, 9, STOP - 1, DONE)
    repeated = Graph().repeat("x", stream(0, 1, STOP, DONE), along)
    same(repeated, [0, 0, STOP, 1, STOP - 1, DONE], [2, 3, 4, 5, 6, 7])
    same(Graph().reduce("x", repeated), [0, 0, STOP, DONE], [5, 7, 8, 9])


def test_dropper_leaves_out_coordinates_of_empty_fibers():
    outer, inner = stream(3, 5, STOP, DONE), stream(STOP, 8, STOP - 1, DONE)
    kept, passed = Graph().drop_empty("x", outer, inner)
    same(kept, [5, STOP, DONE], [3, 4, 5])
    same(passed, [STOP, 8, STOP - 1, DONE], [1, 2, 3, 5])


def test_accumulators_by_hand():
    points = [stream(*tokens) for tokens in ((0, 0, 0, 1, DONE), (2, 2, 1, 3, DONE), (5, 5, 5, 5, DONE))]
    graph = Graph()
    # Points are taken in cycles 2..6. Row 0 (two sums) leaves in 5 and 6, row 1 in 7; behind the converter 5, 6, then a
    # stop and row 1 in 7 and 8, the last stop in 9, DONE in 10.
    assert graph.accumulate_rows("x", *points) == 10
    # All three sums leave in 6, 7, 8, behind the converter 6, 7, 9, then 10 and 11.
    assert graph.accumulate_all("x", *points) == 11


@pytest.mark.parametrize(
    ("kernel", "cycles"),
    [("elemadd", 11), ("elemmul", 11), ("matmul_ijk", 16), ("spmv_ij", 13), ("sddmm", 17)],
)
def test_one_element(kernel: str, cycles: int):
    """Depth of the pipeline plus two tokens: the constants of the closed forms are hops, not fits."""
    assert run_kernel(kernel, ONE, 1 if kernel == "sddmm" else ONE).cycles == cycles


def test_closed_forms_of_kernels_that_have_one():
    """Closed forms that others fitted to SAM's counts; here they must follow from the blocks."""
    for b, c in patterns():
        rows_b, rows_c = rows_of(b), rows_of(c)
        used = sum(bool(row) for row in rows_b)
        union = [len(x | y) for x, y in zip(rows_b, rows_c, strict=True)]
        one_sided = sum(bool(x) != bool(y) for x, y in zip(rows_b, rows_c, strict=True))
        assert run_kernel("elemadd", b, c).cycles == sum(u + 1 for u in union if u) + one_sided + 9
        assert run_kernel("sddmm", b, 5).cycles == b.nnz * 6 + used + 14
        vector = csr_array((np.arange(b.shape[1]) % 3 == 0).astype(float)[:, None])
        taken = set(range(0, b.shape[1], 3))
        macs = sum(len(row & taken) for row in rows_b)
        merged = sum(len(row | taken) + 1 for row in rows_b if row)
        assert run_kernel("spmv_ij", b, vector).cycles == max(merged + 11, macs + used + 1 + 10)
        macs = int(((b != 0).astype(int) @ (c != 0).astype(int)).sum())
        columns = len(np.unique(c.indices))
        inner = columns * b.nnz + used * c.nnz - macs + used * columns + 14
        assert run_kernel("matmul_ijk", b, c).cycles == max(inner, macs + used * columns + used + 13)


@pytest.mark.parametrize("kernel", list(SAM_KERNELS))
def test_laws(kernel: str):
    for b, c in patterns():
        other = 4 if kernel == "sddmm" else csr_array(c[:, [0]]) if kernel.startswith("spmv") else c
        run = run_kernel(kernel, b, other)
        assert run.longest_cycles <= run.cycles
        assert run.bound_by in run.busy_cycles
        assert run_kernel(kernel, csr_array(-3.0 * b), other).cycles == run.cycles, "values do not matter"
        if kernel.startswith("elem"):
            assert run_kernel(kernel, c, b).cycles == run.cycles


@pytest.mark.parametrize("kernel", list(SAM_KERNELS))
def test_empty_operands_take_the_pipeline_only(kernel: str):
    empty, vector = csr_array((6, 6)), csr_array((6, 1))
    full = csr_array(np.ones((6, 6)))
    for b in (empty, full):
        run = run_kernel(kernel, b, 1 if kernel == "sddmm" else vector if kernel.startswith("spmv") else empty)
        assert run.cycles < 150


def test_operands_that_do_not_fit():
    with pytest.raises(ValueError, match="kernel is 'spmm'"):
        run_kernel("spmm", ONE, ONE)
    with pytest.raises(ValueError, match="number of columns"):
        run_kernel("sddmm", ONE, ONE)
    with pytest.raises(ValueError, match="at least 1"):
        run_kernel("sddmm", ONE, 0)
    with pytest.raises(ValueError, match="sparse matrix"):
        run_kernel("elemadd", ONE, 3)
    with pytest.raises(ValueError, match="B demands 1 x 1"):
        run_kernel("spmv_ij", ONE, csr_array(np.ones((2, 1))))


@pytest.mark.skipif(not FACTS.is_dir(), reason="shared cycle counts of SAM are not here")
def test_cycle_counts_of_sams_simulator():
    cases = against_sam.read_cases(FACTS)
    assert len(cases) > 200
    off = [(c.row["case"], c.kernel) for c in cases if run_kernel(c.kernel, c.b, c.c).cycles != c.cycles]
    assert not off


HEADER = "case,group,kernel,B,C,M,K,N,nnzB,nnzC,cycles\n"
GOOD = "one,made,elemadd,b,b^T,2,2,2,2,2,14\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in the format of the counts; its one count is that of the closed form above."""
    (tmp_path / "mtx").mkdir()
    (tmp_path / "mtx" / "b.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 1\n2 1 1\n")
    (tmp_path / "cycles.csv").write_text(HEADER + GOOD)
    return tmp_path


def validate(data: Path, *options: str) -> int:
    args = ["--against", "sam", "--data", str(data), "--out", str(data / "out"), *options]
    return main(validate_models.run, validate_models.Config, args)


def test_operand_names(data: Path):
    def read(name: str) -> list[list[float]]:
        return against_sam.named_operand(data, name, 4, "here").toarray().tolist()

    assert read("b^shift") == [[1, 0], [0, 1]]
    assert read("b#0") == [[0], [1]]
    assert read("b^T#1") == [[1], [0]]
    assert read("ones50") == [[1], [0], [1], [0]]
    assert read("ones25") == [[1], [0], [0], [0]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GOOD.replace("elemadd", "spgemm"), ["cycles.csv", "line 2", "kernel", "elemmul"]),
        (GOOD.replace("b,b^T", "b,other"), ["other.mtx", "no such file"]),
        (GOOD.replace("b,b^T", "b,b^inverse"), ["line 2", "^inverse", "^shift"]),
        (GOOD.replace("b,b^T", "b,b#9"), ["line 2", "#9", "below 2"]),
        (GOOD.replace("b,b^T", "b,../b"), ["line 2", "../b"]),
        (GOOD.replace("2,2,2,2,2,14", "3,2,2,2,2,14"), ["line 2", "B is 2 x 2", "correct"]),
        (GOOD.replace("2,2,2,2,2,14", "2,2,2,2,5,14"), ["nnzC is 5", "has 2"]),
        (GOOD.replace(",14", ",many"), ["line 2", "cycles is 'many'"]),
        (GOOD.replace(",14", ",nan"), ["line 2", "cycles is 'nan'"]),
        (GOOD.replace(",14", ",0"), ["line 2", "at least 1"]),
        (GOOD.replace(",14", ""), ["line 2", "'cycles' is missing"]),
        ("", ["no rows"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_counts(row: str, words: list[str], data: Path, capsys: pytest.CaptureFixture[str]):
    (data / "cycles.csv").write_text(HEADER + row)
    assert validate(data) == USAGE_ERROR
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    for word in words:
        assert word in said


def test_bad_options(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for args, words in (
        (["--data", str(data / "cycles.csv")], ["no such folder", "matrices to compare on"]),
        (["--designs", "0"], ["--designs", "at least 1"]),
        (["--against", "sam"], ["--data is missing"]),
        (["--against", "sam", "--data", str(tmp_path / "none")], ["no such folder"]),
    ):
        assert main(validate_models.run, validate_models.Config, [*args, "--out", str(tmp_path / "o")]) == USAGE_ERROR
        said = capsys.readouterr().err
        assert all(word in said for word in words)
    (data / "cycles.csv").write_text("case,kernel\nx,y\n")
    assert validate(data) == USAGE_ERROR
    assert "no column 'group'" in capsys.readouterr().err


def test_script_judges_the_bars(data: Path, capsys: pytest.CaptureFixture[str]):
    count = run_kernel("elemadd", *(csr_array(np.array([[0.0, 1.0], [1.0, 0.0]])) for _ in range(2))).cycles
    (data / "cycles.csv").write_text(HEADER + GOOD.replace(",14", f",{count}"))
    assert validate(data) == 0
    assert "not judged" in capsys.readouterr().out, "shorter than 100 cycles"
    assert {path.name for path in (data / "out").iterdir()} == {"sam_errors.csv", "sam_parity.png", "provenance.json"}
    (data / "cycles.csv").write_text(HEADER + GOOD.replace(",14", ",120"))
    with pytest.raises(SystemExit) as ended:
        validate(data)
    assert ended.value.code == 1
    assert "mean above 1%" in capsys.readouterr().out
