"""Names of arrays as frameworks make them: the path of modules, the module that owns an array, and its parameter.

`model.layers.0.mlp.up_proj.weight` (PyTorch), `params/Dense_0/kernel` (Flax), `dense/kernel:0` (Keras), `linear/w`
(Haiku) and `blk.0.ffn_up.weight` (GGUF) all have an owner (`up_proj`, `Dense_0`, ...) and a parameter.
"""

import re
from dataclasses import dataclass
from functools import cached_property

_WEIGHT = {
    "weight", "weights", "kernel", "w", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "depthwise_weights",
    "pointwise_weights",
}  # fmt: skip
"""What a module calls the array that it multiplies with."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Name:
    """A name, taken apart."""

    text: str

    @cached_property
    def parts(self) -> list[str]:
        """Modules and, last, the parameter."""
        return [part for part in re.split(r"[./]", re.sub(r":\d+$", "", self.text)) if part]

    @cached_property
    def leaf(self) -> str:
        """The parameter, lower case: `weight`, `kernel`, `cls_token`."""
        return self.parts[-1].lower() if self.parts else ""

    @cached_property
    def is_weight(self) -> bool:
        """Whether the parameter is called a weight, and so its module says what it is."""
        return self.leaf in _WEIGHT and len(self.parts) > 1

    @cached_property
    def is_kernel(self) -> bool:
        """Whether it lies [kernel..., in, out]: of Flax, Keras, Haiku (`linear/w`), TensorFlow (`fc/weights`)."""
        kernels = ("kernel", "pointwise_kernel", "recurrent_kernel", "pointwise_weights")
        return self.leaf in kernels or (self.leaf in ("w", "weights") and "/" in self.text)

    @cached_property
    def is_expert(self) -> bool:
        """Whether it belongs to the experts of a mixture."""
        found = r"expert|[._]moe[._]|(^|[._/])exps($|[._])|_exps[._]|block_sparse_moe|moe_layer"
        return bool(re.search(found, self.text.lower()))

    @cached_property
    def owner(self) -> str:
        """The module that a weight belongs to, numbers of lists passed over; of all else the parameter itself."""
        modules = [part for part in self.parts[:-1] if not part.isdigit()]
        return modules[-1] if self.is_weight and modules else self.parts[-1] if self.parts else ""

    @cached_property
    def owner_words(self) -> tuple[str, ...]:
        """`LayerNorm_0` and `layer_norm_0` are both layer, norm, 0."""
        return tuple(word.lower() for word in _WORDS.findall(self.owner))

    @cached_property
    def words(self) -> set[str]:
        """The words of all parts."""
        return {word.lower() for word in _WORDS.findall(self.text)}

    @cached_property
    def family(self) -> str:
        """What arrays of the same role in other layers share: the name without its numbers."""
        return re.sub(r"\d+", "#", self.text)

    @cached_property
    def layer(self) -> str:
        """The name of the layer: `.weight` or `/kernel` cut off."""
        return re.sub(r"[./](weight|kernel|kernel:0)$", "", self.text)

    @cached_property
    def biases(self) -> tuple[str, ...]:
        """Names that the bias of the same module may have."""
        head, last = re.match(r"^(.*[./])?([^./]*)$", self.text).groups()  # type: ignore[union-attr]
        swaps = (("weights", "biases"), ("weight", "bias"), ("kernel", "bias"), ("_w", "_b"), ("_W", "_b"))
        found = [(head or "") + last.replace(*swap) for swap in swaps if swap[0] in last]
        if re.match(r"^[wW]\d*(:0)?$", last):
            found += [f"{head or ''}{first}{last[1:]}" for first in "bB"]
        return *found, *(f"{self.text}{end}" for end in ("_bias", ".bias", "/bias", "_b", ".b", "/b"))


def natural(text: str) -> list[tuple[int, int | str]]:
    """A key by which `layer.10` comes after `layer.9`."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text)]
