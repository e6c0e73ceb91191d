"""What lies beside weights and says what they are: `config.json` of Hugging Face and its relatives; and these alone."""

import json
from pathlib import PurePosixPath
from typing import Any, NoReturn

from workloads.errors import InputError
from workloads.readers.formats import Format, Sureness
from workloads.readers.options import ReadOptions
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
_CONFIGURES = {
    "model_type",
    "architectures",
    "transformers_version",
    "_class_name",
    "peft_type",
    "tokenizer_class",
    "quant_method",
}
"""Keys by which a table of JSON is known to be a configuration."""


def configuration(source: Source) -> dict[str, Any]:
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


def _recognise(source: Source) -> Sureness:
    head = source.head.lstrip()
    if head[:1] != b"{" or (source.suffix != ".json" and b'"model_type"' not in head):
        return Sureness.NO
    keys = [key for key in _CONFIGURES if f'"{key}"'.encode() in head]
    return Sureness.SIGNED if keys or source.name in _BESIDE else Sureness.NO


def _refuse(source: Source, options: ReadOptions) -> NoReturn:
    what = "is the configuration of a model (JSON), which holds no weights"
    source.fail("file", what, "give the model's folder or its .safetensors")


FORMAT = Format("configuration of a model", _recognise, _refuse, in_folders=False, is_refused=True)
"""Of use only beside weights."""
