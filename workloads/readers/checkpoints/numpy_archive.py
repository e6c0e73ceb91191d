"""NumPy's `.npz` of named arrays (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a zip of `.npy`.

Headers are read first and checked against the members' sizes; arrays of Python objects are pickles and refused.
"""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from functools import partial

import numpy as np

from workloads.errors import InputError
from workloads.readers.checkpoints.arrays import STORED_TYPES, stored_type
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.formats import Sureness
from workloads.readers.matrices.canonical_form import check_entries
from workloads.readers.matrices.numpy_files import read_header, read_values
from workloads.readers.source import BROKEN, Source, words_of


def stored(source: Source) -> StoredArrays:
    """The arrays of an archive, text left out. **Raises** `InputError`, for pickled objects among others."""
    try:
        with source.opened_zip() as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
            headers = {one.filename: _header(source, archive, one) for one in members}
    except zipfile.BadZipFile as error:
        source.fail("file", f"is no .npz archive ({words_of(error)})", "write or copy it again", error)
    if not members:
        source.fail("archive", "holds no .npy array", "check the file, or save arrays with numpy.savez")
    arrays = {
        (name := member.removesuffix(".npy")): StoredArray(
            name, shape, dtype, partial(_read, source, member, name, STORED_TYPES[dtype])
        )
        for member, (shape, dtype) in headers.items()
        if dtype
    }
    return StoredArrays(source, arrays)


def recognise(source: Source) -> Sureness:
    """By the suffix and the zip's magic; a folder's archives of `.npy` go by their members."""
    if source.suffix == ".npz":
        return Sureness.NAMED
    return Sureness.NO


def _header(source: Source, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], str]:
    """Shape and type of one array; the type is empty for text."""
    name = member.filename.removesuffix(".npy")
    with _told(source, name), archive.open(member) as stream:
        shape, _, dtype = read_header(source, stream, name)
        begin = stream.tell()
    if math.prod(shape) * dtype.itemsize + begin != member.file_size:
        what = f"of shape {list(shape)} and type {dtype} does not fit its {member.file_size:,} bytes"
        source.fail(name, what, "write or copy the file again")
    if dtype == np.dtype("V2"):
        return shape, "BF16"
    word = stored_type(dtype) or ""
    if not word and dtype.kind not in "USMm":
        source.fail(name, f"has the type {dtype}, not real numbers", "save it as float32")
    return shape, word


def _read(source: Source, member: str, name: str, dtype: np.dtype) -> np.ndarray:
    with _told(source, name), source.opened_zip() as archive, archive.open(member) as stream:
        entry, header = archive.getinfo(member), read_header(source, stream, name)
        found = read_values(source, stream, header, entry.file_size, name)
    entries = found.size if found.dtype.kind == "V" else int(np.count_nonzero(found))
    check_entries(source, entries, entry.compress_size)
    return found.view(dtype) if found.dtype.kind == "V" else found.astype(dtype, copy=False)


@contextlib.contextmanager
def _told(source: Source, name: str) -> Iterator[None]:
    """What is wrong with an array's bytes, as a sentence."""
    try:
        yield
    except InputError:
        raise
    except BROKEN as error:
        source.fail(name, f"is damaged ({words_of(error)})", "write or copy the file again", error)
