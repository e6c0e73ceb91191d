"""Weights in an `.npz` of several arrays: every array of two axes or more."""

import zipfile

import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.checkpoints.arrays import as_layer
from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, Source, words_of


def _found(source: Source, options: ReadOptions) -> Found:
    layers, name = [], "file"
    try:
        with np.load(source.path, allow_pickle=False) as archive:
            for name in archive.files:
                if (weights := archive[name]).ndim >= 2:
                    layers.append(_layer(source, name, as_layer(source, name, weights)))
    except InputError:
        raise
    except BROKEN as error:
        if "allow_pickle" in str(error):
            what = "holds pickled Python objects, which run code when read"
            source.fail(name, what, "save it as an array of numbers", error)
        source.fail(name, f"is damaged ({words_of(error)})", "write or copy the file again", error)
    if not layers:
        source.fail("file", "holds no array of two axes or more", "check the file")
    return Found(source.path, "NumPy .npz", tuple(layers))


def _layer(source: Source, name: str, matrix: csr_array) -> Layer:
    return Layer(name.removesuffix(".weight"), matrix.shape, lambda: matrix)


def _recognise(source: Source) -> Sureness:
    if source.suffix != ".npz":
        return Sureness.NO
    return Sureness.NAMED if zipfile.is_zipfile(source.path) else Sureness.LOOKS


FORMAT = Format("NumPy .npz of arrays", _recognise, _found)
