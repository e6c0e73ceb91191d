"""Decoders of the Llama family and the encoder of BERT, from (hidden, ffn, layers, heads, kv_heads, vocab).

| product | A | B |
|---|---|---|
| `query`, `key_value`, `output` | projections [heads x depth, hidden] | one column a token |
| `scores` | keys of one head [tokens, depth] | queries of the heads that share them |
| `context` | values of one head, transposed [depth, tokens] | the scores' softmax |
| `gate_up`, `down` | SwiGLU's feed-forward (Shazeer, arXiv:2002.05202); BERT has one matrix up | one column a token |
| `head` | vocabulary [vocab, hidden] | the last token of each sequence |

Attention is a product of dense operands, once for each head that has keys (grouped queries: Ainslie et al.,
arXiv:2305.13245), and whole squares: the causal mask saves nothing here. Look-ups of embeddings, softmax, norms and
rotations are no products and are left out. Keys and values of a decoder's cache are read as A, so a step of decoding
moves all of them once.

Shapes: `config.json` on the models' pages at Hugging Face; for Llama-2 70B by the listing of modules on the page of
h2oai's copy of it, for Llama-3 70B by oumi's `configs/recipes/llama3_1/README.md`.
"""

from dataclasses import dataclass

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

    Decoding has one new token, prefill none cached. Where a ReLU leaves zeros in the input of `down`, the rows of
    `gate_up` that they would spare are still computed.
    """
    tokens, depth, context = new * batch, model.depth, new + cached
    shared = model.heads // model.kv_heads * new
    attention = model.layers * model.kv_heads * batch
    return [
        *_projections(model, tokens),
        *_attention(context, depth, shared, attention),
        Layer("gate_up", model.ffn, model.hidden, tokens, 2 * model.layers),
        Layer("down", model.hidden, model.ffn, tokens, model.layers),
        Layer("head", model.vocab, model.hidden, batch, prunable=False),
    ]


def encoder(model: Transformer, tokens: int, batch: int) -> list[Layer]:
    """Products of BERT (Devlin et al., NAACL 2019) on `batch` sequences; its small task heads are left out."""
    every = tokens * batch
    return [
        *_projections(model, every),
        *_attention(tokens, model.depth, tokens, model.layers * model.heads * batch),
        Layer("up", model.ffn, model.hidden, every, model.layers),
        Layer("down", model.hidden, model.ffn, every, model.layers),
    ]


def _projections(model: Transformer, tokens: int) -> list[Layer]:
    return [
        Layer("query", model.hidden, model.hidden, tokens, model.layers),
        Layer("key_value", model.kv_heads * model.depth, model.hidden, tokens, 2 * model.layers),
        Layer("output", model.hidden, model.hidden, tokens, model.layers),
    ]


def _attention(context: int, depth: int, queries: int, repeats: int) -> list[Layer]:
    return [
        Layer("scores", context, depth, queries, repeats, prunable=False),
        Layer("context", depth, context, queries, repeats, prunable=False),
    ]
