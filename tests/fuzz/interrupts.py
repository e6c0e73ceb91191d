"""Ctrl-C, closed pipes and full disks at random moments of scripts: a status, one line at most, nothing half-written.

Usage:
    python tests/fuzz/interrupts.py COUNT SEED

Each of a few scripts is run once to the end, which says how long it takes. Then, COUNT times, one of them is begun.
At a random moment it gets a SIGINT (half of these while it still imports), or whoever reads its output goes away, or
its output was a full disk from the start. An interrupt must end it with status 130, a closed pipe with 141 or as if
nothing had happened, a full disk with 2, all without a traceback or a draft in --out, and an interrupt in 20 s. The
exit status is 1 if one does not. The same SEED chooses the same scripts and moments, which count from when the script
has got to its handler of interrupts: how Python ends before it runs any line of a script, nobody but Python can say.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 20.0
SWALLOWED_S = 2.0
"""A script that ends well so long after an interrupt has not heard of it; one that was at its end takes less."""
IMPORTS_S = 3.0
COMMANDS = (
    ("pareto_front", "--smoke", "--strategy", "random"),
    ("what_if", "--smoke", "--set", "index_bus_bits=64"),
    ("sparsity_report", "--smoke"),
    ("train_digits", "--smoke"),
    ("validate_densities", "--smoke"),
    ("validate_models", "--smoke"),
)
STATUSES = {"interrupt": (130, -2), "group": (130, -2), "pipe": (141, 0), "full": (2,)}
"""A process that is no longer Python ends by the signal itself, which a shell reports as 130 too."""


class Ended(NamedTuple):
    """How a process ended, and what it left."""

    status: int
    stderr: str
    seconds: float
    """Since what happened to it."""
    drafts: tuple[str, ...]


def begun(command: tuple[str, ...], out: Path, stdout: int) -> subprocess.Popen[bytes]:
    """A process of a script, in a group of its own."""
    script, *options = command
    place = out / "digits.npz" if script == "train_digits" else out
    return subprocess.Popen(
        [sys.executable, f"experiments/{script}.py", *options, "--out", str(place)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=(out.parent / "stderr").open("wb"),
        process_group=0,
    )


def await_handler(process: subprocess.Popen[bytes]) -> None:
    """Wait until a script handles interrupts: its second thread is the last step to that; or until it has ended."""
    while process.poll() is None and len(os.listdir(f"/proc/{process.pid}/task")) < 2:
        time.sleep(0.001)


def whole_run_s(command: tuple[str, ...]) -> float:
    """Seconds of a run that nothing happens to."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "out").mkdir()
        start = time.monotonic()
        if begun(command, Path(folder) / "out", subprocess.DEVNULL).wait():
            raise SystemExit(f"{' '.join(command)} fails by itself.")
        return time.monotonic() - start


def happened(kind: str, command: tuple[str, ...], moment_s: float) -> Ended:
    """What becomes of a script to which something happens at a moment."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        out.mkdir()
        reader, writer = os.pipe()
        stdout = os.open("/dev/full", os.O_WRONLY) if kind == "full" else writer
        process = begun(command, out, stdout)
        os.close(writer)
        start = time.monotonic()
        if kind != "full":
            await_handler(process)
            try:
                process.wait(moment_s)
            except subprocess.TimeoutExpired:
                if kind != "pipe":
                    (os.killpg if kind == "group" else os.kill)(process.pid, signal.SIGINT)
            start = time.monotonic()
        if kind == "pipe":
            os.close(reader)
        try:
            process.wait(LIMIT_S if kind in ("interrupt", "group") else 300.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        drafts = tuple(str(file.relative_to(out)) for file in out.rglob(".*"))
        said = (Path(folder) / "stderr").read_text(errors="backslashreplace")
        return Ended(process.wait(), said, time.monotonic() - start, drafts)


def fault(kind: str, ended: Ended) -> str:
    """What is not as it must be; nothing if all is."""
    if "Traceback" in ended.stderr:
        return "a traceback"
    if ended.status not in (*STATUSES[kind], 0) or (kind == "full" and ended.status == 0):
        return f"status {ended.status}"
    if kind in ("interrupt", "group") and ended.status == 0 and ended.seconds > SWALLOWED_S:
        return "swallowed"
    if ended.stderr.count("\n") > 1:
        return "more than one line"
    return f"left {ended.drafts[0]}" if ended.drafts else ""


def campaign(count: int, seed: int) -> int:
    """Run all; the exit status."""
    rng, faulty, met = random.Random(seed), 0, dict.fromkeys(STATUSES, 0)
    lengths_s = {command: whole_run_s(command) for command in COMMANDS}
    print("whole runs:", ", ".join(f"{command[0]} {length:.1f} s" for command, length in lengths_s.items()), flush=True)
    slowest = 0.0
    for at in range(count):
        kind = rng.choice(("interrupt", "interrupt", "interrupt", "group", "pipe", "full"))
        command = rng.choice(COMMANDS)
        latest_s = IMPORTS_S if rng.random() < 0.5 and kind != "pipe" else lengths_s[command]
        moment_s = rng.uniform(0.0, latest_s)
        ended = happened(kind, command, moment_s)
        met[kind] += ended.status != 0
        slowest = max(slowest, ended.seconds if kind in ("interrupt", "group") else 0.0)
        wrong = fault(kind, ended)
        faulty += bool(wrong)
        told = f": {wrong}\n    {ended.stderr[-1500:]}" if wrong else f": {ended.status}"
        print(f"{at}: {kind} of {command[0]} at {moment_s:.2f} s{told}", flush=True)
    listed = ", ".join(f"{number} by {kind}" for kind, number in met.items())
    print(f"{count} runs, ended {listed}: {faulty} faulty; slowest interrupt {slowest:.1f} s")
    return int(faulty > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(campaign(int(sys.argv[1]), int(sys.argv[2])))
