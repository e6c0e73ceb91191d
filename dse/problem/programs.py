"""Programs compiled, or loaded, each once and in the background: whoever needs one waits for it, nobody else does."""

import functools
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array

COMPILERS = 2
"""Programs compiled or loaded side by side; more of them wait for each other's memory maps."""
_TRACING = threading.Lock()
"""Tracing holds Python's own lock, so two threads at it only take turns."""

Key = TypeVar("Key", bound=Hashable)
Build = Callable[[], Any]


class Programs(Generic[Key]):
    """Compiled programs by key, those still in the making among them."""

    def __init__(self) -> None:
        self._futures: dict[Key, Future] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._futures

    def begin(self, wanted: Mapping[Key, Build]) -> list[Key]:
        """Begin to build those that are not yet, in their order; their keys."""
        missing = {key: build for key, build in wanted.items() if key not in self._futures}
        self._futures.update({key: _compilers().submit(build) for key, build in missing.items()})
        return list(missing)

    def ready(self, wanted: Mapping[Key, Build]) -> dict[Key, Any]:
        """Programs, once they are built; what a failure leaves is forgotten, so that it is tried again."""
        self.begin(wanted)
        try:
            return {key: self._futures[key].result() for key in wanted}
        except BaseException:
            self.forget(wanted)
            raise

    def forget(self, keys: Iterable[Key]) -> None:
        """Leave out what has failed, and what has not begun."""
        for key in keys:
            future = self._futures.get(key)
            if future is not None and (future.cancel() or (future.done() and future.exception() is not None)):
                del self._futures[key]


def compiled(jitted: Any, leaves: list[Any], options: Mapping[str, Any]) -> Any:
    """The program of a jitted function of a list of arrays; `options` are XLA's on a CPU."""
    with _TRACING:
        lowered = jitted.lower(leaves)
    if jax.default_backend() == "cpu":
        try:
            return lowered.compile(compiler_options=dict(options))
        except jax.errors.JaxRuntimeError:  # another version of XLA may not know the options
            pass
    return lowered.compile()


def spread(of_leaves: Callable[[list[Array]], list[Array]], shared: int, devices: Sequence[Any]) -> Any:
    """A function of a list of arrays, jitted: over several devices each gets the first `shared` arrays whole and an
    equal part of the others, and runs the program that a single device would run on a part."""
    if not devices:
        return jax.jit(of_leaves)
    mesh = Mesh(np.array(devices), ("design",))

    def apart(leaves: list[Array]) -> list[Array]:
        specs = [PartitionSpec() if at < shared else PartitionSpec("design") for at in range(len(leaves))]
        split = jax.shard_map(
            of_leaves, mesh=mesh, in_specs=(specs,), out_specs=PartitionSpec("design"), check_vma=False
        )
        return split(leaves)

    return jax.jit(apart)


@functools.cache
def _compilers() -> ThreadPoolExecutor:
    """Threads that compile, in the order in which they are asked."""
    return ThreadPoolExecutor(COMPILERS, "compile")
