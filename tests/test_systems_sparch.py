"""SpArch: what its design parameters do, its horizon of reuse, and its merge order against another."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from hwmodels.systems import Work, work_of
from hwmodels.systems.sparch import SpArch
from workloads import SparseKernel
from workloads.generators import rmat

MACHINE = SpArch()
ENRON = Work(36692.0, 36692.0, 36692.0, 367662.0, 367662.0, 51501448.0, 30492154.0)  # TeAAL's artifact
CONDMAT = Work(23133.0, 23133.0, 23133.0, 186936.0, 186936.0, 4127524.0, 2355437.0)


@pytest.mark.parametrize(("field", "values"), [("merge_layers", (3, 5, 8)), ("buffer_lines", (256, 1024, 4096)),
                                           ("line_elements", (12, 48, 96)), ("look_ahead", (512, 8192, 65536)),
                                           ("comparators", (1, 4, 16))])  # fmt: skip
@pytest.mark.parametrize("work", [ENRON, CONDMAT], ids=["enron", "condmat"])
def test_more_of_anything_is_never_slower_nor_moves_more(work, field, values):
    machines = [replace(MACHINE, **{field: value}) for value in values]
    moved = [sum(machine.traffic_bytes(work).values()) for machine in machines]
    times = [float(machine.cost(work).latency_s) for machine in machines]
    if field != "merge_layers":  # leaves take lines of the buffer
        assert np.all(np.diff(moved) <= 0)
        assert np.all(np.diff(times) <= 1e-12)
    assert np.all(np.diff([machine.partial_elements(work) for machine in machines]) <= 0)


def test_the_horizon_fills_the_buffer():
    log_all = np.log(ENRON.a_nonzeros)
    rows = MACHINE.buffer_lines / MACHINE.lines_per_row(ENRON) - MACHINE.ways
    near = replace(MACHINE, look_ahead=256)
    reach = near.horizon(ENRON)
    kept = reach - near.look_ahead
    assert reach / log_all + kept * (1 - np.log(reach) / log_all) == pytest.approx(rows)
    assert replace(MACHINE, look_ahead=10**6).horizon(ENRON) == pytest.approx(rows * log_all)
    assert near.miss_share(ENRON) > MACHINE.miss_share(ENRON)


def test_smallest_first_writes_less_than_neighbours_and_nothing_where_one_round_does():
    first, neighbours = MACHINE.partial_elements(ENRON), replace(MACHINE, huffman=False).partial_elements(ENRON)
    assert 0 < first < neighbours
    assert replace(MACHINE, merge_layers=12).partial_elements(CONDMAT) == 0


def test_huffmans_rounds_by_hand():
    # six columns of 6, 5, 4, 3, 2, 1 products that never collide, three ways: 1 + 2, then 3 + 3 + 4
    counts = [6, 5, 4, 3, 2, 1]
    rows = np.concatenate([np.arange(count) for count in counts])
    cols = np.repeat(np.arange(6), counts)
    a = csr_array((np.ones(len(rows)), (rows, cols)), shape=(6, 6))
    work = work_of(SparseKernel("stairs", a, csr_array(np.eye(6)), 6))
    four_ways = replace(MACHINE, merge_layers=2)
    assert np.array_equal(four_ways.columns(work), counts)
    assert four_ways.partial_elements(work) == pytest.approx(1 + 2 + 3)  # three columns, then the last round of four


def test_condensed_columns_of_a_pattern_are_those_of_its_row_lengths():
    square = rmat(9, 8, seed=1)
    work = work_of(SparseKernel("rmat", square, square, square.shape[1]))
    columns = MACHINE.columns(work)
    assert len(columns) == np.diff(work.kernel.a.indptr).max() if work.kernel else False
    assert columns.sum() == work.multiplies
