"""Measured tables kept on disk, so that the statistics of a matrix are taken once.

Tables lie as `.npz` files in the user's cache folder (`platformdirs.user_cache_dir("sparse-dse")`). The environment
variable `SPARSE_DSE_CACHE` names another folder, or turns the cache off with `off`. A cache may be deleted at any time;
a file that cannot be read is replaced, a folder that cannot be written costs only time.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs

from workloads.atomic_write import written_whole
from workloads.errors import InputError

VARIABLE = "SPARSE_DSE_CACHE"
"""Environment variable: a folder, or `off`."""

_PREFIX = "table_"
"""Goes before each stored name, so that no table is called like an argument of `numpy.savez`."""


def cached(key: str, compute: Callable[[], dict[str, np.ndarray]], version: int) -> dict[str, np.ndarray]:
    """Tables stored under a key, or computed now and stored.

    `key` is a content hash (`SparseKernel.content_hash`), `version` counts the changes of what `compute` measures: an
    older file is not read. Tables are arrays of numbers or text, never of objects. **Raises** `InputError` for an
    empty key; whatever is wrong with the cache itself is never an error.
    """
    if not key:
        raise InputError("The key of a cached table is empty; pass a content hash.")
    folder = cache_folder()
    if folder is None:
        return compute()
    path = folder / f"{_file_stem(key)}-v{version}.npz"
    tables = _load(path)
    if tables is None:
        tables = compute()
        _store(path, tables)
    return tables


def cache_folder() -> Path | None:
    """Folder of the cache (it may not exist yet), or None where it is off."""
    setting = os.environ.get(VARIABLE, "").strip()
    if setting.lower() == "off":
        return None
    return Path(setting).expanduser() if setting else Path(platformdirs.user_cache_dir("sparse-dse"))


def _file_stem(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key)
    return key if plain else hashlib.sha256(key.encode()).hexdigest()


def _load(path: Path) -> dict[str, np.ndarray] | None:
    """The tables of a file, None where it is missing or damaged in whatever way."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name.removeprefix(_PREFIX): archive[name] for name in archive.files}
    except Exception:
        return None


def _store(path: Path, tables: dict[str, np.ndarray]) -> None:
    """Write a file whole or not at all: others may read and write the same one."""
    with contextlib.suppress(OSError), written_whole(path) as draft:
        np.savez(draft, **{_PREFIX + name: table for name, table in tables.items()})
