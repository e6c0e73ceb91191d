"""From texts to what the sparsity report is about: kernels, their patterns, what is known of where they are from."""

import dataclasses
import itertools
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from scipy.sparse import csr_array, issparse

from experiments.common.search import workload_of
from workloads import NM, Density, Uniform
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.networks import NETWORK_NAMES
from workloads.structure import Origin, source_of

MOST_SAMPLED = 2_000_000
"""Non-zeros up to which a pattern is drawn from a density model."""
WINDOW_NONZEROS = 200_000
"""Non-zeros of a window that stands for a larger pattern."""
OPERANDS = ("a", "b", "mask")
"""Fields of kernels that may hold a pattern."""
ACTIVATIONS = Origin("natural", ("the second operand of a network's layer is an activation",))
WEIGHTS = Origin("induced", ("weights of a network, dense before they are pruned",))


@dataclasses.dataclass(frozen=True, eq=False)
class Pattern:
    """A matrix to look at."""

    name: str
    matrix: csr_array
    source: Origin | None


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A kernel and its patterns by operand; those of equal content are one object, across subjects too."""

    kernel: Any
    """The user's, or the sample that was drawn of it."""
    patterns: dict[str, Pattern]
    note: str = ""
    """How the patterns came about, where they are not the user's."""

    @property
    def whole(self) -> bool:
        """Whether the patterns are the kernel's, not windows of them."""
        return bool(self.patterns) and not isinstance(self.kernel, DensityKernel)

    @property
    def name(self) -> str:
        """The kernel's."""
        return self.kernel.name


def subjects_of(specs: Sequence[str], seed: int) -> list[Subject]:
    """The kernels that texts stand for, names made distinct. InputError as `workloads.resolve_workload`."""
    found: list[Subject] = []
    taken: set[str] = set()
    seen: dict[tuple, Pattern] = {}
    for spec in specs:
        for kernel in workload_of([spec]).kernels:
            name = distinct(kernel.name, taken)
            taken.add(name)
            alone = dataclasses.replace(kernel, name=name, tensors=None)
            found.append(_subject(alone, kernel.name, spec, seen, seed))
    return found


def distinct(name: str, taken: Collection[str]) -> str:
    """The name, with `#2`, `#3`, ... behind it where it is taken."""
    numbered = (name if number == 1 else f"{name}#{number}" for number in itertools.count(1))
    return next(one for one in numbered if one not in taken)


def _subject(kernel: Any, original: str, spec: str, seen: dict[tuple, Pattern], seed: int) -> Subject:
    held, note, drawn = kernel, "", {}
    if isinstance(kernel, DensityKernel):
        models = {"a": (kernel.a, kernel.m, kernel.k), "b": (kernel.b, kernel.k, kernel.n)}
        known = {operand: model for operand, model in models.items() if model[0] is not None}
        note = "known by its density models only, " + ", ".join(
            f"{o.upper()} {model}" for o, (model, *_) in known.items()
        )
        if max(model.nonzeros(*shape) for model, *shape in known.values()) <= MOST_SAMPLED:
            held = kernel.sample(seed)
            note += "; what follows is of one sample"
        elif all(isinstance(model, Uniform | NM) for model, *_ in known.values()):
            drawn = {operand: _window(*model, seed) for operand, model in known.items()}
            shapes = ", ".join(f"{o.upper()} {one.shape[0]:,} x {one.shape[1]:,}" for o, one in drawn.items())
            note += f"; patterns are shown by windows drawn from them ({shapes})"
        else:
            return Subject(kernel, {}, f"{note}; too large to draw, so models only")
    matrix_name, _, product = original.rpartition("@")
    patterns = {}
    for operand in OPERANDS:
        matrix = drawn.get(operand, getattr(held, operand, None))
        if not issparse(matrix):
            continue
        known = _source(spec, original, operand, product)
        key = _content(matrix)
        if key not in seen:
            label = f"{matrix_name or original}" + (f" ({operand.upper()})" if operand != "a" else "")
            seen[key] = Pattern(distinct(label, {pattern.name for pattern in seen.values()}), matrix, known)
        patterns[operand] = seen[key]
    return Subject(held, patterns, note)


def _window(model: Density, rows: int, columns: int, seed: int) -> csr_array:
    """A pattern of the model with fewer rows and columns, both by the same factor."""
    factor = min(1.0, (WINDOW_NONZEROS / model.nonzeros(rows, columns)) ** 0.5)
    cut = [side if factor == 1 else min(side, -(-int(side * factor) // 16) * 16) for side in (rows, columns)]
    return model.sample(max(cut[0], 1), max(cut[1], 1), seed)


def _content(matrix: csr_array) -> tuple:
    """Equal for the same matrix; a matrix and another of the same pattern differ by their values."""
    kernel = SparseKernel("pattern", matrix, None, 1)
    return kernel.content_hash(), hash(matrix.data.tobytes())


def _source(spec: str, kernel: str, operand: str, product: str) -> Origin | None:
    """What is known of an operand: of B only that activations are natural, unless B is A again."""
    if operand == "b" and product not in ("axa", "axat"):
        return source_of(kernel.rpartition("@")[2]) or ACTIVATIONS
    if spec.partition(":")[0] in NETWORK_NAMES:
        return WEIGHTS
    what = spec if Path(spec).exists() else re.sub(r"[@#][^@#/]*$", "", spec)
    path = Path(what)
    if path.is_dir():
        inside = path / kernel.rpartition("@")[0]
        path = inside if inside.is_file() else next((p for p in inside.parents if p.is_file()), inside)
    if path.is_file():
        return source_of(kernel, path)
    return source_of(kernel.rpartition("@")[0]) or source_of(spec)
