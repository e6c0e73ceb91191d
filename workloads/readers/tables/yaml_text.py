"""YAML as other tools write it, read by PyYAML's safe loader within limits: nothing is run, nothing grows.

YAML 1.1 (yaml.org/spec/1.1); anchors and merges (`<<`) are followed, tags refused. Nesting and merged keys are bounded
before and while it is parsed, as both can make little text large or deep.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from workloads.readers.source import Source, words_of
from workloads.readers.tables.layers import TABLE

MOST_TEXT = 2**20
MOST_NESTED = 100
MOST_MERGED = 10_000
MOST_LAYERS = 5000
MOST_AXES = 32
"""Of an operand; with aliases a list may otherwise be as long as the text is, in each of its places."""
MOST_SCALAR = 2000
"""Characters of a name or an equation."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The safe loader with an end to merged keys."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise yaml.YAMLError(f"more than {MOST_MERGED} merged keys")


def load_yaml(source: Source, what: str) -> Any:
    """The content of a file of one document. `what` names it in a sentence. **Raises** `InputError`."""
    text = text_of(source, what)
    if "{{" in text or "{%" in text:
        fix = f"write it out with its tool, or give {TABLE}"
        source.fail(f"is a YAML template ({what}) with Jinja expressions,", "which are not evaluated here", fix)
    if _depth(text) > MOST_NESTED:
        source.fail(what, f"is nested more than {MOST_NESTED} deep", f"flatten it, or give {TABLE}")
    try:
        documents = [one for one in yaml.load_all(text, Loader=_Loader) if one is not None]
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        source.fail(what, f"is no YAML that can be read ({words_of(error)})", f"correct it, or give {TABLE}", error)
    if len(documents) == 1:
        return documents[0]
    if documents and all(isinstance(one, dict) for one in documents):
        keys = [key for one in documents for key in one]
        if len(keys) == len(set(map(str, keys))):
            return {key: value for one in documents for key, value in one.items()}
    source.fail(what, f"holds {len(documents)} YAML documents", f"give one, or {TABLE}")


def text_of(source: Source, what: str) -> str:
    """All of a small text. **Raises** `InputError` for more than 1 MiB."""
    with source.open() as stream:
        size = len(stream.read(MOST_TEXT + 1))
    if size > MOST_TEXT:
        source.fail(what, f"is larger than {MOST_TEXT >> 20} MiB", f"give fewer layers, or {TABLE}")
    return "\n".join(line for _, line in source.lines())


def scalar(value: Any) -> str:
    """A value as text; empty for lists and mappings, which aliases may have made endless."""
    return "" if isinstance(value, (list, dict)) or value is None else str(value)[:MOST_SCALAR]


def shown(value: Any) -> str:
    """A value for a sentence; of lists and mappings, which aliases may have made endless, only what they are."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    return repr(str(value)[:40])


def underscored(mapping: dict) -> dict[str, Any]:
    """The same with `-` in keys replaced, as both spellings are in use."""
    return {str(key).replace("-", "_"): one for key, one in mapping.items()}


def whole_number(source: Source, where: str, value: Any) -> int:
    """**Raises** `InputError` for what is no whole number above 0."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, float) and abs(value) < 2**53 and value == int(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**53:
        source.fail(where, f"is {shown(value)}", f"give a whole number above 0, or {TABLE}")
    return value


def refuse_zeros(source: Source, where: str, mapping: Mapping, read: tuple[str, ...] = ()) -> None:
    """**Raises** `InputError` for a key that speaks of density or sparsity and is none of those that are read."""
    said = next((str(key) for key in mapping if re.search(r"densit|spars", str(key).lower()) and key not in read), None)
    if said is not None:
        source.fail(where, f"says {said[:40]}, which is not read here", f"give {TABLE}")


def _depth(text: str) -> int:
    """At least how deep the text is nested: open brackets, and indentation with its dashes."""
    depth = most = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        most, depth = max(most, depth), max(depth, 0)
    indented = max((len(one[0]) // 2 for one in re.finditer(r"^[ \t\-?:]{2,}", text, re.MULTILINE)), default=0)
    return most + indented
