"""How the lines of an edge list are laid out, concluded from its first ones: separator, heading, roles of columns."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from workloads.readers.graphs.edge_headers import Comments, columns_of, comments_of
from workloads.readers.source import Source
from workloads.readers.text_layout import NUMBER, data_lines, fields_of, is_comment, separator_of

NAMED_SUFFIXES = (".el", ".wel", ".edges", ".edgelist", ".edge", ".e", ".cites", ".ungraph", ".ncol")
"""Of edge lists and of nothing else."""
GRAPH_SUFFIXES = (*NAMED_SUFFIXES, ".txt", ".tsv", ".csv")
_LABEL_SUFFIXES = (".edges", ".edgelist", ".el", ".cites", ".ncol")
_RATINGS = re.compile(r"(u\d?\.data|u[\dab]\.(base|test)|ratings?\.(dat|csv|txt|tsv))", re.I)
"""GroupLens' names of files of ratings: user, item, rating, time (grouplens.org/datasets/movielens)."""
_OF_OGB = re.compile(
    r"(node[-_](feat|label|year|species|type)|edge[-_](feat|reltype|attr|label|type|weight)|graph[-_](label|feat)"
    r"|num-(node|edge)-list)\b.*",
    re.I,
)
"""OGB's names of files beside `edge.csv`, whose numbers are no edges (ogb.stanford.edu)."""
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class EdgeLayout:
    """Of a line: its separator (empty for blanks), and which columns are what."""

    separator: str
    stride: int
    """Fields from one column to the next: 2 where the separator is `::`."""
    heading: list[str]
    columns: dict[str, int]
    """By role, empty where the number of columns decides."""
    labels: bool
    """Whether nodes have names."""
    dictionaries: bool
    """Whether networkx' attributes stand behind the edges."""
    comments: Comments
    ratings: bool
    """Whether rows are users and columns items by the file's name or its `::`."""
    width: int
    first: list[list[str]] = field(repr=False)
    """Fields of the first lines, heading left out."""

    @property
    def sure(self) -> bool:
        """Whether something but the numbers themselves says that this is a graph."""
        return self.comments.known or bool(self.columns) or self.ratings or self.dictionaries


def layout_of(source: Source) -> EdgeLayout | None:
    """The layout of a file that may be an edge list; None for what is none."""
    if not source.is_text or source.suffix in (".mtx", ".tns", ".smtx") or _OF_OGB.fullmatch(source.name):
        return None
    lines, data = [line.strip("\ufeff").rstrip() for line in source.first_lines], data_lines(source)
    if not data:
        return None
    if lines[0].lstrip(" %").lower().startswith("matrixmarket"):
        return None
    comments = comments_of([line for line in lines if is_comment(line)], source.name)
    if any("GMT" in line and line.startswith("#") for line in lines[:3]):
        return None  # networkx' adjacency list, whose writer puts the date in front
    if all(re.fullmatch(r"[^\s{:]+\s+[^\s{:]+\s+\{.*\}", line.strip()) for line in data):
        return EdgeLayout("", 1, [], {}, False, True, comments, False, 2, [])
    separator = separator_of(data)
    stride = 1 + all("::" in line for line in data)
    rows = [fields_of(line, separator)[::stride] for line in data]
    heading, columns = [], {}
    if not any(NUMBER.fullmatch(text) for text in rows[0]) and len(rows) > 1 and separator_or_words(separator, rows):
        columns = columns_of(rows[0]) or {}
        if columns or any(NUMBER.fullmatch(text) for text in rows[1]):
            heading, rows = rows[0], rows[1:]
            if not columns:
                return None
    width = Counter(len(row) for row in rows[-20:]).most_common(1)[0][0]
    ratings = bool(_RATINGS.fullmatch(source.name)) or stride == 2
    layout = EdgeLayout(separator, stride, heading, columns, False, False, comments, ratings, width, rows)
    return _with_labels(layout, source)


def separator_or_words(separator: str, rows: list[list[str]]) -> bool:
    """Whether a first line of words can be a heading: it has a separator, or numbers come after it."""
    return bool(separator) or any(NUMBER.fullmatch(text) for text in rows[1])


def _with_labels(layout: EdgeLayout, source: Source) -> EdgeLayout | None:
    """The layout with `labels` set where nodes have names; None where the lines are no edges."""
    ends = [
        layout.columns.get(a, layout.columns.get(b, at))
        for at, (a, b) in enumerate((("source", "row"), ("target", "column")))
    ]
    whole = [row for row in layout.first if len(row) == layout.width and max(ends) < len(row)]
    if not whole or layout.width < 2 or (not layout.columns and layout.width > 4):
        return None
    pairs = [(row[ends[0]], row[ends[1]]) for row in whole]
    if all(_WHOLE.fullmatch(text) for pair in pairs for text in pair):
        return layout
    if any(NUMBER.fullmatch(text) and not _WHOLE.fullmatch(text) for pair in pairs for text in pair):
        return None
    named = EdgeLayout(**{**vars(layout), "labels": True})
    if layout.columns or source.suffix in _LABEL_SUFFIXES or layout.comments.known:
        return named
    if _WHOLE.fullmatch(pairs[0][0]) and _WHOLE.fullmatch(pairs[0][1]):
        return layout  # a word among numbers: a mistake that is named when it is read
    return named if _are_edges_of_names(layout, pairs) else None


def _are_edges_of_names(layout: EdgeLayout, pairs: list[tuple[str, str]]) -> bool:
    """Whether lines of names are edges: all as wide as each other, and nodes that come back."""
    if any(len(row) != layout.width for row in layout.first) or layout.width > 3 or len(pairs) < 3:
        return False
    if layout.width == 3 and not all(NUMBER.fullmatch(row[2]) for row in layout.first):
        return False
    sources, targets = {a for a, _ in pairs}, {b for _, b in pairs}
    return bool(sources & targets) and len(sources | targets) < 1.6 * len(pairs)


def are_times(values: list[float], rising: bool) -> bool:
    """Whether whole numbers are times: seconds since 1970 in the main, or many that never fall."""
    ordered = sorted(values)
    if ordered[len(ordered) // 2] >= 1e8:
        return True
    return rising and len(values) >= 10 and sum(a < b for a, b in pairwise(ordered)) > len(values) // 2
