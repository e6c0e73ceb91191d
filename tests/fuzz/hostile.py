"""Texts that announce or go on without end, folders that loop, and places that are no files."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

REAL = "%%MatrixMarket matrix coordinate real general\n"
MANY = 2_000_000
"""Lines of long files."""


def hostile(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Names, and what writes each into the folder and returns the spec to be read."""
    for part in (_texts, _tables, _trees, _places):
        yield from part(folder)


def written(
    folder: Path, name: str, content: bytes | str | Callable[[], bytes | str], options: str = ""
) -> tuple[str, Callable[[], str]]:
    """A case of one file, its content made when it is written; `options` go behind its path."""

    def write() -> str:
        made = content() if callable(content) else content
        (folder / name).write_bytes(made.encode() if isinstance(made, str) else made)
        return f"{folder / name}{options}"

    return f"{name}{options}", write


def _texts(folder: Path):
    for name, text in {
        "far.el": "0 268435455\n",
        "farther.el": "0 9223372036854775807\n",
        "bipartite.csv": "row,col\n0,268435455\n268435455,0\n",
        "square.mtx": f"{REAL}268435456 268435456 1\n1 1 1\n",
        "tall.mtx": f"{REAL}268435456 1 1\n1 1 1\n",
        "wide.mtx": f"{REAL}1 268435456 1\n1 1 1\n",
        "array.mtx": "%%MatrixMarket matrix array real symmetric\n268435456 268435456\n1\n",
        "cut.mtx": f"{REAL}2 2 1\n1 1 1e",
        "sizes.tns": "3 1000000000000 1000000000000 1\n1 1 1 1\n",
        "wide.svm": "1 268435455:1\n",
        "words.txt": "268435456\n268435456\n1\n1 1 1\n",
        "nodes.graph": "268435456 0\n",
        "huge.net": "*Vertices 268435456\n*Arcs\n1 2\n",
        "dense.net": "*Vertices 100000\n*Matrix\n1 2\n",
        "p.gr": "p sp 268435456 1\na 1 2 3\n",
        "ligra.adj": "AdjacencyGraph\n268435456\n1\n0\n0\n",
        "wide.smtx": "268435456, 268435456, 1\n0 1\n0\n",
        "wide.rua": "t".ljust(80)
        + "\n"
        + f"{3:14d}" * 5
        + "\nRUA"
        + " " * 11
        + f"{268435455:14d}" * 2
        + f"{1:14d}{0:14d}"
        + "\n"
        + "(8I10)".ljust(16) * 2
        + "(3D26.17)".ljust(20)
        + "\n1 2\n1\n1.0\n",
    }.items():
        yield written(folder, name, text)
    for product in ("@axa", "@axat", "@spmv", "@sddmm:64", ":keepgaps", ":bipartite", ":undirected:keepgaps"):
        yield written(folder, "far.el", "0 268435455\n5 100000000\n", product)
    yield written(folder, "lines.el", lambda: "".join(f"{i} {i * 7 % MANY}\n" for i in range(MANY)))
    yield written(folder, "names.edges", lambda: "".join(f"n{i} n{i * 7 % MANY}\n" for i in range(MANY)))
    yield written(folder, "same.edges", lambda: "a b\n" * MANY)
    yield written(folder, "data.edgelist", lambda: "".join(f"{i} {i + 1} {{}}\n" for i in range(MANY)))
    yield written(
        folder, "lines.mtx", lambda: f"{REAL}{MANY} 9 {MANY}\n" + "".join(f"{i + 1} 1 1\n" for i in range(MANY))
    )
    yield written(
        folder,
        "symmetric.mtx",
        lambda: REAL.replace("general", "symmetric") + f"3 3 {MANY}\n" + "2 1 1\n1 2 1\n" * (MANY // 2),
    )
    yield written(folder, "lines.tns", lambda: "".join(f"{i + 1} 1 1 1\n" for i in range(MANY)), "@mttkrp:0:8")
    yield written(folder, "lines.svm", lambda: "1 1:1 2:1\n" * MANY)
    yield written(
        folder,
        "lines.gml",
        lambda: (
            "graph [\n"
            + "".join(f"node [ id {i} ]\n" for i in range(MANY // 4))
            + "".join(f"edge [ source {i} target 0 ]\n" for i in range(MANY // 4))
            + "]\n"
        ),
    )
    yield written(
        folder,
        "lines.graphml",
        lambda: (
            "<graphml><graph>"
            + "".join(f'<node id="n{i}"/>\n' for i in range(MANY // 4))
            + "".join(f'<edge source="n{i}" target="n0"/>\n' for i in range(MANY // 4))
            + "</graph></graphml>"
        ),
    )
    yield written(folder, "lines.adjlist", lambda: "".join(f"{i} {i + 1}\n" for i in range(MANY // 2)))
    yield written(folder, "lines.graph", lambda: f"{MANY // 2} 0\n" + "\n" * (MANY // 2))
    yield written(folder, "lines.net", lambda: f"*Vertices {MANY}\n*Arcs\n" + "1 2\n" * MANY)
    yield written(folder, "lines.col", lambda: f"p edge 9 {MANY}\n" + "e 1 2\n" * MANY)
    yield written(folder, "lines.txt", lambda: "1.5 2.5 3.5 4.5 5.5\n" * MANY)
    yield written(folder, "comments.mtx", lambda: REAL + "%\n" * (20 * MANY) + "1 1 1\n1 1 1\n")
    yield written(folder, "blank.el", lambda: "0 1\n" + "\n" * (50 * MANY))
    yield written(folder, "one_line.el", lambda: "0 1 " * (25 * MANY // 2))
    yield written(folder, "one_word.el", lambda: "1" * (50 * MANY))
    yield written(folder, "long_word.mtx", lambda: f"{REAL}1 1 1\n1 1 1." + "1" * (50 * MANY))
    yield written(folder, "long_words.mtx", lambda: f"{REAL}9 9 200\n" + f"1 1 1.{'1' * 100_000}\n" * 200)
    yield written(folder, "quotes.el", lambda: '"' * (10 * MANY))
    yield written(folder, "quoted.csv", lambda: "source,target\n" + '0,"' * (MANY // 40) + "\n")
    yield written(folder, "zeros.el", bytes(50 * MANY))
    yield written(folder, "blanks.txt", lambda: b" " * (50 * MANY))


def _tables(folder: Path):
    head = "name,M,N,K,density\n"
    for count in (20_000, MANY):
        yield written(folder, f"rows{count}.csv", lambda n=count: head + "".join(f"l{i},8,8,8,0.5\n" for i in range(n)))
        yield written(folder, f"same{count}.csv", lambda n=count: head + "l,8,8,8,0.5\n" * n)
    for name, line in {
        "large": "l,268435456,268435456,268435456,0.5",
        "sparse": "l,268435456,268435456,268435456,1e-12",
        "both": "l,268435456,268435456,268435456,1e-9",
        "nm": "l,268435456,268435456,268435456,1:128",
        "odd": "l,268435399,268435367,268435361,0.37",
    }.items():
        yield written(folder, f"{name}.csv", head + line + "\n")
        yield written(folder, f"{name}_b.csv", head.strip() + ",density_b\n" + line + ",0.1\n")
    convolution = "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides,groups\n"
    yield written(folder, "conv.csv", convolution + "l,16384,16384,3,3,65536,65536,1,1\n")
    yield written(folder, "groups.csv", convolution + "l,99,99,3,3,268435456,268435456,1,268435456\n")
    yield written(folder, "filter.csv", convolution + "l,16384,16384,16384,16384,1,1,1,1\n")
    yield written(folder, "columns.csv", "name,M,N,K" + ",x" * 2000 + "\nl,8,8,8" + ",1" * 2000 + "\n")
    yield written(folder, "twins.csv", ("name,M,N,K" + ",M" * 1500) + "\nl,8,8,8" + ",1" * 1500 + "\n")
    darknet = "[net]\nheight=32\nwidth=32\nchannels=3\n"
    yield written(folder, "deep.cfg", darknet + "[convolutional]\nfilters=8\nsize=3\npad=1\n" * 20_000)
    yield written(
        folder, "large.cfg", darknet.replace("32", "99999999") + "[convolutional]\nfilters=99999999\nsize=1\n"
    )
    yield written(folder, "net.prototxt", 'layer { type: "x" ' * 20_000)
    yield written(folder, "deep.prototxt", "layer { type: 'x' " + "a { " * 100_000 + "}" * 100_001)
    yield written(
        folder,
        "maestro.m",
        "Network x {\n" + "Layer C { Type: CONV Dimensions { K: 8 C: 8 R: 3 S: 3 Y: 8 X: 8 } }\n" * 10_000 + "}",
    )
    yield written(folder, "braces.m", "Network x {\n Layer C { Dimensions {" + "{" * 500_000)
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    yield written(folder, "laughs.yaml", laughs + "problem:\n  shape: *a29\n  instance: *a29\n")
    yield written(folder, "zigzag.yaml", laughs + "- id: 0\n  equation: x\n")
    yield written(folder, "deep.yaml", "problem:\n  shape: " + "[" * 300_000)
    yield written(folder, "braces.yaml", "problem: " + "{a: " * 90 + "1" + "}" * 90)
    yield written(folder, "long.yaml", "problem:\n" + "".join(f"  k{i}: {i}\n" for i in range(60_000)))
    yield written(folder, "deep.py", "workload = " + "(" * 90 + "1," + ")" * 90 + " # equation loop_dim_size\n")
    yield written(folder, "digits.yaml", "problem:\n  shape: cnn-layer\n  R: " + "9" * 5000 + "\n")
    yield written(folder, "digits.json", '{"weight_map": {"a": ' + "9" * 5000 + "}}")


def _trees(folder: Path):
    def many() -> str:
        top = folder / "many"
        for at in range(12_000):
            (top / f"{at % 100}").mkdir(parents=True, exist_ok=True)
            (top / f"{at % 100}" / f"{at}.mtx").write_text(f"{REAL}1 1 1\n1 1 1\n")
        return str(top)

    def looped() -> str:
        top = folder / "looped"
        (top / "a").mkdir(parents=True, exist_ok=True)
        (top / "a" / "A.mtx").write_text(f"{REAL}1 1 1\n1 1 1\n")
        for name, to in (("up", ".."), ("root", "/"), ("self", "self")):
            if not (top / "a" / name).is_symlink():
                (top / "a" / name).symlink_to(to)
        return str(top)

    def deep() -> str:
        top = folder / "deep"
        top.mkdir(exist_ok=True)
        here = os.getcwd()
        os.chdir(top)
        for _ in range(1500):
            os.makedirs("d", exist_ok=True)
            os.chdir("d")
        os.chdir(here)
        return str(top)

    yield "many", many
    yield "looped", looped
    yield "deep", deep


def _places(folder: Path):
    def pipe() -> str:
        if not (folder / "pipe.mtx").exists():
            os.mkfifo(folder / "pipe.mtx")
        return str(folder / "pipe.mtx")

    def of_pipe() -> str:
        (folder / "pipes").mkdir(exist_ok=True)
        if not (folder / "pipes" / "a.mtx").exists():
            os.mkfifo(folder / "pipes" / "a.mtx")
        return str(folder / "pipes")

    def socketed() -> str:
        with socket.socket(socket.AF_UNIX) as one:
            (folder / "s").unlink(missing_ok=True)
            one.bind(str(folder / "s"))
        return str(folder / "s")

    def unreadable() -> str:
        (folder / "closed.mtx").write_text(REAL)
        (folder / "closed.mtx").chmod(0)
        return str(folder / "closed.mtx")

    yield "pipe", pipe
    yield "folder of a pipe", of_pipe
    yield "socket", socketed
    yield "unreadable", unreadable
    for place in (
        "/",
        "/dev",
        "/dev/zero",
        "/dev/stdin",
        "/proc",
        "/proc/self/mem",
        "/sys",
        "/etc",
        "/proc/kmsg",
        "a" * 5000,
        "\0",
        ".",
    ):
        yield place[:40], lambda place=place: place
