"""Arrays of bytes in IDX format: two zero bytes, the type, the number of axes, each axis as 32 bits, then the data.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits". Only these numbers are believed, and no more is
read than they promise: neither a damaged file nor one that unpacks to far more than its header says does any harm.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from workloads.errors import InputError

UNSIGNED_BYTE = 8
LARGEST_BYTES = 2**30
"""Of an array, unpacked: twenty times MNIST."""


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The unsigned bytes of a file, gzipped if its name ends in `.gz`, as an array of so many axes.

    **Raises** `InputError` with the file, what is wrong and what to do.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            return _read(path, stream, axes)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{path}: compressed data is truncated or damaged; copy or download the file again."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions.") from error


def _read(path: Path, stream, axes: int) -> np.ndarray:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise InputError(f"{path}: does not begin like an IDX file (00 00, type, axes); give the file as published.")
    if head[2] != UNSIGNED_BYTE:
        raise InputError(f"{path}: holds values of type 0x{head[2]:02x}; give unsigned bytes, type 0x08.")
    if head[3] != axes:
        what = "images have 3 (number, height, width), labels 1"
        raise InputError(f"{path}: has {head[3]} axes where {axes} must be ({what}); check that files are not swapped.")
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise InputError(f"{path}: ends inside its header; copy or download the file again.")
    shape = struct.unpack(f">{axes}I", sizes)
    count = math.prod(shape)
    words = " x ".join(map(str, shape))
    if count == 0:
        raise InputError(f"{path}: the header says {words}, which is empty; give at least one.")
    if count > LARGEST_BYTES:
        raise InputError(f"{path}: the header says {words}, more than 2^30 bytes; check it or give fewer images.")
    data = stream.read(count + 1)
    if len(data) != count:
        found = "more" if len(data) > count else f"{len(data)}"
        raise InputError(
            f"{path}: the header says {words}, {count} bytes, but {found} follow; download the file again."
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
