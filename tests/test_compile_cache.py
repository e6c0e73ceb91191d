"""Compiled programs kept between runs: read back, on the devices they are of, and made anew where settings differ."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dse import enable_compile_cache
from dse.problem.compile_cache import compile_cache_folder, kept
from workloads.cache.folder import VARIABLE
from workloads.errors import InputError


@pytest.fixture
def folder(tmp_path: Path):
    """Where programs are kept without being asked to."""
    before = compile_cache_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path / "cache"))
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
    with jax.default_matmul_precision("float32"):
        kept(build, "a")
    assert build.calls == 4, "settings of JAX are part of what decides a program"
    with jax.disable_jit(), pytest.raises(InputError, match="JAX_DISABLE_JIT is set"):
        kept(build, "a")


def test_the_folder_is_chosen_by_the_variable_or_the_call(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert folder == Path(os.environ[VARIABLE]) / "programs"
    monkeypatch.setenv(VARIABLE, "off")
    build = Build()
    kept(build, "a"), kept(build, "a")
    assert build.calls == 2
    assert not list(folder.iterdir())
    (folder.parent / "file").write_text("")
    assert enable_compile_cache(folder.parent / "file" / "below") == folder.parent / "file" / "below"
    kept(build, "a")
    assert build.calls == 3, "a folder that cannot be written is no error"


def programs_of_devices() -> None:
    """What the next test runs in a process of four devices: programs of the last device and of all, and their sums."""
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    devices, calls = jax.devices(), []
    everywhere = NamedSharding(Mesh(np.array(devices), ("x",)), PartitionSpec("x"))
    for place in (devices[0], devices[-1], everywhere):

        def build(place=place):
            calls.append(place)
            return jax.jit(jnp.cumsum).lower(jax.device_put(np.arange(8.0), place)).compile()

        found = kept(build, str(place))(jax.device_put(np.arange(8.0), place))
        assert found.dtype == np.float64
        print(json.dumps(found.tolist()))
    print(len(devices), len(calls))


def test_programs_of_several_devices_are_read_back(tmp_path: Path):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    given = {"PYTHONPATH": os.pathsep.join(sys.path), "XLA_FLAGS": flags, "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    for calls in (3, 0):
        command = [sys.executable, __file__]
        environment = os.environ | given | {VARIABLE: str(tmp_path / "cache")}
        done = subprocess.run(command, capture_output=True, env=environment, text=True)
        assert done.returncode == 0, done.stderr
        *sums, counts = done.stdout.splitlines()
        assert counts == f"4 {calls}"
        assert sums == [json.dumps(np.cumsum(np.arange(8.0)).tolist())] * 3


if __name__ == "__main__":
    programs_of_devices()
