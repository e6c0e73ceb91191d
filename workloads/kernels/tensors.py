"""Kernels on sparse tensors of any order by matricisation (Kolda and Bader, SIAM Review 51(3), 2009, sections 2.4-2.6).

The mode-n unfolding X_(n) has one row for each index of mode n and one column for each fiber along it; column
$j = \\sum_{k \\ne n} i_k J_k$ with $J_k = \\prod_{m < k, m \\ne n} I_m$ (indices from 0). Only fibers that hold a
non-zero are kept: the others would be columns of zeros. Then

    TTV     X x_n v           = X_(n)^T v                 SpMV, one result for each fiber
    TTM     X x_n U           = (U X_(n)), transposed     SpMM, U [rank, I_n] as a dense B [I_n, rank]
    MTTKRP  X_(n) (A_N o ... o A_1, without A_n)          SpMM, the Khatri-Rao product as a dense B [fibers, rank]
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.errors import InputError
from workloads.kernels.matrix_product import SparseKernel, spmm, spmv


@dataclass(frozen=True, eq=False)
class CooTensor:
    """A sparse tensor: `coordinates` [nnz, order], whole numbers from 0, `values` [nnz], `shape`.

    **Raises** `InputError` for an order below 2, coordinates outside the shape or that occur twice, values that do not
    match or are NaN, infinite or zero throughout.
    """

    coordinates: np.ndarray
    values: np.ndarray
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        at, values = np.asarray(self.coordinates), np.asarray(self.values, float)
        if at.ndim != 2 or at.shape[1] != len(self.shape) or at.shape[1] < 2 or values.shape != at.shape[:1]:
            raise InputError(
                f"coordinates are {at.shape} and values {values.shape} for a tensor of order {len(self.shape)}; give "
                "[nnz, order] and [nnz], order at least 2."
            )
        if not np.issubdtype(at.dtype, np.integer) or np.any(at < 0) or np.any(at >= np.array(self.shape)):
            raise InputError(f"coordinates are not whole numbers inside {self.shape}; count from 0.")
        if not np.all(np.isfinite(values)) or not np.any(values):
            raise InputError("values are NaN, infinite or all zero; give at least one that is not.")
        if len(np.unique(at, axis=0)) < len(at):
            raise InputError("coordinates occur twice; add up the values of equal ones.")
        object.__setattr__(self, "coordinates", at.astype(np.int64))
        object.__setattr__(self, "values", values)

    def unfold(self, mode: int) -> tuple[csr_array, np.ndarray]:
        """(X_(mode) [I_mode, fibers], indices of the fibers in the other modes [fibers, order - 1])."""
        if not 0 <= mode < len(self.shape):
            raise InputError(
                f"mode is {mode}; a tensor of order {len(self.shape)} has modes 0 to {len(self.shape) - 1}."
            )
        others = np.delete(self.coordinates, mode, axis=1)
        sizes = [size for at, size in enumerate(self.shape) if at != mode]
        if math.prod(sizes) < 2**63:
            strides = np.concatenate([[1], np.cumprod(np.array(sizes[:-1], object))]).astype(np.int64)
            _, first, column = np.unique(others @ strides, return_index=True, return_inverse=True)
            fibers = others[first]
        else:
            fibers, column = np.unique(others[:, ::-1], axis=0, return_inverse=True)
            fibers = fibers[:, ::-1]
        place = (self.coordinates[:, mode], column.ravel())
        return csr_array(coo_array((self.values, place), shape=(self.shape[mode], len(fibers)))), fibers


def ttv(tensor: CooTensor, mode: int, name: str) -> SparseKernel:
    """Tensor times vector along a mode: Z [fibers], in the order of `CooTensor.unfold`."""
    return spmv(csr_array(tensor.unfold(mode)[0].T), f"{name}@ttv{mode}")


def ttm(tensor: CooTensor, mode: int, rank: int, name: str) -> SparseKernel:
    """Tensor times matrix along a mode, with `rank` rows: Z [fibers, rank]."""
    return spmm(csr_array(tensor.unfold(mode)[0].T), rank, f"{name}@ttm{mode}:{rank}")


def mttkrp(tensor: CooTensor, mode: int, rank: int, name: str) -> SparseKernel:
    """Matricised tensor times Khatri-Rao product: Z [I_mode, rank]; B [fibers, rank] is that product of the factors."""
    return spmm(tensor.unfold(mode)[0], rank, f"{name}@mttkrp{mode}:{rank}")
