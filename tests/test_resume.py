"""Interrupted searches end with the front of those that were not, wherever they were cut off."""

import contextlib
import copy
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from functools import cache, partial

import numpy as np
import pytest
from test_dse_search import TINY, fake_problem

from dse import Evolutionary, Exhaustive, Gradient, RandomSearch
from dse.files.journal import Journal, OtherSearch, journal_bytes, journal_files, remove_journal
from workloads.errors import InputError

BUDGET, SEED = 400, 3
KILLS = int(os.environ.get("SPARSE_DSE_KILLS", "1"))
"""How often the search that is killed is killed."""
SOME_BYTES = 30_000
"""More than the key of a journal, so that there is something to go on from."""
STRATEGIES = {
    "gradient": (Gradient(), None),
    "random": (RandomSearch(), None),
    "evolutionary": (Evolutionary(population=16), None),
    "exhaustive": (Exhaustive(chunk=64), TINY | dict(schedule="row_blocks", loop_order="mkn", a_zero="skip")),
}


@cache
def small_problem():
    """One for all tests, so that its models are compiled once."""
    return fake_problem(2)


def assert_same(result, expected):
    """Equal to the bit, and found by the same course."""
    np.testing.assert_array_equal(result.genomes, expected.genomes)
    np.testing.assert_array_equal(result.objectives, expected.objectives)
    assert result.evaluations == expected.evaluations
    assert [at for at, _ in result.trace] == [at for at, _ in expected.trace]


@contextlib.contextmanager
def failing_after(problem, calls: int):
    """The problem's models answer so many calls and no more."""
    batcher, left = problem.batcher, [calls]

    def failing(ask):
        def answer(*question):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return ask(*question)

        return answer

    problem.batcher = copy.copy(batcher)
    for name in ("values", "alone", "gradients", "slopes_of_totals"):
        setattr(problem.batcher, name, failing(getattr(batcher, name)))
    yield
    problem.batcher = batcher


@pytest.fixture
def as_killed(tmp_path, monkeypatch):
    """Keeps the files as they are at the end of a search before it closes them, which is what a kill leaves."""
    close, killed = Journal.close, tmp_path / "killed"

    def copy_and_close(journal):
        for file, copied in zip(journal_files(journal.path), journal_files(killed), strict=True):
            shutil.copy(file, copied)
        close(journal)

    @contextlib.contextmanager
    def keeping():
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "close", copy_and_close)
            yield killed

    return keeping


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_cut_anywhere_ends_with_the_same_front(name, tmp_path, as_killed):
    strategy, space = STRATEGIES[name]
    budget = 5000 if name == "exhaustive" else BUDGET
    problem = fake_problem(**space) if space else small_problem()
    expected = strategy(problem, budget=budget, seed=SEED)
    with as_killed() as killed:
        assert_same(strategy(problem, budget=budget, seed=SEED, checkpoint=tmp_path / "whole.journal"), expected)
    head, log = (file.read_bytes() for file in journal_files(killed))
    replayed = []
    for cut in [*np.random.default_rng(0).integers(0, len(log), 3), len(log)]:
        path = tmp_path / f"cut-{cut}.journal"
        for file, data in zip(journal_files(path), (head, log[:cut]), strict=True):
            file.write_bytes(data)
        result = strategy(problem, budget=budget, seed=SEED, checkpoint=path)
        assert_same(result, expected)
        replayed.append(result.replayed)
    assert replayed[-1] == expected.evaluations
    assert 0 < sum(replayed[:-1]) < 3 * expected.evaluations


def test_an_interrupted_search_evaluates_nothing_twice(tmp_path):
    problem, path = small_problem(), tmp_path / "search.journal"
    search = partial(Gradient(), problem, budget=BUDGET, seed=SEED)
    expected = search()
    with failing_after(problem, 2), pytest.raises(KeyboardInterrupt):
        search(checkpoint=path)
    result = search(checkpoint=path)
    assert_same(result, expected)
    assert 0 < result.replayed < expected.evaluations
    with failing_after(problem, 0):
        again = search(checkpoint=path)
    assert_same(again, expected)
    assert again.replayed == expected.evaluations
    assert again.seconds > result.seconds / 3  # what the evaluations took when they were made is counted


def test_a_damaged_record_and_those_after_it_are_made_again(tmp_path):
    problem, path = small_problem(), tmp_path / "search.journal"
    expected = RandomSearch()(problem, budget=BUDGET, seed=SEED, checkpoint=path)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        ((number, body),) = database.execute("SELECT number, arrays FROM records ORDER BY number LIMIT 1 OFFSET 1")
        damaged = bytearray(body)
        damaged[len(body) // 2] ^= 1
        database.execute("UPDATE records SET arrays = ? WHERE number = ?", (damaged, number))
    result = RandomSearch()(problem, budget=BUDGET, seed=SEED, checkpoint=path)
    assert_same(result, expected)
    assert 0 < result.replayed < expected.evaluations


def test_a_search_that_takes_another_course_drops_the_rest(tmp_path):
    path = tmp_path / "x.journal"
    journal = Journal(path, {"seed": "0"})
    assert journal.next() is None
    for at in range(3):
        journal.append([np.arange(at)])
    journal.close()
    journal = Journal(path, {"seed": "0"})
    assert [len(journal.next()[0]) for _ in range(2)] == [0, 1]
    journal.drop()
    journal.append([np.arange(7)])
    journal.close()
    journal = Journal(path, {"seed": "0"})
    assert [len(journal.next()[0]) for _ in range(2)] == [0, 7]
    assert journal.next() is None
    journal.close()


def test_a_checkpoint_is_of_one_search(tmp_path):
    problem, path = fake_problem(constraints={"area_mm2": 9.0}), tmp_path / "x.journal"
    RandomSearch()(problem, budget=20, seed=1, checkpoint=path)
    for words, call in {
        r"another search \(its budget differs: 20, not 21\); delete it": dict(budget=21, seed=1),
        "its seed differs: 1, not 2": dict(budget=20, seed=2),
        "its settings differs": dict(budget=20, seed=1, strategy=RandomSearch(dataflow_share=0.5)),
        "its strategy differs: RandomSearch, not Gradient": dict(budget=20, seed=1, strategy=Gradient()),
        "its constraints differs: area_mm2 <= 9.0, not none": dict(budget=20, seed=1, problem=fake_problem()),
        "its kernels differs": dict(budget=20, seed=1, problem=fake_problem(2, constraints={"area_mm2": 9.0})),
        "its design space differs": dict(
            budget=20, seed=1, problem=fake_problem(constraints={"area_mm2": 9.0}, lanes=1)
        ),
    }.items():
        search = call.pop("strategy", RandomSearch())
        with pytest.raises(OtherSearch, match=words):
            search(call.pop("problem", problem), checkpoint=path, **call)
    holder = Journal(tmp_path / "held.journal", {})
    with pytest.raises(InputError, match="another run is writing it"):
        RandomSearch()(problem, budget=20, checkpoint=tmp_path / "held.journal")
    holder.close()
    (tmp_path / "other.json").write_text('{"schema": "sparse-dse-designs"}')
    for file, words in {tmp_path / "other.json": "is not a checkpoint", tmp_path: "cannot be opened"}.items():
        with pytest.raises(InputError, match=words):
            RandomSearch()(problem, budget=20, checkpoint=file)
    assert (tmp_path / "other.json").read_text().startswith("{")


def test_a_damaged_file_and_that_of_another_program_are_told(tmp_path):
    path = tmp_path / "x.journal"
    RandomSearch()(fake_problem(), budget=200, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputError, match="is damaged; delete it or name another file"):
        RandomSearch()(fake_problem(), budget=200, checkpoint=path)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE films (title TEXT)")
    with pytest.raises(InputError, match="is not a checkpoint"):
        Journal(tmp_path / "other.db", {})


def search_in_a_process(path: str) -> None:
    """What the next test kills: a search that prints its front to the bit."""
    result = Evolutionary(population=16)(small_problem(), budget=10 * BUDGET, seed=SEED, checkpoint=path)
    print(result.replayed, result.genomes.tobytes().hex(), result.objectives.tobytes().hex(), flush=True)


def test_a_killed_process_goes_on(tmp_path):
    """Killed at random moments, `SPARSE_DSE_KILLS` of them, always in the same search."""
    command = [sys.executable, __file__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    expected = Evolutionary(population=16)(small_problem(), budget=10 * BUDGET, seed=SEED)
    path, rng, killed = tmp_path / "killed.journal", np.random.default_rng(1), 0
    while killed < KILLS:
        start, size = time.monotonic(), journal_bytes(path)
        process = subprocess.Popen([*command, path], stdout=subprocess.PIPE, env=environment)
        while process.poll() is None and journal_bytes(path) < size + SOME_BYTES:
            assert time.monotonic() - start < 120
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            killed += 1
        else:  # it was sooner: once more from the beginning
            remove_journal(path)
    done = subprocess.run([*command, path], capture_output=True, env=environment, check=True, text=True)
    replayed, genomes, objectives = done.stdout.split()
    assert genomes == expected.genomes.tobytes().hex()
    assert objectives == expected.objectives.tobytes().hex()
    assert int(replayed) > 0


if __name__ == "__main__":
    search_in_a_process(sys.argv[1])
