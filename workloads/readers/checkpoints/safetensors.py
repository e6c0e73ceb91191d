"""Weights in safetensors (github.com/huggingface/safetensors, format section): every array of two axes or more."""

import numpy as np
from safetensors import SafetensorError, safe_open
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.readers.checkpoints.arrays import as_layer
from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source, words_of


def _found(source: Source, options: ReadOptions) -> Found:
    try:
        with safe_open(source.path, framework="np") as archive:
            shapes = {name: tuple(archive.get_slice(name).get_shape()) for name in archive.keys()}  # noqa: SIM118
    except SafetensorError as error:
        source.fail("file", f"is no safetensors file ({words_of(error)})", "write or copy it again", error)
    layers = [
        Layer(name.removesuffix(".weight"), (shape[0], int(np.prod(shape[1:]))), _reader(source, name))
        for name, shape in shapes.items()
        if len(shape) >= 2
    ]
    if not layers:
        source.fail("file", "holds no array of two axes or more", "check the file")
    return Found(source.path, "safetensors", tuple(layers))


def _reader(source: Source, name: str):
    def read() -> csr_array:
        with safe_open(source.path, framework="np") as archive:
            try:
                weights = archive.get_tensor(name)
            except (AttributeError, TypeError, KeyError) as error:
                what = f"{source}: {name} has a type which NumPy has no match for"
                raise InputError(f"{what}; save it as bfloat16 or float32.") from error
        return as_layer(source, name, weights)

    return read


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.suffix == ".safetensors" else Sureness.NO


FORMAT = Format("safetensors", _recognise, _found)
