"""The naive reference: the array that was built as RTL, and walks that no such hardware can make, which fail."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reference import StorageError, array, machine
from reference.lanes_on_k import LanesOnK
from reference.places import Limits
from reference.stores import Capacity, Clock, Fifo, Port, Store
from scipy.io import mmread
from scipy.sparse import csr_array
from test_reference import BASE, go, sparse

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "matrix"


# The array that was built as RTL.


@pytest.mark.parametrize(
    ("name", "schedule", "visits", "cycles"),
    [
        ("bcsstk13", "balanced", 70, 15488),
        ("lp_25fv47", "balanced", 109, 9224),
        ("mbeacxc", "balanced", 64, 50804),
        ("rajat01", "cyclic", 104, 10680),
        ("cage8", "row_blocks", 54, 7680),
    ],
)
def test_cycles_are_those_of_the_rtl(name: str, schedule: str, visits: int, cycles: int) -> None:
    """4 x 4 PEs of 2 lanes on the first 512 rows of real matrices (shared/facts/rtl), in stores that are just full."""
    if not (DATA / f"{name}.mtx.gz").exists():
        pytest.skip("the matrices beside the project are not here")
    with gzip.open(DATA / f"{name}.mtx.gz") as file:
        a = csr_array(mmread(file))[:512].toarray()
    sizes = {"pe_rows": 4, "pe_cols": 4, "glb_bytes": 2**20, "tile_m": 64, "tile_k": 64, "tile_n": 32}
    stores = {"accumulator_bits": 24, "accumulator_bytes": 96, "pe_buffer_bytes": 2 * 64 * 64 // 8}
    design = replace(BASE, a_format="csr", a_zero="skip", schedule=schedule, **sizes, **stores)
    outcome = go(a, None, 32, design)
    assert outcome.visits == visits
    assert outcome.resource_cycles["compute"] == cycles
    assert outcome.fits["pe_buffer"] == outcome.fits["accumulator"] == 1
    assert outcome.waits == 0


# What no hardware can do fails.


def test_stores_refuse_what_hardware_cannot_do() -> None:
    clock = Clock()
    store = Store(16, Port(clock), Port(clock))
    store.write("x", 1, 12)
    with pytest.raises(StorageError, match="twice"):
        store.write("y", 2, 4)
    with pytest.raises(StorageError, match="nothing was stored at z"):
        store.read("z")
    with pytest.raises(StorageError, match="twice"):
        store.read("x")
    clock.tick()
    assert store.take("x") == 1
    store.write("y", 2, 16)
    clock.tick()
    with pytest.raises(StorageError, match=r"17.* bits in a store of 16"):
        store.write("z", 3, 1)
    queue = Fifo(2, 1, clock)
    queue.push("first")
    with pytest.raises(StorageError, match="2 entries in of a queue that moves 1"):
        queue.push("second")
    for _ in range(2):
        clock.tick()
        assert len(queue) <= 2
        if len(queue) < 2:
            queue.push("second")
    with pytest.raises(StorageError, match="overflows"):
        queue.push("third")
    with pytest.raises(StorageError):
        Capacity(8).hold("a tile", 9)


TIGHT = {
    "b": BASE,
    "ab": replace(BASE, residency="ab", a_format="csr", a_zero="skip"),
    "outer": replace(BASE, dataflow="outer_product", residency="ab"),
    "copies": replace(BASE, dataflow="inner_product", lanes_on="k", a_format="csr", a_zero="skip"),
    "slots": replace(BASE, b_format="csr", b_zero="skip"),
    "fibers": replace(BASE, dataflow="inner_product", a_format="csr", a_zero="skip", b_format="csc", b_zero="skip"),
    "probed": replace(
        BASE,
        dataflow="inner_product",
        intersection="leader_follower",
        a_format="csr",
        a_zero="skip",
        b_format="csc",
        b_zero="skip",
    ),
}


SHRUNK = [
    *(("part_a", case) for case in ("ab", "outer", "fibers", "probed")),
    *(("part_b", case) for case in TIGHT),
    *(("accumulators", case) for case in ("b", "ab", "outer", "slots")),
]


@pytest.mark.parametrize(("store", "case"), SHRUNK)
def test_a_store_that_is_smaller_than_its_need_overflows(
    store: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The needs of the page are what full tiles take, to the bit, and to the word of each bank."""
    sizes = {"pe_rows": 1, "tile_n": 8, "accumulator_bytes": 512, "pe_buffer_bytes": 512}
    design, a, b = replace(TIGHT[case], **sizes), sparse(4, 4, 1.0, 30), sparse(4, 8, 1.0, 31)
    plan = machine.plan

    def shrunk(by: int) -> Callable:
        def planned(*arguments):
            found = plan(*arguments)
            need = found.fits["pe_buffer"] * design.buffer_half_bits - found.limits.part_a
            words = (2 * 4 if case == "outer" else 4) * found.u * design.L
            exact = Limits(found.limits.part_a, need, words)
            found.limits = exact._replace(**{store: getattr(exact, store) - by})
            return found

        return planned

    monkeypatch.setattr(machine, "plan", shrunk(0))
    go(a, b, 8, design)
    monkeypatch.setattr(machine, "plan", shrunk(design.L))
    with pytest.raises(StorageError):
        go(a, b, 8, design)


def test_lanes_on_k_need_a_copy_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """L entries of A at L addresses of one copy of B use its port twice."""
    a = sparse(4, 4, 0.7, 32)
    build = LanesOnK.__init__

    def with_one_port(self, *arguments) -> None:
        build(self, *arguments)
        self.read_ports = [self.read_ports[0]] * len(self.read_ports)

    go(a, None, 4, TIGHT["copies"])
    monkeypatch.setattr(LanesOnK, "__init__", with_one_port)
    with pytest.raises(StorageError, match="twice"):
        go(a, None, 4, TIGHT["copies"])


@pytest.mark.parametrize("case", ["b", "ab", "outer", "slots"])
def test_what_was_not_sent_cannot_be_read(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "sent_rows", lambda a, b, design: [0, 1, 3])
    with pytest.raises(StorageError, match="nothing was stored"):
        go(sparse(4, 4, 1.0, 30), sparse(4, 4, 1.0, 31), 4, TIGHT[case])
