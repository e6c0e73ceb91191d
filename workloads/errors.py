"""The one exception for a user's mistake; every package raises it and every script prints it without a traceback."""


class InputError(ValueError):
    """Bad input, told in one sentence: which file, which field, what to do."""
