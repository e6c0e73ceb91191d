"""An HDF5 file as a process of its own tells it (`hdf5_worker`): a damaged one costs that process, not this one."""

import contextlib
import io
import json
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

_WORKER = Path(__file__).with_name("hdf5_worker.py")
_MOST_S, _BYTES_PER_S = 15.0, 20e6
"""How long an answer may take: for the file itself, and for its bytes."""


class DamagedHdf5(ValueError):
    """Why a file cannot be read, as part of a sentence."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset says of itself; `stored` are its bytes in the file, and `foreign` is what lies outside of it."""

    shape: tuple[int, ...]
    kind: str
    bytes: int
    stored: int
    foreign: bool


class Hdf5File:
    """Attributes of groups and descriptions of datasets, by path; arrays when they are asked for.

    **Raises** `DamagedHdf5` for what the library refuses, or does not end with in time, and `ImportError` without it.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        if find_spec("h5py") is None:
            raise ImportError("h5py")
        most_s = 10 * int(_MOST_S + 1 + path.stat().st_size / _BYTES_PER_S)
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), str(path), str(most_bytes), str(most_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        try:
            said = json.loads(self._answer(_MOST_S))
            if "error" in said:
                raise DamagedHdf5(said["error"])
        except BaseException:
            self._end()
            raise
        self.groups: dict[str, dict[str, Any]] = said["groups"]
        self.datasets = {
            name: Dataset(**{**one, "shape": tuple(one["shape"] or ())}) for name, one in said["datasets"].items()
        }

    def __enter__(self) -> "Hdf5File":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def array(self, name: str) -> np.ndarray:
        """The values of a dataset."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # which its answer tells
            self._process.stdin.write(f"{json.dumps(name)}\n".encode())
        answer = self._answer(_MOST_S + self.datasets[name].bytes / _BYTES_PER_S)
        if answer.startswith(b"{"):
            raise DamagedHdf5(json.loads(answer)["error"])
        return np.load(io.BytesIO(answer), allow_pickle=False)

    def _answer(self, most_s: float) -> bytes:
        """What the process tells next; it is ended where that takes longer."""
        end, until = threading.Timer(most_s, self._process.kill), time.monotonic() + most_s
        end.daemon = True
        end.start()
        try:
            return self._bytes(struct.unpack("<Q", self._bytes(8))[0])
        except EOFError:
            how = "comes to no end" if time.monotonic() >= until else "broke off"
            raise DamagedHdf5(f"the HDF5 library {how} with it") from None
        finally:
            end.cancel()

    def _bytes(self, count: int) -> bytes:
        pipe, found = self._process.stdout, io.BytesIO()
        assert pipe is not None
        while found.tell() < count:
            piece = pipe.read(min(count - found.tell(), 2**20))
            if not piece:
                raise EOFError
            found.write(piece)
        return found.getvalue()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
