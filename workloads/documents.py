"""JSON and TOML files of a user's: read whole, within limits, and refused in one sentence that names the file."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from workloads.errors import InputError

MOST_BYTES = 64 << 20
"""Of JSON, which takes up to 25 times as much memory."""
MOST_TOML_BYTES = 256 << 10
MOST_DOTS = 100
"""Of names on a line of TOML: Python's parser takes the square of a name's parts."""
LONGEST_INTEGER = 18
"""Digits of what stays an integer; longer ones become floats, so that no conversion fails later."""
_DECIMAL = re.compile(r"(?<![\w.\"'-])[+-]?\d+\.\d+(e[+-]?\d+)?(?![\w.\"'-])", re.I)
"""A number whose dot is no name's."""


def read_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds. InputError if it cannot be read, is not JSON, or names a key twice."""
    text = _text_of(path, MOST_BYTES)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply; write it as this project does.") from None
    except ValueError as error:
        raise InputError(f"{path}: is not valid JSON ({error}); correct it there.") from None


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a TOML file holds. InputError if it cannot be read or is not TOML."""
    text = _text_of(path, MOST_TOML_BYTES)
    too_deep = f"{path}: is nested too deeply; write tables of numbers and names."
    if any(_DECIMAL.sub("", line).count(".") > MOST_DOTS for line in text.split("\n") if line.lstrip()[:1] != "#"):
        raise InputError(too_deep)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(too_deep) from None
    except ValueError as error:
        raise InputError(f"{path}: is not valid TOML ({error}); correct it there.") from None


def _text_of(path: str | os.PathLike[str], most_bytes: int) -> str:
    """The text of a regular file; what never ends, or waits for a writer, is not opened."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is no file but a folder or device; give the path of a file.")
        if status.st_size > most_bytes:
            raise InputError(f"{path}: has {status.st_size:,} bytes; give a file of at most {most_bytes:,}.")
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; give the path of a file.") from None
    except OSError as error:
        raise InputError(f"{str(path)[:200]}: cannot be read ({error.strerror}); give the path of a file.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8 ({error.reason}); save it as such.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"the key {twice[:40]!r} is there twice")
    return table


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)
