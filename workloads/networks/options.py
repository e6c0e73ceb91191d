"""What is asked of a network: `decode`, `2048`, `b8`, `wanda50`, `2:4`, one after the other with colons between."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workloads.errors import InputError
from workloads.networks.layer import Layer

MOST = 2**24
"""Largest number of tokens or of a batch that is taken: what is larger is a slip of the pen."""

_WORDS = re.compile(r"[1-9]:(?:4|8|16)(?=:|$)|[^:]+")
_PER_CENT = re.compile(r"([a-z_]+?)(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True)
class Pruning:
    """What replaces the densities of a network's layers; None leaves them as they are.

    Weights are replaced where a layer is prunable, activations where they have zeros, those of a feed-forward by
    `ffn_density` in any case.
    """

    weight_density: float | None = None
    n_of_m: tuple[int, int] | None = None
    activation_density: float | None = None
    ffn_density: float | None = None

    def applied(self, layer: Layer) -> Layer:
        """The layer with these densities."""
        if layer.prunable and (self.weight_density is not None or self.n_of_m):
            density = 1.0 if self.weight_density is None else self.weight_density
            layer = replace(layer, weight_density=density, n_of_m=self.n_of_m)
        if self.activation_density is not None and layer.activation_density < 1.0:
            layer = replace(layer, activation_density=self.activation_density)
        if self.ffn_density is not None and layer.name == "down":
            layer = replace(layer, activation_density=self.ffn_density)
        return layer


@dataclass(frozen=True)
class Options:
    """The options of one spec: the phase and sizes where they are given, then prunings in the order of writing."""

    phase: str | None = None
    train: bool = False
    """Whether the step is one of training: forward, and both gradients."""
    tokens: int | None = None
    batch: int | None = None
    window: int | None = None
    prunings: tuple[Pruning, ...] = ()


@dataclass(frozen=True)
class Grammar:
    """Which options a network takes: phases, whether it counts tokens and has a window, prunings by published name.

    `methods` name pruning to a share that the user gives (`wanda50`), `relu` names what a ReLU leaves of a decoder's
    feed-forward activations; any network takes a batch, `dense`, `weights`, N:M and `sparse` with a per cent.
    """

    phases: tuple[str, ...] = ()
    tokens: bool = False
    methods: tuple[str, ...] = ()
    relu: Mapping[str, float] = field(default_factory=dict)
    window: bool = False
    trains: bool = False

    def words(self) -> str:
        """The options in a sentence."""
        words = [*self.phases, *(["a number of tokens"] if self.tokens else []), "b8 (batch)", "dense", "weights"]
        words += ["w64 (window)"] if self.window else []
        words += ["train"] if self.trains else []
        words += ["2:4 (any N:4, N:8, N:16)", *(f"{name}50 (per cent of zeros)" for name in ("sparse", *self.methods))]
        return ", ".join(words + [*self.relu] + (["relu90 (per cent of zeros)"] if self.phases else []))

    def read(self, spec: str, text: str) -> Options:
        """The options after a network's name, as in `decode:b8:2:4`.

        **Raises** `InputError` for one that the network does not take, that comes twice, or whose number is none.
        """
        found = Options()
        for word in _WORDS.findall(text):
            found = self._with(found, spec, word)
        return found

    def _with(self, found: Options, spec: str, word: str) -> Options:
        ratio, share = re.fullmatch(r"(\d+):(\d+)", word), _PER_CENT.fullmatch(word)
        if word in self.phases:
            return _once(found, spec, "phase", word)
        if word == "train" and self.trains:
            return _once(found, spec, "train", True)
        if self.tokens and word.isdecimal():
            return _once(found, spec, "tokens", _count(spec, word))
        if word[:1] == "b" and word[1:].isdecimal():
            return _once(found, spec, "batch", _count(spec, word[1:]))
        if self.window and word[:1] == "w" and word[1:].isdecimal():
            return _once(found, spec, "window", _count(spec, word[1:]))
        if word == "dense":
            pruning = Pruning(weight_density=1.0, activation_density=1.0)
        elif word in self.relu:
            pruning = Pruning(ffn_density=self.relu[word])
        elif word == "weights":
            pruning = Pruning(activation_density=1.0)
        elif ratio and 0 < int(ratio[1]) <= int(ratio[2]):
            pruning = Pruning(n_of_m=(int(ratio[1]), int(ratio[2])))
        elif share and share[1] in ("sparse", *self.methods):
            pruning = Pruning(weight_density=_left(share[2]))
        elif share and share[1] == "relu" and self.phases:
            pruning = Pruning(ffn_density=_left(share[2]))
        else:
            raise InputError(f"{spec!r}: {word!r} is no option of this network; use {self.words()}.")
        return replace(found, prunings=(*found.prunings, pruning))


def _once(found: Options, spec: str, name: str, value: object) -> Options:
    if getattr(found, name) not in (None, False):
        raise InputError(f"{spec!r}: {name} is given twice; keep one.")
    return replace(found, **{name: value})


def _count(spec: str, digits: str) -> int:
    if len(digits) > 9 or not 0 < int(digits) <= MOST:
        raise InputError(f"{spec!r}: {digits} is not a number from 1 to {MOST}; correct it.")
    return int(digits)


def _left(per_cent: str) -> float:
    """The density that so many per cent of zeros leave, without the noise of binary fractions."""
    return round(1.0 - float(per_cent) / 100.0, 12)
