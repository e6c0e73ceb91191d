"""From a path to what it holds: a file of any format, an archive, or a folder."""

import os
from pathlib import Path

from workloads.errors import InputError
from workloads.readers.folders import find_among
from workloads.readers.formats import format_of
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions, words_said
from workloads.readers.source import BROKEN, Source, words_of

READABLE = ".mtx, .npz, .safetensors, .onnx or a table of layers (.csv)"


def find(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Found:
    """What a file or a folder holds; layers are read when asked for. **Raises** `InputError`, one sentence."""
    path, options = Path(path), options or ReadOptions()
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file; check the path.")
    if path.is_dir():
        return find_among(path, [Source(one) for one in sorted(_files_below(path))], find_in, options)
    if not path.is_file():
        raise InputError(f"{path}: is no plain file; give a file or a folder.")
    source = Source(path)
    if path.stat().st_size == 0:
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
    unheeded = [word for field, word in words_said(options).items() if field not in found.heeds]
    if unheeded:
        source.fail("file", f"is {found.name}, for which :{unheeded[0]} means nothing", "leave the option out")
    try:
        return found.read(source, options)
    except InputError:
        raise
    except MemoryError as error:
        source.fail(found.name, "needs more memory than there is", "check its sizes", error)
    except BROKEN as error:
        source.fail(found.name, f"is malformed ({words_of(error)})", "correct it or write the file again", error)


def _files_below(folder: Path) -> list[Path]:
    below = (path for path in folder.rglob("*") if path.is_file())
    return [p for p in below if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
