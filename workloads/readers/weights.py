"""Layers of a trained network from one file of weights: safetensors, `.npz` of several arrays, ONNX.

Every array of two axes or more is a layer `[out, in]`; further axes (`[out, in, height, width]` of a convolution) are
flattened into the second, as im2col does (Chellapilla et al., IWFHR 2006). Biases, norms and scalars, with one axis or
none, are passed over. Zeros are what the file stores as zero. Nothing in a file is ever run: safetensors and ONNX hold
numbers only, and pickled arrays are refused.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import ZipFile

import ml_dtypes  # noqa: F401  (its import makes bfloat16 a type of NumPy)
import numpy as np
from safetensors import SafetensorError, safe_open
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.matrices import BROKEN
from workloads.readers.onnx_graph import onnx_layers

MOST_NONZEROS = 200_000_000
"""Taken from one file: in memory about 2 GB. What has more is read in parts, `FILE#PATTERN`."""


@dataclass(frozen=True)
class WeightMatrix:
    """Weights [out, in] and, where the file says, how many columns of activations they are multiplied with."""

    matrix: csr_array
    columns: int | None = None


def load_weights(path: str | os.PathLike[str], pattern: str = "*") -> dict[str, WeightMatrix]:
    """The layers of a file whose names match a shell pattern (`*mlp*`), by name, `.weight` cut off.

    **Raises** `InputError`, one sentence with the file, the array and what to do, for a file that is missing, damaged,
    pickled or of another kind, for arrays without non-zeros, with NaN or infinities, and where no layer matches.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path.")
    found: dict[str, WeightMatrix] = {}
    held = 0
    for name, layer in _READERS[weight_suffix(path)](path, pattern):
        found[name.removesuffix(".weight")] = layer
        held += layer.matrix.nnz
        if held > MOST_NONZEROS:
            raise _too_many(path, name)
    if not found:
        of = "" if pattern == "*" else f" whose name matches {pattern!r}"
        raise InputError(f"{path}: holds no array of two axes or more{of}; check the file and the pattern.")
    return found


def weight_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a file of several layers, lower case; empty for every other file, SciPy's `.npz` too."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in _READERS and not (suffix == ".npz" and _one_matrix(Path(path))) else ""


def weight_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Sorted paths of the files of weights below a folder, at any depth, hidden files left out."""
    folder = Path(folder)
    below = (path for path in folder.rglob("*") if path.is_file() and weight_suffix(path))
    return sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def as_layer(path: Path, name: str, weights: np.ndarray) -> csr_array:
    """Weights as a matrix [out, all else], values in 32 bits unless they have 64; `InputError` for bad values."""
    if weights.dtype.kind not in "biuf" and weights.dtype != np.dtype("bfloat16"):
        raise InputError(f"{path}: {name} has the type {weights.dtype}, not real numbers; save it as float32.")
    if weights.size == 0:
        raise InputError(f"{path}: {name} has the shape {list(weights.shape)}, no entries; remove it.")
    flat = weights.reshape(weights.shape[0], -1)
    kept = flat != 0
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(kept, axis=1))])
    if starts[-1] == 0:
        raise InputError(f"{path}: {name} holds no non-zero; remove it, or keep one of its weights.")
    if starts[-1] > MOST_NONZEROS:
        raise _too_many(path, name)
    values = flat[kept]
    values = values.astype(np.float64 if values.dtype.itemsize == 8 else np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {name} holds values that are NaN or infinite; replace or remove them.")
    columns = np.broadcast_to(np.arange(flat.shape[1], dtype=np.int32), flat.shape)[kept]
    return csr_array((values, columns, starts.astype(np.int32)), shape=flat.shape)


def _read_safetensors(path: Path, pattern: str) -> Iterator[tuple[str, WeightMatrix]]:
    try:
        with safe_open(path, framework="np") as archive:
            for name in archive.keys():  # noqa: SIM118  (not a mapping)
                part = archive.get_slice(name)
                if len(part.get_shape()) < 2 or not fnmatchcase(name, pattern):
                    continue
                try:
                    weights = archive.get_tensor(name)
                except (AttributeError, TypeError, KeyError) as error:
                    what = f"{path}: {name} has the type {part.get_dtype()}, which NumPy has no match for"
                    raise InputError(f"{what}; save it as bfloat16 or float32.") from error
                yield name, WeightMatrix(as_layer(path, name, weights))
    except SafetensorError as error:
        raise InputError(f"{path}: is no safetensors file ({_words(error)}); write or copy it again.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the file.") from error


def _read_arrays(path: Path, pattern: str) -> Iterator[tuple[str, WeightMatrix]]:
    name = "file"
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                if fnmatchcase(name, pattern) and (weights := archive[name]).ndim >= 2:
                    yield name, WeightMatrix(as_layer(path, name, weights))
    except InputError:
        raise
    except BROKEN as error:
        if "allow_pickle" in str(error):
            what = f"{path}: {name} holds pickled Python objects, which run code when read"
            raise InputError(f"{what}; save it as an array of numbers.") from error
        raise InputError(f"{path}: {name} is damaged ({_words(error)}); write or copy the file again.") from error


def _read_onnx(path: Path, pattern: str) -> Iterator[tuple[str, WeightMatrix]]:
    for name, read, columns in onnx_layers(path):
        if fnmatchcase(name, pattern):
            try:
                weights = read()
            except BROKEN as error:
                raise InputError(f"{path}: {name} is damaged ({_words(error)}); export the model again.") from error
            yield name, WeightMatrix(as_layer(path, name, weights), columns)


_READERS: dict[str, Callable[[Path, str], Iterator[tuple[str, WeightMatrix]]]] = {
    ".safetensors": _read_safetensors,
    ".npz": _read_arrays,
    ".onnx": _read_onnx,
}


def _too_many(path: Path, name: str) -> InputError:
    what = f"{path}: has more than {MOST_NONZEROS} non-zeros up to {name}; read some of its layers with FILE#PATTERN"
    return InputError(f"{what}, as in {path.name}#*{name.rpartition('.')[0] or name}*.")


def _one_matrix(path: Path) -> bool:
    """Whether an archive of arrays is one sparse matrix of SciPy's (or nothing that could be read as several)."""
    try:
        with ZipFile(path) as archive:
            return "format.npy" in archive.namelist()
    except BROKEN:
        return True


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")[:200]
