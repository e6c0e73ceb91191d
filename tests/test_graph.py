"""The graph of a workload: its edges carry a network's values, and what makes no graph is refused in one sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from reference.graph import GraphRun

from workloads import (
    Dense,
    DensityKernel,
    InputError,
    SparseKernel,
    TensorNames,
    Workload,
    generators,
    resolve_workload,
    resolve_workloads,
)
from workloads.kernels.tensor_names import carried, constant, outside, read
from workloads.networks import NETWORK_NAMES
from workloads.networks.digits import digits_activations, digits_layers
from workloads.networks.transformer import Transformer, decoder, encoder

FIXED = ("embedded", "digits", "digits_sparse", "rmat@attention:4:8")
PHASES = (
    "llama3-8b:prefill:64:b2",
    "llama2-7b:decode:64:b4",
    "bert-base:128:b2",
    "vgg16:b2",
    "mobilenet:b4",
    "resnet50:b2",
)


@pytest.mark.parametrize("spec", [*FIXED, *NETWORK_NAMES, *PHASES])
def test_what_is_read_comes_from_somewhere_and_each_result_goes_somewhere(spec: str) -> None:
    workload = resolve_workload(spec)
    graph, kernels = workload.graph, workload.kernels
    for at, kernel in enumerate(kernels):
        for operand in "abc" if kernel.tensors else "":
            reads = [
                use
                for tensor in graph.tensors
                for use in tensor.consumers
                if use.kernel == at and use.operand == operand
            ]
            told = sum(use.share for use in reads)
            known = operand == "c" or told == pytest.approx(1) or any(use.trip == "previous" for use in reads)
            assert known, f"{kernel.name}.{operand} is made of {told} of itself"
        assert kernel.tensors is None or graph.written_by(at) is not None
    for tensor in graph.tensors:
        assert tensor.is_result or tensor.consumers
        assert 1 <= tensor.at_once <= tensor.copies
        assert {use.kernel for use in tensor.consumers} <= {*tensor.alive}
        assert tensor.producer is None or tensor.producer in tensor.alive
        assert not (tensor.is_weight and tensor.producer is not None)
        runs = {use.kernel: kernels[use.kernel].repeats for use in tensor.consumers}
        assert all(tensor.copies <= count or tensor.producer is not None for count in runs.values())


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_the_classifier_along_its_graph_is_the_classifier() -> None:
    workload = resolve_workload("digits_sparse")
    weights, inputs = digits_layers(), digits_activations()
    rng = np.random.default_rng(0)
    pixels = inputs["fc1"].toarray() * rng.random((64, 64))
    given = {"pixels": pixels} | {f"{name}.weight": weight.toarray() for name, weight in weights.items()}
    functions = {(name, "b"): relu for name in ("fc1", "fc2")}
    made = GraphRun(workload, given, functions, {}).run()
    one, two, three = (weights[name].toarray() for name in ("fc1", "fc2", "fc3"))
    np.testing.assert_allclose(made["fc3"], three @ relu(two @ relu(one @ pixels)), rtol=1e-12)


def graph_file(folder: Path, sparse_features: bool) -> str:
    rng = np.random.default_rng(1)
    sp.save_npz(folder / "graph.npz", generators.uniform(12, 12, 0.3, 0))
    if not sparse_features:
        return str(folder / "graph.npz")
    sp.save_npz(folder / "x.npz", sp.csr_array((rng.random((12, 8)) < 0.4) * rng.random((12, 8))))
    return f"{folder / 'graph.npz'},{folder / 'x.npz'}"


@pytest.mark.parametrize("network", ["gcn", "graphsage"])
@pytest.mark.parametrize("sparse_features", [False, True])
def test_graph_networks_along_their_graphs(tmp_path: Path, network: str, sparse_features: bool) -> None:
    """Two layers with a ReLU between: (A X W) of Kipf and Welling, [X, A X] W of Hamilton et al."""
    widths = "@5-3" if sparse_features else "@8-5-3"
    workload = resolve_workload(f"{network}:{graph_file(tmp_path, sparse_features)}{widths}")
    rng = np.random.default_rng(2)
    x = rng.standard_normal((12, 8))
    given = {"features": x if network == "graphsage" or sparse_features else x.T}
    given |= {t.name: rng.standard_normal(t.shape) for t in workload.graph.tensors if t.is_weight}
    between = {"gcn": "layer1.aggregated", "graphsage": "layer1.combined"}[network]
    functions = {(between, "b"): relu}
    add = {f"layer{at}.combined": np.add for at in (1, 2)}
    made = GraphRun(workload, given, functions, add).run()
    graph, result = given["graph"], x
    for at in (1, 2):
        if network == "gcn":
            weight = given[f"layer{at}.weight"]
            weight = weight if at == 1 and sparse_features else weight.T
            result = graph @ (result @ weight)
        elif f"layer{at}.own_weight" in given:
            result = result @ given[f"layer{at}.own_weight"] + graph @ result @ given[f"layer{at}.neighbours_weight"]
        else:
            result = np.hstack([result, graph @ result]) @ given[f"layer{at}.weight"].T
        result = relu(result) if at == 1 else result
    last = made["layer2.aggregated" if network == "gcn" else "layer2.combined"]
    np.testing.assert_allclose(last if network == "gcn" else last.T, result, rtol=1e-10, atol=1e-10)


def softmax(scores: np.ndarray, mask: np.ndarray, axis: int) -> np.ndarray:
    weights = np.where(mask, np.exp(np.where(mask, scores - scores.max(), 0)), 0)
    return weights / weights.sum(axis=axis, keepdims=True)


def test_an_attention_block_along_its_graph_is_attention() -> None:
    """The two element-wise products are exp(s) = s * (exp(s) / s) and e / sum(e), whose second factors rows give."""
    workload = resolve_workload("attention-block:16:w6")
    rng = np.random.default_rng(3)
    x = rng.standard_normal((768, 16))
    given: dict = {"hidden": x}
    given |= {f"{part}.weight": rng.standard_normal((768, 768)) / 28 for part in ("query", "key", "value", "output")}
    mask = (workload.kernels[3].mask != 0).toarray()
    prefix = "attention-block/attention."
    given[f"{prefix}mask"] = mask
    functions = {
        (f"{prefix}scores", "b"): lambda s: np.where(mask, np.exp(s) / np.where(mask, s, 1), 0),
        (f"{prefix}exponentials", "b"): lambda e: np.where(mask, 1 / e.sum(axis=1, keepdims=True), 0),
    }
    # rows of one head's result are its queries, and heads lie one below the other: each is transposed on its own
    functions[(f"{prefix}mixed", "b")] = lambda y: y.reshape(12, 16, 64).swapaxes(1, 2).reshape(768, 16).T
    made = GraphRun(workload, given, functions, {"output": np.add}).run()
    q, k, v = ((given[f"{part}.weight"] @ x).reshape(12, 64, 16) for part in ("query", "key", "value"))
    mixed = [v[h] @ softmax(q[h].T @ k[h], mask, 1).T for h in range(12)]
    np.testing.assert_allclose(made["output"], x + given["output.weight"] @ np.concatenate(mixed), rtol=1e-9)


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_layers_and_heads_of_a_transformer_along_its_graph(kind: str) -> None:
    """The loops, the residual stream and the gate: BERT's norms behind each sum, Llama's before each product."""
    size, tokens = Transformer(hidden=8, ffn=12, layers=3, heads=2, kv_heads=2, vocab=5), 6
    layers = encoder(size, tokens, 1) if kind == "encoder" else decoder(size, new=tokens, cached=0, batch=1)
    workload = Workload(kind, tuple(layer.kernel(kind) for layer in layers))
    rng = np.random.default_rng(4)
    given: dict = {
        t.name: [rng.standard_normal(t.shape) for _ in range(3)] for t in workload.graph.tensors if t.is_weight
    }
    given["down@0"] = x = rng.standard_normal((8, tokens))
    functions = {(name, "b"): layer_norm for name in ("down", "output")}
    functions[("scores", "b")] = lambda s: softmax(s, np.ones_like(s), 0)
    if kind == "encoder":
        functions |= {(name, "c"): layer_norm for name in ("down", "output")}
        functions[("up", "b")] = np.tanh
        joined = {"output": np.add, "down": np.add}
    else:
        functions[("gate", "c")] = np.tanh
        given["head.weight"] = given["head.weight"][0]
        functions[("down", "b")] = lambda x: layer_norm(x)
        joined = {"output": np.add, "down": np.add, "up": np.multiply}
    made = GraphRun(workload, given, functions, joined).run()
    for at in range(3):
        w = {part: given[f"{part}.weight"][at] for part in ("query", "key", "value", "output", "up", "down")}
        inner = layer_norm(x)
        q, k, v = ((w[part] @ inner).reshape(2, 4, tokens) for part in ("query", "key", "value"))
        mixed = np.concatenate([v[h] @ softmax(k[h].T @ q[h], np.ones((tokens, tokens)), 0) for h in range(2)])
        x = (inner if kind == "encoder" else x) + w["output"] @ mixed
        inner = layer_norm(x)
        if kind == "encoder":
            x = inner + w["down"] @ np.tanh(w["up"] @ inner)
        else:
            x = x + w["down"] @ (np.tanh(given["gate.weight"][at] @ inner) * (w["up"] @ inner))
    np.testing.assert_allclose(made["down"], x, rtol=1e-9)


def product(name: str, m: int, k: int, n: int, tensors: TensorNames, repeats: float = 1.0) -> DensityKernel:
    return DensityKernel(name, m, k, n, Dense(), None, repeats, tensors=tensors)


W, LOOP = constant("w"), (("step", 3),)
FIRST = product("first", 4, 6, 5, TensorNames(W, outside("x"), z="y"))
NOT_GRAPHS = {
    "before it is written": (
        [product("early", 4, 4, 5, TensorNames(constant("v"), read("y"), z="z")), FIRST],
        "tensor 'y': early reads it before first writes it; put the writer first",
    ),
    "twice": (
        [FIRST, replace(FIRST, name="again")],
        "tensor 'y': again writes it after first did; rename one",
    ),
    "shapes": (
        [FIRST, product("next", 3, 5, 5, TensorNames(constant("v"), read("y"), z="z"))],
        r"tensor 'y': next reads 5 x 5 of it \(b, same\), but it is 4 x 5; correct the sizes or the view",
    ),
    "not transposed": (
        [FIRST, product("next", 3, 4, 5, TensorNames(constant("v"), read("y", "transposed"), z="z"))],
        r"tensor 'y': next reads 5 x 4 of it \(b, transposed\), but it is 4 x 5",
    ),
    "stack": (
        [FIRST, product("next", 3, 9, 5, TensorNames(constant("v"), (*read("y"), *outside("x")), z="z"))],
        r"tensor 'y': next reads 9 x 5 \(b\) made of y 4 x 5, x 6 x 5",
    ),
    "a result as weights": (
        [FIRST, product("next", 3, 4, 5, TensorNames(constant("v"), constant("y"), z="z"))],
        "tensor 'y': next reads it as a constant or shared, but first writes it; read it as a result",
    ),
    "constant and not": (
        [FIRST, product("next", 3, 6, 5, TensorNames(constant("v"), constant("x"), z="z"))],
        "tensor 'x': next and first disagree on whether it is constant",
    ),
    "repeats": (
        [replace(FIRST, repeats=3.0)],
        "first runs 3 times, but its loops are none; give it loops of as many trips",
    ),
    "interrupted": (
        [
            product("one", 4, 6, 5, TensorNames(W, outside("x"), z="y", loops=LOOP), 3.0),
            product("other", 2, 2, 2, TensorNames(constant("v"), outside("u"), z="s")),
            product("two", 2, 4, 5, TensorNames(constant("t"), read("y"), z="z", loops=LOOP), 3.0),
        ],
        "other interrupts the loop 'step' that two is in, and others before it; put the kernels of a loop beside",
    ),
    "carried by no loop": (
        [product("one", 4, 4, 5, TensorNames(W, carried("y"), z="y"))],
        "tensor 'y': one reads it from the trip before, but shares no loop with one; name one",
    ),
    "carried from nowhere": (
        [product("one", 4, 4, 5, TensorNames(W, carried("h"), z="y", loops=LOOP), 3.0)],
        "tensor 'h': one reads what the trip before wrote, but nothing writes it",
    ),
}


@pytest.mark.parametrize("name", NOT_GRAPHS)
def test_what_makes_no_graph_is_refused_in_a_sentence(name: str) -> None:
    kernels, message = NOT_GRAPHS[name]
    with pytest.raises(InputError, match=message) as caught:
        Workload("whole", tuple(kernels))
    assert str(caught.value).startswith("whole: ")
    assert str(caught.value).count(". ") == 0


def test_repeats_with_the_same_weights_are_not_layers_with_weights_of_their_own() -> None:
    """A recurrent step and a layer, three times each: the state is carried, the step's weights are one matrix."""
    for shared, copies in ((("step",), 1), ((), 3)):
        names = TensorNames(constant("w", shared=shared), carried("h", "pointwise"), c=outside("in"), z="h", loops=LOOP)
        graph = Workload("net", (product("one", 4, 4, 5, names, 3.0),)).graph
        assert (graph["w"].copies, graph["w"].at_once, graph["w"].shape) == (copies, copies, (4, 4))
        assert (graph["h"].copies, graph["h"].at_once, graph["h"].is_result) == (3, 1, True)
        assert [use.share for use in graph["h"].consumers] == [pytest.approx(2 / 3)]
        assert graph["in"].copies == 3


def test_two_workloads_in_one_share_no_tensor() -> None:
    twice = resolve_workloads(["digits", "digits", "bert-base", "bert-base:b2"])
    alone = [resolve_workload(spec) for spec in ("digits", "digits", "bert-base", "bert-base:b2")]
    assert len(twice.graph.tensors) == sum(len(one.graph.tensors) for one in alone)
    assert twice.graph["fc1.weight"].producer is None
    assert [use.kernel for use in twice.graph["fc1#2"].consumers] == [4]


def test_what_is_multiplied_with_something_else_has_no_names() -> None:
    assert resolve_workload("vgg16:b4@spmm:7").graph.tensors == ()
    assert resolve_workload("digits@axat").graph.tensors == ()
    assert resolve_workload("digits@spmm:8").graph["fc1"].shape == (128, 8)
    assert Workload("plain", (SparseKernel("one", generators.uniform(4, 4, 0.5, 0), None, 3),)).graph.tensors == ()
