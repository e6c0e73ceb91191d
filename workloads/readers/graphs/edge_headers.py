"""What the comments and headings of an edge list say: SNAP's, KONECT's, Network Repository's, and column names.

SNAP: `# Undirected graph: ...`, `# Nodes: 9 Edges: 14` (snap.stanford.edu/data). KONECT: `% sym unweighted` and
`% edges nodes nodes` (Kunegis, "Handbook of network analysis: the KONECT project", section 5); Network Repository
(networkrepository.com) writes the first of these lines alone.
"""

import re
from dataclasses import dataclass

from workloads.readers.graphs.numbering import GraphHeader
from workloads.readers.options import Direction

_KONECT = re.compile(r"%\s*(sym|asym|bip)\b\s*(\w*)", re.I)
_KONECT_SIZES = re.compile(r"%\s*(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s*$")
_KONECT_DIRECTION: dict[str, Direction] = {"sym": "undirected", "asym": "directed", "bip": "bipartite"}
_NODES = re.compile(r"\b(?:nodes?|vertices|\|?V\|?)\s*[:=]\s*(\d[\d,]{0,17})", re.I)
_EDGES = re.compile(r"\b(?:edges?|arcs|\|?E\|?)\s*[:=]\s*(\d[\d,]{0,17})", re.I)

_ROLES = {
    "source": "source|src|from|u|i|start|origin|sender|citing|head|follower|fromnode|fromnodeid|fromid|sourceid"
    "|sourcenode|sourcesubreddit|startid|senderid|srcid|subject|nodea|idfrom|parent",
    "target": "target|tgt|dst|dest|destination|to|v|j|end|receiver|cited|tail|followee|tonode|tonodeid|toid|targetid"
    "|targetnode|targetsubreddit|endid|receiverid|dstid|object|nodeb|idto|child|recipient",
    "row": "(row|user|customer|reviewer|reader|visitor|listener|document|doc)(id|s|index|idx)?",
    "column": "(col|column|item|movie|product|book|artist|track|song|business|anime|game|recipe|article|joke|word|term"
    "|asin|isbn|parentasin)(id|s|index|idx)?",
    "weight": "weight|weights|w|rating|ratings|score|combinedscore|value|values|val|count|counts|strength|capacity|cost"
    "|distance|length|similarity|data|sign|freq|frequency|plays",
    "time": "time|timestamp|timestamps|date|t|unixtime|creationdate|ts|datetime|year",
    "type": "type",
}
_ENDS = (
    "(id|node|user|person|protein|vertex|gene|page|author|paper|entity|account|member|actor|player|name|interactor"
    "|station|airport|city|atom|residue|individual|agent|device|host|ip)s?(id)?"
)
"""What both ends of an edge are called where they are told apart by a number, as in `id_1,id_2`."""

_OF_A_LIST = {"nnz", "nonzeros", "density"}
"""Columns of lists of matrices, whose `rows` and `cols` are sizes."""


@dataclass(frozen=True)
class Comments:
    """What the comments in front of an edge list say."""

    header: GraphHeader
    edges: int | None = None
    pattern: bool = False
    """Whether the third column is no weight."""
    timed: bool = False
    """Whether a fourth column is a time."""
    known: bool = False
    """Whether a graph is spoken of at all."""


def comments_of(lines: list[str], name: str) -> Comments:
    """From the first lines of a file that begin with `#`, `%` or `//`, and from the file's name."""
    comments = [line for line in (one.strip() for one in lines) if line[:1] in ("#", "%") or line[:2] == "//"]
    for at, line in enumerate(comments):
        if found := _KONECT.match(line):
            direction = _KONECT_DIRECTION[found[1].lower()]
            sizes = next((s for one in comments[at + 1 :] if (s := _KONECT_SIZES.match(one))), None)
            nodes, targets = (int(sizes[2]), int(sizes[3])) if sizes else (None, None)
            if direction != "bipartite" and nodes is not None and targets is not None:
                nodes = max(nodes, targets)
            pattern = found[2].lower() in ("unweighted", "")
            header = GraphHeader(direction, 1, nodes, targets if direction == "bipartite" else None)
            return Comments(header, int(sizes[1]) if sizes else None, pattern, True, True)
    text = "\n".join(comments)
    direction, nodes, edges = None, _NODES.search(text), _EDGES.search(text)
    if re.search(r"\bundirected\b", text, re.I) or ".ungraph" in name.lower():
        direction = "undirected"
    elif re.search(r"\bdirected\b", text, re.I):
        direction = "directed"
    elif re.search(r"\bbipartite\b", text, re.I):
        direction = "bipartite"
    count = None if nodes is None or direction == "bipartite" else int(nodes[1].replace(",", ""))
    known = nodes is not None or direction is not None
    edge_count = None if edges is None else int(edges[1].replace(",", ""))
    return Comments(GraphHeader(direction, None, count), edge_count, known=known)


def columns_of(heading: list[str]) -> dict[str, int] | None:
    """Columns by role: `source`, `target` (or `row`, `column`), `weight`, `time`, `type`; None for other headings."""
    words = [re.sub(r"[^a-z0-9]", "", word.lower()) for word in heading]
    found: dict[str, int] = {}
    for at, word in enumerate(words):
        role = next((role for role, known in _ROLES.items() if re.fullmatch(known, word)), None)
        if role is not None:
            found.setdefault(role, at)
    if words[2:3] == ["v"]:  # the value of `i,j,v` and `row,col,v`
        found = {role: at for role, at in found.items() if (role, at) != ("target", 2)}
        found.setdefault("weight", 2)
    if {"source", "target"} <= found.keys():
        return found
    if {"row", "column"} <= found.keys():
        return None if _OF_A_LIST.intersection(words) else found
    stems = {re.sub(r"[12ab]$|[12](?=id$)|^(first|second)", "", word) for word in words[:2]}
    if len(words) > 1 and len(stems) == 1 and re.fullmatch(_ENDS, stems.pop()):
        return found | {"source": 0, "target": 1}
    return None
