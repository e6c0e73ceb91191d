"""The graph of a workload: its edges carry a network's values, and what makes no graph is refused in one sentence."""

import pytest

from workloads import (
    resolve_workload,
)
from workloads.networks import NETWORK_NAMES

FIXED = ("embedded", "digits", "digits_sparse", "rmat@attention:4:8")
PHASES = (
    "llama3-8b:prefill:64:b2",
    "llama2-7b:decode:64:b4",
    "bert-base:128:b2",
    "vgg16:b2",
    "mobilenet:b4",
    "resnet50:b2",
)


@pytest.mark.parametrize("spec", [*FIXED, *NETWORK_NAMES, *PHASES])
def test_what_is_read_comes_from_somewhere_and_each_result_goes_somewhere(spec: str) -> None:
    workload = resolve_workload(spec)
    graph, kernels = workload.graph, workload.kernels
    for at, kernel in enumerate(kernels):
        for operand in "abc" if kernel.tensors else "":
            reads = [
                use
                for tensor in graph.tensors
                for use in tensor.consumers
                if use.kernel == at and use.operand == operand
            ]
            told = sum(use.share for use in reads)
            known = operand == "c" or told == pytest.approx(1) or any(use.trip == "previous" for use in reads)
            assert known, f"{kernel.name}.{operand} is made of {told} of itself"
        assert kernel.tensors is None or graph.written_by(at) is not None
    for tensor in graph.tensors:
        assert tensor.is_result or tensor.consumers
        assert 1 <= tensor.at_once <= tensor.copies
        assert {use.kernel for use in tensor.consumers} <= {*tensor.alive}
        assert tensor.producer is None or tensor.producer in tensor.alive
        assert not (tensor.is_weight and tensor.producer is not None)
        runs = {use.kernel: kernels[use.kernel].repeats for use in tensor.consumers}
        assert all(tensor.copies <= count or tensor.producer is not None for count in runs.values())
