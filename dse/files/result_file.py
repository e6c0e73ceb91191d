"""A result on disk, whole and to the bit: a NumPy `.npz` of arrays of numbers and one JSON text, nothing pickled."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dse.problem.result import Result
from workloads.atomic_write import written_whole
from workloads.errors import InputError


def write_result(path: str | Path, key: Mapping[str, str], result: Result) -> None:
    """Write a result with the key of its search; the file is there whole or not at all."""
    path = Path(path)
    plain = {name: getattr(result, name) for name in ("evaluations", "seconds", "strategy", "seed", "replayed")}
    fronts = [front for _, front in result.trace] or [result.objectives[:0]]
    try:
        with written_whole(path) as draft, draft.open("wb") as stream:
            np.savez(
                stream,
                header=np.array(json.dumps({"key": dict(key), **plain})),
                genomes=result.genomes,
                objectives=result.objectives,
                trace_evaluations=np.array([at for at, _ in result.trace], np.int64),
                trace_lengths=np.array([len(front) for _, front in result.trace], np.int64),
                trace_objectives=np.concatenate(fronts),
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); free the space or path.") from error


def read_result(path: str | Path, key: Mapping[str, str]) -> Result | None:
    """The result of the search of that key; None where the file is absent, damaged or of another search."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            tables = {name: archive[name] for name in archive.files}
        header = json.loads(str(tables["header"]))
        if header.pop("key") != dict(key):
            return None
        fronts = np.split(tables["trace_objectives"], np.cumsum(tables["trace_lengths"])[:-1])
        trace = tuple((int(at), front) for at, front in zip(tables["trace_evaluations"], fronts, strict=False))
        return Result(tables["genomes"], tables["objectives"], trace=trace, **header)
    except Exception:  # whatever is wrong with the file, the cure is the same
        return None
