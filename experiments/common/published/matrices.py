"""Matrices of the papers on sparse x sparse products: sizes, and the counts of the matrix times itself.

Sizes are the SuiteSparse collection's (`data/suitesparse_matrices.json`). Products and outputs of A x A come, in this
order, from a point's own parameters, from `SQUARES`, or from the expectation of equal rows that meet at random.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from experiments.common.published.points import EMBEDDED
from hwmodels.systems import Work


@dataclass(frozen=True)
class Square:
    """Counts of A x A; NaN where not known."""

    multiplies: float
    outputs: float
    work_row_length: float = np.nan
    """Mean over the products of the non-zeros of the row of A that they come from, of those that meet a non-zero."""


SQUARES: Mapping[str, Square] = {
    # TeAAL's artifact (github.com/FPSG-UIUC/micro23-teaal-artifact, data/pregenerated); row lengths counted on the SNAP
    # edge lists.
    "wiki-Vote": Square(4542805, 1831112, 93.28),
    "p2p-Gnutella31": Square(538318, 537601, 5.35),
    "email-Enron": Square(51501448, 30492154, 91.91),
    "ca-CondMat": Square(4127524, 2355437),
    "poisson3Da": Square(11768678, 2957530),
    # Log of PB-SpGEMM (Gu et al., SPAA 2020) as published with its code.
    "2cubes_sphere": Square(27450606, 8974526),
    # Logs of SpGEMM benchmarks, exact counts (github.com/jianjianh1/gpu-spgemm-bench, results/).
    "cop20k_A": Square(79883385, 18.7e6),
    "scircuit": Square(8676313, 5222525),
    "webbase-1M": Square(69524195, 51.1e6),
    "cant": Square(269486473, 17440029),
    "consph": Square(463845030, 26539736),
    "pdb1HYS": Square(555322659, 19594581),
    "pwtk": Square(626054402, 32772236),
    "rma10": Square(156480259, 7900917),
    "shipsec1": Square(450639288, 24086412),
    "mac_econ": Square(7556897, np.nan),
    # The same, to four digits (github.com/wuminqaq/HSMU-SpGEMM, data/; also the outputs with a point above).
    "filter3D": Square(171.9e6 / 2, 20.2e6),
    "offshore": Square(142.7e6 / 2, 23.4e6),
    "web-Google": Square(121.4e6 / 2, 29.7e6),
    # Counted on the matrices.
    "bcsstk13": Square(4554541, 396773),
    "mbeacxc": Square(5988684, 205661),
    # Each row has four non-zeros.
    "m133-b3": Square(4 * 800800, 3182751),
    # Recalled from tables of Nagasaka et al. (ICPP Workshops 2018) and Gu et al. (SPAA 2020), not read again; those of
    # their entries that are above agree with the logs. (Products of facebook: from its triangles and transitivity.)
    "cage12": Square(34610826, 15231874),
    "mario002": Square(12829364, 6449598),
    "patents_main": Square(2604790, 2281308),
    "amazon0312": Square(28390833, 14402678),
    "cit-Patents": Square(82152992, 68848721),
    "roadNet-CA": Square(17.5e6, 12.9e6),
    "facebook": Square(18806166, np.nan),
}

SPARCH_SET = (
    "2cubes_sphere", "amazon0312", "ca-CondMat", "cage12", "cit-Patents", "cop20k_A", "email-Enron", "facebook",
    "filter3D", "m133-b3", "mario002", "offshore", "p2p-Gnutella31", "patents_main", "poisson3Da", "roadNet-CA",
    "scircuit", "web-Google", "webbase-1M", "wiki-Vote",
)  # fmt: skip
"""The 20 matrices of OuterSPACE and SpArch."""

MATRAPTOR_SET = (
    "wiki-Vote", "ca-CondMat", "filter3D", "poisson3Da", "p2p-Gnutella31", "m133-b3", "2cubes_sphere", "cage12",
    "mario002", "amazon0312", "offshore", "web-Google", "scircuit", "facebook",
)  # fmt: skip
"""Those of MatRaptor's Fig. 7."""

ALIASES = {"mac_econ_fwd500": "mac_econ"}


def square_of(name: str, params: Mapping[str, Any] | None = None) -> Work | str:
    """A matrix times itself, by totals; or why they are not known. `params` of a point go before the tables."""
    name, given = ALIASES.get(name, name), dict(params or {})
    known = SQUARES.get(name, Square(np.nan, np.nan))
    size = {**matrix_sizes().get(name, {}), **{key: given[key] for key in ("rows", "cols", "nnz") if key in given}}
    if not {"rows", "nnz"} <= set(size):
        return "the size of this operand is not given"
    rows, nonzeros = float(size["rows"]), float(size["nnz"])
    if float(size.get("cols", rows)) != rows:
        return "not square, and the other operand is not given"
    multiplies = float(given.get("AxA_mults", known.multiplies))
    if np.isnan(multiplies):
        multiplies = nonzeros**2 / rows
    outputs = float(given.get("AxA_nnz_out", known.outputs))
    if np.isnan(outputs):
        outputs = rows**2 * -np.expm1(-multiplies / rows**2)
    return Work(rows, rows, rows, nonzeros, nonzeros, multiplies, min(outputs, multiplies))


def work_row_length(name: str) -> float | None:
    """See `Square`; None where it was not counted."""
    length = SQUARES.get(name, Square(np.nan, np.nan)).work_row_length
    return None if np.isnan(length) else length


@lru_cache(maxsize=1)
def matrix_sizes() -> dict[str, dict[str, Any]]:
    """`rows`, `cols` and `nnz` by the name of a matrix, from the SuiteSparse collection's index."""
    record = json.loads((EMBEDDED / "suitesparse_matrices.json").read_text(encoding="utf-8"))
    found = {
        ALIASES.get(row["key"], row["key"]): row["value"] for row in record["facts"] if isinstance(row["value"], dict)
    }
    return {name: value for name, value in found.items() if "rows" in value}
