"""From the command line to a script's function and its exit status."""

import dataclasses
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from dse import default_space
from dse.space.design_space import parameter_help
from workloads.errors import InputError

USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports of a process that SIGPIPE ended."""

ConfigT = TypeVar("ConfigT")


def main(run: Callable[[ConfigT], None], config: type[ConfigT], args: Sequence[str] | None = None) -> int:
    """Parse the options into `config`, call `run` with it and return the exit status.

    The script's docstring is its help. A user's mistake (`InputError`) is one line on stderr and status 2, Ctrl-C is
    status 130, output that nobody reads any more 141; none shows a traceback. `--help` and options that cannot be parsed
    end the process as tyro does.
    """
    options: Any = tyro.cli(
        config,
        description=_description(run, config),
        args=args,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        if options.seed < 0:
            raise InputError(f"--seed is {options.seed}; give a whole number of at least 0.")
        run(options)
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("interrupted; files that were not finished are not written", file=sys.stderr)
        return INTERRUPTED
    return 0


def _description(run: Callable[..., None], config: type) -> str:
    """The script's docstring, and the parameters that its `--fix` or `--set` can name."""
    text = sys.modules[run.__module__].__doc__ or ""
    if {"fix", "set"}.isdisjoint(field.name for field in dataclasses.fields(config)):
        return text
    return f"{text}\nParameters that can be named:\n" + textwrap.indent(parameter_help(default_space()), "    ")


def show_progress() -> bool:
    """Whether progress bars are wanted: only where a person watches."""
    return sys.stderr.isatty()
