"""Tensors that a model stores: in the file, in data files beside it, or as the entries of a sparse one.

Data files are looked for in the model's folder (or archive) and not outside it. What a tensor's header says is compared
with the bytes that there are before anything is read. Source: `TensorProto`, `SparseTensorProto` and External Data in
ONNX's IR specification, https://onnx.ai/onnx/repo-docs/IR.html and /ExternalData.html.
"""

import math
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np

from workloads.readers.onnx_graphs.constants import StoredConstant
from workloads.readers.source import Source

_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}
"""Of types that share bytes."""
_MOST_PLACES = 2**26
"""Of a sparse tensor, which is written out: 256 MiB of float32."""
_POINTER = b"version https://git-lfs"
_PER_ENTRY = {"COMPLEX64": 2, "COMPLEX128": 2}
_TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


class Tensors:
    """The tensors of one model. Methods **raise** `InputError` for one that is damaged."""

    def __init__(self, source: Source, onnx) -> None:
        self.source = source
        self.missing: dict[str, None] = {}
        """Data files that are not there."""
        self._onnx = onnx
        self._detached: dict[str, StoredConstant] = {}

    def detach(self, tensor) -> None:
        """Takes the data out of a tensor of more than 64 entries, so that its graph is small; `constant` finds it."""
        found = self._constant(tensor)
        small = math.prod(found.shape) <= 64 and found.make is not None
        data = self._onnx.numpy_helper.from_array(found.read()) if small and tensor.data_location else None
        if not small or data is not None:
            for field in ("raw_data", *_TYPED, "external_data"):
                tensor.ClearField(field)
        if data is not None:
            tensor.data_location, tensor.raw_data = 0, data.raw_data
        elif not small:
            self._refer(tensor, found)

    def detach_sparse(self, sparse, into) -> None:
        """Puts a dense tensor without data into a graph's initialisers that stands for a sparse one."""
        tensor = into.add()
        tensor.name, tensor.data_type = sparse.values.name, sparse.values.data_type
        tensor.dims.extend(sparse.dims)
        self._refer(tensor, self.sparse(sparse))

    def constant(self, tensor) -> StoredConstant:
        """The constant that a tensor is."""
        if tensor.data_location and len(tensor.external_data) == 1:
            found = self._detached.get(tensor.external_data[0].value)
            if found is not None:
                return found
        return self._constant(tensor)

    def sparse(self, sparse) -> StoredConstant:
        """Entries at places that are counted through the whole tensor, or given as one index an axis."""
        shape = self._shape(sparse.values.name, sparse.dims)
        values, places = self._constant(sparse.values), self._constant(sparse.indices)
        name = sparse.values.name
        if math.prod(shape) > _MOST_PLACES:
            fix = "save it as .mtx or .npz"
            self.source.fail(f"sparse initializer {name}", f"has more than {_MOST_PLACES} places", fix)

        def make(values: np.ndarray, places: np.ndarray) -> np.ndarray:
            if places.ndim == 2:
                if places.shape[1] != len(shape) or (places < 0).any() or (places >= shape).any():
                    self.source.fail(f"sparse initializer {name}", "has indices outside its shape", "export it again")
                places = np.asarray(np.ravel_multi_index(tuple(places.T.astype(np.int64)), shape))
            if places.shape != values.shape or (places < 0).any() or (places >= math.prod(shape)).any():
                self.source.fail(f"sparse initializer {name}", "has indices outside its shape", "export it again")
            dense = np.zeros(math.prod(shape), values.dtype)
            dense[places] = values
            return dense.reshape(shape)

        return values.then(shape, make, places)

    def _refer(self, tensor, found: StoredConstant) -> None:
        key = f"detached {len(self._detached)}"
        self._detached[key] = found
        tensor.data_location = self._onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", key

    def _shape(self, name: str, dims) -> tuple[int, ...]:
        shape = tuple(int(side) for side in dims)
        if min(shape, default=1) < 0 or math.prod(shape) > 2**40:
            self.source.fail(f"tensor {name}", f"has the shape {list(shape)}", "export the model again")
        return shape

    def _constant(self, tensor) -> StoredConstant:
        shape = self._shape(tensor.name, tensor.dims)
        kinds = {number: name for name, number in self._onnx.TensorProto.DataType.items()}
        kind = kinds.get(tensor.data_type, "UNDEFINED")
        if kind == "UNDEFINED":
            self.source.fail(f"tensor {tensor.name}", f"has the unknown type {tensor.data_type}", "update onnx")
        values = {"FLOAT": "float32", "DOUBLE": "float64"}.get(kind, kind.lower())
        if tensor.data_location == self._onnx.TensorProto.EXTERNAL:
            return StoredConstant(shape, values, self._outside(tensor, kind, shape))
        if math.prod(shape) and not tensor.raw_data and not any(len(getattr(tensor, field)) for field in _TYPED):
            return StoredConstant(shape, values, None)
        self._check_length(tensor, kind, shape)
        if not tensor.raw_data:
            array = self._onnx.numpy_helper.to_array(tensor)
            return StoredConstant(shape, values, lambda: array)
        data, data_type = tensor.raw_data, tensor.data_type
        return StoredConstant(shape, values, lambda: self._array(data, data_type, shape))

    def _check_length(self, tensor, kind: str, shape: tuple[int, ...]) -> None:
        entries = math.prod(shape)
        packed = -(-entries * _BITS[kind] // 8) if kind in _BITS else entries * _PER_ENTRY.get(kind, 1)
        if tensor.raw_data:
            has, needs, what = len(tensor.raw_data), self._bytes(tensor.data_type, kind, entries), "bytes"
        else:
            has, needs, what = max(len(getattr(tensor, field)) for field in _TYPED), packed, "values"
        if has != needs:
            self.source.fail(f"tensor {tensor.name}", f"has {has} {what}, not {needs}", "export the model again")

    def _bytes(self, data_type: int, kind: str, entries: int) -> int:
        if kind in _BITS:
            return -(-entries * _BITS[kind] // 8)
        return entries * np.dtype(self._onnx.helper.tensor_dtype_to_np_dtype(data_type)).itemsize

    def _array(self, data, data_type: int, shape: tuple[int, ...]) -> np.ndarray:
        kinds = {number: name for name, number in self._onnx.TensorProto.DataType.items()}
        if kinds[data_type] not in _BITS:
            dtype = np.dtype(self._onnx.helper.tensor_dtype_to_np_dtype(data_type)).newbyteorder("<")
            return np.frombuffer(data, dtype=dtype).reshape(shape)
        whole = self._onnx.TensorProto(dims=shape, data_type=data_type, raw_data=bytes(data))
        return self._onnx.numpy_helper.to_array(whole)

    def _outside(self, tensor, kind: str, shape: tuple[int, ...]) -> Callable[[], np.ndarray] | None:
        """How to read a tensor from its data file; None, and the file noted as missing, where there is none."""
        where = {entry.key: entry.value for entry in tensor.external_data}
        location, needs = where.get("location", ""), self._bytes(tensor.data_type, kind, math.prod(shape))
        what, place = f"tensor {tensor.name}", PurePosixPath(location.replace("\\", "/"))
        if not location or "\0" in location or place.is_absolute() or ".." in place.parts or place.parts[0][1:2] == ":":
            fix = "put the data file beside the model and export it again"
            self.source.fail(what, f"has its data in {location!r}, not in the model's folder", fix)
        numbers = [where.get("offset") or "0", where.get("length") or str(needs)]
        if not all(text.isascii() and text.isdecimal() and len(text) < 16 for text in numbers):
            self.source.fail(what, f"has its data at {' + '.join(numbers)!r}", "export the model again")
        offset, length = map(int, numbers)
        beside = self.source.near(place)
        if beside is None:
            self.missing[location] = None
            return None
        if length != needs:
            self.source.fail(what, f"has {length} bytes in {location}, not {needs}", "export the model again")
        if offset + length > beside.size:
            pointer = beside.head.startswith(_POINTER)
            problem = f"has its data in {location}, which " + ("is a Git LFS pointer" if pointer else "ends before it")
            self.source.fail(what, problem, "run `git lfs pull`" if pointer else "copy or download that file again")
        data_type = tensor.data_type

        def read() -> np.ndarray:
            return self._array(beside.part(offset, length), data_type, shape)

        return read
