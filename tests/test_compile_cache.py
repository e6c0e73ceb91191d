"""Compiled programs kept between runs: read back whole, made anew where they are broken or the key differs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dse import enable_compile_cache
from dse.problem import compile_cache
from dse.problem.compile_cache import kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compile_cache, "_folder", None)
    return enable_compile_cache(tmp_path / "programs")


def test_a_kept_program_is_not_compiled_again_and_gives_the_same(folder: Path):
    made = []

    def build():
        made.append(1)
        return jax.jit(lambda x: jnp.sin(x) @ x.T).lower(jnp.ones((4, 3))).compile()

    x = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    first, second = kept(build, "a")(x), kept(build, "a")(x)
    assert len(made) == 1
    np.testing.assert_array_equal(first, second)
    kept(build, "b")
    assert len(made) == 2
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(kept(build, "a")(x), first)
    assert len(made) == 3


def test_nothing_is_kept_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compile_cache, "_folder", None)
    (tmp_path / "file").write_text("")
    enable_compile_cache(tmp_path / "file" / "below")
    assert kept(lambda: "program", "a") == "program"
