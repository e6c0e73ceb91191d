"""ONNX graphs: which product's result another one reads, through which operators; that nothing is made up."""

from pathlib import Path

import numpy as np
import pytest
from reference.onnx_models import model, n, sparse

from workloads import InputError, WorkloadGraph, resolve_workload

EDGES = list[tuple[str, str, str, str]]


def graph_of(tmp_path: Path, nodes, stored: dict, inputs: dict, outputs=("y",), **options) -> WorkloadGraph:
    path = tmp_path / "net.onnx"
    path.write_bytes(model(nodes, stored, inputs, outputs, **options).SerializeToString())
    workload = resolve_workload(str(path))
    assert not [note for note in workload.notes if "feed each other" in note]
    names = [kernel.name.partition("@")[0] for kernel in workload.kernels]
    workload.graph.__dict__["names"] = names
    return workload.graph


def edges(graph: WorkloadGraph) -> EDGES:
    """(writer, reader, operand, view) of all results that kernels read."""
    names = graph.__dict__["names"]
    return [
        (names[tensor.producer], names[use.kernel], use.operand, use.view)
        for tensor in graph.tensors
        for use in tensor.consumers
        if tensor.producer is not None
    ]


def test_a_multi_layer_perceptron_has_the_edges_of_the_network_by_name(tmp_path: Path) -> None:
    sides = [784, 300, 100, 10]
    stored = {f"w{at}": sparse(*sides[at - 1 : at + 1][::-1]) for at in (1, 2, 3)}
    stored |= {f"b{at}": np.ones(sides[at], "f4") for at in (1, 2, 3)}
    nodes = [n("Flatten", "x", "h0", axis=1)]
    for at in (1, 2, 3):
        nodes.append(n("Gemm", f"h{at - 1} w{at} b{at}", f"z{at}" if at < 3 else "y", transB=1, name=f"fc{at}"))
        nodes += [n("Relu", f"z{at}", f"h{at}")] if at < 3 else []
    ours = graph_of(tmp_path, nodes, stored, {"x": ("f4", [8, 1, 28, 28])})
    named = resolve_workload("lenet-300-100:b8")
    named.graph.__dict__["names"] = [kernel.name.partition("/")[2] for kernel in named.kernels]
    assert edges(ours) == edges(named.graph) == [("fc1", "fc2", "b", "pointwise"), ("fc2", "fc3", "b", "pointwise")]
    for one, other in zip(ours.tensors, named.graph.tensors, strict=True):
        assert (one.shape, one.alive, one.is_weight, one.is_input, one.is_result) == (
            *(other.shape, other.alive, other.is_weight, other.is_input, other.is_result),
        )


CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def test_a_residual_block_pooling_and_a_classifier(tmp_path: Path) -> None:
    stored = {"w1": sparse(4, 3, 3, 3), "w2": sparse(4, 4, 3, 3), "w3": sparse(4, 4, 1, 1), "w4": sparse(5, 16)}
    stored |= {f"s{at}": np.ones(4, "f4") for at in range(4)}
    nodes = [
        n("Conv", "x w1", "a", name="stem", **CONV),
        n("BatchNormalization", "a s0 s1 s2 s3", "b"),
        n("Relu", "b", "c"),
        n("Conv", "c w2", "d", name="block1", **CONV),
        n("Relu", "d", "e"),
        n("Conv", "e w3", "f", name="block2"),
        n("Add", "f c", "g"),
        n("Relu", "g", "h"),
        n("MaxPool", "h", "i", kernel_shape=[4, 4], strides=[4, 4]),
        n("Flatten", "i", "j"),
        n("Gemm", "j w4", "y", name="classifier", transB=1),
    ]
    graph = graph_of(tmp_path, nodes, stored, {"x": ("f4", [2, 3, 8, 8])})
    assert edges(graph) == [
        ("stem", "block1", "b", "unfolded"),
        ("stem", "block2", "c", "pointwise"),
        ("block1", "block2", "b", "pointwise"),
    ]
    assert graph["block2"].is_result  # as pooled maps come from memory
    assert not graph["stem"].is_result
    assert graph["stem"].alive == (0, 1, 2)
    assert graph["x from memory"].shape == (3, 2 * 64)


@pytest.mark.parametrize("whole", [True, False])
def test_a_gated_feed_forward_with_a_norm_and_a_residual(tmp_path: Path, whole: bool) -> None:
    """`x + W3 (silu(W1 norm(x)) * W2 norm(x))`; the norm as an operator, or of means and squares; x is a product's."""
    stored = {"w0": sparse(6, 8), "w1": sparse(8, 12), "w2": sparse(8, 12), "w3": sparse(12, 8), "g": np.ones(8, "f4")}
    stored |= {"two": np.full((), 2, "f4"), "e": np.full((), 1e-5, "f4")}
    norm = [
        n("ReduceMean", "x", "m", axes=[-1], keepdims=1),
        n("Sub", "x m", "s"),
        n("Pow", "s two", "q"),
        n("ReduceMean", "q", "v", axes=[-1], keepdims=1),
        n("Add", "v e", "u"),
        n("Sqrt", "u", "r"),
        n("Div", "s r", "t"),
        n("Mul", "t g", "l"),
    ]
    nodes = [
        n("MatMul", "in w0", "x", name="embed"),
        *([n("LayerNormalization", "x g", "l")] if whole else norm),
        n("MatMul", "l w1", "a", name="gate"),
        n("Sigmoid", "a", "b"),
        n("Mul", "a b", "c"),
        n("MatMul", "l w2", "d", name="up"),
        n("Mul", "c d", "h"),
        n("MatMul", "h w3", "o", name="down"),
        n("Add", "x o", "y"),
    ]
    graph = graph_of(tmp_path, nodes, stored, {"in": ("f4", [2, 7, 6])}, opset=17)
    assert edges(graph) == [
        ("embed", "gate", "b", "normalised"),
        ("embed", "up", "b", "normalised"),
        ("embed", "down", "c", "same"),
        ("gate", "up", "c", "pointwise"),
        ("up", "down", "b", "same"),
    ]


def test_a_recurrent_layer_keeps_its_weights_over_steps_and_carries_its_state(tmp_path: Path) -> None:
    stored = {"w": sparse(1, 32, 6), "r": sparse(1, 32, 8)}
    graph = graph_of(tmp_path, [n("LSTM", "x w r", "y", hidden_size=8, name="lstm")], stored, {"x": ("f4", [5, 2, 6])})
    assert (graph["lstm.R.weight"].copies, graph["lstm.R"].copies, graph["lstm.R"].at_once) == (1, 5, 1)
    assert edges(graph) == [("lstm.W", "lstm.R", "c", "same"), ("lstm.R", "lstm.R", "b", "pointwise")]
    assert graph["lstm.R"].is_carried
    assert graph["lstm.R"].is_result


OTHER = {  # nodes from what the first product makes, h [2, 8], to the input g of the second: no edge
    "pooled": [n("Unsqueeze", "h two", "u"), n("GlobalAveragePool", "u", "p"), n("Squeeze", "p two", "g")],
    "summed over samples": [n("ReduceSum", "h zero", "s", keepdims=1), n("Add", "h s", "t"), n("TopK", "t k", "g i")],
    "of two activations": [n("MatMul", "h other", "g")],
    "cut": [n("Slice", "h zero one one", "a"), n("Concat", "a a a a a a a a", "g", axis=1)],
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_not_followed_comes_from_memory(tmp_path: Path, name: str) -> None:
    stored = {
        "w1": sparse(6, 8),
        "w2": sparse(8, 3),
        "one": np.array([1]),
        "two": np.array([2]),
        "zero": np.array([0]),
        "k": np.array([8]),
    }
    nodes = [n("MatMul", "x w1", "h", name="first"), *OTHER[name], n("MatMul", "g w2", "y", name="second")]
    inputs = {"x": ("f4", [2, 6])} | ({"other": ("f4", [8, 8])} if name == "of two activations" else {})
    graph = graph_of(tmp_path, nodes, stored, inputs)
    assert edges(graph) == []
    assert graph["first"].is_result


def test_batch_and_tokens_that_a_graph_leaves_open_are_the_user_s(tmp_path: Path) -> None:
    stored = {"w": sparse(6, 8)}
    nodes = [n("MatMul", "x w", "y", name="fc")]
    path = tmp_path / "open.onnx"
    path.write_bytes(model(nodes, stored, {"x": ("f4", ["batch", "sequence_length", 6])}).SerializeToString())
    (kernel,) = resolve_workload(f"{path}:b4:128").kernels
    assert kernel.n == 4 * 128
    workload = resolve_workload(f"{path}:128")
    assert workload.kernels[0].n == 128
    assert any("counts as 1; say another by open.onnx:b8" in note for note in workload.notes)
    fixed = tmp_path / "fixed.onnx"
    fixed.write_bytes(model(nodes, stored, {"x": ("f4", [2, 7, 6])}).SerializeToString())
    for option, what in (
        ("b4", "no batch open for :b4; export"),
        ("16", "no length of a sequence open for :16; export"),
    ):
        with pytest.raises(InputError, match=f"ONNX graph leaves {what}"):
            resolve_workload(f"{fixed}:{option}")
    np.save(tmp_path / "matrix.npy", np.eye(3))
    with pytest.raises(InputError, match=":b4 means nothing; leave the option out"):
        resolve_workload(f"{tmp_path / 'matrix.npy'}:b4")
    with pytest.raises(InputError, match="b4 and b5 contradict each other; keep one"):
        resolve_workload(f"{path}:b4:b5")
