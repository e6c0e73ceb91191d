"""Published machines in the terms of docs/machine.md: a hardware and the choices of a mapping, at any node and DRAM.

These are designs like those of a search, priced by the same technology, so that architectures compare without their
nodes. What is left open, loop order and tile sizes, is the mapper's. Numbers are those of the machines' own modules and
sources; what a paper does not say, or has no counterpart for here, is marked as a guess. Where a machine and its small
model in `SYSTEMS` differ, `limits` says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hwmodels.design.legality import DENSE_B

Number = float | int
KIB, MIB = 2.0**10, 2.0**20


@dataclass(frozen=True)
class TemplateMachine:
    """One machine: plain numbers and names, as in a design file."""

    system: str
    """Its name in `SYSTEMS`."""
    title: str
    hardware: Mapping[str, Number | str]
    """`HARDWARE_NUMBERS`, and the intersection unit."""
    choices: Mapping[str, str]
    """Of the mapping, for a sparse B."""
    limits: str
    """What the template cannot express of it."""
    tiles: Mapping[str, Number] = field(default_factory=dict)
    """Tile sizes that the machine fixes."""
    for_sparse_b: Mapping[str, Number | str] = field(default_factory=dict)
    """Tile sizes and loop order that it fixes where B is sparse."""

    @property
    def name(self) -> str:
        """As users type it."""
        return f"{self.system}_template"

    def mapping(self, dense_b: bool, **free: Number | str) -> dict[str, Number | str]:
        """All fields of a mapping; `free`: loop order and the tile sizes that are not fixed."""
        return {**free, **self.tiles, **self.choices, **(DENSE_B if dense_b else self.for_sparse_b)}


def _hardware(
    array: Sequence[Number],
    glb: Sequence[Number],
    pe_bytes: Sequence[Number],
    bus_bits: Sequence[Number],
    word_bits: Sequence[Number],
    intersection: str = "leader_follower",
) -> dict[str, Number | str]:
    """Rows, columns and lanes; GLB and banks; buffer and accumulators of a PE; index and value bus; value and sum."""
    names = (
        *("pe_rows", "pe_cols", "lanes", "glb_bytes", "glb_banks", "pe_buffer_bytes", "accumulator_bytes"),
        *("index_bus_bits", "value_bus_bits", "value_bits", "accumulator_bits"),
    )
    values = (*array, *glb, *pe_bytes, *bus_bits, *word_bits)
    return {"intersection": intersection} | {n: float(v) for n, v in zip(names, values, strict=True)}


def _choices(
    dataflow: str,
    a_format: str,
    b_format: str,
    schedule: str,
    residency: str = "b",
    *,
    columns_on: str = "n",
    lanes_on: str = "n",
) -> dict[str, str]:
    return {
        "dataflow": dataflow,
        "a_format": a_format,
        "b_format": b_format,
        "a_zero": "skip",
        "b_zero": DENSE_B["b_zero"] if b_format == DENSE_B["b_format"] else "skip",
        "schedule": schedule,
        "residency": residency,
        "columns_on": columns_on,
        "lanes_on": lanes_on,
    }


EIE = TemplateMachine(
    "eie",
    "EIE (template)",
    # a PE: 160 KiB of weights and pointers, 2 KiB of activations, two files of 64 sums. It has no GLB: here
    # activations and results pass one of a guessed size, over buses of an activation and a result a cycle (guesses)
    _hardware((64, 1, 1), (4 * MIB, 256), (162 * KIB, 2 * 64 * 2.0), (64 * 24.0, 64 * 16.0), (4, 16)),
    _choices("outer_product", "csc", "bitmask", "cyclic", "ab", columns_on="m") | {"a_kept": "pe"},
    "All values have the 4 bits of its weights, which are indices of a codebook there, multiplied in 16 bits: MACs are "
    "too cheap. Entries have whole row numbers instead of runs of 4 bits down the columns of a PE, whose padding takes "
    "time (most where few weights are left: VGG-6 and -7); PEs wait for each other at the end of a tile only, and take "
    "no cycle to pass over a column of which they have no entry.",
)
MATRAPTOR = TemplateMachine(
    "matraptor",
    "MatRaptor (template)",
    # ten queues of 4 KiB are the sums; the GLB, which it has not, and the loaders' 1 KiB are guesses
    _hardware((8, 1, 1), (64 * KIB, 8), (1 * KIB, 40 * KIB), (256, 256), (32, 32)),
    _choices("gustavson", "csr", "csr", "cyclic", "fetch"),
    "Rows of B are fetched one at a time from a GLB, tile by tile, not from DRAM in bursts of their own; sums have a "
    "place for each column, which makes tiles narrow, and are not sorted and merged in queues, which takes no time "
    "here: a bound from below.",
)
GAMMA = TemplateMachine(
    "gamma",
    "GAMMA (template)",
    # PE buffer and sums are guesses: a PE holds 64 heads of fibers, and its results stream out
    _hardware((32, 1, 1), (3 * MIB, 48), (2 * KIB, 32 * KIB), (32 * 32.0, 32 * 64.0), (64, 64)),
    _choices("gustavson", "csr", "csr", "balanced", "fetch"),
    "The FiberCache holds a tile of B, not the fibers that are wanted next, and gives one row at a time: its many "
    "ports are missing; results are summed in place instead of merged 64 at a time.",
)
EXTENSOR = TemplateMachine(
    "extensor",
    "ExTensor (template)",
    # 16 x 8 PEs, sums and buses are guesses
    _hardware((16, 8, 1), (30 * MIB, 64), (64 * KIB, 4 * KIB), (1024, 2048), (64, 64), "skip_ahead"),
    _choices("inner_product", "csr", "csc", "cyclic"),
    "Coordinates are intersected at one level, in tiles of the GLB, not again in tiles of 128 x 128 for each PE; the "
    "unit drops 4 coordinates a step.",
)
OUTERSPACE = TemplateMachine(
    "outerspace",
    "OuterSPACE (template)",
    # 16 tiles of 16 PEs with 16 KiB each; sums and buses are guesses
    _hardware((16, 16, 1), (16 * 16 * KIB, 16), (1 * KIB, 1 * KIB), (1024, 2048), (64, 64)),
    _choices("outer_product", "csc", "csr", "balanced", columns_on="m"),
    "Products of a column and a row pass sums of a PE, which makes tiles narrow; they go to memory and are read once, "
    "but merging them takes no PE; with a dense B, products that meet in a tile are added there.",
    for_sparse_b={"loop_order": "kmn", "tile_k": 1.0},
)
ONYX = TemplateMachine(
    "onyx",
    "Onyx, sparse (template)",
    # a lane is a graph of 16-bit streams; A, B and results are in memory tiles of 4 KiB
    _hardware((7, 1, 1), (4 * MIB, 16), (8 * KIB, 4 * KIB), (7 * 16.0, 7 * 16.0), (16, 16), "two_finger"),
    _choices("inner_product", "csr", "csc", "cyclic"),
    "Rows of a tile are dealt to the lanes, not whole tiles; the latency of the blocks in a row; the dense mode.",
    {"tile_m": 30.0, "tile_k": 30.0, "tile_n": 30.0},
)
AMPERE = TemplateMachine(
    "a100",
    "A100, 2:4 (template)",
    # 432 tensor cores of 8 x 4 sums of 8 products; L2, of 5120 bytes a cycle, is the GLB. Of the L1 and the registers
    # of an SM each of its 128 such sums has 3.5 KiB, of which 2 KiB hold operands and 512 B sums (guesses)
    _hardware((128, 108, 8), (40 * MIB, 640), (2 * KIB, 512), (8192, 32768), (16, 32)),
    _choices("inner_product", "nm4", "dense", "cyclic", lanes_on="k"),
    "One array for all SMs: a product of few rows or columns leaves most of it idle. Sums go to the GLB after each "
    "tile of k, where registers keep them, and tiles of k are short, for each lane has a copy of B where a tensor core "
    "selects the operands of a group of four. No launch, no instructions.",
)

TEMPLATES: dict[str, TemplateMachine] = {
    one.name: one for one in (EIE, MATRAPTOR, GAMMA, EXTENSOR, OUTERSPACE, ONYX, AMPERE)
}
"""Name -> the machine. Not here: SIGMA's and Cambricon's packing of one output's terms on many multipliers, whose adder
trees the template has, but not their networks that choose operands; SpArch's merge tree; SCNN's and Eyeriss's reuse of
planes; DSTC's packed warps; the GPUs' and Cerebras's many arrays."""
