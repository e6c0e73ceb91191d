"""Cases in forked children with limits, and what became of each."""

import itertools
import json
import os
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_S = 20
"""Of processor time: of a clock's, a busy machine takes many times as much."""
_BLOCKED_S = 600
"""Of a clock's, after which a case is taken to wait for what never comes."""
MOST_MIB = 2048
_ROOM = 4 * 2**30
"""Bytes of addresses that a child may take beyond those it begins with: what asks for more is a fault too."""
_LONGEST_SENTENCE = 1000


Work = Callable[[], str]
Errors = type[Exception] | tuple[type[Exception], ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a case: `read`, `refused`, or a fault."""

    kind: str
    text: str
    """What was read, the sentence, or the last lines of a traceback."""
    seconds: float
    mib: float

    @property
    def fault(self) -> str:
        """What is wrong with it; empty where it ended well."""
        if self.kind == "fault":
            return self.text
        if self.seconds > MOST_S:
            return f"took {self.seconds:.0f} s: {self.text}"
        if self.mib > MOST_MIB:
            return f"took {self.mib:.0f} MiB: {self.text}"
        if self.kind == "refused" and ("\n" in self.text or not 20 < len(self.text) < _LONGEST_SENTENCE):
            return f"is not refused in one sentence: {self.text}"
        if self.kind == "refused" and "more memory than there is" in self.text:
            return f"was stopped only by the end of memory: {self.text}"
        return ""


def tried(works: Sequence[Work], refusals: Errors) -> list[Outcome]:
    """Runs cases that return what they read; `refusals` are errors that are a user's mistake, warnings are faults.

    They share a child as long as all goes well, since a child takes longer than a case; whatever does not is repeated
    in a child of its own.
    """
    found: list[Outcome] = []
    while len(found) < len(works):
        found += itertools.takewhile(lambda one: not one.fault, _in_child(works[len(found) :], refusals))
        if len(found) < len(works):
            found += _in_child(works[len(found) : len(found) + 1], refusals)
    return found


def _in_child(works: Sequence[Work], refusals: Errors) -> list[Outcome]:
    """What became of cases in one child, up to the one that ended it."""
    read, write = os.pipe()
    begin = time.monotonic()
    child = os.fork()
    if not child:
        os.close(read)
        _run(works, refusals, write)
    os.close(write)
    told, late = _received(read, begin + _BLOCKED_S)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    found = [Outcome(*json.loads(line)) for line in told.splitlines()]
    if len(found) < len(works):
        signed = os.WIFSIGNALED(status)
        how = f"signal {signal.Signals(os.WTERMSIG(status)).name}" if signed else f"status {status >> 8}"
        what = f"did not end within {_BLOCKED_S} s" if late else f"ended the process by {how}"
        found.append(Outcome("fault", what, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))
    return found


def _received(pipe: int, deadline: float) -> tuple[bytes, bool]:
    """All that comes through a pipe, and whether it is still open at the deadline."""
    told = b""
    while True:
        if not select.select([pipe], [], [], max(deadline - time.monotonic(), 0))[0]:
            os.close(pipe)
            return told, True
        piece = os.read(pipe, 65_536)
        if not piece:
            os.close(pipe)
            return told, False
        told += piece


def _run(works: Sequence[Work], refusals: Errors, pipe: int) -> None:
    """The child: does the work, tells what came of it, and ends without any of the parent's clean-up."""
    try:
        most = _addresses() + _ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (2 * MOST_S, 2 * MOST_S))
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        for work in works:
            begin = time.process_time()
            kind, text = _done(work, refusals)
            used = time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            data = json.dumps((kind, text, *used)).encode() + b"\n"
            while data:
                data = data[os.write(pipe, data) :]
        os._exit(0)
    finally:
        os._exit(3)


def _done(work: Work, refusals: Errors) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return "read", work()
    except refusals as error:
        return "refused", str(error)
    except BaseException:
        return "fault", traceback.format_exc()[-2000:]


def _addresses() -> int:
    """Bytes of addresses that this process has now."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
