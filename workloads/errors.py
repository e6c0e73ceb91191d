"""The one exception for a user's mistake; every package raises it and every script prints it without a traceback."""

import difflib
from collections.abc import Collection


class InputError(ValueError):
    """Bad input, told in one sentence: which file, which field, what to do."""


def choose_from(name: str, known: Collection[str]) -> str:
    """How a sentence on an unknown name ends: with the known one that it resembles, or with all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(known)}."
