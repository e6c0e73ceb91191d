"""Products of ONNX graphs: the layers found compute what onnx.reference computes, as many multiplications, no more."""

import math
from pathlib import Path

import numpy as np
import pytest
from reference.onnx_models import RNG, codes, dense, found, helper, model, sparse

from workloads import SparseKernel, measure, resolve_workload
from workloads.errors import InputError

ReferenceEvaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator


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
    ((2, 3, 8, 7), (4, 3, 3, 3), 1, {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    ((1, 2, 5, 9), (3, 2, 1, 7), 1, {"pads": [0, 3, 0, 3]}),
    ((1, 2, 9, 8), (4, 1, 3, 3), 2, {"pads": [2, 1, 2, 3], "dilations": [2, 3], "strides": [1, 2]}),
    ((1, 2, 9, 8), (4, 2, 3, 2), 1, {"auto_pad": "SAME_LOWER", "dilations": [2, 2], "strides": [2, 3]}),
    ((1, 2, 4, 5, 4), (3, 2, 2, 3, 2), 1, {"strides": [1, 2, 1], "dilations": [2, 1, 1]}),
]


def padding(x: tuple, kernel: tuple, options: dict) -> list[int]:
    if not options.get("auto_pad", "").startswith("SAME"):
        return options.get("pads", [0] * 2 * len(kernel))
    strides = options.get("strides", [1] * len(kernel))
    axes = zip(x[2:], kernel, strides, options.get("dilations", [1] * len(kernel)), strict=True)
    total = [max((-(-i // s) - 1) * s + (k - 1) * d + 1 - i, 0) for i, k, s, d in axes]
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
    if kind == "Conv" and options.get("auto_pad") != "SAME_LOWER":
        (y,) = ReferenceEvaluator(one).run(None, {"x": data})
        made = (a @ b).reshape(w[0], x[0], *y.shape[2:]).swapaxes(0, 1)
        np.testing.assert_allclose(made, y, rtol=1e-4, atol=1e-4)
    assert layer.taps == math.prod(w[2:])
    assert (layer.unfolding is not None) == (len(w) < 5)
    if layer.unfolding is not None:
        source = layer.unfolding.source(*np.indices(b.shape))
        np.testing.assert_array_equal(np.where(source < 0, 0, data.reshape(-1)[source]), b)


def test_channels_may_come_last(tmp_path: Path) -> None:
    options, w = {"pads": [1, 0, 1, 0], "strides": [2, 1]}, sparse(4, 3, 3, 2)
    first = helper.make_node("Conv", ["x", "w"], ["y"], "c", **options)
    last = helper.make_node("FusedConv", ["x", "w"], ["y"], "c", domain="com.microsoft", channels_last=1, **options)
    (one,) = found(tmp_path, model([first], {"w": w}, {"x": ("f4", (2, 3, 7, 6))})).layers
    (other,) = found(tmp_path, model([last], {"w": w}, {"x": ("f4", (2, 7, 6, 3))})).layers
    assert (one.shape, one.columns, one.unfolding) == (other.shape, other.columns, other.unfolding)


def test_filters_without_known_maps_say_how_many_taps_they_have(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], "c")
    for sides, columns in (((1, 4, None, None), None), (None, None)):
        (layer,) = found(tmp_path, model([node], {"w": sparse(2, 4, 3, 3)}, {"x": ("f4", sides)})).layers
        assert (layer.unfolding, layer.taps, layer.columns) == (None, 9, columns)


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        ((3, 3), {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
        ((1, 7), {"pads": [0, 3, 0, 3]}),
        ((3, 3), {"dilations": [2, 2]}),
        ((3, 3), {"group": 2}),
        ((5,), {"pads": [4, 0]}),
        ((2, 2, 2), {}),
    ],
)
def test_filters_pruned_along_their_channels_are_known_whatever_the_geometry(
    tmp_path: Path, kernel: tuple[int, ...], options: dict
) -> None:
    order = np.argsort(np.argsort(RNG.random((16, *kernel, 4, 4)), axis=-1), axis=-1)
    filters = np.moveaxis((order < 2).reshape(16, *kernel, 16).astype("f4"), -1, 1)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "c", **options)
    x = (2, 16 * options.get("group", 1), *[9] * len(kernel))
    found(tmp_path, model([node], {"w": filters}, {"x": ("f4", x)}))
    (kernel_found,) = resolve_workload(str(tmp_path / "net.onnx")).kernels
    assert isinstance(kernel_found, SparseKernel)
    a = kernel_found.a.toarray()
    assert (a.reshape(16, -1, 4) != 0).sum(axis=2).max() == 2
    of = kernel_found.unfolding
    assert (of is None) if len(kernel) > 2 else (of is not None and of.channel_block == 4)
    if of is not None:
        assert 0 < np.exp2(np.asarray(measure(kernel_found).b_distinct)).min() < 0.8


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


EINSUMS = [  # equation, the same without dots, shapes of activations and weights
    ("bi,io->bo", "bi,io->bo", (4, 8), (8, 5)),
    ("bi, io", "bi,io->bo", (4, 8), (8, 5)),
    ("bsi,oi->bso", "bsi,oi->bso", (2, 3, 8), (5, 8)),
    ("bsi,ihd->bhsd", "bsi,ihd->bhsd", (2, 3, 8), (8, 4, 5)),
    ("bhsd,hdo->bso", "bhsd,hdo->bso", (2, 4, 3, 5), (4, 5, 7)),
    ("ebi,eio->ebo", "ebi,eio->ebo", (3, 4, 8), (3, 8, 5)),
    ("...i,io->...o", "bsi,io->bso", (2, 3, 8), (8, 5)),
    ("bi,i->b", "bi,i->b", (4, 8), (8,)),
    ("nchw,oc->nohw", "nchw,oc->nohw", (2, 3, 4, 5), (6, 3)),
    ("...ij,...jk->...ik", "bij,jk->bik", (2, 3, 8), (8, 5)),
]


@pytest.mark.parametrize(("equation", "plain", "x", "w"), EINSUMS)
@pytest.mark.parametrize("first", [False, True])
def test_einsum(tmp_path: Path, equation: str, plain: str, x: tuple, w: tuple, first: bool) -> None:
    weights, data = sparse(*w), RNG.standard_normal(x).astype("f4")
    weights.reshape(w[0], -1)[:, 0] = 1.0
    if first and "->" in equation:
        one, other, output = equation.replace("->", ",").split(",")
        equation = f"{other},{one}->{output}"
    names = ["w", "x"] if first else ["x", "w"]
    if first and "->" not in equation:
        names, equation = ["w", "x"], "io, bi"
    node = helper.make_node("Einsum", names, ["y"], "fc", equation=equation)
    layers = found(tmp_path, model([node], {"w": weights}, {"x": ("f4", x)})).layers
    of_x, of_w, of_y = plain.replace("->", ",").split(",")
    rows, columns = ("".join(a for a in of_y if a not in of) for of in (of_x, of_w))
    apart = "".join(a for a in of_y if a in of_x and a in of_w)
    summed = "".join(a for a in of_w if a in of_x and a not in of_y)
    size = dict(zip(of_x + of_w, x + w, strict=True))
    flat = [math.prod(size[a] for a in axes) for axes in (apart, rows, summed, columns)]
    b = np.einsum(f"{of_x}->{apart}{summed}{columns}", data).reshape(flat[0], flat[2], flat[3])
    y = np.einsum(plain, data, weights)
    expected = np.einsum(f"{of_y}->{apart}{rows}{columns}", y).reshape(flat[0], flat[1], flat[3])
    np.testing.assert_allclose(np.stack([dense(one) for one in layers]) @ b, expected, rtol=1e-4, atol=1e-5)
    assert [(one.shape, one.columns) for one in layers] == [((flat[1], flat[2]), flat[3])] * flat[0]


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
