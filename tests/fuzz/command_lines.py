"""Wrong command lines for every script: each must end in one sentence and status 2, soon and in little memory.

Usage:
    python tests/fuzz/command_lines.py COUNT SEED

Makes COUNT command lines from the options of the scripts' config classes, each with one to three things in it that are
wrong (numbers outside what `--help` says, names of nothing, files that are missing, folders, devices or damaged,
options that do not exist), and runs each in a forked process. Then ten times as many damaged design, space and
technology files are read. The same SEED makes the same lines. The exit status is 1 if any of them showed a traceback,
said more or less than one sentence, ended with another status, took more than 20 s or 2 GB, or left a file in --out.
"""

import dataclasses
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dse import read_front, read_space
from experiments.common.cli import USAGE_ERROR, main
from experiments.common.published.points import EMBEDDED
from experiments.common.published.report import predict_all
from hwmodels.technology import constants_table
from workloads.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(file.stem for file in (ROOT / "experiments").glob("*.py") if file.stem != "__init__")
LIMIT_S, LIMIT_BYTES = 20.0, 2 << 30
NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "-0.0",
    "1e308",
    "1e-320",
    "1e400",
    "9" * 30,
    "9" * 400,
    "9" * 5000,
    "",
    " ",
)
NUMBERS += ("٣", "²", "½", "0x10", "1e", "--1", "1,5", "1.5", "one", "None", "True", "A" * 5000, "1;2", "\udcff", "1 2")
NAMES = ("", " ", "nothing", "A" * 5000, "\udcff", "²", "-", "=", "[bold]", "%s", "{}", "\n", "a.b.c", "🦊")
CHANGES = ("pe_rows", "=", "pe_rows=", "=3", "pe_rows=inf", "pe_rows=nan", "pe_rows=0", "pe_rows=-4", "pe_rows=1.5")
CHANGES += (
    "lanes=1e30",
    "lanes=1e400",
    "lanes=" + "9" * 5000,
    "pe_rowz=4",
    "a_format=zip",
    "x.y.tile_m=4",
    "lanes=1,²",
)
CHANGES += ("nobody.tile_m=16", "pe_rows=4=4", "dataflow=", "conv.pe_rows=4", "lanes=1e30,2", "tile_m=inf")
PATHS = ("{}/missing", "{}", "/", ".", "/dev/null", "/dev/zero", "/dev/full", "{}/fifo", "{}/noise", "{}/empty", "")
PATHS += ("{}/" + "x" * 300, "x" * 5000, "{}/empty/below", "{}/loop", "{}/\udcff", "/proc/self/mem", "{}/closed")
ROWS = (
    "{}/missing.json:0",
    "{}/front.json:99",
    "{}/front.json:-1",
    "{}/front.json:²",
    "{}/front.json:--1",
    "front.json:",
)
ROWS += ("{}/front.json:" + "9" * 400, "{}/front.json:1e0", "{}/front.json:0x0", ":0", ":", "{}:0", "/dev/null:0")
OUTS = ("{}/empty", "{}/empty/below", "/dev/null", "/dev/full/x", "/proc/x", "{}/" + "x" * 300, "/sys/x", "{}/loop/x")
TOML = "[pe_rows]\nlow = 1\nhigh = 16\n[lanes]\nvalues = [1, 2, 4]\n[dataflow]\nfixed = 'gustavson'\n"
PLACED = {"design": ROWS, "out": OUTS, "fix": CHANGES, "set": CHANGES}
FILES = ("space", "technology", "front", "matrix", "data", "facts", "pattern", "workload", "inputs")
HARMLESS = {"cluster", "describe", "devices", "smoke", "confirm", "retune", "sparse_inputs", "arms", "scenario"}


class Line(NamedTuple):
    """A command line, and what came of it."""

    script: str
    args: list[str]
    status: int = 0
    stderr: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    left: tuple[str, ...] = ()

    def fault(self) -> str:
        """What is not as it must be; nothing if all is."""
        if "Traceback" in self.stderr:
            return "a traceback"
        if self.status != USAGE_ERROR:
            return f"status {self.status}"
        if not re.fullmatch(r"error: [^\n]{10,1000}\n", self.stderr):
            return "not one sentence"
        if self.seconds > LIMIT_S or self.peak_bytes > LIMIT_BYTES:
            return f"{self.seconds:.0f} s, {self.peak_bytes / 2**30:.1f} GB"
        return f"left {self.left[0]}" if self.left else ""


def options_of(config: type) -> dict[str, Any]:
    """Name -> type of every option, those of the scenario among them."""
    found = {}
    for field in dataclasses.fields(config):
        hint = typing.get_type_hints(config, include_extras=True)[field.name]
        if field.name == "scenario":
            found |= options_of(field.default_factory)  # pyright: ignore[reportArgumentType]
        elif field.name != "scenario":
            found[field.name] = hint
    return found


def wrong_part(name: str, hint: Any, rng: random.Random) -> list[str] | None:
    """An option with a value that it cannot have; None where every text is one."""
    option = [] if name == "inputs" else [f"--{name.replace('_', '-')}"]
    spec = next((one for one in getattr(hint, "__metadata__", ()) if hasattr(one, "instance_from_str")), None)
    if spec is not None:
        text = rng.choice(NUMBERS)
        try:
            spec.instance_from_str([text] * (1 if spec.nargs == "*" else spec.nargs))
        except ValueError:
            return [*option, *[text] * (1 if spec.nargs == "*" else spec.nargs)]
        return None
    places = PLACED.get(name, PATHS if name in FILES else NAMES)
    return None if name in HARMLESS else [*option, rng.choice(places)]


def command_lines(count: int, rng: random.Random, configs: dict[str, type]) -> Iterator[Line]:
    """Lines with one to three wrong parts, the scripts in turn."""
    for at in range(count):
        script = SCRIPTS[at % len(SCRIPTS)]
        options = options_of(configs[script])
        parts: list[list[str]] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            name = rng.choice(list(options))
            part = wrong_part(name, options[name], rng)
            if part is not None:
                parts.append(part)
        if not parts or rng.random() < 0.1:
            parts.append(rng.choice((["--nothing"], ["--seed"], ["-q"], ["--seed=1.5"], ["--smokes", "1"], ["--out="])))
        out = [] if any(part[0] == "--out" for part in parts) else ["--out", "{}/out"]
        yield Line(script, ["--smoke", *out, *(text for part in parts for text in part)])


def forked(folder: Path, call: Callable[[], int], limit_s: float = 3 * LIMIT_S) -> tuple[int, str, float, int]:
    """Status, stderr, seconds and peak memory of a call in a process of its own, which is killed at the limit."""
    start, said = time.monotonic(), folder / "stderr"
    child = os.fork()
    if child == 0:
        os.setsid()
        for number, path, flags in ((0, "/dev/null", os.O_RDONLY), (1, "/dev/null", os.O_WRONLY), (2, said, os.O_RDWR)):
            os.dup2(os.open(path, flags | (os.O_CREAT if number == 2 else 0), 0o600), number)
        sys.stderr, sys.stdout = os.fdopen(2, "w", errors="backslashreplace"), os.fdopen(1, "w")
        os.chdir(folder)
        try:
            status = call()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stderr.flush()
        os._exit(status)
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        seconds = time.monotonic() - start
        if ended:
            break
        if seconds > limit_s:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)
    text = said.read_text(errors="backslashreplace")
    return os.waitstatus_to_exitcode(status), text, seconds, used.ru_maxrss * 1024


def workshop(front: str) -> Path:
    """A folder with the files that wrong paths name."""
    folder = Path(tempfile.mkdtemp(prefix="command_lines_"))
    (folder / "empty").write_text("")
    (folder / "noise").write_bytes(random.Random(0).randbytes(4096))
    (folder / "front.json").write_text(front)
    (folder / "closed").write_text("x")
    (folder / "closed").chmod(0)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "fifo")
    return folder


def run_line(line: Line, module: Any, front: str) -> Line:
    """The line with what came of it."""
    folder = workshop(front)
    args = [text.replace("{}", str(folder)) for text in line.args]
    try:
        found = forked(folder, lambda: main(module.run, module.Config, args))
        out = folder / "out"
        left = tuple(str(file) for file in out.rglob("*") if file.is_file()) if out.is_dir() else ()
        return line._replace(status=found[0], stderr=found[1], seconds=found[2], peak_bytes=found[3], left=left)
    finally:
        (folder / "closed").chmod(0o600)
        shutil.rmtree(folder)


def damaged(text: str, rng: random.Random) -> str:
    """A document with a few things changed, at random places."""
    numbers = ("1e999", "-1", "0", "9" * 400, "9" * 5000, "NaN", "Infinity", "null", "[]", "{}", '"x"', "true", "1e30")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(7)
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:at] + rng.choice('{}[]",:=.-\0\ud800é\n0') + text[at + 1 :]
        elif kind == 2:
            text = text[:at] + "[" * rng.choice((1, 10, 100_000)) + text[at:]
        elif kind == 3:  # a line twice
            lines = text.splitlines(keepends=True)
            at = rng.randrange(len(lines)) if lines else 0
            text = "".join(lines[: at + 1] + lines[at:])
        else:  # another value
            values = list(re.finditer(r"(?<=[:=\[,])\s*[^\s,:=\]}\[{]+", text))
            if values:
                one = rng.choice(values)
                text = text[: one.start()] + rng.choice(numbers) + text[one.end() :]
    return text


def read_damaged(count: int, rng: random.Random, front: str, folder: Path) -> tuple[list[str], int]:
    """Faults of the readers of documents, and how many documents were refused."""
    constants = {constant.name: constant.value for constant in constants_table()}
    readers = {
        "front.json": (front, read_front),
        "space.toml": (TOML, read_space),
        "technology.json": (json.dumps(constants, indent=1), constants_table),
        "eie.json": ((EMBEDDED / "eie.json").read_text(), lambda path: predict_all(path.parent, "eie")),
    }
    faults, refused = [], 0
    for at in range(count):
        name = rng.choice(list(readers))
        text, reader = readers[name]
        path = folder / name
        path.write_bytes(damaged(text, rng).encode(errors="surrogatepass"))
        start = time.monotonic()
        try:
            reader(path)
        except InputError as error:
            refused += 1
            if name not in str(error):
                faults.append(f"{name} {at}: {str(error)[:200]}")
        except Exception as error:
            faults.append(f"{name} {at}: {type(error).__name__} {str(error)[:200]}")
            shutil.copy(path, folder / f"{at}_{name}")
        if time.monotonic() - start > LIMIT_S:
            faults.append(f"{name} {at}: {time.monotonic() - start:.0f} s")
    return faults, refused


def example_front() -> str:
    """The design file of a small search, made in a process of its own: a process that has used JAX must not fork."""
    with tempfile.TemporaryDirectory(prefix="command_lines_") as folder:
        options = ["--smoke", "--strategy", "random", "--budget", "60", "--out", folder]
        command = [sys.executable, str(ROOT / "experiments" / "pareto_front.py"), *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        front = json.loads((Path(folder) / "front.json").read_text())
    return json.dumps({**front, "rows": front["rows"][:3]}, indent=1)


def campaign(count: int, seed: int) -> int:
    """Run all; the exit status."""
    rng = random.Random(seed)
    front = example_front()
    modules = {name: importlib.import_module(f"experiments.{name}") for name in SCRIPTS}
    configs = {name: module.Config for name, module in modules.items()}
    faulty, seconds = 0, []
    for at, line in enumerate(command_lines(count, rng, configs)):
        done = run_line(line, modules[line.script], front)
        seconds.append(done.seconds)
        if fault := done.fault():
            faulty += 1
            args = " ".join(repr(text[:60]) for text in done.args)
            print(f"{at}: {fault}: {done.script} {args}\n    {done.stderr[-600:]}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="command_lines_"))
    faults, refused = read_damaged(10 * count, rng, front, folder)
    print("\n".join(faults))
    print(
        f"{count} wrong command lines over {len(SCRIPTS)} scripts: {faulty} faulty, slowest {max(seconds):.1f} s\n"
        f"{10 * count} damaged documents: {len(faults)} faulty, {refused} refused, the others still mean something"
    )
    if not faults:
        shutil.rmtree(folder)
    return int(faulty > 0 or bool(faults))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(campaign(int(sys.argv[1]), int(sys.argv[2])))
