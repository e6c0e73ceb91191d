"""Baselines of the machine at hand, designs as systems, the registry of systems, and the script that compares them."""

import csv
import json
import math
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from matplotlib.image import imread
from scipy.sparse import csr_array

from dse import read_design
from experiments import baselines
from experiments.common.baselines.claim import FASTER, LESS_ENERGY, ONYX_EDP_GAINS
from experiments.common.baselines.machines import Contender, ContenderRun, best_cpu, gains, geometric_mean, of_gpu_model
from experiments.common.cli import USAGE_ERROR, main
from hwmodels.baselines import cpu_power, dense_cpu, dense_gpu, gemm_rate, gpu_device, sparse_cpu, sparse_gpu
from hwmodels.baselines.gpu import board_watts
from hwmodels.baselines.power import FALLBACK, cpu_name
from hwmodels.baselines.timing import time_runs
from hwmodels.systems import SYSTEMS, work_of
from hwmodels.systems.nvidia import Gpu
from hwmodels.systems.template_designs import TEMPLATES
from workloads import SparseKernel, generators
from workloads.errors import InputError

EPYC = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n"


def rapl(folder: Path, domains: dict[str, tuple[str, int, int]]) -> Path:
    """A folder like Linux's: domain -> (name, counter in uJ, range in uJ)."""
    for domain, (name, counter, most) in domains.items():
        (folder / domain).mkdir(parents=True)
        (folder / domain / "name").write_text(f"{name}\n")
        (folder / domain / "energy_uj").write_text(f"{counter}\n")
        (folder / domain / "max_energy_range_uj").write_text(f"{most}\n")
    return folder


@pytest.fixture(scope="module")
def kernel() -> SparseKernel:
    return SparseKernel("product", generators.uniform(96, 64, 0.1, 0), None, 16)


def test_median_of_runs_stays_within_the_budget():
    calls = []

    def run():
        calls.append(time.perf_counter())
        time.sleep(0.002 if len(calls) != 4 else 0.02)  # one run is disturbed

    timing = time_runs(run, 0.08)
    assert 0.002 <= timing.fastest_s <= timing.median_s < 0.01
    assert timing.runs < len(calls), "a warm-up is not timed"
    assert timing.total_s < 0.5


def test_rapl_counts_packages_and_dram_and_wraps_around(tmp_path: Path):
    folder = rapl(
        tmp_path,
        {
            "intel-rapl:0": ("package-0", 900, 1000),
            "intel-rapl:0:0": ("core", 5, 1000),
            "intel-rapl:0:1": ("dram", 10, 500),
            "intel-rapl:1": ("psys", 7, 1000),
        },
    )
    power = cpu_power(powercap=folder)
    assert power.by == "measured"
    before = power.read_uj()
    (folder / "intel-rapl:0" / "energy_uj").write_text("50")
    (folder / "intel-rapl:0:1" / "energy_uj").write_text("40")
    assert power.spent_uj(before, power.read_uj()) == (1000 - 900 + 50) + (40 - 10)
    assert "package-0" in power.source
    assert "dram" in power.source


def test_power_without_counters_is_modelled_and_says_of_what(tmp_path: Path):
    info = tmp_path / "cpuinfo"
    info.write_text(EPYC)
    power = cpu_power(powercap=tmp_path, cpuinfo=info)
    assert (power.by, power.core_w) == ("modelled", 280.0 / 64.0)  # AMD EPYC 7763
    assert "7763" in power.source
    assert cpu_name(info) == "AMD EPYC (family 25, model 1)"
    info.write_text(EPYC.replace(": 25", ": 99"))
    assert cpu_power(powercap=tmp_path, cpuinfo=info).core_w == FALLBACK.core_w
    assert cpu_power(9.0, powercap=tmp_path).core_w == 9.0
    with pytest.raises(InputError, match="power in W"):
        cpu_power(-1.0)


def test_cpu_runs_are_measured_and_their_energy_labelled(kernel: SparseKernel):
    power = cpu_power(4.0)
    both = SparseKernel("both", kernel.a, generators.uniform(64, 32, 0.2, 1), 32)
    for product in (kernel, both):
        for threads, run in ((1, sparse_cpu(product, power=power, budget_s=0.02)),
                             (2, dense_cpu(product, power=power, threads=2, budget_s=0.02))):  # fmt: skip
            assert (run.latency_by, run.energy_by, run.threads) == ("measured", "modelled", threads)
            assert 0 < run.latency_s < 0.1
            assert run.total_energy_pj * 1e-12 / run.latency_s == pytest.approx(4.0 * threads)
            assert "as given" in run.energy_source
    assert gemm_rate(1, 0.02) > 1e8


def test_products_too_large_for_the_cpu_are_refused():
    hollow = SparseKernel("hollow", generators.banded(40_000, 0, 0), None, 64)
    with pytest.raises(InputError, match=r"hollow: dense, it takes 6\.\d+ GB"):
        dense_cpu(hollow)
    assert sparse_cpu(hollow, budget_s=0.02).latency_s < 1.0


def test_gpu_path_runs_on_any_device(kernel: SparseKernel):
    device = jax.devices("cpu")[0]
    for run in (dense_gpu(kernel, device=device, budget_s=0.02), sparse_gpu(kernel, device=device, budget_s=0.02)):
        assert run.latency_by == "measured"
        assert math.isnan(run.total_energy_pj), "the power of this device is not known"
    assert board_watts("NVIDIA A100-SXM4-80GB") == 400.0
    with pytest.raises(InputError, match="B is sparse"):
        sparse_gpu(SparseKernel("both", kernel.a, generators.uniform(64, 32, 0.2, 1), 32), device=device)
    if gpu_device() is None:
        with pytest.raises(InputError, match="no GPU"):
            dense_gpu(kernel)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_every_registered_system_answers_or_says_why_not(name: str, kernel: SparseKernel):
    system = SYSTEMS[name]
    assert system.name == name
    assert system.title
    assert system.source
    assert system.limits
    assert 4 <= float(system.node_nm) <= 65
    both = SparseKernel("both", kernel.a, generators.uniform(64, 32, 0.2, 1), 32)
    answers = 0
    for product in (kernel, both):
        try:
            cost = system.cost(work_of(product))
        except InputError:
            continue
        answers += 1
        assert 0 < float(cost.latency_s) < 1
        assert 0 < float(np.sum(cost.energy_pj)) < 1e15
        assert 0 < float(cost.utilization) <= 1.0001
    assert answers, "runs neither of two plain products"


def test_the_better_cpu_run_and_means_over_it():
    def runs(*pairs):
        return [ContenderRun(latency, energy, "measured", "modelled") for latency, energy in pairs]

    dense = Contender("cpu_dense", "", "", "cpu", runs((1.0, 8.0), (1.0, 1.0)))
    sparse = Contender("cpu_sparse", "", "", "cpu", runs((2.0, 2.0), (4.0, 4.0)))
    other = Contender("other", "", "", "system", ["cannot", runs((0.5, 0.25))[0]])
    machines = [dense, sparse, other]
    assert [best_cpu(machines, at)[0].name for at in (0, 1)] == ["cpu_sparse", "cpu_dense"]
    assert gains(machines, other) == {1: (2.0, 4.0)}
    assert geometric_mean({0: (2.0, 1.0), 1: (8.0, 4.0)}) == (pytest.approx(4.0), pytest.approx(2.0))
    assert math.isnan(other.total(np.ones(2))[0])
    assert sparse.total(np.array([1.0, 10.0])) == (42.0, 42.0)


def test_where_nothing_is_multiplied_there_is_nothing_to_compare():
    a, b = (csr_array(([1.0], ([at], [at])), shape=(9, 9)) for at in (0, 8))
    with pytest.raises(InputError, match="nothing is multiplied"):
        work_of(SparseKernel("apart", a, b, 9))


def test_a_gpu_runs_2_4_only_where_the_pattern_is_one():
    gpu = next(system for system in SYSTEMS.values() if isinstance(system, Gpu))
    structured = SparseKernel("2:4", generators.n_of_m(4096, 4096, 2, 4, 0), None, 4096)
    loose = SparseKernel("loose", generators.uniform(64, 64, 0.3, 0), None, 64)
    dense, sparse = of_gpu_model(gpu, [work_of(structured), work_of(loose)])
    assert sparse.able() == [0]
    assert "not 2:4" in str(sparse.runs[1])
    assert 1 < dense.run(0).latency_s / sparse.run(0).latency_s <= 2
    assert dense.able() == [0, 1]


def test_onyx_reaches_the_claim_on_its_best_kernel_alone():
    """Koul et al., VLSI 2024, Fig. 7b: geometric mean 39.9."""
    gains = np.array(list(ONYX_EDP_GAINS.values()))
    assert np.exp(np.log(gains).mean()) == pytest.approx(39.9, rel=2e-3)
    assert (gains >= FASTER * LESS_ENERGY).sum() == 1


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_script_puts_machines_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = ["--smoke", "--cpu-watts", "5", "--out", str(tmp_path)]
    assert main(baselines.run, baselines.Config, args) == 0
    said = capsys.readouterr().out
    machines = {row["machine"]: row for row in rows_of(tmp_path / "machines.csv")}
    gpus = {name for name, system in SYSTEMS.items() if isinstance(system, Gpu)}
    both = {f"{name}_{way}" for name in gpus for way in ("dense", "2_4")}
    assert {"design", "dense", "cpu_dense_1", "cpu_sparse", *(set(SYSTEMS) - gpus), *both} <= set(machines)
    assert machines["cpu_sparse"]["latency_by"] == "measured"
    assert machines["cpu_sparse"]["energy_by"] == "modelled"
    assert machines["design"]["latency_by"] == "modelled"
    assert float(machines["cpu_sparse"]["power_w"]) == pytest.approx(5.0, rel=1e-4)
    kernels = rows_of(tmp_path / "baselines.csv")
    design = [row for row in kernels if row["machine"] == "design"]
    total = sum(float(row["energy_pj"]) for row in design)
    assert total == pytest.approx(float(machines["design"]["energy_per_inference_pj"]), rel=1e-5)
    claims = {row["kernel"]: row for row in rows_of(tmp_path / "claim.csv")}
    for row in design:
        claim = claims[row["kernel"]]
        assert float(row["speedup_over_cpu"]) == pytest.approx(float(claim["speedup"]), rel=1e-5)
        fast, frugal = float(claim["speedup"]) >= 8, float(claim["saving"]) >= 70
        assert claim["reaches"] == (
            "both" if fast and frugal else "speed" if fast else "energy" if frugal else "neither"
        )
    templates = rows_of(tmp_path / "templates.csv")
    assert {row["machine"] for row in templates} == set(TEMPLATES) <= set(machines)
    eie = read_design(tmp_path / "eie_template.json")
    assert eie.hardware["pe_rows"] == 64
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert record["cpu"]["energy"] == "5 W a busy core, as given"
    assert min(imread(tmp_path / "baselines.png").shape[:2]) >= 600
    for words in ("Measured: time on", "everything else is modelled", "1/70 of the energy", "Eyeriss v2"):
        assert words in said


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--cpu-watts", "0"], ["--cpu-watts", "above 0"]),
        (["--threads", "0"], ["--threads", "at least 1"]),
        (["--measure-s", "-1"], ["--measure-s"]),
        (["--design", "nowhere.json:1"], ["nowhere.json"]),
    ],
)
def test_mistakes_are_one_sentence(args: list[str], words: list[str], tmp_path: Path, capsys):
    assert main(baselines.run, baselines.Config, [*args, "--smoke", "--out", str(tmp_path)]) == USAGE_ERROR
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in words)
