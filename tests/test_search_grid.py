"""Sweeps: the same fronts in one process, over several devices, and on a cluster one of whose workers is killed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from test_dse_search import TINY, fake_evaluate, fake_problem

from dse import RandomSearch, SearchTask, Strategy, default_space, grid, read_front, search_grid, sweep
from dse.files.result_file import read_result, write_result
from workloads.errors import InputError

BUDGET = 200


class DiesOnce(Strategy):
    """Random search in a process that is killed after some evaluations, unless a file says that this has been done."""

    marker: str

    def search(self, run):
        rows = run.problem.encoding.random(run.rng, BUDGET)
        for at in range(0, BUDGET, 20):
            run.score(rows[at : at + 20])
            if at >= BUDGET // 2 and not os.path.exists(self.marker):
                Path(self.marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)


SPACE = TINY | {"dataflow": "gustavson"}
"""Of one dataflow, so that a problem compiles one program."""


def task(name: str, seed: int = 0, strategy: Strategy | None = None, **space) -> SearchTask:
    return SearchTask(name, partial(fake_problem, **(SPACE | space)), strategy or RandomSearch(), BUDGET, seed)


def no_problem():
    raise InputError("graph.mtx: line 3 has two fields; give three.")


def broken_problem():
    raise ZeroDivisionError("division by zero")


def assert_same(outcomes, expected):
    for one, other in zip(outcomes, expected, strict=True):
        assert one.error == other.error == ""
        np.testing.assert_array_equal(one.result.genomes, other.result.genomes)
        np.testing.assert_array_equal(one.result.objectives, other.result.objectives)


def test_a_sweep_keeps_what_ended_whatever_fails(tmp_path):
    tasks = [task("first"), SearchTask("bad", no_problem, RandomSearch(), 9), task("second", 1, lanes=2),
             SearchTask("broken", broken_problem, RandomSearch(), 9)]  # fmt: skip
    outcomes = sweep(tasks, folder=tmp_path)
    assert [outcome.task for outcome in outcomes] == tasks
    assert [outcome.result is None for outcome in outcomes] == [False, True, False, True]
    assert outcomes[1].error == "bad: graph.mtx: line 3 has two fields; give three."
    assert outcomes[3].error == "broken: failed with ZeroDivisionError: division by zero"
    assert isinstance(outcomes[3].exception, ZeroDivisionError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.json", "first.npz", "second.json", "second.npz"]
    np.testing.assert_array_equal(read_front(tmp_path / "first.json").values, outcomes[0].result.objectives)
    alone = tasks[2].strategy(tasks[2].problem(), budget=BUDGET, seed=1)
    assert_same([outcomes[2]], [dataclasses.replace(outcomes[2], result=alone)])


def test_a_second_sweep_searches_only_what_is_missing(tmp_path):
    tasks = [task("first"), task("second", 1)]
    expected = sweep(tasks, folder=tmp_path)
    stamps = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "second.npz").write_bytes((tmp_path / "second.npz").read_bytes()[:-100])
    outcomes = sweep(tasks, folder=tmp_path)
    assert_same(outcomes, expected)
    assert [outcome.from_file for outcome in expected + outcomes] == [False, False, True, False]
    assert outcomes[0].result.seconds == expected[0].result.seconds
    assert outcomes[1].result.seconds != expected[1].result.seconds
    assert {name for name, stamp in stamps.items() if (tmp_path / name).stat().st_mtime_ns == stamp} == {
        "first.json",
        "first.npz",
    }
    other = sweep([task("first", 2)], folder=tmp_path)
    assert other[0].result.seed == 2


def test_results_are_kept_to_the_bit(tmp_path):
    result = RandomSearch()(fake_problem(2), budget=100, seed=1)
    path, key = tmp_path / "x.npz", {"seed": "1"}
    write_result(path, key, result)
    again = read_result(path, key)
    for one, other in zip(jax.tree.leaves(vars(again)), jax.tree.leaves(vars(result)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert read_result(path, {"seed": "2"}) is None
    assert read_result(tmp_path / "absent.npz", key) is None


def test_a_grid_is_every_setting_and_seed():
    kernel = SimpleNamespace(name="k", family="dense_b", m=64, k=64, n=32, repeats=1.0)
    made = SimpleNamespace(name="made-up", kernels=[kernel])
    narrow = default_space().fix(lanes=1)
    settings = {"wide": (made, default_space(), None), "narrow": (made, narrow, None)}
    tasks = grid(settings, RandomSearch(), budget=9, seeds=(2, 3), evaluate=fake_evaluate)
    assert [task.name for task in tasks] == ["wide-seed2", "wide-seed3", "narrow-seed2", "narrow-seed3"]
    assert tasks[3].problem.args == (made, narrow, None)
    assert [task.seed for task in tasks] == [2, 3, 2, 3]


@pytest.mark.parametrize(
    ("names", "executor", "words"),
    [(["a", "a"], None, "'a' comes twice"), (["a/b"], None, "cannot be the name of a file"),
     (["a"], "device", "'device' is no executor; use None, 'devices'"), (["a"], 7, "7 is no executor")],
)  # fmt: skip
def test_mistakes_are_told(names, executor, words):
    if executor is not None:
        pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(InputError, match=words):
        sweep([task(name) for name in names], executor=executor)


def fronts_of_devices() -> None:
    """What the next test runs in a process of two devices."""
    assert len(jax.local_devices()) == 2
    tasks = [task("first", strategy=RandomSearch(), kernels=2)]
    for executor in (None, "devices"):
        result = sweep(tasks, executor=executor)[0].result
        print(result.genomes.tobytes().hex(), result.objectives.tobytes().hex())


def test_two_devices_find_the_front_of_one():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, __file__], capture_output=True, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    one, two = done.stdout.splitlines()
    assert len(one) > 100
    assert one == two


def local_cluster(distributed, workers: int):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, worker_dashboard_address=None
    )


def test_a_cluster_that_cannot_search_is_told_at_once(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(search_grid, "CONNECT_S", 2)
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        sweep([task("a")], executor="tcp://127.0.0.1:9")
    with local_cluster(distributed, 0) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(InputError, match=f"{address}: has no worker; start some with 'dask worker {address}'"):
            sweep([task("a")], executor=address)
        monkeypatch.undo()
        cluster.scale(1)
        with distributed.Client(cluster, set_as_default=False) as client:
            monkeypatch.setattr(search_grid, "_sees", lambda folder: False)
            with pytest.raises(InputError, match=r"worker tcp://.* does not see .*out; name a folder that all workers"):
                sweep([task("a")], executor=client, folder=tmp_path / "out")
            monkeypatch.setattr(search_grid, "_sees", lambda folder: no_such_package)
            with pytest.raises(InputError, match=r"A worker cannot search .*no_such_package.*; install this version"):
                sweep([task("a")], executor=client, folder=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


class LosesCluster(Strategy):
    """A search that kills the scheduler's process, when what ended before has been told of."""

    scheduler: int

    def search(self, run):
        time.sleep(2)
        os.kill(self.scheduler, signal.SIGKILL)
        time.sleep(60)


def test_what_ended_before_a_cluster_is_lost_is_kept(tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed")
    script = "import sys; from distributed.cli.{0} import main; sys.exit(main())"

    def start(kind: str, *args: str) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(
            [sys.executable, "-c", script.format(kind), *args, "--no-dashboard"], env=environment, cwd=tmp_path
        )

    file = tmp_path / "scheduler.json"
    scheduler = start("dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(file))
    worker = start("dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny")
    try:
        while not file.exists():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        tasks = [task("ends"), task("lost", strategy=LosesCluster(scheduler.pid))]
        ends, lost = sweep(tasks, executor=address, folder=tmp_path / "out")
    finally:
        worker.kill()
        scheduler.kill()
        worker.wait()
        scheduler.wait()
    assert ends.error == ""
    assert lost.error == "lost: the cluster was lost; the same sweep goes on from what is in its folder."
    again = sweep(tasks[:1], folder=tmp_path / "out")
    assert again[0].from_file
    assert_same(again, [ends])


def test_a_cluster_finds_the_fronts_of_one_process_though_a_worker_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    (tmp_path / "done").touch()
    dies, survives = DiesOnce(str(tmp_path / "marker")), DiesOnce(str(tmp_path / "done"))
    tasks = [task("plain"), task("bad"), task("killed", 1, dies, kernels=2), task("last", 2)]
    tasks[1] = dataclasses.replace(tasks[1], problem=no_problem)
    expected = sweep([tasks[0], dataclasses.replace(tasks[2], strategy=survives), tasks[3]])
    with local_cluster(distributed, 2) as cluster:
        outcomes = sweep(tasks, executor=cluster.scheduler_address, folder=tmp_path / "out")
        assert (tmp_path / "marker").exists()
    assert outcomes[1].error.startswith("bad: graph.mtx")
    assert_same([outcomes[0], *outcomes[2:]], expected)
    assert outcomes[2].result.replayed >= BUDGET // 2
    assert not list((tmp_path / "out").glob("*.journal"))


if __name__ == "__main__":
    fronts_of_devices()
