"""Keep compiled code between runs: JAX's own cache, and whole programs that then need not even be traced.

A program is kept under a hash of the sources that it is traced from, the versions of JAX, the processor, and the shapes
and settings that it is compiled for, so a change of any of them compiles anew.
"""

import functools
import hashlib
import os
import pickle
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import platformdirs
from jax.experimental.serialize_executable import deserialize_and_load, serialize

SOURCES = ("hwmodels", "workloads", "dse")
_ROOT = Path(__file__).resolve().parents[1]


def enable_compile_cache(folder: str | Path | None = None) -> Path:
    """Let JAX keep compiled code in `folder` (default: the user's cache), so that a second run starts at once."""
    path = Path(folder) if folder is not None else Path(platformdirs.user_cache_dir("sparse-dse")) / "xla"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:  # no place to keep anything: every run compiles
        return path
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return path


def kept(compile_it: Callable[[], Any], *key: Any) -> Any:
    """A compiled program from the cache folder, or from `compile_it()` and then kept; `key` is what it depends on.

    Nothing is kept while `enable_compile_cache` has not named a folder. A file that cannot be loaded is made anew.
    """
    folder = jax.config.jax_compilation_cache_dir
    if not folder:
        return compile_it()
    digest = hashlib.sha256(repr((_surroundings(), key)).encode()).hexdigest()
    path = Path(folder) / f"program-{digest[:32]}.pickle"
    try:
        return deserialize_and_load(*pickle.loads(path.read_bytes()))
    except Exception:  # absent, cut short, or of another processor: whatever is wrong, the cure is the same
        program = compile_it()
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
            draft.write(pickle.dumps(serialize(program)))
        os.replace(draft.name, path)
    except (OSError, ValueError):  # a full disk, or a program that cannot be written
        pass
    return program


@functools.cache
def _surroundings() -> tuple[str, ...]:
    """Versions, processor and sources."""
    sources = hashlib.sha256()
    for package in SOURCES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            sources.update(file.read_bytes())
    flags = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return jax.__version__, version("jaxlib"), platform.machine(), flags, sources.hexdigest()
