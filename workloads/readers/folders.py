"""What a folder or an archive holds: which of its files are read, together or each, and under which names.

| files | what is made of them |
|---|---|
| those of one network: shards, masks beside weights; copies of it | `checkpoints.models` |
| SuiteSparse's `NAME.mtx` with `NAME_b.mtx`, `NAME_coord.mtx`, ... | the matrix, not right-hand sides and the like |
| 10x Genomics: `matrix.mtx`, `barcodes.tsv`, `features.tsv` or `genes.tsv` | the matrix |
| OGB's `raw`: `edge.csv`, `num-node-list.csv`, `node-feat.csv`, ... | the graph, with all of its nodes |
| files that their content or suffix names | read |
| text that only looks like an edge list or a table | read if nothing surer is there, else left out and told |
| files of kinds that are refused (pickles, other tools' models) | left out and told; refused if nothing else is there |
| a file named as weights or a matrix that is refused or empty (Git LFS pointer, web page) | refused |
| tables of layers (results, other descriptions) beside a network's weights | left out and told |
| notes, pictures, tokenizers | passed over |
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from workloads.errors import InputError
from workloads.readers.checkpoints.models import by_folder, models_among
from workloads.readers.formats import FileFormat, Sureness, format_of, known_formats
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tables import FORMATS as TABLES

_SUFFIXES = (".mtx", ".smtx", ".npz", ".npy", ".safetensors", ".onnx", ".gguf")
"""Files of these names are meant to be read: what hinders it is said."""
_NOTES = re.compile(
    r"(readme|license|licence|notice|changelog|requirements|merges|vocab|added_tokens|special_tokens_map|tokenizer|"
    r"tokenizer_config|generation_config|preprocessor_config|trainer_state|all_results|eval_results|metadata)"
    r"[^.]*(\.(md|txt|json|rst|model|jsonl))?$",
    re.I,
)
_AUXILIARY = re.compile(
    r"^(?P<name>.+?)_(?P<what>b\d*|x\d*|c|z0|lo|hi|g|rhs|sol|coord|coords|nodename|rowname|colname)$"
)
_TENX = re.compile(r"^(barcodes|features|genes|peaks)\.(tsv|bed)$")

Read = Callable[[ReadOptions], Found]


@dataclass(frozen=True)
class _Unit:
    """What is read as one: a file, or several that belong together."""

    first: Source
    read: Read
    kind: FileFormat | None


def find_among(
    path: Path, sources: list[Source], find_in: Callable[[Source, ReadOptions], Found], options: ReadOptions
) -> Found:
    """What the files of a folder, or the members of an archive, hold together. **Raises** `InputError` for nothing."""
    sources = _without_links(sources)
    left_out = [LeftOut(_below(path, source), why) for source, why in _companions(sources)]
    companions = {left.name for left in left_out}
    models, copies = models_among([one for one in sources if _below(path, one) not in companions])
    left_out += [LeftOut(_below(path, one.source), one.why) for one in copies]
    taken = {left.name for left in left_out} | {_below(path, one) for model in models for one in model.sources}
    units = [_Unit(model.sources[0], model.found, None) for model in models]
    refused: list[tuple[Source, FileFormat]] = []
    looks: list[_Unit] = []
    for source in sources:
        kind = None if _below(path, source) in taken or _NOTES.match(source.name) else format_of(source)
        if kind is None:
            continue
        unit = _Unit(source, partial(_one, find_in, source), kind)
        if kind.is_refused:
            if source.suffix in _SUFFIXES:
                find_in(source, options)
            refused.append((source, kind))
        elif not kind.in_folders:
            left_out.append(LeftOut(_below(path, source), f"{kind.name}, which is read only if given by itself"))
        elif kind.recognise(source) is Sureness.LOOKS:
            looks.append(unit)
        else:
            units.append(unit)
    if units:
        why = "only looks like data; give it by itself if it is meant"
        left_out += [LeftOut(_below(path, unit.first), f"{unit.kind.name}, which {why}") for unit in looks if unit.kind]
        left_out += [
            LeftOut(_below(path, source), kind.name)
            for source, kind in refused
            if kind.holds_data and source.suffix != ".json"
        ]
        units, tables = _without_tables(units)
        left_out += [
            LeftOut(_below(path, one.first), "a table beside other data; give it by itself if it is meant")
            for one in tables
        ]
    else:
        units = looks
    if not units:
        _refuse_nothing(path, refused, find_in, options)
    return _together(path, sorted(units, key=lambda unit: _below(path, unit.first)), left_out, options)


def _without_tables(units: list[_Unit]) -> tuple[list[_Unit], list[_Unit]]:
    """What is read where matrices or weights are among them, and tables of layers, which say something of these."""
    tables = [unit for unit in units if unit.kind in TABLES]
    others = [unit for unit in units if unit not in tables]
    return (others, tables) if others else (tables, [])


def _together(path: Path, units: list[_Unit], left_out: list[LeftOut], options: ReadOptions) -> Found:
    """Layers of all units; their names begin with the file's where several are, or where they have none."""
    layers: list[FoundLayer] = []
    notes: dict[str, None] = {}
    names: dict[str, None] = {}
    for unit in units:
        found = unit.read(options)
        below = _below(path, unit.first)
        names[found.format] = None
        for layer in found.layers:
            prefix = below if len(units) > 1 or not layer.name else ""
            tensors = layer.tensors.renamed(f" of {below}") if layer.tensors and len(units) > 1 else layer.tensors
            name = "/".join(part for part in (prefix, layer.name) if part)
            layers.append(replace(layer, name=name, tensors=tensors))
        prefix = f"{below}: " if len(units) > 1 else ""
        left_out += [replace(one, name=f"{below}/{one.name}" if prefix else one.name) for one in found.left_out]
        own = f"{unit.first.name}: "
        notes |= dict.fromkeys(f"{prefix}{note.removeprefix(own) if prefix else note}" for note in found.notes)
    return Found(path, ", ".join(names), tuple(layers), tuple(left_out), tuple(notes))


def _one(find_in: Callable[[Source, ReadOptions], Found], source: Source, options: ReadOptions) -> Found:
    return find_in(source, options)


def _below(path: Path, source: Source) -> str:
    """A file's name within the folder or archive."""
    return str(PurePosixPath(source.member)) if source.member else str(source.path.relative_to(path))


def _without_links(sources: list[Source]) -> list[Source]:
    """Files once each where links lead to the same one, as in Hugging Face's cache; named after the link."""
    found: dict[str, Source] = {}
    for source in sources:
        place = f"{os.path.realpath(source.path)}\0{source.member}"
        if place not in found or (source.path.is_symlink() and not found[place].path.is_symlink()):
            found[place] = source
    kept = set(found.values())
    return [source for source in sources if source in kept]


def _companions(sources: list[Source]) -> list[tuple[Source, str]]:
    """Files that belong to a matrix beside them and are none of their own."""
    found = []
    for folder, here in by_folder(sources).items():
        owner = PurePosixPath(folder).name
        stems = {PurePosixPath(source.name).stem for source in here if source.suffix == ".mtx"}
        names = {source.name for source in here}
        ogb = "edge.csv" in names and bool({"num-node-list.csv", "node-feat.csv"} & names)
        for source in here:
            stem = PurePosixPath(source.name).stem
            match = _AUXILIARY.match(stem)
            collected = owner if owner in stems and stem.startswith(f"{owner}_") else ""
            if source.suffix in (".mtx", ".txt") and ((match and match["name"] in stems) or collected):
                of = collected or (match["name"] if match else "")
                found.append((source, f"a right-hand side, solution, names or coordinates of {of}.mtx"))
            elif "matrix.mtx" in names and _TENX.match(source.name):
                found.append((source, "names of the rows or columns of matrix.mtx (10x Genomics)"))
            elif ogb and source.name != "edge.csv" and source.suffix == ".csv":
                found.append((source, "features, labels or counts of the graph in edge.csv (OGB)"))
    return found


def _refuse_nothing(
    path: Path,
    refused: list[tuple[Source, FileFormat]],
    find_in: Callable[[Source, ReadOptions], Found],
    options: ReadOptions,
) -> None:
    """**Raises** `InputError`: of the files that are refused the most telling, or that there is none."""
    order = {kind: at for at, kind in enumerate(known_formats())}
    for source, _ in sorted((one for one in refused if one[1].holds_data), key=lambda one: order[one[1]]):
        find_in(source, options)
    some = "one (.mtx, .smtx, .npz, .npy, .safetensors, .gguf, .onnx, edge list, table of layers)"
    raise InputError(f"{path}: the folder holds no matrix file; add {some}.")
