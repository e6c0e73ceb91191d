"""Which tensors of a workload can stay in the global buffer, what room they take, and what that means for each kernel.

A tensor that stays is kept by whoever writes it and by all who read it, and takes its room for every kernel in between;
weights are there from the start and take it all the time. Each is one choice of the machine, above the mapper: a kernel
finds the buffer without what stays for others (docs/machine.md, section 1, "What stays").
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hwmodels.design.choices import IN_GLB
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS
from workloads.kernels.graph import GraphTensor

WHICH = ("nothing", "results", "all")
"""What may stay: nothing, results that are operands of later kernels, or weights too."""
KEPT = ("a_kept", "b_kept", "z_kept")
"""Choices of a mapping, for A, B and Z, that follow from what stays."""
ROOM = MAPPING_NUMBERS.index("glb_room")
GLB, VALUE_BITS = (HARDWARE_NUMBERS.index(name) for name in ("glb_bytes", "value_bits"))
DENSE = {("dense_b", "b"), ("dense_b", "z"), ("sddmm", "a"), ("sddmm", "b")}
"""(family, operand or result) that are dense: all positions."""
PATTERNED = {("dense_b", "a"), ("sparse_b", "a"), ("sparse_b", "b"), ("sddmm", "z")}
PATTERNED |= {("elementwise", operand) for operand in "abz"}
"""Those whose non-zeros are known beforehand; a sparse result of a product is none of both."""
JOINS = "c"
"""What is added to a result, or multiplied with it, as it leaves."""
VIEWS = ("same", "pointwise", "normalised", "transposed", "unfolded")
"""How a tensor can be read from where it lies."""


@dataclasses.dataclass(frozen=True)
class Staying:
    """Tensors that can stay, t of them, and the K kernels of a problem."""

    names: tuple[str, ...]
    uses: np.ndarray
    """Whether a tensor is the A, the B or the Z of a kernel, shape [t, K, 3]."""
    values: np.ndarray
    """Values and bits of metadata of all copies that there are together, shape [t]; likewise below."""
    metadata_bits: np.ndarray
    elsewhere: np.ndarray
    """Share of them that takes room beside what a kernel itself reads or writes, shape [t, K]."""

    def __len__(self) -> int:
        return len(self.names)

    def of(self, kernels: Sequence[int]) -> "Staying":
        """The same tensors, for some of the kernels."""
        own = list(kernels)
        return dataclasses.replace(self, uses=self.uses[:, own], elsewhere=self.elsewhere[:, own])

    def apply(self, kept: np.ndarray, hardware: np.ndarray, tiles: np.ndarray, choices: np.ndarray) -> None:
        """Write into a batch's `tiles` and `choices` what it means that tensors are `kept`, shape [n, t]."""
        for at, name in enumerate(KEPT):
            column = list(MAPPING_CHOICES).index(name)
            stays = (kept[:, :, None] & self.uses[None, :, :, at]).any(axis=1)
            choices[:, :, column] = np.where(stays, IN_GLB, choices[:, :, column])
        bits = kept * (self.values * hardware[:, VALUE_BITS, None] + self.metadata_bits)
        beside = np.ceil(bits @ self.elsewhere / 8.0)
        room = np.maximum(hardware[:, GLB, None].astype(float) - beside, 1.0)
        tiles[:, :, ROOM] = np.where(beside > 0, np.minimum(room, tiles[:, :, ROOM]), tiles[:, :, ROOM])

    def kept_in(self, mappings: Sequence[Any]) -> np.ndarray:
        """Which tensors stay in a design, by its mappings in words; shape [t]."""
        glb = np.array([[mapping[name] == "glb" for name in KEPT] for mapping in mappings])
        return np.array([bool(glb[own].any()) for own in self.uses], bool).reshape(len(self))


def staying_of(workload: Any, statistics: Sequence[Any], which: str = "all") -> Staying | None:
    """What can stay of a workload whose kernels have these `statistics`; None where nothing can, or is known.

    `which` of `WHICH`: results of kernels alone, or weights too.
    """
    kernels, tensors = workload.kernels, workload.graph.tensors if which != "nothing" else ()
    found = [tensor for tensor in tensors if _can_stay(tensor, workload)]
    found = [tensor for tensor in found if which == "all" or not tensor.is_weight]
    if not found:
        return None
    uses = np.zeros((len(found), len(kernels), len(KEPT)), bool)
    elsewhere = np.zeros((len(found), len(kernels)))
    values, metadata = np.zeros(len(found)), np.zeros(len(found))
    for at, tensor in enumerate(found):
        elsewhere[at, list(tensor.alive)] = 1.0
        for kernel, operand in _places(tensor):
            uses[at, kernel, "abz".index(operand)] = True
            share = _share(tensor, statistics[kernel], kernels[kernel], operand)
            elsewhere[at, kernel] = min(elsewhere[at, kernel], 1.0 - share)
            stored = np.array(_stored(statistics[kernel], kernels[kernel], operand)) / share
            values[at], metadata[at] = np.maximum((values[at], metadata[at]), stored)
    return Staying(tuple(tensor.name for tensor in found), uses, values, metadata, elsewhere)


def _places(tensor: GraphTensor) -> list[tuple[int, str]]:
    """(kernel, "a", "b" or "z") of all that work on a tensor; what joins a result as it leaves does not."""
    written = [] if tensor.producer is None else [(tensor.producer, "z")]
    return written + [(use.kernel, use.operand) for use in tensor.consumers if use.operand != JOINS]


def _can_stay(tensor: GraphTensor, workload: Any) -> bool:
    """Whether a tensor is made and read on the chip alone, or is the same in every run; and lies as it is read."""
    if tensor.is_result or not tensor.consumers or (tensor.producer is None and not tensor.is_weight):
        return False
    if any(use.operand == "mask" or use.view not in VIEWS or use.share < 1.0 for use in tensor.consumers):
        return False
    reads = [(workload.kernels[use.kernel], use) for use in tensor.consumers]
    if any(use.view == "unfolded" and not _is_map(kernel, use.operand) for kernel, use in reads):
        return False
    kinds = {(workload.kernels[kernel].family, operand) for kernel, operand in _places(tensor)}
    return kinds <= DENSE or kinds <= PATTERNED


def _share(tensor: GraphTensor, statistics: Any, kernel: Any, operand: str) -> float:
    """Of a tensor, what one run of a kernel works on: of maps that are unfolded, each of their activations once."""
    return min(_distinct(statistics, kernel, operand) * math.prod(kernel.operand_shape(operand)) / tensor.elements, 1.0)


def _distinct(statistics: Any, kernel: Any, operand: str) -> float:
    """Activations of which an operand is made, over its positions."""
    return float(np.exp2(np.asarray(statistics.b_distinct)[-1, -1, 0])) if _is_map(kernel, operand) else 1.0


def _is_map(kernel: Any, operand: str) -> bool:
    """Whether an operand is unfolded from maps."""
    return operand == "b" and getattr(kernel, "unfolding", None) is not None


def _stored(statistics: Any, kernel: Any, operand: str) -> tuple[float, float]:
    """Values, and bits of metadata, of an operand: of what is dense, or else of a row of pointers and a coordinate a
    non-zero, or of a mask, whichever is less."""
    rows, columns = kernel.operand_shape(operand)
    if (kernel.family, operand) in DENSE:
        return _distinct(statistics, kernel, operand) * rows * columns, 0.0
    side = statistics.mask if kernel.family == "sddmm" else getattr(statistics, "b" if operand == "b" else "a")
    nonzeros = float(side.nonzeros)
    width = np.ceil(np.log2(max(columns, 2)))
    pointers = (rows + 1) * (width + np.ceil(np.log2(max(rows, 2))) + 1)
    return nonzeros, float(min(nonzeros * width + pointers, rows * columns))
