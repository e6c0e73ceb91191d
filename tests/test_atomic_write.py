"""A file is there whole or as it was before, and no draft stays."""

from pathlib import Path

import pytest

from workloads.atomic_write import written_whole


def test_whole_or_as_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    for text in ("first", "second"):
        with written_whole(path) as draft:
            draft.write_text(text)
            assert draft.suffix == ".csv"
        assert path.read_text() == text

    def broken_off() -> None:
        with written_whole(path) as draft:
            draft.write_text("thi")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with pytest.raises(FileNotFoundError), written_whole(path):
        pass
    assert path.read_text() == "second"
    assert [found.name for found in path.parent.iterdir()] == ["table.csv"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileExistsError), written_whole(tmp_path / "file" / "table.csv"):
        pass
