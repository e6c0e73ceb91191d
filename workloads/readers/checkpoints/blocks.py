"""What feeds what in the blocks of a transformer, by the names of its layers and the kind that `config.json` says.

    x -> query, key, value -> (attention) -> output + x -> gate, up -> gate * up -> down + -> the next block's x

Weights alone do not say how a network puts them together: `config.json` (or a GGUF file's architecture) must name one
of `KINDS`, and all matrices of a block must have a role each and sizes that fit; other blocks (experts, adapters,
attention to an encoder) are left without names. Attention itself is no product with stored weights: what `output`
reads comes from memory.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workloads.kernels.tensor_names import Reads, TensorNames, View, constant, outside, read
from workloads.readers.checkpoints.names import natural
from workloads.readers.found import FoundLayer


@dataclass(frozen=True)
class _Kind:
    """Where norms are, and whether the feed-forward reads what enters the block, beside attention."""

    norm_behind_sums: bool = False
    parallel: bool = False


_USUAL, _BERT, _PARALLEL = _Kind(), _Kind(norm_behind_sums=True), _Kind(parallel=True)
KINDS: dict[str, _Kind] = {
    **dict.fromkeys(
        ("llama", "mistral", "qwen2", "qwen3", "phi3", "gemma", "granite", "starcoder2", "smollm3", "gpt2", "opt",
         "vit", "deit", "clip", "clip_text_model", "clip_vision_model", "siglip"), _USUAL),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert"), _BERT),
    **dict.fromkeys(
        ("gpt_neox", "gptj", "falcon", "phi", "cohere", "cohere2", "gptneox", "phi2", "command-r"), _PARALLEL),
}  # fmt: skip
"""`model_type`s, as their modelling files in transformers have it, and architectures of GGUF."""

_BLOCK = re.compile(r"^((?:.*[._])?(?:layers?|h|blk|blocks?)\.(\d+))\.(.+)$")
_ATTENTION = r"(?:self_attn|self_attention|attention\.self|attention\.attention|attention|attn)\."
_ROLES = {
    "query": rf"{_ATTENTION}(?:q_proj|query|q_lin)|attn_q",
    "key": rf"{_ATTENTION}(?:k_proj|key|k_lin)|attn_k",
    "value": rf"{_ATTENTION}(?:v_proj|value|v_lin)|attn_v",
    "together": rf"{_ATTENTION}(?:qkv_proj|c_attn|query_key_value|qkv)|attn_qkv",
    "output": rf"{_ATTENTION}(?:o_proj|out_proj|output\.dense|out_lin|c_proj|dense)|attn_output",
    "gate": r"mlp\.gate_proj|ffn_gate",
    "up": r"mlp\.(?:up_proj|fc1|c_fc|dense_h_to_4h|fc_in)|intermediate\.dense|fc1|ffn\.lin1|ffn_up",
    "gate_up": r"mlp\.gate_up_proj",
    "down": r"mlp\.(?:down_proj|fc2|c_proj|dense_4h_to_h|fc_out)|output\.dense|fc2|ffn\.lin2|ffn_down",
}
"""What follows a block's number, by role, in the order in which they run."""
_NEEDED = ({"output", "down"}, {"query", "key", "value"}, {"together"}, {"up"}, {"gate", "up"}, {"gate_up"})
_HEAD = re.compile(r"(?:.*\.)?(?:lm_head|embed_out)|output")


def with_block_edges(
    layers: Sequence[FoundLayer], config: Mapping[str, Any], metadata: Mapping[str, Any]
) -> list[FoundLayer]:
    """Layers with the names of what they read and write, where their block is one that is known."""
    said = config.get("model_type") or metadata.get("general.architecture") or ""
    kind = KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        return list(layers)
    if config.get("use_parallel_residual") is False:
        kind = replace(kind, parallel=False)
    if config.get("do_layer_norm_before") is False:
        kind = replace(kind, norm_behind_sums=True)
    blocks: dict[str, dict[str, FoundLayer]] = {}
    broken: set[str] = set()
    for layer in layers:
        if found := _BLOCK.match(layer.name):
            block, role = found[1], _role(found[3])
            if role is None or role in blocks.setdefault(block, {}):
                broken.add(block)
            else:
                blocks[block][role] = layer
    names: dict[str, TensorNames] = {}
    last: dict[str, tuple[str, int, int]] = {}
    """Of each series of blocks the last one's result, its size and number."""
    for block in sorted(blocks, key=natural):
        parts, number = blocks[block], int(block.rpartition(".")[2])
        if block in broken or not _fits(parts):
            continue
        series, hidden = block.rpartition(".")[0], parts["down"].shape[0]
        before = last.get(series)
        follows = before is not None and before[1:] == (hidden, number - 1)
        names |= _block(block, parts, kind, read(before[0]) if before and follows else outside(f"{block}.hidden"))
        last[series] = parts["down"].name, hidden, number
    heads = [layer for layer in layers if _HEAD.fullmatch(layer.name)]
    if len(heads) == len(last) == 1:
        ((tensor, hidden, number),) = last.values()
        whole = max(int(block.rpartition(".")[2]) for block in blocks) == number
        if whole and heads[0].shape[1] == hidden:
            head = heads[0].name
            names[head] = TensorNames(constant(f"{head}.weight"), read(tensor, "normalised"), z=head)
    return _in_order([replace(layer, tensors=names.get(layer.name)) for layer in layers], list(names))


def _in_order(layers: list[FoundLayer], order: list[str]) -> list[FoundLayer]:
    """Layers of known blocks as they run, in the places that such layers have among the others."""
    named = iter(sorted((layer for layer in layers if layer.tensors), key=lambda layer: order.index(layer.name)))
    return [next(named) if layer.tensors else layer for layer in layers]


def _role(rest: str) -> str | None:
    return next((role for role, pattern in _ROLES.items() if re.fullmatch(pattern, rest)), None)


def _fits(parts: Mapping[str, FoundLayer]) -> bool:
    """Whether a block has all roles that belong together, and sizes that fit each other."""
    roles = set(parts)
    needed, apart, together, plain, gated, fused = _NEEDED
    attention, rest = roles & (apart | together), roles - needed - apart - together
    if not needed <= roles or attention not in (apart, together) or rest not in (plain, gated, fused):
        return False
    hidden, inner = parts["down"].shape
    wide = [parts[role].shape for role in rest]
    rows = inner * (2 if rest == fused else 1)
    reading = [parts[role].shape[1] == hidden for role in attention | rest]
    return all(reading) and all(shape[0] == rows for shape in wide) and parts["output"].shape[0] == hidden


def _block(block: str, parts: Mapping[str, FoundLayer], kind: _Kind, hidden: Reads) -> dict[str, TensorNames]:
    """Names for the layers of a block that `hidden` enters, as it is."""

    def seen(reads: Reads, view: View) -> Reads:
        return tuple(replace(one, view=view) for one in reads)

    added: View = "normalised" if kind.norm_behind_sums else "same"
    output = parts["output"].name
    middle = hidden if kind.parallel else read(output)
    names: dict[str, TensorNames] = {}
    for role, layer in sorted(parts.items(), key=lambda part: list(_ROLES).index(part[0])):
        weights, b, c = constant(f"{layer.name}.weight"), seen(hidden, "normalised"), ()
        if role == "output":
            b, c = outside(f"{block}.attention"), seen(hidden, added)
        elif role in ("gate", "up", "gate_up"):
            b = seen(middle, "normalised")
            c = read(parts["gate"].name, "pointwise") if role == "up" and "gate" in parts else ()
        elif role == "down":
            up = parts["up" if "up" in parts else "gate_up"].name
            b = read(up, "same" if "gate" in parts else "pointwise")
            c = seen(read(output), "same" if kind.parallel else added)
        names[layer.name] = TensorNames(weights, b, c=c, z=layer.name)
    return names
