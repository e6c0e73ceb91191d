"""Multiply-accumulates of networks by name against those that others' counters count in others' implementations."""

import math

import pytest

from workloads import resolve_workload

COUNTED = {
    # torch.utils.flop_counter of torch 2.13.0, half its operations, on models with torchvision 0.28.0 (vgg16, resnet50,
    # googlenet with the paper's 5 x 5, for which torchvision has 3 x 3, pytorch/vision issue 906), transformers 5.24.0
    # (MobileNetV1, BertModel without its pooler, LlamaForCausalLM with logits of the last token and the whole square
    # of scores, decoding behind a filled DynamicCache) or torch alone (LeNets, AlexNet in two groups, DLRM).
    # fvcore 0.1.5.post20221221 counts the same in all but the last two Llamas and images in batches, where it was not
    # run.
    "lenet-300-100": 266_200,
    "lenet-5": 2_293_000,
    "alexnet": 724_406_816,
    "vgg16": 15_470_264_320,
    "vgg16:b8": 123_762_114_560,
    "googlenet": 1_582_671_872,
    "mobilenet": 49_160_192,
    "resnet50": 4_089_184_256,
    "resnet50:b4": 16_356_737_024,
    "bert-base": 35_332_816_896,
    "bert-base:128:b4": 44_694_503_424,
    "dlrm": 5_034_999_808,
    "dlrm:b1": 2_458_496,
    "llama2-7b:prefill:2048": 14_362_501_709_824,
    "llama2-7b:decode:2048": 7_144_210_432,
    "llama2-13b:prefill:512:b2": 13_207_352_115_200,
    "llama2-13b:decode:2048:b8": 109_527_040_000,
    "llama2-70b:prefill:1024": 71_468_517_949_440,
    "llama2-70b:decode:4096:b2": 148_166_410_240,
    "llama3-8b:prefill:2048": 15_393_688_125_440,
    "llama3-8b:decode:8191": 9_652_142_080,
    "llama3-70b:prefill:512": 35_391_581_192_192,
    "llama3-70b:decode:2048:b4": 288_749_518_848,
    "llama3-405b:prefill:256": 103_094_201_352_192,
    "llama3-405b:decode:2048": 412_207_742_976,
}


@pytest.mark.parametrize("spec", COUNTED)
def test_dense_products_have_the_multiply_accumulates_of_a_counter(spec: str) -> None:
    kernels = resolve_workload(spec).kernels
    products = [kernel for kernel in kernels if "/table" not in kernel.name]  # counters multiply nothing to look up
    assert sum(math.prod(kernel.shape) * kernel.repeats for kernel in products) == COUNTED[spec]


@pytest.mark.parametrize("batch", [1, 2048])
def test_a_look_up_multiplies_only_the_rows_that_it_takes(batch: int) -> None:
    tables = [kernel for kernel in resolve_workload(f"dlrm:b{batch}").kernels if "/table" in kernel.name]
    assert len(tables) == 26
    for table in tables:
        assert table.a.nonzeros(table.m, table.k) * table.n == pytest.approx(batch * 128)
