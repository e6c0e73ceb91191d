"""From a path to what it holds: a file of any format, an archive, or a folder.

Users write a path with options after colons and a pattern for layers' names after #, `graph.txt:undirected`,
`model.safetensors#*mlp*`; a path that exists is never taken apart.
"""

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

import numpy as np

from workloads.errors import InputError
from workloads.readers.archives import MOST_MEMBERS
from workloads.readers.formats import format_of
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions, read_options, words_said
from workloads.readers.source import BROKEN, LARGE, Source, words_of

_MOST_DEPTH = 100
"""Of folders in folders."""
READABLE = ".mtx, .npz, .safetensors, .onnx or a table of layers (.csv)"


def find_written(text: str) -> Found:
    """What a path holds, with the options and the pattern behind it. **Raises** `InputError`, one sentence."""
    path, options, pattern = taken_apart(text)
    found = find(path, options)
    if pattern != "*":
        found = found.selected(lambda name: fnmatchcase(name, pattern) or fnmatchcase(f"{name}.weight", pattern))
        if not found.layers:
            raise InputError(f"{path}: holds no layer whose name matches {pattern!r}; check the file and the pattern.")
    return found


def taken_apart(text: str) -> tuple[str, ReadOptions, str]:
    """A path that exists, what its options say, and the pattern; the whole text as path where none exists."""
    if os.path.exists(text):
        return text, ReadOptions(), "*"
    head, mark, pattern = text.rpartition("#")
    rest = head if mark else text
    words: list[str] = []
    while not os.path.exists(rest) and ":" in rest:
        rest, _, word = rest.rpartition(":")
        words.insert(0, word)
    if not os.path.exists(rest):
        return text, ReadOptions(), "*"
    return rest, read_options(rest, words), pattern if mark else "*"


def find(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Found:
    """What a file or a folder holds; layers are read when asked for. **Raises** `InputError`, one sentence."""
    from workloads.readers.folders import find_among  # which loads the readers, as few runs need

    path, options = Path(path), options or ReadOptions()
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file; check the path.")
    if path.is_dir():
        return find_among(
            path, [Source(one, large=options.large) for one in _files_below(path, options.large)], find_in, options
        )
    if not path.is_file():
        raise InputError(f"{path}: is no plain file; give a file or a folder.")
    source = Source(path, large=options.large)
    if source.size_on_disk == 0:
        source.fail("file", "is empty", "write or copy it again")
    if (members := source.members) is not None:
        return find_among(path, members, find_in, options)
    return find_in(source, options)


def find_in(source: Source, options: ReadOptions) -> Found:
    """What one file or member of an archive holds."""
    found = format_of(source)
    if found is None:
        what = "binary content of no known format" if not source.is_text else "text of no known format"
        source.fail(
            "file", f"holds {what}", "convert it to .mtx, .npz, .safetensors, .onnx or a table of layers (.csv)"
        )
    unheeded = [word for field, word in words_said(options).items() if field not in (*found.heeds, "large")]
    if unheeded:
        source.fail("file", f"is read as {found.name}, for which :{unheeded[0]} means nothing", "leave the option out")
    try:
        with np.errstate(all="ignore"):  # what is not finite in the end is refused
            return found.read(source, options)
    except InputError:
        raise
    except MemoryError as error:
        source.fail(found.name, "needs more memory than there is", "check its sizes", error)
    except BROKEN as error:
        source.fail(found.name, f"is malformed ({words_of(error)})", "correct it or write the file again", error)


def _files_below(folder: Path, large: bool) -> list[Path]:
    """Plain files, hidden ones and those in hidden folders left out, in order; links to folders are not followed."""
    found: list[Path] = []
    seen = 0

    def refuse(error: OSError) -> NoReturn:
        what = f"cannot be read ({error.strerror or words_of(error)})"
        raise InputError(f"{error.filename or folder}: {what}; check its permissions, or give the file meant.")

    try:
        for here, below, names in os.walk(folder, onerror=refuse):
            below[:] = [name for name in below if not name.startswith(".")]
            if below and len(Path(here).relative_to(folder).parts) >= _MOST_DEPTH:
                raise InputError(f"{folder}: holds folders more than {_MOST_DEPTH} deep; give the one that is meant.")
            seen += len(below) + len(names)
            if seen > MOST_MEMBERS and not large:
                fix = f"give the file or the folder in it that is meant, or {LARGE}"
                raise InputError(f"{folder}: holds more than {MOST_MEMBERS} files and folders; {fix}.")
            paths = (Path(here, name) for name in names if not name.startswith("."))
            found += [path for path in paths if path.is_file()]
    except OSError as error:
        refuse(error)
    return sorted(found)
