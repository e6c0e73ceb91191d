"""What a user at a Python prompt does: changes by name, arguments of the wrong kind, printing what a design costs.

Calls with arguments of a wrong kind are made without the run-time checks that the tests put around every function.
"""

import dataclasses
from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dse import Design, change_design, default_space, make_problem, parse_changes
from hwmodels import FITS, evaluate, scenario, stack
from hwmodels.design.choices import FORMATS, INTERSECTIONS, name_of
from workloads import SparseKernel, Workload, as_workload, generators, measure
from workloads.errors import InputError

HARDWARE = {
    "pe_rows": 4.0,
    "pe_cols": 4.0,
    "lanes": 2.0,
    "glb_bytes": 65536.0,
    "glb_banks": 16.0,
    "pe_buffer_bytes": 1024.0,
    "accumulator_bytes": 256.0,
    "index_bus_bits": 64.0,
    "value_bus_bits": 64.0,
    "value_bits": 8.0,
    "accumulator_bits": 24.0,
    "intersection": "leader_follower",
}
MAPPING = {
    "dataflow": "gustavson",
    "tile_m": 16.0,
    "tile_k": 16.0,
    "tile_n": 16.0,
    "loop_order": "mkn",
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
    "a_format": "csr",
    "b_format": "dense",
    "a_zero": "skip",
    "b_zero": "compute",
    "schedule": "row_blocks",
}
DESIGN = Design(HARDWARE, (MAPPING, MAPPING), ("conv1", "graph"))
FAMILIES = ("dense_b", "sparse_b")


def test_a_design_is_changed_by_name_as_from_a_command_line():
    changed = DESIGN.with_(
        FAMILIES, index_bus_bits=128, a_format="coo", b_format="csr", **{"conv1.tile_m": np.int64(8)}
    )
    texts = ["index_bus_bits=128", "a_format=coo", "b_format=csr", "conv1.tile_m=8"]
    assert changed == change_design(DESIGN, FAMILIES, parse_changes(texts))
    assert changed.hardware == DESIGN.hardware | {"index_bus_bits": 128.0}
    conv, graph = changed.mappings
    assert conv == DESIGN.mappings[0] | {"a_format": "coo", "tile_m": 8.0}, "a dense B keeps its format"
    assert graph == DESIGN.mappings[1] | {"a_format": "coo", "b_format": "csr"}
    assert [m["b_format"] for m in DESIGN.with_(b_format="csr").mappings] == ["csr", "csr"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pe_row": 8}, r"Design.with_ pe_row: there is no parameter 'pe_row'; did you mean 'pe_rows'"),
        ({"pe_rows": "8"}, r"pe_rows = '8' is not a whole number of at least 1"),
        ({"pe_rows": True}, "not a whole number"),
        ({"pe_rows": float("nan")}, "not a whole number"),
        ({"a_format": "cssr"}, r"a_format = 'cssr' is unknown; choose one of: dense"),
        ({"a_format": 3}, "choose one of: dense"),
        ({"conv.tile_m": 8}, "there is no kernel 'conv'; did you mean 'conv1'"),
        ({"conv1.pe_rows": 8}, "belongs to the hardware"),
    ],
)
def test_changes_that_no_design_has_are_refused(changes, said):
    with pytest.raises(InputError, match=said):
        DESIGN.with_(**changes)


def test_no_design_holds_what_cannot_be_built():
    for fields, said in [
        ({**HARDWARE, "pe_row": 8.0}, "hardware has no field 'pe_row'; did you mean 'pe_rows'"),
        ({"pe_rows": 8.0}, "hardware lacks 'pe_cols'; add it"),
        ({**HARDWARE, "lanes": -1.0}, "lanes = -1.0 is not a whole number"),
    ]:
        with pytest.raises(InputError, match=said):
            dataclasses.replace(DESIGN, hardware=fields)
    with pytest.raises(InputError, match="mapping of 'graph' lacks 'schedule'"):
        dataclasses.replace(DESIGN, mappings=(MAPPING, {k: v for k, v in MAPPING.items() if k != "schedule"}))


def test_hardware_and_mappings_are_changed_by_name(tech, measured):
    hardware, (mapping, _) = DESIGN.build()
    other = hardware.with_(pe_rows=8, intersection="bitmask", a_formats=("csr", "coo"))
    assert float(other.pe_rows) == 8
    assert name_of(other.intersection, INTERSECTIONS) == "bitmask"
    assert [name for name, has in zip(FORMATS, other.a_formats, strict=True) if has] == ["csr", "coo"]
    assert name_of(mapping.with_(a_format="coo").a_format, FORMATS) == "coo"
    assert mapping.with_(dataflow="outer_product").dataflow == "outer_product"

    def latency(rows):
        return evaluate(hardware.with_(pe_rows=rows), mapping, measured["dense_b"][0], tech).latency_s

    assert jnp.isfinite(jax.jit(jax.grad(latency))(jnp.float32(4.0))), "gradients pass through"
    for change, said in [
        (lambda: hardware.with_(pe_row=8), "Hardware.with_: there is no field 'pe_row'; did you mean 'pe_rows'"),
        (lambda: hardware.with_(pe_rows="many"), "pe_rows = 'many' is not a whole number"),
        (lambda: hardware.with_(a_formats=("csr", "zip")), "a_format = 'zip' is unknown; choose one of"),
        (lambda: mapping.with_(dataflow="systolic"), "dataflow = 'systolic' is unknown; choose one of"),
    ]:
        with pytest.raises(InputError, match=said):
            change()


def test_evaluate_says_what_to_give_instead(kernels, measured, tech):
    hardware, mappings = DESIGN.build()
    kernel, tables = kernels["dense_b"][0], measured["dense_b"][0]
    for arguments, said in [
        ((hardware, mappings[0], kernel, tech), "kernel is a SparseKernel; measure it first"),
        ((hardware, mappings[0], Workload("one", (kernel,)), tech), "measured: workloads.measure"),
        ((hardware, mappings, tables, tech), "mapping is a list; give one, and batch with jax.vmap"),
        ((mappings[0], hardware, tables, tech), "hardware is a Mapping; give hardware, mapping, statistics"),
        ((hardware, mappings[0], tables, scenario()), "technology is a Scenario; make a technology of it"),
    ]:
        with pytest.raises(InputError, match=said):
            unwrap(evaluate)(*arguments)


def test_a_problem_takes_what_names_a_workload(tech):
    one, two = (SparseKernel(name, generators.uniform(16, 16, 0.2, 0), None, 8) for name in ("one", "two"))
    space = default_space()
    assert [kernel.name for kernel in make_problem([one, two], space, tech).kernels] == ["one", "two"]
    assert make_problem(one, space, tech).workload == "one"
    assert len(as_workload("stencil").kernels) == 1
    assert len(as_workload(["stencil", "nm24"]).kernels) == 2
    for arguments, said in [
        ((one.a, space, tech), "A matrix alone is no workload; say what it is multiplied with: SparseKernel"),
        (("embeded", space, tech), "no such path and no workload of that name"),
        (([], space, tech), "A list without kernels is no workload"),
        ((measure(one), space, tech), "A DenseBStatistics is no workload; give a Workload, kernels, or a name"),
        ((one, tech, space), "The space is a Technology; give a DesignSpace"),
        ((one, space, scenario()), "The technology is a Scenario; make one: make_technology"),
    ]:
        with pytest.raises(InputError, match=said):
            unwrap(make_problem)(*arguments)


def test_costs_print_as_tables(measured, tech):
    hardware, (mapping, _) = DESIGN.build()
    cost = jax.jit(evaluate)(hardware, mapping, measured["dense_b"][0], tech)
    text = str(cost)
    assert repr(cost) == text
    first = {line.split("  ")[0]: line for line in text.splitlines()[:8]}
    assert list(first) == ["latency", "energy", "area", "power", "EDP", "bottleneck", "MACs in use", "fits"]
    assert f"{float(cost.cycles):.6g} cycles" in first["latency"]
    assert cost.bottleneck in first["bottleneck"]
    assert first["fits"].split()[2] in FITS
    for part in (name for names in cost.parts().values() for name in names):
        assert part in text
    assert max(map(len, text.splitlines())) < 100

    many = stack([hardware.with_(pe_rows=rows) for rows in (1, 2, 4)])
    costs = jax.jit(jax.vmap(evaluate, in_axes=(0, None, None, None)))(many, mapping, measured["dense_b"][0], tech)
    assert str(costs).startswith("3 costs, stacked as [3]\n")
    assert "median" in str(costs)
    assert f"fits: {sum(bool((one <= 1).all()) for one in np.asarray(costs.fits))} of 3" in str(costs)
    assert "latency_s=ShapeDtypeStruct" in str(jax.eval_shape(lambda: cost)), "costs without values show shapes"
    empty = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), costs)
    assert "nan" in str(empty)
