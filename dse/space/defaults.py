"""The default design space, between the smallest and the largest published sparse accelerators."""

from dse.space.design_space import CHOICES, DesignSpace, Parameter, powers_of_two

_KIB = 1024.0

_NUMBERS = (
    # name, low, high, unit, source of the bounds
    ("pe_rows", 1, 64, "PEs", "MatRaptor: 8 PEs in all; OuterSPACE 16 x 16; Onyx 32 x 16 tiles; EIE projects 256 PEs"),
    ("pe_cols", 1, 64, "PEs", "EIE 64 x 1; SCNN 8 x 8; Eyeriss v1 12 x 14; Eyeriss v2 192 PEs; Onyx 384 PE tiles"),
    ("lanes", 1, 16, "MACs", "EIE, MatRaptor: 1 a PE; Eyeriss v2: 2; SCNN: 16"),
    ("glb_bytes", 64 * _KIB, 32768 * _KIB, "bytes", "Eyeriss v1 108 KB; v2 192 KB; Onyx 4 MB; ExTensor 30 MB"),
    ("glb_banks", 4, 128, "banks", "Onyx 16 of 256 KB; Eyeriss v2 112 (16 clusters of 7); narrower ones are a guess"),
    (
        "pe_buffer_bytes",
        256,
        128 * _KIB,
        "bytes",
        "Eyeriss v2 330 B of scratchpads; SCNN 10 KB; ExTensor 64 KB; EIE 128 KB",
    ),
    (
        "accumulator_bytes",
        64,
        32 * _KIB,
        "bytes",
        "Eyeriss v2 32 x 20 b; SCNN 32 x 32 entries of 24 b; MatRaptor 40 KB queues",
    ),
    (
        "index_bus_bits",
        16,
        1024,
        "bits",
        "EIE 32 (8 entries of 4 b); Eyeriss v2 768 (96 ports of 24 b, 4 b of 12 b an index)",
    ),
    (
        "value_bus_bits",
        32,
        2048,
        "bits",
        "EIE 32 (8 entries of 4 b); Eyeriss v2 1536 (96 ports of 24 b, 8 b of 12 b a value)",
    ),
)

_CHOICE_SOURCE = "hwmodels.design.choices: every one that the models know"


def default_space() -> DesignSpace:
    """Powers of two between the bounds of published accelerators, 8-bit values and 24-bit sums, every choice open.

    Sources of the facts: EIE (ISCA 2016), SCNN (ISCA 2017), Eyeriss v1 (JSSC 2017) and v2 (JETCAS 2019), OuterSPACE
    (HPCA 2018), ExTensor (MICRO 2019), MatRaptor (MICRO 2020), Onyx (VLSI 2024).
    """
    numbers = [
        Parameter(name, powers_of_two(low, high), "hardware", unit, "log2", source)
        for name, low, high, unit, source in _NUMBERS
    ]
    widths = [
        Parameter("value_bits", (8.0,), "hardware", "bits", "log2", "Eyeriss v2: 8 b weights and activations"),
        Parameter("accumulator_bits", (24.0,), "hardware", "bits", "log2", "SCNN: 24 b; Eyeriss v2: 20 b"),
    ]
    tiles = [
        Parameter(
            name,
            powers_of_two(low, 2**24),
            "mapping",
            "elements",
            "log2",
            "cut at the kernel's size; the floor is a guess",
        )
        for name, low in (("tile_m", 16), ("tile_k", 16), ("tile_n", 1))
    ]
    choices = [
        Parameter(name, names, "hardware" if name == "intersection" else "mapping", "", "choice", _CHOICE_SOURCE)
        for name, names in CHOICES.items()
    ]
    return DesignSpace((*numbers, *widths, *tiles, *choices))
