"""Convolutions: what their tiles fetch, by geometry and counted; simulator, reference and models; names, n:m."""

import random
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import built, cost_of, design
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Design
from reference import run as run_reference
from scipy.sparse import csr_array

from hwmodels.design.choices import DATAFLOWS
from hwmodels.simulator import ConcreteDesign, Memory, run_product, simulate_kernel
from workloads import NM, Dense, DensityKernel, InputError, SparseKernel, Uniform, measure, resolve_workload
from workloads.kernels.convolution import sparse_convolution
from workloads.kernels.unfolding import Unfolding, outputs
from workloads.networks import network_layers
from workloads.pruning.layer_statistics import layer_tables
from workloads.pruning.shrink import without_unread
from workloads.pruning.small_networks import cnn, recorded
from workloads.pruning.workload import pruned_workload
from workloads.readers.found import FoundLayer
from workloads.statistics.convolution import distinct_in_tiles
from workloads.statistics.lattice import levels
from workloads.workload_specs import _layer_kernels

MEMORY = Memory(bits_per_cycle=61.0, latency_cycles=90.0, burst_bits=256)


@pytest.fixture(autouse=True, scope="module")
def _no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        yield


@st.composite
def unfoldings(draw) -> Unfolding:
    """Any small geometry in which the filter fits the map, and some in which it hangs over."""
    channels, most = draw(st.integers(1, 7)), st.integers(1, 3)
    sides, kernel = [draw(st.integers(1, 8)) for _ in range(2)], [draw(st.integers(1, 4)) for _ in range(2)]
    stride, dilation = (tuple(draw(most) for _ in range(2)) for _ in range(2))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(2))
    out = [max(outputs(*axis), 1) for axis in zip(sides, kernel, stride, padding, dilation, strict=True)]
    return Unfolding(channels, *sides, *kernel, *out, stride, padding, dilation, draw(st.integers(1, channels + 1)))


def addresses_of(of: Unfolding, images: int) -> np.ndarray:
    """Address of each position of B, -1 in the padding: walked filter by filter, beside `Unfolding.source`."""
    (down, right), (top, left), (far, wide) = (
        one if isinstance(one, tuple) else (one, one) for one in (of.stride, of.padding, of.dilation)
    )
    found = []
    for start in range(0, of.channels, of.channel_block):
        for r in range(of.kernel_height):
            for s in range(of.kernel_width):
                for c in range(start, min(start + of.channel_block, of.channels)):
                    row = []
                    for image in range(images):
                        for oy in range(of.out_height):
                            for ox in range(of.out_width):
                                y, x = oy * down - top + r * far, ox * right - left + s * wide
                                inside = 0 <= y < of.height and 0 <= x < of.width
                                place = ((image * of.channels + c) * of.height + y) * of.width + x
                                row.append(place if inside else -1)
                    found.append(row)
    return np.array(found)


def distinct(addresses: np.ndarray, tall: int, wide: int) -> int:
    """Addresses in each tile, summed over the tiles."""
    rows, columns = addresses.shape
    tiles = [addresses[i : i + tall, j : j + wide] for i in range(0, rows, tall) for j in range(0, columns, wide)]
    return sum(len(set(tile.ravel().tolist()) - {-1}) for tile in tiles)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(unfoldings(), st.integers(1, 3))
def test_distinct_activations_are_those_that_are_there(of: Unfolding, images: int):
    """At every tile shape exactly; rows and columns name the activations that a walk over the filters finds."""
    addresses = addresses_of(of, images)
    rows, columns = np.indices(addresses.shape)
    np.testing.assert_array_equal(of.source(rows.ravel(), columns.ravel()), addresses.ravel())
    found = distinct_in_tiles(of, addresses.shape[1])
    assert found.shape == tuple(levels(side) for side in addresses.shape)
    for high, wide in np.ndindex(*found.shape):
        assert found[high, wide] == distinct(addresses, 1 << high, 1 << wide)
    # Physics: never more than is unfolded, never less than all that is read, each once; larger tiles fetch no more.
    assert found.max() <= addresses.size
    assert found[-1, -1] == len(set(addresses.ravel().tolist()) - {-1})
    assert (np.diff(found, axis=0) <= 0).all()
    assert (np.diff(found, axis=1) <= 0).all()


def test_batches_of_any_size_are_counted_by_their_period():
    of = Unfolding(2, 5, 6, 3, 3, 5, 6, 1, 1)
    for images in (1, 7, 40):
        addresses = addresses_of(of, images)
        found = distinct_in_tiles(of, addresses.shape[1])
        for high, wide in ((1, 5), (3, 3), (5, 7)):
            if wide < found.shape[1]:
                assert found[high, wide] == distinct(addresses, 1 << high, 1 << wide)
    huge = distinct_in_tiles(Unfolding(3, 224, 224, 7, 7, 112, 112, 2, 3), 112 * 112 * 2**24)
    assert huge[-1, -1] == pytest.approx(3 * 224 * 224 * 2**24, rel=1e-9)


def small_unfolding(stride: int = 1, block: int = 1) -> Unfolding:
    out = outputs(7, 3, stride, 1)
    return Unfolding(4, 7, 7, 3, 3, out, out, stride, 1, channel_block=block)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("sparse_b", [False, True])
def test_the_simulator_fetches_what_the_reference_does(dataflow: str, sparse_b: bool):
    """Cycles, busy times and traffic, of a dense B and of one with zeros, on tiles of any size."""
    rng, draw = random.Random(f"{dataflow} {sparse_b}"), np.random.default_rng(1)
    for case in range(8):
        of, images = small_unfolding(1 + case % 2, (1, 2, 4)[case % 3]), 1 + case % 3
        weights = draw.normal(size=(6, 4, 3, 3)) * (draw.random((6, 4, 3, 3)) < 0.3)
        maps = draw.uniform(0.5, 1.5, (images, 4, 7, 7)) * (draw.random((images, 4, 7, 7)) < (0.5 if sparse_b else 1))
        kernel = sparse_convolution(weights, maps, "x", stride=1 + case % 2, padding=1, channel_block=of.channel_block)
        fields = design(rng, dataflow, kernel.family if sparse_b else "dense_b", stays=case % 2 == 1)
        fields |= {f"tile_{loop}": rng.randint(2, 40) for loop in "mkn"}
        assert kernel.b is not None
        truth = run_reference(
            kernel.a.toarray(),
            kernel.b.toarray() if sparse_b else None,
            kernel.n,
            Design(**fields),
            dram_bits_per_cycle=MEMORY.bits_per_cycle,
            dram_latency_cycles=MEMORY.latency_cycles,
            burst_bits=MEMORY.burst_bits,
            addresses=addresses_of(of, images),
        )
        b = kernel.b if sparse_b else np.random.default_rng(0).uniform(0.5, 1.5, kernel.b.shape)
        found = run_product(ConcreteDesign(**fields), kernel.a, b, MEMORY, of.source)
        for name, other in truth.traffic.items():
            np.testing.assert_allclose(found.traffic[name], other, rtol=1e-12, err_msg=f"{name} of {fields}")
        if max(truth.fits.values()) <= 1:
            np.testing.assert_allclose(found.cycles, truth.cycles, rtol=1e-12)


def random_convolution(stride: int, block: int) -> SparseKernel:
    draw, of = np.random.default_rng(0), small_unfolding(stride, block)
    pattern = csr_array((draw.random((16, of.rows)) < 0.3).astype(float))
    return SparseKernel("dense maps", pattern, None, 2 * of.positions, unfolding=of)


@pytest.mark.parametrize("stride", [1, 2])
def test_models_fetch_what_the_simulator_does(stride: int, tech_of_bits):
    """With dense maps the traffic of B is exact on the lattice; time and energy as close as with sparse ones."""
    rng, errors = random.Random(stride), []
    kernel = random_convolution(stride, 2)
    statistics = measure(kernel)
    for dataflow in DATAFLOWS:
        designs = [design(rng, dataflow, "dense_b") | {"a_format": "dense", "a_zero": "compute"} for _ in range(6)]
        designs += [design(rng, dataflow, "dense_b") | {"pe_buffer_bytes": 1 << 13} for _ in range(6)]
        costs = cost_of(designs, statistics, tech_of_bits)
        for at, fields in enumerate(designs):
            truth = simulate_kernel(*built(fields), kernel, tech_of_bits).cost
            model = jax.tree.map(lambda leaf, at=at: np.asarray(leaf)[..., at], costs)
            exact = fields["a_format"] == "dense"
            close = 0.01 if exact else 0.02
            np.testing.assert_allclose(model.traffic.dram_b_bytes, truth.traffic.dram_b_bytes, rtol=close)
            if np.all(truth.fits[1:3] <= 1):
                errors.append([model.cycles / truth.cycles - 1, model.energy_pj.sum() / truth.energy_pj.sum() - 1])
    found = np.abs(errors)
    print(f"{len(found)} designs: median {np.median(found, axis=0)}, 95th {np.quantile(found, 0.95, axis=0)}")
    assert len(found) >= 12
    assert (np.median(found, axis=0) <= 0.02).all()
    assert (np.quantile(found, 0.95, axis=0) <= 0.1).all()


def test_densities_cost_what_their_samples_do(tech_of_bits):
    """Both families, mean over samples: what B fetches, and energy. In tiles as small as a filter the zeros of one
    activation are the tile's, so that more of them are empty than of independent ones."""
    rng, of = random.Random(1), small_unfolding()
    for a, b in ((Uniform(0.3), None), (Uniform(0.3), Uniform(0.5)), (Dense(), Uniform(0.2))):
        kernel = DensityKernel("x", 16, of.rows, 4 * of.positions, a, b, unfolding=of)
        family = {"a_format": "csr", "a_zero": "skip", "b_format": "dense" if b is None else "bitmask"}
        family |= {"b_zero": "compute" if b is None else "skip", "pe_buffer_bytes": 1 << 13, "pe_rows": 4}
        designs = [design(rng, "gustavson", kernel.family) | family | {"tile_n": 16} for _ in range(6)]
        modelled, drawn = cost_of(designs, measure(kernel), tech_of_bits), []
        for seed in range(4):
            drawn.append(cost_of(designs, measure(kernel.sample(seed)), tech_of_bits))
        for what in (lambda cost: cost.traffic.dram_b_bytes, lambda cost: cost.energy_pj.sum(axis=0)):
            mean = np.mean([what(cost) for cost in drawn], axis=0)
            np.testing.assert_allclose(what(modelled), mean, rtol=0.05)
        sample = kernel.sample(0)
        truth = simulate_kernel(*built(designs[0]), sample, tech_of_bits).cost
        np.testing.assert_allclose(drawn[0].traffic.dram_b_bytes[0], truth.traffic.dram_b_bytes, rtol=0.03)


@pytest.mark.parametrize("b", [None, Uniform(0.4)])
def test_one_by_one_is_the_plain_product(b, tech):
    """Filters of one weight repeat nothing, whatever their stride: the same statistics, hash and sample."""
    of = Unfolding(32, 8, 8, 1, 1, 4, 4, 2)
    kernel = DensityKernel("x", 16, 32, 16, Uniform(0.3), b, unfolding=of)
    plain = replace(kernel, unfolding=None)
    assert kernel.content_hash() == plain.content_hash()
    for one, other in zip(jax.tree.leaves(measure(kernel)), jax.tree.leaves(measure(plain)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_reuse_lies_between_the_map_and_im2col(tech):
    """DRAM traffic of B on any design and any tile, off the lattice too."""
    of = small_unfolding()
    kernel = DensityKernel("x", 16, of.rows, 4 * of.positions, Uniform(0.3), None, unfolding=of)
    rng = random.Random(8)
    designs = [design(rng, "gustavson", "dense_b") | {"loop_order": "mkn"} for _ in range(12)]
    designs = [fields | {f"tile_{loop}": rng.randint(1, 200) for loop in "kn"} for fields in designs]
    reused, plain = (cost_of(designs, measure(one), tech) for one in (kernel, replace(kernel, unfolding=None)))
    assert (np.asarray(reused.traffic.dram_b_bytes) <= np.asarray(plain.traffic.dram_b_bytes)).all()
    whole = 4 * of.channels * of.height * of.width
    assert (np.asarray(reused.traffic.dram_b_bytes) >= whole * 0.999).all()


def test_convolutions_compare_by_their_maps_and_stack():
    of = small_unfolding()
    kernel = random_convolution(1, 1)
    assert kernel.content_hash() != replace(kernel, unfolding=None).content_hash()
    assert kernel.content_hash() != replace(kernel, unfolding=small_unfolding(block=2)).content_hash()
    with pytest.raises(InputError, match="unfold to 36 rows and 49 columns for each image"):
        SparseKernel("x", csr_array(np.eye(35)), None, 49, unfolding=of)
    with pytest.raises(InputError, match="a size, a step or the padding is too small"):
        replace(of, stride=0)


def n_of_m_filters(channels: int, taps: int) -> np.ndarray:
    """Filters [16, channels, taps] that are 2:4 along their channels."""
    draw = np.random.default_rng(3)
    order = np.argsort(np.argsort(draw.random((16, taps, channels // 4, 4)), axis=-1), axis=-1)
    return np.moveaxis((order < 2).reshape(16, taps, channels), 1, 2).astype(float)


def fullest(a: csr_array, group: int) -> int:
    """Non-zeros of the fullest group of neighbours along a row."""
    return int((a.toarray().reshape(a.shape[0], -1, group) != 0).sum(axis=2).max())


def test_n_of_m_lies_along_the_channels_of_a_convolution(tmp_path):
    """Measured filters: in the order (channel, y, x) no group is 2:4; in the kernel, all are, and B goes with them."""
    filters = n_of_m_filters(16, 9)
    of = Unfolding(16, 8, 8, 3, 3, 8, 8, 1, 1)
    matrix = csr_array(filters.reshape(16, -1))
    assert fullest(matrix, 4) > 2
    found = FoundLayer("conv", matrix.shape, lambda: matrix, columns=128, unfolding=of)
    (kernel,) = _layer_kernels(found, Path("file"), None, None)
    assert isinstance(kernel, SparseKernel)
    assert kernel.unfolding == replace(of, channel_block=4)
    assert fullest(kernel.a, 4) == 2
    maps = np.random.default_rng(0).normal(size=(2, 16, 8, 8))
    plain = sparse_convolution(filters.reshape(16, 16, 3, 3), maps, "x", padding=1)
    ordered = sparse_convolution(filters.reshape(16, 16, 3, 3), maps, "x", padding=1, channel_block=4)
    assert (ordered.a != kernel.a).nnz == 0
    np.testing.assert_allclose((ordered.a @ ordered.b).toarray(), (plain.a @ plain.b).toarray(), atol=1e-12)
    (without_maps,) = _layer_kernels(replace(found, unfolding=None, taps=9), Path("file"), None, None)
    assert (without_maps.a != kernel.a).nnz == 0
    (uneven,) = _layer_kernels(
        replace(found, read=lambda: csr_array(filters.reshape(16, -1)[:, ::-1])), Path("file"), "spmv", None
    )
    assert uneven.unfolding is None


def test_filters_pruned_anyhow_keep_their_order():
    matrix = csr_array((np.random.default_rng(0).random((16, 144)) < 0.5).astype(float))
    of = Unfolding(16, 8, 8, 3, 3, 8, 8, 1, 1)
    (kernel,) = _layer_kernels(FoundLayer("conv", matrix.shape, lambda: matrix, unfolding=of), Path("file"), None, None)
    assert (kernel.unfolding, kernel.n, (kernel.a != matrix).nnz) == (of, 64, 0)


def test_layers_of_densities_know_their_maps():
    of = Unfolding(16, 8, 8, 3, 3, 8, 8, 1, 1)
    layer = FoundLayer(
        "conv", (8, 144), density=NM(2, 4), columns=640, activations=Uniform(0.5), repeats=2.0, unfolding=of
    )
    (kernel,) = _layer_kernels(layer, Path("file"), None, None)
    assert kernel.unfolding == replace(of, channel_block=4)
    assert (kernel.shape, kernel.repeats) == ((8, 144, 640), 2)
    (plain,) = _layer_kernels(layer, Path("file"), "spmm:7", None)
    assert (plain.unfolding, plain.b, plain.n) == (None, None, 7)
    (odd,) = _layer_kernels(replace(layer, density=NM(2, 5)), Path("file"), None, None)
    assert odd.unfolding == of


@pytest.mark.parametrize("name", ["resnet50:b2", "vgg16", "alexnet", "googlenet", "mobilenet:b4", "lenet-5"])
def test_networks_by_name_fetch_their_maps_once(name: str):
    """Each activation that is read is fetched once in one tile; what no filter repeats is a plain product."""
    workload = resolve_workload(name)
    layers = {f"{name.partition(':')[0]}/{layer.name}": layer for layer in network_layers(name)}
    filters = 0
    for kernel in workload.kernels:
        shape = layers[kernel.name].shape
        assert shape is not None
        if shape.filter_rows == 1:
            assert kernel.unfolding is None
            continue
        filters, of = filters + 1, kernel.unfolding
        assert of is not None
        images = kernel.n // of.positions
        found = distinct_in_tiles(of, kernel.n)
        read = min(of.height, of.stride * (of.out_height - 1) + of.kernel_height - of.padding)
        assert found[-1, -1] == of.channels * read**2 * images, kernel.name
        assert found[-1, -1] < 0.5 * kernel.k * kernel.n
    assert filters >= 2


def test_two_of_four_of_a_network_lie_along_channels():
    for name in ("resnet50:2:4", "alexnet:4:8", "mobilenet:2:4"):
        for kernel, layer in zip(resolve_workload(name).kernels, network_layers(name), strict=True):
            shape = layer.shape
            assert shape is not None
            channels, (n, m) = shape.channels // shape.groups, layer.n_of_m
            if shape.filter_rows > 1 and channels % m:
                assert kernel.a == Dense(), kernel.name  # an image's three channels, a depthwise layer's one
                continue
            assert kernel.a == NM(n, m), kernel.name
            assert kernel.unfolding is None or kernel.unfolding.channel_block == m


def test_pruned_networks_are_priced_with_their_reuse():
    """Inputs of a convolution that stand for one activation are equal, and counted once; channels may be gone."""
    network, draw = cnn((8, 8), 10), np.random.default_rng(0)
    params = [(draw.normal(size=shape), draw.normal(size=shape[0])) for shape in network.shapes]
    params[1][0].reshape(32, 9, 16)[:, :, ::2] = 0  # nothing reads every other channel of the first layer
    small, _ = without_unread(params)
    inputs, _ = recorded(network, small, draw.random((3, 8, 8)) * (draw.random((3, 8, 8)) < 0.6))
    weights = [weight for weight, _ in small]
    kernels = pruned_workload("net", network.layer_names, weights, inputs, sparse_inputs=True, network=network).kernels
    assert [kernel.unfolding and kernel.unfolding.channels for kernel in kernels] == [1, 8, None, None]
    for kernel in kernels[:2]:
        assert isinstance(kernel, SparseKernel)
        assert kernel.unfolding is not None
        assert kernel.b is not None
        of, b = kernel.unfolding, kernel.b.tocoo()
        source = of.source(b.row, b.col)
        assert source.min() >= 0
        values = np.full(source.max() + 1, np.nan)
        values[source] = b.data
        np.testing.assert_array_equal(values[source], b.data)
        assert np.exp2(np.asarray(measure(kernel).b_distinct)[-1, -1, 0]) == pytest.approx(
            len(np.unique(source)) / b.nnz, rel=1e-5
        )
    assert network.unfoldings([8, 9 * 7, 64, 64])[0] is None


def test_tables_of_changing_layers_know_the_maps_that_are_left():
    network = cnn((8, 8), 10)
    shapes, columns = network.shapes[:2], [64, 16]
    tables = layer_tables(shapes, columns, network.unfoldings([k for _, k in network.shapes])[:2], densities=(1.0, 0.5))
    for at, share in ((1, 1.0), (1, 0.25)):
        m, k = shapes[at][0], round(shapes[at][1] * share)
        found = tables.layer(at).statistics(jax.numpy.log2(jax.numpy.asarray([m, k, m * k], jax.numpy.float32)))
        of = network.unfoldings([9, k, 1, 1])[at]
        exact = measure(DensityKernel("x", m, k, columns[at], Dense(), unfolding=of)).b_distinct
        lk, ln, _ = exact.shape
        np.testing.assert_allclose(found.b_distinct[:lk, :ln], exact, atol=1e-5)
