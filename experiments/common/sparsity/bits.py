"""How many bits each operand takes in each format, and what skipping its zeros could save at most."""

import dataclasses
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from experiments.common.sparsity.inputs import Subject
from hwmodels.design.choices import FORMATS
from hwmodels.formats.comparison import matrix_bits


@dataclasses.dataclass(frozen=True)
class FormatBits:
    """Bits of one operand by format."""

    bits: dict[str, int]
    nnz: int

    @property
    def best(self) -> str:
        """The format of the fewest bits; ties go to the first."""
        return min(FORMATS, key=lambda format: self.bits[format])

    @property
    def per_nonzero(self) -> dict[str, float]:
        """Bits for each non-zero, by format."""
        return {format: bits / self.nnz for format, bits in self.bits.items()}


def format_bits(matrix: csr_array, value_bits: int, tile: tuple[int, int] | None) -> FormatBits:
    """Bits in every format, each tile encoded by itself."""
    bits = {format: matrix_bits(matrix, format, value_bits=value_bits, tile=tile) for format in FORMATS}
    return FormatBits(bits, int(matrix.nnz))


def dense_bits(matrix: csr_array, value_bits: int) -> float:
    """Bits of a matrix with its zeros."""
    return float(matrix.shape[0]) * matrix.shape[1] * value_bits


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What skipping could save at most."""

    effectual: float
    """Products of two non-zeros, over all m k n."""
    traffic: float
    """Bits of A and B dense, over those in their best formats."""


def bounds(subject: Subject, stored: dict[str, FormatBits], value_bits: int) -> Bounds:
    """Upper bounds for a kernel. A dense operand of the kernel counts in full."""
    kernel, full, best = subject.kernel, 0.0, 0.0
    sizes = {"a": float(kernel.m) * kernel.k, "b": float(kernel.k) * kernel.n, "mask": float(kernel.m) * kernel.n}
    for operand, size in sizes.items():
        bits = size * value_bits
        if operand in stored:
            matrix, own = subject.patterns[operand].matrix, stored[operand]
            best += bits * own.bits[own.best] / dense_bits(matrix, value_bits)
        elif operand != "mask":
            best += bits
        full += bits if operand != "mask" or operand in stored else 0.0
    effectual = effectual_fraction(subject)
    return Bounds(effectual, full / best)


def effectual_fraction(subject: Subject) -> float:
    """Share of the m k n products whose factors are both non-zero (and whose result a mask keeps).

    By the density models, A and B independent, where a kernel has no patterns of its own.
    """
    kernel, patterns = subject.kernel, subject.patterns
    if not subject.whole:
        return _modelled_fraction(kernel)
    if "mask" in patterns:
        return patterns["mask"].matrix.nnz / (float(kernel.m) * kernel.n)
    a = patterns["a"].matrix
    by_column = np.bincount(a.indices, minlength=kernel.k).astype(float)
    by_row = np.diff(patterns["b"].matrix.indptr) if "b" in patterns else np.full(kernel.k, kernel.n)
    return float(by_column @ by_row) / (float(kernel.m) * kernel.k * kernel.n)


def _modelled_fraction(kernel: Any) -> float:
    """See `effectual_fraction`."""
    a = kernel.a.nonzeros(kernel.m, kernel.k) / (float(kernel.m) * kernel.k)
    b = 1.0 if kernel.b is None else kernel.b.nonzeros(kernel.k, kernel.n) / (float(kernel.k) * kernel.n)
    return float(a) * float(b)
