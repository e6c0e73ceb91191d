"""Write docs/technology.md: every constant of the technology with value, unit, confidence and source.

Usage:
    python docs/make_technology.py
"""

from pathlib import Path

from hwmodels.technology import constants_table

PAGE = Path(__file__).with_name("technology.md")

MEANINGS = {
    "verified": "read in the source",
    "secondary": "read in another work that quotes the source",
    "derived": "computed from, or fitted to, sources",
    "guess": "assumed; no source found",
}

HEAD = """\
# The technology's constants

Written by `python docs/make_technology.py` from `hwmodels/technology/default.json`; edit that file, not this page.
The rules that use the constants are the methods of `Technology`, in `hwmodels/technology/`. Unless the source says
otherwise, a constant holds at 45 nm and nominal supply. `--technology FILE` of every script, and
`make_technology(scenario, path)` in Python, replace constants by name with those of a JSON file, such as
`{"int_add_pj": 0.05}`.
"""


def cell(text: str) -> str:
    """Text that cannot break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """The whole page."""
    table = constants_table()
    counts = [sum(constant.confidence == name for constant in table) for name in MEANINGS]
    lines = [HEAD, "| confidence | meaning | constants |", "|---|---|---|"]
    lines += [f"| {name} | {MEANINGS[name]} | {count} |" for name, count in zip(MEANINGS, counts, strict=True)]
    lines += ["", "| constant | value | unit | confidence | source |", "|---|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.value:g} | {cell(c.unit)} | {c.confidence} | {cell(c.source)} |" for c in table]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"docs/{PAGE.name}: {len(constants_table())} constants")
