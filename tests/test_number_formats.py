"""What values are: told from files, chosen for machines, and priced by width."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import save_file

from dse import Design, Encoding, default_space
from dse.analysis.machine_box import MachineBox
from dse.space.encoding import KernelShape
from experiments.common.scenario import ScenarioOptions
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.technology import NUMBER_FORMATS, make_technology, scenario
from hwmodels.technology.number_formats import sum_bits
from workloads import InputError, SparseKernel, Workload, resolve_workload

COORDINATES = "%%MatrixMarket matrix coordinate {} general\n2 2 2\n1 1 {}\n2 2 {}\n"
PLACES = np.array([[0.0, 0.5], [2.0, 0.0]])


def built(**widths: float) -> Design:
    """A design of these widths."""
    encoding = Encoding(default_space(), [KernelShape("k", "dense_b", 4, 4, 4)])
    return encoding.design(encoding.random(np.random.default_rng(0), 1)[0]).with_(**widths)


def of_text(text: str):
    return lambda path: path.write_text(text)


def of_sparse(dtype: type, values=(0.5, 2.0)):
    return lambda path: sp.save_npz(path, sp.csr_array((np.array(values, dtype), ([0, 1], [1, 0])), shape=(2, 2)))


def of_dense(dtype: type):
    return lambda path: np.save(path, PLACES.astype(dtype))


FILES = {
    "real.mtx": (of_text(COORDINATES.format("real", "0.5", "-3e7")), "real"),
    "whole_reals.mtx": (of_text(COORDINATES.format("real", "4", "-1")), "real"),
    "ones.mtx": (of_text(COORDINATES.format("real", "1", "1.0")), "pattern"),
    "pruned.mtx": (
        of_text(COORDINATES.format("real", "4.5", "-1").replace("\n2", "\n% a pruned layer\n2", 1)),
        "integer",
    ),
    "integer.mtx": (of_text(COORDINATES.format("integer", "3", "7")), "integer"),
    "pattern.mtx": (of_text(COORDINATES.format("pattern", "", "")), "pattern"),
    "doubles.npz": (of_sparse(np.float64), "real"),
    "singles.npz": (of_sparse(np.float32), "real"),
    "ones.npz": (of_sparse(np.float64, (1, 1)), "pattern"),
    "bools.npz": (of_sparse(bool), "pattern"),
    "counts.npz": (of_sparse(np.int32, (3, 7)), "integer"),
    "doubles.npy": (of_dense(np.float64), "real"),
    "halves.npy": (of_dense(np.float16), "integer"),
    "edges.txt": (of_text("0 1\n1 2\n2 0\n"), "pattern"),
    "counted_edges.txt": (of_text("0 1 3\n1 2 4\n2 0 9\n2 1 5\n"), "integer"),
    "weighed_edges.txt": (of_text("0 1 0.25\n1 2 0.5\n2 0 0.75\n"), "real"),
    "net.safetensors": (lambda path: save_file({"fc.weight": PLACES.astype(np.float32)}, path), "integer"),
    "layer.smtx": (of_text("2, 2, 2\n0 1 2\n0 1\n"), "pattern"),
    "layers.csv": (of_text("name,M,N,K,density\nfc,16,16,16,0.5\n"), "integer"),
}


@pytest.mark.parametrize("name", FILES)
def test_numbers_are_told_from_files_and_decide_what_is_computed_with(name: str, tmp_path: Path, capsys) -> None:
    write, numbers = FILES[name]
    write(tmp_path / name)
    workload = resolve_workload(str(tmp_path / name))
    assert {kernel.numbers for kernel in workload.kernels} == {numbers}
    technology, chosen = ScenarioOptions().built_for(workload)
    assert chosen is NUMBER_FORMATS["fp32" if numbers == "real" else "int8"]
    assert float(technology.scenario.float_fraction) == (numbers == "real")
    told = capsys.readouterr().out
    assert f"Arithmetic: {chosen.name} with sums of {chosen.accumulator_bits} bits (" in told
    assert numbers != "real" or f"{name}@spmm:64 is of real numbers" in told
    _, forced = ScenarioOptions(arithmetic="int16").built_for(workload)
    assert forced is NUMBER_FORMATS["int16"]


def test_one_real_operand_is_enough(tmp_path: Path) -> None:
    for name in ("real.mtx", "pattern.mtx"):
        FILES[name][0](tmp_path / name)
    (kernel,) = resolve_workload(f"{tmp_path}/pattern.mtx@axb:{tmp_path}/real.mtx").kernels
    assert kernel.numbers == "real"


def test_embedded_suites_and_networks_run_quantised() -> None:
    for spec in ("embedded", "digits_sparse", "resnet50"):
        assert all(kernel.numbers != "real" for kernel in resolve_workload(spec).kernels)


def test_a_design_keeps_its_arithmetic_and_mistakes_are_one_sentence() -> None:
    workload = Workload("w", (SparseKernel("k", sp.csr_array(np.eye(4)), None, 4, numbers="real"),))
    stored = {"float_fraction": 1.0, "bfloat_fraction": 1.0}
    wide = built(value_bits=16, accumulator_bits=32)
    technology, numbers = ScenarioOptions().built_for(workload, wide, stored)
    assert (numbers.name, numbers.accumulator_bits) == ("bf16", 32)
    assert float(technology.scenario.bfloat_fraction) == 1
    with pytest.raises(InputError, match="--arithmetic fp32 has values of 32 bits, but the design of 16; leave it out"):
        ScenarioOptions(arithmetic="fp32").built_for(workload, wide, stored)
    with pytest.raises(InputError, match="--arithmetic 'int7' is unknown; choose one of: int4, int8"):
        ScenarioOptions(arithmetic="int7").build()
    with pytest.raises(InputError, match="--arithmetic fp16: networks are rounded to integers here; give int4 or int8"):
        ScenarioOptions(arithmetic="fp16").integers((4, 8))


def test_wider_numbers_cost_more_and_floats_more_than_integers() -> None:
    def mac(name: str) -> tuple[float, float]:
        numbers = NUMBER_FORMATS[name]
        model = make_technology(scenario(arithmetic=numbers.arithmetic))
        widths = numbers.value_bits, numbers.accumulator_bits
        return float(model.mac_energy_pj(*widths)), float(model.mac_area_mm2(*widths))

    for rising in (("int4", "int8", "int16", "fp16", "fp32", "fp64"), ("int16", "bf16", "fp16")):
        costs = [mac(name) for name in rising]
        assert all(a < b for less, more in pairwise(costs) for a, b in zip(less, more, strict=True))


def test_sums_follow_the_values_that_are_searched() -> None:
    shape = KernelShape("k", "dense_b", 64, 64, 16)
    held = {name: default_space().values(name)[0] for name in HARDWARE_NUMBERS if not name.endswith("r_bits")}
    free = default_space().fix(**{**held, "value_bits": (16, 4, 8)})
    encoding = Encoding(free, [shape])
    assert free.values("accumulator_bits") == tuple(sum_bits(v) for v in (4, 8, 16)) == (16, 24, 40)
    rows = encoding.random(np.random.default_rng(0), 64)
    batch, at = encoding.batch(rows), [HARDWARE_NUMBERS.index(n) for n in ("value_bits", "accumulator_bits")]
    assert set(map(tuple, batch.hardware[:, at].astype(int).tolist())) == {(4, 16), (8, 24), (16, 40)}
    assert (encoding.values(rows, encoding.column(-1, "accumulator_bits")) == batch.hardware[:, at[1]]).all()
    designs = [encoding.design(row) for row in rows]
    assert all(design.hardware["accumulator_bits"] == sum_bits(design.hardware["value_bits"]) for design in designs)
    assert all((encoding.genome(design) == row).all() for design, row in zip(designs, rows, strict=True))
    whole = MachineBox.of(encoding)
    assert whole.count == 3
    assert [tuple(box.least[at]) for box in whole.cut()] == [(4, 16), (8, 24), (16, 40)]

    assert default_space().fix(accumulator_bits=32, value_bits=(4, 16)).values("accumulator_bits") == (32,)
    assert default_space().fix(value_bits=(4, 16), accumulator_bits=32).values("accumulator_bits") == (32,)
    floats = default_space(numbers=NUMBER_FORMATS["fp16"])
    assert (floats.values("value_bits"), floats.values("accumulator_bits")) == ((16,), (32,))
    assert floats.fix(value_bits=(8, 16)).values("accumulator_bits") == (32,)
