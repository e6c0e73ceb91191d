"""ONNX graphs: the layers found in them compute what onnx.reference computes, and nothing is left out in silence."""

import math
from pathlib import Path

import numpy as np
import pytest

from workloads import resolve_workload
from workloads.errors import InputError
from workloads.readers.found import Found
from workloads.readers.loading import describe

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

RNG = np.random.default_rng(0)


def sparse(*shape: int) -> np.ndarray:
    """Random float32 with half of them zero."""
    return np.where(RNG.random(shape) < 0.5, 0, RNG.standard_normal(shape)).astype(np.float32)


def codes(dtype: type, *shape: int, zero: int = 0) -> np.ndarray:
    """Random integers around a zero point, half of them equal to it."""
    return np.where(RNG.random(shape) < 0.5, zero, RNG.integers(zero - 7, zero + 8, shape)).astype(dtype)


def model(nodes, stored: dict, inputs: dict, outputs=("y",), opset: int = 21, **more):
    """A model of nodes, its stored arrays (or tensors), and shapes and types of its inputs."""
    kinds = {np.dtype(d): helper.np_dtype_to_tensor_dtype(np.dtype(d)) for d in ("f4", "u1", "i1", "i8", "?")}
    tensors = [
        numpy_helper.from_array(np.asarray(one), name) if isinstance(one, np.ndarray | np.generic) else one
        for name, one in stored.items()
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(n, kinds[np.dtype(dtype)], shape) for n, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [one for one in tensors if isinstance(one, onnx.TensorProto)],
        sparse_initializer=[one for one in tensors if isinstance(one, onnx.SparseTensorProto)],
    )
    domains = {node.domain for node in nodes} - {""}
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in sorted(domains))]
    return helper.make_model(graph, opset_imports=imports, **{"ir_version": 10, **more})


def found(tmp_path: Path, one) -> Found:
    """What is found in a model that is saved."""
    path = tmp_path / "net.onnx"
    path.write_bytes(one.SerializeToString())
    return describe(path)


def dense(layer) -> np.ndarray:
    return layer.read().toarray()


def unfolded(x: np.ndarray, kernel, strides, dilations, pads) -> np.ndarray:
    """The columns [in x kernel, batch x places] that a convolution's filters meet."""
    axes = len(kernel)
    padded = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)])
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, tuple(range(2, 2 + axes)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, s) for s in strides))]
    windows = windows[(..., *(slice(None, None, d) for d in dilations))]
    order = [1, *range(2 + axes, 2 + 2 * axes), 0, *range(2, 2 + axes)]
    return windows.transpose(order).reshape(x.shape[1] * math.prod(kernel), -1)


CONVOLUTIONS = [
    ((2, 3, 11), (4, 3, 3), 1, {"strides": [2], "pads": [1, 2], "dilations": [2]}),
    ((2, 3, 7, 6), (6, 3, 3, 2), 1, {"strides": [2, 1], "pads": [1, 0, 2, 1]}),
    ((2, 4, 7, 7), (6, 2, 3, 3), 2, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ((1, 6, 5, 5), (6, 1, 3, 3), 6, {"auto_pad": "SAME_UPPER"}),
    ((1, 6, 5, 6), (12, 1, 2, 2), 6, {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ((1, 3, 5, 6), (2, 3, 3, 3), 1, {"auto_pad": "VALID"}),
    ((1, 2, 4, 5, 4), (3, 2, 2, 3, 2), 1, {"strides": [1, 2, 1], "dilations": [2, 1, 1]}),
]


def padding(x: tuple, kernel: tuple, options: dict) -> list[int]:
    if not options.get("auto_pad", "").startswith("SAME"):
        return options.get("pads", [0] * 2 * len(kernel))
    strides = options.get("strides", [1] * len(kernel))
    total = [max((-(-i // s) - 1) * s + k - i, 0) for i, k, s in zip(x[2:], kernel, strides, strict=True)]
    low, high = [one // 2 for one in total], [-(-one // 2) for one in total]
    return low + high if options["auto_pad"] == "SAME_UPPER" else high + low


@pytest.mark.parametrize(("x", "w", "group", "options"), CONVOLUTIONS)
@pytest.mark.parametrize("kind", ["Conv", "ConvInteger", "QLinearConv", "FusedConv"])
def test_convolutions(tmp_path: Path, kind: str, x: tuple, w: tuple, group: int, options: dict) -> None:
    strides, dilations = (options.get(name, [1] * len(w[2:])) for name in ("strides", "dilations"))
    if kind in ("Conv", "FusedConv"):
        data, weights, exact = RNG.standard_normal(x).astype("f4"), sparse(*w), None
        domain = "com.microsoft" if kind == "FusedConv" else ""
        node = helper.make_node(kind, ["x", "w"], ["y"], "c", domain=domain, group=group, **options)
        stored = {"w": weights}
    else:
        data = RNG.integers(0, 255, x).astype("u1")
        zeros = RNG.integers(-3, 3, w[0]).astype("i1")
        weights = np.stack([codes(np.int8, *w[1:], zero=zero) for zero in zeros])
        exact = weights.astype(np.int32) - zeros.reshape(-1, *[1] * (len(w) - 1))
        stored = {"w": weights, "xz": np.uint8(120).reshape(()), "wz": zeros}
        names = ["x", "w", "xz", "wz"]
        if kind == "QLinearConv":
            stored |= {"s": np.float32(1).reshape(()), "ws": np.ones(w[0], "f4"), "yz": np.uint8(0).reshape(())}
            names = ["x", "s", "xz", "w", "ws", "wz", "s", "yz"]
        node = helper.make_node(kind, names, ["y"], "c", group=group, **options)
    one = model([node], stored, {"x": (data.dtype, x)})
    (layer,) = found(tmp_path, one).layers
    b = unfolded(data, w[2:], strides, dilations, padding(x, w[2:], options))
    assert (layer.name, layer.shape, layer.columns) == ("c", (w[0], x[1] * math.prod(w[2:])), b.shape[1])
    a = dense(layer)
    assert np.count_nonzero(a) == np.count_nonzero(weights if exact is None else exact)
    if kind == "Conv" and not (options.get("auto_pad") == "SAME_LOWER"):
        (y,) = ReferenceEvaluator(one).run(None, {"x": data})
        made = (a @ b).reshape(w[0], x[0], *y.shape[2:]).swapaxes(0, 1)
        np.testing.assert_allclose(made, y, rtol=1e-4, atol=1e-4)
    if layer.unfolding is not None:
        rows, columns = np.indices(b.shape)
        of, inside = layer.unfolding, b != 0
        source = of.source(rows[inside], columns[inside])
        np.testing.assert_array_equal(data.reshape(-1)[source], b[inside])
    square = len(w) == 4 and len({*strides}) == 1 and len({*padding(x, w[2:], options)}) == 1
    assert (layer.unfolding is not None) == square


@pytest.mark.parametrize("group", [1, 2])
def test_transposed_convolutions(tmp_path: Path, group: int) -> None:
    x, w = RNG.standard_normal((2, 4, 3, 5)).astype("f4"), sparse(4, 3, 2, 2)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], "up", group=group, strides=[2, 2])
    one = model([node], {"w": w}, {"x": (x.dtype, x.shape)})
    (layer,) = found(tmp_path, one).layers
    assert (layer.shape, layer.columns) == ((3 * group * 4, 4), 2 * 15)
    made = (dense(layer) @ x.swapaxes(0, 1).reshape(4, -1)).reshape(3 * group, 2, 2, 2, 3, 5)
    of_groups = zip(np.split(x, group, 1), np.split(w, group), strict=True)
    alone = model(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])], {}, {"x": ("f4", ()), "w": ("f4", ())}
    )
    y = np.concatenate([ReferenceEvaluator(alone).run(None, {"x": a, "w": b})[0] for a, b in of_groups], axis=1)
    np.testing.assert_allclose(made.transpose(3, 0, 4, 1, 5, 2).reshape(y.shape), y, rtol=1e-4, atol=1e-5)


def as_matrices(layers, stack: tuple[int, ...]) -> np.ndarray:
    return np.stack([dense(one) for one in layers]).reshape(*stack, *layers[0].shape)


MATMULS = [  # operand shapes, which is stored
    ((4, 8), (8, 5), 1), ((3, 4, 8), (8, 5), 1), ((2, 3, 4, 8), (3, 8, 5), 1), ((4, 8), (3, 8, 5), 1),
    ((2, 3, 4, 8), (2, 1, 8, 5), 1), ((4, 8), (8,), 1), ((2, 4, 8), (8,), 1), ((8,), (8, 5), 1), ((8,), (2, 8, 5), 1),
    ((8,), (8,), 1), ((5, 8), (8, 4), 0), ((5, 8), (3, 8, 4), 0), ((3, 5, 8), (3, 8, 4), 0), ((3, 5, 8), (8, 4), 0),
    ((8,), (3, 8, 4), 0), ((5, 8), (8,), 0), ((1, 5, 8), (7, 8, 4), 0),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right", "at"), MATMULS)
def test_matrix_products(tmp_path: Path, left: tuple, right: tuple, at: int) -> None:
    shapes = {"a": left, "b": right}
    held, free = ("b", "a") if at else ("a", "b")
    w, x = sparse(*shapes[held]), RNG.standard_normal(shapes[free]).astype("f4")
    w.reshape(-1)[0] = 1.0  # a matrix of zeros is refused
    w[..., 0] = np.where(w[..., 0] == 0, 0.5, w[..., 0])
    one = model([helper.make_node("MatMul", ["a", "b"], ["y"], "fc")], {held: w}, {free: (x.dtype, x.shape)})
    layers = found(tmp_path, one).layers
    (y,) = ReferenceEvaluator(one).run(None, {free: x})
    stack = w.shape[:-2]
    matrices = as_matrices(layers, stack)
    columns = x[:, None] if x.ndim == 1 else x if not at else x.swapaxes(-1, -2)
    made = matrices @ columns
    if at:
        made = made.swapaxes(-1, -2)
    np.testing.assert_allclose(made.reshape(np.shape(y)), y, rtol=1e-4, atol=1e-5)
    length = left[-1]
    assert sum(one.columns * math.prod(one.shape) for one in layers) == np.size(y) * length  # multiply-accumulates
    assert len(layers) == math.prod(stack)


@pytest.mark.parametrize("held", [0, 1])
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("kind", ["Gemm", "FusedMatMul", "FusedGemm"])
def test_turned_operands(tmp_path: Path, kind: str, turned: tuple[int, int], held: int) -> None:
    shapes = [(4, 8) if not turned[0] else (8, 4), (8, 5) if not turned[1] else (5, 8)]
    w, x = sparse(*shapes[held]), RNG.standard_normal(shapes[1 - held]).astype("f4")
    names = ["w", "x"] if held == 0 else ["x", "w"]
    domain = "" if kind == "Gemm" else "com.microsoft"
    node = helper.make_node(kind, names, ["y"], "fc", domain=domain, transA=turned[0], transB=turned[1], alpha=2.0)
    (layer,) = found(tmp_path, model([node], {"w": w}, {"x": (x.dtype, x.shape)})).layers
    operands = [x, x]
    operands[held] = w
    left, right = (one.T if turn else one for one, turn in zip(operands, turned, strict=True))
    made = dense(layer) @ right if held == 0 else (dense(layer) @ left.T).T
    np.testing.assert_allclose(made, left @ right, rtol=1e-4, atol=1e-5)
    assert layer.columns == (right.shape[1] if held == 0 else left.shape[0])


@pytest.mark.parametrize("along", [False, True])
@pytest.mark.parametrize("held", [0, 1])
def test_integer_products(tmp_path: Path, held: int, along: bool) -> None:
    shapes = [(4, 8), (8, 5)]
    outer = shapes[held][held]
    zeros = RNG.integers(100, 150, outer if along else 1).astype("u1")
    per_row = np.broadcast_to(zeros, outer)
    rows = np.stack([codes(np.uint8, 8, zero=zero) for zero in per_row])
    w, x = (rows if held == 0 else rows.T), RNG.integers(0, 255, shapes[1 - held]).astype("u1")
    w = np.ascontiguousarray(w)
    stored = {"w": w, "wz": zeros if along else zeros.reshape(()), "xz": np.uint8(7).reshape(())}
    names = ["w", "x", "wz", "xz"] if held == 0 else ["x", "w", "xz", "wz"]
    one = model([helper.make_node("MatMulInteger", names, ["y"], "fc")], stored, {"x": (x.dtype, x.shape)})
    (layer,) = found(tmp_path, one).layers
    exact = x.astype(int) - 7
    y = dense(layer) @ exact if held == 0 else (dense(layer) @ exact.T).T
    if not (along and held == 0):  # the reference evaluator takes no zero points of rows
        np.testing.assert_array_equal(y, ReferenceEvaluator(one).run(None, {"x": x})[0])
    np.testing.assert_array_equal(dense(layer), rows.astype(int) - per_row[:, None])
    assert (layer.values, layer.columns) == ("uint8", 5 if held == 0 else 4)
    scale, point = np.float32(1).reshape(()), "wz"
    names = ["w", "s", point, "x", "s", "xz"] if held == 0 else ["x", "s", "xz", "w", "s", point]
    node = helper.make_node("QLinearMatMul", [*names, "s", "xz"], ["y"], "fc")
    (again,) = found(tmp_path, model([node], stored | {"s": scale}, {"x": (x.dtype, x.shape)})).layers
    np.testing.assert_array_equal(dense(again), dense(layer))


@pytest.mark.parametrize("turn", [0, 1])
def test_integer_products_of_onnx_runtime(tmp_path: Path, turn: int) -> None:
    rows = codes(np.int8, 5, 8, zero=3)
    w = np.ascontiguousarray(rows if turn else rows.T)
    stored = {"w": w, "wz": np.full(5, 3, "i1"), "xz": np.uint8(7).reshape(()), "s": np.float32(1).reshape(())}
    made = [
        ("QGemm", ["x", "s", "xz", "w", "s", "wz", "", "s", "xz"], {"transB": turn}, "u1"),
        ("MatMulIntegerToFloat", ["x", "w", "s", "s", "xz", "wz"], {}, "u1"),
        ("DynamicQuantizeMatMul", ["x", "w", "s", "wz"], {}, "f4"),
    ]
    for kind, names, options, dtype in made[: 1 if turn else 3]:
        node = helper.make_node(kind, names, ["y"], "fc", domain="com.microsoft", **options)
        (layer,) = found(tmp_path, model([node], stored, {"x": (dtype, (4, 8))})).layers
        np.testing.assert_array_equal(dense(layer), rows.astype(int) - 3)
        assert layer.columns == 4


def packed(array: np.ndarray, bits: int) -> np.ndarray:
    """Codes packed along the last axis, low bits first."""
    per_byte = 8 // bits
    wide = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, -array.shape[-1] % per_byte)])
    wide = wide.reshape(*wide.shape[:-1], -1, per_byte).astype(np.uint32)
    return (wide << (np.arange(per_byte, dtype=np.uint32) * bits)).sum(-1).astype(np.uint8)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("zeros", ["none", "packed", "float"])
def test_bits_packed_in_blocks(tmp_path: Path, bits: int, zeros: str) -> None:
    n, k, block = 5, 40, 16
    q = RNG.integers(0, 2**bits, (n, 48))
    scale = RNG.random((n, 3)).astype("f4") + 0.5
    points = np.full((n, 3), 2 ** (bits - 1)) if zeros == "none" else RNG.integers(0, 2**bits, (n, 3))
    stored = {"q": packed(q.reshape(n, 3, block), bits), "s": scale}
    if zeros != "none":
        stored["z"] = points.astype("f4") if zeros == "float" else packed(points, bits)
    names = ["x", "q", "s"] + ["z"] * (zeros != "none")
    sizes = {"K": k, "N": n, "bits": bits, "block_size": block}
    node = helper.make_node("MatMulNBits", names, ["h"], "fc", domain="com.microsoft", **sizes)
    after = helper.make_node("MatMul", ["h", "w"], ["y"], "head")
    layer, head = found(tmp_path, model([node, after], stored | {"w": sparse(n, 3)}, {"x": ("f4", (2, 3, k))})).layers
    exact = ((q.reshape(n, 3, block) - points[..., None]) * scale[..., None]).reshape(n, -1)[:, :k]
    np.testing.assert_allclose(dense(layer), exact, rtol=1e-6)
    assert (layer.columns, head.columns, layer.values) == (6, 6, f"int{bits} in groups of {block}")


EINSUMS = [
    ("bi,io->bo", (4, 8), (8, 5)), ("bsi,oi->bso", (2, 3, 8), (5, 8)), ("bsi,ihd->bhsd", (2, 3, 8), (8, 4, 5)),
    ("bhsd,hdo->bso", (2, 4, 3, 5), (4, 5, 7)), ("ebi,eio->ebo", (3, 4, 8), (3, 8, 5)), ("...i,io->...o", (2, 3, 8), (8, 5)),
    ("bi, io", (4, 8), (8, 5)), ("bi,i->b", (4, 8), (8,)), ("nchw,oc->nohw", (2, 3, 4, 5), (6, 3)),
    ("...ij,...jk->...ik", (2, 3, 8), (8, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("equation", "x", "w"), EINSUMS)
@pytest.mark.parametrize("first", [False, True])
def test_einsum(tmp_path: Path, equation: str, x: tuple, w: tuple, first: bool) -> None:
    weights = sparse(*w)
    weights.reshape(w[0], -1)[:, 0] = 1.0
    if first:
        inputs, arrow, output = equation.replace(" ", "").partition("->")
        one, other = inputs.split(",")
        output = output or "bo"
        equation = f"{other},{one}->{output}"
    names = ["w", "x"] if first else ["x", "w"]
    node = helper.make_node("Einsum", names, ["y"], "fc", equation=equation)
    layers = found(tmp_path, model([node], {"w": weights}, {"x": ("f4", x)})).layers
    data = RNG.standard_normal(x).astype("f4")
    y = np.einsum(equation.replace(" ", ""), *((weights, data) if first else (data, weights)))
    summed = math.prod(w) * np.size(y) // max(sum(math.prod(one.shape[:1]) * one.columns for one in layers), 1)
    assert sum(one.columns * one.shape[0] for one in layers) == np.size(y)
    assert sum(math.prod(one.shape) for one in layers) == math.prod(w)
    assert summed == math.prod(w)
    assert sum(np.count_nonzero(dense(one)) for one in layers) == np.count_nonzero(weights)
    if "hd" in equation and len(layers) == 1 and "ihd" in equation:
        np.testing.assert_array_equal(dense(layers[0]), weights.reshape(8, -1).T)
    if "hdo" in equation:
        np.testing.assert_array_equal(dense(layers[0]), weights.reshape(20, 7).T)


@pytest.mark.parametrize("equation", ["bi,bj->ij", "bsi,io->bo", "bi,ii->bi", "bi,iq->bi"])
def test_einsums_that_are_no_product_of_a_matrix(tmp_path: Path, equation: str) -> None:
    rank = equation.index(",")
    node = helper.make_node("Einsum", ["x", "w"], ["y"], "fc", equation=equation)
    one = model([node], {"w": sparse(4, 4)}, {"x": ("f4", (4,) * rank)})
    if equation == "bi,bj->ij":
        (layer,) = found(tmp_path, one).layers
        assert (layer.shape, layer.columns) == ((4, 4), 4)
        return
    with pytest.raises(InputError, match=r"layer fc cannot be read: its weights .* Einsum"):
        found(tmp_path, one)


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_layers(tmp_path: Path, kind: str, gates: int, directions: int, layout: int) -> None:
    steps, batch, width, hidden = 3, 2, 5, 4
    w, r = sparse(directions, gates * hidden, width), sparse(directions, gates * hidden, hidden)
    options = {"hidden_size": hidden, "direction": "bidirectional" if directions == 2 else "forward", "layout": layout}
    shape = (batch, steps, width) if layout else (steps, batch, width)
    one = model(
        [helper.make_node(kind, ["x", "w", "r"], ["y"], "rnn", **options)], {"w": w, "r": r}, {"x": ("f4", shape)}
    )
    layers = {layer.name: layer for layer in found(tmp_path, one).layers}
    for at in range(directions):
        end = f".{at}" if directions == 2 else ""
        of_input, of_state = layers[f"rnn.W{end}"], layers[f"rnn.R{end}"]
        np.testing.assert_array_equal(dense(of_input), w[at])
        np.testing.assert_array_equal(dense(of_state), r[at])
        assert (of_input.columns, of_input.repeats) == (steps * batch, 1)
        assert (of_state.columns, of_state.repeats) == (batch, steps)
    if kind == "RNN" and directions == 1 and not layout:
        x = RNG.standard_normal(shape).astype("f4")
        state, states = np.zeros((hidden, batch)), []
        for step in x:
            state = np.tanh(dense(layers["rnn.W"]) @ step.T + dense(layers["rnn.R"]) @ state)
            states.append(state.T)
        (y,) = ReferenceEvaluator(one).run(None, {"x": x})
        np.testing.assert_allclose(np.stack(states)[:, None], y, rtol=1e-4, atol=1e-5)


def n(kind: str, inputs: str, output: str = "f", **options):
    return helper.make_node(kind, inputs.split(), output.split(), **options)


W, MASK = sparse(6, 8), (RNG.random((6, 8)) < 0.5).astype("f4")
Q8, QU8 = codes(np.int8, 6, 8), codes(np.uint8, 6, 8, zero=128)
ints = np.array
FOLDED = {  # name: nodes that make `f` from what is stored, stored, operator set
    "transpose": ([n("Transpose", "w", perm=[1, 0])], {"w": W}, 21),
    "identity, cast": ([n("Identity", "w", "a"), n("Cast", "a", to=1)], {"w": W.astype("f2")}, 21),
    "cast like": ([n("CastLike", "w s")], {"w": W.astype("f8"), "s": np.ones(1, "f4")}, 21),
    "reshape": ([n("Reshape", "w s")], {"w": W.reshape(-1), "s": ints([0, 8][:1] and [6, -1])}, 21),
    "flatten": ([n("Flatten", "w", axis=1)], {"w": W.reshape(6, 2, 4)}, 21),
    "squeeze": ([n("Squeeze", "w a")], {"w": W[:, None], "a": ints([1])}, 21),
    "squeeze 11": ([n("Squeeze", "w", axes=[1])], {"w": W[:, None]}, 11),
    "unsqueeze": ([n("Unsqueeze", "w a", "b"), n("Squeeze", "b")], {"w": W, "a": ints([0])}, 21),
    "slice": ([n("Slice", "w s e a t")], {"w": W, "s": ints([-1]), "e": ints([-99]), "a": ints([1]), "t": ints([-2])}, 21),
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
        [n("BitShift", "q four", "h", direction="RIGHT"), n("BitwiseAnd", "q low", "l"), n("Concat", "l h", "c", axis=0),
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
    assert (layer.columns, read.left_out) == (rows, ())


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1", "BFLOAT16", "FLOAT16"])
def test_small_types(tmp_path: Path, kind: str) -> None:
    number = getattr(TensorProto, kind)
    values = codes(np.float32, 6, 9) if "UINT" not in kind else codes(np.float32, 6, 9, zero=8)
    exact = np.clip(values, -4, 4) if kind == "FLOAT4E2M1" else values
    tensor = helper.make_tensor("q", number, (6, 9), exact.astype(helper.tensor_dtype_to_np_dtype(number)).reshape(-1))
    dequantise = n("DequantizeLinear", "q s") if kind not in ("BFLOAT16", "FLOAT16") else n("Cast", "q", to=1)
    nodes = [dequantise, helper.make_node("Gemm", ["x", "f"], ["y"], "fc", transB=1)]
    one = model(nodes, {"q": tensor, "s": np.full((), 0.5, "f4")}, {"x": ("f4", (4, 9))}, opset=23, ir_version=11)
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
        "turn", loop_inputs, [info("on", TensorProto.BOOL, []), info("y_r", 1, None)], [numpy_helper.from_array(r, "r")],
    )  # fmt: skip
    loop = helper.make_node("Loop", ["trips", ""], ["b"], "repeat", body=turn)
    unknown = helper.make_node("Loop", ["asked", ""], ["d"], "forever", body=turn)
    inputs = {"c": ("?", ()), "x": ("f4", (4, 8)), "asked": ("i8", ())}
    one = model([pick, loop, unknown], {"trips": ints(7)}, inputs, outputs=("a", "b"))
    read = found(tmp_path, one)
    assert [(layer.name, layer.columns, layer.repeats) for layer in read.layers] == [
        ("fc_t", 4, 1), ("fc_e", 4, 1), ("fc_r", 4, 7), ("fc_r.2", 4, 1),
    ] or [layer.name for layer in read.layers] == ["fc_e", "fc_t", "fc_r", "fc_r.2"]  # fmt: skip
    assert [layer.repeats for layer in read.layers] == [1, 1, 7, 1]
    assert any("Both branches" in note for note in read.notes)
    assert any("Loop forever" in note for note in read.notes)


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
        (None, None, "does not say how many columns"),
    ],
)
def test_columns_where_axes_are_unknown(tmp_path: Path, shape, columns: int | None, says: str) -> None:
    read = found(tmp_path, model(CHAIN, STORED, {"x": ("f4", shape)}))
    assert [layer.columns for layer in read.layers] == [columns, columns]
    assert says in " ".join(read.notes)
    assert bool(read.notes) == bool(says)


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
    one = model(nodes, STORED, {"x": ("f4", (4, 8)), "z": ("f4", ())})
    read = found(tmp_path, one)
    assert [layer.name for layer in read.layers] == ["one", "two"]
    assert "cannot be read" in str(read)
    path = str(tmp_path / "net.onnx")
    with pytest.raises(InputError, match=r"layer two cannot be read: its weights .*; export it .* net\.onnx#PATTERN"):
        resolve_workload(path)
    assert [kernel.name for kernel in resolve_workload(f"{path}#one").kernels] == ["one@spmm:4"]
    del one.graph.node[0]
    with pytest.raises(InputError, match="layer two cannot be read"):
        found(tmp_path, one)


@pytest.mark.parametrize("kind", ["empty tensors", "missing data file", "only shapes"])
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
    read = found(tmp_path, one)
    conv, fc = read.layers
    assert (conv.shape, conv.columns, fc.shape, fc.columns) == ((4, 18), 16, (5, 64), 1)
    assert conv.read().nnz == 36
    assert fc.density is not None
    assert fc.density.nonzeros(5, 64) == 320
    assert any("shapes without weights" in note for note in read.notes)
    if kind != "only shapes":
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
        (lambda data: b"\x08\x08ORTM" + data, "ONNX Runtime's own ORT format, which is not read here; give the .onnx"),
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
