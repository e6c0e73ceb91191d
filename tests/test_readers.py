"""Reading matrices: what is written comes back, and every mistake is one sentence with the file, the field, the fix."""

import contextlib
import csv
import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads.errors import InputError
from workloads.readers.matrices import MAX_SIDE, load_matrix, matrix_files

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = "%%MatrixMarket matrix coordinate real general\n"
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def matrices(draw: st.DrawFn) -> sp.csr_array:
    """Small matrices with at least one non-zero."""
    m, k = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cells = st.tuples(st.integers(0, m - 1), st.integers(0, k - 1))
    values = st.floats(-1e6, 1e6, allow_subnormal=False).filter(bool)
    entries = draw(st.dictionaries(cells, values, min_size=1, max_size=20))
    rows, columns = zip(*entries, strict=True)
    return sp.csr_array((list(entries.values()), (rows, columns)), shape=(m, k))


def same(matrix: sp.csr_array, expected: np.ndarray) -> None:
    assert isinstance(matrix, sp.csr_array)
    assert matrix.dtype == np.float64
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    assert np.all(matrix.data)
    np.testing.assert_array_equal(matrix.toarray(), expected)


@QUICK
@given(matrix=matrices())
def test_round_trip(matrix: sp.csr_array, tmp_path: Path) -> None:
    dense = matrix.toarray()
    for name in ("a.mtx", "a.mtx.gz"):
        stream = io.BytesIO()
        scipy.io.mmwrite(stream, matrix, precision=17, symmetry="general")
        (tmp_path / name).write_bytes(gzip.compress(stream.getvalue()) if name.endswith("gz") else stream.getvalue())
        same(load_matrix(tmp_path / name), dense)
    for save in (matrix, matrix.tocsc(), matrix.tocoo(), sp.bsr_array(matrix)):
        sp.save_npz(tmp_path / "a.npz", save)
        same(load_matrix(tmp_path / "a.npz"), dense)
    np.save(tmp_path / "a.npy", dense)
    same(load_matrix(tmp_path / "a.npy"), dense)
    text = f"{matrix.shape[0]}, {matrix.shape[1]}, {matrix.nnz}\n"
    text += "\n".join(" ".join(map(str, part)) for part in (matrix.indptr, matrix.indices))
    (tmp_path / "a.smtx").write_text(text)
    same(load_matrix(tmp_path / "a.smtx"), dense != 0)
    coo = matrix.tocoo()
    side = max(coo.row.max(), coo.col.max()) + 1
    square = np.zeros((side, side))
    square[coo.row, coo.col] = coo.data
    for name, mark in (("a.csv", ","), ("a.tsv", "\t"), ("a.el", "  ")):
        rows = zip(coo.row, coo.col, coo.data.tolist(), strict=True)
        (tmp_path / name).write_text("# head\n" + "".join(f"{r}{mark}{c}{mark}{v!r}\n" for r, c, v in rows))
        same(load_matrix(tmp_path / name), square)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sum.mtx", REAL + "2 2 3\n1 1 3\n1 1 4\n2 2 0\n", [[7, 0], [0, 0]]),
        ("p.mtx", REAL.replace("real", "pattern") + "2 2 2\n1 1\n1 1\n", [[1, 0], [0, 0]]),
        ("s.mtx", REAL.replace("general", "symmetric") + "2 2 1\n2 1 5\n", [[0, 5], [5, 0]]),
        ("k.mtx", REAL.replace("general", "skew-symmetric") + "2 2 1\n2 1 5\n", [[0, -5], [5, 0]]),
        ("h.mtx", REAL.replace("real general", "complex hermitian") + "2 2 1\n2 1 3 4\n", [[0, 5], [5, 0]]),
        ("i.mtx", REAL.replace("real", "integer") + "1 2 1\n1 2 -7\n", [[0, -7]]),
        ("a.mtx", "%%MatrixMarket matrix array real general\n2 2\n1\n0\n3\n4\n", [[1, 3], [0, 4]]),
        ("b.mtx", "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n", [[1, 2], [2, 3]]),
        ("c.txt", "% note\n\n0 1\n0 1\n# more\n2 0\n", [[0, 1, 0], [0, 0, 0], [1, 0, 0]]),
        ("w.edges", "0 1 2.5\n0 1 -1\n", [[0, 1.5], [0, 0]]),
        ("bom.csv", "\ufeff0, 0\r\n0, 1\r\n", [[1, 1], [0, 0]]),
    ],
)
def test_forms(tmp_path: Path, name: str, text: str, expected: list) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    same(load_matrix(tmp_path / name), np.array(expected, float))


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint64, np.float16, np.complex64, ">f8"])
def test_number_types(tmp_path: Path, dtype: type | str) -> None:
    np.save(tmp_path / "a.npy", np.eye(3, dtype=dtype))
    same(load_matrix(str(tmp_path / "a.npy")), np.eye(3))


BAD_TEXT = [
    ("e.mtx", "", "file is empty"),
    ("e.mtx", "hello\n", "Missing banner"),
    ("e.mtx", REAL, "Premature EOF"),
    ("e.mtx", REAL + "2 2 2\n1 1 3\n", "Truncated file"),
    ("e.mtx", REAL + "2 2 1\n1 1 3\n2 2 2\n", "Too many lines"),
    ("e.mtx", REAL + "2 2 1\n0 1 3\n", "Line 3: Row index out of bounds"),
    ("e.mtx", REAL + "2 2 1\n1 -1 3\n", "Line 3: Column index out of bounds"),
    ("e.mtx", REAL + "2 2 1\n1 3 3\n", "Line 3: Column index out of bounds"),
    ("e.mtx", REAL + "2 2 1\n1 1 abc\n", "Line 3: Invalid floating-point value"),
    ("e.mtx", REAL + "2 2 1\n1 2 nan\n", "row 0, column 1 .* is nan; replace"),
    ("e.mtx", REAL + "2 2 1\n2 1 -inf\n", "row 1, column 0 .* is -inf"),
    ("e.mtx", REAL + "2 2 2\n2 1 1e308\n2 1 1e308\n", "is inf"),
    ("e.mtx", REAL + "0 4 0\n", "shape 0 x 4 is empty"),
    ("e.mtx", REAL + "-1 4 0\n", "can't be negative"),
    ("e.mtx", REAL + "2 2 0\n", "hold no non-zero"),
    ("e.mtx", REAL + "2 2 1\n1 1 0\n", "hold no non-zero"),
    ("e.mtx", REAL + "2 2 1000000000000\n1 1 1\n", "header promises 1000000000000 entries"),
    ("e.mtx", REAL + "2 2 99999999999999999999\n1 1 1\n", "Integer out of range"),
    ("e.mtx", REAL + "9999999999 2 1\n1 1 1\n", f"exceeds {MAX_SIDE} on a side"),
    ("e.mtx", REAL.replace("general", "symmetric") + "2 3 1\n1 1 1\n", "symmetric but 2 x 3 is not square"),
    ("e.mtx", "%%MatrixMarket matrix array real general\n90000 90000\n1\n", "more than the file can hold"),
    ("e.mtx", "%%MatrixMarket matrix array real symmetric\n90000 90000\n1\n", "more than the file can hold"),
    ("e.mtx", "%%MatrixMarket vector coordinate real general\n2 1\n1 3\n", "not supported"),
    ("e.smtx", "2, 2, 1\n", r"row offsets \(line 2\) are missing"),
    ("e.smtx", "2, 2\n0 1 1\n0\n", r"header \(line 1\) has 2 numbers"),
    ("e.smtx", "2, x, 1\n0 1 1\n0\n", r"header \(line 1\) holds something"),
    ("e.smtx", "2, 2, 1\n0 1.5 1\n0\n", r"row offsets \(line 2\) holds something"),
    ("e.smtx", "2, 2, 1\n0 1\n0\n", r"row offsets \(line 2\) are 2 numbers for 2 rows; give 3"),
    ("e.smtx", "2, 2, 2\n0 1 2\n0\n", r"column indices \(line 3\) are 1 numbers where the header says 2"),
    ("e.smtx", "2, 2, 2\n0 2 1\n0 1\n", "do not rise from 0 to 2"),
    ("e.smtx", "2, 2, 2\n1 1 2\n0 1\n", "do not rise from 0 to 2"),
    ("e.smtx", "3, 2, 2\n0 3 1 2\n0 1\n", "do not rise from 0 to 2"),
    ("e.smtx", "2, 2, 2\n0 1 2\n0 2\n", "reach from 0 to 2 but there are 2 columns; keep them from 0 to 1"),
    ("e.smtx", "2, 2, 2\n0 1 2\n-1 0\n", "reach from -1 to 0"),
    ("e.smtx", "2, 2, 1\n0 1 1\n99999999999999999999\n", "not a 64-bit integer"),
    ("e.smtx", "0, 2, 0\n0\n\n", "shape 0 x 2 is empty"),
    ("e.smtx", "2, 2, 0\n0 0 0\n\n", "hold no non-zero"),
    ("e.txt", "# only\n", "has no edges"),
    ("e.txt", "0 1\n1 2 3\n", "line 2 has 3 columns where the lines before have 2"),
    ("e.txt", "# x\n0 1\n\n1 two\n", "line 4 holds 'two', not a number"),
    ("e.csv", "source,target\n0,1\n", "line 1 holds 'source', not a number; .* put # before a heading"),
    ("e.csv", "0,1\n2,\n", "line 2 holds '', not a number"),
    ("e.txt", "0\n1\n", "has 1 columns"),
    ("e.txt", "0 1 2 3\n", "has 4 columns"),
    ("e.txt", "0 1\n-1 0\n", "node id of edge 2 -1 is not a whole number"),
    ("e.txt", "0 1.5\n", "node id of edge 1 1.5 is not"),
    ("e.txt", "0 nan\n", "node id of edge 1 nan is not"),
    ("e.txt", "0 99999999999\n", "renumber the nodes from 0"),
    ("e.txt", "0 1 inf\n", "row 0, column 1 .* is inf"),
    ("e.txt", "0 1 0\n", "hold no non-zero"),
    ("e.npz", "not a zip", r"\.npz content is malformed"),
    ("e.npy", "not an array", r"\.npy content is malformed"),
    ("e.bin", "x", r"unknown suffix '\.bin'; rename or convert it to \.csv"),
    ("e.npz.gz", "x", r"unknown suffix '\.npz\.gz'"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD_TEXT)
def test_bad_text(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_matrix(tmp_path / name)
    sentence = str(caught.value)
    assert sentence.startswith(str(tmp_path / name))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ";" in sentence


def csr_parts(**parts: object) -> dict[str, object]:
    """The arrays of a valid 2 x 2 identity in SciPy's format, some replaced."""
    valid = {"format": b"csr", "shape": [2, 2], "data": [1.0, 1.0], "indices": [0, 1], "indptr": [0, 1, 2]}
    return valid | parts


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (csr_parts(indices=[0, 9]), "malformed"),
        (csr_parts(indices=[-1, 0]), "malformed"),
        (csr_parts(indptr=[0, 3, 2]), "malformed"),
        (csr_parts(indptr=[0, 2]), "malformed"),
        (csr_parts(data=[1.0]), "malformed"),
        (csr_parts(data=[1.0, np.nan]), "is nan"),
        (csr_parts(data=["a", "b"]), "malformed|not numbers"),
        (csr_parts(format=b"xyz"), "malformed"),
        (csr_parts(shape=[0, 2], indptr=[0], data=[], indices=[]), "is empty"),
        ({"weights": [1.0]}, "malformed"),
    ],
)
def test_bad_npz(tmp_path: Path, parts: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **parts)
    with pytest.raises(InputError, match=message):
        load_matrix(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3), r"has 1 axes where a matrix has 2; reshape it to \(1, K\)"),
        (np.ones((2, 2, 2)), "has 3 axes"),
        (np.ones((0, 2)), "shape 0 x 2 is empty"),
        (np.zeros((2, 2)), "hold no non-zero"),
        (np.full((1, 2), np.nan), "is nan"),
        (np.array([["a"]]), "have the type <U1, not numbers"),
        (np.array([[None]], object), "malformed"),
    ],
)
def test_bad_npy(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=message):
        load_matrix(tmp_path / "a.npy")


def test_truncated_binaries(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(30))
    sp.save_npz(tmp_path / "a.npz", sp.csr_array(np.eye(30)))
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress((REAL + "2 2 1\n1 1 3\n").encode()))
    (tmp_path / "a.el.gz").write_bytes(gzip.compress(b"0 1\n" * 9999))
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        for cut in (10, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:cut])
            with pytest.raises(InputError, match=path.name):
                load_matrix(path)
    (tmp_path / "a.mtx.gz").write_text("not compressed")
    with pytest.raises(InputError, match="compressed data is truncated or damaged"):
        load_matrix(tmp_path / "a.mtx.gz")


@QUICK
@given(noise=st.binary(min_size=1, max_size=60), name=st.sampled_from(["a.mtx", "a.smtx", "a.npz", "a.npy", "a.txt"]))
def test_noise_is_never_a_traceback(noise: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(noise)
    with contextlib.suppress(InputError):
        assert np.isfinite(load_matrix(tmp_path / name).data).all()


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_matrix(tmp_path / "none.mtx")
    with pytest.raises(InputError, match="is a folder"):
        load_matrix(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        matrix_files(tmp_path / "none")


def test_matrix_files(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    for name in ("b.mtx", "sub/a.smtx", "sub/.hidden/c.mtx", "notes.md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "README.txt").write_text("Three words here\n")
    (tmp_path / "graph.txt").write_text("# edges\n0 1\n")
    np.savez(tmp_path / "bundle.npz", weight=np.ones(3))
    sp.save_npz(tmp_path / "c.npz", sp.csr_array(np.eye(2)))
    found = [str(path.relative_to(tmp_path)) for path in matrix_files(tmp_path)]
    assert found == ["b.mtx", "c.npz", "graph.txt", "sub/a.smtx"]


@pytest.mark.skipif(not DATA.is_dir(), reason="shared real matrices are not here")
def test_real_matrices_match_their_manifest() -> None:
    with open(DATA / "MANIFEST.csv", newline="") as stream:
        rows = {row["file"]: row for row in csv.DictReader(stream)}
    files = matrix_files(DATA)
    assert len(files) > 100
    for path in files:
        row = rows[str(path.relative_to(DATA))]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            matrix = load_matrix(path)
        assert matrix.shape == (int(row["rows"]), int(row["cols"])), path
        assert matrix.nnz == int(row["nnz"]), path
