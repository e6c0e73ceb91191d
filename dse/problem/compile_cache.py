"""Keep compiled programs between runs, so that they need not even be traced again.

A program is kept under a hash of the sources that it is traced from, the versions of JAX, the processor, and the shapes
and settings that it is compiled for, so a change of any of them compiles anew.
"""

import contextlib
import functools
import hashlib
import pickle
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import platformdirs
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from workloads.atomic_write import written_whole

SOURCES = ("hwmodels", "workloads", "dse")
_ROOT = Path(__file__).resolve().parents[2]
_folder: Path | None = None


def enable_compile_cache(folder: str | Path | None = None) -> Path:
    """Keep compiled programs in `folder` (default: the user's cache), so that a second run starts at once."""
    global _folder
    path = Path(folder) if folder is not None else Path(platformdirs.user_cache_dir("sparse-dse")) / "programs"
    try:
        path.mkdir(parents=True, exist_ok=True)
        _folder = path
    except OSError:  # no place to keep anything: every run compiles
        _folder = None
    return path


def compile_cache_folder() -> Path | None:
    """Where programs are kept, or None where they are not."""
    return _folder


def kept(compile_it: Callable[[], Any], *key: Any) -> Any:
    """A compiled program from the cache folder, or from `compile_it()` and then kept; `key` is what it depends on.

    Nothing is kept until `enable_compile_cache` has named a folder, nor where JAX keeps compiled code itself: a program
    that JAX has loaded cannot be written whole again. A file that cannot be loaded is made anew.
    """
    folder = _folder
    if folder is None or jax.config.jax_compilation_cache_dir:
        return compile_it()
    digest = hashlib.sha256(repr((surroundings(), key)).encode()).hexdigest()
    path = folder / f"program-{digest[:32]}.pickle"
    try:
        return deserialize_and_load(*pickle.loads(path.read_bytes()))
    except Exception:  # absent, cut short, or of another processor: whatever is wrong, the cure is the same
        program = compile_it()
    with contextlib.suppress(OSError, ValueError):  # a full disk, or a program that cannot be written
        data = pickle.dumps(serialize(program))
        with written_whole(path) as draft:
            draft.write_bytes(data)
    return program


@functools.cache
def surroundings() -> tuple[str, ...]:
    """What decides the bits of a result besides its inputs: versions of JAX, processor and sources."""
    sources = hashlib.sha256()
    for package in SOURCES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            sources.update(file.read_bytes())
    flags = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return jax.__version__, version("jaxlib"), platform.machine(), flags, sources.hexdigest()
