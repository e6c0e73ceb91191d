"""Other tools' problem files: one network is one network, in whatever tool's words it is written."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads import DensityKernel, InputError, resolve_workload
from workloads.densities import NM, Banded, Dense, Uniform
from workloads.kernels.convolution import sparse_convolution
from workloads.readers.loading import describe

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONVOLUTION = "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides\n"


def kernels(path: Path, content: str) -> list[DensityKernel]:
    path.write_text(content)
    return list(resolve_workload(str(path)).kernels)


@dataclass(frozen=True)
class Case:
    """Filters and channels of one group, a filter, outputs, a stride along both axes, groups, images."""

    filters: int
    channels: int
    kernel: tuple[int, int]
    out: tuple[int, int]
    stride: int
    groups: int = 1
    images: int = 1

    @property
    def map(self) -> tuple[int, ...]:
        return tuple((out - 1) * self.stride + taps for out, taps in zip(self.out, self.kernel, strict=True))

    @property
    def sizes(self) -> dict[str, int]:
        (r, s), (p, q) = self.kernel, self.out
        return {
            "R": r,
            "S": s,
            "P": p,
            "Q": q,
            "C": self.channels,
            "K": self.filters,
            "N": self.images,
            "G": self.groups,
        }


def timeloop(case: Case) -> tuple[str, str]:
    """v0.4 with a shape of its own, groups as an index of all three."""
    spaces = [
        {
            "name": "Inputs",
            "projection": [[["N"]], [["G"]], [["C"]], [["P", "Hstride"], ["R"]], [["Q", "Hstride"], ["S"]]],
        },
        {"name": "Weights", "projection": [[["G"]], [["C"]], [["K"]], [["R"]], [["S"]]]},
        {"name": "Outputs", "projection": [[["N"]], [["G"]], [["K"]], [["P"]], [["Q"]]], "read_write": True},
    ]
    coefficients = [{"name": "Hstride", "default": 1}]
    shape = {"name": "x", "dimensions": list(case.sizes), "coefficients": coefficients, "data_spaces": spaces}
    problem = {"version": 0.4, "shape": shape, "instance": {**case.sizes, "Hstride": case.stride}}
    return "p.yaml", yaml.safe_dump({"problem": problem})


def timeloop_old(case: Case) -> tuple[str, str]:
    sizes = "".join(f"  {name}: {size}\n" for name, size in case.sizes.items() if name != "G")
    return "p.yaml", f"problem:\n  shape: cnn-layer\n{sizes}  Wstride: {case.stride}\n  Hstride: {case.stride}\n"


def zigzag_layer(case: Case) -> dict:
    (p, q), (r, s) = case.out, case.kernel
    return {
        "operator_type": "Conv",
        "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
        "dimension_relations": [f"ix={case.stride}*ox+1*fx", f"iy={case.stride}*oy+1*fy"],
        "loop_dims": ["B", "G", "K", "C", "OY", "OX", "FY", "FX"],
        "loop_sizes": [case.images, case.groups, case.filters, case.channels, p, q, r, s],
    }


def zigzag(case: Case) -> tuple[str, str]:
    pool = {
        "id": 1,
        "operator_type": "Pooling",
        "equation": "O[b][g]+=W[fx]*I[b][g]",
        "loop_dims": [],
        "loop_sizes": [],
    }
    return "w.yaml", yaml.safe_dump([{"id": 0, "name": "conv", **zigzag_layer(case)}, pool])


def zigzag_old(case: Case) -> tuple[str, str]:
    layer = zigzag_layer(case)
    layer["loop_dim_size"] = dict(zip(layer.pop("loop_dims"), layer.pop("loop_sizes"), strict=True))
    return "w.py", f"# a comment\nworkload = {{0: {layer!r}}}\nprint('never run')\n"


def accelforge(case: Case) -> tuple[str, str]:
    s = case.stride
    accesses = [
        {"name": "I", "projection": {"N": "n", "G": "g", "C": "c", "H": f"{s}*p + r", "W": f"{s}*q+s"}},
        {"name": "F", "projection": ["g", "k", "c", "r", "s"]},
        {"name": "O", "projection": ["n", "g", "k", "p", "q"], "output": True},
    ]
    bounds = {name.lower(): f"0 <= {name.lower()} < {size}" for name, size in case.sizes.items()}
    workload = {"iteration_space_shape": bounds, "einsums": [{"name": "conv", "tensor_accesses": accesses}]}
    return "w.yaml", yaml.safe_dump({"workload": workload})


def accelforge_text(case: Case) -> tuple[str, str]:
    s = case.stride
    einsums = [
        "J[n, c] = I[n, c]",
        f"O[n, g, k, p, q] = I(input)[n, g, c, H={s}*p+r, W: {s}*q+s] * F(weight)[g, k, c, r, s]",
    ]
    return "w.yaml", yaml.safe_dump({"workload": {"rank_sizes": case.sizes, "einsums": einsums}})


def maestro(case: Case) -> tuple[str, str]:
    n = case.sizes
    kind = "CONV" if case.groups == 1 else "NGCONV"
    sizes = (
        f"N: {n['N']}, G: {n['G']}, K: {n['K']}, C: SzC, R: {n['R']} S: {n['S']}, Y: {case.map[0]}, X: {case.map[1]}"
    )
    layer = (
        f"Layer CONV1 {{\nType: {kind} // x\nStride {{ X: {case.stride}, Y: {case.stride} }}\nDimensions {{ {sizes} }}"
    )
    flow = "Dataflow { TemporalMap(1,1) K; Cluster(8, P); }"
    pool = f"Layer P {{ Type: POOL Dimensions {{ {sizes} }} }}"
    return "net.m", f"Constant SzC {n['C'] * n['G']};\nNetwork net {{\n{layer}\n{flow}\n}}\n{pool}\n}}\n"


def caffe(case: Case) -> tuple[str, str]:
    n = case.sizes
    dims = " ".join(f"dim: {size}" for size in (n["N"], n["C"] * n["G"], *case.map))
    numbers = (
        f"num_output: {n['K'] * n['G']} kernel_h: {n['R']} kernel_w: {n['S']} stride: {case.stride} group: {n['G']}"
    )
    conv = f'layer {{ name: "c" type: "Convolution" bottom: "d" top: "c" convolution_param {{ {numbers} }} }}'
    relu = 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }'
    return "deploy.prototxt", f'name: "x" # x\ninput: "d"\ninput_shape {{ {dims} }}\n{conv}\n{relu}\n'


def caffe_old(case: Case) -> tuple[str, str]:
    _, text = caffe(case)
    text = text.replace("input_shape {", "").replace(" }\nlayer", "\nlayer", 1).replace("dim:", "input_dim:")
    return "net.prototxt", text.replace("layer {", "layers {").replace('"Convolution"', "CONVOLUTION").replace(
        '"ReLU"', "RELU"
    )


def darknet(case: Case) -> tuple[str, str]:
    n = case.sizes
    net = f"[net]\nbatch=64\nchannels={n['C'] * n['G']}\nheight={case.map[0]}\nwidth={case.map[1]}\n"
    conv = f"[convolutional]\nfilters={n['K'] * n['G']} # x\nsize={n['R']}\nstride={case.stride}\ngroups={n['G']}\n"
    return "yolo.cfg", net + conv + "[yolo]\nmask = 1,2\n"


def scale_sim(case: Case) -> tuple[str, str]:
    n = case.sizes
    sizes = (*case.map, *case.kernel, n["C"] * n["G"], n["K"] * n["G"], case.stride, n["N"], n["G"])
    row = ",".join(["conv", *map(str, sizes)])
    return "net.csv", CONVOLUTION.replace("\n", ",Batch Size,groups,\n\n") + row + ",\n"


WRITERS = {
    one.__name__: one
    for one in (
        timeloop, timeloop_old, zigzag, zigzag_old, accelforge, accelforge_text, maestro, caffe, caffe_old, darknet,
        scale_sim,
    )
}  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> Case:
    few = st.integers(1, 6)
    pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
    outs = st.tuples(st.integers(1, 9), st.integers(1, 9))
    return Case(
        draw(few), draw(few), draw(pair), draw(outs), draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(few)
    )


@pytest.mark.parametrize("tool", WRITERS)
@QUICK
@given(case=cases())
def test_one_convolution_is_one_layer_in_every_tools_words(tool: str, case: Case, tmp_path: Path) -> None:
    if tool == "timeloop_old":
        case = Case(case.filters, case.channels, case.kernel, case.out, case.stride, 1, case.images)
    if tool == "darknet":
        case = Case(case.filters, case.channels, (case.kernel[0],) * 2, case.out, case.stride, case.groups)
    name, text = WRITERS[tool](case)
    (tmp_path / name).write_text(text)
    (layer,) = describe(tmp_path / name).layers
    (r, s), (p, q) = case.kernel, case.out
    assert layer.shape == (case.filters, case.channels * r * s)
    assert layer.columns == case.images * p * q
    assert layer.repeats == case.groups
    assert layer.density == Dense()
    assert layer.activations is None
    if layer.unfolding is not None:
        ones = np.ones((case.images, case.channels, *case.map))
        weights = np.ones((case.filters, case.channels, r, s))
        expected = sparse_convolution(weights, ones, "x", stride=case.stride)
        every = np.meshgrid(np.arange(layer.shape[1]), np.arange(layer.columns), indexing="ij")
        found, truth = (of.source(*(one.ravel() for one in every)) for of in (layer.unfolding, expected.unfolding))
        assert len({*zip(found, truth, strict=True)}) == len({*found}) == len({*truth})
    else:
        assert max(case.kernel) == 1  # nothing is met twice


@QUICK
@given(m=st.integers(1, 99), n=st.integers(1, 99), k=st.integers(1, 99))
def test_one_product_is_one_layer_in_every_tools_words(m: int, n: int, k: int, tmp_path: Path) -> None:
    gemm = f"problem:\n  shape: gemm-ABZ\n  instance: {{M: {m}, N: {n}, K: {k}}}\n"
    loops = f"loop_dims: [C, D, K], loop_sizes: [{k}, {n}, {m}]"
    zig = f"- {{id: 0, operator_type: Gemm, equation: 'O[d][k]+=I[d][c]*W[c][k]', {loops}}}"
    forge = f"workload:\n  rank_sizes: {{M: {m}, N: {n}, K: {k}}}\n  einsums:\n  - 'Z[n, m] = A[n, k] * W[m, k]'\n"
    blas = f"Network b {{ Layer L {{ Type: GEMM Dimensions {{ K: {k}, M: {m}, N: {n} }} }} }}"
    input_dims = f"input_dim: {n} input_dim: {k} input_dim: 1 input_dim: 1"
    fc = f'layers {{ name: "fc" type: INNER_PRODUCT bottom: "d" top: "f" inner_product_param {{ num_output: {m} }} }}'
    texts = {"g.yaml": gemm, "z.yml": zig, "f.yaml": forge, "b.m": blas, "c.prototxt": f'input: "d" {input_dims}\n{fc}'}
    for name, text in texts.items():
        (one,) = kernels(tmp_path / name, text)
        assert (one.m, one.n, one.k, one.repeats, one.a, one.b) == (m, n, k, 1, Dense(), None), name


ALEXNET = (  # bvlc_alexnet/deploy.prototxt: filters, size, stride, pad, groups, pooled after
    (96, 11, 4, 0, 1, True),
    (256, 5, 1, 2, 2, True),
    (384, 3, 1, 1, 1, False),
    (384, 3, 1, 1, 2, False),
    (256, 3, 1, 1, 2, True),
)
YOLO_TINY = (16, 32, 64, 128, 256, 512)


def test_networks_have_the_multiplies_that_their_authors_publish(tmp_path: Path) -> None:
    layers = ['input: "b" input_shape { dim: 1 dim: 3 dim: 227 dim: 227 }']
    pool = (
        'layer { name: "p" type: "Pooling" bottom: "b" top: "b" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }'
    )
    for at, (filters, size, stride, pad, groups, pooled) in enumerate(ALEXNET, 1):
        numbers = f"num_output: {filters} kernel_size: {size} stride: {stride} pad: {pad} group: {groups}"
        words = f'name: "conv{at}" type: "Convolution" bottom: "b" top: "b"'
        layers.append(f"layer {{ {words} convolution_param {{ {numbers} }} }}")
        layers += [pool] if pooled else []
    for out in (4096, 4096, 1000):
        words = 'name: "fc" type: "InnerProduct" bottom: "b" top: "b"'
        layers.append(f"layer {{ {words} inner_product_param {{ num_output: {out} }} }}")
    found = kernels(tmp_path / "deploy.prototxt", "\n".join(layers))
    assert sum(one.m * one.k * one.n * one.repeats for one in found) == 724_406_816  # Caffe's AlexNet, two groups

    conv = "[convolutional]\nfilters={}\nsize={}\nstride=1\npad=1\n".format
    text = "[net]\nheight=416\nwidth=416\nchannels=3\n"
    text += "".join(
        conv(filters, 3) + f"[maxpool]\nsize=2\nstride={1 if filters == 512 else 2}\n" for filters in YOLO_TINY
    )
    text += conv(1024, 3) + conv(256, 1) + conv(512, 3) + conv(255, 1) + "[yolo]\n[route]\nlayers = -4\n" + conv(128, 1)
    text += "[upsample]\nstride=2\n[route]\nlayers = -1, 8\n" + conv(256, 3) + conv(255, 1) + "[yolo]\n"
    found = kernels(tmp_path / "yolov3-tiny.cfg", text)
    operations = 2e-9 * sum(one.m * one.k * one.n * one.repeats for one in found)
    assert operations == pytest.approx(5.56, abs=0.01)  # pjreddie.com/darknet/yolo: 5.56 Bn


def test_transposed_and_depthwise_convolutions(tmp_path: Path) -> None:
    text = "Network u { Layer T { Type: TRCONV Dimensions { K: 5, C: 7 R: 2, S: 2, Y: 28, X: 14 } }\n"
    text += "Layer D { Type: DSCONV Stride { X: 2, Y: 2 } Dimensions { K: 1, C: 96, R: 3, S: 3, Y: 113, X: 113 } } }"
    up, depthwise = kernels(tmp_path / "u.m", text)
    assert (up.m, up.k, up.n) == (20, 7, 28 * 14)
    assert (depthwise.m, depthwise.k, depthwise.n, depthwise.repeats) == (1, 9, 56 * 56, 96)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("{distribution: fixed-structured, density: 0.25}", "0.5", (NM(1, 4), Uniform(0.5))),
        ("{distribution: fixed_structured, density: 0.3333}", "1.0", (NM(1, 3), None)),
        ("{distribution: fixed_structured, density: 0.01234}", "1", (Uniform(0.01234), None)),
        (
            "{distribution: hypergeometric, density: 0.3}",
            "{distribution: banded, band_width: 2}",
            (Uniform(0.3), Banded(2)),
        ),
    ],
)
def test_densities_of_sparseloop(a: str, b: str, expected: tuple, tmp_path: Path) -> None:
    sizes = "M: 8\n  N: 16\n  K: 16\n"
    for text in (
        f"problem:\n  shape: gemm_ABZ\n  {sizes}  densities:\n    A: {a}\n    B: {b}\n    Z: 1.0\n",
        f"problem:\n  shape: gemm_ABZ\n  instance: {{M: 8, N: 16, K: 16, densities: {{A: {a}, B: {b}}}}}\n",
    ):
        (one,) = kernels(tmp_path / "p.yaml", text)
        assert (one.a, one.b) == expected


GEMM = "problem:\n  shape: gemm\n  instance: {M: 3, N: 2, K: 4, "
MERGED = (
    "a: &a {"
    + ", ".join(f"k{at}: 1" for at in range(6000))
    + "}\nb: {<<: *a, "
    + ", ".join(f"l{at}: 1" for at in range(6000))
    + "}"
)
ALIASES = "a: &a [1]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n" for p, c in itertools.pairwise("abcdefghijklmnopq")
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "w.yaml",
            "workload:\n  einsums:\n  {% for i in range(3) %}\n  - name: {{i}}\n",
            "template .* Jinja .*give a table",
        ),
        (
            "t.yaml",
            "einsum:\n  declaration:\n    A: [K, M]\n  expressions:\n  - Z[m] = A[k, m]\n",
            "TeAAL .*without sizes",
        ),
        ("a.yaml", "architecture:\n  version: 0.4\n", "holds YAML with architecture"),
        ("p.yaml", "problem: !Problem\n  shape: x\n", "no YAML that can be read .*!Problem"),
        ("p.yaml", "problem: " + "[" * 5000, "nested more than 100 deep"),
        ("p.yaml", "- " * 5000 + "problem", "nested more than 100 deep"),
        ("p.yaml", MERGED, "more than 10000 merged keys"),
        (
            "p.yaml",
            ALIASES + "problem: {shape: {data_spaces: *q}, instance: *q}\n",
            "has 0 data spaces, not two operands",
        ),
        ("p.yaml", "problem:\n  shape: my-shape\n  C: 3\n", "shape .* is 'my-shape', whose file is not known here"),
        ("p.yaml", "problem:\n  shape: cnn-layer\n  C: 3\n", "gives no size of"),
        (
            "p.yaml",
            "problem:\n  shape: gemm\n  M: 3\n  N: 0\n  K: 1\n",
            "N of a Timeloop problem is '0'; give a whole number",
        ),
        ("p.yaml", GEMM + "densities: {A: 1.5}}", "density of A .* is '1.5'"),
        ("p.yaml", GEMM + "densities: {W: 0.5}}", "name 'W', which is no data space"),
        ("p.yaml", GEMM + "densities: {A: {distribution: actual-data}}}", "actual_data.*matrix's own file"),
        ("w.yaml", "- equation: O[a]+=W[a]*I[a]*V[a]\n  loop_dims: [A]\n", "has the equation .*give a table"),
        (
            "w.yaml",
            "- equation: O[a]+=W[a][b]*I[b]\n  loop_dims: [A]\n  loop_sizes: [3, 4]\n",
            "has 2 loop_sizes for 1 loop_dims",
        ),
        ("w.yaml", "- equation: O[a]+=W[a][b]*I[b]\n  spars: 0.5\n  loop_dims: [A]\n", "says spars, which is not read"),
        ("w.py", "workload = {0: {'equation': f(1)}}", "Python whose `workload` is no literal"),
        (
            "net.m",
            "Network n { Layer L { Type: LSTM Dimensions { K: 3, C: 4 } } }",
            "of the type LSTM, which is not read",
        ),
        (
            "net.m",
            "Network n { Layer L { Type: CONV Dimensions { K: 3, C: Nope } } }",
            "has C: Nope; give one whole number",
        ),
        (
            "d.prototxt",
            'layer { name: "c" type: "Convolution" bottom: "d" top: "c" }',
            "blob 'd', whose shape is not known",
        ),
        ("d.prototxt", 'layer { name: "c" type: "Input" top: "d"', "ends in the middle"),
        ("d.prototxt", 'layer { name: "l" type: "LSTM" bottom: "d" top: "c" }', "recurrent .*not read here"),
        ("y.cfg", "[net]\nheight=9\nwidth=9\n[lstm]\noutput=3\n", "section 0 .*recurrent"),
        ("y.cfg", "[net]\nheight=9\nwidth=9\n[route]\nlayers=-5\n", "which does not stand before it"),
        ("y.cfg", "[net]\nheight=9\nwidth=9\n[transformer]\n", "of a kind that is not known here"),
    ],
)
def test_problems_that_cannot_be_read_are_one_sentence(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        kernels(tmp_path / name, text)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_what_is_no_product_is_named(tmp_path: Path) -> None:
    entries = [
        {"id": 0, **zigzag_layer(Case(4, 3, (3, 3), (5, 5), 1))},
        {"id": 1, "operator_type": "Add", "equation": "O[b][g]=W[b][g]+I[b][g]", "loop_dims": ["B"], "loop_sizes": [1]},
        {"id": 2, "operator_type": "Mul", "equation": "O[b][g]=W[b][g]*I[b][g]", "loop_dims": ["B"], "loop_sizes": [1]},
        {"id": 3, "equation": "O[b][g]=W[g]*I[b][g]", "loop_dims": ["B", "G"], "loop_sizes": [2, 3]},
        {
            "id": 4,
            "operator_type": "MatMul",
            "equation": "O[b][k]+=W[k][c]*I[b][c]",
            "loop_dim_size": {"B": 2, "K": 3, "C": 4},
        },
    ]
    (tmp_path / "w.yaml").write_text(json.dumps(entries, indent=1))
    found = describe(tmp_path / "w.yaml")
    assert [one.name for one in found.layers] == ["Conv_0", "MatMul_4"]
    assert [one.name for one in found.left_out] == ["Add_1", "Mul_2", "layer_3"]


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_text_is_one_sentence_or_still_a_network(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    case = Case(4, 3, (3, 3), (5, 6), 2)
    file, text = WRITERS[name](case)
    path, sound, said = tmp_path / file, text.encode(), []
    for _ in range(100):
        at, length = rng.integers(len(sound)), rng.integers(1, 9)
        damaged = bytearray(sound)
        noise = rng.bytes(int(length)) if rng.random() < 0.5 else sound[:length]
        damaged[at : at + rng.choice([0, length, len(sound)])] = noise
        path.write_bytes(damaged)
        try:
            assert describe(path).layers
        except InputError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if "\n" in sentence or not sentence.startswith(str(path))]
