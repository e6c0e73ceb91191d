"""What a pruned network costs on one hardware, every kernel by the best of all its mappings, or on a preset."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from tqdm import tqdm

from dse import Design, DesignSpace, Encoding, default_space
from dse.offload import CAPABILITIES, DENSE
from dse.space.combinations import COMBINED
from dse.space.encoding import Kernel
from experiments.common.cli import show_progress
from hwmodels import evaluate
from hwmodels.cost import Cost, within_limit
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS, Hardware
from hwmodels.design.hardware import Mapping as HardwareMapping
from hwmodels.systems import System, work_of
from hwmodels.technology import Technology
from workloads import SparseKernel, measure, stack_statistics
from workloads.errors import InputError

AT_ONCE = 512
"""Mappings of a kernel that are scored in one call."""


@dataclasses.dataclass(frozen=True)
class Priced:
    """One run of a kernel."""

    cost: Cost
    """NumPy leaves."""
    mapping: Mapping[str, Any]
    """In words; empty for a preset."""

    @property
    def latency_s(self) -> float:
        """Of the run, s."""
        return float(self.cost.latency_s)

    @property
    def energy_pj(self) -> float:
        """Of the run, pJ."""
        return float(np.sum(self.cost.energy_pj))


def on_preset(system: System, kernels: Sequence[SparseKernel]) -> list[Priced]:
    """Kernels on a published machine. **Raises** `InputError` for one that it cannot run."""
    priced: dict[str, Priced] = {}
    for kernel in kernels:
        key = kernel.content_hash()
        if key not in priced:
            try:
                priced[key] = Priced(system.cost(work_of(kernel)), {})
            except InputError as error:
                raise InputError(f"--preset {system.name} cannot run {kernel.name}: {error}") from error
    return [priced[kernel.content_hash()] for kernel in kernels]


def on_design(design: Design, kernels: Sequence[SparseKernel], technology: Technology) -> list[Priced]:
    """Kernels on a hardware, each by its mapping of least energy-delay product.

    Tried are all tile sizes and choices that the hardware has the units for, stored dense with every zero computed
    among them: a kernel runs dense where sparsity does not pay. The hardware is the same for all: its units take area
    and leak whether a kernel uses them or not. **Raises** `InputError` for a kernel of which no mapping fits.
    """
    hardware = design.build()[0]
    space = default_space().fix(
        **{name: float(design.hardware[name]) for name in HARDWARE_NUMBERS},
        **_able(hardware),
        intersection=design.hardware["intersection"],
    )
    unique = {kernel.content_hash(): kernel for kernel in kernels}
    found: dict[str, Priced] = {}
    for family in sorted({kernel.family for kernel in kernels}):
        own = {key: kernel for key, kernel in unique.items() if kernel.family == family}
        bar = tqdm(own.values(), desc="measuring kernels", disable=not show_progress())
        tables = [measure(kernel) for kernel in bar]
        if len({tuple(np.shape(leaf) for leaf in jax.tree.leaves(table)) for table in tables}) > 1:
            stacked = stack_statistics(tables)
            tables = [jax.tree.map(lambda leaf, at=at: leaf[at], stacked) for at in range(len(own))]
        for (key, kernel), table in zip(
            tqdm(own.items(), desc="pricing kernels", disable=not show_progress()), tables, strict=True
        ):
            found[key] = _best(kernel, _mappings(kernel, space), hardware, table, technology)
    return [found[kernel.content_hash()] for kernel in kernels]


def _able(hardware: Hardware) -> dict[str, list[str]]:
    """What a mapping may choose from on a hardware; any can store operands dense and compute every zero."""
    able = {}
    for choice, (capability, names) in CAPABILITIES.items():
        has = np.asarray(getattr(hardware, capability)) > 0
        able[choice] = [name for name, one in zip(names, has, strict=True) if one or name in DENSE.values()]
    return able


@dataclasses.dataclass(frozen=True)
class _Mappings:
    """Every mapping of a kernel."""

    lists: tuple[tuple[str, ...], ...]
    """Names by `COMBINED`."""
    combinations: np.ndarray
    """Positions in `lists`, shape [c, 8]."""
    tiles: np.ndarray
    """Sizes by `MAPPING_NUMBERS`, shape [t, 3]."""

    def of_flow(self, dataflow: str) -> np.ndarray:
        """(row of tiles, row of combinations) of every mapping of a dataflow, shape [n, 2]."""
        names = np.array(self.lists[0])[self.combinations[:, 0]]
        rows = np.flatnonzero(names == dataflow)
        return np.array(list(itertools.product(range(len(self.tiles)), rows)), int).reshape(-1, 2)

    def words(self, pair: np.ndarray) -> dict[str, Any]:
        """One mapping in words."""
        chosen = zip(COMBINED, self.lists, self.combinations[pair[1]], strict=True)
        return dict(zip(MAPPING_NUMBERS, map(float, self.tiles[pair[0]]), strict=True)) | {
            name: names[at] for name, names, at in chosen
        }

    def fields(self, pairs: np.ndarray) -> dict[str, np.ndarray]:
        """Of mappings by name: numbers [n], and choices as weights [n, choices]."""
        leaves: dict[str, Any] = dict(zip(MAPPING_NUMBERS, self.tiles[pairs[:, 0]].astype(np.float32).T, strict=True))
        for at, (name, names) in enumerate(zip(COMBINED, self.lists, strict=True)):
            if name in MAPPING_CHOICES:
                places = np.array([MAPPING_CHOICES[name].index(one) for one in names])
                weights = np.eye(len(MAPPING_CHOICES[name]), dtype=np.float32)
                leaves[name] = weights[places[self.combinations[pairs[:, 1], at]]]
        return leaves


def _mappings(kernel: SparseKernel, space: DesignSpace) -> _Mappings:
    """Those of a space, cut at the kernel's size."""
    encoding = Encoding(space, [Kernel(kernel.name, kernel.family, kernel.m, kernel.k, kernel.n)])
    values = {gene.parameter.name: gene.values for gene in encoding.genes if gene.kernel == 0}
    lists = tuple(tuple(map(str, values[name])) for name in COMBINED)
    tiles = np.array(list(itertools.product(*(values[name] for name in MAPPING_NUMBERS))))
    return _Mappings(lists, encoding.combinations[0], tiles)


def _best(kernel: SparseKernel, mappings: _Mappings, hardware: Hardware, table: Any, technology: Technology) -> Priced:
    least, best = np.inf, None
    for dataflow in mappings.lists[0]:
        pairs = mappings.of_flow(dataflow)
        for at in range(0, len(pairs), AT_ONCE):
            chunk = pairs[at : at + AT_ONCE]
            filled = np.concatenate([chunk, np.repeat(chunk[:1], AT_ONCE - len(chunk), axis=0)])
            cost = jax.device_get(_costs(hardware, mappings.fields(filled), dataflow, table, technology))
            merit = np.where(within_limit(cost.fits.max(axis=1)), cost.latency_s * cost.energy_pj.sum(axis=1), np.inf)
            row = int(np.argmin(merit))
            if merit[row] < least:
                least = float(merit[row])
                best = Priced(jax.tree.map(lambda leaf, r=row: leaf[r], cost), mappings.words(chunk[row]))
    if best is None:
        raise InputError(f"No mapping of {kernel.name} fits the design; give one with larger buffers.")
    return best


@eqx.filter_jit
def _costs(
    hardware: Hardware, fields: Mapping[str, np.ndarray], dataflow: str, table: Any, technology: Technology
) -> Cost:
    def one(fields: Mapping[str, Any]) -> Cost:
        return evaluate(hardware, HardwareMapping(**fields, dataflow=dataflow), table, technology)

    return jax.vmap(one)(fields)
