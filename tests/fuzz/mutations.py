"""A sound file damaged: bits and bytes, numbers, lines, and the fields of protobuf, JSON and archives."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import random
import re
import struct
import zipfile
from collections.abc import Callable, Iterator

import onnx

_TEXTS = (
    "0 -1 1 2 -0 +1 00 007 1.0D+02 2.5d-1 1,5 1. .5 . 1e 1e400 1e308 -1e308 1e-400 4.9e-324 nan -inf inf Infinity 0x10 "
    "1_000 1e5 1.5.2 2147483647 2147483648 4294967296 268435455 9007199254740993 9223372036854775807 "
    "9223372036854775808 18446744073709551616 x true null [] {} ~ \u00b2 \u0661\u0662 \uff11 1:2 2:4 50% 1/2 (1)"
)
NUMBERS = [*(text.encode() for text in _TEXTS.split()), b"9" * 400, b"1" * 30 + b".5", b"", b" ", b'""', b"1\0"]
"""What stands in place of a number."""
WORDS = [0, 1, 2, 127, 128, 255, *(2**bits + less for bits in (15, 16, 28, 31, 32, 40, 53, 63, 64) for less in (-1, 0))]
"""What stands in place of a binary number, as far as it has room."""
_PACKERS = {
    b"\x1f\x8b": (gzip.decompress, gzip.compress),
    b"BZ": (bz2.decompress, bz2.compress),
    b"\xfd7": (lzma.decompress, lzma.compress),
}

Mutation = Callable[[bytes, random.Random], bytes]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The content damaged once or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(_suited(data))(data, rng) if data else b"x"
    return data[:2_000_000]


def cut_off(data: bytes, rng: random.Random) -> bytes:
    """The beginning of the content."""
    return data[: rng.randrange(max(len(data), 1))]


def _suited(data: bytes) -> list[Mutation]:
    """Mutations that make sense for content, the structured ones more often than others."""
    found: list[Mutation] = [_bits, _bytes, cut_off, _more, _repeated, _less, _words, _wrapped]
    text = b"\0" not in data[:4096] and sum(byte > 126 for byte in data[:4096]) < 64
    found += [_numbers, _numbers, _numbers, _lines, _lines, _columns, _encoded, _ends] if text else [_words, _words]
    if data[8:9] == b"{":
        found += 8 * [_header]
    if data[:2] in _PACKERS or data.startswith(b"PK\x03\x04"):
        found += 6 * [_inside]
    if data.startswith(b"\x93NUMPY"):
        found += 6 * [_numpy]
    if data[:1] == b"\x08" and b"\x3a" in data[:64]:
        found += 8 * [_protobuf]
    if text and data.lstrip()[:1] in (b"{", b"["):
        found += 4 * [_json]
    return found


def _bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 8))):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.randrange(1, 9)
    return data[:at] + rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size)) + data[at + size :]


def _more(data: bytes, rng: random.Random) -> bytes:
    at = rng.choice((rng.randrange(len(data) + 1), len(data)))
    return data[:at] + rng.choice((rng.randbytes(rng.randrange(1, 99)), bytes(99), data[:99])) + data[at:]


def _repeated(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    end = min(len(data), at + rng.randrange(1, 99))
    return data[:end] + data[at:end] * rng.choice((1, 1, 2, 1000)) + data[end:]


def _less(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 99) :]


def _words(data: bytes, rng: random.Random) -> bytes:
    """A binary number of two, four or eight bytes."""
    code = rng.choice(("<H", "<I", "<Q", ">H", ">I", ">Q"))
    size = struct.calcsize(code)
    at = rng.randrange(len(data)) // rng.choice((1, 4)) * rng.choice((1, 4))
    word = struct.pack(code, rng.choice(WORDS) % 2 ** (8 * size))
    return data[:at] + word + data[at + size :]


def _wrapped(data: bytes, rng: random.Random) -> bytes:
    """Packed, once or twice over, or unpacked."""
    for magic, (unpack, _) in _PACKERS.items():
        if data.startswith(magic):
            return _tried(unpack, data)
    pack = rng.choice([pack for _, pack in _PACKERS.values()])
    return pack(pack(data)) if rng.random() < 0.2 else pack(data)


def _tried(work: Callable[[bytes], bytes], data: bytes) -> bytes:
    try:
        return work(data)
    except Exception:  # of a file that was damaged before
        return data


def _numbers(data: bytes, rng: random.Random) -> bytes:
    """A number in the text, the first ones, which are sizes, more often."""
    found = list(re.finditer(rb"[-+]?\d[\d.]*(?:[eEdD][-+]?\d+)?", data[:20_000]))
    if not found:
        return _bytes(data, rng)
    one = rng.choice(found[: rng.choice((4, 12, len(found)))])
    return data[: one.start()] + rng.choice(NUMBERS) + data[one.end() :]


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        lines.insert(other, lines[at])
    elif kind == 1:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 2:
        del lines[at]
    elif kind == 3:
        lines[at] += lines[other]
    elif kind == 4:
        lines[at] = rng.choice((b"", b"%", b"#", b"// x", b"[", b"}", b"\t", b"\0", b"a" * 70_000, b"- &a [*a]"))
    else:
        lines[at : at + 1] = [lines[at]] * rng.choice((3, 300))
    return b"\n".join(lines)


def _columns(data: bytes, rng: random.Random) -> bytes:
    """A field more on a line, or on all of them; or one less."""
    lines = data.split(b"\n")
    mark = next((mark for mark in (b"\t", b",", b";", b"|") if mark in data), b" ")
    more = mark + rng.choice(NUMBERS)
    if rng.random() < 0.5:
        at = rng.randrange(len(lines))
        lines[at] = rng.choice((lines[at] + more, lines[at].rpartition(mark)[0], more + lines[at]))
    else:
        lines = [line + more if line else line for line in lines]
    return b"\n".join(lines)


def _encoded(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            b"\xef\xbb\xbf" + data,
            text.encode("utf-16"),
            text.encode("utf-16-be"),
            text.encode("utf-32"),
            data + b"\xff\xfe",
            data.upper(),
        )
    )


def _ends(data: bytes, rng: random.Random) -> bytes:
    """Other ends of lines, blanks and marks."""
    ends = [(b"\n", end) for end in (b"\r\n", b"\r", b"\n\n", b"\0\n", b"\x0b", b"\xe2\x80\xa8")]
    blanks = [(b" ", blank) for blank in (b"\t", b"\xc2\xa0", b"  ")]
    return data.replace(*rng.choice((*ends, *blanks, (b".", b","), (b",", b";"))))


def _inside(data: bytes, rng: random.Random) -> bytes:
    """What is packed is damaged, and packed again; names and sizes of a zip file's members with it."""
    for magic, (unpack, pack) in _PACKERS.items():
        if data.startswith(magic):
            return pack(mutated(_tried(unpack, data)[:200_000], rng))
    return _tried(lambda packed: _zip_changed(packed, rng), data)


def _zip_changed(data: bytes, rng: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(one.filename, archive.read(one)) for one in archive.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    kind = rng.randrange(6)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (
            rng.choice((name.upper(), "../" + name, "/" + name, name + "/", "", rng.choice(members)[0], "a" * 60_000)),
            content,
        )
    elif kind == 2:
        members.append((rng.choice(("x.npy", "data.npy", "a.mtx", "shape.npy", "b/")), rng.choice(members)[1]))
    else:
        members[at] = (name, mutated(content, rng))
    stream = io.BytesIO()
    with zipfile.ZipFile(
        stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    ) as archive:
        for name, content in dict(members).items():
            archive.writestr(name, content)
    return stream.getvalue()


def _numpy(data: bytes, rng: random.Random) -> bytes:
    """The text of an array's header, its length made to fit."""
    size = int.from_bytes(data[8:10], "little")
    text = data[10 : 10 + size]
    text = _numbers(text, rng) if rng.random() < 0.6 else _json_words(text, rng)
    return data[:8] + struct.pack("<H", len(text) % 65536) + text + data[10 + size :]


def _json_words(text: bytes, rng: random.Random) -> bytes:
    types = (
        b"'|O'",
        b"'<f4'",
        b"'>i8'",
        b"'|b1'",
        b"'<U4'",
        b"'|V2'",
        b"'<M8[ns]'",
        b"[('a', '<f4')]",
        b"'<c16'",
        b"True",
        b"None",
        b"()",
        b"(2, 2, 2)",
        b"-5",
    )
    parts = re.findall(rb"'[^']*'|\([^)]*\)|True|False", text)
    return text.replace(rng.choice(parts), rng.choice(types), 1) if parts else text


def _header(data: bytes, rng: random.Random) -> bytes:
    """The JSON of a safetensors file, its length made to fit."""
    size = int.from_bytes(data[:8], "little")
    text = _json(data[8 : 8 + size], rng) if rng.random() < 0.8 else _numbers(data[8 : 8 + size], rng)
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def _json(data: bytes, rng: random.Random) -> bytes:
    """A value somewhere in JSON replaced, moved or doubled."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return _numbers(data, rng)
    places = list(_places(whole))
    if not places:
        return data
    holder, key = rng.choice(places)
    values = (
        None,
        True,
        -1,
        0,
        2**31,
        2**63,
        10**400,
        1e308,
        1.5,
        "",
        "x",
        [],
        {},
        [[]],
        [2**40, 2**40],
        "F32",
        "BOOL",
        rng.choice(places)[0],
    )
    value = rng.choice(values)
    holder[key] = json.loads(json.dumps(value)) if value is holder else value
    if isinstance(holder, dict) and rng.random() < 0.2:
        holder[rng.choice(("weight", "a.b.c", "__metadata__", "x" * 5000))] = holder[key]
    try:
        return json.dumps(whole).encode()
    except (ValueError, RecursionError):
        return data


def _places(value: object) -> Iterator[tuple]:
    """Where values of JSON stand: a list or object, and an index or key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _protobuf(data: bytes, rng: random.Random) -> bytes:
    """A field somewhere in an ONNX model."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # of a file that was damaged before
        return _words(data, rng)
    places = list(_fields(model))
    message, field = rng.choice(places)
    _changed(message, field, rng)
    return model.SerializeToString()


def _fields(message) -> Iterator[tuple]:
    """Fields that are set, of a message and those within it."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                yield from _fields(one)


_WHOLE = (0, 1, -1, 2, 3, 7, 16, 64, 2**20, 2**28, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63))
_NEW: dict[type, Callable[[random.Random], object]] = {
    int: lambda rng: rng.choice(_WHOLE),
    float: lambda rng: rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf"))),
    str: lambda rng: rng.choice(
        ("", "w", "x", "y", "f", "MatMul", "Conv", "Tile", "Expand", "If", "\x1b[2J", "a" * 5000)
    ),
    bytes: lambda rng: rng.choice((b"", b"\xff", b"SAME_UPPER", rng.randbytes(64))),
}
"""What stands in place of a field of protobuf."""


def _changed(message, field, rng: random.Random) -> None:
    value = getattr(message, field.name)
    one = value[rng.randrange(len(value))] if field.is_repeated else value
    kind = rng.randrange(4)
    if type(one) in _NEW and kind < 3:
        new = _NEW[type(one)](rng)
        with contextlib.suppress(ValueError):  # of a number that the field has no room for
            if field.is_repeated:
                value[rng.randrange(len(value))] = new
            else:
                setattr(message, field.name, new)
    elif field.is_repeated and kind < 2:
        value.extend([one] * rng.choice((1, 3, 1000)))
    elif field.is_repeated:
        del value[rng.randrange(len(value))]
    else:
        message.ClearField(field.name)
