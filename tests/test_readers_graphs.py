"""Files of one graph: every flavour gives the same adjacency matrix, what is assumed is told, options say otherwise."""

import contextlib
import gzip
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads import InputError, load_matrix, resolve_workload
from workloads.readers.loading import describe
from workloads.readers.options import read_options
from workloads.readers.source import Source

QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    """Nodes 0 to n - 1, each with an edge to the next one; edges each once and in any order."""
    n = draw(st.integers(4, 9))
    more = draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12))
    return n, draw(st.permutations(sorted(more | {(at, (at + 1) % n) for at in range(n)})))


def adjacency(n: int, edges: Edges, undirected: bool = False) -> np.ndarray:
    found = np.zeros((n, n))
    for i, j in edges:
        found[i, j] = 1
        if undirected:
            found[j, i] = 1
    return found


def lines(edges: Edges, form: str, first: int = 0) -> str:
    return "".join(form.format(i + first, j + first) + "\n" for i, j in edges)


def ligra(n: int, edges: Edges) -> str:
    ordered = sorted(edges)
    offsets = [sum(i < node for i, _ in ordered) for node in range(n)]
    return "\n".join(map(str, ["AdjacencyGraph", n, len(edges), *offsets, *(j for _, j in ordered)]))


def pajek(n: int, edges: Edges) -> str:
    names = "".join(f'{node + 1} "node {node}"\n' for node in range(n))
    return f"*Vertices {n}\n{names}*Arcs\n{lines(edges, '{} {} 1.5', 1)}"


def gml(n: int, edges: Edges) -> str:
    nodes = "".join(f'node [\n id {node} label "a ] b" graphics [ x 1 ]\n]\n' for node in reversed(range(n)))
    return f"graph [\n directed 1\n{nodes}{lines(edges, 'edge [ source {} target {} ]')}]\n"


DIRECTED: dict[str, Callable[[int, Edges], str]] = {
    "web.txt": lambda n, e: f"# Directed graph: x\n# Nodes: {n} Edges: {len(e)}\n" + lines(e, "{}\t{}"),
    "one.txt": lambda n, e: f"# Directed graph\n# Nodes: {n} Edges: {len(e)}\n" + lines(e, "{} {}", 1),
    "plain.el": lambda n, e: lines(e, "{} {}"),
    "from1.edges": lambda n, e: lines(e, "{} {}", 1),
    "gap.wel": lambda n, e: lines(e, "{} {} 3"),
    "slashes.edges": lambda n, e: "// a comment\n" + lines(e, "{},{}"),
    "sizes.txt": lambda n, e: f"{n} {len(e)}\n" + lines(e, "{} {}"),
    "no_banner.txt": lambda n, e: f"{n} {n} {len(e)}\n" + lines(e, "{} {} 2.5", 1),
    "heading.csv": lambda n, e: "id,Source,Target,label\n" + lines(e, 'x,{},{},"a, b"'),
    "numbered.csv": lambda n, e: "node_1;node_2;weight\n" + lines(e, "{};{};1.5"),
    "quoted.csv": lambda n, e: '"from","to"\n' + lines(e, '"{}","{}"'),
    "gephi.csv": lambda n, e: "Source,Target,Type,Weight\n" + lines(e, "{},{},Directed,1.5"),
    "ldbc.csv": lambda n, e: "Person.id|Person.id|creationDate\n" + lines(e, "{}|{}|2012-01-01T00:00:00"),
    "bom.csv": lambda n, e: "\ufeffsrc,dst\n" + lines(e, "{},{},"),
    "nr.edges": lambda n, e: "% asym positive\n" + lines(e, "{} {} 1 1082040961", 1),
    "out.konect": lambda n, e: f"% asym unweighted\n% {len(e)} {n} {n}\n" + lines(e, "{} {}", 1),
    "temporal.txt": lambda n, e: lines(e, "{} {} 1082040961"),
    "signed.csv": lambda n, e: lines(e, "{},{},-5,1289241911.7"),
    "names.edges": lambda n, e: lines(e, "v{} v{}"),
    "data.edgelist": lambda n, e: lines(e, "{} {} {{'weight': 2.5, 'x': 'y z'}}"),
    "road.gr": lambda n, e: f"c x 'y\np sp {n} {len(e)}\n" + lines(e, "a {} {} 7", 1),
    "flow.max": lambda n, e: f"p max {n} {len(e)}\nn 1 s\nn 2 t\n" + lines(e, "a {} {} 7", 1),
    "g.adj": ligra,
    "g.net": pajek,
    "g.gml": gml,
    "hashed.edges": lambda n, e: lines(e, "344932427960232{:04d} 344932427960232{:04d}"),
    "unsigned.edges": lambda n, e: lines(e, "1844674407370955{:04d} 1844674407370955{:04d}"),
    "gapped.txt": lambda n, e: f"# Nodes: {n} Edges: {len(e)}\n" + lines(e, "{}000 {}000", 1),
}


@QUICK
@given(graph=graphs())
def test_directed_graphs(graph: tuple[int, Edges], tmp_path: Path) -> None:
    for name, write in DIRECTED.items():
        (tmp_path / name).write_text(write(*graph))
        found = load_matrix(tmp_path / name)
        np.testing.assert_array_equal(found.toarray() != 0, adjacency(*graph) != 0, err_msg=name)


def metis(n: int, edges: Edges, weighted: bool = False) -> str:
    both = adjacency(n, edges, True) > 0
    np.fill_diagonal(both, False)
    rows = [" ".join(f"9 8 {j + 1} 5" if weighted else f"{j + 1}" for j in np.flatnonzero(row)) for row in both]
    rows = [re.sub(r"(?<!^)9 8 ", "", row) for row in rows]
    return f"% x\n{n} {both.sum() // 2}{' 011 2' if weighted else ''}\n" + "\n".join(rows) + "\n"


UNDIRECTED: dict[str, Callable[[int, Edges], str]] = {
    "com.ungraph.txt": lambda n, e: lines(e, "{} {}"),
    "snap.txt": lambda n, e: f"# Undirected graph: x\n# Nodes: {n} Edges: {len(e)}\n" + lines(e, "{} {}"),
    "out.sym": lambda n, e: f"% sym unweighted\n% {len(e)} {n} {n}\n" + lines(e, "{} {} 1", 1),
    "gephi.csv": lambda n, e: "Source,Target,Type\n" + lines(e, "{},{},Undirected"),
    "g.col": lambda n, e: f"c x\np edge {n} {len(e)}\n" + lines(e, "e {} {}", 1),
    "twice.col": lambda n, e: f"p col {n} {2 * len(e)}\n" + lines(e, "e {} {}", 1),
    "pace.gr": lambda n, e: f"c x\np tw {n} {len(e)}\n" + lines(e, "{} {}", 1),
    "g.net": lambda n, e: f"*vertices {n}\n*edges\n" + lines(e, "{} {}", 1),
    "g.gml": lambda n, e: gml(n, e).replace("directed 1", ""),
}


@QUICK
@given(graph=graphs())
def test_undirected_graphs(graph: tuple[int, Edges], tmp_path: Path) -> None:
    n, edges = graph
    for name, write in UNDIRECTED.items():
        (tmp_path / name).write_text(write(n, edges))
        expected = adjacency(n, edges, True)
        np.testing.assert_array_equal(load_matrix(tmp_path / name).toarray(), expected, err_msg=name)
    lone = [(i, j) for i, j in edges if i != j]
    rings = (adjacency(n, lone, True).sum(axis=1) == 2).all()  # as text of no name these are edges behind their sizes
    for name, weighted in (("g.graph", False), ("weighted.graph", True), ("g.graph" if rings else "named.txt", False)):
        (tmp_path / name).write_text(metis(n, lone, weighted))
        found = load_matrix(tmp_path / name).toarray()
        np.testing.assert_array_equal(found, adjacency(n, lone, True) * (5 if weighted else 1), err_msg=name)


@QUICK
@given(graph=graphs(), directed=st.booleans())
def test_what_networkx_writes(graph: tuple[int, Edges], directed: bool, tmp_path: Path) -> None:
    n, edges = graph
    made = (nx.DiGraph if directed else nx.Graph)(edges)
    expected = nx.to_numpy_array(made, nodelist=range(n))
    nx.write_graphml(made, tmp_path / "g.graphml")
    nx.write_gexf(made, tmp_path / "g.gexf")
    nx.write_gml(made, tmp_path / "g.gml")
    for name in ("g.graphml", "g.gexf", "g.gml"):
        np.testing.assert_array_equal(load_matrix(tmp_path / name).toarray(), expected, err_msg=name)
    nx.write_adjlist(made, tmp_path / "g.adjlist")
    nx.write_edgelist(made, tmp_path / "g.edgelist.gz")
    for name in ("g.adjlist", "g.edgelist.gz"):
        options = read_options("", ["directed" if directed else "undirected"])
        np.testing.assert_array_equal(load_matrix(tmp_path / name, options).toarray(), expected, err_msg=name)


@pytest.mark.parametrize(
    ("name", "text", "words", "expected", "note"),
    [
        ("a.txt", "0 1\n1 2\n", "", [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "nothing says whether edges are directed"),
        ("a.txt", "0 1\n1 0\n", "", [[0, 1], [1, 0]], ""),
        ("a.txt", "0 1\n1 2\n", "undirected", [[0, 1, 0], [1, 0, 1], [0, 1, 0]], ""),
        ("a.txt", "0 1\n1 2\n0 2\n", "bipartite", [[0, 1, 1], [0, 0, 1]], "stay empty"),
        ("a.txt", "1 2\n2 1\n", "", [[0, 1], [1, 0]], "counted from 1; :from0"),
        ("a.txt", "1 2\n2 1\n", "from0", [[0, 0, 0], [0, 0, 1], [0, 1, 0]], "stay empty"),
        ("a.txt", "0 1\n1 0\n", "keepzeros", [[0, 1], [1, 0]], ""),
        ("w.txt", "0 1 0\n1 0 5\n", "", [[0, 0], [5, 0]], "1 stored values are zero and were dropped; :keepzeros"),
        ("w.txt", "0 1 0\n1 0 5\n", "keepzeros", [[0, 1], [5, 0]], "kept as ones"),
        ("w.txt", "0 1 2\n0 1 3\n1 0 5.5\n", "", [[0, 5], [5.5, 0]], "added up"),
        ("m.txt", "0 1\n0 1\n1 0\n", "", [[0, 1], [1, 0]], "count once"),
        ("g.txt", "0 90000\n90000 0\n", "", [[0, 1], [1, 0]], "were renumbered in their order; :keepgaps"),
        ("g.txt", "0 3\n3 0\n", "closegaps", [[0, 1], [1, 0]], "renumbered"),
        ("t.txt", "0 1 1082040961\n1 0 0\n0 1 1082040999\n", "", [[0, 1], [1, 0]], "the time of an edge"),
        ("out.x", "% bip unweighted\n% 2 2 3\n1 3\n2 1\n", "", [[0, 0, 1], [1, 0, 0]], "rows and columns; :directed"),
        ("u.data", "1\t1\t5\t881250949\n2\t2\t3\t881250949\n", "", [[5, 0], [0, 3]], ":directed"),
        ("r.dat", "1::1::5::978300760\n2::2::3::978300760\n", "", [[5, 0], [0, 3]], ":directed"),
        ("r.csv", "userId,movieId,rating\n1,1,5.0\n2,2,3.5\n", "", [[5, 0], [0, 3.5]], ":directed"),
        ("c.csv", "row,col,v\n1,0,2.5\n1,2,3\n", "", [[0, 0, 0], [2.5, 0, 3]], "rows and columns"),
        ("i.csv", "i,j,v\n0,1,2.5\n1,0,3\n", "", [[0, 2.5], [3, 0]], ""),
        ("u.csv", "user,item,rating\n1,2,5\n2,3,4\n", "", [[0, 5, 0], [0, 0, 4]], "column ids begin with 2 .* :from0"),
        ("u.csv", "user,item,rating\n2,2,5\n2,3,4\n", "from1", [[0, 0, 0], [0, 5, 4]], "stay empty"),
        ("u.csv", "user,item,rating\n2,2,5\n", "", [[0, 0, 0], [0, 0, 0], [0, 0, 5]], "no column has the id 0.*:from1"),
        ("u.txt", "4 3 3\n1 2 5\n2 1 4\n4 2 1\n", "", [[0, 5, 0], [4, 0, 0], [0] * 3, [0, 1, 0]], "was read as sizes"),
        ("w.txt", "0 1 2\n1 0 5\n", "", [[0, 2], [5, 0]], "column 3 was read as the weights of edges; save a dense"),
        ("w.csv", "0,1,0\n1,0,7\n0,0,2\n1,1,0\n", "directed", [[2, 0], [7, 0]], "column 3"),
        ("h.edges", "# Nodes: 9\n1 2\n2 1\n", "", np.pad([[0, 1], [1, 0]], (1, 6)), "no node has the id 0.*:from1"),
        ("h.edges", "# Nodes: 2\n0 1\n1 2\n2 0\n", "", [[0, 1, 0], [0, 0, 1], [1, 0, 0]], "says 2 nodes but .* to 2"),
        ("h.edges", "# Nodes: 2 Edges: 9\n0 1\n1 0\n", "", [[0, 1], [1, 0]], "header says 9 edges but 2"),
    ],
)  # fmt: skip
def test_what_is_assumed_is_told(tmp_path: Path, name: str, text: str, words: str, expected: list, note: str) -> None:
    (tmp_path / name).write_text(text)
    found = describe(tmp_path / name, read_options("", words.split()))
    np.testing.assert_array_equal(found.layers[0].read().toarray(), np.array(expected, float))
    assert any(re.search(note, one) for one in found.notes) if note else not found.notes, found.notes
    if words:
        (kernel,) = resolve_workload(f"{tmp_path / name}:{words}").kernels
        assert kernel.a.shape == np.array(expected).shape


def test_neighbouring_files(tmp_path: Path) -> None:
    """OGB's number of nodes, LDBC Graphalytics' list of vertices and direction."""
    (tmp_path / "edge.csv.gz").write_bytes(gzip.compress(b"0,1\n1,2\n"))
    (tmp_path / "num-node-list.csv.gz").write_bytes(gzip.compress(b"5\n"))
    assert load_matrix(tmp_path / "edge.csv.gz").shape == (5, 5)
    (tmp_path / "num-node-list.csv.gz").write_bytes(gzip.compress(b"5\n6\n"))
    with pytest.raises(InputError, match="holds 2 graphs"):
        load_matrix(tmp_path / "edge.csv.gz")
    (tmp_path / "x.e").write_text("30 7 0.5\n")
    (tmp_path / "x.v").write_text("7\n9\n30\n")
    (tmp_path / "x.properties").write_text("graph.x.directed = false\n")
    expected = np.zeros((3, 3))
    expected[2, 0] = expected[0, 2] = 0.5
    np.testing.assert_array_equal(load_matrix(tmp_path / "x.e").toarray(), expected)
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for name in ("x.e", "x.v", "x.properties"):
            archive.write(tmp_path / name, f"a/{name}")
        archive.writestr("a/x.v.old.txt", "1\n2\n")
        archive.writestr("a/x.ve", "1\n2\n")
    np.testing.assert_array_equal(load_matrix(tmp_path / "g.zip").toarray(), expected)
    beside = Source(tmp_path / "g.zip", "a/x.e").beside("x.v")
    assert beside is not None
    assert beside.member == "a/x.v"
    assert Source(tmp_path / "g.zip", "a/x.e").beside("x.") is None


def test_columns_that_are_left_out_have_a_name(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(",source,target\n0,1,2\n1,2,1\n")
    assert [one.name for one in describe(tmp_path / "e.csv").left_out] == ["column 1"]


def test_edge_index(tmp_path: Path) -> None:
    edges = np.array([[0, 1, 3, 2], [1, 3, 0, 1]])
    expected = adjacency(4, list(zip(*edges.tolist(), strict=True)))
    for name, array in (("edge_index.npy", edges), ("edges.npy", edges.T.astype(np.int32))):
        np.save(tmp_path / name, array)
        np.testing.assert_array_equal(load_matrix(tmp_path / name).toarray(), expected)
    np.savez(tmp_path / "data.npz", edge_index=edges, num_nodes=6, node_feat=np.ones((6, 3)))
    found = describe(tmp_path / "data.npz")
    assert found.layers[0].read().shape == (6, 6)
    assert [one.name for one in found.left_out] == ["node_feat"]
    for pair, more, side in ((("src", "dst"), {}, 4), (("senders", "receivers"), {"n_node": 5}, 5),
                             (("row", "col"), {"num_nodes": 5}, 5)):  # fmt: skip
        np.savez(tmp_path / "ends.npz", **dict(zip(pair, edges, strict=True)), **more)
        found = describe(tmp_path / "ends.npz")
        np.testing.assert_array_equal(found.layers[0].read().toarray(), np.pad(expected, (0, side - 4)))
        assert not found.left_out
    np.savez(tmp_path / "many.npz", edge_index=edges, num_nodes=np.array([2, 2]))
    with pytest.raises(InputError, match="holds 2 graphs"):
        load_matrix(tmp_path / "many.npz")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("e.txt", "0 1\n1 2 3\n", "line 2 has 3 columns where the lines before have 2"),
        ("e.txt", "# x\n0 1\n\n1 two\n", "line 4 holds 'two', not a whole number .*; correct it"),
        ("e.edges", "0 1\n-1 0\n", "node id -1 is not a whole number"),
        ("e.txt", "0 1 inf\n1 0 1\n", "row 0, column 1 .* is inf"),
        ("e.txt", "0 1 0\n1 0 0\n", "hold no non-zero"),
        ("e.txt", "0 1 1\n1 0 0\n1 1 1\n1 0 0\n0 0 1\n", "holds only 0 and 1: a dense matrix or an edge list"),
        ("e.txt", "0 1 5 3\n1 2 4 9\n2 0 4 1\n", "has 4 columns, and the fourth holds no times"),
        ("e.txt", "5 0 3\n0 2 0\n1 0 4\n", "of 3 x 3 whole numbers is a dense matrix or an edge list"),
        ("e.csv", "0,3,0\n5,0,7\n0,0,2\n1,0,0\n", "of 4 x 3 whole numbers is a dense matrix or an edge list"),
        ("e.csv", "1,2,3\n4,5,6\n7,8,9\n10,11,12\n", "of 4 x 3 whole numbers is a dense matrix or an edge list"),
        ("e.txt", "0 0 3\n0 1 2\n0 0 1\n2 1 5\n", "of 4 x 3 whole numbers is a dense matrix or an edge list"),
        ("e.csv", "step,count\n0,1\n1,2\n", "under a heading that names no nodes"),
        ("e.gr", "p sp 3 2\na 1 2 5\n", "promises 2 edges but 1 follow"),
        ("e.gr", "p sp 3 1\na 1 4 5\n", "node id 4 is out of range: the header says 3 nodes"),
        ("e.gr", "p sp 3 1\na 1 2\n", "line 2 is no edge"),
        ("e.cnf", "p cnf 3 1\n1 -2 0\n", "is a DIMACS formula"),
        ("e.co", "p aux sp co 3\nv 1 5 6\n", "holds coordinates, no graph"),
        ("e.graph", "3 2\n2 3\n1\n", r"says 2 edges, each at both its ends, but 3 neighbours follow"),
        ("e.graph", "3 2\n2 3\n1\n2\n", "not mutual"),
        ("e.graph", "3 2 7\n2 3\n1\n1\n", "has the format 007"),
        ("e.adj", "AdjacencyGraph\n2\n1\n0\n1\n5\n", "node id 5 is out of range"),
        ("e.adj", "AdjacencyGraph\n2\n3\n0\n1\n1\n", "5 numbers, but 3 follow"),
        ("e.net", "*Vertices 2\n*Arcs\n1 3\n", "node id 3 is out of range"),
        ("e.graphml", '<graphml><graph><node id="a"/><edge source="a" target="b"/></graph></graphml>',
         "leads to a node that is not listed"),
        ("e.graphml", "<graphml><graph><node", "XML is malformed"),
        ("e.graphml", '<!DOCTYPE g [<!ENTITY a "b">]><graphml><graph/></graphml>', "declares entities"),
        ("e.gml", "graph [ node [ id 1 ] ", "ends within a bracket"),
        ("e.sg", "\x01\x00\x00\x00", "is a serialised graph of GAP"),
        ("ind.cora.graph", "\x80\x02", "pickled"),
    ],
)  # fmt: skip
def test_bad_graphs(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=message) as caught:
        load_matrix(tmp_path / name)
    sentence = str(caught.value)
    assert sentence.startswith(str(tmp_path / name))
    assert "\n" not in sentence
    assert ";" in sentence


def test_folders_pass_over_what_only_resembles_edges(tmp_path: Path) -> None:
    texts = {"loss.txt": "0 0.5\n1 0.25\n", "log.csv": "epoch,loss\n1,2\n", "README.txt": "Two words\nin lines\n",
             "feat.csv": "0.5,1,2\n1,2,3\n", "vocab.txt": "a\nb\n", "merges.txt": "#version: 0.2\nt h\nth e\nt e\n",
             "steps.log": "0 1\n1 2\n"}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "graph.el").write_text("0 1\n1 0\n")
    assert [layer.name for layer in describe(tmp_path).layers] == ["graph.el"]


def test_lists_of_matrices_and_of_layers_beside_matrices_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1\n")
    (tmp_path / "list.csv").write_text("file,rows,cols,nnz,density\na.mtx,2,2,1,0.25\nand,more\n")
    (tmp_path / "layers.csv").write_text("name,m,k,n,density_a\none,2,2,8,0.25\n")
    found = describe(tmp_path)
    assert [layer.name for layer in found.layers] == ["a.mtx"]
    assert [(one.name, "a table beside other data" in one.why) for one in found.left_out] == [("layers.csv", True)]
    (tmp_path / "edges.csv").write_text("source,target,density\n0,1,0.5\n1,0,0.25\n")
    assert load_matrix(tmp_path / "edges.csv").nnz == 2


@QUICK
@given(noise=st.text("0123456789 \n\t,;#%-.e\"*[]ap{}'", max_size=80), name=st.sampled_from([*DIRECTED, *UNDIRECTED]))
def test_noise_is_never_a_traceback(noise: str, name: str, tmp_path: Path) -> None:
    for head in ("", "p edge 3 2\n", "*Vertices 3\n*Arcs\n", "graph [\n", "% sym\n", "3 3\n"):
        (tmp_path / name).write_text(head + noise)
        with contextlib.suppress(InputError):
            assert np.isfinite(load_matrix(tmp_path / name).data).all()
