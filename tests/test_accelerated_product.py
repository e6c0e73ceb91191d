"""`accelerate`: every way to store a matrix, the right product, the fallback to dense execution, what is refused."""

import numpy as np
import pytest
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import coo_array, coo_matrix, csc_array, csr_array

from dse import Design
from dse.accelerated_product import accelerate
from workloads import InputError, generators

HARDWARE = {
    "pe_rows": 4.0,
    "pe_cols": 4.0,
    "lanes": 2.0,
    "glb_bytes": 65536.0,
    "glb_banks": 8.0,
    "pe_buffer_bytes": 1024.0,
    "accumulator_bytes": 512.0,
    "index_bus_bits": 64.0,
    "value_bus_bits": 128.0,
    "value_bits": 8.0,
    "accumulator_bits": 32.0,
    "intersection": "skip_ahead",
}
MAPPING = {
    "tile_m": 64.0,
    "tile_k": 64.0,
    "tile_n": 32.0,
    "loop_order": "mkn",
    "residency": "b",
    "columns_on": "n",
    "lanes_on": "n",
    "a_format": "csr",
    "b_format": "csr",
    "a_zero": "skip",
    "b_zero": "skip",
    "schedule": "balanced",
    "dataflow": "gustavson",
}
DESIGN = Design(HARDWARE, (MAPPING,), ("graph",))
A = csr_array(generators.uniform(96, 96, 0.03, 0))
STORED = {
    "numpy": lambda x: x,
    "csr": csr_array,
    "coo": coo_array,
    "csc": csc_array,
    "coo_matrix": coo_matrix,
    "bcoo": lambda x: BCOO.fromdense(x.astype(np.float32), nse=np.count_nonzero(x) + 3),
    "bcsr": lambda x: BCSR.fromdense(x.astype(np.float32)),
}


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")


@pytest.mark.parametrize("stored", STORED)
def test_every_way_to_store_a_matrix_gives_the_product(stored: str, tech):
    values = np.round(A.toarray(), 2).astype(np.float32).astype(float)
    done = accelerate(STORED[stored](values), STORED[stored](values), DESIGN, technology=tech)
    expected = values @ values
    result = done.result if isinstance(done.result, np.ndarray) else done.result.toarray()
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)
    if stored != "numpy":  # a dense B is taken as it is
        assert not done.dense
        assert done.message.startswith("Run sparse: by the model, latency ")
        assert isinstance(done.result, csr_array)
    assert float(done.cost.cycles) == done.simulation.run.cycles


def test_a_vector_gives_a_vector(tech):
    b = np.arange(96.0)
    done = accelerate(A, b, DESIGN, technology=tech)
    np.testing.assert_allclose(done.result, A @ b, rtol=1e-12)
    assert done.mapping["b_format"] == "dense"


def test_a_full_matrix_is_run_dense_and_said_to_be(tech):
    full = np.random.default_rng(0).uniform(1, 2, (64, 64))
    for b in (full, csr_array(full)):
        done = accelerate(full, b, DESIGN, technology=tech)
        assert done.dense
        assert done.message.startswith("Run dense, because sparsity does not pay: by the model, latency ")
        assert (done.mapping["a_format"], done.mapping["a_zero"]) == ("dense", "compute")
        np.testing.assert_allclose(done.result, full @ full, rtol=1e-12)


def test_all_mappings_are_tried_where_the_design_has_none(tech):
    """Its only mapping wants a GLB tile that does not fit; others do, and are as good as those of a remapped design."""
    design = Design(HARDWARE, ({**MAPPING, "tile_m": 8192.0, "tile_n": 8192.0},), ("graph",))
    b = np.random.default_rng(1).normal(size=(96, 500))
    wide = csr_array(generators.uniform(700, 96, 0.05, 2))
    done = accelerate(wide, b, design, technology=tech)
    np.testing.assert_allclose(done.result, wide @ b, rtol=1e-12, atol=1e-12)
    assert float(np.max(done.cost.fits)) <= 1
    assert done.mapping["dataflow"] == "gustavson"
    assert done.mapping["a_format"] in ("dense", "csr")
    assert accelerate(wide, b, DESIGN, technology=tech, remap=True).mapping == done.mapping


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (A, np.ones(5), {}, "A is 96 x 96 but B has 5 rows; give B as many."),
        (np.ones(3), np.ones(3), {}, "A has 1 dimensions of float64; give a matrix of real numbers."),
        (A, np.array("x"), {}, "B has 0 dimensions of <U1; give a vector or matrix of real numbers."),
        (A, A, {"objective": "speed"}, "objective 'speed' is unknown; choose one of: latency_s"),
        (A, A, {"kernel": "other"}, "The design has no kernel 'other'; choose one of: graph."),
        (BCOO.fromdense(np.ones((2, 2, 2), np.float32), n_batch=1), A, {}, "give a plain matrix"),
        (BCOO((np.ones(2), np.array([[0, 0], [2, 1]])), shape=(2, 2)), A, {}, r"entry at \(2, 1\), outside its 2 x 2"),
        (BCOO((np.ones(2), np.array([[0, 0], [-1, 1]])), shape=(2, 2)), A, {}, r"entry at \(-1, 1\), outside"),
        (csr_array(np.ones((2, 2), complex)), A, {}, "give a matrix of real numbers"),
    ],
)
def test_what_cannot_be_multiplied_is_refused(a, b, options: dict, message: str, tech):
    with pytest.raises(InputError, match=message):
        accelerate(a, b, DESIGN, technology=tech, **options)
