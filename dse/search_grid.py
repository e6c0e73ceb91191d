"""Many searches by one call: in this process, over all its devices, or on a Dask cluster.

    tasks = grid({"embedded": workload}, {"default": space}, technology, Gradient(), budget=6_000, seeds=range(3))
    outcomes = sweep(tasks, folder="out/sweep")                                # one after the other
    outcomes = sweep(tasks, folder="out/sweep", executor="devices")            # each on all of `jax.local_devices()`
    outcomes = sweep(tasks, folder="out/sweep", executor="tcp://host:8786")    # side by side, on a cluster's workers

All three find the same fronts on processors of one kind. Each task that ends leaves two files in the folder,
`name.json` (a design file) and then `name.npz` (the whole result); one that is interrupted, or finds no feasible
design, leaves `name.journal`. The same call again takes ended tasks from their files and goes on with the others where
they were. On a cluster the folder must be one that all workers share; a task whose worker dies is given to another one,
which goes on from the journal.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from dse.files.checkpoint import resume
from dse.files.design_file import write_front
from dse.files.fingerprint import search_key
from dse.files.journal import remove_journal
from dse.files.result_file import read_result, write_result
from dse.problem.compile_cache import compile_cache_folder, enable_compile_cache
from dse.problem.result import Result
from dse.problem.search_problem import Problem, make_problem
from dse.space.design_space import DesignSpace
from dse.strategies.strategy import Strategy
from workloads.errors import InputError

_NAME = re.compile(r"[\w@+=,-][\w.@+=,-]*")
CONNECT_S = 20
"""Seconds to wait for a scheduler's answer."""


@dataclasses.dataclass(frozen=True)
class SearchTask:
    """One search."""

    name: str
    """Its files are called by it."""
    problem: Callable[[], Problem]
    """Makes the problem where the task runs: measuring is part of the task."""
    strategy: Strategy
    budget: int
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class SearchOutcome:
    """What became of a task: a result, or the reason why there is none."""

    task: SearchTask
    result: Result | None
    error: str = ""
    """One sentence."""
    exception: BaseException | None = None
    """What was raised, to be raised again by those who want its traceback."""


def grid(
    workloads: Mapping[str, Any],
    spaces: Mapping[str, DesignSpace],
    technology: Any,
    strategy: Strategy,
    *,
    budget: int,
    seeds: Iterable[int] = (0,),
    **options: Any,
) -> list[SearchTask]:
    """A task for every workload, space and seed, in that order; `options` are those of `make_problem`."""
    seeds = list(seeds)
    return [
        SearchTask(
            f"{name}-{where}-seed{seed}", partial(make_problem, w, s, technology, **options), strategy, budget, seed
        )
        for name, w in workloads.items()
        for where, s in spaces.items()
        for seed in seeds
    ]


def sweep(
    tasks: Sequence[SearchTask], *, executor: Any = None, folder: str | Path | None = None, progress: bool = False
) -> list[SearchOutcome]:
    """Search all tasks; one that fails does not keep the others from ending.

    **Arguments**: `executor`, None, "devices", a `dask.distributed.Client` or a scheduler's address; `folder`, for
    results and checkpoints: without it nothing is kept. **Returns** outcomes in the order of the tasks. **Raises**
    `InputError` for names that cannot be files' or come twice, and for an executor that cannot be reached.
    """
    names = [task.name for task in tasks]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            reason = "comes twice" if names.count(name) > 1 else "cannot be the name of a file"
            raise InputError(
                f"The task name '{name}' {reason}; give tasks names of their own, without spaces or slashes."
            )
    kept = None if folder is None else Path(folder).absolute()
    if executor is None or executor == "devices":
        devices = executor == "devices"
        bar = tqdm(tasks, desc="sweep", unit="search", disable=not progress)
        return [_outcome(task, partial(_search, task, kept, devices, None, progress)) for task in bar]
    return _on_cluster(executor, tasks, kept, progress)


def _search(
    task: SearchTask, folder: Path | None, devices: bool, programs: Path | None, progress: bool = False
) -> Result:
    """Do one task, where it runs."""
    if programs is not None:
        enable_compile_cache(programs)
    problem = task.problem()
    if devices:
        problem.batcher = problem.batcher.changed(devices=jax.local_devices())
    if folder is None:
        result = task.strategy(problem, budget=task.budget, seed=task.seed, progress=progress)
        return problem.require_feasible(result)
    ended, journal = folder / f"{task.name}.npz", folder / f"{task.name}.journal"
    key = search_key(problem, task.strategy, task.budget, task.seed)
    result = read_result(ended, key)
    if result is None:
        result = resume(task.strategy, problem, journal, budget=task.budget, seed=task.seed, progress=progress)
        problem.require_feasible(result)
        write_front(folder / f"{task.name}.json", problem, result, created_by="dse.sweep")
        write_result(ended, key, result)
    remove_journal(journal)
    return result


def _outcome(task: SearchTask, search: Callable[[], Result]) -> SearchOutcome:
    try:
        return SearchOutcome(task, search())
    except InputError as error:
        return SearchOutcome(task, None, f"{task.name}: {error}", error)
    except Exception as error:
        text = " ".join(str(error).split())
        return SearchOutcome(task, None, f"{task.name}: failed with {type(error).__name__}: {text}", error)


def _on_cluster(executor: Any, tasks: Sequence[SearchTask], folder: Path | None, progress: bool) -> list[SearchOutcome]:
    """Outcomes of tasks that the workers of a Dask cluster do."""
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise InputError("A sweep on a cluster needs Dask; pip install 'sparse-dse[dask]'.") from error
    ours = isinstance(executor, str) and ":" in executor
    if not ours and not isinstance(executor, Client):
        raise InputError(
            f"{executor!r} is no executor; use None, 'devices', a dask.distributed.Client or the address of a "
            "scheduler, such as tcp://host:8786."
        )
    try:
        client = Client(executor, timeout=CONNECT_S, set_as_default=False) if ours else executor
    except (OSError, ValueError) as error:
        raise InputError(f"{executor}: no Dask scheduler answers there; start one with 'dask scheduler'.") from error
    try:
        programs = compile_cache_folder()
        futures = [client.submit(_search, task, folder, False, programs, pure=False) for task in tasks]
        try:
            for _ in tqdm(as_completed(futures), "sweep", len(futures), unit="search", disable=not progress):
                pass
            return [_outcome(task, future.result) for task, future in zip(tasks, futures, strict=True)]
        finally:
            client.cancel(futures)
    finally:
        if ours:
            client.close()
