"""What an interrupt (Ctrl-C) does to a script: it ends with status 130 and one line, whatever runs at that moment.

From the import of this module on, if `__main__` is a script of this folder: while libraries are loaded, and after the
run, the process ends at once, for there is nothing to put in order. In between `KeyboardInterrupt` is raised, so that
files are whole or absent. A library may drop that exception (in a callback, a finaliser) or go on compiling; a thread
sees to it that the interrupt is raised again, or ends the process.
"""

import _thread
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

INTERRUPTED = 130
"""Exit status."""
GRACE_S = 5.0
"""How long an interrupted run may take to put its files in order."""
MESSAGE = "interrupted; files that were not finished are not written"
SCRIPTS = Path(__file__).resolve().parents[1]

_asked, _dropped, _told = threading.Event(), threading.Event(), threading.Event()
"""Whether there was an interrupt, whether Python said that it was dropped, and whether the user knows of it."""


def end_at_interrupts() -> None:
    """From now on an interrupt ends the process; nothing changes where SIGINT is ignored or handled otherwise."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    signal.signal(signal.SIGINT, _end)
    sys.unraisablehook = _note_dropped
    threading.Thread(target=_watch, args=(reader,), name="interrupts", daemon=True).start()


@contextlib.contextmanager
def raised_interrupts() -> Iterator[None]:
    """Where an interrupt is to raise `KeyboardInterrupt`; as ever where `end_at_interrupts` is not in force."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def interrupted() -> int:
    """End the process of a script, whose files are in order; of any other caller tell the user, and the exit status.

    Python's own end would wait for the threads of libraries, or take from them what they still use.
    """
    if signal.getsignal(signal.SIGINT) is _end:
        _end()
    _tell()
    return INTERRUPTED


def was_interrupted() -> bool:
    """Whether there was an interrupt, as far as `end_at_interrupts` is in force."""
    return _asked.is_set()


def _tell() -> None:
    if not _told.is_set():
        _told.set()
        with contextlib.suppress(OSError):
            os.write(2, f"{MESSAGE}\n".encode())


def _end(*_: Any) -> NoReturn:
    """End the process, and those that it has started, without anything that could wait."""
    _tell()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(INTERRUPTED)


def _watch(reader: int) -> None:
    """After a SIGINT: raise the interrupt again if it was dropped; end the process when the grace is over."""
    while os.read(reader, 1) != bytes([signal.SIGINT]):
        pass
    _asked.set()
    over = time.monotonic() + GRACE_S
    while _dropped.wait(max(over - time.monotonic(), 0.0)):
        _dropped.clear()
        _thread.interrupt_main()
    _end()


def _note_dropped(told: Any) -> None:
    if issubclass(told.exc_type, KeyboardInterrupt):
        _dropped.set()
    else:
        sys.__unraisablehook__(told)


if multiprocessing.current_process().name != "MainProcess":  # a script's own process: its parent ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
elif Path(getattr(sys.modules["__main__"], "__file__", None) or "").resolve().parent == SCRIPTS:
    end_at_interrupts()
