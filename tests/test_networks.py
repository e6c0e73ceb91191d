"""Published networks: their tables against published counts, the grammar of their specs, graphs of the user's."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from workloads import DensityKernel, InputError, SparseKernel, resolve_workload, resolve_workloads
from workloads.densities import NM, Dense, Uniform
from workloads.networks import NETWORK_NAMES, network_layers

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

HAN = {  # FLOPs, and per cent of them left: Han et al., "Learning both weights and connections", 2015, Tables 3 to 5
    "lenet-300-100": [(470e3, 8), (60e3, 4), (2e3, 17)],
    "lenet-5": [(576e3, 66), (3200e3, 10), (800e3, 6), (10e3, 10)],
    "alexnet": [(211e6, 84), (448e6, 33), (299e6, 18), (224e6, 14), (150e6, 14), (75e6, 3), (34e6, 3), (8e6, 10)],
    "vgg16": [
        *[(0.2e9, 58), (3.7e9, 12), (1.8e9, 30), (3.7e9, 29), (1.8e9, 43), (3.7e9, 16), (3.7e9, 29), (1.8e9, 21)],
        *[(3.7e9, 14), (3.7e9, 15), (925e6, 12), (925e6, 9), (925e6, 11), (206e6, 1), (34e6, 2), (8e6, 9)],
    ],
}


@pytest.mark.parametrize("name", HAN)
def test_pruned_networks_have_the_published_operations(name: str) -> None:
    layers = network_layers(name)
    assert len(layers) == len(HAN[name])
    for layer, (operations, _) in zip(layers, HAN[name], strict=True):
        rounding = 0.17 if operations == 0.2e9 else 0.04  # of the figures printed
        assert 2 * layer.multiplies == pytest.approx(operations, rel=rounding), layer.name


@pytest.mark.parametrize("name", HAN)
def test_their_densities_leave_the_published_share_of_operations(name: str) -> None:
    for layer, (_, left) in zip(network_layers(name), HAN[name], strict=True):
        share = 100 * layer.weight_density * layer.activation_density
        assert share == pytest.approx(left, abs=1.01), layer.name


@pytest.mark.parametrize(
    ("name", "weights", "multiplies"),
    [
        # Weights in millions, multiplies in thousand millions; Llamas: parameters on their pages at Hugging Face, less
        # the embedding and the head.
        ("alexnet", 60.95, 0.724),  # 61 M: Han et al. 2015, Table 4; 724 M: Sze et al., Proc. IEEE 2017, Table II
        ("vgg16", 138.3, 15.5),  # 138 M and 15.5 G: Sze et al., Proc. IEEE 2017, Table II
        ("resnet50", 25.5, 4.1),  # 25.5 M: Sze et al.; 4.1 G: torchvision's resnet50, whose 3 x 3 has the stride too
        ("llama2-7b", 6738 - 262, None),  # 6,738,415,616
        ("llama3-8b", 8030 - 1051, None),  # 8,030,261,248
        ("llama2-70b", 68977 - 524, None),  # 68,976,648,192
        ("llama3-405b", 405853 - 4203, None),  # 405,853,388,800
        ("bert-base", 85, None),  # 110 M (Devlin et al., NAACL 2019) with 24 M of embeddings
    ],
)
def test_totals_are_the_published_ones(name: str, weights: float, multiplies: float | None) -> None:
    layers = network_layers(name)
    assert sum(layer.weights for layer in layers if layer.prunable) == pytest.approx(weights * 1e6, rel=5e-3)
    if multiplies is not None:
        assert sum(layer.multiplies for layer in layers) == pytest.approx(multiplies * 1e9, rel=0.02)


def test_resnet50_has_the_shapes_of_dlmc() -> None:
    folder = DATA / "nn" / "dlmc_rn50_mag_0.9"
    if not folder.is_dir():
        pytest.skip(f"needs {folder.name} of the shared data")
    with gzip.open(DATA / "meta" / "dlmc_rn50_batchsizes.txt.gz", "rt") as stream:
        positions = {name: int(count) for name, count in csv.reader(stream)}
    with open(DATA / "MANIFEST.csv", encoding="utf-8") as stream:
        files = [row for row in csv.DictReader(stream) if row["file"].startswith(f"nn/{folder.name}/")]
    theirs: dict[tuple, int] = {}
    for row in files:
        shape = (int(row["rows"]), int(row["cols"]), positions[Path(row["file"]).name.removesuffix(".mtx.gz")])
        theirs[shape] = theirs.get(shape, 0) + 1
    ours: dict[tuple, int] = {}
    for layer in network_layers("resnet50"):
        ours[layer.m, layer.k, layer.n] = ours.get((layer.m, layer.k, layer.n), 0) + layer.repeats
    assert ours == theirs


@pytest.mark.parametrize("name", ["llama2-7b", "llama3-405b"])
def test_decoding_token_by_token_is_prefill_but_for_attention(name: str) -> None:
    tokens = 64
    prefill, decode = (
        {layer.name: layer for layer in network_layers(f"{name}:{phase}")}
        for phase in (f"prefill:{tokens}", f"decode:{tokens - 1}")
    )
    for part in ("query", "key", "value", "output", "gate", "up", "down"):
        assert prefill[part].multiplies == tokens * decode[part].multiplies
    assert prefill["scores"].multiplies == tokens * decode["scores"].multiplies
    assert prefill["scores"].multiplies == prefill["context"].multiplies
    assert replace(prefill["head"], tensors=None) == replace(decode["head"], tensors=None)
    for part, alone in decode.items():
        batched = next(layer for layer in network_layers(f"{name}:{tokens - 1}:b4") if layer.name == part)
        assert batched.multiplies == 4 * alone.multiplies


def densities(spec: str, layer: str) -> tuple:
    kernel = next(one for one in resolve_workload(spec).kernels if one.name.endswith(f"/{layer}"))
    assert isinstance(kernel, DensityKernel)
    return kernel.a, kernel.b


@pytest.mark.parametrize(
    ("spec", "layer", "a", "b"),
    [
        ("alexnet", "conv2", Uniform(0.38), Uniform(0.88)),
        ("alexnet:weights", "conv2", Uniform(0.38), None),
        ("alexnet:dense", "conv2", Dense(), None),
        ("alexnet:dense:2:4", "conv2", NM(2, 4), None),
        ("alexnet:2:4:b8", "conv2", NM(2, 4), Uniform(0.88)),
        ("alexnet:2:4:sparse90", "conv2", Uniform(0.1), Uniform(0.88)),
        ("resnet50", "conv1", Uniform(0.2), None),
        ("resnet50:magnitude98", "fc", Uniform(0.02), None),
        ("llama2-7b:decode:wanda50", "down", Uniform(0.5), None),
        ("llama2-7b:wanda50", "head", Dense(), None),
        ("llama2-7b:wanda50", "scores", Dense(), None),
        ("llama2-7b:4:8", "query", NM(4, 8), None),
        ("llama2-7b:prosparse", "down", Dense(), Uniform(1 - 0.8932)),
        ("llama3-8b:dense:relu90", "down", Dense(), Uniform(0.1)),
        ("bert-base:movement97", "up", Uniform(0.03), None),
        ("dlrm:sparse50", "table5", Uniform(1 / 3), None),
        ("dlrm:sparse50", "top1", Uniform(0.5), None),
    ],
)
def test_density_options(spec: str, layer: str, a: object, b: object) -> None:
    assert densities(spec, layer) == (a, b)


def test_sizes_and_products_of_a_spec() -> None:
    layers = {layer.name: layer for layer in network_layers("llama3-8b:prefill:512:b2")}
    assert (layers["gate"].m, layers["gate"].k, layers["gate"].n) == (14336, 4096, 1024)
    assert (layers["scores"].m, layers["scores"].n, layers["scores"].repeats) == (512, 4 * 512, 32 * 8 * 2)
    assert {kernel.n for kernel in resolve_workload("vgg16:b4@spmm:7").kernels} == {7}
    assert {kernel.kind for kernel in resolve_workload("vgg16@spmv").kernels} == {"spmv"}
    look_up = resolve_workload("dlrm:b16").kernels[0]
    assert look_up.shape == (16, 39884406, 128)
    assert look_up.a.nonzeros(look_up.m, look_up.k) == 16
    merged = resolve_workloads(["lenet-5", "lenet-5:dense"])
    assert [kernel.name for kernel in merged.kernels][::4] == ["lenet-5/conv1", "lenet-5/conv1#2"]


@pytest.mark.parametrize("name", NETWORK_NAMES)
def test_every_network_is_a_workload(name: str) -> None:
    workload = resolve_workload(name)
    assert workload.name == name
    assert all(kernel.name.startswith(f"{name}/") for kernel in workload.kernels)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("llama3-8b:foo", r"'foo' is no option of this network; use decode, prefill, .*relu90"),
        ("vgg16:decode", r"'decode' is no option of this network; use b8 \(batch\), dense"),
        ("llama2-7b:decode:prefill", "phase is given twice; keep one"),
        ("llama2-7b:5:4", "'5:4' is no option"),
        ("llama3-8b:prosparse", "'prosparse' is no option"),
        ("vgg16:b0", "0 is not a number from 1 to"),
        ("bert-base:99999999999", "99999999999 is not a number from 1 to"),
        ("vgg16@axa", "conv1_1: is described by densities, .* use @spmv or @spmm:N, not @axa"),
        ("vgg16@spmm:x", "N is 'x'"),
        ("gpt5", "'gpt5': no such path and no workload of that name; .*resnet50.*gcn:GRAPH"),
        ("gcn:", "names no graph; write gcn:FILE"),
        ("gcn:nowhere.mtx", "nowhere.mtx: no such file"),
    ],
)
def test_bad_specs(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_workload(spec)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    sp.save_npz(tmp_path / "graph.npz", sp.csr_array(np.array([[0, 1, 0], [1, 0, -1], [0, 1, 1.0]])))
    sp.save_npz(tmp_path / "x.npz", sp.csr_array(np.array([[1, 0, 0, 0, 2], [0, 0, 0, 0, 1], [0, 0, 0, 0, 2.0]])))
    sp.save_npz(tmp_path / "wide.npz", sp.csr_array(np.ones((2, 3))))
    return tmp_path


def test_gcn_aggregates_over_the_graph_with_loops(graph: Path) -> None:
    kernels = resolve_workload(f"gcn:{graph / 'graph.npz'}@8-4-2").kernels
    assert [(kernel.name, kernel.shape) for kernel in kernels] == [
        *[("layer1/combine", (4, 8, 3)), ("layer1/aggregate", (3, 3, 4))],
        *[("layer2/combine", (2, 4, 3)), ("layer2/aggregate", (3, 3, 2))],
    ]
    for kernel in kernels[1::2]:
        assert isinstance(kernel, SparseKernel)
        np.testing.assert_array_equal(kernel.a.toarray() != 0, [[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    default = resolve_workload(f"gcn:{graph / 'graph.npz'}").kernels
    assert [kernel.shape for kernel in default[::2]] == [(16, 1433, 3), (7, 16, 3)]


def test_graph_features_are_multiplied_as_they_are(graph: Path) -> None:
    both = f"{graph / 'graph.npz'},{graph / 'x.npz'}"
    combine, aggregate, *_ = resolve_workload(f"gcn:{both}@4").kernels
    assert (combine.shape, aggregate.shape) == ((3, 5, 4), (3, 3, 4))
    assert combine.a.nnz == 4
    kernels = {kernel.name: kernel for kernel in resolve_workload(f"graphsage:{both}@4-2").kernels}
    assert kernels["layer1/aggregate"].kind == "spmspm"
    assert kernels["layer1/combine_neighbours"].a.nnz == 4  # of |A| |X|: what cancels in A X is there too
    assert kernels["layer2/aggregate"].shape == (3, 3, 4)
    assert kernels["layer2/combine"].shape == (2, 8, 3)


def test_a_product_of_two_files(graph: Path) -> None:
    (kernel,) = resolve_workload(f"{graph / 'wide.npz'}@axb:{graph / 'x.npz'}").kernels
    assert (kernel.name, kernel.shape, kernel.kind) == ("wide.npz@axb:x.npz", (2, 3, 5), "spmspm")
    with pytest.raises(InputError, match="A is 3 x 5 but B is 2 x 3"):
        resolve_workload(f"{graph / 'x.npz'}@axb:{graph / 'wide.npz'}")


@pytest.mark.parametrize(
    ("product", "kernels"),
    [
        ("sddmm:8", [("sddmm:8", "sddmm", (3, 8, 3), 1)]),
        ("add:{}/graph.npz", [("add:graph.npz", "elementwise", (3, 1, 3), 1)]),
        ("multiply:{}/graph.npz", [("multiply:graph.npz", "elementwise", (3, 1, 3), 1)]),
        (
            "attention:4:16",
            [
                ("attention@scores", "sddmm", (3, 16, 3), 4),
                ("attention@exponentials", "elementwise", (3, 1, 3), 4),
                ("attention@shares", "elementwise", (3, 1, 3), 4),
                ("attention@values", "dense_b", (3, 3, 16), 4),
            ],
        ),
    ],
)
def test_products_that_are_no_matrix_product(graph: Path, product: str, kernels: list) -> None:
    found = resolve_workloads([f"{graph / 'graph.npz'}@{product.format(graph)}"]).kernels
    assert [(kernel.name, kernel.family, kernel.shape, kernel.repeats) for kernel in found] == [
        (f"graph.npz@{name}", *rest) for name, *rest in kernels
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rmat@sddmm:0", "K is '0'; give a whole number of columns above 0, as in @sddmm:64"),
        ("rmat@attention:8:x", "a number is 'x'; .* as in @attention:8:64"),
        ("rmat@attention:8", "unknown product 'attention:8'; use one of .*@attention:H:D"),
        ("rmat@add:nowhere.mtx", r"nowhere\.mtx: no such file"),
        ("gcn:{}/wide.npz", "the graph is 2 x 3; give a square matrix"),
        ("gcn:{}/graph.npz,{}/wide.npz", "has 2 rows but the graph has 3 nodes; give one row a node"),
        ("gcn:{}/graph.npz@8", "one width makes no layer; give at least two, as in @1433-16-7"),
        ("graphsage:{}/graph.npz@8-0-2", "a width is 0"),
    ],
)
def test_bad_graphs(graph: Path, spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_workload(spec.format(graph, graph))
