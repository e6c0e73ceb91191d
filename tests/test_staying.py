"""What stays on the chip: a workload's graph, the room that tensors take, and what DRAM is left with."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from dse import default_space, make_problem
from dse.mapper.candidates import every_mapping
from dse.mapper.enumeration import KernelMappings
from dse.problem.batched_models import ENERGY, FIT, LATENCY
from dse.problem.multi_workload import alone
from dse.problem.search_problem import Problem
from dse.space.staying import staying_of
from hwmodels import simulate_kernel
from hwmodels.cost import within_limit
from hwmodels.technology import make_technology, scenario
from workloads import InputError, SparseKernel, Workload, as_workload, generators
from workloads.kernels.attention import attention_kernels
from workloads.kernels.tensor_names import TensorNames, constant, outside, read

BURST_BYTES = 32
"""Of LPDDR4, the default DRAM."""


def gcn() -> Workload:
    """Two layers A (X W) of a graph of 64 nodes; each product by its sparse operand first."""
    graph = csr_array(generators.power_law_rows(64, 64, 6, 2.1, 0))
    weights = [csr_array(generators.uniform(16, 32, 0.3, 1)), csr_array(generators.uniform(8, 16, 0.3, 2))]
    kernels = []
    features, shared = outside("features"), constant("graph")
    for at, pruned in enumerate(weights, 1):
        names = TensorNames(constant(f"w{at}"), features, z=f"xw{at}")
        kernels.append(SparseKernel(f"weigh{at}", pruned, None, 64, tensors=names))
        names = TensorNames(shared, read(f"xw{at}", "transposed"), z=f"h{at}")
        kernels.append(SparseKernel(f"gather{at}", graph, None, pruned.shape[0], tensors=names))
        features = read(f"h{at}", "transposed")
    return Workload("gcn", tuple(kernels))


def attention() -> Workload:
    """A head of pruned attention: projections, scores, softmax, the weighted sum, the output projection."""
    width, queries = 32, 64
    pruned = [csr_array(generators.uniform(width, width, 0.25, seed)) for seed in range(4)]
    names = [TensorNames(constant(f"w{one}"), outside("x"), z=one) for one in ("query", "key", "value")]
    projections = [
        SparseKernel(f"to_{name.z}", a, None, queries, tensors=name) for a, name in zip(pruned[:3], names, strict=True)
    ]
    mask = csr_array(generators.uniform(queries, queries, 0.2, 7))
    operands = read("query", "transposed"), read("key"), read("value", "transposed")
    mixed = attention_kernels(mask, width, "head", (), operands)
    names = TensorNames(constant("wo"), read("head.mixed", "transposed"), z="out")
    return Workload(
        "attention", (*projections, *mixed, SparseKernel("to_out", pruned[3], None, queries, tensors=names))
    )


WORKLOADS = {"mlp": lambda: as_workload(["digits"]), "gcn": gcn, "attention": attention}
HELD = {
    "pe_rows": 4.0, "pe_cols": 2.0, "lanes": 4.0, "glb_bytes": 2.0**20, "glb_banks": 64.0, "pe_buffer_bytes": 8192.0,
    "accumulator_bytes": 2048.0, "index_bus_bits": 128.0, "value_bus_bits": 256.0, "schedule": "cyclic",
    "loop_order": "mkn", "residency": "b", "columns_on": "n", "tile_m": 256.0, "tile_k": 256.0, "tile_n": 256.0,
    "a_format": ["csr", "coo"], "a_zero": "skip",
}  # fmt: skip


def problem_of(name: str, stays: str, **values) -> Problem:
    """One workload on one machine, most choices held."""
    space = default_space().fix(**HELD | values)
    return make_problem(WORKLOADS[name](), space, make_technology(scenario()), stays=stays)


def kept_row(problem: Problem) -> np.ndarray:
    """A design in which all stays that can."""
    row = problem.encoding.random(np.random.default_rng(0), 1)
    row[:, problem.encoding.staying_columns] = 1
    return row


def dram_bytes(traffic) -> float:
    """All that DRAM moves."""
    return sum(float(getattr(traffic, f"dram_{what}_bytes")) for what in ("a", "b", "z_read", "z_write"))


def bursts(count: float) -> float:
    """Bytes in whole bursts."""
    return np.ceil(count / BURST_BYTES) * BURST_BYTES


@pytest.mark.parametrize("name", WORKLOADS)
def test_dram_moves_inputs_and_results_once(name: str):
    """With weights, where only results stay: exact in the simulator, and within 5 % in the models."""
    moved = {}
    for stays in ("nothing", "results", "all"):
        problem = problem_of(name, stays)
        design = problem.design((kept_row if problem.encoding.staying else _any_row)(problem)[0])
        hardware, mappings = design.build()
        kernels, modelled = WORKLOADS[name]().kernels, problem.costed([design])[0].kernels
        runs = [
            simulate_kernel(hardware, mapping, kernel, problem.technology).cost
            for mapping, kernel in zip(mappings, kernels, strict=True)
        ]
        assert all(within_limit(run.fits).all() for run in runs)
        moved[stays] = sum(dram_bytes(run.traffic) for run in runs)
        assert sum(dram_bytes(cost.traffic) for cost in modelled) == pytest.approx(moved[stays], rel=0.05)
        for what in ("cycles", "total_energy_pj"):
            mine, truth = (sum(float(getattr(cost, what)) for cost in costs) for costs in (modelled, runs))
            assert mine == pytest.approx(truth, rel=0.05)
    outer = {tensor.name: tensor for tensor in WORKLOADS[name]().graph.tensors if tensor.is_input or tensor.is_result}
    uses = {one: max(len(tensor.consumers), 1) if tensor.is_input else 1 for one, tensor in outer.items()}
    least = sum(bursts(tensor.elements) * uses[one] for one, tensor in outer.items())
    mask = [k for k in WORKLOADS[name]().kernels if k.family == "sddmm"]
    assert moved["all"] - least <= sum(4.0 * k.mask.nnz + BURST_BYTES for k in mask)
    assert moved["all"] >= least
    assert moved["all"] < moved["results"] < moved["nothing"]


def _any_row(problem: Problem) -> np.ndarray:
    return problem.encoding.random(np.random.default_rng(0), 1)


def test_room_is_what_others_leave():
    """Each kernel has the buffer less what stays for others while it runs, counted tensor by tensor."""
    workload = attention()
    problem = problem_of("attention", "all")
    staying = problem.encoding.staying
    assert staying is not None
    rows = np.repeat(kept_row(problem), 50, axis=0)
    columns = problem.encoding.staying_columns
    rows[:, columns] = np.random.default_rng(1).integers(2, size=(50, len(columns)))
    for row, design in zip(rows, problem.designs(rows), strict=True):
        kept = [workload.graph[name] for name, stays in zip(staying.names, row[columns], strict=True) if stays]
        for at, mapping in enumerate(design.mappings):
            others = [
                t for t in kept if at in t.alive and at != t.producer and at not in {u.kernel for u in t.consumers}
            ]
            sizes = dict(zip(staying.names, staying.values * 8 + staying.metadata_bits, strict=True))
            taken = np.ceil(sum(sizes[tensor.name] for tensor in others) / 8)
            room = mapping["glb_room"] if mapping["glb_room"] < 2**32 else HELD["glb_bytes"]
            assert room == HELD["glb_bytes"] - taken
            own = {"a": [], "b": [], "z": []}
            for tensor in kept:
                if tensor.producer == at:
                    own["z"].append(tensor)
                for use in tensor.consumers:
                    if use.kernel == at:
                        own[use.operand].append(tensor)
            assert {x: mapping[f"{x}_kept"] for x in "abz"} == {x: "glb" if own[x] else "no" for x in "abz"}


def test_designs_are_read_back_and_keep_the_room_of_others():
    """From words to a genome and back; a larger buffer leaves what stays for others as it is."""
    problem = problem_of("attention", "all")
    row = kept_row(problem)
    design = problem.design(row[0])
    again = problem.encoding.genome(design)
    assert (again[problem.encoding.staying_columns] == 1).all()
    assert problem.design(again) == design
    larger = design.with_(glb_bytes=2.0**21)
    for before, after in zip(design.mappings, larger.mappings, strict=True):
        same = before["glb_room"] == 2.0**32
        assert after["glb_room"] == before["glb_room"] + (0 if same else 2.0**20)


def test_the_mapper_knows_what_stays():
    """The best of what it evaluates is the best of all mappings, on machines on which tensors stay."""
    sizes = {"tile_m": [16, 64], "tile_k": [16, 64], "tile_n": [16, 64], "loop_order": ["mkn", "nkm", "kmn"]}
    problem = problem_of("attention", "all", **sizes, glb_bytes=2.0**15)
    for kernel in (1, 3):
        own = alone(problem, [kernel])
        machine = np.zeros(len(own.encoding.genes), np.int32)
        for stays in (0, 1):
            machine[own.encoding.staying_columns] = stays
            every = every_mapping(own.encoding)
            every[:, own.encoding.staying_columns] = stays
            outputs = own.mappings_alone(every)[:, 0]
            fits = within_limit(outputs[:, FIT].max(axis=1))
            assert fits.any()
            found = [some.outputs for some in KernelMappings(problem, kernel).on(machine)]
            tried = np.concatenate(found)
            tried = tried[within_limit(tried[:, FIT].max(axis=1))]
            for what in (LATENCY, ENERGY):
                assert tried[:, what].min() == pytest.approx(outputs[fits][:, what].min(), rel=1e-5)


def test_what_cannot_stay_does_not():
    """Inputs and results of the whole, what is read unfolded, and sparse results of products."""
    statistics = problem_of("gcn", "nothing").statistics
    found = staying_of(gcn(), statistics)
    assert found is not None
    assert set(found.names) == {"w1", "w2", "graph", "xw1", "xw2", "h1"}
    only = staying_of(gcn(), statistics, "results")
    assert only is not None
    assert set(only.names) == {"xw1", "xw2", "h1"}
    assert staying_of(gcn(), statistics, "nothing") is None
    with pytest.raises(InputError, match="stays is 'some'"):
        problem_of("gcn", "some")
