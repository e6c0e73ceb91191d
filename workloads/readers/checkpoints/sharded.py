"""One network in several files: shards by their index, or by their numbers.

Indices are JSON with a `weight_map` from arrays to files (huggingface.co/docs/transformers/big_models); shards are
named `NAME-00001-of-00003.safetensors`, and of GGUF alike.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from workloads.readers.checkpoints.containers import CONTAINERS, Container
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.formats import FileFormat, Sureness, format_of
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_NUMBERED = re.compile(r"^(?P<stem>.*?)-(?P<at>\d{5})-of-(?P<all>\d{5})(?P<end>(\.\w+)*\.(safetensors|gguf))$")
_MOST_SHARDS = 10_000
_FETCH = "download the missing file, or give one shard by itself"


def shards_of_index(source: Source) -> list[Source]:
    """The files that an index names, in order. **Raises** `InputError` for what is missing or no plain name."""
    names = sorted(set(weight_map(source).values()))
    if len(names) > _MOST_SHARDS:
        source.fail("index", f"names {len(names):,} files", "write it again")
    found = {name: source.beside(name) for name in names}
    missing = [name for name, shard in found.items() if shard is None]
    if missing:
        source.fail("index", f"names {missing[0]}, which is missing ({len(missing)} of {len(names)} shards)", _FETCH)
    return [shard for shard in found.values() if shard is not None]


def weight_map(source: Source) -> Mapping[str, str]:
    """Arrays and the files that an index says they are in."""
    try:
        said = json.loads(source.content)["weight_map"]
        names = {key: str(PurePosixPath(value)) for key, value in said.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        source.fail("index", "has no table weight_map of arrays and files", "write or download it again", error)
    for name in names.values():
        if "/" in name or "\\" in name or not name.endswith(".safetensors"):
            fix = "save the weights as safetensors, or correct the index"
            source.fail("index", f"names {name[:80]}, which is no .safetensors file of its folder", fix)
    if not names:
        source.fail("index", "names no arrays", "write or download it again")
    return names


def numbered(names: Iterable[str]) -> dict[tuple[str, str, str], list[str]]:
    """File names by series: those that differ only in their number."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted(names):
        if match := _NUMBERED.match(name):
            found.setdefault((match["stem"], match["all"], match["end"]), []).append(name)
    return found


def merged(sources: list[Source], named: Mapping[str, str] | None = None) -> tuple[Container, StoredArrays]:
    """Arrays of all shards as those of one file; `named` says which shard has which array.

    **Raises** `InputError` for an array that its shard lacks, or that two shards have.
    """
    arrays: dict[str, StoredArray] = {}
    metadata: dict[str, Any] = {}
    containers: list[Container] = []
    for source in sources:
        kind = format_of(source)
        container = next((one for one in CONTAINERS if one.format is kind), None)
        if container is None:
            problem = f"is {kind.name if kind else 'of no known format'} where a shard of weights is meant"
            source.fail("shard", problem, "download it again" if kind else "write or download it again")
        stored = container.stored(source)
        if twice := next((name for name in stored.arrays if name in arrays and named is None), None):
            source.fail(twice, "is in another shard too", "keep the shards of one model only")
        arrays |= {n: a for n, a in stored.arrays.items() if named is None or named.get(n, source.name) == source.name}
        metadata |= stored.metadata
        containers.append(container)
    if lacking := [name for name in named or {} if name not in arrays]:
        sources[0].fail(lacking[0], "is named by the index but in no shard", "download the shards again")
    first = containers[0].stored(sources[0])
    return containers[0], StoredArrays(sources[0], arrays, metadata, first.config)


def _found(source: Source, options: ReadOptions) -> Found:
    container, stored = merged(shards_of_index(source), weight_map(source))
    found = container.found(StoredArrays(source, stored.arrays, stored.metadata, stored.config))
    return Found(source.path, f"{found.format} in shards", found.layers, found.left_out, found.notes)


def is_index(source: Source) -> bool:
    """Whether a file is the index of shards of safetensors."""
    return bool(re.search(r"\.safetensors\.index(\.\w+)?\.json$|\.safetensors(\.\w+)?\.index\.json$", source.name))


def _recognise(source: Source) -> Sureness:
    head = source.head
    if source.suffix != ".json" or head.lstrip()[:1] != b"{":
        return Sureness.NO
    named = b'"weight_map"' in head and b".safetensors" in head
    return Sureness.SIGNED if named or is_index(source) else Sureness.NO


def _is_pickled_index(source: Source) -> Sureness:
    found = source.suffix == ".json" and b'"weight_map"' in source.head and b".bin" in source.head
    return Sureness.SIGNED if found else Sureness.NO


def _refuse(source: Source, options: ReadOptions):
    fix = "save the weights with save_pretrained(safe_serialization=True) and give that folder"
    source.fail("file", "is the index of pickled PyTorch shards (.bin), which are not read here", fix)


FORMAT = FileFormat("safetensors index", _recognise, _found)
PICKLED_INDEX = FileFormat("index of pickled shards", _is_pickled_index, _refuse, in_folders=False, is_refused=True)
