"""What a folder or an archive holds: which of its files are read, and under which names.

Files of formats that stand for a matrix or layers are read; text, pictures and logs are passed over.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from workloads.errors import InputError
from workloads.readers.formats import format_of, formats
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def find_among(
    path: Path, sources: list[Source], find_in: Callable[[Source, ReadOptions], Found], options: ReadOptions
) -> Found:
    """What the files of a folder, or the members of an archive, hold together. **Raises** `InputError` for nothing."""
    layers, left_out, notes, names = [], [], [], {}
    for source in sources:
        kind = format_of(source)
        if kind is None or not kind.in_folders:
            continue
        found = find_in(source, options)
        below = source.member or str(source.path.relative_to(path))
        names[found.format] = None
        for layer in found.layers:
            prefix = "" if len(sources) == 1 else str(PurePosixPath(below))
            layers.append(replace(layer, name="/".join(part for part in (prefix, layer.name) if part)))
        left_out += found.left_out
        notes += found.notes
    if not layers:
        _refuse_unreadable(sources, options)
        some = "one (.mtx, .smtx, .npz, .npy, .safetensors, .onnx, edge list, table of layers)"
        raise InputError(f"{path}: the folder holds no matrix file; add {some}.")
    return Found(path, ", ".join(names), tuple(layers), tuple(left_out), tuple(notes))


def _refuse_unreadable(sources: list[Source], options: ReadOptions) -> None:
    """**Raises** `InputError` for the file that most likely holds what was looked for, in a format that is refused."""
    order = {kind: at for at, kind in enumerate(formats())}
    kinds = ((format_of(source), source) for source in sources)
    data = [
        (order[kind], kind, source)
        for kind, source in kinds
        if kind is not None and kind.holds_data and not kind.in_folders
    ]
    for _, kind, source in sorted(data, key=lambda one: one[0])[:1]:
        kind.read(source, options)
