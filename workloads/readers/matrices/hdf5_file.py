"""The content of an HDF5 file, read by a process of its own that may crash or hang (`hdf5_child`)."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.readers.source import LARGE, Source
from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO

_MOST_S = 10
_BYTES_PER_S = 2**22
"""Read each second at the very least: how much longer a request may take."""
_AGAIN = "write or copy it again"


@dataclass(frozen=True)
class Dataset:
    """What a file says of a dataset: `own` ones hold their data themselves, `kind` is NumPy's letter of the type."""

    shape: tuple[int, ...]
    type: str
    kind: str
    bytes: int
    stored: int
    own: bool


class Hdf5File:
    """Groups (their attributes) and datasets by path, the root's path empty. Methods **raise** `InputError`."""

    def __init__(self, source: Source, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._source, self._process, self._requests, self._answers = source, process, process.stdin, process.stdout
        content = source.content if source.compressed else b""
        request = {"size": len(content)} if source.compressed else {"path": str(Path(source.path).absolute())}
        answer, _ = self._asked(request, content, source.size)
        self.groups: dict[str, dict[str, Any]] = answer["groups"]
        self.datasets = {
            name: Dataset(**told | {"shape": tuple(told["shape"])}) for name, told in answer["datasets"].items()
        }

    def array(self, name: str) -> np.ndarray:
        """The numbers of a dataset."""
        source, dataset = self._source, self.datasets.get(name)
        if dataset is None or not dataset.own:
            source.fail(f"HDF5 dataset {name}", "is no data of the file itself", "write the matrix into one file")
        if not source.large and dataset.bytes > MOST_BYTES + MOST_RATIO * dataset.stored:
            most = f"{MOST_BYTES >> 20} MiB and {MOST_RATIO} times the {dataset.stored} stored"
            source.fail(f"HDF5 dataset {name}", f"says {dataset.bytes} bytes, more than {most}", LARGE)
        answer, data = self._asked({"array": name}, b"", dataset.bytes)
        return np.frombuffer(data, answer["type"]).reshape(answer["shape"])

    def _asked(self, request: dict[str, Any], content: bytes, size: int) -> tuple[dict[str, Any], bytes]:
        """The answer to a request, and the bytes that follow it; a process that takes too long for `size` is ended."""
        timer = threading.Timer(_MOST_S + size / _BYTES_PER_S, self._process.kill)
        timer.start()
        try:
            self._requests.write(json.dumps(request).encode() + b"\n" + content)
            self._requests.flush()
            answer = json.loads(self._answers.readline())
            count = np.dtype(answer["type"]).itemsize * int(np.prod(answer["shape"])) if "type" in answer else 0
            data = self._answers.read(count)
        except (BrokenPipeError, ValueError) as error:
            self._source.fail("HDF5 file", "is damaged: HDF5's own library hangs or crashes on it", _AGAIN, error)
        finally:
            timer.cancel()
        if "error" in answer:
            self._source.fail("HDF5 file", answer["error"], _AGAIN)
        return answer, data


@contextmanager
def opened_hdf5(source: Source) -> Iterator[Hdf5File]:
    """A file's content while its process runs. **Raises** `InputError`, also where `h5py` is not installed."""
    if importlib.util.find_spec("h5py") is None:
        source.fail("HDF5 file", "needs h5py to be read", "install it: pip install 'sparse-dse[hdf5]'")
    program = [sys.executable, "-P", str(Path(__file__).with_name("hdf5_child.py"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        try:
            yield Hdf5File(source, process)
        finally:
            process.kill()
