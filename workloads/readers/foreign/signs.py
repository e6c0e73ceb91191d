"""Ways to recognise a format: by magic bytes, by text at the beginning, by the name, by the members of a zip file."""

import re
from collections.abc import Callable

from workloads.readers.formats import Sureness
from workloads.readers.source import Source

Recognise = Callable[[Source], Sureness]


def magic(*begins: bytes, at: int = 0) -> Recognise:
    """By bytes at an offset; letters and digits alone are no sign in a text, where they may be a node's name."""

    def recognise(source: Source) -> Sureness:
        found = next((begin for begin in begins if source.head[at:].startswith(begin)), None)
        if found is None or (found.isalnum() and source.is_text) or is_safetensors(source):
            return Sureness.NO
        return Sureness.SIGNED

    return recognise


def is_safetensors(source: Source) -> bool:
    """Whether the bytes are the length of a header and its beginning, which may look like another format's mark."""
    return source.head[8:9] == b"{" and int.from_bytes(source.head[:8], "little") < 2**27


def named(pattern: str) -> Recognise:
    """By the name, in lower case."""
    compiled = re.compile(pattern)
    return lambda source: Sureness.NAMED if compiled.search(source.name.lower()) else Sureness.NO


def written(pattern: str) -> Recognise:
    """By text at the beginning, blanks passed over."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def recognise(source: Source) -> Sureness:
        text = source.head[:4096].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        return Sureness.SIGNED if compiled.match(text) else Sureness.NO

    return recognise


def zipped(pattern: str) -> Recognise:
    """By the name of a member."""
    compiled = re.compile(pattern)
    return lambda source: Sureness.SIGNED if any(compiled.search(one) for one in source.zip_names) else Sureness.NO


def surest(*ways: Recognise) -> Recognise:
    """By any of several ways."""
    return lambda source: max(way(source) for way in ways)


def keyed(*keys: str) -> Recognise:
    """By a name at the beginning of an object."""
    compiled = re.compile("|".join(rf'"{key}"\s*:' for key in keys))

    def recognise(source: Source) -> Sureness:
        text = source.head[:16_384].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        index = '"weight_map"' in text  # of safetensors' shards, which is read
        return Sureness.SIGNED if text.startswith("{") and compiled.search(text) and not index else Sureness.NO

    return recognise
