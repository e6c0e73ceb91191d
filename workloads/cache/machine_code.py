"""`compiled`, the decorator of functions that Numba compiles: their machine code is kept between runs.

Numba's own cache holds code to the date of the file that a function stands in, believes whatever lies in the folder,
and is an error where none can be written. Here code is an entry (`entries`) under a digest of all that decides it: the
function and those that it calls, the constants that they name, the types, the processor, versions and Numba's settings.
Where nothing can be kept a function is compiled in each run.
"""

import hashlib
import os
import pickle
import platform
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from workloads.cache.entries import read_entry, write_entry
from workloads.cache.folder import cache_folder, kept_in
from workloads.errors import InputError

FOLDER = cache_folder()
"""Of the whole cache, as it was chosen when the program began."""

_LIBRARIES = ("math", "numpy", "numba")
"""Modules that functions name; their versions are part of each digest."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.generic, np.dtype)


def compiled(function: Callable) -> Any:
    """Numba's dispatcher of a function, which runs without Python's lock (`njit(nogil=True)`)."""
    dispatcher = numba.njit(nogil=True)(function)
    if isinstance(dispatcher, Dispatcher):  # it is the function with NUMBA_DISABLE_JIT
        dispatcher._cache = _KeptCode(function)
    return dispatcher


def ingredients(function: FunctionType) -> Iterator[str]:
    """What a function is made of, by name and value: its own instructions and those of all that it calls.

    **Raises** `TypeError` for a value that only its address tells.
    """
    seen, ahead = set(), [function]
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        yield f"{one.__module__}.{one.__qualname__}{one.__defaults__!r}"
        cells = {} if one.__closure__ is None else dict(zip(one.__code__.co_freevars, one.__closure__, strict=True))
        named = one.__globals__ | {name: cell.cell_contents for name, cell in cells.items()}
        for code in _codes(one.__code__):
            constants = [_word(value) for value in code.co_consts if not isinstance(value, CodeType)]
            yield f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames} {code.co_freevars}"
            for name in sorted({*code.co_names, *code.co_freevars} & named.keys()):
                value = named[name]
                if isinstance(value, Dispatcher):
                    ahead.append(value.py_func)
                yield f"{name}={value.py_func.__qualname__ if isinstance(value, Dispatcher) else _word(value)}"


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, and of those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _word(value: Any) -> str:
    """Text that differs between values."""
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(_word, value))})"
    if isinstance(value, frozenset | set):
        return f"set({', '.join(sorted(map(_word, value)))})"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, type) or callable(value):
        home = getattr(value, "__module__", None)
        if home is not None and home.partition(".")[0] in (*_LIBRARIES, "builtins"):
            return f"{home}.{value.__qualname__}"
    if isinstance(value, ModuleType) and value.__name__.partition(".")[0] in _LIBRARIES:
        return value.__name__
    raise TypeError(f"{value!r} has no text of its own")


def _settings() -> list[str]:
    """Versions, and what Numba is told from outside."""
    versions = [platform.python_version(), numba.__version__, llvmlite.__version__, np.__version__]
    return versions + sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_"))


def _check_working_directory() -> None:
    """**Raises** `InputError` where there is none: Numba asks for it while it compiles."""
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(
            "The working directory is gone, and Numba needs one to compile; go to one that exists."
        ) from error


class _KeptCode(NullCache):
    """The cache of a dispatcher, with the methods that Numba calls."""

    def __init__(self, function: Callable):
        self._function = function

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code for these types of arguments, None if there is none. **Raises** `InputError` where Numba cannot
        compile any."""
        target_context.refresh()
        folder = kept_in(FOLDER, "machine_code")
        content = None if folder is None else read_entry(folder, self._name(sig, target_context.codegen()))
        if content is None:
            _check_working_directory()
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(content))
        except Exception:  # whatever Numba finds wrong with code that it wrote itself, it compiles anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, unless it holds addresses of this process."""
        folder = kept_in(FOLDER, "machine_code")
        if folder is not None and not data.lifted and not data.library.has_dynamic_globals:
            write_entry(folder, self._name(sig, data.codegen), dumps(data._reduce()))

    def _name(self, sig: Any, codegen: Any) -> str:
        sums = hashlib.sha256()
        for part in (str(sig), repr(codegen.magic_tuple()), *_settings(), *ingredients(self._function)):
            sums.update(f"{len(part)} {part}".encode())
        return f"{self._function.__name__}-{sums.hexdigest()[:32]}.code"
