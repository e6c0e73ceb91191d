"""Keep compiled code between runs."""

from pathlib import Path

import jax
import platformdirs


def enable_compile_cache(folder: str | Path | None = None) -> Path:
    """Let JAX keep compiled code in `folder` (default: the user's cache), so that a second run starts at once."""
    path = Path(folder) if folder is not None else Path(platformdirs.user_cache_dir("sparse-dse")) / "xla"
    path.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return path
