"""What a checkpoint's configuration says of its quantisation."""

from collections.abc import Iterator, Mapping
from typing import Any

_SECTIONS = ("quantization_config", "compression_config", "quantization")


def quantisation(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section on quantisation; empty where there is none."""
    for section in _SECTIONS:
        if isinstance(config.get(section), Mapping):
            return config[section]
    return {}


def method(config: Mapping[str, Any]) -> str:
    """The method's name in lower case, as `gptq`; empty where none is said."""
    return str(quantisation(config).get("quant_method") or quantisation(config).get("quant_algo") or "").lower()


def number(config: Mapping[str, Any], *names: str) -> int | None:
    """A whole number of the section, under the first of some names that it has."""
    section = quantisation(config)
    for name in names:
        if isinstance(section.get(name), int) and not isinstance(section[name], bool):
            return section[name]
    return None


def bits_in_config(config: Mapping[str, Any]) -> set[int]:
    """All numbers of bits of weights that the section names, at its top or in its groups."""
    return {
        bits for args in weight_arguments(config) if isinstance(bits := args.get("num_bits", args.get("bits")), int)
    }


def weight_arguments(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What compressed-tensors' `config_groups` say of weights, and the section itself."""
    section = quantisation(config)
    yield section
    groups = section.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            yield weights
