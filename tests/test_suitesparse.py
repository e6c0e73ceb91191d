"""Matrices of the collection by name, from a server on this machine: downloaded once, held to their checksum."""

import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from workloads import InputError, resolve_workload
from workloads.cache.folder import VARIABLE as CACHE
from workloads.readers.suitesparse import VARIABLE, suitesparse_matrix

TEXT = b"%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 2\n3 1 5\n2 2 1\n"


def archive(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/hostname"
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


ANSWERS = {
    "/MM/HB/good.tar.gz": archive(("good/other.mtx", b"x"), ("good/good.mtx", TEXT)),
    "/MM/HB/text.tar.gz": b"<html>sorry</html>",
    "/MM/HB/half.tar.gz": archive(("half/half.mtx", bytes(np.random.default_rng(0).bytes(9999))))[:2000],
    "/MM/HB/empty.tar.gz": archive(("empty/readme.txt", b"x")),
    "/MM/HB/outside.tar.gz": archive(("../../outside.mtx", TEXT), ("/outside/outside.mtx", TEXT)),
    "/MM/HB/link.tar.gz": archive(("link/link.mtx", b""), kind=tarfile.SYMTYPE),
    "/MM/HB/words.tar.gz": archive(("words/words.mtx", b"hello")),
    "/MM/HB/cut.tar.gz": None,
}


class Server(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        content = ANSWERS.get(self.path, b"")
        self.send_response(503 if "busy" in self.path else 200 if self.path in ANSWERS else 404)
        self.send_header("Content-Length", "999" if content is None else str(len(content)))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the server was asked for, while it runs."""
    handler = type("Handler", (Server,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{server.server_port}/MM/")
        monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
        yield handler.asked
        server.shutdown()
        thread.join()


def kept(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_matrix_is_downloaded_once(asked: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        (kernel,) = resolve_workload("suitesparse:HB/good@spmm:8").kernels
        assert (kernel.name, kernel.shape) == ("HB/good@spmm:8", (3, 3, 8))
        np.testing.assert_array_equal(kernel.a.toarray(), [[2, 0, 5], [0, 1, 0], [5, 0, 0]])
    assert asked == ["/MM/HB/good.tar.gz"]
    folder = tmp_path / "cache" / "suitesparse"
    assert kept(folder) == ["HB/good.mtx", "HB/good.mtx.sha256"]
    for at, damage in enumerate(("good.mtx", "good.mtx.sha256")):
        (folder / "HB" / damage).write_bytes(TEXT.replace(b"5", b"6"))
        assert suitesparse_matrix("HB/good").sum() == 13, "what is no longer what was downloaded is downloaded again"
        assert len(asked) == 2 + at


def test_without_a_cache_nothing_is_kept(asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, "off")
    assert [suitesparse_matrix("HB/good").nnz for _ in range(2)] == [4, 4]
    assert len(asked) == 2
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HB/absent", r"collection has no such matrix \(http.*absent.tar.gz\); look it up at https://sparse.tamu.edu"),
        ("HB/busy", "the server answered 503 .*; try again later"),
        ("HB/text", r"sent is not a whole \.tar\.gz .*; run again"),
        ("HB/half", r"sent is not a whole \.tar\.gz"),
        ("HB/empty", r"holds no file empty/empty\.mtx"),
        ("HB/outside", r"holds no file outside/outside\.mtx"),
        ("HB/link", r"holds no file link/link\.mtx"),
        ("HB/cut", "the download from .* broke off; run again"),
        ("bcsstk13", "is no name of that collection; write suitesparse:GROUP/NAME, as in HB/bcsstk13"),
        ("../../etc/passwd", "is no name of that collection"),
        ("HB/..", "is no name of that collection"),
        ("HB/a?b", "is no name of that collection"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(asked: list[str], tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve_workload(f"suitesparse:{name}")
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


def test_a_matrix_that_cannot_be_read_is_named(asked: list[str]) -> None:
    with pytest.raises(InputError, match=r"words\.mtx: first line 'hello' is no banner"):
        suitesparse_matrix("HB/words")


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(CACHE, str(tmp_path))
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"HB/good: cannot be downloaded from .*; check the network, or .* \.mtx file"):
        suitesparse_matrix("HB/good")
    monkeypatch.setenv(VARIABLE, "file:///etc")
    with pytest.raises(InputError, match=f"{VARIABLE}: .* is no web address; begin it with https://"):
        suitesparse_matrix("HB/good")
    folder = tmp_path / "suitesparse"
    (folder / "HB").rmdir()
    (folder / "HB").write_text("where the matrix goes")
    with pytest.raises(InputError, match=r"cannot be kept in .*; make room, or set SPARSE_DSE_CACHE"):
        suitesparse_matrix("HB/good")
