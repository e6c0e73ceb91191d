"""Bounds follow the workload, and a front that lies on one says so with the option that widens it."""

from types import SimpleNamespace

import numpy as np
import pytest

from dse import Encoding, at_bounds, default_space, parse_fixes
from dse.space.defaults import workload_reach
from dse.space.encoding import KernelShape
from experiments.common.front.text import bounds_story
from hwmodels.design.hardware import NUMBER_RECORDS
from workloads import resolve_workload

SMALL = [KernelShape("layer", "dense_b", 40, 16, 8)]


def workload(*shapes: KernelShape) -> SimpleNamespace:
    return SimpleNamespace(name="shapes", kernels=shapes)


def test_a_small_workload_has_the_space_of_published_machines():
    assert default_space(workload(*SMALL)) == default_space()


@pytest.mark.parametrize("rows", [1000, 4096, 14336])
def test_a_matrix_of_many_rows_may_use_as_many_pe_rows_up_to_the_ceiling(rows: int):
    kernel = KernelShape("layer", "dense_b", rows, 4096, 1)
    space, narrow = default_space(workload(kernel)), default_space()
    assert space["pe_rows"].values[-1] == min(4096, 2 ** int(np.ceil(np.log2(rows))))
    for parameter in space.parameters:
        assert set(narrow[parameter.name].values) <= set(parameter.values)
    for name, reach in workload_reach([kernel]).items():
        record = NUMBER_RECORDS[name]
        assert space[name].values[-1] >= min(reach, record.ceiling)
        assert space[name].values[-1] <= record.ceiling
        assert ("at most" in space[name].source) == (space[name].values[-1] > record.bounds[1])


def test_a_matrix_vector_product_may_use_pe_columns_and_lanes():
    """By columns on m and lanes on k; with one row and one product there is nothing to divide."""
    reach = workload_reach([KernelShape("layer", "dense_b", 300, 200, 1)])
    assert (reach["pe_rows"], reach["pe_cols"], reach["lanes"]) == (300, 300, 200)
    alone = workload_reach([KernelShape("dot", "dense_b", 1, 1, 1)])
    assert (alone["pe_rows"], alone["pe_cols"], alone["lanes"]) == (1, 1, 1)


def test_the_decoder_of_a_language_model_is_not_held_to_64_rows():
    assert default_space(resolve_workload("llama3-8b:decode:wanda50"))["pe_rows"].values[-1] == 4096


def front_with(encoding: Encoding, **values: list[float]) -> np.ndarray:
    """A design for each value, everything else in the middle of its values."""
    count = max(map(len, values.values()))
    rows = np.tile(encoding.radix // 2, (count, 1)).astype(np.int32)
    for name, column in (
        (name, [c for c, g in enumerate(encoding.genes) if g.parameter.name == name]) for name in values
    ):
        for at in column:
            rows[:, at] = [encoding.genes[at].values.index(value) for value in values[name]]
    return rows


def test_a_bound_on_much_of_the_front_is_named_with_what_widens_it():
    encoding = Encoding(default_space(), [KernelShape("layer", "dense_b", 4096, 4096, 64)])
    found = at_bounds(encoding, front_with(encoding, pe_rows=[64, 64, 32, 16], glb_bytes=[65536] * 3 + [131072]))
    assert [(one.name, one.value, one.upper, one.share) for one in found] == [
        ("glb_bytes", 65536, False, 0.75),
        ("pe_rows", 64, True, 0.5),
    ]
    text = bounds_story(found)
    option = next(line.split("--fix ")[1] for line in text.splitlines() if "--fix pe_rows" in line)
    wider = default_space().fix(**parse_fixes([option]))["pe_rows"].values
    assert wider == (*default_space()["pe_rows"].values, 128, 256)
    assert "at its greatest, 64, on 50% of the front" in text


def test_both_ends_share_an_option():
    encoding = Encoding(default_space().fix(value_bits=[4, 8]), SMALL)
    found = at_bounds(encoding, front_with(encoding, value_bits=[4, 8]))
    assert [one.upper for one in found] == [False, True]
    assert {one.wider for one in found} == {(1, 2, 4, 8, 16, 32)}
    assert bounds_story(found).count("--fix") == 1


def test_natural_bounds_are_not_named():
    """One PE column, tiles and arrays as large as the kernel, a single value, and a tenth of the front."""
    encoding = Encoding(default_space().fix(lanes=4), SMALL)
    rows = front_with(
        encoding, pe_rows=[64] * 10, pe_cols=[1] * 10, tile_m=[64] * 10, tile_n=[8] * 10, glb_banks=[512] + [32] * 9
    )
    assert at_bounds(encoding, rows) == []
    assert at_bounds(encoding, rows[:0]) == []
    assert bounds_story([]) == ""


def test_a_kernel_with_values_of_its_own_is_named_by_them():
    encoding = Encoding(default_space().fix(**{"layer.tile_k": [16, 32]}), [KernelShape("layer", "dense_b", 40, 60, 8)])
    found = at_bounds(encoding, front_with(encoding, tile_k=[32, 32]))
    assert [(one.name, one.wider) for one in found] == [("layer.tile_k", (16, 32, 64, 128))]
