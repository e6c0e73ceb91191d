"""YAML of other tools, by the names at its top: Timeloop's problems, ZigZag's and AccelForge's workloads."""

import re
from typing import Any

from workloads.readers.formats import Sureness
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tables.accelforge import read_accelforge
from workloads.readers.tables.layers import TABLE
from workloads.readers.tables.timeloop import read_timeloop
from workloads.readers.tables.yaml_text import load_yaml
from workloads.readers.tables.zigzag import is_zigzag, literal_of, read_zigzag

_SIGNS = (
    (r"^problem:", r"\b(shape|instance|data[-_]spaces|[KM]):"),
    (r"^(workload:|einsums:)", r"^\s*einsums:"),
    (r"\bequation:", r"\bloop_(dims|dim_size)\b"),
    (r"^einsum:", r"^\s+(declaration|expressions):"),
)
"""What the beginnings of Timeloop's, AccelForge's, ZigZag's and TeAAL's files hold."""
_PYTHON = re.compile(r"workload\s*(:[^=\n]*)?=\s*\{")
_TYPES = ("problem of Timeloop", "workload of ZigZag or AccelForge")


def recognise(source: Source) -> Sureness:
    """By its keys."""
    if not source.is_text:
        return Sureness.NO
    text = "\n".join(source.first_lines)
    signed = any(all(re.search(one, text, re.MULTILINE) for one in both) for both in _SIGNS)
    return Sureness.SIGNED if signed else Sureness.NO


def recognise_yaml(source: Source) -> Sureness:
    """By the suffix."""
    return Sureness.NAMED if source.suffix in (".yaml", ".yml") and source.is_text else Sureness.NO


def read_problem_yaml(source: Source, options: ReadOptions) -> Found:
    """What the file holds. **Raises** `InputError` for what is no problem and no workload, and for TeAAL's."""
    content = load_yaml(source, _what(source))
    if is_zigzag(content):
        return read_zigzag(source, content)
    top = content if isinstance(content, dict) else {}
    if isinstance(top.get("workload"), dict) and "einsums" in top["workload"]:
        return read_accelforge(source, top["workload"])
    if isinstance(top.get("einsums"), list):
        return read_accelforge(source, top)
    if "problem" in top:
        return read_timeloop(source, top["problem"])
    if _is_teaal(top):
        source.fail("is a TeAAL specification", "of einsums without sizes", f"give {TABLE}")
    keys = ", ".join(str(key)[:40] for key in list(top)[:3])
    holds = f"YAML with {keys}" if keys else "YAML"
    source.fail("file", f"holds {holds}, no {' and no '.join(_TYPES)}", f"give one of these, or {TABLE}")


def recognise_python(source: Source) -> Sureness:
    """By the dictionary that ZigZag's older workloads are."""
    if not source.is_text or not any(_PYTHON.match(line) for line in source.first_lines):
        return Sureness.NO
    return Sureness.SIGNED if "equation" in "\n".join(source.first_lines) else Sureness.NO


def read_python(source: Source, options: ReadOptions) -> Found:
    """A literal in a Python file. **Raises** `InputError`."""
    content = literal_of(source)
    if not is_zigzag(content):
        source.fail("file", "is Python without a ZigZag workload in it", f"give {TABLE}")
    return read_zigzag(source, content)


def _is_teaal(top: dict[str, Any]) -> bool:
    einsum = top.get("einsum")
    return isinstance(einsum, dict) and bool({"declaration", "expressions"}.intersection(einsum))


def _what(source: Source) -> str:
    """What the file is, as far as its beginning says."""
    text = "\n".join(source.first_lines)
    names = (
        ("einsums:", "AccelForge workload"),
        ("problem:", "Timeloop problem"),
        ("operator_type:", "ZigZag workload"),
    )
    return next((name for key, name in names if key in text), "YAML file")
