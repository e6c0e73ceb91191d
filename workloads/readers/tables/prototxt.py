"""Protocol buffers' text format, without a schema (protobuf.dev/reference/protobuf/textformat-spec).

A message becomes a mapping from field to all of its values, in order; numbers and words stay text.
"""

import re
from collections.abc import Iterator
from typing import NoReturn

from workloads.readers.source import Source

_TOKEN = re.compile(r"""\s+|\#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>:,;\[\]]|[^\s{}<>:,;\[\]"'\#]+""")


class Message(dict[str, list]):
    """Values by field: text, or messages of their own."""

    def text(self, field: str, default: str = "") -> str:
        """The last value of a field that is text."""
        values = [one for one in self.get(field, []) if isinstance(one, str)]
        return values[-1] if values else default

    def texts(self, field: str) -> list[str]:
        """All values of a field that are text."""
        return [one for one in self.get(field, []) if isinstance(one, str)]

    def messages(self, *fields: str) -> list["Message"]:
        """All messages of some fields, in order of the fields."""
        return [one for field in fields for one in self.get(field, []) if isinstance(one, Message)]

    def message(self, field: str) -> "Message":
        """The last message of a field; an empty one where there is none."""
        found = self.messages(field)
        return found[-1] if found else Message()


def parse(source: Source, what: str, text: str) -> Message:
    """The message that a text is. **Raises** `InputError` with the line of what does not belong there."""
    root = Message()
    stack, field, in_list, at = [root], "", False, 0
    for token, at in _tokens(source, what, text):
        if token in "{<":
            if not field:
                _fail(source, what, text, at, token)
            inner = Message()
            stack[-1].setdefault(field, []).append(inner)
            stack.append(inner)
            field = field if in_list else ""
            in_list = False
        elif token in "}>":
            if len(stack) == 1 or field:
                _fail(source, what, text, at, token)
            stack.pop()
        elif token in ":,;":
            continue
        elif token in "[]":
            in_list, field = token == "[", field if token == "[" else ""
        elif not field:
            field = token
        else:
            stack[-1].setdefault(field, []).append(token[1:-1] if token[0] in "\"'" else token)
            field = field if in_list else ""
    if len(stack) > 1 or field:
        source.fail(what, "ends in the middle of a message", "copy or download it again")
    return root


def _tokens(source: Source, what: str, text: str) -> Iterator[tuple[str, int]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _fail(source, what, text, at, text[at])
        if not found[0][0].isspace() and found[0][0] != "#":
            yield found[0], at
        at = found.end()


def _fail(source: Source, what: str, text: str, at: int, token: str) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    source.fail(f"line {line} of {what}", f"has {token[:20]!r} where it does not belong", "correct it")
