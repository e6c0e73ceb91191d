"""Which arrays of a network are operands of products. The rest is left out, and said to be:

| array | known by | why it is no operand |
|---|---|---|
| bias, norm, scale of one axis | at most one axis longer than 1 | added or scaled by |
| bias of several axes (heads, experts), causal mask named `bias` | parameter `bias` | added |
| norm of several axes | owner `norm`, `ln`, `bn` | scaled by |
| words, positions, token types, codebooks | owner `embed...`, `wte`, `shared`: two axes, no bias | looked up |
| class tokens, learned queries, positions | `..._token`, `pos_embed`, `latents`, ... | added or put in front |
| relative positions | `relative_position...`, `rel_pos...` | looked up, added to scores |
| recurrences' own | `A_log`, `time_mix`, `time_decay`, ... | elementwise in a recurrence |
| buffers: ids, masks, anchors, statistics, rotary frequencies | parameter, or whole numbers | not multiplied |
| states of optimisers, moving averages | `exp_avg`, `opt_state/`, `dense/kernel/Adam`, `ema.` | not of the network |
| gradients, Hessians, scores, earlier weights | `mask_scores`, `hessian`, `weight_prev` | not of the network |
| what is no weight by its name | a file that names weights; in a module whose `weight` has that shape | not known |

An embedding is an operand once where it is the head too (`tied_head`).
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from workloads.readers.checkpoints.names import Name

ADDED, SCALED = "added, not multiplied", "one axis: added or scaled by, not multiplied"
LOOKED_UP, BUFFER = "looked up, not multiplied", "a buffer, not multiplied"
TOKENS = "tokens and positions, added or put in front of the input"
RELATIVE = "relative positions, looked up and added to scores"
RECURRENT = "elementwise in a recurrence, not multiplied"
NORMS, SCALES = "a norm, scaled by", "scales or zero points"
TRAINING = "a state of the training, not of the network"
DATA = "samples or labels, not weights"
SCORES = "scores or masks to be made of them; what they would prune is not pruned here"
FACTORS = "a factor of an update that is no product with activations; merge it into the weights"

_EMBEDDINGS = {
    "embed", "embeds", "embedding", "embeddings", "emb", "embs", "embd", "wte", "wpe", "codebook", "lookup", "types",
}  # fmt: skip
_COMPUTING = {
    "proj", "projection", "project", "projector", "linear", "mapping", "mlp", "fc", "dense", "out", "patch", "conv",
    "embedder", "mapper",
}  # fmt: skip
"""Words that make a module of embeddings one that multiplies (`embed_out`, `patch_embedding`)."""
_NORMS = {"norm", "layernorm", "rmsnorm", "batchnorm", "groupnorm", "instancenorm", "ln", "bn", "gn"}

_PARAMETERS: tuple[tuple[str, str], ...] = (
    (RELATIVE, r".*relative_(position|attention|coords|distance).*|rel_pos(_[hwt]|_.*)?|rel_embeddings?"),
    (RELATIVE, r"(height|width)_rel"),
    (TOKENS, r"(.*_)?(cls|class|dist|mask|register|reg|query|eos|bos|pad|sep|image|empty)_?tokens?(_.*)?"),
    (TOKENS, r"(.*_)?(pos|position|positional)_?(embed|embedding|embeddings|emb|encoding|enc|bias)(_.*)?\d*|pe|.*_pos"),
    (TOKENS, r"class_embedding|time_embeddings?|latents?(_.*)?|((.*_)?latents?|learned|object)_quer(y|ies)"),
    (TOKENS, r"query_(pos|embed)|level_embed|(.*_)?prompt(_.*)?|.*_pointer"),
    (RECURRENT, r"a_(log|real|imag)|log_a_.*|inv_a_real|(log_)?dt(_bias)?|ssm_(a|d|dt_b)|(.*_)?decay"),
    (RECURRENT, r"time_(decay|first|faaaa|mix|maa)(_[a-z]+)?"),
    (BUFFER, r"(inv_)?freqs?(_.*)?|rope(_.*)?|rotary(_.*)?|(cos|sin)(_cached)?|alibi(_.*)?|slopes?"),
    (BUFFER, r".*_(ids?|idx|index|indices)|ids?|idx|index|indices|(in|out|col|row|inv)?_?perm(utation)?"),
    (BUFFER, r"(.*_)?masks?|masked_bias|anchors?(_grid)?|grid|strides?|pixel_(mean|std)"),
    (BUFFER, r"running_(mean|var)|num_batches_tracked"),
    (DATA, r"[xy]_(train|test|val|valid)|(train|test|val|valid)_(data|labels?|images?|[xy])|labels?|targets?"),
    (
        TRAINING,
        r"(max_)?exp_avg(_sq)?|momentum(_buffer)?|step|adam_[mv]|adamw?(_\d)?|rmsprop(_\d)?|queue(_ptr)?|embed_avg|ema_.*|cluster_size",
    ),
    (TRAINING, r"(.*_)?(grad|grads|gradients?|hessian|fisher)|exponentialmovingaverage"),
    (TRAINING, r"(weights?|kernel|w)_(prev|previous|old|init|initial|best|delta)"),
    (SCORES, r"(.*_)?(mask_scores?|scores?|importances?|saliency|sensitivity)"),
    (FACTORS, r"hada_.*|lokr_.*|oft_.*|boft_.*"),
    (SCALES, r"(.*[_:])?(scales?|scale_inv|zeros?|zero_points?|absmax|quant_map)(_\d)?"),
    (NORMS, r"gamma|beta|alpha|layer_?scale(_.*)?|logit_scale|temperature|scale_shift_table|(.*_)?norm(_weight)?"),
)
"""Why a parameter is left out, and what it is called, whole and in lower case."""
_PLACES = r"(?!embed_).*_tokens?|quer(y|ies)_(embed.*|feat.*|pos)|(row|col|column)_embed.*|reference_points|pe_k"
"""Modules without bias whose weights are places and tokens, not operands."""
_OF_TRAINING = re.compile(
    r"(^|[./])(model_ema|ema_model|ema|optimi[sz]ers?(_states?)?|opt_states?|optim(_states?)?|(max_)?exp_avg(_sq)?|"
    r"adamw?(_\d+)?|n?adam|rmsprop|sgd|adagrad|adadelta|adafactor|ftrl|lion)[./]",
    re.I,
)
UNKNOWN = "several axes of no known role"
_LIKE_WEIGHTS = re.compile(
    r"w[a-z0-9]{0,3}|weights?|kernels?|proj|projection|linear|fc\d*|dense|lora|qkv|matrix|mat|mlp|head|conv\d*|gate|up|down|"
    r"ih|hh|att|attn|classifier|core|factor"
)
"""Words of parameters that multiply without being called `weight`."""


def left_out(name: Name, shape: tuple[int, ...], has_bias: bool) -> str | None:
    """Why an array is no operand of a product; None where it is one."""
    if sum(side > 1 for side in shape) == 0 or len(shape) < 2:
        return SCALED
    if _OF_TRAINING.search(name.text):
        return TRAINING
    if re.fullmatch(r"(.*_)?(bias|biases)(_.*)?", name.leaf) and not name.is_weight:
        return RELATIVE if "relative" in name.words else ADDED
    owner = name.owner.lower()
    if name.is_weight:
        return _owned(name, shape, has_bias)
    for why, pattern in _PARAMETERS:
        if re.fullmatch(pattern, owner):
            return why
    if _is_embedding(name) and len(shape) == 2 and not has_bias:
        return LOOKED_UP
    if len(shape) > 2 and sum(side > 1 for side in shape) == 1:
        return SCALED
    return None


def _owned(name: Name, shape: tuple[int, ...], has_bias: bool) -> str | None:
    """Why a module's weight is no operand."""
    owner = name.owner.lower()
    if re.fullmatch(r".*relative_attention_bias|.*relative_position.*|rel_(pos|embeddings?).*|attn_rel_b", owner):
        return RELATIVE
    if owner in ("rope_freqs", "rotary_emb", "anchors"):
        return BUFFER
    if "relative_attention_bias" in name.text:
        return RELATIVE
    if not has_bias and re.fullmatch(_PLACES, owner):
        return TOKENS
    if shape[:-1] == (1,) * (len(shape) - 1) and len(shape) > 3:
        return NORMS
    words = [word for word in name.owner_words if not word.isdigit()]
    if words and words[-1] in _NORMS and len(shape) != 4:
        return NORMS
    if len(shape) == 2 and not has_bias and _is_embedding(name):
        return LOOKED_UP
    return None


def _is_embedding(name: Name) -> bool:
    words = set(name.owner_words)
    if name.owner.lower() == "shared":
        return True
    if not words & _EMBEDDINGS or name.leaf == "kernel":
        return False
    return not words & _COMPUTING


def is_whole(values: str) -> bool:
    """Whether values are whole numbers of a width that no arithmetic of networks has: ids, counts, packed words."""
    return values in ("int16", "uint16", "int32", "uint32", "int64", "uint64")


def names_weights(name: Name) -> bool:
    """Whether what is no weight in a file of such names would be called otherwise."""
    return name.is_weight or re.fullmatch(r"w\d*|weights?\d*|kernel", name.leaf) is not None


def no_known_role(
    name: Name, shape: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]], has_bias: bool
) -> str | None:
    """Why an array of a file that names weights is none; None where it is one."""
    if len(shape) > 2:
        if name.is_expert:
            return None
        long = len(shape) == 3 and not name.is_kernel and shape[1] > 1 and shape[2] > 256
        return UNKNOWN if not name.is_weight or long else None
    if names_weights(name) or has_bias:
        return None
    stem = re.sub(r"[^./]+$", "", name.text)
    owners = (stem.rstrip("./"), *(stem + one for one in ("weight", "weights", "kernel", "w")))
    beside = any(shapes.get(one) == shape for one in owners)
    words = [word.lower() for word in re.findall(r"[A-Za-z]+\d*", name.leaf)]
    return UNKNOWN if beside or not any(_LIKE_WEIGHTS.fullmatch(word) for word in words) else None


_OF_WORDS = re.compile(r"pos|type|segment|rel|time|level|query|class|label|image|vision|patch|codebook")
_HEADS = ("lm_head", "output", "embed_out", "logits", "output_layer")
_LANGUAGE_MODEL = re.compile(
    r"LMHead|WithLM|GenerationDecoder|EncoderDecoderModel|"
    r"For(CausalLM|MaskedLM|ConditionalGeneration|PreTraining|TextTo\w+|SpeechTo\w+|SpeechSeq2Seq|ImageTextToText)"
)


def _is_head(name: Name) -> bool:
    return name.owner in _HEADS and not any(part.isdigit() for part in name.parts)


def tied_head(
    shapes: Mapping[str, tuple[int, ...]], looked_up: list[str], config: Mapping[str, Any], gguf: bool
) -> str:
    """The embedding that is the head too; empty where none is, or another array is the head.

    Said by `tie_word_embeddings` and the architecture of `config.json`; without them by names that only a model with
    a head has (`model.embed_tokens`, `transformer.wte`), and in GGUF by `output.weight` not being there.
    """
    words = [n for n in looked_up if len(shapes[n]) == 2 and not _OF_WORDS.search(Name(n).owner.lower())]
    words = [n for n in words if not re.search(r"(^|[./])(encoder|vision|visual|audio)", n)] or words
    if not words:
        return ""
    largest = max(words, key=lambda n: (shapes[n][0], "shared" in n, "decoder" in n))
    vocabulary, hidden = shapes[largest]
    others = {n: shape for n, shape in shapes.items() if n not in looked_up and len(shape) == 2}
    if any(sorted(shape) == sorted((vocabulary, hidden)) or _is_head(Name(n)) for n, shape in others.items()):
        return ""
    text = config.get("text_config")
    said = config.get("tie_word_embeddings", text.get("tie_word_embeddings") if isinstance(text, dict) else None)
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else ""
    if architecture:
        return largest if said is not False and _LANGUAGE_MODEL.search(architecture) else ""
    if said is not None:
        return largest if said else ""
    with_head = re.match(r"(model|transformer|language_model\.model)\.(decoder\.)?(embed_tokens|wte|shared)\b", largest)
    classified = any(re.search(r"(^|[./])(score|classifier|qa_outputs|value_head|v_head)[./]", n) for n in shapes)
    return largest if (gguf or with_head) and not classified and math.prod(shapes[largest]) else ""
