"""Measured tables, so that the statistics of a matrix are taken once: arrays in NumPy's format, in `tables`."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from workloads.cache.entries import read_entry, write_entry
from workloads.cache.folder import cache_folder, kept_in
from workloads.errors import InputError

_PREFIX = "table_"
"""Goes before each stored name, so that no table is called like an argument of `numpy.savez`."""


def cached(key: str, compute: Callable[[], dict[str, np.ndarray]], version: int) -> dict[str, np.ndarray]:
    """Tables stored under a key, or computed now and stored.

    `key` is a content hash (`SparseKernel.content_hash`), `version` counts the changes of what `compute` measures: an
    older entry is not read. Tables are arrays of numbers or text, never of objects. **Raises** `InputError` for an
    empty key; whatever is wrong with the cache itself is never an error.
    """
    if not key:
        raise InputError("The key of a cached table is empty; pass a content hash.")
    folder = kept_in(cache_folder(), "tables")
    if folder is None:
        return compute()
    name = f"{_file_stem(key)}-v{version}.tables"
    tables = _unpacked(read_entry(folder, name))
    if tables is None:
        tables = compute()
        write_entry(folder, name, _packed(tables))
    return tables


def _file_stem(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key)
    return key if plain else hashlib.sha256(key.encode()).hexdigest()


def _packed(tables: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{_PREFIX + name: table for name, table in tables.items()})
    return stream.getvalue()


def _unpacked(content: bytes | None) -> dict[str, np.ndarray] | None:
    """The tables of an entry, None where there is none or it is of another version of NumPy's format."""
    if content is None:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name.removeprefix(_PREFIX): archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
