"""Decoders of the Llama family and the encoder of BERT, from (hidden, ffn, layers, heads, kv_heads, vocab).

| product | A | B |
|---|---|---|
| `query`, `key`, `value`, `output` | projections [heads x depth, hidden] | one column a token |
| `scores` | keys of one head [tokens, depth] | queries of the heads that share them |
| `context` | values of one head, transposed [depth, tokens] | the scores' softmax |
| `gate`, `up`, `down` | SwiGLU's feed-forward (Shazeer, arXiv:2002.05202); BERT has no gate | one column a token |
| `head` | vocabulary [vocab, hidden] | the last token of each sequence |

Attention is a product of dense operands, once for each head that has keys (grouped queries: Ainslie et al.,
arXiv:2305.13245), and whole squares: the causal mask saves nothing here. Look-ups of embeddings, softmax, norms and
rotations are no products and are left out, as are biases and residuals, which are added as results leave. Keys and
values of a decoder's cache are read as A, so a step of decoding moves all of them once.

Layers are a loop, and the heads of all sequences one inside it. The residual stream goes from layer to layer: `output`
and `down` add to it. `up` is multiplied with `gate` as it leaves.

Shapes: `config.json` on the models' pages at Hugging Face; for Llama-2 70B by the listing of modules on the page of
h2oai's copy of it, for Llama-3 70B by oumi's `configs/recipes/llama3_1/README.md`.
"""

from dataclasses import dataclass

from workloads.kernels.tensor_names import Reads, TensorNames, View, carried, constant, outside, read
from workloads.networks.layer import Layer


@dataclass(frozen=True)
class Transformer:
    """Sizes of a transformer; `kv_heads` are the heads with keys and values of their own."""

    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int

    @property
    def depth(self) -> int:
        """Length of a head's query."""
        return self.hidden // self.heads


LLAMAS = {
    "llama2-7b": Transformer(hidden=4096, ffn=11008, layers=32, heads=32, kv_heads=32, vocab=32000),
    "llama2-13b": Transformer(hidden=5120, ffn=13824, layers=40, heads=40, kv_heads=40, vocab=32000),
    "llama2-70b": Transformer(hidden=8192, ffn=28672, layers=80, heads=64, kv_heads=8, vocab=32000),
    "llama3-8b": Transformer(hidden=4096, ffn=14336, layers=32, heads=32, kv_heads=8, vocab=128256),
    "llama3-70b": Transformer(hidden=8192, ffn=28672, layers=80, heads=64, kv_heads=8, vocab=128256),
    "llama3-405b": Transformer(hidden=16384, ffn=53248, layers=126, heads=128, kv_heads=8, vocab=128256),
}

BERT_BASE = Transformer(hidden=768, ffn=3072, layers=12, heads=12, kv_heads=12, vocab=30522)

RELU_DENSITIES = {
    ("llama2-7b", "relullama"): 1 - 0.6698,
    ("llama2-7b", "prosparse"): 1 - 0.8932,
    ("llama2-13b", "relullama"): 1 - 0.7156,
    ("llama2-13b", "prosparse"): 1 - 0.8880,
}
"""Share of the feed-forward activations that ReLU leaves: Song et al., ProSparse, arXiv:2402.13516, as measured in the
README of github.com/Raincleared-Song/sparse_gpu_operator (its ReLU-fied models are made of Llama-2)."""


def decoder(model: Transformer, *, new: int, cached: int, batch: int) -> list[Layer]:
    """Products of one pass: `new` tokens of each of `batch` sequences attend to themselves and to `cached` others.

    Decoding has one new token, prefill none cached; keys and values go into the cache, from which decoding reads them.
    Where a ReLU leaves zeros in the input of `down`, the rows of `gate` and `up` that they would spare are still
    computed.
    """
    tokens = new * batch
    last: View = "normalised" if new == 1 else "unfolded"
    names = TensorNames(constant("head.weight"), read("down", last), z="head")
    return [
        *_attention(model, tokens, new + cached, new, batch, "same", cached=cached > 0),
        _projection("gate", model, model.ffn, model.hidden, tokens, read("output", "normalised")),
        _projection(
            "up", model, model.ffn, model.hidden, tokens, read("output", "normalised"), read("gate", "pointwise")
        ),
        _projection("down", model, model.hidden, model.ffn, tokens, read("up"), read("output")),
        Layer("head", model.vocab, model.hidden, batch, prunable=False, tensors=names),
    ]


def encoder(model: Transformer, tokens: int, batch: int) -> list[Layer]:
    """Products of BERT (Devlin et al., NAACL 2019) on `batch` sequences; its small task heads are left out."""
    every, normed = tokens * batch, read("output", "normalised")
    return [
        *_attention(model, every, tokens, tokens, batch, "normalised", cached=False),
        _projection("up", model, model.ffn, model.hidden, every, normed),
        _projection("down", model, model.hidden, model.ffn, every, read("up", "pointwise"), normed),
    ]


def _projection(
    name: str, model: Transformer, out: int, into: int, tokens: int, b: Reads, c: Reads = (), *, result: bool = False
) -> Layer:
    names = TensorNames(constant(f"{name}.weight"), b, c=c, z=name, loops=(("layer", model.layers),), result=result)
    return Layer(name, out, into, tokens, model.layers, tensors=names)


def _attention(
    model: Transformer, tokens: int, context: int, new: int, batch: int, residual: View, *, cached: bool
) -> list[Layer]:
    """Attention of `new` queries a sequence to `context` keys; the residual stream is added as it is, or normalised."""
    hidden, own, depth, stream = model.hidden, model.kv_heads * model.depth, model.depth, carried("down", "normalised")
    shared, heads = model.heads // model.kv_heads * new, model.kv_heads * batch
    loops, runs = (("layer", model.layers), ("head", heads)), model.layers * heads
    keys = outside("cached_keys") if cached else read("key", "transposed")
    values = outside("cached_values") if cached else read("value")
    into_cache = residual == "same"
    scores = TensorNames(keys, read("query", "pointwise"), z="scores", loops=loops)
    mixed = TensorNames(values, read("scores", "normalised"), z="context", loops=loops)
    return [
        _projection("query", model, hidden, hidden, tokens, stream),
        _projection("key", model, own, hidden, tokens, stream, result=into_cache),
        _projection("value", model, own, hidden, tokens, stream, result=into_cache),
        Layer("scores", context, depth, shared, runs, prunable=False, tensors=scores),
        Layer("context", depth, context, shared, runs, prunable=False, tensors=mixed),
        _projection("output", model, hidden, hidden, tokens, read("context"), carried("down", residual)),
    ]
