"""The cache of measured tables: what goes in comes out, and nothing about the disk is ever an error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from workloads.cache import VARIABLE, cache_folder, cached
from workloads.errors import InputError


class Counted:
    """A computation that counts its calls."""

    def __init__(self, tables: dict[str, np.ndarray]) -> None:
        self.calls, self.tables = 0, tables

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return self.tables


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


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


def test_computed_once(folder: Path, compute: Counted) -> None:
    get(compute)
    get(compute)
    assert compute.calls == 1
    assert [path.name for path in folder.iterdir()] == ["ab12-v1.npz"]


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


@pytest.mark.parametrize("damage", ["empty", "text", "half", "bits", "pickle"])
def test_damaged_file_is_replaced(folder: Path, compute: Counted, damage: str) -> None:
    get(compute)
    path = folder / "ab12-v1.npz"
    whole = path.read_bytes()
    if damage == "pickle":
        np.savez(path, table_t=np.array([None], object))
    else:
        half = len(whole) // 4
        flipped = whole[:half] + bytes(255 - byte for byte in whole[half : 2 * half]) + whole[2 * half :]
        path.write_bytes({"empty": b"", "text": b"hello", "half": whole[: 2 * half], "bits": flipped}[damage])
    get(compute)
    assert compute.calls == 2
    get(compute)
    assert compute.calls == 2
    assert [found.name for found in folder.iterdir()] == ["ab12-v1.npz"]


def test_off(monkeypatch: pytest.MonkeyPatch, compute: Counted) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert cache_folder() is None
    get(compute)
    get(compute)
    assert compute.calls == 2


def test_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute: Counted) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))
    get(compute)
    get(compute)
    assert compute.calls == 2


def test_failed_write_leaves_nothing(folder: Path, compute: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
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
    assert not folder.exists()
