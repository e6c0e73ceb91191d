"""Number formats by name: what a value is, how wide it and the sums of products are, and whose choice that is."""

from dataclasses import dataclass

GUARD_BITS = 8
"""Of a sum of integers, above twice the width of a value."""


def sum_bits(value_bits: float | int) -> float | int:
    """Width in bits of a sum of products of two integers of `value_bits`: 4 -> 16, 8 -> 24, 16 -> 40.

    Magnitudes up to $2^{v-1} - 1$ (Krishnamoorthi, arXiv:1806.08342, section 2.2) have products below $2^{2v-2}$, so
    $2 v + 8$ bits hold any 512 of them, and far more of usual sizes. SCNN (ISCA 2017) and Eyeriss v2 (JETCAS 2019) have
    less, 24 b for 16 b values and 20 b for 8 b; NVIDIA's tensor cores have 32 b for int8 and int4.
    """
    return 2 * value_bits + GUARD_BITS


@dataclass(frozen=True)
class NumberFormat:
    """What the MACs compute with."""

    name: str
    arithmetic: str
    """One of `scenarios.ARITHMETICS`."""
    value_bits: int
    accumulator_bits: int
    source: str
    """Whose widths these are."""

    @property
    def words(self) -> str:
        """As in `fp16 with sums of 32 bits`."""
        return f"{self.name} with sums of {self.accumulator_bits} bits"


def _integers(bits: int, source: str) -> NumberFormat:
    return NumberFormat(f"int{bits}", "int", bits, int(sum_bits(bits)), source)


_TABLE = (
    _integers(4, "NVIDIA A100 (whitepaper, 2020): int4 tensor cores"),
    _integers(8, "Eyeriss v2: 8 b weights and activations"),
    _integers(16, "SCNN, EIE: 16 b weights and activations"),
    NumberFormat("fp16", "float", 16, 32, "Micikevicius et al., ICLR 2018: sums in fp32"),
    NumberFormat("bf16", "bfloat", 16, 32, "TPUv4i (Jouppi et al., ISCA 2021): bf16 products, fp32 sums"),
    NumberFormat("fp32", "float", 32, 32, "MatRaptor (MICRO 2020): single precision"),
    NumberFormat("fp64", "float", 64, 64, "OuterSPACE (HPCA 2018), SpArch (HPCA 2020): double precision"),
)
NUMBER_FORMATS = {one.name: one for one in _TABLE}
"""By name."""
QUANTISED, REAL = NUMBER_FORMATS["int8"], NUMBER_FORMATS["fp32"]
"""What runs unless told otherwise: networks, patterns and integers; and what has real numbers for values."""
