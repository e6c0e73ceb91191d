"""The networks of a folder: which files are one network together, and which are copies of others.

| files | what is made of them |
|---|---|
| `*.safetensors.index.json` and the shards that it names | one network |
| `NAME-00001-of-00003.safetensors` (or `.gguf`) without an index | one network if all are there, else refused |
| `NAME.fp16.safetensors` beside `NAME.safetensors` (diffusers' variants) | a copy, left out |
| `consolidated*.safetensors` beside `model*.safetensors` (Mistral) | a copy, left out |
| `onnx/*.onnx`, or `model*.onnx`, beside `*.safetensors` | a copy, left out |
| `model_quantized.onnx`, `..._fp16.onnx` beside `model.onnx` | a copy, left out |
| `NAME-Q4_K_M.gguf` beside another of the same name, or beside `*.safetensors` | a copy, left out |
| others whose arrays have the same names and shapes | see `same_tables` |
| arrays of truth values in `*mask*` with the names and shapes of another file's | its masks, applied |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from workloads.readers.checkpoints.containers import Container, container_of
from workloads.readers.checkpoints.same_tables import NetworkFiles, Table, without_copies
from workloads.readers.checkpoints.sharded import FORMAT as INDEX
from workloads.readers.checkpoints.sharded import merged, numbered, shards_of_index
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.formats import format_of
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, Source

_VARIANT = re.compile(
    r"[._-](fp16|fp32|bf16|float16|bfloat16|float32|int8|int4|fp8|[48]bit|non_ema|ema)(?=\.(?!onnx)|-\d{5}-of|$)"
)
_ONNX_VARIANT = re.compile(
    r"_(fp16|quantized|int8|uint8|q4|q4f16|q8|bnb4|optimized|O[1-4]|qint8.*|quint8.*)(?=\.onnx$)"
)
_GGUF_VARIANT = re.compile(r"[-._](i?q\d\w*|f16|bf16|f32|fp16|mxfp4\w*|tq\d_\d)(?=\.gguf$|-\d{5}-of)", re.I)


@dataclass(frozen=True)
class Model:
    """One network of a folder."""

    sources: tuple[Source, ...]
    found: Callable[[ReadOptions], Found]


@dataclass(frozen=True)
class Copy:
    """A file that is left out since another holds the same network, or belongs to it."""

    source: Source
    why: str


def models_among(sources: list[Source]) -> tuple[list[Model], list[Copy]]:
    """Networks in several files, and copies; files that neither names stand for themselves. **Raises** `InputError`."""
    models, copies = [], []
    for here in by_folder(sources).values():
        left = _copies(here, copies)
        left = _with_index(left, models, copies)
        left = _without_index(left, models)
        _masked(left, models)
    _copies_in_onnx(sources, copies)
    return _without_same(sources, models, copies)


def _without_same(sources: list[Source], models: list[Model], copies: list[Copy]) -> tuple[list[Model], list[Copy]]:
    """Models and copies, where networks of the same arrays are told apart from parts of one."""
    taken = {str(one) for model in models for one in model.sources} | {str(copy.source) for copy in copies}
    alone = [one for one in sources if str(one) not in taken and "mask" not in one.name.lower()]
    alone = [one for one in alone if container_of(format_of(one)) is not None]
    files = [*(model.sources for model in models), *((one,) for one in alone)]
    pipelines = {folder_of(one) for one in sources if one.name == "model_index.json"}
    left = without_copies([NetworkFiles(these, _table(these)) for these in files], pipelines)
    gone = {str(one.source) for one, _ in left}
    found = [Copy(source, why) for one, why in left for source in one.sources]
    return [model for model in models if str(model.sources[0]) not in gone], [*copies, *found]


def _table(sources: tuple[Source, ...]) -> Table:
    """Of all files together; empty where they cannot be read, which is said when they are."""
    found: set[tuple[str, tuple[int, ...]]] = set()
    for source in sources:
        box = container_of(format_of(source))
        try:
            arrays = box.stored(source).arrays.values() if box and "mask" not in source.name.lower() else ()
        except BROKEN:
            return frozenset()
        found |= {(one.name, one.shape) for one in arrays if len(one.shape) > 1}
    return frozenset(found)


def folder_of(source: Source) -> str:
    """The folder of a file, or of a member of an archive."""
    return str(PurePosixPath(source.member).parent) if source.member else str(source.path.parent)


def by_folder(sources: list[Source]) -> dict[str, list[Source]]:
    """Files by the folder that they are in."""
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(folder_of(source), []).append(source)
    return found


def _copies(here: list[Source], copies: list[Copy]) -> list[Source]:
    """What is no copy of another file of the same folder; copies are added to `copies`."""
    left, first_of = [], {}
    tensors = sorted(source.name for source in here if re.search(r"\.safetensors(\.index\.json)?$", source.name))
    for source in sorted(here, key=lambda one: (_mark(one.name), one.name)):
        other = _original(source.name, tensors, first_of)
        if other:
            copies.append(Copy(source, f"a copy of the network in {other}"))
        else:
            left.append(source)
    return left


def _original(name: str, tensors: list[str], first_of: dict[str, tuple[str, str]]) -> str:
    """The file that another one is a copy of; empty for none. `first_of` keeps the variant read of every name."""
    if re.match(r"consolidated.*\.safetensors", name):
        return next((one for one in tensors if one.startswith("model")), "")
    if (re.match(r"model.*\.onnx$", name) or name.endswith(".gguf")) and tensors:
        return tensors[0]
    if not name.endswith((".safetensors", ".onnx", ".gguf", ".index.json")):
        return ""
    mark = _mark(name)
    mark_read, read = first_of.setdefault(_plain(name), (mark, name))
    return "" if mark == mark_read else read


_VARIANTS = (_VARIANT, _ONNX_VARIANT, _GGUF_VARIANT)


def _mark(name: str) -> str:
    """What makes a file a variant: `.fp16`, `_quantized`, `-Q4_K_M`; empty for none."""
    return "".join(found.group(0) for pattern in _VARIANTS for found in pattern.finditer(name))


def _plain(name: str) -> str:
    """A name without marks of variants and numbers of shards."""
    for pattern in _VARIANTS:
        name = pattern.sub("", name)
    return re.sub(r"-\d{5}-of-\d{5}", "", name).removesuffix(".index.json")


def _with_index(here: list[Source], models: list[Model], copies: list[Copy]) -> list[Source]:
    """What belongs to no index; networks of indices are added to `models`."""
    taken: set[str] = set()
    for index in here:
        if format_of(index) is INDEX:
            shards = shards_of_index(index)
            taken |= {index.name, *(shard.name for shard in shards)}
            models.append(Model((index, *shards), partial(INDEX.read, index)))
            whole = index.name.replace(".index", "").removesuffix(".json")
            alone = [one for one in here if one.name == whole and one.name not in taken]
            copies += [Copy(one, f"a copy of the network in {index.name}") for one in alone]
            taken |= {one.name for one in alone}
    return [source for source in here if source.name not in taken]


def _without_index(here: list[Source], models: list[Model]) -> list[Source]:
    """What is no shard of a series of several; complete series are added to `models`."""
    by_name, taken = {source.name: source for source in here}, set()
    for (stem, count, end), names in numbered(by_name).items():
        if int(count) < 2:
            continue
        shards = [by_name[name] for name in names]
        if len(names) != int(count):
            have = {int(name[len(stem) + 1 : len(stem) + 6]) for name in names}
            absent = next(at for at in range(1, int(count) + 1) if at not in have)
            what = f"is one of {int(count)} but {stem}-{absent:05d}-of-{count}{end} is missing"
            shards[0].fail("shard", what, "download the missing file, or give one shard by itself")
        models.append(Model(tuple(shards), partial(_found_merged, shards)))
        taken |= set(names)
    return [source for source in here if source.name not in taken]


def _found_merged(shards: list[Source], options: ReadOptions) -> Found:
    container, stored = merged(shards)
    return container.found(stored)


def _masked(here: list[Source], models: list[Model]) -> None:
    """Pairs of a file of weights and a file of their masks."""
    opened = [(source, box) for source in here if (box := container_of(format_of(source))) and box.packs]
    if len(opened) < 2:
        return
    masks = [(s, box.stored(s)) for s, box in opened if re.search(r"mask", s.name.lower())]
    for mask, its in masks:
        for source, box in opened:
            if source is mask or re.search(r"mask", source.name.lower()):
                continue
            stored = box.stored(source)
            pairs = {name: partner for name in stored.arrays if (partner := _partner(stored.arrays[name], its))}
            wide = [name for name, array in its.arrays.items() if len(array.shape) > 1]
            if pairs and len(pairs) == len(wide):
                models.append(Model((source, mask), partial(_found_masked, box, stored, pairs)))
                break


def _partner(array: StoredArray, masks: StoredArrays) -> StoredArray | None:
    """The mask of an array: of its name and shape."""
    stem = array.name.removesuffix(".weight")
    for name in (array.name, f"{array.name}_mask", f"{stem}.mask", f"{stem}.weight_mask", f"{stem}_mask", stem):
        found = masks.arrays.get(name)
        if found is not None and found.shape == array.shape and len(array.shape) > 1:
            return found
    return None


def _found_masked(box: Container, stored: StoredArrays, pairs: dict[str, StoredArray], options: ReadOptions) -> Found:
    laid = {f"{name}_mask": replace(mask, name=f"{name}_mask") for name, mask in pairs.items()}
    return box.found(replace(stored, arrays={**stored.arrays, **laid}))


def _copies_in_onnx(sources: list[Source], copies: list[Copy]) -> None:
    """ONNX files in a folder `onnx` below safetensors."""
    folders = {folder_of(source) for source in sources if source.name.endswith(".safetensors")}
    for source in sources:
        folder = PurePosixPath(folder_of(source))
        if source.suffix == ".onnx" and folder.name == "onnx" and str(folder.parent) in folders:
            copies.append(Copy(source, "a copy of the network in the .safetensors above"))
