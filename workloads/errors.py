"""The one exception for a user's mistake; every package raises it and every script prints it without a traceback."""

import difflib
from collections.abc import Collection

LONGEST = 1000
"""Characters of a sentence: more come from what stands in a file."""


class InputError(ValueError):
    """Bad input, told in one sentence: which file, which field, what to do.

    It may quote a file that nobody trusts: it is put on one line, made fit for a terminal, and cut in its middle.
    """

    def __init__(self, sentence: str) -> None:
        text = printable(" ".join(sentence.split()))
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}")


def printable(text: str) -> str:
    """Text without what would move a terminal's cursor, change its colours or turn the direction of writing."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def choose_from(name: str, known: Collection[str]) -> str:
    """How a sentence on an unknown name ends: with the known one that it resembles, or with all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(known)}."
