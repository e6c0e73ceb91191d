"""The output folder of a run: files are written whole or not at all, and `provenance.json` says where they are from."""

import csv
import dataclasses
import json
import math
import os
import platform
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from workloads.atomic_write import written_whole
from workloads.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "equinox", "optax", "matplotlib", "moocore", "pymoo")


class Output:
    """A folder that is known to be writable, and the time since the run began."""

    def __init__(self, folder: Path):
        """Make the folder; InputError if nothing can be written there."""
        self.folder, self.names, self._start = folder, [], time.perf_counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InputError(
                f"--out {folder}: cannot write there ({error.strerror}); name a folder that can be written."
            ) from error

    @property
    def seconds(self) -> float:
        """Wall time since the run began."""
        return time.perf_counter() - self._start

    def write(self, name: str, writer: Callable[[Path], Any]) -> None:
        """Let `writer` write a draft of the file `name`, put in place when it is whole."""
        try:
            with written_whole(self.folder / name) as draft:
                writer(draft)
        except OSError as error:
            raise InputError(
                f"{self.folder / name}: cannot be written ({error.strerror}); free the space or path."
            ) from error
        self.names.append(name)

    def text(self, name: str, text: str) -> None:
        """Write a text file."""
        self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def csv(self, name: str, rows: Sequence[Mapping[str, Any]], *, gaps: bool = False) -> None:
        """Write rows as CSV; all have the columns of the first. Floats keep seven digits, which float32 needs.

        With `gaps` NaN stands for what there is no number of, and is an empty cell.
        """

        def cell(value: Any) -> Any:
            if not isinstance(value, float):
                return value
            return "" if gaps and math.isnan(value) else f"{value:.7g}"

        def writer(path: Path) -> None:
            with path.open("w", newline="", encoding="utf-8") as stream:
                table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
                table.writeheader()
                for row in rows:
                    table.writerow({key: cell(value) for key, value in row.items()})

        self.write(name, writer)

    def figure(self, name: str, figure: Figure) -> None:
        """Write a figure as PNG."""
        self.write(name, lambda path: figure.savefig(path, dpi=150))

    def provenance(self, script: str, config: Any, **facts: Any) -> None:
        """Write `provenance.json`: versions, commit, platform, the whole configuration, wall time and `facts`."""
        record = {
            "script": script,
            "project": {"version": project_version(), **git_state()},
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
            "platform": {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()},
            "seed": config.seed,
            "configuration": portable(dataclasses.asdict(config)),
            "wall_time_s": round(self.seconds, 3),
            "files": [*self.names],
            **portable(facts),
        }
        self.text("provenance.json", json.dumps(record, indent=2, allow_nan=False) + "\n")

    def listing(self) -> str:
        """Where the files are, as the user wrote the folder."""
        return f"Files in {self.folder}: {', '.join(self.names)}"


def portable(value: Any) -> Any:
    """A configuration or facts as JSON knows them, without paths that mean something on this machine only.

    Absolute paths become relative to the working directory, or `.../name` where they lie outside; `nan` and `inf`,
    which are no numbers of JSON, become texts.
    """
    if isinstance(value, Mapping):
        return {str(key): portable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [portable(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, str | Path):
        if not os.path.isabs(value):
            return str(value)
        here = Path.cwd()
        return str(Path(value).relative_to(here)) if Path(value).is_relative_to(here) else f".../{Path(value).name}"
    return value


def project_version() -> str:
    """Version of the installed project, else the one its sources name."""
    try:
        return version("sparse-dse")
    except PackageNotFoundError:
        return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def git_state() -> dict[str, Any]:
    """Commit of the sources and whether they were changed since; None for both where they are no git checkout."""
    try:
        top, commit = _git("rev-parse", "--show-toplevel", "HEAD").split("\n")
        if Path(top).resolve() != ROOT:
            raise OSError
        return {"commit": commit, "changed_since": bool(_git("status", "--porcelain"))}
    except (OSError, ValueError, subprocess.SubprocessError):
        return {"commit": None, "changed_since": None}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
