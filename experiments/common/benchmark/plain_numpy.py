"""Run a JAX function as plain NumPy: its traced formulas, interpreted primitive by primitive.

This is how `benchmark.py` compares the compiled models with the same formulas in NumPy without a second copy of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf

ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "expm1": np.expm1,
    "erf": erf,
    "square": np.square,
    "floor": np.floor,
    "ceil": np.ceil,
    "pow": np.power,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "stop_gradient": np.asarray,
    "copy": np.asarray,
    "clamp": lambda low, x, high: np.clip(x, low, high),
    "logistic": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "select_n": lambda which, *cases: np.where(which, cases[1], cases[0]),
    "is_finite": np.isfinite,
}


def _gather(operand: np.ndarray, indices: np.ndarray, params: dict[str, Any]) -> np.ndarray:
    """The gather that a batched `dynamic_slice` becomes: one window for each row of indices, on the last axis."""
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    starts = np.zeros((*indices.shape[:-1], operand.ndim), np.int64)
    starts[..., list(numbers.start_index_map)] = indices
    starts = np.clip(starts, 0, np.array(operand.shape) - np.array(sizes))
    return sliding_window_view(operand, sizes)[tuple(np.moveaxis(starts, -1, 0))]


def _dynamic_slice(operand: np.ndarray, *starts: np.ndarray, slice_sizes: Sequence[int]) -> np.ndarray:
    at = [min(max(int(s), 0), n - size) for s, n, size in zip(starts, operand.shape, slice_sizes, strict=True)]
    return operand[tuple(slice(s, s + size) for s, size in zip(at, slice_sizes, strict=True))]


def _slice(operand: np.ndarray, start_indices: Any, limit_indices: Any, strides: Any) -> np.ndarray:
    steps = strides or (1,) * operand.ndim
    return operand[tuple(slice(a, b, s) for a, b, s in zip(start_indices, limit_indices, steps, strict=True))]


def _broadcast(operand: np.ndarray, shape: Sequence[int], broadcast_dimensions: Sequence[int]) -> np.ndarray:
    expanded = np.ones(len(shape), int)
    expanded[list(broadcast_dimensions)] = operand.shape
    return np.broadcast_to(operand.reshape(expanded), shape)


def _dot(x: np.ndarray, y: np.ndarray, dimensions: Any) -> np.ndarray:
    """`lax.dot_general`: batch axes first, then the free ones of x, then those of y."""
    (contract_x, contract_y), (batch_x, batch_y) = dimensions
    axes_x, axes_y = list(range(x.ndim)), list(range(x.ndim, x.ndim + y.ndim))
    for left, right in zip((*contract_x, *batch_x), (*contract_y, *batch_y), strict=True):
        axes_y[right] = axes_x[left]
    batch = [axes_x[at] for at in batch_x]
    free = [axis for axis in (*axes_x, *axes_y) if (axis in axes_x) != (axis in axes_y)]
    return np.einsum(x, axes_x, y, axes_y, [*batch, *free])


STRUCTURAL: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": lambda x, p: _broadcast(x, p["shape"], p["broadcast_dimensions"]),
    "reshape": lambda x, p: np.reshape(x, p["new_sizes"]),
    "squeeze": lambda x, p: np.squeeze(x, p["dimensions"]),
    "expand_dims": lambda x, p: np.expand_dims(x, p["dimensions"]),
    "transpose": lambda x, p: np.transpose(x, p["permutation"]),
    "convert_element_type": lambda x, p: np.asarray(x).astype(p["new_dtype"]),
    "integer_pow": lambda x, p: x ** p["y"],
    "reduce_sum": lambda x, p: np.sum(x, axis=p["axes"]),
    "reduce_max": lambda x, p: np.max(x, axis=p["axes"]),
    "slice": lambda x, p: _slice(x, p["start_indices"], p["limit_indices"], p["strides"]),
    "dynamic_slice": lambda *a: _dynamic_slice(*a[:-1], slice_sizes=a[-1]["slice_sizes"]),
    "gather": lambda x, i, p: _gather(x, i, p),
    "dot_general": lambda x, y, p: _dot(x, y, p["dimension_numbers"]),
    "concatenate": lambda *a: np.concatenate(a[:-1], axis=a[-1]["dimension"]),
    "split": lambda x, p: np.split(x, np.cumsum(p["sizes"])[:-1], axis=p["axis"]),
    "unstack": lambda x, p: [np.take(x, at, axis=p["axis"]) for at in range(x.shape[p["axis"]])],
    "stack": lambda *a: np.stack(a[:-1], axis=a[-1].get("axis", a[-1].get("dimension", 0))),
    "iota": lambda p: np.arange(p["shape"][0], dtype=p["dtype"]),
}


def _run(jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
    values: dict[Any, np.ndarray] = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> np.ndarray:
        return np.asarray(atom.val) if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        name = equation.primitive.name
        inner = next((v for v in equation.params.values() if isinstance(v, ClosedJaxpr)), None)
        if inner is not None:
            outputs = _run(inner.jaxpr, inner.consts, inputs)
        elif name in ELEMENTWISE:
            outputs = [ELEMENTWISE[name](*inputs)]
        elif name in STRUCTURAL:
            found = STRUCTURAL[name](*inputs, equation.params)
            outputs = found if equation.primitive.multiple_results else [found]
        else:
            raise ValueError(f"the models use a primitive that is not interpreted: {name}")
        values |= dict(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def as_numpy(function: Callable[..., Any], *example: Any) -> Callable[..., list[np.ndarray]]:
    """`function` as plain NumPy for arguments like `example`: takes the same pytrees, gives its output leaves."""
    traced = jax.make_jaxpr(function)(*example)

    def run(*arguments: Any) -> list[np.ndarray]:
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(arguments)]
        return _run(traced.jaxpr, traced.consts, leaves)

    return run
