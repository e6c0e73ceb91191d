"""What was found in a file or a folder: layers and what was left out, told before any kernel is made."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.sparse import csr_array

from workloads.densities import Density
from workloads.errors import printable
from workloads.kernels.kernel import Numbers
from workloads.kernels.tensor_names import TensorNames
from workloads.kernels.tensors import CooTensor
from workloads.kernels.unfolding import Unfolding


@dataclass(frozen=True, eq=False)
class FoundLayer:
    """One matrix of a file, or one layer of a network: the sparse operand A of a product.

    Exactly one of `read`, `density` and `tensor` is given: a pattern, what is known of one, or a tensor of more than
    two modes. Nothing large is read before `read` is called.
    """

    name: str
    """As the file has it, `.weight` cut off; empty where the file is one matrix without a name."""
    shape: tuple[int, ...]
    """Rows [out] and columns [in x kernel height x kernel width] of A; of a tensor all modes."""
    read: Callable[[], csr_array] | None = None
    """The matrix, canonical CSR; of a layer of zeros without entries. **Raises** `InputError` for what is wrong."""
    density: Density | None = None
    tensor: Callable[[], CooTensor] | None = None
    columns: int | None = None
    """Columns of B where the file says them."""
    activations: Density | csr_array | None = None
    """B where the file says that it is sparse."""
    repeats: float = 1.0
    unreadable: str = ""
    """As `cannot be read: its weights are not stored`, where `read` can only raise."""
    values: str = ""
    """What a value is, as `bfloat16` or `int4 in groups of 128`; empty where the file has none."""
    numbers: Numbers = "integer"
    """What the values are as operands: weights of networks run as integers, whatever they are stored as."""
    unfolding: Unfolding | None = None
    """How a convolution's maps become B, where the file says so; its rows in the order of A's columns, (in, y, x)."""
    taps: int = 1
    """Kernel height times kernel width of a convolution whose maps the file does not tell."""
    tensors: TensorNames | None = None
    """What its product reads and writes, where the file says so."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))


@dataclass(frozen=True)
class LeftOut:
    """What a file holds that is no operand of a product."""

    name: str
    why: str
    """As in `looked up, not multiplied`; equal reasons are told together."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))


@dataclass(frozen=True)
class Found:
    """What a path holds. Its text lists it, layer by layer."""

    path: Path
    format: str
    """In words, as `safetensors, GPTQ`."""
    layers: tuple[FoundLayer, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader had to assume, one sentence each with the option that says otherwise."""

    def __str__(self) -> str:
        """One line a layer, then what was left out by reason, then the notes."""
        rows = [("layer", "rows", "columns of A", "columns of B", "repeats", "values")]
        for one in self.layers:
            sizes = [f"{side:,}" for side in one.shape]
            sizes = sizes if len(sizes) == 2 else [" x ".join(sizes), ""]
            values = one.unreadable or one.values or ("" if one.density is None else f"{one.density}")
            repeats = "" if one.repeats == 1 else f"{one.repeats:,.12g}"
            columns = f"{one.columns:,}" if one.columns else "-"
            rows.append((one.name or self.path.name, *sizes, columns, repeats, values))
        if not any(row[4] for row in rows[1:]):
            rows = [(*row[:4], row[5]) for row in rows]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = [f"{self.path}: {self.format}, {len(self.layers)} layer{'s' if len(self.layers) != 1 else ''}"]
        for row in rows:
            cells = (
                text.ljust(w) if at in (0, len(row) - 1) else text.rjust(w)
                for at, (text, w) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *(f"left out, {words}" for words in self._left_out_words()), *self.notes])

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, what was left out, what values are where they are no 8-bit integers, and what is not known of
        convolutions; a sentence each."""
        said = [f"{self.path}: left out, {words}." for words in self._left_out_words()]
        kinds = dict.fromkeys(layer.values for layer in self.layers if _runs_rounded(layer))
        if kinds:
            what = f"{self.path}: values are {', '.join(kinds)}, not int8"
            said.append(f"{what}; weights run quantised to int8 unless --arithmetic says otherwise.")
        blind = sum(layer.taps > 1 and layer.columns is None and layer.unfolding is None for layer in self.layers)
        if blind:
            what = f"{self.path}: the maps of {blind} convolution{'s' if blind > 1 else ''} are not in the file"
            said.append(f"{what}, so all have the same columns; say how many by @spmm:N, or export to ONNX.")
        return (*self.notes, *said)

    def _left_out_words(self) -> list[str]:
        """By reason: the reason and some names."""
        reasons: dict[str, list[str]] = {}
        for one in self.left_out:
            reasons.setdefault(one.why, []).append(one.name)
        more = {why: f" and {len(names) - 3} more" if len(names) > 3 else "" for why, names in reasons.items()}
        return [f"{why}: {', '.join(names[:3])}{more[why]}" for why, names in reasons.items()]

    def selected(self, keep: Callable[[str], bool]) -> "Found":
        """The same without the layers whose names are not kept."""
        return replace(self, layers=tuple(layer for layer in self.layers if keep(layer.name)))


def _runs_rounded(layer: FoundLayer) -> bool:
    """Whether 8 bits do not hold values that run as integers; a mask says where they are, not what."""
    return (
        layer.numbers == "integer"
        and bool(layer.values)
        and not layer.values.startswith(("int8", "uint8", "bool", "mask"))
    )
