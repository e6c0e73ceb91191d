"""What is kept between runs: what goes in comes out, whatever lies there instead is made anew, and nothing about the
disk is ever an error."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from workloads.cache import machine_code
from workloads.cache.entries import read_entry, write_entry
from workloads.cache.folder import OFF, VARIABLE, cache_folder, kept_in
from workloads.cache.machine_code import compiled, ingredients
from workloads.cache.tables import cached
from workloads.errors import InputError

owners = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners of files here")


class Counted:
    """A computation that counts its calls."""

    def __init__(self, tables: dict[str, np.ndarray]) -> None:
        self.calls, self.tables = 0, tables

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return self.tables


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tables are kept."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "tables"


@pytest.fixture
def compute() -> Counted:
    return Counted({"file": np.arange(6.0).reshape(2, 3), "": np.array(7), "name": np.array("text")})


def get(compute: Callable, key: str = "ab12", version: int = 1) -> dict[str, np.ndarray]:
    tables = cached(key, compute, version)
    assert set(tables) == set(compute.tables)
    for name, table in tables.items():
        np.testing.assert_array_equal(table, compute.tables[name])
        assert table.dtype == compute.tables[name].dtype
    return tables


def test_computed_once_and_kept_for_the_user_alone(folder: Path, compute: Counted) -> None:
    before = os.umask(0)
    try:
        get(compute)
    finally:
        os.umask(before)
    get(compute)
    assert compute.calls == 1
    assert [path.name for path in folder.iterdir()] == ["ab12-v1.tables"]
    if hasattr(os, "geteuid"):
        assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder)] == [0o700, 0o700]
        assert next(folder.iterdir()).stat().st_mode & 0o777 == 0o600


def test_key_and_version_tell_apart(folder: Path, compute: Counted) -> None:
    for key, version in (("ab12", 1), ("ab12", 2), ("cd34", 1), ("../../evil key", 1), ("x" * 500, 1)):
        get(compute, key, version)
        get(compute, key, version)
    assert compute.calls == 5
    assert len(list(folder.iterdir())) == 5


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.sampled_from([np.float32, np.float64, np.int64, np.bool_]).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0))
    )
)
def test_round_trip(table: np.ndarray, folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink()
    counted = Counted({"t": table})
    get(counted)
    get(counted)
    assert counted.calls == 1


def linked(path: Path) -> None:
    path.replace(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "text": lambda path: path.write_text("hello"),
    "another": lambda path: shutil.copy(path.with_name("other"), path),
    "folder": lambda path: (path.unlink(), (path / "full").mkdir(parents=True)),
    "link": linked,
    "two names": lambda path: path.with_name("second").hardlink_to(path),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "others write": lambda path: path.chmod(0o620),
    "unreadable": lambda path: path.chmod(0),
    "gone": lambda path: path.unlink(),
}


@owners
@pytest.mark.parametrize("damage", DAMAGE)
def test_only_what_was_written_there_is_read(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "name"
    write_entry(tmp_path, "name", b"content")
    write_entry(tmp_path, "other", b"content")
    DAMAGE[damage](path)
    assert read_entry(tmp_path, "name") is None or (damage == "unreadable" and os.geteuid() == 0)
    write_entry(tmp_path, "name", b"content")
    assert read_entry(tmp_path, "name") == b"content"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*"))


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    write_entry(tmp_path, "name", b"content")
    whole = (tmp_path / "name").read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "name").write_bytes(flipped)
        assert read_entry(tmp_path, "name") is None


@owners
def test_a_folder_that_others_can_write_gives_way_to_one_of_the_users_own(
    folder: Path, compute: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(compute)
    folder.parent.chmod(0o1777)
    get(compute)
    get(compute)
    assert compute.calls == 2
    assert kept_in(cache_folder(), "tables") == folder.parent / f"user-{os.geteuid()}" / "tables"
    stranger = os.geteuid() + 1
    folder.parent.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    get(compute)
    assert compute.calls == 3, "what another user has kept is not read"


@pytest.mark.parametrize("setting", [*OFF, " OFF ", "~nobody-of-this-name/x"])
def test_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute: Counted, setting: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, setting)
    get(compute)
    get(compute)
    assert compute.calls == 2
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute: Counted) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))
    get(compute)
    (tmp_path / "tables").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert kept_in(cache_folder(), "tables") is None
    get(compute)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: "~/.cache/sparse-dse")  # nobody knows what ~ is
    assert cache_folder() is None
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv(VARIABLE, "relative")
    gone.rmdir()
    get(compute)
    assert compute.calls == 3


def test_failed_write_leaves_nothing(folder: Path, compute: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    get(compute)
    assert list(folder.iterdir()) == []


def test_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("sparse-dse"))
    monkeypatch.setenv(VARIABLE, "~/x")
    assert cache_folder() == Path.home() / "x"


def test_empty_key(compute: Counted) -> None:
    with pytest.raises(InputError, match="key of a cached table is empty"):
        cached("", compute, 1)


def test_errors_of_the_computation_pass(folder: Path) -> None:
    def broken() -> dict[str, np.ndarray]:
        raise InputError("told to the user")

    with pytest.raises(InputError, match="told to the user"):
        cached("ab12", broken, 1)
    assert not list(folder.iterdir())


def adding(added: int) -> Callable:
    """A compiled function of a constant that another, which it calls, names: both made anew, as by a new run."""
    namespace = {"__name__": __name__, "ADDED": added, "compiled": compiled}
    exec("@compiled\ndef called(x): return x + ADDED\n@compiled\ndef caller(x): return called(x) + 1", namespace)
    return namespace["caller"]


def read_back(added: int) -> bool:
    """Whether the machine code of `adding` was kept."""
    function = adding(added)
    assert function(1) == 2 + added
    return bool(function.stats.cache_hits)


def test_machine_code_is_kept_until_what_it_is_made_of_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it calls included; damaged, it is compiled anew; off, or with no place, nothing is kept."""
    monkeypatch.setattr(machine_code, "FOLDER", tmp_path / "cache")
    assert [read_back(1), read_back(1), read_back(2), read_back(2)] == [False, True, False, True]
    for file in (tmp_path / "cache" / "machine_code").iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    assert [read_back(1), read_back(1)] == [False, True]
    (tmp_path / "file").write_text("in the way")
    for nowhere in (None, tmp_path / "file"):
        monkeypatch.setattr(machine_code, "FOLDER", nowhere)
        assert not read_back(1)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InputError, match="working directory is gone"):
        read_back(1)


def test_values_that_only_their_address_tells_are_refused() -> None:
    unknown = object()
    with pytest.raises(TypeError, match="has no text of its own"):
        list(ingredients(lambda: unknown))
