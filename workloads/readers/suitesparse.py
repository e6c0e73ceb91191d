"""Matrices of the SuiteSparse collection by name: `suitesparse:HB/bcsstk13` (Davis and Hu, ACM TOMS 38(1), 2011).

The collection serves `GROUP/NAME.tar.gz` with `NAME/NAME.mtx` in it and publishes no checksums. So the SHA-256 of a
matrix is noted beside it when it is downloaded, and one that is no longer what its note says is downloaded again. Of an
archive only that one file is taken, to a path made here. Matrices lie in `suitesparse/` of the cache folder
(`workloads.cache`), or for this run alone in a temporary one where nothing can be kept.

`SPARSE_DSE_SUITESPARSE` names another server that has the same tree, such as a mirror in the house.
"""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path

from scipy.sparse import csr_array

from workloads.atomic_write import written_whole
from workloads.cache.entries import make_way
from workloads.cache.folder import cache_folder, kept_in
from workloads.errors import InputError
from workloads.readers.finding import find
from workloads.readers.found import Found
from workloads.readers.loading import matrix_of

PREFIX = "suitesparse:"
SERVER = "https://suitesparse-collection-website.herokuapp.com/MM"
VARIABLE = "SPARSE_DSE_SUITESPARSE"
TIMEOUT_S = 30.0
"""Of a silent server."""

MOST_BYTES = 64 * 2**30
"""Of a matrix once it is unpacked: our choice, above the text of what fits in memory."""

_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,80}/[A-Za-z0-9_.+-]{1,80}")


def suitesparse_matrix(name: str) -> csr_array:
    """The matrix called `GROUP/NAME`. **Raises** `InputError` as `found_in_suitesparse`."""
    return matrix_of(found_in_suitesparse(name))


def found_in_suitesparse(name: str) -> Found:
    """What the file of the matrix called `GROUP/NAME` holds, downloaded once.

    **Raises** `InputError`, one sentence, for a name of another form, one that the collection has not, no network, and
    an archive without the matrix.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InputError(f"{PREFIX}{name}: is no name of that collection; write {PREFIX}GROUP/NAME, as in HB/bcsstk13.")
    with _folder() as folder:
        path = folder / f"{name}.mtx"
        note = path.with_name(path.name + ".sha256")
        if not _as_noted(path, note):
            _download(name, path, note)
        return find(path)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    kept = kept_in(cache_folder(), "suitesparse")
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _as_noted(path: Path, note: Path) -> bool:
    """Whether there is a matrix with the checksum that it was downloaded with."""
    try:
        plain = all(one.is_file() and not one.is_symlink() for one in (path, note))
        return plain and _sha256(path) == note.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return False


def _download(name: str, path: Path, note: Path) -> None:
    """Both files whole or not at all: the note goes last, and a matrix without one is downloaded again."""
    url = f"{os.environ.get(VARIABLE, '').strip().rstrip('/') or SERVER}/{name}.tar.gz"
    try:
        make_way(path)
        make_way(note)
        with written_whole(path) as matrix:
            archive = matrix.with_name("archive")
            _fetch(name, url, archive)
            _extract(name, url, archive, matrix)
            checksum = _sha256(matrix)
        with written_whole(note) as noted:
            noted.write_text(checksum, encoding="ascii")
    except OSError as error:
        what = f"cannot be kept in {path.parent} ({error.strerror or error})"
        raise InputError(f"{PREFIX}{name}: {what}; make room, or set SPARSE_DSE_CACHE to another folder.") from error


def _fetch(name: str, url: str, archive: Path) -> None:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{VARIABLE}: {url} is no web address; begin it with https://.")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, open(archive, "wb") as stream:
            shutil.copyfileobj(answer, stream)
            promised = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (403, 404):
            what = f"the collection has no such matrix ({url})"
            raise InputError(f"{PREFIX}{name}: {what}; look it up at https://sparse.tamu.edu.") from error
        raise InputError(f"{PREFIX}{name}: the server answered {error.code} to {url}; try again later.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        what = f"cannot be downloaded from {url} ({reason})"
        fix = "check the network, or download it elsewhere and give the .mtx file's path"
        raise InputError(f"{PREFIX}{name}: {what}; {fix}.") from error
    if promised is not None and promised != str(archive.stat().st_size):
        raise InputError(f"{PREFIX}{name}: the download from {url} broke off; run again.")


def _extract(name: str, url: str, archive: Path, matrix: Path) -> None:
    stem = name.split("/")[1]
    wanted = f"{stem}/{stem}.mtx"
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = next((one for one in tar if one.name.removeprefix("./") == wanted), None)
            source = None if member is None or not member.isreg() else tar.extractfile(member)
            if member is None or source is None:
                raise InputError(
                    f"{PREFIX}{name}: the archive at {url} holds no file {wanted}; report it to the server."
                )
            if member.size > MOST_BYTES:
                raise InputError(
                    f"{PREFIX}{name}: is {member.size} bytes long, more than {MOST_BYTES}; it is not read."
                )
            with open(matrix, "wb") as stream:
                shutil.copyfileobj(source, stream)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        what = f"what {url} sent is not a whole .tar.gz ({error})"
        raise InputError(f"{PREFIX}{name}: {what}; run again, or check {VARIABLE}.") from error


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
