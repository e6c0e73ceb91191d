"""One record a fact: what follows from the records of formats, choices and numbers agrees with what is built."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

from dse import Design, default_space
from dse.mapper import mapping_space
from dse.space.design_space import parameter_help
from hwmodels import Exact, Hardware, Mapping
from hwmodels.analytical import intersection as modelled
from hwmodels.design import choices
from hwmodels.design.choices import INTERSECTIONS, one_hot
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    CAPABILITY_RECORDS,
    DEFAULTS,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    NUMBER_RECORDS,
    PARTS_USED,
    UNITS,
)
from hwmodels.formats.encoders import encode, widths_of
from hwmodels.formats.encoders.positional import fullest_group
from hwmodels.formats.encoders.tile import CODECS
from hwmodels.formats.records import FORMAT_OF, FORMAT_RECORDS, FORMATS, STAND_INS
from hwmodels.formats.sizes import TileSums, has_mask, has_runs, is_dense, rows_addressable, storage
from hwmodels.simulator import intersection as simulated
from hwmodels.systems.template_designs import EIE
from workloads import InputError
from workloads.statistics.elementwise_counts import STEPS

VALUE_BITS = 8
GROUP_SIZES = (1, 2, 4, 8)
NAMED = {
    choices.DATAFLOWS: ("INNER_PRODUCT", "GUSTAVSON", "OUTER_PRODUCT"),
    choices.ZERO_MODES: ("COMPUTE", "GATE", "SKIP"),
    choices.INTERSECTIONS: ("TWO_FINGER", "LEADER_FOLLOWER", "SKIP_AHEAD", "BITMASK_AND"),
    choices.SCHEDULES: ("ROW_BLOCKS", "CYCLIC", "BALANCED"),
    choices.RESIDENCIES: ("HOLDS_B", "HOLDS_BOTH", "FETCHES_B"),
}


def scalar(value: float) -> jnp.ndarray:
    return jnp.asarray(float(value), jnp.float32)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("height", "width", "density"), [(1, 1, 1.0), (5, 16, 0.3), (9, 64, 0.02), (7, 33, 0.6)])
def test_the_size_of_a_record_is_what_its_encoder_makes(format: str, height: int, width: int, density: float):
    rng = np.random.default_rng(height * width)
    tile = np.where(rng.random((height, width)) < density, 1.0, 0.0)
    widths = widths_of(VALUE_BITS, height, width)
    encoded = encode(tile, format, widths)
    nonzeros = np.count_nonzero(tile)
    stored = storage(
        one_hot(format, FORMATS),
        Exact(),
        tile_width=scalar(width),
        value_bits=scalar(VALUE_BITS),
        row_bits=scalar(widths.row),
        column_bits=scalar(widths.column),
        pointer_bits=scalar(widths.pointer),
        group_occupancy=jnp.log2(jnp.array([[max(fullest_group(tile, size), 1)] for size in GROUP_SIZES], float)),
    )
    padding = encoded.values.size - nonzeros if FORMAT_OF[format].run_bits else 0
    blocks = encoded.values.size // 16 if format == "bcsr" else 0
    sums = TileSums(*map(scalar, (1, nonzeros, padding, height, width, height * width, blocks, -(-height // 4))))
    assert float(stored.values_bits(sums)) == pytest.approx(encoded.value_bits, rel=1e-6)
    assert float(stored.metadata_bits(sums)) == pytest.approx(encoded.metadata_bits, rel=1e-6)


def test_every_format_is_encoded_and_decoded():
    assert set(CODECS) == set(FORMATS)
    for record in FORMAT_RECORDS:
        assert record.help
        assert sum(record.decoder) > 0
        assert (record.values == "slot") == (record.group > 0)
        assert (record.values == "block") == (record.block > 0)


def test_a_stand_in_walks_the_other_order():
    one_ordered = {record.name: record.order for record in FORMAT_RECORDS if record.order != "either"}
    assert set(STAND_INS) == set(one_ordered)
    assert all(one_ordered[STAND_INS[name]] != order for name, order in one_ordered.items())


def test_addressable_rows_by_weights():
    found = {name for name in FORMATS if float(rows_addressable(one_hot(name, FORMATS))) == 1.0}
    assert found == {record.name for record in FORMAT_RECORDS if record.rows_addressable}
    assert float(rows_addressable(jnp.full(len(FORMATS), 1 / len(FORMATS)))) == pytest.approx(len(found) / len(FORMATS))


def test_properties_of_formats_by_weights():
    for weight_of, names in ((is_dense, {"dense"}), (has_mask, {"bitmask"}), (has_runs, {"rle"})):
        assert {name for name in FORMATS if float(weight_of(one_hot(name, FORMATS))) == 1.0} == names
        assert float(weight_of(jnp.full(len(FORMATS), 0.125))) == 0.125


def test_named_indices_are_those_of_the_names():
    for names, indices in NAMED.items():
        assert [getattr(choices, index) for index in indices] == list(range(len(names)))


def test_every_field_of_a_design_has_a_record():
    fields = [[field.name for field in dataclasses.fields(kind)] for kind in (Hardware, Mapping)]
    assert fields[0] == [*HARDWARE_NUMBERS, *HARDWARE_CHOICES, *CAPABILITY_RECORDS]
    assert fields[1] == [*MAPPING_NUMBERS, *MAPPING_CHOICES, "dataflow"]
    assert {"dataflows", *CAPABILITY_OF.values()} == set(CAPABILITY_RECORDS)
    assert [name for name in MAPPING_CHOICES if name in CAPABILITY_OF] == list(CAPABILITY_OF)


@pytest.mark.parametrize("name", [*HARDWARE_NUMBERS, *MAPPING_NUMBERS])
def test_every_number_has_unit_bounds_source_and_help(name: str):
    record = NUMBER_RECORDS[name]
    assert all((record.help, record.source, record.unit == UNITS[name]))
    low, high = record.bounds
    assert 1 <= low <= high
    assert math.log2(high / low).is_integer()
    assert record.stress[0] < record.stress[1] or name in PARTS_USED
    assert (default_space()[name].values[0], default_space()[name].values[-1]) == record.bounds


@pytest.mark.parametrize("name", INTERSECTIONS)
def test_every_intersection_unit_has_steps_energy_and_area(name: str, tech):
    unit, index = one_hot(name, INTERSECTIONS), INTERSECTIONS.index(name)
    assert float(tech.intersection_step_pj(unit, 16.0)) > 0
    assert float(tech.intersection_area_mm2(unit, 16.0)) > 0

    def of_model(steps, **counts) -> float:
        return float(
            steps(unit, **{name: value if name == "counted" else scalar(value) for name, value in counts.items()})
        )

    pairs, of_a, of_b, matches, jumps, words = 3, 11, 13, 5, 9, 2
    walk = jumps + simulated.WALK_ENDS * pairs
    counted = {"two_finger": scalar(of_a + of_b - matches + pairs), "leader_follower": scalar(of_a)}
    counted["skip_ahead"] = scalar(walk)
    found = simulated.steps_of_pairs(index, pairs, of_a, of_b, matches, jumps, words)
    sizes = {"pairs": pairs, "a_elements": of_a, "b_elements": of_b, "matches": matches, "jumps": walk}
    assert found > 0
    assert of_model(modelled.steps_of_pairs, **sizes, words=words) == found
    merged = {"pairs": pairs, "operations": matches, "words": words}
    assert of_model(modelled.steps_of_merged_pairs, counted=counted, **merged) == found
    found = simulated.steps_of_union(index, of_a, 100)
    united = {"two_finger": of_a + 1, "leader_follower": 100, "skip_ahead": of_a + 1}
    assert set(united) == set(STEPS)
    united = {"counted": {name: scalar(value) for name, value in united.items()}}
    united |= {"pairs": 1, "operations": of_a, "words": words}
    assert found > 0
    assert of_model(modelled.steps_of_merged_pairs, **united) == found


@pytest.mark.parametrize("name", INTERSECTIONS)
def test_steps_of_many_pairs_are_bounded_as_the_simulator_takes_it(name: str):
    """More rows, columns or entries never take less; where the fullest decides, no other hand takes longer."""
    rng, index = np.random.default_rng(1), INTERSECTIONS.index(name)
    hands = [(rows, rows + int(rng.integers(9))) for rows in rng.integers(1, 9, 30)]
    lanes = [(columns, columns + int(rng.integers(9))) for columns in rng.integers(1, 9, 30)]
    steps = [simulated.steps_of_all_pairs(index, *hand, *lane, 0, 2) for hand in hands for lane in lanes]
    most = simulated.steps_of_all_pairs(index, *np.max(hands, axis=0), *np.max(lanes, axis=0), 0, 2)
    assert max(steps) <= most
    if simulated.fullest_decides(index):
        assert max(steps) == most
        assert simulated.steps_of_all_pairs(index, 0, 0, 0, 0, 1, 2) >= 0


DEFAULT_HARDWARE = {"dram": "scenario", "dram_channels": 1.0, "glb_cell": "low_power"}
"""What hardware has that does not name it."""


def test_a_number_with_a_default_need_not_be_named(monkeypatch):
    hardware = {name: value for name, value in EIE.hardware.items() if name != "glb_banks"}
    mapping = EIE.mapping(True, loop_order="mkn", tile_m=64.0, tile_k=64.0, tile_n=64.0)
    with pytest.raises(InputError, match="hardware lacks 'glb_banks'; add it"):
        Design(hardware, (mapping,), ("spmm",))
    monkeypatch.setitem(DEFAULTS, "glb_banks", 16.0)
    monkeypatch.setitem(DEFAULTS, "tile_n", 8.0)
    design = Design(hardware, ({name: value for name, value in mapping.items() if name != "tile_n"},), ("spmm",))
    assert design.hardware["glb_banks"] == 16.0
    built, (run,) = design.checked(("dense_b",)).build()
    assert (float(built.glb_banks), float(run.tile_n), float(run.tile_m)) == (16.0, 8.0, 64.0)
    assert mapping_space(default_space(), hardware)["glb_banks"].values == (16.0,)
    assert Design(EIE.hardware, (mapping,), ("spmm",)).hardware == DEFAULT_HARDWARE | EIE.hardware


def test_help_of_a_space_tells_each_parameter():
    lines = parameter_help(default_space().fix(lanes=4)).splitlines()
    assert len(lines) == len(default_space().parameters)
    assert lines[0] == "pe_rows: 1 to 64 PEs (given: up to 1,048,576); rows of the PE array"
    assert "lanes: 4 MACs (given: up to 16,384); MACs of a PE" in lines
    assert "residency: b, ab, fetch; what is held in the PE buffers" in lines
