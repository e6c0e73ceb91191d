"""Compiled programs kept between runs, so that they need not even be traced again.

They lie in the folder `programs` of the cache of measured tables (`workloads.cache`), so `SPARSE_DSE_CACHE` moves both,
or turns both off. A program is kept under a hash of the sources that it is traced from, the versions of JAX, the
processor, and the shapes and settings that it is compiled for, so a change of any of them compiles anew. Reading a
program runs what is in its file: only files that nobody but the user can write are read.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from workloads.atomic_write import written_whole
from workloads.cache import cache_folder

SOURCES = ("hwmodels", "workloads", "dse")
_ROOT = Path(__file__).resolve().parents[2]
OTHERS_WRITE = 0o022
_chosen: Path | None = None


def enable_compile_cache(folder: str | Path | None = None) -> Path | None:
    """Keep compiled programs in `folder` from now on; None: where they are kept without this call.

    **Returns** what `compile_cache_folder` does. A folder that cannot be written costs only time.
    """
    global _chosen
    _chosen = None if folder is None else Path(folder)
    return compile_cache_folder()


def compile_cache_folder() -> Path | None:
    """Where programs are kept (it may not exist yet), or None where they are not."""
    shared = cache_folder()
    return _chosen or (shared / "programs" if shared else None)


def kept(compile_it: Callable[[], Any], *key: Any) -> Any:
    """A compiled program from the cache folder, or from `compile_it()` and then kept; `key` is what it depends on.

    Nothing is kept where JAX keeps compiled code itself: a program that JAX has loaded cannot be written whole again.
    A file that cannot be loaded is made anew.
    """
    folder = compile_cache_folder()
    if folder is None or jax.config.jax_compilation_cache_dir:
        return compile_it()
    depends = surroundings(), jax.devices()[0].device_kind, jax.config.jax_enable_x64, key
    path = folder / f"program-{hashlib.sha256(repr(depends).encode()).hexdigest()[:32]}.pickle"
    with contextlib.suppress(Exception):  # absent, cut short, or of another processor: the cure is the same
        places, *parts = pickle.loads(_own_bytes(path))
        return deserialize_and_load(*parts, execution_devices=[jax.devices()[at] for at in places])
    program = compile_it()
    with contextlib.suppress(Exception):  # a folder that cannot be written, or a program that cannot be
        places = [jax.devices().index(device) for device in program.runtime_executable().local_devices()]
        data = pickle.dumps((places, *serialize(program)))
        with written_whole(path) as draft:
            draft.write_bytes(data)
            draft.chmod(0o600)
    return program


def _own_bytes(path: Path) -> bytes:
    """What a file holds; PermissionError where another user may have written it."""
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & OTHERS_WRITE):
            raise PermissionError(path)
        return stream.read()


@functools.cache
def surroundings() -> tuple[str, ...]:
    """What decides the bits of a result besides its inputs: versions of JAX, processor, options of XLA and sources."""
    sources = hashlib.sha256()
    for package in SOURCES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            sources.update(file.read_bytes())
    flags = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    compiler = os.environ.get("XLA_FLAGS", "")
    return jax.__version__, version("jaxlib"), platform.machine(), flags, compiler, sources.hexdigest()
