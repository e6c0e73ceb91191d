"""What lies beside weights and says what they are: `config.json` of Hugging Face and its relatives."""

import json
from pathlib import PurePosixPath
from typing import Any

from workloads.errors import InputError
from workloads.readers.source import Source

_MOST_BYTES = 20_000_000
_BESIDE = {
    "config.json": "",
    "params.json": "",
    "quantize_config.json": "quantization_config",
    "quant_config.json": "quantization_config",
    "hf_quant_config.json": "quantization_config",
}
"""Files beside weights, and under which key of the configuration they belong."""


def read_configuration(source: Source) -> dict[str, Any]:
    """What `config.json` and quantisation files beside a file say together; empty where there is none."""
    found: dict[str, Any] = {}
    for name, key in _BESIDE.items():
        said = _table(beside(source, name))
        if not said:
            continue
        if not key:
            found = {**said, **found}
        elif not isinstance(found.get("quantization_config"), dict):
            found[key] = said.get("quantization", said) if name.startswith("hf_") else said
    return found


def beside(source: Source, name: str) -> Source:
    """A file of the same folder, or of the same folder of an archive, whether it exists or not."""
    if source.member:
        return Source(source.path, str(PurePosixPath(source.member).with_name(name)))
    return Source(source.path.with_name(name))


def exists(source: Source) -> bool:
    """Whether a file is there; of an archive, whether it can be opened."""
    if not source.member:
        return source.path.is_file()
    try:
        return bool(source.head)
    except (InputError, KeyError):
        return False


def _table(source: Source) -> dict[str, Any]:
    """A file's JSON; empty where it is none."""
    if not exists(source) or (not source.member and source.path.stat().st_size > _MOST_BYTES):
        return {}
    try:
        found = json.loads(source.content[:_MOST_BYTES])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
