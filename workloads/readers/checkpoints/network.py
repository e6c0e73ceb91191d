"""What arrays of a network tell of each other: biases, neighbours, sizes, and the configuration beside them."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from workloads.readers.checkpoints.chains import LayerSeries
from workloads.readers.checkpoints.convolution_groups import ConvolutionGroups
from workloads.readers.checkpoints.names import Name, natural

_CONV1D = ("gpt2", "openai-gpt", "imagegpt", "decision_transformer")
"""`model_type`s whose Conv1D of transformers is stored [in, out] (transformers/pytorch_utils.py)."""
_TURNED = ("text_projection", "image_projection", "proj", "mm_input_projection_weight")
"""Parameters without a module that lie [in, out]: of CLIP and of Gemma 3."""
_EXPERTS_TURNED = {"llama4": True, "llama4_text": True, "gpt_oss": True, "aria_text": True, "aria": True}
"""`model_type`s whose experts are stored [experts, in, out], as their modelling files in transformers have it; of
others that are known, out first."""
_EXPERTS_OUT_FIRST = (
    "qwen2_moe", "qwen3_moe", "qwen3_next", "mixtral", "deepseek_v2", "deepseek_v3", "glm4_moe", "granitemoe",
    "jetmoe", "olmoe", "phimoe", "minimax", "ernie4_5_moe", "hunyuan_v1_moe", "dots1", "flex_olmo",
)  # fmt: skip
_UP = re.compile(r"(gate|up|gate_up|w1|w3|v1|fc1|wi|wi_\d|input_linear|gate_proj|up_proj|ffn_(gate|up)_exps)(_proj)?$")
_DOWN = re.compile(r"(down|w2|fc2|wo|output_linear|down_proj|ffn_down_exps)(_proj)?$")


class StoredNetwork:
    """Shapes of all arrays by name, and what they say together."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], operands: list[str], config: Mapping[str, Any]) -> None:
        self.shapes, self.config = shapes, config
        self.operands = sorted((Name(name) for name in operands), key=lambda name: natural(name.text))

    def bias(self, name: Name) -> tuple[int, ...] | None:
        """The shape of the bias that belongs to a weight; None without one."""
        return next((self.shapes[one] for one in name.biases if one in self.shapes), None)

    def setting(self, *keys: str) -> int:
        """A size by one of its names in `config.json` or a part of it; 0 where it is not said."""
        inner = sorted(
            (key for key, part in self.config.items() if isinstance(part, dict)), key=lambda key: "text" not in key
        )
        parts = [self.config, *(self.config[key] for key in inner)]
        found = [part[key] for part in parts for key in keys if type(part.get(key)) is int and part[key] > 0]
        return found[0] if found else 0

    @cached_property
    def kind(self) -> str:
        """`model_type`, also of the text's part; empty if unsaid."""
        return str(self.config.get("model_type") or "")

    def groups(self, name: Name, outputs: int, inputs: int, kernel: int) -> tuple[int, str]:
        """Groups of a convolution, and a note where they were concluded; see `convolution_groups`."""
        return self._groups.groups(name, outputs, inputs, kernel, self.setting("num_conv_pos_embedding_groups"))

    @cached_property
    def _groups(self) -> ConvolutionGroups:
        return ConvolutionGroups(self.shapes, self.operands, self.channels_last)

    def channels_last(self, name: Name) -> bool:
        """Whether a convolution lies [kernel..., in, out]; so does every matrix by `Name.is_kernel`."""
        shape, bias = self.shapes[name.text], self.bias(name)
        if name.is_kernel or len(shape) < 3:
            return name.is_kernel
        if bias and len(bias) == 1 and bias[0] in (shape[0], shape[1], shape[-1]):
            return bias[0] == shape[-1] and bias[0] not in shape[:2]
        return self.series.channels_last(name, len(shape))

    @cached_property
    def series(self) -> LayerSeries:
        return LayerSeries(self.shapes, self.operands)

    # Two axes

    def turned(self, name: Name) -> bool:
        """Whether a matrix lies [in, out]."""
        own = self._told(name)
        if own is not None:
            return own
        told = self._told_by_family.get(self._family(name))
        if told is not None:
            return told
        if name.is_kernel or (self._family(name) == "c_" and self.kind in _CONV1D):
            return True
        bare = not name.is_weight and name.owner in _TURNED
        low_rank = re.search(
            r"(^|\.)att\.([wagv][12]|time_(maa|decay)_w[12])$|attention\.time_(maa|decay)_w[12]$", name.text
        )
        return bool(bare or low_rank) or self.series.in_first(name)

    @cached_property
    def _told_by_family(self) -> dict[str, bool]:
        votes: dict[str, Counter] = {}
        for name in self.operands:
            if len(self.shapes[name.text]) == 2 and (told := self._told(name)) is not None:
                votes.setdefault(self._family(name), Counter())[told] += 1
        return {family: count.most_common(1)[0][0] for family, count in votes.items()}

    @staticmethod
    def _family(name: Name) -> str:
        return "c_" if name.owner in ("c_attn", "c_proj", "c_fc", "q_attn") else name.family

    def _told(self, name: Name) -> bool | None:
        """By the bias's length, or by the wider side of what always widens; None where they do not say."""
        shape, bias = self.shapes[name.text], self.bias(name)
        if bias and len(bias) == 1 and shape[0] != shape[1] and bias[0] in shape:
            return bias[0] == shape[1]
        if name.owner in ("c_attn", "c_fc") and shape[0] != shape[1] and bias is None:
            return shape[1] > shape[0]
        return None

    # Experts

    @cached_property
    def experts(self) -> int:
        """Their number, by the configuration or a router's rows; 0 if unknown."""
        said = self.setting(
            "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts"
        )
        routers = [s[0] for n, s in self.shapes.items() if re.search(r"router(\.layer)?\.weight$", n) and len(s) == 2]
        return said or (routers[0] if routers else 0)

    @cached_property
    def hidden(self) -> int:
        """The width between layers, by the configuration, else by the norms and routers; 0 if unknown."""
        said = self.setting("hidden_size", "d_model", "n_embd", "dim", "model_dim")
        if said:
            return said
        norms = [s[0] for n, s in self.shapes.items() if len(s) == 1 and re.search(r"norm|(^|\.)ln", n)]
        routers = [
            s[1] for n, s in self.shapes.items() if len(s) == 2 and re.search(r"(router|gate)(\.layer)?\.weight$", n)
        ]
        found = Counter(norms) or Counter(routers)
        return found.most_common(1)[0][0] if found else 0

    def experts_turned(self, name: Name) -> bool | None:
        """Whether experts lie [experts, in, out]; None where nothing says so."""
        own = self._expert_told(name)
        if own is not None:
            return own
        others = {self._expert_told(one) for one in self.operands if len(self.shapes[one.text]) == 3} - {None}
        if len(others) == 1:
            return others.pop()
        pairs = self._pair_told(name)
        if pairs is not None:
            return pairs
        kinds = {self.kind, *(str(p.get("model_type")) for p in self.config.values() if isinstance(p, dict))}
        if any(kind in _EXPERTS_TURNED for kind in kinds):
            return True
        known = any(kind in _EXPERTS_OUT_FIRST for kind in kinds) or "_exps" in name.text
        return False if known else None

    def _expert_told(self, name: Name) -> bool | None:
        """By the bias of each expert, or by which side is as wide as the network."""
        _, rows, columns = self.shapes[name.text]
        bias = self.bias(name)
        if rows == columns:
            return None
        if bias and len(bias) == 2 and bias[1] in (rows, columns):
            return bias[1] == columns
        if self.hidden not in (rows, columns):
            return None
        if _UP.search(name.layer):
            return self.hidden == rows
        return self.hidden == columns if _DOWN.search(name.layer) else None

    def _pair_told(self, name: Name) -> bool | None:
        """By the joined gate and up projection beside a down projection."""
        stem = re.sub(r"(gate_up|down)_proj.*$", "", name.text)
        end = ".weight" if name.is_weight else ""
        up, down = (self.shapes.get(f"{stem}{one}{end}") for one in ("gate_up_proj", "down_proj"))
        if not up or not down or len(up) != 3 or len(down) != 3:
            return None
        outer = up[2] == down[1] and up[1] == 2 * down[2]
        inner = up[1] == down[2] and up[2] == 2 * down[1]
        return inner if outer != inner else None
