"""What lies beside weights and says what they are: `config.json` of Hugging Face and its relatives."""

import json
from typing import Any

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
        said = _table(source.beside(name))
        if not said:
            continue
        if not key:
            found = {**said, **found}
        elif not isinstance(found.get("quantization_config"), dict):
            found[key] = said.get("quantization", said) if name.startswith("hf_") else said
    return found


def _table(source: Source | None) -> dict[str, Any]:
    """A file's JSON; empty where it is none."""
    if source is None or (not source.member and source.path.stat().st_size > _MOST_BYTES):
        return {}
    try:
        found = json.loads(source.content[:_MOST_BYTES])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
