"""Many searches by one call: in this process, over all its devices, or on a Dask cluster.

    settings = {f"embedded-{node}nm": (workload, space, make_technology(scenario(node))) for node in (7, 16)}
    tasks = grid(settings, Gradient(), budget=6_000, seeds=range(3))
    outcomes = sweep(tasks, folder="out/sweep")                                # one after the other
    outcomes = sweep(tasks, folder="out/sweep", executor="devices")            # each on all of `jax.local_devices()`
    outcomes = sweep(tasks, folder="out/sweep", executor="tcp://host:8786")    # side by side, on a cluster's workers

All three find the same fronts on processors of one kind. Each task that ends leaves two files in the folder,
`name.json` (a design file) and then `name.npz` (the whole result); one that is interrupted, or finds no feasible
design, leaves `name.journal`. The same call again takes ended tasks from their files and goes on with the others where
they were. On a cluster the folder must be one that all workers share; a task whose worker dies is given to another one,
which goes on from the journal.
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from functools import partial
from itertools import product
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
    from_file: bool = False
    """Whether an earlier sweep ended it, so that only its file was read."""
    error: str = ""
    """One sentence."""
    exception: BaseException | None = None
    """What was raised, to be raised again by those who want its traceback."""


def grid(
    settings: Mapping[str, tuple[Any, DesignSpace, Any]],
    strategy: Strategy,
    *,
    budget: int,
    seeds: Iterable[int] = (0,),
    **options: Any,
) -> list[SearchTask]:
    """A task for every setting (a workload, a space and a technology, by name) and seed, the seed moving fastest.

    They are called `name-seed0`, ...; `options` are those of `make_problem`.
    """
    return [
        SearchTask(f"{name}-seed{seed}", partial(make_problem, *setting, **options), strategy, budget, seed)
        for (name, setting), seed in product(settings.items(), seeds)
    ]


def sweep(
    tasks: Sequence[SearchTask], *, executor: Any = None, folder: str | Path | None = None, progress: bool = False
) -> list[SearchOutcome]:
    """Search all tasks; one that fails does not keep the others from ending.

    **Arguments**: `executor`, None, "devices", a `dask.distributed.Client` or a scheduler's address; `folder`, for
    results and checkpoints: without it nothing is kept. **Returns** outcomes in the order of the tasks. **Raises**
    `InputError` for names that cannot be files' or come twice, and for a cluster that `connected` refuses.
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
    with connected(executor) as client:
        return _on_cluster(client, tasks, kept, progress)


def _search(
    task: SearchTask, folder: Path | None, devices: bool, programs: Path | None, progress: bool = False
) -> tuple[Result, bool]:
    """Do one task, where it runs: its result, and whether that was read from a file."""
    if programs is not None:
        enable_compile_cache(programs)
    problem = task.problem()
    if devices:
        problem.batcher = problem.batcher.changed(devices=jax.local_devices())
    if folder is None:
        result = task.strategy(problem, budget=task.budget, seed=task.seed, progress=progress)
        return problem.require_feasible(result), False
    ended, journal = folder / f"{task.name}.npz", folder / f"{task.name}.journal"
    key = search_key(problem, task.strategy, task.budget, task.seed)
    result = read_result(ended, key)
    from_file = result is not None
    if result is None:
        result = resume(task.strategy, problem, journal, budget=task.budget, seed=task.seed, progress=progress)
        problem.require_feasible(result)
        write_front(folder / f"{task.name}.json", problem, result, created_by="dse.sweep")
        write_result(ended, key, result)
    remove_journal(journal)
    return result, from_file


def _outcome(task: SearchTask, search: Callable[[], tuple[Result, bool]]) -> SearchOutcome:
    try:
        return SearchOutcome(task, *search())
    except InputError as error:
        text, raised = str(error), error
    except Exception as error:
        text, raised = f"failed with {type(error).__name__}: {' '.join(str(error).split())}", error
    return SearchOutcome(task, None, error=f"{task.name}: {text}", exception=raised)


@contextlib.contextmanager
def connected(executor: Any) -> Iterator[Any]:
    """A client of a Dask cluster: the one that is given, or a new one of a scheduler's address, closed at the end.

    **Raises** `InputError` if Dask is not installed, if it is neither, and if no scheduler or no worker answers.
    """
    try:
        from distributed import Client
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
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            address = client.scheduler_info()["address"]
            raise InputError(f"{address}: has no worker; start some with 'dask worker {address}'.") from error
        yield client
    finally:
        if ours:
            client.close()


def _on_cluster(client: Any, tasks: Sequence[SearchTask], folder: Path | None, progress: bool) -> list[SearchOutcome]:
    """Outcomes of tasks that the workers of a Dask cluster do."""
    from distributed import as_completed

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        blind = [worker for worker, sees in client.run(_sees, folder).items() if not sees]
    except Exception as error:
        raise InputError(f"A worker cannot search ({error}); install this version of the project there.") from error
    if blind:
        raise InputError(f"The worker {blind[0]} does not see {folder}; name a folder that all workers share.")
    programs = compile_cache_folder()
    places = {client.submit(_search, task, folder, False, programs, pure=False): at for at, task in enumerate(tasks)}
    outcomes: dict[int, SearchOutcome] = {}
    try:
        ended = as_completed(places, loop=client.loop)
        for future in tqdm(ended, "sweep", len(tasks), unit="search", disable=not progress):
            at = places[future]
            outcomes[at] = _outcome(tasks[at], partial(_answer, future))
    finally:
        client.cancel(list(places))
    return [outcomes[at] for at in range(len(tasks))]


def _sees(folder: Path | None) -> bool:
    """Whether there is such a folder here."""
    return folder is None or folder.is_dir()


def _answer(future: Any) -> tuple[Result, bool]:
    try:
        return future.result()
    except CancelledError as error:
        raise InputError("the cluster was lost; the same sweep goes on from what is in its folder.") from error
