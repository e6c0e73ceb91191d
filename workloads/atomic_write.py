"""Files that are there whole or not at all, whoever else reads or writes them and wherever a run breaks off."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A draft of the same name to write, `with written_whole(path) as draft:`, put at `path` when the block ends.

    Missing folders are made. An error in the block leaves `path` as it was, and no draft. **Raises** `OSError` where
    the file cannot be written; the caller tells it (`InputError`) or does without the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        draft = Path(folder) / path.name
        yield draft
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(draft, path)
