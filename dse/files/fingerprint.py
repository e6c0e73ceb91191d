"""Digests of searches by content: two that agree in theirs make the same evaluations, bit for bit."""

import hashlib
import inspect
import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
import numpy as np

from dse.problem.compile_cache import surroundings
from dse.problem.search_problem import Problem

LIBRARIES = ("numpy", "scipy", "moocore", "optax", "equinox", "pymoo")
"""Decide the course of a search, with JAX and the sources, which `surroundings` covers."""
PLAIN = {"encoding", "workload", "technology", "statistics", "kernels", "objectives", "constraints"} | {
    "evaluations",
    "evaluate",
    "relaxed",
    "repeats",
    "batcher",
}
"""Attributes of any problem; those that a kind of its own has besides decide how it scores."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def search_key(problem: Problem, strategy: Any, budget: int, seed: int) -> dict[str, str]:
    """What a search depends on, each part by name: words where a person may want to know, else a digest."""
    encoding = problem.encoding
    own = {name: value for name, value in vars(problem).items() if name not in PLAIN}
    genes = [(gene.kernel, gene.parameter.name, gene.values) for gene in encoding.genes]
    return {
        "workload": problem.workload,
        "kernels": digest(encoding.kernels, problem.statistics),
        "design space": digest(genes, encoding.units, *filter(None, [encoding.follows])),
        "technology": digest(problem.technology),
        "objectives": ", ".join(problem.objective_names),
        "constraints": ", ".join(f"{c.objective.name} <= {c.maximum!r}" for c in problem.constraints) or "none",
        "scoring": digest(_source(type(problem)), own),
        "model": digest(_source(problem.evaluate), problem.relaxed),
        "strategy": type(strategy).__name__,
        "settings": digest(_source(type(strategy)), strategy),
        "budget": str(budget),
        "seed": str(seed),
        "program": digest(surroundings(), jax.default_backend(), [version(name) for name in LIBRARIES]),
    }


def digest(*trees: Any) -> str:
    """Hexadecimal digest of pytrees: their structure, and every leaf by dtype, shape and bytes."""
    sums = hashlib.blake2b(digest_size=16)
    leaves, structure = jax.tree.flatten(trees)
    sums.update(_ADDRESS.sub("", str(structure)).encode())
    for leaf in leaves:
        if isinstance(leaf, np.ndarray | np.generic | jax.Array):
            array = np.ascontiguousarray(leaf)
            sums.update(f"{array.dtype} {array.shape}".encode())
            sums.update(array.tobytes())
        else:
            sums.update(f"{_ADDRESS.sub('', repr(leaf))};".encode())
    return sums.hexdigest()


def _source(what: Callable) -> str:
    """Name of a function or class, with its source where there is one."""
    name = f"{getattr(what, '__module__', '')}.{getattr(what, '__qualname__', repr(what))}"
    try:
        return f"{name} {inspect.getsource(what)}"
    except (OSError, TypeError):
        return name
