"""Bad input to the scripts: one clear sentence on stderr, a non-zero status, no traceback, no half-written files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from experiments import pareto_front, tune_pe_count, what_if
from experiments.common.cli import BROKEN_PIPE, USAGE_ERROR, main
from experiments.common.interrupts import INTERRUPTED, ChildrenShielded
from experiments.common.output import Output, portable

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = {"pareto_front": pareto_front, "tune_pe_count": tune_pe_count, "what_if": what_if}


def complaint(script: str, args: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a script that must fail; the one sentence it says."""
    module = SCRIPTS[script]
    assert main(module.run, module.Config, args) == USAGE_ERROR
    said = capsys.readouterr().err
    assert "Traceback" not in said
    lines = said.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of broken inputs."""
    (tmp_path / "empty.mtx").write_text("")
    (tmp_path / "words.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 one 1.0\n")
    (tmp_path / "truncated.mtx").write_text("%%MatrixMarket matrix coordinate real general\n4 4 3\n1 1 1.0\n")
    (tmp_path / "oversized.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n5 1 1.0\n")
    (tmp_path / "negative.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n-1 1 1.0\n")
    (tmp_path / "nothing.mtx").write_text("%%MatrixMarket matrix coordinate real general\n4 4 0\n")
    np.save(tmp_path / "nan.npy", np.array([[1.0, np.nan], [0.0, 1.0]]))
    scipy.sparse.save_npz(tmp_path / "wide.npz", scipy.sparse.csr_array(np.ones((2, 3))))
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text(json.dumps({"schema": "something else"}))
    (tmp_path / "unknown.json").write_text(json.dumps({"no_such_constant": 1.0}))
    (tmp_path / "twice.json").write_text('{"int_add_pj": 0.1, "int_add_pj": 0.2}')
    (tmp_path / "negative.json").write_text(json.dumps({"int_add_pj": -1.0}))
    (tmp_path / "space.toml").write_text("[pe_rowz]\nlow = 1\nhigh = 8\n")
    (tmp_path / "file").write_text("in the way")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--workload", "{}/missing.mtx"], ["missing.mtx", "no such path"]),
        (["--workload", "{}/empty.mtx"], ["empty.mtx"]),
        (["--workload", "{}/words.mtx"], ["words.mtx"]),
        (["--workload", "{}/truncated.mtx"], ["truncated.mtx"]),
        (["--workload", "{}/oversized.mtx"], ["oversized.mtx"]),
        (["--workload", "{}/negative.mtx"], ["negative.mtx"]),
        (["--workload", "{}/nothing.mtx"], ["nothing.mtx", "non-zero"]),
        (["--workload", "{}/nan.npy"], ["nan.npy", "NaN"]),
        (["--workload", "{}/wide.npz@axa"], ["wide.npz", "square"]),
        (["--workload", "{}/wide.npz@dot"], ["dot", "@axa"]),
        (["--workload", "{}/folder"], ["folder", "no matrix"]),
        (["--workload"], ["--workload", "without a value"]),
        (["--objectives", "latency,beauty"], ["beauty", "latency_s"]),
        (["--objectives"], ["--objectives", "without a value"]),
        (["--fix", "pe_rowz=12"], ["pe_rowz", "pe_rows"]),
        (["--fix", "pe_rows"], ["pe_rows", "NAME=VALUE"]),
        (["--fix", "pe_rows=0"], ["pe_rows", "at least 1"]),
        (["--fix", "pe_rows=inf"], ["pe_rows", "at most 1,048,576"]),
        (["--fix", "a_format=zip"], ["zip", "csr"]),
        (["--fix", "nobody.tile_m=16"], ["nobody"]),
        (["--space", "{}/missing.toml"], ["missing.toml"]),
        (["--space", "{}/space.toml"], ["space.toml", "pe_rowz"]),
        (["--technology", "{}/missing.json"], ["missing.json"]),
        (["--technology", "x" * 5000], ["File name too long"]),
        (["--technology", "/dev/zero"], ["/dev/zero", "no file"]),
        (["--technology", "{}/twice.json"], ["'int_add_pj' is there twice"]),
        (["--technology", "{}/broken.json"], ["broken.json", "JSON"]),
        (["--technology", "{}/unknown.json"], ["no_such_constant"]),
        (["--technology", "{}/negative.json"], ["int_add_pj", "negative"]),
        (["--node", "3"], ["--node", "at least 5 and at most 45"]),
        (["--node", "nan"], ["--node", "'nan'"]),
        (["--clock-ghz", "40"], ["clock_ghz", "lower the clock"]),
        (["--dram", "core"], ["core", "lpddr4"]),
        (["--clock-ghz", "1e-30"], ["--clock-ghz", "at least 0.001"]),
        (["--dram-channels", "99999999999"], ["--dram-channels", "at most 1,024"]),
        (["--max-area-mm2", "0"], ["--max-area-mm2", "above 0"]),
        (["--budget", "9" * 5000], ["--budget", "at least 1"]),
        (["--bugdet", "9"], ["--bugdet", "did you mean --budget?"]),
        (["--strategy", "luck"], ["luck", "gradient"]),
        (["--seed", "-1"], ["--seed"]),
        (["--out", "{}/file/below"], ["--out", "cannot write"]),
        (["--max-area-mm2", "0.0001", "--fix", "dataflow=gustavson"], ["area_mm2 <= 0.0001", "smallest found"]),
        (["--strategy", "exhaustive"], ["designs", "budget"]),
        (["--min-gain", "0.1", "--fix", "dataflow=gustavson"], ["least gain of 0.1", "price well above"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_pareto_front(args: list[str], words: list[str], files: Path, capsys: pytest.CaptureFixture[str]):
    args = [arg.replace("{}", str(files)) for arg in args]
    out = [] if "--out" in args else ["--out", str(files / "out")]
    said = complaint("pareto_front", ["--smoke", *args, *out], capsys)
    for word in words:
        assert word in said
    assert not list((files / "out").glob("*")), "files of a run that failed"


@pytest.mark.parametrize(
    ("script", "args", "words"),
    [
        ("what_if", ["--set", "index_bus=64"], ["index_bus", "did you mean 'index_bus_bits'"]),
        ("what_if", ["--set", "index_bus_bits"], ["NAME=VALUE"]),
        ("what_if", ["--set", "index_bus_bits=wide"], ["wide", "whole number"]),
        ("what_if", ["--set", "a_format=zip"], ["zip", "bitmask"]),
        ("what_if", ["--set", "lanes=2", "--set", "lanes=4"], ["twice"]),
        ("what_if", ["--set", "lanes=1e30"], ["lanes", "at most"]),
        ("what_if", ["--design", "{}/other.json:²"], ["other.json:²", "does not exist"]),
        ("what_if", ["--design", "{}/other.json:--1"], ["other.json:--1", "does not exist"]),
        ("what_if", ["--design", "{}/missing.json:3"], ["missing.json"]),
        ("what_if", ["--design", "{}/broken.json"], ["broken.json", "JSON"]),
        ("what_if", ["--design", "{}/other.json"], ["other.json", "schema"]),
        ("what_if", ["--out", "{}/file/below"], ["--out", "cannot write"]),
        ("tune_pe_count", ["--counts", "0", "4"], ["--counts", "whole number"]),
        ("tune_pe_count", ["--counts"], ["--counts"]),
        ("tune_pe_count", ["--design", "{}/other.json:0"], ["other.json", "schema"]),
        ("tune_pe_count", ["--workload", "{}/nan.npy"], ["nan.npy", "NaN"]),
        ("tune_pe_count", ["--out", "{}/file/below"], ["--out", "cannot write"]),
    ],
)
def test_other_scripts(script: str, args: list[str], words: list[str], files: Path, capsys: pytest.CaptureFixture[str]):
    args = [arg.replace("{}", str(files)) for arg in args]
    said = complaint(script, [*args, *([] if "--out" in args else ["--out", str(files / "out")])], capsys)
    for word in words:
        assert word in said


@pytest.mark.parametrize("command", [["experiments/pareto_front.py"], ["-m", "experiments.what_if"]])
def test_status_of_the_process(command: list[str], tmp_path: Path):
    args = ["--workload", "nobody-has-this", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *command, *args],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == USAGE_ERROR
    assert done.stderr.count("\n") == 1
    assert "nobody-has-this" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("place", "status"), [("/dev/full", USAGE_ERROR), ("closed pipe", BROKEN_PIPE)])
def test_output_that_cannot_be_written(place: str, status: int, monkeypatch, capsys: pytest.CaptureFixture[str]):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer if place == "closed pipe" else os.open(place, os.O_WRONLY), "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(what_if.run, what_if.Config, ["--help"]) == status
    assert capsys.readouterr().err.count("\n") == (status == USAGE_ERROR)


@pytest.fixture
def interrupts_heard() -> Iterator[None]:
    """Processes that are started hear of interrupts, also where the tests run in the background of a shell, which do
    not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_while_libraries_are_loaded(tmp_path: Path, interrupts_heard: None):
    process = subprocess.Popen(
        [sys.executable, "experiments/what_if.py", "--out", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.6)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.count("\n")) == (INTERRUPTED, 1), said


def test_what_there_is_no_number_of_is_an_empty_cell_and_a_text_in_json(tmp_path: Path):
    output, rows = Output(tmp_path), [{"a": float("nan"), "b": 0.5}]
    for gaps, cell in ((True, ""), (False, "nan")):
        output.csv("table.csv", rows, gaps=gaps)
        assert (tmp_path / "table.csv").read_text() == f"a,b\n{cell},0.5\n"
    assert portable(rows) == [{"a": "nan", "b": 0.5}]


INTERRUPTED_SCRIPT = """
import dataclasses, os, signal, sys
from experiments.common import cli, interrupts

interrupts.end_at_interrupts()

@dataclasses.dataclass
class Config:
    out: str = ""

def run(config):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise OSError("what a library makes of it") from None

sys.exit(cli.main(run, Config, []))
"""


def test_an_interrupt_of_which_a_library_makes_an_error_of_its_own(interrupts_heard: None):
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_SCRIPT], capture_output=True, cwd=ROOT, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (INTERRUPTED, 1), done.stderr


def test_processes_that_a_script_starts_hear_of_no_interrupt():
    """From before their first instruction: what Python says of one while it starts would be a traceback."""
    with ChildrenShielded():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.send_signal(signal.SIGINT)
    child.communicate(b"\n", timeout=60)
    assert child.returncode == 0


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_help_names_every_common_option(script: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(SCRIPTS[script].run, SCRIPTS[script].Config, ["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for option in ("Usage:", "--smoke", "--seed", "--out", "--node", "--dram", "--technology", "--workload"):
        assert option in said
