"""What an interrupt (Ctrl-C) does to a script: it ends with status 130 and one line, whatever runs at that moment.

From the import of this module on, if `__main__` is a script of this folder: while libraries are loaded, and after the
run, the process ends at once, for there is nothing to put in order. In between `KeyboardInterrupt` is raised, so that
files are whole or absent. A library may drop that exception (in a callback, a finaliser) or go on compiling; a thread
sees to it that the interrupt is raised again, or ends the process. Processes that a script starts hear of none
(`ChildrenShielded`), also while they still import: their parent ends them.

It imports nothing that Python has not loaded by itself, so that hardly any time passes before.
"""

import _signal  # pyright: ignore[reportMissingImports]  # `signal` without its enumerations
import _thread
import os
import sys
import time

INTERRUPTED = 130
"""Exit status."""
GRACE_S = 5.0
"""How long an interrupted run may take to put its files in order."""
MESSAGE = b"interrupted; files that were not finished are not written\n"
SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_HAS_MASKS = hasattr(_signal, "pthread_sigmask")


class _State:
    """What is known of an interrupt."""

    asked = told = False
    """Whether there was one, and whether the user knows what became of it."""
    undropped = _thread.allocate_lock()
    """Free from when Python says that an interrupt was dropped until it is raised again."""


def end_at_interrupts() -> None:
    """From now on an interrupt ends the process; nothing changes where SIGINT is ignored or handled otherwise."""
    if _signal.getsignal(_signal.SIGINT) is not _signal.default_int_handler:
        return
    _signal.signal(_signal.SIGINT, _end)
    if not hasattr(os, "register_at_fork"):  # Windows, whose signals wake no pipe
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: _signal.set_wakeup_fd(-1))
    _State.undropped.acquire()
    sys.unraisablehook = _note_dropped
    _thread.start_new_thread(_watch, (reader,))


class RaisedInterrupts:
    """Where an interrupt is to raise `KeyboardInterrupt`; as ever where `end_at_interrupts` is not in force."""

    def __enter__(self) -> None:
        self._guarded = _signal.getsignal(_signal.SIGINT) is _end
        if self._guarded:
            _signal.signal(_signal.SIGINT, _raise)

    def __exit__(self, *_: object) -> None:
        if self._guarded:
            _signal.signal(_signal.SIGINT, _end)


class ChildrenShielded:
    """Where processes are started that no interrupt is to reach: a terminal sends it to all of them at once.

    They are started with the signal blocked, which holds from before their first instruction to their end.
    """

    def __enter__(self) -> None:
        self._before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT,)) if _HAS_MASKS else ()

    def __exit__(self, *_: object) -> None:
        if _HAS_MASKS:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, self._before)


def interrupted() -> int:
    """End the process of a script, whose files are in order; of any other caller tell the user, and the exit status.

    Python's own end would wait for the threads of libraries, or take from them what they still use.
    """
    if _signal.getsignal(_signal.SIGINT) is _end:
        _end()
    _tell()
    return INTERRUPTED


def was_interrupted() -> bool:
    """Whether there was an interrupt, as far as `end_at_interrupts` is in force."""
    return _State.asked


def _tell() -> None:
    if not _State.told:
        _State.told = True
        try:
            os.write(2, MESSAGE)
        except OSError:  # nobody listens
            return


def _end(*_: object) -> None:
    """End the process, and those that it has started, without anything that could wait."""
    _tell()
    try:
        for child in getattr(sys.modules.get("multiprocessing.process"), "active_children", list)():
            child.kill()
    finally:
        os._exit(INTERRUPTED)


def _raise(*_: object) -> None:
    """Known before it is raised, for a library may make an error of its own of it at once."""
    _State.asked = True
    raise KeyboardInterrupt


def _watch(reader: int) -> None:
    """After a SIGINT: raise the interrupt again if it was dropped; end the process when the grace is over."""
    while os.read(reader, 1) != bytes([_signal.SIGINT]):
        pass
    _State.asked = True
    over = time.monotonic() + GRACE_S
    while _State.undropped.acquire(timeout=max(over - time.monotonic(), 0.0)):
        _thread.interrupt_main()
    _end()


def _note_dropped(told: "sys.UnraisableHookArgs") -> None:
    if not issubclass(told.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(told)
    elif _State.undropped.locked():
        _State.undropped.release()


if os.path.dirname(os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or os.devnull)) == SCRIPTS:
    end_at_interrupts()
