"""ONNX graphs: weights computed in them, shapes, subgraphs, data files, and that nothing is left out in silence."""

import sys
from pathlib import Path

import numpy as np
import pytest
from reference.onnx_models import RNG, codes, dense, found, helper, model, n, numpy_helper, onnx, sparse

from workloads import resolve_workload
from workloads.errors import InputError
from workloads.readers.loading import describe

TensorProto = onnx.TensorProto
ReferenceEvaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator


W, MASK = sparse(6, 8), (RNG.random((6, 8)) < 0.5).astype("f4")
Q8, QU8 = codes(np.int8, 6, 8), codes(np.uint8, 6, 8, zero=128)
ints = np.array
FOLDED = {  # name: nodes that make `f` from what is stored, stored, operator set
    "transpose": ([n("Transpose", "w", perm=[1, 0])], {"w": W}, 21),
    "identity, cast": ([n("Identity", "w", "a"), n("Cast", "a", to=1)], {"w": W.astype("f2")}, 21),
    "cast like": ([n("CastLike", "w s")], {"w": W.astype("f8"), "s": np.ones(1, "f4")}, 21),
    "reshape": ([n("Reshape", "w s")], {"w": W.reshape(-1), "s": ints([6, -1])}, 21),
    "flatten": ([n("Flatten", "w", axis=1)], {"w": W.reshape(6, 2, 4)}, 21),
    "squeeze": ([n("Squeeze", "w a")], {"w": W[:, None], "a": ints([1])}, 21),
    "squeeze 11": ([n("Squeeze", "w", axes=[1])], {"w": W[:, None]}, 11),
    "unsqueeze": ([n("Unsqueeze", "w a", "b"), n("Squeeze", "b")], {"w": W, "a": ints([0])}, 21),
    "slice": ([n("Slice", "w s e a t")],
              {"w": W, "s": ints([-1]), "e": ints([-99]), "a": ints([1]), "t": ints([-2])}, 21),
    "slice 9": ([n("Slice", "w", starts=[2], ends=[99], axes=[0])], {"w": W}, 9),
    "concat": ([n("Concat", "w v", axis=1)], {"w": W, "v": sparse(6, 3)}, 21),
    "split": ([n("Split", "w s", "q f v", axis=1)], {"w": W, "s": ints([2, 5, 1])}, 21),
    "split 18": ([n("Split", "w", "q f", axis=1, num_outputs=2)], {"w": W}, 21),
    "split 11": ([n("Split", "w", "f v", axis=0, split=[4, 2])], {"w": W}, 11),
    "mask": ([n("Mul", "w m")], {"w": W, "m": MASK}, 21),
    "bool mask": ([n("Cast", "m", "c", to=1), n("Mul", "w c")], {"w": W, "m": MASK > 0}, 21),
    "where": ([n("Where", "m w z")], {"w": W, "m": MASK > 0, "z": np.zeros((), "f4")}, 21),
    "mask computed": ([n("Abs", "w", "a"), n("Greater", "a t", "g"), n("Cast", "g", "c", to=1), n("Mul", "w c")],
                      {"w": W, "t": np.full((), 0.5, "f4")}, 21),
    "sign": ([n("Sign", "w")], {"w": W}, 21),
    "clip": ([n("Clip", "w l h")], {"w": W, "l": np.zeros((), "f4"), "h": np.ones((), "f4")}, 21),
    "clip 6": ([n("Clip", "w", min=0.0, max=1.0)], {"w": W}, 10),
    "weight norm": ([n("ReduceL2", "w a", "l", keepdims=1), n("Div", "w l", "d"), n("Mul", "d g")],
                    {"w": W + 0.1 * np.eye(6, 8, dtype="f4"), "a": ints([1]), "g": np.ones((6, 1), "f4")}, 21),
    "weight standard": ([n("ReduceMean", "w", "l", axes=[1]), n("Sub", "w l")], {"w": W}, 13),
    "lora": ([n("MatMul", "b a", "d"), n("Add", "w d")], {"w": W, "b": sparse(6, 2), "a": sparse(2, 8)}, 21),
    "gather": ([n("Gather", "w i", axis=1)], {"w": W, "i": ints([3, -1, 0])}, 21),
    "expand": ([n("Expand", "w s")], {"w": W[:1] + 1, "s": ints([6, 8])}, 21),
    "tile": ([n("Tile", "w s")], {"w": W[:3], "s": ints([2, 1])}, 21),
    "pad": ([n("Pad", "w p")], {"w": W[:, :6], "p": ints([0, 1, 0, 1])}, 21),
    "triangle": ([n("Trilu", "w k", upper=0)], {"w": W, "k": ints(1)}, 21),
    "filled": ([n("ConstantOfShape", "s", value=numpy_helper.from_array(np.float32([2])))], {"s": ints([6, 8])}, 21),
    "constant": ([n("Constant", "", "c", value=numpy_helper.from_array(W)), n("Neg", "c")], {}, 21),
    "dequantised": ([n("DequantizeLinear", "q s")], {"q": Q8, "s": np.full((), 0.1, "f4")}, 21),
    "dequantised, zero point": ([n("DequantizeLinear", "q s z")],
                                {"q": QU8, "s": np.full((), 0.1, "f4"), "z": np.full((), 128, "u1")}, 21),
    "dequantised, axis": ([n("DequantizeLinear", "q s z", axis=0)],
                          {"q": QU8, "s": RNG.random(6).astype("f4"), "z": np.arange(125, 131).astype("u1")}, 21),
    "dequantised, last axis": ([n("DequantizeLinear", "q s z")],
                               {"q": QU8, "s": RNG.random(8).astype("f4"), "z": np.arange(124, 132).astype("u1")}, 19),
    "dequantised, blocks": ([n("DequantizeLinear", "q s z", axis=1, block_size=4)],
                            {"q": QU8, "s": RNG.random((6, 2)).astype("f4"), "z": np.full((6, 2), 128, "u1")}, 21),
    "quantised and back": ([n("QuantizeLinear", "w s z", "q"), n("DequantizeLinear", "q s z")],
                           {"w": W, "s": np.full((), 0.5, "f4"), "z": np.zeros((), "i1")}, 21),
    "quantised and back, axis": ([n("QuantizeLinear", "w s z", "q", axis=0), n("DequantizeLinear", "q s z", axis=0)],
                                 {"w": W, "s": RNG.random(6).astype("f4"), "z": np.arange(6).astype("u1")}, 21),
    "unpacked in the graph": (
        [n("BitShift", "q four", "h", direction="RIGHT"), n("BitwiseAnd", "q low", "l"),
         n("Concat", "l h", "c", axis=0),
         n("Cast", "c", "d", to=1), n("Sub", "d z", "e"), n("Mul", "e s")],
        {"q": RNG.integers(0, 255, (3, 8)).astype("u1"), "four": np.full((), 4, "u1"), "low": np.full((), 15, "u1"),
         "z": np.full((), 8, "f4"), "s": RNG.random((6, 1)).astype("f4")}, 21),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDED)
def test_weights_computed_from_stored_ones(tmp_path: Path, name: str) -> None:
    nodes, stored, opset = FOLDED[name]
    rows = 8 if name == "transpose" else 6 if name != "slice 9" and name != "split 11" else 4
    product = helper.make_node("MatMul", ["x", "f"], ["y"], "fc")
    one = model([*nodes, product], stored, {"x": ("f4", (rows, rows))}, opset=opset)
    read = found(tmp_path, one)
    (layer,) = read.layers
    (y,) = ReferenceEvaluator(one).run(None, {"x": np.eye(rows, dtype="f4")})
    np.testing.assert_allclose(dense(layer).T, y, rtol=1e-6)
    np.testing.assert_array_equal(dense(layer).T != 0, y != 0)
    assert layer.columns == rows
    assert [one.why for one in read.left_out] == ["computed once, from stored values only"] * (name == "lora")


@pytest.mark.parametrize(
    "kind", ["INT4", "UINT4", "INT2", "FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1", "BFLOAT16", "FLOAT16"]
)
def test_small_types(tmp_path: Path, kind: str) -> None:
    number = getattr(TensorProto, kind)
    values = codes(np.float32, 6, 9) if "UINT" not in kind else codes(np.float32, 6, 9, zero=8)
    exact = np.clip(values, *{"FLOAT4E2M1": (-4, 4), "INT2": (-2, 1)}.get(kind, (-99, 99)))
    tensor = helper.make_tensor("q", number, (6, 9), exact.astype(helper.tensor_dtype_to_np_dtype(number)).reshape(-1))
    dequantise = n("DequantizeLinear", "q s") if kind not in ("BFLOAT16", "FLOAT16") else n("Cast", "q", to=1)
    nodes = [dequantise, helper.make_node("Gemm", ["x", "f"], ["y"], "fc", transB=1)]
    one = model(nodes, {"q": tensor, "s": np.full((), 0.5, "f4")}, {"x": ("f4", (4, 9))}, opset=25, ir_version=13)
    (layer,) = found(tmp_path, one).layers
    exact = exact.astype(helper.tensor_dtype_to_np_dtype(number)).astype("f4")
    np.testing.assert_array_equal(dense(layer) != 0, exact != 0)
    assert layer.values == kind.lower()


@pytest.mark.parametrize("by_axis", [False, True])
@pytest.mark.parametrize("node", [False, True])
def test_sparse_tensors(tmp_path: Path, by_axis: bool, node: bool) -> None:
    w = sparse(8, 16)
    places = np.flatnonzero(w)
    indices = np.stack(np.nonzero(w), axis=1) if by_axis else places
    held = helper.make_sparse_tensor(
        numpy_helper.from_array(w.reshape(-1)[places], "w"), numpy_helper.from_array(indices), w.shape
    )
    product = helper.make_node("MatMul", ["x", "w"], ["y"], "fc")
    constant = helper.make_node("Constant", [], ["w"], sparse_value=held)
    one = model([constant, product] if node else [product], {} if node else {"w": held}, {"x": ("f4", (4, 8))})
    (layer,) = found(tmp_path, one).layers
    np.testing.assert_array_equal(dense(layer), w.T)
    assert layer.columns == 4


def test_qonnx_quantisers(tmp_path: Path) -> None:
    w = sparse(6, 8)
    stored = {"w": w, "s": np.full((), 0.5, "f4"), "z": np.zeros((), "f4"), "b": np.full((), 3, "f4")}
    quant = helper.make_node("Quant", ["w", "s", "z", "b"], ["f"], domain="qonnx.custom_op.general", narrow=1)
    act = helper.make_node("Quant", ["h", "s", "z", "b"], ["g"], domain="qonnx.custom_op.general")
    nodes = [quant, n("MatMul", "x f", "h", name="one"), act, n("MatMul", "g v", "y", name="two")]
    one, two = found(tmp_path, model(nodes, stored | {"v": sparse(8, 3)}, {"x": ("f4", (4, 6))})).layers
    np.testing.assert_array_equal(dense(one).T, np.clip(np.rint(w / 0.5), -3, 3) * 0.5)
    assert (one.values, one.columns, two.columns) == ("int3", 4, 4)


def test_subgraphs(tmp_path: Path) -> None:
    info = helper.make_tensor_value_info

    def body(name: str, values: np.ndarray, inputs=(), outputs=()):
        node = helper.make_node("MatMul", ["x", name], [f"y_{name}"], f"fc_{name}")
        out = info(f"y_{name}", 1, None)
        return helper.make_graph([node], name, list(inputs), [*outputs, out], [numpy_helper.from_array(values, name)])

    t, e, r = sparse(8, 16), sparse(8, 16), sparse(8, 16)
    pick = helper.make_node("If", ["c"], ["a"], "pick", then_branch=body("t", t), else_branch=body("e", e))
    loop_inputs = [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, [])]
    turn = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("MatMul", ["x", "r"], ["y_r"], "fc_r")],
        "turn", loop_inputs, [info("on", TensorProto.BOOL, []), info("y_r", 1, None)],
        [numpy_helper.from_array(r, "r")],
    )  # fmt: skip
    loop = helper.make_node("Loop", ["trips", ""], ["b"], "repeat", body=turn)
    unknown = helper.make_node("Loop", ["asked", ""], ["d"], "forever", body=turn)
    inputs = {"c": ("?", ()), "x": ("f4", (4, 8)), "asked": ("i8", ())}
    one = model([pick, loop, unknown], {"trips": ints(7)}, inputs, outputs=("a", "b", "d"))
    read = found(tmp_path, one)
    expected = [("fc_e", 4, 1), ("fc_r", 4, 7), ("fc_r.2", 4, 1), ("fc_t", 4, 1)]
    assert sorted((layer.name, layer.columns, layer.repeats) for layer in read.layers) == expected
    assert any("Both branches" in note for note in read.notes)
    one.graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    taken = found(tmp_path, one)
    assert [layer.name for layer in taken.layers] == ["fc_t", "fc_r", "fc_r.2"]
    assert not any("Both branches" in note for note in taken.notes)
    assert any("Loop forever" in note for note in read.notes)


@pytest.mark.parametrize(("axis", "steps"), [(0, 5), (1, 3)])
def test_a_scan_runs_once_a_step(tmp_path: Path, axis: int, steps: int) -> None:
    info, w = helper.make_tensor_value_info, sparse(8, 16)
    body = helper.make_graph([n("MatMul", "s w", "o", name="fc")], "step", [info("s", 1, None)], [info("o", 1, None)])
    scan = helper.make_node("Scan", ["x"], ["y"], "scan", num_scan_inputs=1, scan_input_axes=[axis], body=body)
    read = found(tmp_path, model([scan], {"w": w}, {"x": ("f4", (5, 3, 8))}))
    (layer,) = read.layers
    assert (layer.columns, layer.repeats, read.notes) == (15 // steps, steps, ())


def test_a_stack_that_a_scan_goes_through_is_not_taken_for_activations(tmp_path: Path) -> None:
    info, w = helper.make_tensor_value_info, sparse(3, 8, 8)
    body = helper.make_graph(
        [n("Transpose", "s", "t", perm=[1, 0]), n("MatMul", "h t", "o", name="fc"), n("Identity", "o", "p")],
        "step", [info("h", 1, None), info("s", 1, None)], [info("o", 1, None), info("p", 1, None)],
    )  # fmt: skip
    scan = helper.make_node("Scan", ["x", "w"], ["y", "z"], "scan", num_scan_inputs=1, body=body)
    head = n("MatMul", "y v", "u", name="head")
    read = found(tmp_path, model([scan, head], {"w": w, "v": sparse(8, 2)}, {"x": ("f4", (4, 8))}, outputs=("u",)))
    assert [(layer.name, bool(layer.unreadable)) for layer in read.layers] == [("fc", True), ("head", False)]
    with pytest.raises(InputError, match="layer fc cannot be read: its weights are matrices of a stack that Scan scan"):
        resolve_workload(str(tmp_path / "net.onnx"))


def test_products_that_nothing_uses_are_left_out(tmp_path: Path) -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [n("Add", "h h", "g"), n("MatMul", "g v", "o", name="inner"), n("MatMul", "g v", "d", name="inner dead")],
        "branch", [], [info("o", 1, None)],
    )  # fmt: skip
    nodes = [
        n("MatMul", "x w", "h", name="read inside"),
        helper.make_node("If", ["c"], ["y"], "pick", then_branch=body, else_branch=body),
        helper.make_node("If", ["c"], ["z"], "dead if", then_branch=body, else_branch=body),
        n("MatMul", "x w", "a", name="dead"),
        n("MatMul", "a u", "b", name="dead behind it"),
        n("Hardmax", "w", "k"),
        n("MatMul", "x k", "e", name="dead and unread"),
    ]
    one = model(nodes, STORED | {"u": sparse(16, 4)}, {"x": ("f4", (4, 8)), "c": ("?", ())})
    read = found(tmp_path, one)
    assert [layer.name for layer in read.layers] == ["read inside", "inner", "inner.2"]
    dead = [one.name for one in read.left_out if one.why == "computed, but used by nothing"]
    assert dead == ["inner dead", "inner dead", "inner", "inner dead", "inner", "inner dead", "dead",
                    "dead behind it", "dead and unread"]  # fmt: skip
    one.graph.output[0].name = "nothing"
    assert [layer.name for layer in found(tmp_path, one).layers][-3:] == ["dead", "dead behind it", "dead and unread"]


def test_local_functions_are_inlined(tmp_path: Path) -> None:
    w, v = sparse(8, 16), sparse(16, 3)
    inner = helper.make_function("local", "Linear", ["a", "b"], ["c"], [n("MatMul", "a b", "c", name="mm")],
                                 [helper.make_opsetid("", 21)])  # fmt: skip
    calls = [helper.make_node("Linear", ["a", name], [out], domain="local") for name, out in (("w", "m"),)]
    outer = helper.make_function("local", "Block", ["a", "w"], ["m"], calls,
                                 [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)])  # fmt: skip
    nodes = [
        helper.make_node("Block", ["x", "w"], ["h"], "block", domain="local"),
        n("MatMul", "h v", "y", name="head"),
    ]
    one = model(nodes, {"w": w, "v": v}, {"x": ("f4", (4, 8))})
    one.functions.extend([inner, outer])
    first, second = found(tmp_path, one).layers
    np.testing.assert_array_equal(dense(first), w.T)
    assert (first.columns, second.columns, second.name) == (4, 4, "head")
    one.functions[0].node[0].op_type, one.functions[0].node[0].domain = "Block", "local"
    with pytest.raises(InputError, match="calls itself"):
        found(tmp_path, one)


CHAIN = [n("MatMul", "x w", "h", name="one"), n("Relu", "h", "r"), n("MatMul", "r v", "y", name="two")]
STORED = {"w": sparse(8, 16), "v": sparse(16, 3)}


@pytest.mark.parametrize(
    ("shape", "columns", "says"),
    [
        (("N", 3, 8), 3, "unknown batch (N of input x) counts as 1"),
        ((None, 3, 8), 3, "unknown batch (unknown of input x) counts as 1"),
        ((5, 3, 8), 15, ""),
        (("batch", "sequence", 8), None, "does not say how many columns"),
        (("sequence", 8), None, "does not say how many columns"),
        (("N", 8), 1, "counts as 1"),
        ((-1, 3, 8), 3, "counts as 1"),
        ((2, 0, 8), None, "does not say how many columns"),
        (None, None, "does not say how many columns"),
    ],
)
def test_columns_where_axes_are_unknown(tmp_path: Path, shape, columns: int | None, says: str) -> None:
    read = found(tmp_path, model(CHAIN, STORED, {"x": ("f4", shape)}))
    assert [layer.columns for layer in read.layers] == [columns, columns]
    assert says in " ".join(read.notes)
    assert bool(read.notes) == bool(says)


def test_shapes_that_a_graph_declares_are_believed_only_where_none_follow(tmp_path: Path) -> None:
    nodes = [
        n("MatMul", "x w", "h", name="one"),
        n("Warp", "h", "r", domain="example"),
        n("MatMul", "r v", "y", name="two"),
    ]
    one = model(nodes, STORED, {"x": ("f4", (4, 8))})
    one.graph.value_info.extend(helper.make_tensor_value_info(name, 1, [9, 16]) for name in ("h", "r"))
    assert [layer.columns for layer in found(tmp_path, one).layers] == [4, 9]
    nodes[1] = n("Relu", "h", "r")
    one = model(nodes, STORED, {"x": ("f4", (4, 8))})
    one.graph.value_info.extend(helper.make_tensor_value_info(name, 1, [9, 16]) for name in ("h", "r"))
    assert [layer.columns for layer in found(tmp_path, one).layers] == [4, 4]


def test_shapes_go_on_behind_operators_of_onnx_runtime(tmp_path: Path) -> None:
    nodes = [
        n("FusedMatMul", "x w", "a", domain="com.microsoft", name="one", transB=1),
        n("BiasGelu", "a b", "c", domain="com.microsoft"),
        n("SkipLayerNormalization", "c a b b", "d e f g", domain="com.microsoft"),
        n("MatMul", "g v", "y", name="two"),
    ]
    stored = {"w": sparse(16, 8), "v": STORED["v"], "b": np.ones(16, "f4")}
    read = found(tmp_path, model(nodes, stored, {"x": ("f4", (2, 3, 8))}))
    assert [layer.columns for layer in read.layers] == [6, 6]


def test_quantised_networks_of_onnx_runtime(tmp_path: Path) -> None:
    s, z = "s", "z"
    nodes = [
        n("QLinearConv", f"x {s} {z} w {s} {z} {s} {z}", "a", name="conv"),
        helper.make_node("QLinearAdd", ["a", s, z, "a", s, z, s, z], ["b"], domain="com.microsoft"),
        helper.make_node("QLinearGlobalAveragePool", ["b", s, z, s, z], ["c"], domain="com.microsoft"),
        n("Flatten", "c", "d"),
        helper.make_node("QGemm", ["d", s, z, "v", s, z, "", s, z], ["e"], name="fc", domain="com.microsoft", transB=1),
        helper.make_node("DequantizeLinear", ["e", s, z], ["f"], domain="com.microsoft"),
        helper.make_node("MatMul", ["f", "u"], ["y"], name="head"),
    ]
    stored = {"w": codes(np.int8, 4, 3, 3, 3), "v": codes(np.int8, 5, 4), "u": sparse(5, 2)}
    stored |= {s: np.full((), 0.1, "f4"), z: np.zeros((), "i1")}
    layers = found(tmp_path, model(nodes, stored, {"x": ("i1", (2, 3, 8, 8))})).layers
    assert [(one.name, one.shape, one.columns) for one in layers] == [
        ("conv", (4, 27), 72), ("fc", (5, 4), 2), ("head", (2, 5), 2)
    ]  # fmt: skip


def test_attention_of_onnx_runtime(tmp_path: Path) -> None:
    stored = {"e": sparse(20, 8), "w": sparse(8, 24), "b": np.ones(24, "f4"), "v": sparse(8, 5)}
    nodes = [
        helper.make_node("EmbedLayerNormalization", ["i", "", "e", "e"], ["x"], "embed", domain="com.microsoft"),
        helper.make_node("Attention", ["x", "w", "b"], ["h"], "attention", domain="com.microsoft", num_heads=2),
        helper.make_node("MatMul", ["h", "v"], ["y"], "out"),
    ]
    read = found(tmp_path, model(nodes, stored, {"i": ("i8", (2, 3))}))
    assert [(one.name, one.shape, one.columns) for one in read.layers] == [
        ("attention", (24, 8), 6), ("out", (5, 8), 6)
    ]  # fmt: skip
    assert [one.why for one in read.left_out] == ["looked up, not multiplied", "a product of two activations"]


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    nodes = [
        n("Gather", "e i", "x", name="embed"),
        n("MatMul", "x w", "q", name="query"),
        n("Transpose", "q", "k", perm=[0, 2, 1]),
        n("MatMul", "q k", "s", name="scores"),
        n("Einsum", "s s", "y", equation="bij,bij->bij", name="square"),
    ]
    stored = {"e": sparse(20, 8), "w": sparse(8, 16)}
    read = found(tmp_path, model(nodes, stored, {"i": ("i8", (2, 3))}))
    assert [layer.name for layer in read.layers] == ["query"]
    assert [(one.name, one.why) for one in read.left_out] == [
        ("embed", "looked up, not multiplied"),
        ("scores", "a product of two activations"),
        ("square", "a product of two activations"),
    ]


UNREADABLE = {
    "computed by an operator that is not folded": [n("Hardmax", "w", "f"), n("MatMul", "x f", "y", name="two")],
    "operator of another domain": [n("MatMulBnb4", "x w", "y", name="two", domain="com.microsoft")],
    "unknown operator": [n("Warp", "x w", "y", name="two", domain="example")],
    "zero point": [n("Cast", "x", "u", to=2), n("Cast", "w", "f", to=2), n("Cast", "z", "p", to=2),
                   n("MatMulInteger", "u f p p", "y", name="two")],
    "batches turned": [n("FusedMatMul", "x w", "y", name="two", domain="com.microsoft", transBatchA=1)],
    "does not fit": [n("MatMul", "x v", "y", name="two")],
}  # fmt: skip


@pytest.mark.parametrize("why", UNREADABLE)
def test_a_layer_that_cannot_be_read_is_never_dropped(tmp_path: Path, why: str) -> None:
    nodes = [n("MatMul", "x w", "h", name="one"), *UNREADABLE[why]]
    one = model(nodes, STORED, {"x": ("f4", (4, 8)), "z": ("f4", ())}, outputs=("h", "y"))
    read = found(tmp_path, one)
    assert [(layer.name, layer.values, bool(layer.unreadable)) for layer in read.layers] == [
        ("one", "float32", False), ("two", "", True)
    ]  # fmt: skip
    assert "cannot be read" in str(read)
    assert "cannot be read" not in " ".join(read.remarks)
    path = str(tmp_path / "net.onnx")
    with pytest.raises(InputError, match=r"layer two cannot be read: its weights .*; export it .* net\.onnx#PATTERN"):
        resolve_workload(path)
    assert [kernel.name for kernel in resolve_workload(f"{path}#one").kernels] == ["one@spmm:4"]
    del one.graph.node[0]
    with pytest.raises(InputError, match="layer two cannot be read"):
        found(tmp_path, one)


@pytest.mark.parametrize("kind", ["empty tensors", "missing data file", "only shapes", "inputs"])
def test_graphs_without_weights_give_shapes(tmp_path: Path, kind: str) -> None:
    nodes = [
        n("Conv", "x w", "h", name="conv", group=2),
        n("Flatten", "h", "f"),
        n("Gemm", "f v", "y", name="fc", transB=1),
    ]
    one = model(nodes, {"w": sparse(4, 1, 3, 3), "v": sparse(5, 64)}, {"x": ("f4", (1, 2, 6, 6))})
    for tensor in one.graph.initializer:
        tensor.ClearField("raw_data")
        if kind == "missing data file":
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="net.external")
    if kind == "only shapes":
        one.graph.value_info.extend(helper.make_tensor_value_info(t.name, 1, t.dims) for t in one.graph.initializer)
        one.graph.ClearField("initializer")
    if kind == "inputs":
        one.graph.input.extend(helper.make_tensor_value_info(t.name, 1, t.dims) for t in one.graph.initializer)
        one.graph.ClearField("initializer")
    read = found(tmp_path, one)
    conv, fc = read.layers
    assert (conv.shape, conv.columns, fc.shape, fc.columns) == ((4, 18), 16, (5, 64), 1)
    assert conv.read().nnz == 36
    assert fc.density is not None
    assert fc.density.nonzeros(5, 64) == 320
    assert any("shapes without weights" in note for note in read.notes)
    if kind in ("empty tensors", "missing data file"):
        one.graph.initializer[0].CopyFrom(numpy_helper.from_array(sparse(4, 1, 3, 3), "w"))
        fix = "copy or download that data file" if kind == "missing data file" else "export the model with all"
        with pytest.raises(InputError, match=f"layer fc has .*; {fix}"):
            found(tmp_path, one)


@pytest.mark.parametrize("threshold", [0, 100])
def test_data_files_beside_the_model(tmp_path: Path, threshold: int) -> None:
    one = model([n("Reshape", "w s", "f"), n("MatMul", "x f", "y", name="fc")],
                {"w": sparse(128), "s": ints([8, 16])}, {"x": ("f4", (4, 8))})  # fmt: skip
    w = numpy_helper.to_array(one.graph.initializer[0])
    path = tmp_path / "net.onnx"
    onnx.save(one, path, save_as_external_data=True, location="net.data", size_threshold=threshold)
    (layer,) = describe(path).layers
    np.testing.assert_array_equal(dense(layer), w.reshape(8, 16).T)
    data = (tmp_path / "net.data").read_bytes()
    (tmp_path / "net.data").write_bytes(data[:100])
    with pytest.raises(InputError, match=r"net\.data, which ends before it; copy or download that file again"):
        describe(path)
    (tmp_path / "net.data").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="is a Git LFS pointer; run `git lfs pull`"):
        describe(path)
    for location in ("../net.data", "/etc/passwd", "C:\\net.data"):
        saved = onnx.load(path, load_external_data=False)
        saved.graph.initializer[0].external_data[0].value = location
        path.write_bytes(saved.SerializeToString())
        with pytest.raises(InputError, match="not in the model's folder; put the data file beside the model"):
            describe(path)


@pytest.mark.parametrize("kind", ["protobuf", "textproto", "json", "onnxtxt"])
@pytest.mark.parametrize("suffix", [".onnx", ".pb"])
def test_encodings_are_known_by_content(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    onnx.save(model(CHAIN, STORED, {"x": ("f4", (4, 8))}, ir_version=8, opset=17), path, format=kind)
    layers = describe(path).layers
    assert [(layer.name, layer.shape, layer.columns) for layer in layers] == [("one", (16, 8), 4), ("two", (3, 16), 4)]
    np.testing.assert_allclose(dense(layers[0]), STORED["w"].T, rtol=1e-6)


def test_linear_models_of_scikit_learn(tmp_path: Path) -> None:
    w = sparse(3, 8)
    node = helper.make_node("LinearClassifier", ["x"], ["l", "y"], "clf", domain="ai.onnx.ml",
                            coefficients=w.reshape(-1).tolist(), intercepts=[0.0] * 3)  # fmt: skip
    (layer,) = found(tmp_path, model([node], {}, {"x": ("f4", ("N", 8))})).layers
    np.testing.assert_array_equal(dense(layer), w)
    assert layer.columns == 1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[: len(data) // 2], "is no ONNX model that can be read .*; export it, or copy or download"),
        (lambda data: b"\x08\x08ORTM" + data, "ORT format\\) model, which is not read here; give the .onnx"),
        (lambda data: b"not a graph at all", "is no ONNX model that can be read"),
    ],
)
def test_damaged_files(tmp_path: Path, damage, says: str) -> None:
    path = tmp_path / "net.onnx"
    data = model(CHAIN, STORED, {"x": ("f4", (4, 8))}).SerializeToString()
    path.write_bytes(damage(data).replace(b"\x08\x08ORTM", b"\x18\0\0\0ORTM"))
    with pytest.raises(InputError, match=says) as caught:
        describe(path)
    assert str(caught.value).startswith(str(path))


def test_products_of_activations_only_are_refused(tmp_path: Path) -> None:
    one = model([n("MatMul", "x z", "y", name="scores")], {}, {"x": ("f4", (4, 8)), "z": ("f4", (8, 3))})
    what = r"holds no product with stored weights \(scores: a product of two activations\); export"
    with pytest.raises(InputError, match=what):
        found(tmp_path, one)


def test_wrong_lengths_and_places_are_refused(tmp_path: Path) -> None:
    one = model(CHAIN, STORED, {"x": ("f4", (4, 8))})
    one.graph.initializer[0].raw_data = one.graph.initializer[0].raw_data[:-4]
    with pytest.raises(InputError, match="tensor w has 508 bytes, not 512; export the model again"):
        found(tmp_path, one)
    held = helper.make_sparse_tensor(
        numpy_helper.from_array(np.ones(2, "f4"), "w"), numpy_helper.from_array(ints([0, 999])), [8, 16]
    )
    product = helper.make_node("MatMul", ["x", "w"], ["y"], "fc")
    (layer,) = found(tmp_path, model([product], {"w": held}, {"x": ("f4", (4, 8))})).layers
    with pytest.raises(InputError, match="sparse initializer w has indices outside its shape"):
        layer.read()


def test_damaged_bytes_are_one_sentence_or_still_a_network(tmp_path: Path) -> None:
    path, rng, said = tmp_path / "net.onnx", np.random.default_rng(0), []
    nodes = [n("DequantizeLinear", "q s", "f"), n("MatMul", "x f", "h", name="one"), *CHAIN[1:]]
    stored = {"q": codes(np.int8, 8, 16), "s": np.full((), 0.1, "f4"), "v": STORED["v"]}
    sound = model(nodes, stored, {"x": ("f4", (4, 8))}).SerializeToString()
    for _ in range(150):
        at, length = rng.integers(len(sound)), rng.integers(1, 9)
        damaged = bytearray(sound)
        damaged[at : at + rng.choice([0, length, len(sound)])] = rng.bytes(int(length))
        path.write_bytes(damaged)
        try:
            assert resolve_workload(str(path)).kernels
        except InputError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if "\n" in sentence or not sentence.startswith(str(path))]


def test_the_package_that_reads_onnx_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(onnx, "__version__", "1.22.0")
        with pytest.raises(InputError, match=r"needs the package onnx of version 1\.23 or newer; run `pip install"):
            found(tmp_path, model(CHAIN, STORED, {"x": ("f4", (4, 8))}))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"run `pip install 'sparse-dse\[onnx\]'`"):
        found(tmp_path, model(CHAIN, STORED, {"x": ("f4", (4, 8))}))
