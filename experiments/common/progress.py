"""Whether a script shows how far it is."""

import sys


def show_progress() -> bool:
    """Whether progress bars are wanted: only where a person watches."""
    return sys.stderr.isatty()
