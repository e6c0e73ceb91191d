"""Compiled programs kept between runs: read back whole, made anew where they are broken or not the user's own."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dse import enable_compile_cache
from dse.problem.compile_cache import compile_cache_folder, kept
from workloads.cache import VARIABLE


@pytest.fixture
def folder(tmp_path: Path):
    """Where programs are kept without being asked to."""
    before = compile_cache_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path))
        yield enable_compile_cache()
    enable_compile_cache(before)


class Build:
    """A compilation that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return jax.jit(lambda x: jnp.sin(x) @ x.T).lower(jnp.ones((4, 3))).compile()


def test_a_kept_program_is_not_compiled_again_and_gives_the_same(folder: Path):
    build, x = Build(), np.arange(12.0, dtype=np.float32).reshape(4, 3)
    first, second = kept(build, "a")(x), kept(build, "a")(x)
    assert build.calls == 1
    np.testing.assert_array_equal(first, second)
    kept(build, "b")
    assert build.calls == 2
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(kept(build, "a")(x), first)
    assert build.calls == 3


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_a_program_that_others_can_write_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    build = Build()
    kept(build, "a")
    (file,) = folder.iterdir()
    file.chmod(0o620)
    kept(build, "a")
    assert build.calls == 2
    kept(build, "a")
    assert build.calls == 2, "what was read is now the user's own"
    monkeypatch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
    kept(build, "a")
    assert build.calls == 3


def test_the_folder_is_chosen_by_the_variable_or_the_call(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert folder == Path(os.environ[VARIABLE]) / "programs"
    monkeypatch.setenv(VARIABLE, "off")
    build = Build()
    kept(build, "a"), kept(build, "a")
    assert build.calls == 2
    assert not folder.exists()
    (folder.parent / "file").write_text("")
    assert enable_compile_cache(folder.parent / "file" / "below") == folder.parent / "file" / "below"
    kept(build, "a")
    assert build.calls == 3, "a folder that cannot be written is no error"
