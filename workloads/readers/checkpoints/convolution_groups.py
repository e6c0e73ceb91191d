"""In how many groups a convolution's channels lie: its array [out, in per group, kernel...] does not say.

| groups | known by |
|---|---|
| one a channel | 1 input, and a name as `dwconv`, `mixer.conv1d`; or the network begins with another convolution |
| out / in | a name as `group_conv3x3`, `conv_dw` |
| made / in | the layer just before (`conv1` of `conv2`, `3` of `4`) makes several times the inputs, in all blocks |
| out / in | no layer makes so many channels as are taken, and this is not the first convolution |

All but the first two are conclusions, and told as such. Whatever is neither has one group.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property

from workloads.readers.checkpoints.names import Name, natural

_STEM_CHANNELS = (1, 2, 3, 4)
"""Channels of pictures, sounds and the like, which no layer before has made."""
_STEM = re.compile(r"(^|[._/])(stem|conv_in|input|conv_?[01](\.weight|\.conv\.weight|/kernel)?$)|patch_embed")
_DEPTHWISE = re.compile(
    r"dw($|[^a-z])|dwconv|depthwise|conv_dw|conv_scale|(mixer|mamba|ssm|sconv)\.conv1d|conv_1d|(linear_)?attn\.[qkv]?_?conv1d|short_conv"
)
_GROUPED = re.compile(r"group_?conv|grouped|conv_dw|pos_conv_embed|encode_positions\.conv")
_NUMBERED = re.compile(r"^(\D*)(\d+)(\D.*)?$")


class ConvolutionGroups:
    """The groups of a network's convolutions, from the shapes of all of its operands."""

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], operands: list[Name], channels_last: Callable[[Name], bool]
    ) -> None:
        self._shapes, self._operands = shapes, sorted(operands, key=lambda name: natural(name.text))
        self._channels_last = channels_last
        self._place = {name.text: at for at, name in enumerate(self._operands)}

    def groups(self, name: Name, outputs: int, inputs: int, kernel: int, said: int = 0) -> tuple[int, str]:
        """How many, and a sentence where that was concluded; `said` is what a configuration has, 0 for nothing."""
        label = re.sub(r"\d+", "*", name.layer)
        if inputs == 1:
            if outputs == 1 or not self._is_depthwise(name):
                return 1, ""
            return outputs, "" if _DEPTHWISE.search(
                name.layer
            ) else f"{label} is taken for depthwise, a group a channel"
        if _GROUPED.search(name.text) and outputs % inputs == 0:
            return said if said and outputs % said == 0 else outputs // inputs, ""
        made = self._made_before(name, kernel)
        if made and self._all_alike(name, kernel):
            count = made // inputs
            return count, f"{label} is taken for {count} groups: the layer before makes {made} channels, not {inputs}"
        kin = [one for one in self._convolutions if self._role(one) == self._role(name)]
        if outputs % inputs == 0 and (
            self._unmade(name)
            or any(self._unmade(one) and self._ratio(one) == self._ratio(name) for one in kin if one.text != name.text)
        ):
            count = outputs // inputs
            return count, f"{label} is taken for {count} groups: no layer makes {inputs} channels"
        return 1, ""

    @cached_property
    def _convolutions(self) -> list[Name]:
        return [one for one in self._operands if len(self._shapes[one.text]) > 2]

    @cached_property
    def _made(self) -> Counter:
        """How many operands make so many channels."""
        return Counter(self._outputs(one) for one in self._operands)

    def _outputs(self, name: Name) -> int:
        return self._shapes[name.text][-1 if self._channels_last(name) else 0]

    def _inputs(self, name: Name) -> int:
        return self._shapes[name.text][-2 if self._channels_last(name) else 1]

    def _ratio(self, name: Name) -> float:
        return self._outputs(name) / self._inputs(name)

    @staticmethod
    def _role(name: Name) -> tuple[str, str]:
        """What layers in the same place of other blocks share: `conv2` of all, apart from `conv1`."""
        own = next((part for part in reversed(_path(name)) if not part.isdigit()), "")
        return name.family, own

    def _is_first(self, name: Name) -> bool:
        return self._convolutions[0].text == name.text or bool(_STEM.search(name.text))

    def _is_depthwise(self, name: Name) -> bool:
        """Whether one stored input is one a group, not the one channel of a picture."""
        if _DEPTHWISE.search(name.layer):
            return True
        if self._kernel(name) == 1:
            return any(self._kernel(one) > 1 and self._inputs(one) == 1 for one in self._beside(name))
        kin = [one for one in self._convolutions if one.family == name.family]
        if len(kin) > 1 and all(self._inputs(one) == 1 for one in kin):
            return True
        if self._begins_stack(name):
            return False
        others = [one for one in self._convolutions if one.text != name.text and _media(one) == _media(name)]
        stems = [one for one in others if 1 < self._inputs(one) <= max(_STEM_CHANNELS)]
        if any(self._made[self._inputs(one)] == 0 for one in stems):
            return True
        return bool(others) and not self._is_first(name) and self._made[self._outputs(name)] > 1

    def _begins_stack(self, name: Name) -> bool:
        """Whether the next in the same module takes the channels, by more than 1 x 1: `conv2` of `conv1`."""
        after = [one for one in self._beside(name) if natural(one.text) > natural(name.text)]
        before = len(after) < len(self._beside(name))
        if before or not after or self._kernel(after[0]) == 1:
            return False
        numbered = _path(name)[-1].isdigit() and self._inputs(after[0]) == 1
        return self._inputs(after[0]) == self._outputs(name) or (
            numbered and self._outputs(after[0]) == self._outputs(name)
        )

    def _beside(self, name: Name) -> list[Name]:
        """The other convolutions of the same module, those with as many outputs or that take them."""
        path = _path(name)
        near = [one for one in self._convolutions if _path(one)[:-1] == path[:-1] and one.text != name.text]
        sides = self._outputs(name)
        return [one for one in near if sides in (self._outputs(one), self._inputs(one))]

    def _kernel(self, name: Name) -> int:
        shape = self._shapes[name.text]
        return math.prod(shape[:-2] if self._channels_last(name) else shape[2:])

    def _made_before(self, name: Name, kernel: int) -> int:
        """Channels that the layer just before makes, where they are several times the inputs; else 0."""
        before, inputs = self._before(name, kernel == 1), self._inputs(name)
        made = self._outputs(before) if before else 0
        several = (
            self._outputs(name) >= made > inputs and made % inputs == 0 and self._outputs(name) % (made // inputs) == 0
        )
        return made if several else 0

    def _before(self, name: Name, next_only: bool) -> Name | None:
        """The operand just before in the same module, as `conv1` before `conv2`; None without one.

        Two that take equally many channels are branches beside each other.
        """
        at = self._place[name.text]
        if at == 0:
            return None
        before = self._operands[at - 1]
        mine, its = _path(name), _path(before)
        if len(mine) != len(its) or mine[:-1] != its[:-1] or self._inputs(name) == self._inputs(before):
            return None
        one, other = its[-1], mine[-1]
        first, second = _NUMBERED.match(one), _NUMBERED.match(other)
        if not first or not second or first[1] != second[1]:
            return None
        if next_only and not (one.isdigit() and other.isdigit() and int(other) == int(one) + 1):
            return None
        return before

    def _all_alike(self, name: Name, kernel: int) -> bool:
        """Whether no layer in the same place of another block takes just what the layer before makes."""
        for one in self._convolutions:
            if self._role(one) == self._role(name) and self._inputs(one) > 1:
                before = self._before(one, kernel == 1)
                if before is not None and self._outputs(before) == self._inputs(one):
                    return False
        return True

    def _unmade(self, name: Name) -> bool:
        """Whether a convolution takes channels that no layer makes, and makes several times as many."""
        outputs, inputs = self._outputs(name), self._inputs(name)
        if outputs % inputs or outputs == inputs or self._made[outputs] < 2 or inputs in _STEM_CHANNELS[:3]:
            return False
        return not (self._is_first(name) or self._made[inputs] or self._kernel(name) == 1)


def _media(name: Name) -> set[str]:
    """What a part of a network takes, by the words of its name: pictures and sounds have a first layer each."""
    return name.words & {"audio", "vision", "visual", "image", "speech", "text", "prompt", "memory", "video"}


def _path(name: Name) -> list[str]:
    """The modules of a layer, a wrapper's `conv` at the end cut off."""
    parts = name.layer.split(".")
    return parts[:-1] if len(parts) > 1 and parts[-1] in ("conv", "conv2d", "c") else parts
