"""Published networks as workloads: layer tables with cited shapes and densities, described without patterns.

| module | networks |
|---|---|
| `deep_compression` | LeNet-300-100, LeNet-5, AlexNet, VGG-16 with Han et al.'s densities of weights and activations |
| `resnet` | ResNet-50 as DLMC prunes it |
| `googlenet`, `mobilenet` | GoogLeNet, MobileNet 0.5-128 |
| `transformer` | Llama-2 and Llama-3, prefill and decode; BERT-base |
| `attention_block` | one block of BERT's attention with pruned weights and a sliding window |
| `recommender` | DLRM |
| `graph` | GCN and GraphSAGE on a user's graph |
| `digits` | the embedded classifier, trained and pruned by the project: real weights and activations |
| `training` | a training step: each product, and the two of its gradients |
| `layer` | a layer as a matrix product |
| `options` | the options after a name |

A spec is a network's name and options with colons between: `llama3-405b:decode:8192:b4:2:4`.

| option | meaning |
|---|---|
| `decode`, `prefill` | Llama: one new token a sequence (unless told otherwise), or a whole prompt |
| `2048` | tokens in the cache (decode), of the prompt (prefill), of the sequence (BERT: 384 unless told otherwise) |
| `w64` | attention-block: the window of keys that a token sees |
| `train` | networks of images and BERT: a training step instead of an inference, three products a layer (`training`) |
| `b8` | batch: sequences, images or samples; 1 unless told otherwise, DLRM's 2,048 |
| `sparse90` | 90 % zeros, anywhere, in the weights of every layer that is pruned |
| `wanda50`, `sparsegpt50`, `magnitude50` | Llama: the same; the published points are 50 % (Sun et al., ICLR 2024) |
| `magnitude80` | ResNet-50: DLMC's levels are 50 to 98 %; 80 % unless told otherwise |
| `movement90` | BERT: Sanh et al., NeurIPS 2020, publish 90 and 97 % of the encoder, here the same in each layer |
| `2:4` | N:M of neighbouring inputs (Mishra et al., arXiv:2104.08378; 4:8: Sun et al.): channels of a convolution,
  which stays dense where M does not divide these |
| `dense` | nothing is pruned, no activation is zero |
| `weights` | the network's own weights, but no activation is zero |
| `prosparse`, `relullama` | Llama-2 7B and 13B: measured zeros of ReLU-fied feed-forward activations |
| `relu90` | Llama: 90 % zeros there |

Options that change the same densities act from left to right: `vgg16:dense:2:4` has 2:4 weights and dense activations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workloads.errors import InputError
from workloads.kernels.workload import Workload
from workloads.networks.attention_block import TOKENS as BLOCK_TOKENS
from workloads.networks.attention_block import WINDOW, sliding_window_block
from workloads.networks.deep_compression import ALEXNET, LENET_5, LENET_300_100, VGG16
from workloads.networks.googlenet import GOOGLENET
from workloads.networks.graph import GRAPH_NETWORKS, graph_workload
from workloads.networks.layer import ConvolutionShape, Layer, in_batches
from workloads.networks.mobilenet import MOBILENET
from workloads.networks.options import Grammar, Options, Pruning
from workloads.networks.recommender import dlrm
from workloads.networks.resnet import RESNET50
from workloads.networks.training import described_step
from workloads.networks.transformer import BERT_BASE, LLAMAS, RELU_DENSITIES, decoder, encoder

TOKENS = 2048
"""Of a prompt or a cache unless told otherwise: half the context of Llama-2."""

BERT_TOKENS = 384
"""Of BERT's sequences unless told otherwise: SQuAD's in MLPerf Inference."""

DLRM_BATCH = 2048
"""MLPerf's, see `recommender`."""


@dataclass(frozen=True)
class _Network:
    layers: Callable[[Options], list[Layer]]
    grammar: Grammar = field(default_factory=Grammar)
    unless_told: Pruning | None = None
    relu_passes: bool = False
    """Whether products lie right before the ReLUs, without a normalisation between."""
    has_data_in: bool = True
    """Whether the first product reads data, which need no gradient."""


def _images(
    table: tuple[Layer, ...],
    unless_told: Pruning | None = None,
    methods: tuple[str, ...] = (),
    relu_passes: bool = False,
) -> _Network:
    grammar = Grammar(methods=methods, trains=True)
    return _Network(lambda options: in_batches(table, options.batch or 1), grammar, unless_told, relu_passes)


def _llama(name: str) -> _Network:
    def layers(options: Options) -> list[Layer]:
        tokens, whole = options.tokens or TOKENS, options.phase == "prefill"
        new, cached = (tokens, 0) if whole else (1, tokens)
        return decoder(LLAMAS[name], new=new, cached=cached, batch=options.batch or 1)

    relu = {method: density for (model, method), density in RELU_DENSITIES.items() if model == name}
    return _Network(layers, Grammar(("decode", "prefill"), True, ("wanda", "sparsegpt", "magnitude"), relu))


_NETWORKS = {
    "lenet-300-100": _images(LENET_300_100, relu_passes=True),
    "lenet-5": _images(LENET_5),
    "alexnet": _images(ALEXNET, relu_passes=True),
    "vgg16": _images(VGG16, relu_passes=True),
    "googlenet": _images(GOOGLENET),
    "mobilenet": _images(MOBILENET),
    "resnet50": _images(RESNET50, Pruning(weight_density=0.2), ("magnitude",)),
    "bert-base": _Network(
        lambda options: encoder(BERT_BASE, options.tokens or BERT_TOKENS, options.batch or 1),
        Grammar(tokens=True, methods=("movement",), trains=True),
        has_data_in=False,
    ),
    **{name: _llama(name) for name in LLAMAS},
    "dlrm": _Network(lambda options: dlrm(options.batch or DLRM_BATCH)),
}

_BLOCK, _BLOCK_GRAMMAR = "attention-block", Grammar(tokens=True, methods=("movement",), window=True)

NETWORK_NAMES = (*_NETWORKS, _BLOCK)
"""Names of the networks that need no file."""


def network_layers(spec: str) -> list[Layer]:
    """The layers of a spec such as `resnet50:b8`; **raises** `InputError` for an unknown name or option."""
    return _read(spec)[2]


def _read(spec: str) -> tuple[_Network, Options, list[Layer]]:
    name, _, text = spec.partition(":")
    if name == _BLOCK:
        raise InputError(f"{spec!r}: is made of kernels of several kinds, not of layers; ask for its workload.")
    if name not in _NETWORKS:
        raise InputError(f"{spec!r}: no network is called {name!r}; use one of {', '.join(NETWORK_NAMES)}.")
    network = _NETWORKS[name]
    options = network.grammar.read(spec, text)
    prunings = [network.unless_told, *options.prunings]
    return network, options, [_pruned(layer, prunings) for layer in network.layers(options)]


def _pruned(layer: Layer, prunings: Sequence[Pruning | None]) -> Layer:
    for pruning in filter(None, prunings):
        layer = pruning.applied(layer)
    return layer


def network_workload(spec: str) -> Workload:
    """The workload of a spec; kernels are named `network/layer`, those of a training step `network/layer@forward` and
    so on. **Raises** `InputError` as `network_layers`."""
    name, _, text = spec.partition(":")
    if name == _BLOCK:
        options = _BLOCK_GRAMMAR.read(spec, text)
        weights = _pruned(Layer("query", 1, 1, 1, weight_density=0.1), options.prunings)
        tokens, window, batch = options.tokens or BLOCK_TOKENS, options.window or WINDOW, options.batch or 1
        return Workload(spec, sliding_window_block(BERT_BASE, name, weights, tokens=tokens, window=window, batch=batch))
    network, options, layers = _read(spec)
    if options.train:
        kernels = described_step(layers, name, relu_passes=network.relu_passes, has_data_in=network.has_data_in)
        return Workload(spec, tuple(kernels))
    return Workload(spec, tuple(layer.kernel(name) for layer in layers))


__all__ = [
    "GRAPH_NETWORKS",
    "NETWORK_NAMES",
    "ConvolutionShape",
    "Layer",
    "graph_workload",
    "network_layers",
    "network_workload",
]
