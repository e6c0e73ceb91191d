"""Compiled programs kept between runs, so that they need not even be traced again.

They lie in the folder `programs` of the cache (`workloads.cache`), so `SPARSE_DSE_CACHE` moves or turns off both. A
program is an entry under a digest of all that decides it: the sources that it is traced from, versions, the processor,
JAX's and XLA's settings, and the shapes and choices that it is compiled for; a change of any of them compiles anew.
Loading a program runs it, so only entries count that nobody but the user can have written (`workloads.cache.entries`).
"""

import functools
import hashlib
import importlib
import os
import pickle
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from workloads.cache.entries import read_entry, write_entry
from workloads.cache.folder import cache_folder, kept_in
from workloads.errors import InputError

SOURCES = ("hwmodels", "workloads", "dse")
LIBRARIES = ("jax", "jaxlib", "numpy", "equinox", "jaxtyping", "ml_dtypes")
"""Decide how a program is traced, compiled and read back."""
ELSEWHERE = ("jax_platforms", "jax_platform_name", "jax_compilation_cache_dir")
"""Settings of JAX that decide nothing once a device is chosen."""
_chosen: Path | None = None


def enable_compile_cache(folder: str | Path | None = None) -> Path | None:
    """Keep compiled programs in `folder` from now on; None: where they are kept without this call.

    **Returns** what `compile_cache_folder` does. A folder that cannot be written costs only time.
    """
    global _chosen
    _chosen = None if folder is None else Path(folder)
    return compile_cache_folder()


def compile_cache_folder() -> Path | None:
    """Where programs are kept, or None where they are not."""
    return _chosen or kept_in(cache_folder(), "programs")


def kept(compile_it: Callable[[], Any], *key: Any) -> Any:
    """A compiled program from the cache folder, or from `compile_it()` and then kept; `key` is what it depends on.

    Nothing is kept where JAX keeps compiled code itself: a program that JAX has loaded cannot be written whole again.
    **Raises** `InputError` where JAX is told not to compile.
    """
    if jax.config.jax_disable_jit:
        raise InputError("JAX_DISABLE_JIT is set, but searches run compiled programs; unset it.")
    folder = compile_cache_folder()
    if folder is None or jax.config.jax_compilation_cache_dir:
        return compile_it()
    depends = surroundings(), jax.devices()[0].device_kind, _settings(), key
    name = f"{hashlib.sha256(repr(depends).encode()).hexdigest()[:32]}.program"
    content = read_entry(folder, name)
    program = None if content is None else _loaded(content)
    if program is None:
        program = compile_it()
        content = _serialized(program)
        if content is not None:
            write_entry(folder, name, content)
    return program


def _loaded(content: bytes) -> Any:
    """The program of an entry, on the devices that it was compiled for; None if JAX cannot load it here."""
    try:
        places, *parts = pickle.loads(content)
        return deserialize_and_load(*parts, execution_devices=[jax.devices()[at] for at in places])
    except Exception:  # whatever JAX finds wrong with what it wrote itself, such as too few devices
        return None


def _serialized(program: Any) -> bytes | None:
    """An entry of a program, None where JAX cannot write it: not all backends can."""
    try:
        places = [jax.devices().index(device) for device in program.runtime_executable().local_devices()]
        return pickle.dumps((places, *serialize(program)))
    except (ValueError, NotImplementedError, pickle.PicklingError, jax.errors.JaxRuntimeError):
        return None


def _settings() -> list[str]:
    """JAX's settings, with those that hold for the calling thread alone."""
    values = {name: getattr(jax.config, name, value) for name, value in jax.config.values.items()}
    return [f"{name}={value!r}" for name, value in sorted(values.items()) if name not in ELSEWHERE]


@functools.cache
def surroundings() -> tuple[str, ...]:
    """What decides the bits of a result besides its inputs: versions, processor, options of XLA and sources."""
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    settings = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(("XLA_", "LIBTPU_")))
    return platform.python_version(), *versions, *_processor(), *settings, _sources()


def _processor() -> tuple[str, str, str]:
    """Machine, processor and what it can do, as LLVM tells them."""
    import llvmlite.binding

    try:
        return (
            platform.machine(),
            llvmlite.binding.get_host_cpu_name(),
            llvmlite.binding.get_host_cpu_features().flatten(),
        )
    except RuntimeError:  # LLVM does not know this processor
        return platform.machine(), platform.processor(), ""


def _sources() -> str:
    sums = hashlib.sha256()
    for package in SOURCES:
        folder = Path(importlib.import_module(package).__path__[0])
        for file in sorted(folder.rglob("*.py")):
            content = file.read_bytes()
            sums.update(f"{package} {file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return sums.hexdigest()
