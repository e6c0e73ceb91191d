"""Run as a program: HDF5's library apart from everything else, as a damaged file can hang or end the process it is in.

    python hdf5_worker.py PATH MOST_BYTES MOST_SECONDS

Answers are 8 bytes of length and the content: first a listing of all objects in JSON, then for each line of the input,
the name of a dataset in JSON, the array as `.npy`; `{"error": "..."}` in place of either. Links out of the file,
external and virtual data are not followed. Takes at most so many bytes of addresses beyond those that it begins with,
where the system tells these, and so many seconds of processor time: it must end though nobody waits for it any more.
"""

import contextlib
import io
import json
import os
import struct
import sys
from typing import Any

import h5py
import numpy as np

MOST_OBJECTS = 10_000
_MOST_VALUES = 64
"""Of an attribute: shapes and names are shorter."""


def main(path: str, most_bytes: int, most_s: int) -> None:
    """Answers until the input ends."""
    _limit(most_bytes, most_s)
    try:
        file: Any = h5py.File(path, "r")
        groups, datasets = _objects(file)
        listing = {"groups": {"": _attributes(file), **groups}, "datasets": datasets}
    except Exception as error:  # of the library, whose kinds are many
        _answer(json.dumps({"error": f"{error}"}).encode())
        return
    _answer(json.dumps(listing).encode())
    for line in sys.stdin:
        try:
            stream = io.BytesIO()
            np.save(stream, file[json.loads(line)][()], allow_pickle=False)
            _answer(stream.getvalue())
        except Exception as error:
            _answer(json.dumps({"error": f"{error}"}).encode())


def _limit(most_bytes: int, most_s: int) -> None:
    """Takes at most so much, and no more than this process may take anyway."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limits
        return

    def lower(kind: int, most: int) -> None:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))

    lower(resource.RLIMIT_CPU, most_s)
    with contextlib.suppress(FileNotFoundError), open("/proc/self/statm", encoding="ascii") as stream:
        begin = int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        lower(resource.RLIMIT_AS, min(begin + most_bytes, sys.maxsize))


def _answer(content: bytes) -> None:
    sys.stdout.buffer.write(struct.pack("<Q", len(content)) + content)
    sys.stdout.buffer.flush()


def _objects(file: Any) -> tuple[dict[str, dict], dict[str, dict]]:
    """Attributes of groups, and what datasets say of themselves, by path; MATLAB's references are left out."""
    groups, datasets, waiting, seen = {}, {}, [("", file)], set()
    while waiting:
        path, group = waiting.pop()
        for name in list(group)[:MOST_OBJECTS]:
            if name.startswith("#") or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            child, below = group[name], f"{path}/{name}".strip("/")
            if isinstance(child, h5py.Dataset):
                datasets[below] = _described(child)
            elif isinstance(child, h5py.Group) and (address := h5py.h5o.get_info(child.id).addr) not in seen:
                seen.add(address)
                groups[below] = _attributes(child)
                waiting.append((below, child))
            if len(groups) + len(datasets) > MOST_OBJECTS:
                raise ValueError(f"more than {MOST_OBJECTS} objects")
    return groups, datasets


def _described(dataset: Any) -> dict[str, Any]:
    foreign = bool(dataset.external) or dataset.is_virtual
    stored = dataset.id.get_storage_size()
    kind, shape = dataset.dtype.kind, dataset.shape
    return {"shape": shape, "kind": kind, "bytes": int(dataset.nbytes), "stored": stored, "foreign": foreign}


def _attributes(one: Any) -> dict[str, Any]:
    """Text, numbers and short lists of numbers; others are there without a value."""
    found = {}
    for name in list(one.attrs)[:MOST_OBJECTS]:
        value = one.attrs[name]
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(value, np.ndarray | np.generic):
            value = value.ravel()[:_MOST_VALUES].tolist() if value.dtype.kind in "biuf" else None
        found[name] = value if isinstance(value, str | int | float | list) else None
    return found


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
