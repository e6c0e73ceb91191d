"""How an operand's array lies: which of its axes are outputs, which inputs, and how many products it holds.

A layer's matrix is [out, in x kernel height x kernel width]. Frameworks store it as

| array | axes | known by |
|---|---|---|
| PyTorch Linear, LSTM, attention, LoRA | out, in | what is left; the bias's length |
| GPT-2 Conv1D, NumPy networks, Haiku `w` | in, out | biases, wider `c_attn`, `model_type`, sides that chain |
| Flax and Keras Dense | in, out | `kernel` |
| Flax attention | in, heads, depth; of `out` heads, depth, in | `kernel` of 3 axes, its bias, `query`, ..., `out` |
| PyTorch convolution | out, in per group, kernel... | 3 axes or more |
| PyTorch transposed convolution, [out x kernel, in] | in, out, kernel... | the bias's length, `deconv`, ..., a series |
| Flax, Keras, Haiku, TensorFlow convolution | kernel..., in, out | `kernel`, `/w`, `/weights`, the bias, a series |
| Keras transposed convolution | kernel..., out, in | `conv2d_transpose`, the bias's length |
| Keras DepthwiseConv | kernel..., in, multiplier | `depthwise_kernel` |
| experts | experts, out, in or in, out | `experts`; `hidden_size`, biases, the other experts, `model_type` |
| DBRX's experts | experts x in, out | `experts.mlp.w1`, and their number by `config.json` or the router |
| ggml's convolution of Mamba | out, kernel | `ssm_conv1d` |

Of groups of a convolution only their inputs are stored; `groups` says how they are known.
"""

import math
import re
from dataclasses import dataclass

from workloads.readers.checkpoints.chains import is_doubtful
from workloads.readers.checkpoints.names import Name
from workloads.readers.checkpoints.network import StoredNetwork


@dataclass(frozen=True)
class Layout:
    """`array.transpose(order)` has `stack` axes (0 or 1) of products, then `out` axes of outputs, then inputs."""

    order: tuple[int, ...]
    out: int = 1
    stack: int = 0
    groups: int = 1
    split: int = 1
    """Products that lie below each other in the first axis."""
    turned: bool = False
    """Rows and columns of a product of a split array are exchanged."""
    taps: int = 1
    """Kernel height times kernel width of a convolution."""
    note: str = ""
    """What had to be assumed; empty where nothing had."""


class Unknown(ValueError):
    """What cannot be known of an array, as a sentence's middle: `has ...; fix`."""


def layout(name: Name, shape: tuple[int, ...], network: StoredNetwork) -> Layout:
    """How an operand lies. **Raises** `Unknown`."""
    if len(shape) == 2:
        return _of_two(name, shape, network)
    if len(shape) == 3 and name.is_expert:
        return _experts(name, shape, network)
    if name.leaf in ("depthwise_kernel", "depthwise_weights"):
        order = (*range(len(shape) - 2, len(shape)), *range(len(shape) - 2))
        return Layout(order, out=2, groups=shape[-2], taps=math.prod(shape[:-2]))
    if network.channels_last(name):
        return _kernel(name, shape, network)
    return _convolution(name, shape, network)


def _of_two(name: Name, shape: tuple[int, int], network: StoredNetwork) -> Layout:
    if name.owner.lower() in ("ssm_conv1d", "shortconv_conv"):
        return Layout((0, 1), groups=shape[0], taps=shape[1])
    if re.search(r"experts[._]mlp[._](w1|v1|w2)$", name.layer):
        count = network.experts
        if not count or shape[0] % count:
            raise Unknown(f"stacks experts ({list(shape)}) whose number is not known; put config.json beside it")
        return Layout((0, 1), split=count, turned=name.layer.endswith("w2"))
    turned = network.turned(name)
    return Layout((1, 0)) if turned else Layout((0, 1))


def _experts(name: Name, shape: tuple[int, int, int], network: StoredNetwork) -> Layout:
    turned = network.experts_turned(name)
    if turned is None:
        what = f"holds experts of the shape {list(shape)} whose axes may be [out, in] or [in, out]"
        raise Unknown(f"{what}; put the model's config.json beside it")
    return Layout((0, 2, 1) if turned else (0, 1, 2), stack=1)


def _kernel(name: Name, shape: tuple[int, ...], network: StoredNetwork) -> Layout:
    """A kernel of Flax, Keras, Haiku or TensorFlow of three axes or more."""
    axes = len(shape)
    bias = network.bias(name)
    convolves = bool({"conv", "convolution", "conv1"} & set(name.owner_words) or "conv" in name.owner.lower())
    if axes == 3 and not convolves:
        if (bias and len(bias) == 2) or name.owner.lower() in ("query", "key", "value", "q", "k", "v", "qkv"):
            return Layout((1, 2, 0), out=2)
        if name.owner.lower() in ("out", "o", "proj", "attention_out") or "attention" in name.words:
            return Layout((2, 0, 1))
    kernel, taps = tuple(range(axes - 2)), math.prod(shape[:-2])
    if "transpose" in name.owner.lower():
        out, source = (axes - 2, axes - 1) if _makes_last_but_one(name, shape, bias) else (axes - 1, axes - 2)
        return Layout((out, *kernel, source), out=axes - 1)
    groups, note = network.groups(name, shape[-1], shape[-2], taps)
    if not name.is_kernel and not bias:
        note = f"{_family(name)} fit each other only as [kernel..., in, out] and are read so"
    return Layout((axes - 1, axes - 2, *kernel), groups=groups, taps=taps, note=note)


def _makes_last_but_one(name: Name, shape: tuple[int, ...], bias: tuple[int, ...] | None) -> bool:
    """Whether a transposed convolution lies [kernel..., out, in] as in Keras and Haiku, not as in Flax."""
    if bias and len(bias) == 1 and shape[-1] != shape[-2] and bias[0] in shape[-2:]:
        return bias[0] == shape[-2]
    return name.owner.islower()


def _family(name: Name) -> str:
    return re.sub(r"_?\d+", "", name.layer).rstrip("._/") + "*"


def _convolution(name: Name, shape: tuple[int, ...], network: StoredNetwork) -> Layout:
    """A convolution of PyTorch."""
    axes, bias = tuple(range(len(shape))), network.bias(name)
    length = bias[0] if bias and len(bias) == 1 else 0
    named = bool(re.search(r"deconv|transpose|transconv|convt(r|_|$)|upconv|conv5_mask", name.text.lower()))
    named = named or (re.search(r"(^|[._/])up", name.text) is not None and shape[0] == shape[1] and shape[2] in (2, 4))
    if not length and is_doubtful(shape):
        what = f"has the shape {list(shape)}, which may be [out, in, kernel] or [kernel, in, out]"
        raise Unknown(f"{what}; save the biases with it, or call it kernel if it is the latter")
    if not length and network.series.transposed(name, len(shape)):
        note = f"{_family(name)} fit each other only as transposed convolutions and are read so"
        return Layout((1, *axes[2:], 0), out=len(shape) - 1, note=note)
    if (length == shape[1] and length != shape[0]) or (named and (not length or length == shape[1])):
        note = (
            "" if length == shape[1] != shape[0] else f"{name.layer} is taken for a transposed convolution by its name"
        )
        return Layout((1, *axes[2:], 0), out=len(shape) - 1, note=note)
    if named and shape[1] == 1:
        raise Unknown("is a transposed convolution in groups, which is not read; save it as the convolution's matrix")
    groups, note = network.groups(name, shape[0], shape[1], math.prod(shape[2:]))
    return Layout(axes, groups=groups, taps=math.prod(shape[2:]), note=note)


def matrix_shape(lies: Layout, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of one product."""
    sides = [shape[axis] for axis in lies.order][lies.stack :]
    rows, columns = math.prod(sides[: lies.out]), math.prod(sides[lies.out :])
    if lies.split > 1:
        rows //= lies.split
        return (columns, rows) if lies.turned else (rows, columns)
    return rows, columns * lies.groups
