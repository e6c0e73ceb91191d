"""From the command line to a script's function and its exit status.

Scripts import it before any other module: from here on an interrupt ends them with one line (`interrupts`).
"""

from experiments.common.interrupts import RaisedInterrupts, interrupted, was_interrupted

import contextlib
import dataclasses
import errno
import io
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import tyro

from dse import default_space
from dse.space.design_space import parameter_help
from workloads.errors import InputError

USAGE_ERROR = 2
BROKEN_PIPE = 141
"""What a shell reports of a process that SIGPIPE ended."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What is wrong with a disk, or a terminal, that takes no more."""
BORDERS = ("╭", "╰")
LONGEST = 300
"""Letters of what is quoted of options that cannot be parsed."""

ConfigT = TypeVar("ConfigT")


def main(run: Callable[[ConfigT], None], config: type[ConfigT], args: Sequence[str] | None = None) -> int:
    """Parse the options into `config`, call `run` with it and return the exit status.

    The script's docstring is its help. A user's mistake (`InputError`, options that cannot be parsed, a path that the
    system refuses), a full disk and too little memory are one line on stderr and status 2, Ctrl-C is status 130, output
    that nobody reads any more 141; none shows a traceback. `--help` ends the process.
    """
    _open_streams()
    try:
        with RaisedInterrupts(), _flushed():
            run(parsed(run, config, args))
    except KeyboardInterrupt:
        return interrupted()
    except Exception as error:
        return interrupted() if was_interrupted() else _mistaken(error)  # libraries make errors of their own of it
    return 0


def _mistaken(error: Exception) -> int:
    """The exit status of what is no fault of the code, told; any other error is raised."""
    if isinstance(error, InputError):
        return _said(str(error))
    if isinstance(error, MemoryError):
        return _said(f"There is not enough memory ({error or 'none is left'}); give a smaller workload or fewer runs.")
    if isinstance(error, BrokenPipeError):  # whoever read the output has gone, as `head` does
        _let_go(sys.stdout)
        return BROKEN_PIPE
    if isinstance(error, OSError) and error.errno in FULL:
        _let_go(sys.stdout)
        return _said(f"{error.filename or 'The output'} cannot be written ({error.strerror}); free the space.")
    if isinstance(error, OSError) and error.filename is not None:
        return _said(f"{error.filename}: the system says '{error.strerror}'; name another path.")
    raise error


def parsed(run: Callable[[ConfigT], None], config: type[ConfigT], args: Sequence[str] | None = None) -> ConfigT:
    """The options as a `config`; InputError for what cannot be parsed, SystemExit after `--help`."""
    args, told = sys.argv[1:] if args is None else args, io.StringIO()
    if any(not arg.strip() or re.fullmatch("--[^=]*=", arg) for arg in args):
        raise InputError("An option is given an empty text; give it a value, or leave it out.")
    try:
        with contextlib.redirect_stderr(told):
            options: Any = tyro.cli(
                config,
                description=_description(run, config),
                args=args,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise InputError(_sentence(told.getvalue())) from None
    for field in dataclasses.fields(options):
        if getattr(options, field.name) == () != field.default:
            name = field.name.replace("_", "-")
            raise InputError(f"--{name} is given without a value; name at least one, or leave the option out.")
    return options


def _sentence(box: str) -> str:
    """What tyro prints of a mistake, a box of several paragraphs, as one sentence."""
    paragraphs: list[list[str]] = [[]]
    for line in box.splitlines():
        text = line.strip("│ ")
        if line.startswith(BORDERS) or (text and set(text) <= set("─-")):
            paragraphs.append([])
        elif text:
            paragraphs[-1].append(text)
    titled = 0 if box.startswith(BORDERS) else 1  # without such letters the title is a paragraph of its own
    message, *rest = [" ".join(lines) for lines in paragraphs if lines][titled:]
    said = message.removeprefix("Error parsing ").rstrip(".")
    near = re.search(r"(?:meant|similar).*?(--[\w-]+)", " ".join(rest))
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    if "; give " in said:
        return f"{said}."
    return f"{said}; {f'did you mean {near[1]}?' if near else '--help tells what can be given.'}"


@contextlib.contextmanager
def _flushed() -> Iterator[None]:
    """What is printed in here has been written at the end, or an error is raised."""
    try:
        yield
    finally:
        sys.stdout.flush()


def _open_streams() -> None:
    """Streams that take all that is printed: closed ones take nothing, names of files that are no text are escaped."""
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _let_go(stream: Any) -> None:
    """Whatever a stream still holds goes nowhere."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _said(mistake: str) -> int:
    """Tell a mistake in one line, of which only the ends where it quotes too much; the exit status."""
    line = " ".join(mistake.split())
    line = line if len(line) <= 3 * LONGEST else f"{line[: 2 * LONGEST]} ... {line[-LONGEST:]}"
    try:
        print(f"error: {line}", file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)
    return USAGE_ERROR


def _description(run: Callable[..., None], config: type) -> str:
    """The script's docstring, and the parameters that its `--fix` or `--set` can name."""
    text = sys.modules[run.__module__].__doc__ or ""
    if {"fix", "set"}.isdisjoint(field.name for field in dataclasses.fields(config)):
        return text
    return f"{text}\nParameters that can be named:\n" + textwrap.indent(parameter_help(default_space()), "    ")
