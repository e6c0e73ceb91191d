"""A program of its own that reads one HDF5 file for `hdf5_file`: HDF5's library loops and overflows on damaged files.

Imports nothing of this project, so that it starts in a moment. Requests and answers are lines of JSON on standard input
and output, an array's answer is followed by its bytes: `{"path"}` or `{"size"}` and the content itself first, then
`{"array": name}` for each that is wanted. The first answer lists groups and datasets, by hard links only.
"""

import io
import json
import sys
from typing import Any, BinaryIO

import h5py
import numpy as np

_MOST_OBJECTS = 10_000
_MOST_ATTRIBUTE = 64
"""Values of an attribute that are told; longer ones are none that a matrix is described by."""


def _opened(request: dict[str, Any], stream: BinaryIO) -> h5py.File:
    return h5py.File(request["path"] if "path" in request else io.BytesIO(stream.read(request["size"])), "r")


def _listed(file: h5py.File) -> dict[str, Any]:
    groups: dict[str, Any] = {"": _attributes(file)}
    datasets: dict[str, Any] = {}
    waiting, seen = [("", file)], set()
    while waiting:
        path, group = waiting.pop()
        for name in list(group)[:_MOST_OBJECTS]:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            child = group[name]
            address = h5py.h5o.get_info(child.id).addr
            if address in seen:
                continue
            seen.add(address)
            below = f"{path}/{name}".strip("/")
            if isinstance(child, h5py.Group):
                groups[below] = _attributes(child)
                waiting.append((below, child))
            elif isinstance(child, h5py.Dataset):
                datasets[below] = _dataset(child)
            if len(groups) + len(datasets) > _MOST_OBJECTS:
                return {"error": f"holds more than {_MOST_OBJECTS} objects"}
    return {"groups": groups, "datasets": datasets}


def _attributes(one: Any) -> dict[str, Any]:
    """Numbers, texts and short lists of them; others are left out."""
    found = {}
    for name in one.attrs:
        if np.prod(one.attrs.get_id(name).shape) > _MOST_ATTRIBUTE:
            continue
        value = one.attrs[name]
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(value, (str, np.number, np.bool_)):
            found[name] = value if isinstance(value, str) else value.item()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            found[name] = value.ravel().tolist()
    return found


def _dataset(one: h5py.Dataset) -> dict[str, Any]:
    if one.dtype is None or one.shape is None or one.external or one.is_virtual:
        return {"shape": (), "type": "other", "kind": "O", "bytes": 0, "stored": 0, "own": False}
    return {
        "shape": one.shape, "type": str(one.dtype)[:40], "kind": one.dtype.kind, "bytes": one.nbytes,
        "stored": one.id.get_storage_size(), "own": True,
    }  # fmt: skip


def _array(one: h5py.Dataset) -> np.ndarray:
    """The numbers of a dataset; complex ones that MATLAB stores as pairs among them."""
    found = one[()]
    if found.dtype.names == ("real", "imag"):
        found = found["real"] + 1j * found["imag"]
    if found.dtype.kind not in "biufc":
        raise TypeError(f"{one.name} has the type {str(found.dtype)[:40]}, not numbers")
    return np.asarray(found)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    file = None
    for line in requests:
        request, data = json.loads(line), b""
        try:
            if file is None:
                file = _opened(request, requests)
                answer = _listed(file)
            else:
                found = _array(file[request["array"]])
                answer, data = {"type": found.dtype.str, "shape": found.shape}, found.tobytes()
        except Exception as error:
            answer = {"error": f"is damaged ({' '.join(str(error).split())[:200]})"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(data)
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
