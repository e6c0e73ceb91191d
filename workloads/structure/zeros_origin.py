"""Where zeros come from: natural (the data has them) or induced (somebody pruned), as far as there is evidence.

First what is known of the source: the kind of file, its comments, its name. Only then the pattern and the values. Signs
of both kinds in pattern and values leave it unknown, and so does the lack of any.
"""

import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binom

from workloads.structure.band import Band
from workloads.structure.blocks import Blocks
from workloads.structure.heavy_tail import Tail
from workloads.structure.n_of_m import NofM
from workloads.structure.repeats import Repeats

OriginKind = Literal["natural", "induced", "unknown"]
Sign = tuple[OriginKind, str]

EDGE_LISTS = (".el", ".edges", ".edgelist")
WEIGHT_FILES = (".safetensors", ".onnx")
COMMENT_LINES = 20
Rule = tuple[OriginKind, str, str]
TELLING: tuple[Rule, ...] = (
    ("natural", r"post-?relu|relu|activations?|feature ?maps?", "an activation"),
    (
        "induced",
        r"prun\w*|sparsif\w*|variational_dropout|l0_regularization|wanda\d*|sparsegpt\d*|lottery|dlmc|nm ?\d+|\d+:\d+",
        "pruned",
    ),
    ("natural", r"adj|adjacency|graphs?|rmat|kronecker|citations?|roads?|social|hyperlinks?|web|p2p", "a graph"),
    (
        "natural",
        r"stencil|fem|finite.element|stiffness|mesh|circuit|pde|laplacian|jacobian|linear program\w*|lp|economic"
        r"|chemical|diffusion|simulation|markov|structural",
        "a scientific matrix",
    ),
    ("natural", r"embedding look-?ups?|bag.of.words|tf-?idf|one-?hot|multi-?hot|ratings?", "counts or a look-up"),
    ("natural", r"images?|pixels?|mnist", "images"),
    ("induced", r"weights?|\w+_weight|digits_fc\d+", "weights, dense before they are pruned"),
)
"""Kind of origin, words that tell it (the first rule that matches decides), what it then is."""
COLLECTION: tuple[Rule, ...] = (("natural", r"suitesparse|sparse matrix collection", "a collected matrix"),)
"""Words that are looked for only where no other tells more."""

SMALL = 0.2
"""Of the median magnitude: what is below it is small. A density that falls off from zero on both sides puts at least
`SMALL / 2` of the values there, for then the share below x is concave in x (Khinchine)."""
HOLE = 0.5
"""Share of small values over that least one, below which there is a hole around zero. Our choice."""
LEAST_VALUES = 100
LEAST_DISTINCT = 16
COMMONEST = 0.1
"""Largest share of one value: few distinct coefficients of equations leave a hole too. Our choice."""
LEAST_SIGN = 0.05
"""Share of the rarer sign, at least: weights have both."""
ROUND_SHARE = 0.05
"""Targets of pruning come in steps of 5 %."""
COINCIDENCE = 0.01
"""Probability below which a round number of non-zeros is a target."""


@dataclass(frozen=True)
class Origin:
    """Natural, induced or unknown, and what says so."""

    kind: OriginKind
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What the pattern itself has been found to be."""

    n_of_m: NofM
    blocks: Blocks | None
    band: Band | None
    tails: tuple[Tail | None, Tail | None]
    repeats: Repeats


def find_origin(matrix: csr_array, found: Findings, source: Origin | None = None) -> Origin:
    """Origin of a canonical CSR matrix's zeros: that of its `source` where known, else by pattern and values."""
    if matrix.nnz == matrix.shape[0] * matrix.shape[1]:
        return Origin("unknown", ("there are no zeros",))
    if source is not None and source.kind != "unknown":
        return source
    signs = [*_induced(matrix, found), *_natural(matrix, found)]
    kinds, evidence = {kind for kind, _ in signs}, tuple(text for _, text in signs)
    if len(kinds) == 1:
        return Origin(kinds.pop(), evidence)
    return Origin("unknown", evidence and (*evidence, "which contradict each other"))


def _induced(matrix: csr_array, found: Findings) -> Iterator[Sign]:
    """Signs of pruning."""
    nm = found.n_of_m
    if nm.found:
        yield "induced", f"{nm.n}:{nm.m} along {nm.along} is no accident"
    for text in (_hole(matrix), _round_count(matrix)):
        if text:
            yield "induced", text


def _natural(matrix: csr_array, found: Findings) -> Iterator[Sign]:
    """Signs of data: symmetry, locality, look-ups, hubs, counts."""
    (m, k), again = matrix.shape, found.repeats
    if again.symmetry > 0.9:
        yield "natural", f"the pattern is {again.symmetry:.0%} symmetric"
    if m == k and again.diagonal > 0.9 and 4 * matrix.nnz < m * k:
        yield "natural", "the diagonal is full"
    if found.band is not None and found.band.found:
        yield "natural", "the non-zeros follow the diagonal"
    by_row, by_column = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=k)
    if any(counts.size >= LEAST_DISTINCT and np.all(counts == 1) for counts in (by_row, by_column)):
        yield "natural", "each row or column holds one value, as in a look-up"
    # Blocks make rows alike too, and may be pruned; nearly full rows are alike by accident.
    if found.blocks is None and 2 * matrix.nnz <= m * k and (again.rows.found or again.columns.found):
        yield "natural", "rows or columns repeat, as equations and categories do"
    if any(one is not None and one.found for one in found.tails):
        yield "natural", "counts by row or column have a heavy tail"
    if matrix.nnz >= LEAST_VALUES and matrix.data.min() >= 0 and matrix.data.max() > matrix.data.min():
        yield "natural", "no value is negative, as in counts, pixels and ReLU's outputs"


def source_of(name: str, path: Path | None = None) -> Origin | None:
    """What a file's kind, comments and name, or a suite's name, say of its zeros; None where they say nothing."""
    if path is None:
        return _by_words([(name, f"its name is {name}")])
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if ".smtx" in suffixes:
        return Origin("induced", (".smtx files are pruned layers (DLMC)",))
    if suffixes & {*WEIGHT_FILES}:
        return Origin("induced", ("a file of weights, dense before they are pruned",))
    if suffixes & {*EDGE_LISTS}:
        return Origin("natural", ("an edge list is a graph",))
    texts = [(line, f'the file says "{line}"') for line in comments(path)]
    return _by_words(
        [*texts, (path.name, f"its name is {path.name}"), (path.parent.name, f"its folder is {path.parent.name}")]
    )


def comments(path: Path) -> list[str]:
    """Comment lines at the start of a text file (`%` or `#`), without the Matrix Market banner."""
    opener: Callable[..., object] = gzip.open if path.suffix.lower() == ".gz" else open
    lines = []
    try:
        with opener(path, "rb") as stream:  # pyright: ignore[reportGeneralTypeIssues]
            for raw in itertools.islice(stream, COMMENT_LINES):
                line = raw[:400].decode("utf-8", "replace").strip()
                if line and line[0] not in "%#":
                    break
                if not line.startswith("%%MatrixMarket"):
                    lines.append(line.lstrip("%# "))
    except (OSError, EOFError, zlib.error):
        return []
    return [line for line in lines if line]


def _by_words(texts: Sequence[tuple[str, str]]) -> Origin | None:
    """By the first text that tells anything; `texts` are pairs of what to search and how to cite it."""
    for rules in (TELLING, COLLECTION):
        for (text, cited), (kind, words, what) in itertools.product(texts, rules):
            if re.search(rf"(?<![a-z])(?:{words})(?![a-z])", text.lower()):
                return Origin(kind, (f"{what}: {cited}",))
    return None


def _hole(matrix: csr_array) -> str:
    """A hole around zero in values of both signs: what magnitude pruning leaves (Han et al., NIPS 2015), also after
    fine-tuning has moved the survivors."""
    values = matrix.data
    if values.size < LEAST_VALUES or min((values > 0).mean(), (values < 0).mean()) < LEAST_SIGN:
        return ""
    times = np.unique(values, return_counts=True)[1]
    if times.size < LEAST_DISTINCT or times.max() > COMMONEST * values.size:
        return ""
    magnitude = np.abs(values)
    small = int((magnitude < SMALL * np.median(magnitude)).sum())
    least = SMALL / 2
    if small <= HOLE * least * values.size and binom.cdf(small, values.size, least) < COINCIDENCE:
        share = small / values.size
        return f"{share:.1%} of the values are small where a density without a hole has {least:.0%} or more"
    return ""


def _round_count(matrix: csr_array) -> str:
    """A number of non-zeros that is a multiple of 5 % of the positions, to within one."""
    positions = float(matrix.shape[0]) * matrix.shape[1]
    step = ROUND_SHARE * positions
    share = round(matrix.nnz / step) * ROUND_SHARE
    if 0 < share < 1 and abs(matrix.nnz - share * positions) <= 1 and 3 / step < COINCIDENCE:
        return f"{share:.0%} of the positions, to within one, is a target"
    return ""
