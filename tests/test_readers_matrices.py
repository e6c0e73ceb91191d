"""Files of one matrix: what is written comes back from every format, and every mistake is one sentence with a fix."""

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads import InputError, load_matrix, resolve_workload
from workloads.readers.loading import describe
from workloads.readers.matrices.canonical_form import MAX_SIDE
from workloads.readers.options import ReadOptions, read_options

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = "%%MatrixMarket matrix coordinate real general\n"
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def matrices(draw: st.DrawFn) -> sp.csr_array:
    """Small matrices of two rows and columns at least, with one non-zero at least."""
    m, k = draw(st.integers(2, 9)), draw(st.integers(2, 9))
    cells = st.tuples(st.integers(0, m - 1), st.integers(0, k - 1))
    values = st.floats(-1e6, 1e6, allow_subnormal=False).filter(bool)
    entries = draw(st.dictionaries(cells, values, min_size=1, max_size=20))
    rows, columns = zip(*entries, strict=True)
    return sp.csr_array((list(entries.values()), (rows, columns)), shape=(m, k))


def same(matrix: sp.csr_array, expected: np.ndarray) -> None:
    assert isinstance(matrix, sp.csr_array)
    assert matrix.dtype == np.float64
    assert matrix.has_canonical_format
    assert np.all(matrix.data)
    np.testing.assert_array_equal(matrix.toarray(), expected)


def market(path: Path, a: sp.csr_array) -> None:
    stream = io.BytesIO()
    scipy.io.mmwrite(stream, a, precision=17, symmetry="general")
    path.write_bytes(stream.getvalue())


def fortran(path: Path, a: sp.csr_array) -> None:
    coo = a.tocoo()
    lines = (f"{i + 1} {j + 1} {v:.17E}".replace("E", "D") for i, j, v in zip(coo.row, coo.col, coo.data, strict=True))
    path.write_text(f"\ufeff%MATRIXMARKET Matrix Coordinate Real General\n\n{a.shape[0]}\t{a.shape[1]} {a.nnz}\n% x\n"
                    + "\r\n".join(lines))  # fmt: skip


def array_market(path: Path, a: sp.csr_array) -> None:
    scipy.io.mmwrite(path, a.toarray(), precision=17, symmetry="general")


def dense_text(path: Path, a: sp.csr_array) -> None:
    np.savetxt(path, np.hstack([a.toarray(), np.zeros((a.shape[0], 5))]), fmt="%.17g", delimiter=",")


def npz(kind: str) -> Callable:
    return lambda path, a: sp.save_npz(path, a.asformat(kind))


def parts(path: Path, a: sp.csr_array) -> None:
    np.savez(path, data=a.data, indices=a.indices, indptr=a.indptr, shape=np.array(a.shape))


def columns(path: Path, a: sp.csr_array) -> None:
    c = a.tocsc()
    np.savez(path, data=c.data, indices=c.indices, indptr=c.indptr, shape=np.array(a.shape), compressed_axes=[1])


def bcoo(path: Path, a: sp.csr_array) -> None:
    coo = a.tocoo()
    at = np.vstack([np.stack([coo.row, coo.col], 1), [a.shape, a.shape]])
    np.savez(path, data=np.append(coo.data, [7.0, 7.0]), indices=at, shape=np.array(a.shape))


def coordinates(path: Path, a: sp.csr_array) -> None:
    coo = a.tocoo()
    np.savez(path, coords=np.stack([coo.row, coo.col]), data=coo.data, shape=np.array(a.shape), fill_value=0.0)


def by_rows_and_columns(path: Path, a: sp.csr_array) -> None:
    coo = a.tocoo()
    np.savez(path, row=coo.row, col=coo.col, data=coo.data, shape=np.array(a.shape))


def torch_csr(path: Path, a: sp.csr_array) -> None:
    np.savez(path, crow_indices=a.indptr, col_indices=a.indices, values=a.data, size=np.array(a.shape))


def matlab_5(path: Path, a: sp.csr_array) -> None:
    scipy.io.savemat(path, {"note": "text", "b": np.ones((3, 1)), "A": a}, do_compression=True)


def suitesparse_problem(path: Path, a: sp.csr_array) -> None:
    scipy.io.savemat(path, {"Problem": {"A": a, "name": "G/n", "x": np.ones((2, 2))}})


def matlab_73(path: Path, a: sp.csr_array) -> None:
    c = a.tocsc()
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("A")
        group.attrs["MATLAB_sparse"] = np.uint64(a.shape[0])
        group["data"], group["ir"], group["jc"] = c.data, c.indices.astype("u8"), c.indptr.astype("u8")
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def anndata(kind: str) -> Callable:
    def write(path: Path, a: sp.csr_array) -> None:
        stored = a.asformat(kind)
        with h5py.File(path, "w") as file:
            group = file.create_group("X")
            group.attrs["encoding-type"], group.attrs["shape"] = f"{kind}_matrix", a.shape
            for part in ("data", "indices", "indptr"):
                group[part] = getattr(stored, part)
            file["obs/index"] = np.arange(a.shape[0])

    return write


def petsc(path: Path, a: sp.csr_array) -> None:
    head = np.array([1211216, *a.shape, a.nnz, *np.diff(a.indptr), *a.indices], ">i4")
    path.write_bytes(head.tobytes() + a.data.astype(">f8").tobytes())


def harwell_boeing(path: Path, a: sp.csr_array) -> None:
    """Fields of ten and 26 characters, which touch each other where pointers are long."""
    c = a.tocsc()
    pointers, indices = c.indptr + 1, c.indices + 1

    def lines(cells: list[str], each: int) -> list[str]:
        return ["".join(cells[at : at + each]) for at in range(0, len(cells), each)]

    cards = [lines([f"{one:10d}" for one in pointers], 8), lines([f"{one:10d}" for one in indices], 8),
             lines([f"{one:26.17E}".replace("E", "D") for one in c.data], 3)]  # fmt: skip
    counts = [len(card) for card in cards]
    head = ["title".ljust(72) + "key".ljust(8), "".join(f"{one:14d}" for one in (sum(counts), *counts, 0)),
            "RUA".ljust(14) + "".join(f"{one:14d}" for one in (*a.shape, a.nnz, 0)),
            "(8I10)".ljust(16) + "(8I10)".ljust(16) + "(1P,3D26.17)".ljust(20)]  # fmt: skip
    path.write_text("\n".join([*head, *(line for card in cards for line in card)]) + "\n")


def frostt(path: Path, a: sp.csr_array) -> None:
    coo = a.tocoo()
    lines = "".join(f"{i + 1} {j + 1} {v!r}\n" for i, j, v in zip(coo.row, coo.col, coo.data.tolist(), strict=True))
    path.write_text(f"# extended FROSTT format\n2 {a.nnz}\n{a.shape[0]} {a.shape[1]}\n" + lines)


WRITERS: dict[str, Callable] = {
    "a.mtx": market, "fortran.txt": fortran, "array.mtx": array_market, "csr.npz": npz("csr"), "csc.npz": npz("csc"),
    "coo.npz": npz("coo"), "bsr.npz": npz("bsr"), "dia.npz": npz("dia"), "parts.npz": parts, "gcxs.npz": columns,
    "bcoo.npz": bcoo, "coords.npz": coordinates, "rc.npz": by_rows_and_columns, "torch.npz": torch_csr,
    "v5.mat": matlab_5, "problem.mat": suitesparse_problem, "v73.mat": matlab_73, "csr.h5ad": anndata("csr"),
    "csc.h5ad": anndata("csc"), "a.petsc": petsc, "a.rua": harwell_boeing, "named.dat": harwell_boeing, "a.tns": frostt,
}  # fmt: skip


@settings(QUICK, max_examples=10)
@given(matrix=matrices())
def test_what_is_written_comes_back(matrix: sp.csr_array, tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        write(tmp_path / name, matrix)
        same(load_matrix(tmp_path / name), matrix.toarray())
    dense_text(tmp_path / "a.txt", matrix)
    same(load_matrix(tmp_path / "a.txt")[:, : matrix.shape[1]], matrix.toarray())
    np.save(tmp_path / "a.npy", matrix.toarray())
    same(load_matrix(tmp_path / "a.npy"), matrix.toarray())
    text = f"{matrix.shape[0]}, {matrix.shape[1]}, {matrix.nnz}\n"
    text += "\n".join(" ".join(map(str, part)) for part in (matrix.indptr, matrix.indices))
    (tmp_path / "a.smtx").write_text(text)
    same(load_matrix(tmp_path / "a.smtx"), matrix.toarray() != 0)


def tarred(data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("A/A.mtx")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("A.mtx", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.mtx.gz", gzip.compress), ("a.mtx.bz2", bz2.compress), ("a.mtx.xz", lzma.compress), ("a.mtx", gzip.compress),
     ("A.tar.gz", tarred), ("A.zip", zipped)],
)  # fmt: skip
def test_compressed(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(pack((REAL + "2 3 2\n1 1 3\n2 3 4\n").encode()))
    same(load_matrix(tmp_path / name), np.array([[3.0, 0, 0], [0, 0, 4]]))


SYMMETRIC = REAL.replace("general", "symmetric")


@pytest.mark.parametrize(
    ("name", "text", "expected", "note"),
    [
        ("sum.mtx", REAL + "2 2 3\n1 1 3\n1 1 4\n2 2 0\n", [[7, 0], [0, 0]], "1 stored values are zero"),
        ("p.mtx", REAL.replace("real", "pattern") + "2 2 2\n1 1\n1 1\n", [[1, 0], [0, 0]], "they count once"),
        ("s.mtx", SYMMETRIC + "2 2 1\n2 1 5\n", [[0, 5], [5, 0]], ""),
        ("u.mtx", SYMMETRIC + "2 2 1\n1 2 5\n", [[0, 5], [5, 0]], ""),
        ("both.mtx", SYMMETRIC + "2 2 3\n1 2 5\n2 1 5\n1 1 2\n", [[2, 5], [5, 0]], "both triangles .* read once"),
        ("part.mtx", SYMMETRIC + "3 3 3\n1 2 5\n2 1 5\n3 1 2\n", [[0, 5, 2], [5, 0, 0], [2, 0, 0]], "read once"),
        ("k.mtx", REAL.replace("general", "skew-symmetric") + "2 2 1\n2 1 5\n", [[0, -5], [5, 0]], ""),
        ("h.mtx", REAL.replace("real general", "complex hermitian") + "2 2 1\n2 1 3 4\n", [[0, 5], [5, 0]], ""),
        ("i.mtx", REAL.replace("real", "integer") + "1 2 1\n1 2 -7\n", [[0, -7]], ""),
        ("d.mtx", REAL.replace("real", "double") + "1 2 2\n1 2 1.0D+02\n1 1 5.D-1\n", [[0.5, 100]], ""),
        ("e.mtx", REAL + "1 2 1\n1 2 2.5+100\n", [[0, 2.5e100]], ""),
        ("b.mtx", "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n", [[1, 2], [2, 3]], ""),
        ("w.mtx", "%%MatrixMarket matrix array real skew-symmetric\n2 2\n1\n", [[0, -1], [1, 0]], ""),
        ("c.mtx", "%%MatrixMarket matrix array complex general\n1 2\n3 4\n0 0\n", [[5, 0]], ""),
        ("nr.mtx", "%%MatrixMarket matrix coordinate pattern symmetric\n2 1\n2 1\n", [[0, 1], [1, 0]], "two numbers"),
        ("rp.mtx", REAL + "1 2 1\n1 2\n", [[0, 1]], "they have none"),
        ("pr.mtx", REAL.replace("real", "pattern") + "1 2 1\n1 2 0\n", [[0, 1]], "banner says pattern"),
        ("nb.mtx", "1 2 1\n1 2 4\n", [[0, 4]], "banner %%MatrixMarket is missing"),
        ("g.mtx", "%%MatrixMarket matrix coordinate real\n1 2 1\n1 2 4\n", [[0, 4]], "taken for general"),
        ("u16.mtx", REAL + "1 2 1\n1 2 4\n", [[0, 4]], ""),
        ("svm.txt", "+1 1:0.5 3:2\n-1 qid:4 2:1\n0\n", [[0.5, 0, 2], [0, 1, 0], [0, 0, 0]], "largest index gives 3"),
        ("svm0.txt", "1,2 0:0.5 1:2\n", [[0.5, 2]], "counted from 0"),
        ("words.txt", "2\n3\n2\n1 3 4\n2 1 5\n", [[0, 0, 4], [5, 0, 0]], ""),
        ("s.tns", "2 3 2\n1 3 2.5\n2 1 1\n", [[0, 0, 2.5], [1, 0, 0]], "2 3 2, was read as sizes, since 2 entries"),
        ("e.tns", "2 3 1\n1 3 2.5\n2 1 1\n1 1 4\n", [[4, 0, 2.5], [1, 0, 1]], "2 3 1, was read as an entry"),
        ("n.tns", "2 3\n1 2 2.5\n2 1 1\n", [[0, 2.5, 0], [1, 0, 0]], ""),
        ("p.tns", "2\n2 3\n1 2 2.5\n2 1 1\n", [[0, 2.5, 0], [1, 0, 0]], ""),
        ("t.tns", "0 1 2.5\n1 0 1\n", [[0, 2.5], [1, 0]], "counted from 0"),
    ],
)  # fmt: skip
def test_forms_and_what_is_told(tmp_path: Path, name: str, text: str, expected: list, note: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-16" if name.startswith("u16") else "utf-8")
    found = describe(path)
    same(found.layers[0].read(), np.array(expected, float))
    if note:
        assert any(re.search(note, one) for one in found.notes), found.notes
    else:
        assert not found.notes


def test_zeros_are_kept_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.mtx"
    path.write_text(REAL + "2 2 2\n1 1 3\n2 2 0\n")
    same(load_matrix(path, ReadOptions(zeros="keep")), np.array([[3.0, 0], [0, 1]]))
    assert resolve_workload(f"{path}:keepzeros").kernels[0].a.nnz == 2
    with pytest.raises(InputError, match=r"is read as Matrix Market, for which :undirected means nothing; leave"):
        load_matrix(path, read_options(str(path), ["undirected"]))


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint64, np.float16, np.complex64, ">f8", ml_dtypes.bfloat16])
def test_number_types(tmp_path: Path, dtype: type | str) -> None:
    for order in ("C", "F"):
        np.save(tmp_path / "a.npy", np.asarray(np.eye(3, 4), order=order).astype(dtype))
        same(load_matrix(str(tmp_path / "a.npy")), np.eye(3, 4))


def test_values_of_petsc_are_told_by_the_files_length(tmp_path: Path) -> None:
    a = sp.csr_array(np.array([[1.5, 0], [2, -3]]))
    for width, letter in (("4", ">f4"), ("8", ">f8"), ("8", ">c16")):
        head = np.array([1211216, *a.shape, a.nnz, *np.diff(a.indptr), *a.indices], f">i{width}")
        vector = struct.pack(">ii", 1211214, 1) if width == "4" else b""
        (tmp_path / "a.dat").write_bytes(head.tobytes() + a.data.astype(letter).tobytes() + vector)
        same(load_matrix(tmp_path / "a.dat"), np.abs(a.toarray()) if "c" in letter else a.toarray())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("RSA", [[1, 2], [2, 0]]), ("PSA", [[1, 1], [1, 0]]), ("RZA", [[0, -2], [2, 0]]), ("rsa", [[1, 2], [2, 0]])],
)
def test_symmetries_of_harwell_boeing(tmp_path: Path, kind: str, expected: list) -> None:
    """One triangle is stored; pointers `1  3  3`, or the lone entry below the diagonal of a skew matrix."""
    skew = kind == "RZA"
    pointers, indices, values = ("122", "2", " 2.0D0") if skew else ("133", "12", " 1.0D0 2.0D0")
    cards = 0 if kind[0] == "P" else 1
    text = f"{'t':80}\n{2 + cards:14d}{1:14d}{1:14d}{cards:14d}\n{kind:14}{2:14d}{2:14d}{len(indices):14d}{0:14d}\n"
    text += f"{'(3I1)':16}{'(2I1)':16}{'(2D6.1)':20}\n{pointers}\n{indices}\n" + (values + "\n" if cards else "")
    (tmp_path / "a.rsa").write_text(text)
    same(load_matrix(tmp_path / "a.rsa"), np.array(expected, float))
    (tmp_path / "a.rsa").write_text(text.replace(kind, kind[:2] + "E"))
    with pytest.raises(InputError, match="finite elements, not assembled; assemble it"):
        load_matrix(tmp_path / "a.rsa")


BAD_TEXT = [
    ("e.mtx", "", "file is empty"),
    ("e.mtx", "hello\n", "first line 'hello' is no banner %%MatrixMarket, and no sizes follow; begin"),
    ("e.mtx", REAL, "sizes are missing"),
    ("e.mtx", REAL + "2 2 2\n1 1 3\n", r"promises 2 entries but the file holds 1 \(truncated\?\)"),
    ("e.mtx", REAL + "2 2 1\n1 1 3\n2 2 2\n", "promises 1 entries but the file holds 2"),
    ("e.mtx", REAL + "2 2 1\n0 1 3\n", "line 3 has the row index 0: indices count from 1"),
    ("e.mtx", REAL + "2 2 1\n1 -1 3\n", "line 3 has the column index -1, out of range"),
    ("e.mtx", REAL + "2 2 1\n1 3 3\n", "line 3 has the column index 3, out of range: there are 2"),
    ("e.mtx", REAL + "2 2 1\n1 1 abc\n", "line 3 holds 'abc', not a number"),
    ("e.mtx", REAL + "2 2 1\n1 1 1e", r"line 3 holds '1e', not a number"),
    ("e.mtx", REAL + "2 2 1\n1 1 1,5\n", "line 3 holds '1,5', not a number"),
    ("e.mtx", REAL + "2 2 1\n1 1 1 7\n", "line 3 has 4 fields where `row column value` is 3"),
    ("e.mtx", REAL + "2 2 1\n1 2 nan\n", "row 0, column 1 .* is nan; replace"),
    ("e.mtx", REAL + "2 2 1\n2 1 -inf\n", "row 1, column 0 .* is -inf"),
    ("e.mtx", REAL + "2 2 2\n2 1 1e308\n2 1 1e308\n", "is inf"),
    ("e.mtx", REAL + "0 4 0\n", "shape 0 x 4 is empty"),
    ("e.mtx", REAL + "-1 4 0\n", "holds a negative size"),
    ("e.mtx", REAL + "2 2 0\n", "hold no non-zero"),
    ("e.mtx", REAL + "2 2 1000000000000\n1 1 1\n", "promises 1000000000000 entries"),
    ("e.mtx", REAL + "2 2 99999999999999999999\n1 1 1\n", "not a whole number"),
    ("e.mtx", REAL + "9999999999 2 1\n1 1 1\n", f"exceeds {MAX_SIDE} on a side"),
    ("e.mtx", REAL + "2 1\n1 1 1\n2 2 1\n", "is not the count of entries"),
    ("e.mtx", SYMMETRIC + "2 3 1\n1 1 1\n", "symmetric but 2 x 3 is not square"),
    ("e.mtx", SYMMETRIC + "2 2 2\n1 2 1\n2 1 3\n", "the two triangles that are stored differ"),
    ("e.mtx", REAL.replace("general", "skew-symmetric") + "2 2 1\n1 1 1\n", "diagonal of a skew-symmetric"),
    ("e.mtx", "%%MatrixMarket matrix array real general\n90000 90000\n1\n", "promises 8100000000 entries"),
    ("e.mtx", "%%MatrixMarket vector coordinate real general\n2 1\n1 3\n", "only `matrix` is read"),
    ("e.mtx", REAL.replace("real", "quaternion") + "1 1 1\n1 1 1\n", "says 'quaternion'; use one of"),
    ("e.smtx", "2, 2, 1\n", r"row offsets \(line 2\) are missing"),
    ("e.smtx", "2, 2\n0 1 1\n0\n", r"header \(line 1\) has 2 numbers"),
    ("e.smtx", "2, x, 1\n0 1 1\n0\n", r"header \(line 1\) holds something"),
    ("e.smtx", "2, 2, 1\n0 1.5 1\n0\n", "line 2 holds '1.5', not a whole number"),
    ("e.smtx", "2, 2, 1\n0 1\n0\n", r"row offsets \(line 2\) are 2 numbers for 2 rows; give 3"),
    ("e.smtx", "2, 2, 2\n0 1 2\n0\n", r"column indices \(line 3\) are 1 numbers where the header says 2"),
    ("e.smtx", "2, 2, 2\n0 2 1\n0 1\n", "do not rise from 0 to 2"),
    ("e.smtx", "2, 2, 2\n0 1 2\n0 2\n", "reach from 0 to 2 but there are 2 columns; keep them from 0 to 1"),
    ("e.smtx", "2, 2, 1\n0 1 1\n99999999999999999999\n", "not a whole number"),
    ("e.smtx", "0, 2, 0\n0\n\n", "shape 0 x 2 is empty"),
    ("e.smtx", "2, 2, 0\n0 0 0\n\n", "hold no non-zero"),
    ("e.tns", "1 2\n", "has lines of 2 fields"),
    ("e.tns", "1 2 3 4\n1 2 3\n", "line 2 has 3 fields where the lines before have 4"),
    ("e.txt", "0 1 0 1 1.5\n0 1\n", "line 2 has 2 columns where the lines before have 5"),
    ("loss.txt", "0 0.5\n1 0.25\n", "a curve or a log rather than an edge list; save|a curve or a log"),
    ("log.csv", "epoch,loss\n1,0.5\n2,0.4\n", "under a heading that names no nodes .* name the columns"),
    ("log.txt", "0 0.5 0.1\n1 0.4 0.1\n2 0.3 0.2\n", "first column counts the lines"),
    ("svm.txt", "1 1:2\n1 2:x\n", "line 2 holds 'x', not a number"),
    ("words.txt", "2\n3\n3\n1 3 4\n2 1 5\n", "promises 3 entries but 2 follow"),
    ("e.npy", "not an array", "has no valid NumPy header"),
]  # fmt: skip


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


def csr_parts(**some: object) -> dict[str, object]:
    """The arrays of a valid 2 x 2 identity in SciPy's format, some replaced."""
    valid = {"format": b"csr", "shape": [2, 2], "data": [1.0, 1.0], "indices": [0, 1], "indptr": [0, 1, 2]}
    return valid | some


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (csr_parts(indices=[0, 9]), "malformed"),
        (csr_parts(indices=[-1, 0]), "malformed"),
        (csr_parts(indptr=[0, 3, 2]), "malformed"),
        (csr_parts(data=[1.0]), "malformed"),
        (csr_parts(data=[1.0, np.nan]), "is nan"),
        (csr_parts(data=["a", "b"]), "not numbers"),
        (csr_parts(format=b"coo"), "malformed"),
        (csr_parts(indices=np.array([0, None])), "pickled"),
        (csr_parts(shape=[0, 2], indptr=[0], data=[], indices=np.empty(0, int)), "is empty"),
        ({"coords": [[0, 5]], "data": [1.0, 2], "shape": [9]}, "has 1 axis"),
        ({"coords": [[0, 5], [0, 1]], "data": [1.0, 2], "shape": [3, 3]}, "reach outside the shape"),
        ({"coords": [[0], [0]], "data": [1.0], "shape": [3, 3], "fill_value": 2.0}, "is not zero"),
        ({"edge_index": np.arange(9).reshape(3, 3)}, r"has the shape \(3, 3\)"),
    ],
)
def test_bad_npz(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
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
        (np.array([[None]], object), "pickled Python objects"),
        (np.zeros((2, 2), [("row", int), ("col", int)]), "structured type with the fields row, col"),
        (np.array([[0, 1, 2], [1, 2, 0]]), "the edge_index of a graph or a matrix; rename it"),
        (np.ones((2, 2), "V1"), "have the type .V1"),
    ],
)
def test_bad_npy(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=message):
        load_matrix(tmp_path / "a.npy")


def test_the_matrix_is_chosen_and_the_rest_is_told(tmp_path: Path) -> None:
    a = sp.csr_array(np.eye(3, 4))
    matlab_5(tmp_path / "a.mat", a)
    assert [one.name for one in describe(tmp_path / "a.mat").left_out] == ["note", "b"]
    scipy.io.savemat(tmp_path / "two.mat", {"W1": np.eye(3), "W2": np.ones((2, 3)), "b1": np.ones((3, 1))})
    assert [layer.name for layer in describe(tmp_path / "two.mat").layers] == ["W1", "W2"]
    prefixed = {
        f"{part}_{name}": getattr(a, name) for part in ("adj", "attr") for name in ("data", "indices", "indptr")
    }
    np.savez(tmp_path / "graph.npz", **prefixed, adj_shape=[3, 4], attr_shape=[3, 4], labels=np.arange(3))
    found = describe(tmp_path / "graph.npz")
    assert [layer.name for layer in found.layers] == ["adj"]
    assert "labels" in [one.name for one in found.left_out]
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 4))
    with pytest.raises(InputError, match=r"Keras.* export"):
        describe(tmp_path / "weights.h5")


def test_tensors_are_unfolded_by_a_product(tmp_path: Path) -> None:
    path = tmp_path / "a.tns.gz"
    path.write_bytes(gzip.compress(b"# x\n1 2 3 1.5\n1 2 3 1.5\n2 1 1 4\n"))
    with pytest.raises(InputError, match="tensor of 3 modes, which is no matrix; give a product that unfolds it"):
        resolve_workload(str(path))
    (kernel,) = resolve_workload(f"{path}@mttkrp:0:16").kernels
    same(kernel.a, np.array([[0, 3.0], [4, 0]]))
    assert kernel.n == 16
    sp.save_npz(tmp_path / "t.npz", sp.coo_array(np.ones((2, 3, 4))))
    assert resolve_workload(f"{tmp_path / 't.npz'}@ttm:1:8").kernels[0].n == 8


def test_truncated_binaries(tmp_path: Path) -> None:
    eye = sp.csr_array(np.eye(30))
    np.save(tmp_path / "a.npy", np.eye(30))
    for name in ("csr.npz", "v5.mat", "v73.mat", "csr.h5ad", "a.petsc", "a.rua"):
        WRITERS[name](tmp_path / name, eye)
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress((REAL + "2 2 1\n1 1 3\n").encode()))
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        for cut in (10, len(whole) // 2, len(whole) - 25):
            path.write_bytes(whole[:cut])
            with pytest.raises(InputError, match=path.name):
                load_matrix(path)


@QUICK
@given(noise=st.binary(min_size=1, max_size=80), name=st.sampled_from([*WRITERS, "a.smtx", "a.npy", "a.txt"]))
def test_noise_is_never_a_traceback(noise: bytes, name: str, tmp_path: Path) -> None:
    for head in (b"", b"%%MatrixMarket matrix coordinate real general\n2 2 1\n", b"\x93NUMPY\x01\x00"):
        (tmp_path / name).write_bytes(head + noise)
        with contextlib.suppress(InputError):
            assert np.isfinite(load_matrix(tmp_path / name).data).all()


@pytest.mark.skipif(not DATA.is_dir(), reason="shared real matrices are not here")
def test_real_matrices_match_their_manifest() -> None:
    with open(DATA / "MANIFEST.csv", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"].split(".")[-1] in ("mtx", "smtx", "npz", "gz")]
    rows = [row for row in rows if not row["file"].startswith(("activation", "images", "meta"))]
    assert len(rows) > 100
    for row in rows:
        matrix = load_matrix(DATA / row["file"])
        assert (*matrix.shape, matrix.nnz) == (int(row["rows"]), int(row["cols"]), int(row["nnz"])), row["file"]


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("side", [3, 4])
def test_compressed_parts_that_say_little_are_told(tmp_path: Path, kind: str, side: int) -> None:
    """By their format, by the shape where only one fits; else as CSR, which is told, in HDF5 as in `.npz`."""
    a = sp.random_array((3, side), density=0.5, rng=0, format="csr")
    stored = a.asformat(kind)
    arrays = {part: getattr(stored, part) for part in ("data", "indices", "indptr")}
    for said, shaped in ((True, True), (False, True), (False, False)):
        more = {"shape": np.array(a.shape)} if shaped else {}
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.update({f"g/{name}": array for name, array in (arrays | more).items()})
            file["g"].attrs.update({"format": kind} if said else {})
        np.savez(tmp_path / "a.npz", **arrays, **more)
        for name in ("a.h5", *(() if said else ("a.npz",))):
            found = describe(tmp_path / name)
            known = said or (shaped and side == 4)
            expected = a if known or kind == "csr" else a.T
            same(found.layers[0].read(), expected.toarray()) if shaped else None
            assert any("(CSR)" in note for note in found.notes) != known, (name, said, shaped, found.notes)


def test_options_and_notes_of_a_path_go_wherever_it_goes(tmp_path: Path) -> None:
    path, weights = tmp_path / "g, 1.txt", tmp_path / "w.txt"
    path.write_text("1 2\n2 3\n")
    weights.write_text("0 1 2.5\n1 2 2.5\n2 0 1\n")
    told = resolve_workload(str(path)).notes
    assert len(told) == 2
    assert load_matrix(f"{path}:undirected").nnz == describe(f"{path}:undirected").layers[0].read().nnz == 4
    for spec in (f"gcn:{path}", f"graphsage:{path},{weights}", f"gcn:{weights},{path}@4", f"{weights}@axb:{path}",
                 f"{weights}@add:{path}", f"{weights}@multiply:{path}"):  # fmt: skip
        assert set(told) <= set(resolve_workload(spec).notes), spec
        options = spec.replace(str(path), f"{path}:undirected:from1")
        assert not set(told) & set(resolve_workload(options).notes), spec
    for spec in (f"gcn:{path}:both", f"{weights}@axb:{path}:both", f"gcn:{weights},{path}:both"):
        with pytest.raises(InputError, match=r"'both' is no option of a file; choose"):
            resolve_workload(spec)


def test_what_is_dense_or_of_keras_in_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.loom", "w") as file:
        file["matrix"], file["layers/spliced"], file["row_attrs/Gene"] = np.eye(3, 4), np.eye(3, 4), np.arange(3)
    same(load_matrix(tmp_path / "a.loom"), np.eye(3, 4))
    for name in ("dense/dense/kernel:0", "layers/dense/vars/0"):
        with h5py.File(tmp_path / "k.h5", "w") as file:
            file[name] = np.eye(3, 4)
        with pytest.raises(InputError, match="Keras"):
            load_matrix(tmp_path / "k.h5")
