"""Pruning: what each pattern may leave, that shrinking and rounding keep the network, damaged images, prices."""

import gzip
import struct
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.signal import correlate2d
from scipy.sparse import csr_array

from dse import Design
from experiments import prune_and_price
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.prune.networks import cases_of, title_of
from experiments.common.prune.points import PruningPoint, front_and_knee
from experiments.common.prune.price import on_design, on_preset
from experiments.common.prune.widths import machine_at
from hwmodels import make_mapping, simulate
from hwmodels.systems import SYSTEMS, work_of
from hwmodels.technology.number_formats import sum_bits
from workloads import InputError
from workloads.networks import digits
from workloads.pruning.images import Images, digits_images, idx_images
from workloads.pruning.masks import PATTERNS, kept_of, n_of_m, whole_rows, whole_units
from workloads.pruning.measurement import accuracy, input_zeros, measure_network
from workloads.pruning.quantisation import input_ranges, quantise, recorded_integers
from workloads.pruning.schedule import cubic
from workloads.pruning.shrink import without_unread
from workloads.pruning.small_networks import Network, cnn, forward, mlp, recorded
from workloads.pruning.train import PruningCase, Recipe, prune_many
from workloads.pruning.workload import pruned_workload
from workloads.readers.idx import read_idx

NETWORKS = [mlp((8, 8), 10), cnn((8, 8), 10)]


def random_params(network: Network, seed: int = 0):
    """Weights and biases of no meaning, in NumPy."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(out, k), scale=(2 / k) ** 0.5).astype(np.float32), rng.normal(size=out).astype(np.float32))
        for out, k in network.shapes
    ]


def weights_of(network: Network, seed: int = 0) -> list[np.ndarray]:
    return [weight for weight, _ in random_params(network, seed)]


def share(masks: list[np.ndarray]) -> float:
    return 1 - sum(mask.sum() for mask in masks) / sum(mask.size for mask in masks)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("name", PATTERNS)
def test_zeros_are_as_many_as_asked_for_and_nested(name: str, network: Network):
    weights = weights_of(network)
    before = [np.ones_like(weight) for weight in weights]
    for zeros in (0.0, 0.25, 0.5, 0.75, 0.87):
        masks = PATTERNS[name]([w * mask for w, mask in zip(weights, before, strict=True)], zeros)
        assert all(np.all(now <= was) for now, was in zip(masks, before, strict=True)), "what went comes back"
        found, slack = share(masks), {"global": 1e-4, "layer": 1e-2, "rows": 0.06, "units": 0.03}.get(name)
        if (
            slack is None
        ):  # N:M never leaves more zeros than are asked for; 9 inputs of a convolution leave a short group
            m = int(name[2:])
            assert found == pytest.approx(1 - kept_of(m, zeros) / m, abs=0.01)
            assert found <= zeros + 1e-9
        else:
            assert -1e-4 <= found - zeros <= slack
        before = masks


def test_groups_keep_their_largest():
    weight = np.array([[4.0, -3, 2, 1, 0.5, 9, 7, -8, 1, 0.1]], np.float32)
    assert n_of_m([weight], 0.5, 4)[0].tolist() == [[1, 1, 0, 0, 0, 1, 0, 1, 1, 1]]
    assert [kept_of(4, zeros) for zeros in (0.0, 0.25, 0.3, 0.5, 0.75, 0.98)] == [4, 3, 3, 2, 1, 1]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_removed_rows_change_nothing_but_the_size(network: Network):
    params = random_params(network)
    masks = whole_rows([weight for weight, _ in params], 0.8)
    pruned = [(weight * mask, bias) for (weight, bias), mask in zip(params, masks, strict=True)]
    small, kept = without_unread(pruned)
    assert sum(weight.size for weight, _ in small) == sum(int(mask.sum()) for mask in masks)
    images = digits_images(0).held_out[:32]
    inputs, logits = recorded(network, pruned, images)
    small_inputs, small_logits = recorded(network, small, images)
    np.testing.assert_allclose(small_logits, logits, atol=1e-4)
    for of_small, of_whole, columns in zip(small_inputs, inputs, kept, strict=True):
        np.testing.assert_allclose(of_small, of_whole[:, columns], atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_whole_outputs_and_inputs_go_by_their_norms_whatever_the_scale_of_a_layer(network: Network):
    weights = weights_of(network)
    masks = whole_units(weights, 0.4)
    alive = [masks[0].any(axis=0), *(mask.any(axis=1) for mask in masks)]
    for weight, mask, inputs, outputs in zip(weights, masks, alive, alive[1:], strict=False):
        np.testing.assert_array_equal(mask, np.outer(outputs, np.tile(inputs, weight.shape[1] // len(inputs))))
    assert alive[-1].all()
    norms = [np.abs(weights[0]).sum(axis=0), *(np.abs(weight).sum(axis=1) for weight in weights[:-1])]
    scores = [norm / np.linalg.norm(norm) for norm in norms]
    stays = np.concatenate(alive[:-1])
    assert 0 < np.sum(stays) < len(stays)
    assert np.concatenate(scores)[stays].min() > np.concatenate(scores)[~stays].max()
    scaled = whole_units([weight * 4.0**at for at, weight in enumerate(weights)], 0.4)
    assert all(np.array_equal(one, other) for one, other in zip(masks, scaled, strict=True))
    assert [int(mask.any(axis=1).sum()) for mask in whole_units(weights, 1.0)] == [1] * (len(weights) - 1) + [10]


def test_schedule_is_zhu_and_guptas():
    assert [cubic(step, 10, 20, 0.8) for step in (0, 10, 20, 30)] == [0.0, 0.0, 0.8, 0.8]
    assert cubic(15, 10, 20, 0.8) == pytest.approx(0.8 * (1 - 0.5**3))


def test_convolution_by_patches_is_the_convolution():
    network = cnn((6, 7), 3)
    params = random_params(network)
    images = np.random.default_rng(1).random((5, 6, 7), np.float32)
    maps = [[image] for image in images]
    for weight, bias in params[:2]:
        kernels = weight.reshape(len(weight), 3, 3, -1).transpose(0, 3, 1, 2)
        seen = [[sum(map(partial(correlate2d, mode="same"), one, kernel)) for kernel in kernels] for one in maps]
        x = np.maximum(np.array(seen) + bias[:, None, None], 0)
        height, width = x.shape[2] // 2, x.shape[3] // 2
        maps = x[:, :, : 2 * height, : 2 * width].reshape(5, -1, height, 2, width, 2).max(axis=(3, 5))
    x = np.asarray(maps).transpose(0, 2, 3, 1).reshape(5, -1)
    expected = np.maximum(x @ params[2][0].T + params[2][1], 0) @ params[3][0].T + params[3][1]
    np.testing.assert_allclose(recorded(network, params, images)[1], expected, atol=1e-4)
    np.testing.assert_allclose(forward(network, params, jax.numpy.asarray(images)), expected, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("per_channel", [False, True])
def test_integers_keep_zeros_and_come_close(network: Network, per_channel: bool):
    params = [(weight * (np.abs(weight) > 0.1), bias) for weight, bias in random_params(network)]
    images = digits_images(0).training[:64]
    ranges = input_ranges(network, params, images)
    _, logits = recorded(network, params, images)
    errors = []
    for bits in (8, 16):
        integers = quantise(params, ranges, bits, per_channel=per_channel)
        for (weight, _), rounded in zip(params, integers.weights, strict=True):
            assert np.all(rounded[weight == 0] == 0)
            assert np.all(rounded == np.rint(rounded))
            assert np.abs(rounded).max() == 2 ** (bits - 1) - 1
        inputs, found = recorded_integers(network, integers, images)
        assert all(0.97 < np.abs(x).max() / (2 ** (bits - 1) - 1) <= 1 for x in inputs), "the range is not used"
        errors.append(np.abs(found - logits).max() / np.abs(logits).max())
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 100, "eight bits more are 256 times finer"


def test_causes_of_zeros_add_up():
    rng = np.random.default_rng(0)
    dense, pruned = (np.maximum(rng.normal(size=(40, 30)), 0) for _ in range(2))
    rounded = np.rint(pruned * 2)
    causes = input_zeros(dense, pruned, rounded)
    assert causes.total == pytest.approx(np.mean(rounded == 0))
    assert causes.natural == pytest.approx(np.mean((rounded == 0) & (dense == 0)))
    assert causes.pruning == pytest.approx(np.mean((pruned == 0) & (dense > 0)))
    assert min(causes.natural, causes.pruning, causes.rounding) > 0


@pytest.fixture(scope="module")
def trained():
    """A small network by case and seed: dense, half and nine tenths pruned, and 2:4."""
    cases, images = (
        [PruningCase("global", z) for z in (0.0, 0.5, 0.9)] + [PruningCase("nm4", 0.5)],
        [digits_images(s) for s in (0, 1)],
    )
    network = mlp((8, 8), 10, hidden=(32,))
    return network, images, prune_many(network, images, cases, (0, 1), Recipe(rounds=24))


def test_gradual_pruning_keeps_the_masks_and_the_accuracy(trained):
    network, images, found = trained
    right = [
        np.mean([accuracy(network, p, i.held_out, i.held_out_labels) for p, i in zip(row, images, strict=True)])
        for row in found
    ]
    assert right[0] > 0.93
    assert min(right[1], right[3]) > right[0] - 0.03
    assert right[2] > 0.5
    for row, zeros in zip(found, (0.0, 0.5, 0.9, 0.5), strict=True):
        for params in row:
            assert share([(weight != 0).astype(float) for weight, _ in params]) == pytest.approx(zeros, abs=1e-3)
    for weight, _ in found[3][0]:
        assert np.count_nonzero(weight.reshape(len(weight), -1, 4), axis=2).max() <= 2
    assert not np.array_equal(found[0][0][0][0], found[0][1][0][0]), "seeds differ"


def test_kernels_are_the_network(trained):
    network, images, found = trained
    params = found[2][0]
    columns = [np.arange(weight.shape[1]) for weight, _ in params]
    measured = measure_network(network, params, found[0][0], columns, images[0], 8, 16)
    integers = measured.quantised[8]
    kernels = pruned_workload("net", network.layer_names, integers.weights, measured.inputs, sparse_inputs=True).kernels
    assert [kernel.name for kernel in kernels] == ["net_fc1", "net_fc2"]
    assert [kernel.shape for kernel in kernels] == [(32, 64, 16), (10, 32, 16)]
    sums = (kernels[1].a @ kernels[1].b).toarray().T + integers.biases[1]
    logits = sums * (integers.weight_scales[1] * integers.input_scales[1])
    np.testing.assert_allclose(logits, recorded_integers(network, integers, images[0].held_out[:16])[1], rtol=1e-9)
    assert measured.input_zeros[0].natural == pytest.approx(np.mean(images[0].held_out == 0))
    assert measured.accuracies["int16"] == pytest.approx(measured.accuracies["float32"], abs=0.006)


def test_accuracy_does_not_fall_with_width_and_sums_fit_their_words(trained):
    network, images, found = trained
    every = []
    for row in found:
        right: dict[str, list[float]] = {}
        for at, params in enumerate(row):
            columns = [np.arange(weight.shape[1]) for weight, _ in params]
            measured = measure_network(network, params, found[0][at], columns, images[at], 8, 16)
            for name, accuracy_of in measured.accuracies.items():
                right.setdefault(name, []).append(accuracy_of)
            for bits, integers in measured.quantised.items():
                inputs, _ = recorded_integers(network, integers, images[at].held_out)
                for x, weight, bias in zip(inputs, integers.weights, integers.biases, strict=True):
                    assert np.abs(np.abs(x) @ np.abs(weight).T + np.abs(bias)).max() < 2 ** (sum_bits(bits) - 1)
        means = [np.mean(right[name]) for name in ("int4", "int8", "int16", "float32")]
        assert all(wide >= narrow - 0.006 for narrow, wide in pairwise(means)), "two images of 360 are noise"
        every.append(means)
    assert np.mean(every, axis=0)[0] < np.mean(every, axis=0)[2]


def test_embedded_classifier_is_within_a_point_and_evaluated_at_once():
    network, data = mlp((8, 8), 10), digits_images(0)
    with np.load(Path(digits.__file__).parents[1] / "data" / "digits_mlp.npz") as archive:
        stored = dict(archive)
    params = [(weight.toarray(), stored[f"{layer}_bias"]) for layer, weight in digits.digits_layers().items()]
    accuracy(network, params, data.held_out[:1], data.held_out_labels[:1])
    start = time.perf_counter()
    found = accuracy(network, params, data.held_out, data.held_out_labels)
    assert time.perf_counter() - start < 0.1
    assert found == pytest.approx(stored["accuracy"], abs=0.003)
    assert found >= stored["dense_accuracy"] - 0.01


def test_layers_without_weights_cost_nothing():
    full, none = np.ones((4, 8)), np.zeros((4, 8))
    kernels = pruned_workload("net", ["fc1", "fc2"], [none, full], [np.ones((3, 8))] * 2).kernels
    assert [(kernel.name, kernel.family) for kernel in kernels] == [("net_fc2", "dense_b")]
    with pytest.raises(InputError, match="all zero; prune less"):
        pruned_workload("net", ["fc1"], [none], [np.ones((3, 8))])


def idx_bytes(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """A set like MNIST: dark and bright images of 5 x 4, one file gzipped and one with a dot in its name."""
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 96), ("t10k", 32)):
        labels = np.arange(count, dtype=np.uint8) % 2
        images = (rng.integers(0, 60, (count, 5, 4)) + 150 * labels[:, None, None]).astype(np.uint8)
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (tmp_path / f"{prefix}-labels.idx1-ubyte").write_bytes(idx_bytes(labels))
    return tmp_path


def test_idx_files_are_read(idx_folder: Path):
    images: Images = idx_images(idx_folder)
    assert (images.size, images.classes, len(images.training), len(images.held_out)) == ((5, 4), 2, 96, 32)
    assert images.training.dtype == np.float32
    assert images.training[images.training_labels == 1].min() >= 150 / 255 > images.training[0].max()


FULL = np.zeros((2, 5, 4), np.uint8)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin like an IDX file"),
        (b"\x80\x04cos\nsystem\n", "does not begin like an IDX file"),
        (idx_bytes(FULL, kind=0x0D), "type 0x0d; give unsigned bytes"),
        (idx_bytes(np.zeros(3, np.uint8)), "has 1 axes where 3 must be"),
        (idx_bytes(FULL)[:9], "ends inside its header"),
        (idx_bytes(FULL)[:-1], "2 x 5 x 4, 40 bytes, but 39 follow"),
        (idx_bytes(FULL) + b"x", "but more follow"),
        (idx_bytes(FULL[:0]), "which is empty"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "more than 2\\^30 bytes"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_bad_idx_files_are_named(content: bytes, words: str, zipped: bool, tmp_path: Path):
    path = tmp_path / ("images.gz" if zipped else "images")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(InputError, match=words) as error:
        read_idx(path, axes=3)
    assert str(error.value).startswith(str(path))


def test_bad_folders_are_named(idx_folder: Path):
    with pytest.raises(InputError, match="no such folder"):
        idx_images(idx_folder / "none")
    labels = idx_folder / "t10k-labels.idx1-ubyte"
    whole = labels.read_bytes()
    labels.write_bytes(idx_bytes(np.zeros(31, np.uint8)))
    with pytest.raises(InputError, match="has 31 labels for the 32 images"):
        idx_images(idx_folder)
    labels.write_bytes(whole)
    images = idx_folder / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-20])
    with pytest.raises(InputError, match="truncated or damaged"):
        idx_images(idx_folder)
    images.unlink()
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte: no such file, nor .*\.gz"):
        idx_images(idx_folder)


def test_cases_are_named_once():
    cases = cases_of(("nm4", "rows"), (0.9, 0.5, 0.75, 0.95))
    assert [title_of(case) for case in cases] == [
        "dense",
        "2:4",
        "1:4",
        "rows 50 %",
        "rows 75 %",
        "rows 90 %",
        "rows 95 %",
    ]


def point(zeros: float, right: float, energy_pj: float, latency_s: float) -> PruningPoint:
    case = PruningCase("global", zeros)
    figures = (np.array([value]) for value in (zeros, right, right, energy_pj, latency_s))
    return PruningPoint(case, title_of(case), *figures)


def test_knee_is_where_accuracy_begins_to_fall():
    points = [point(0.0, 0.99, 100.0, 100e-6), point(0.5, 0.989, 50.0, 50e-6), point(0.6, 0.98, 60.0, 50e-6)]
    points += [point(0.9, 0.985, 10.0, 10e-6), point(0.95, 0.8, 5.0, 5e-6), point(0.98, 0.5, 4.0, 4e-6)]
    front, knee = front_and_knee(points, 359)
    assert front == [0, 1, 3, 4, 5]
    assert points[knee].title == "global 90 %"


def test_preset_prices_the_very_pattern():
    weight = (np.random.default_rng(0).random((256, 256)) < 0.1).astype(float)
    sparse, dense = (
        pruned_workload(name, ["fc1"], [w], [np.ones((16, 256))]).kernels[0]
        for name, w in (("sparse", weight), ("dense", np.ones((256, 256))))
    )
    eie = SYSTEMS["eie"]
    priced = on_preset(eie, [sparse, dense, sparse])
    assert priced[0] is priced[2]
    assert float(priced[0].cost.latency_s) == float(eie.cost(work_of(sparse)).latency_s) < priced[1].latency_s
    assert sparse.a.nnz == csr_array(weight).nnz


def small_design() -> Design:
    """Eight PEs in Gustavson's dataflow with decoders for a dense and a CSR A."""
    numbers = {"pe_rows": 4, "pe_cols": 2, "lanes": 2, "glb_bytes": 65536, "glb_banks": 8, "pe_buffer_bytes": 1024}
    numbers |= {"accumulator_bytes": 512, "index_bus_bits": 64, "value_bus_bits": 128, "value_bits": 8}
    mapping = {
        "tile_m": 16.0,
        "tile_k": 16.0,
        "tile_n": 16.0,
        "loop_order": "mkn",
        "residency": "b",
        "columns_on": "n",
        "lanes_on": "n",
        "dataflow": "gustavson",
    }
    mapping |= {"a_format": "csr", "a_zero": "skip", "b_format": "dense", "b_zero": "compute", "schedule": "balanced"}
    hardware = {name: float(value) for name, value in numbers.items()}
    return Design(hardware | {"accumulator_bits": 24.0, "intersection": "leader_follower"}, (mapping,), ("one",))


def test_the_same_machine_at_another_width_holds_as_many_values_and_costs_less_when_narrow(tech):
    design, rng = small_design(), np.random.default_rng(0)
    assert machine_at(design, 8).hardware == design.hardware
    weight = np.where(rng.random((32, 64)) < 0.4, 1.0, 0.0)
    kernel = pruned_workload("net", ["fc1"], [weight], [np.ones((16, 64))]).kernels[0]
    costs = []
    for bits in (4, 8, 16):
        machine = machine_at(design, bits)
        numbers = {name: float(machine.hardware[name]) for name in ("pe_buffer_bytes", "value_bus_bits")}
        assert {name: value / bits for name, value in numbers.items()} == {"pe_buffer_bytes": 128, "value_bus_bits": 16}
        assert machine.hardware["accumulator_bits"] == sum_bits(bits)
        (priced,) = on_design(machine, [kernel], tech)
        costs.append((priced.energy_pj, float(priced.cost.core_area_mm2)))
        ran = simulate(machine.build()[0], make_mapping(**priced.mapping), kernel.a, np.ones((64, 16)), tech).cost
        assert priced.energy_pj == pytest.approx(float(np.sum(ran.energy_pj)), rel=0.02)
    assert costs == sorted(costs)


def test_design_prices_as_the_simulator_and_runs_dense_what_is_dense(tech):
    design = small_design()
    rng = np.random.default_rng(0)
    weights = [np.ones((32, 64)), np.where(rng.random((32, 64)) < 0.1, 1.0, 0.0)]
    kernels = [pruned_workload("net", ["fc1"], [w], [np.ones((16, 64))]).kernels[0] for w in weights]
    dense, sparse = on_design(design, kernels, tech)
    assert dense.mapping["a_format"] == "dense"
    assert sparse.mapping["a_format"] == "csr"
    assert sparse.energy_pj < dense.energy_pj
    assert sparse.latency_s < dense.latency_s / 3
    np.testing.assert_array_equal(dense.cost.area_mm2, sparse.cost.area_mm2)
    for kernel, priced in zip(kernels, (dense, sparse), strict=True):
        ran = simulate(design.build()[0], make_mapping(**priced.mapping), kernel.a, np.ones((64, 16)), tech).cost
        assert priced.cost.cycles == pytest.approx(float(ran.cycles), rel=0.02)
        assert priced.energy_pj == pytest.approx(float(np.sum(ran.energy_pj)), rel=0.02)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--methods", "globe"], ["globe", "global"]),
        (["--levels", "1.5"], ["--levels", "above 0 and below 1"]),
        (["--seeds", "0"], ["--seeds", "at most 32"]),
        (["--rounds", "2"], ["--rounds", "at least 8"]),
        (["--bits", "5"], ["--bits", "4", "8", "16"]),
        (["--arithmetic", "fp16"], ["--arithmetic fp16", "int4 or int8 or int16"]),
        (["--bits", "8", "--arithmetic", "int4"], ["--bits 8", "disagree"]),
        (["--batch", "1000"], ["--batch", "held-out"]),
        (["--preset", "eiy"], ["eiy", "eie"]),
        (["--preset", "eie", "--design", "x.json"], ["give one of them"]),
        (["--design", "{}/missing.json"], ["missing.json"]),
        (["--data", "{}"], ["train-images-idx3-ubyte", "no such file"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_mistakes_are_told(args: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = [arg.replace("{}", str(tmp_path)) for arg in args]
    assert main(prune_and_price.run, prune_and_price.Config, [*args, "--out", str(tmp_path / "out")]) == USAGE_ERROR
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in words), said
