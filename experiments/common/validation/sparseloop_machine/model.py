"""Computes, accesses, sizes, cycles and energy of one run: the dense data flow, thinned by formats and features."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from experiments.common.validation.sparseloop_machine.architecture import (
    ACCESS_PJ,
    COMPUTES,
    GATED_MAC_PJ,
    GEOMETRY,
    MAC_PJ,
    PES,
    TILE_WORDS,
    WORD_BITS,
    WORDS,
    WORDS_PER_CYCLE,
    Z_TILE_TURNS,
    SparseloopRun,
)
from experiments.common.validation.sparseloop_machine.metadata import compressed_bits, largest_tile_bits, tile_bits
from experiments.common.validation.sparseloop_machine.occupancy import Occupancy

TURNS = COMPUTES // PES
"""Positions that each PE works on in a dense run, and words of each operand that it reads."""
LEVELS = ("DRAM", "GLB", "Buffer")

Quantities = dict[str, float]


@dataclass(frozen=True)
class SparseloopOperand:
    """A or B as it is stored: words and metadata bits of the whole and of a PE's tile, in memory and at a port."""

    occupancy: Occupancy
    compressed: bool
    whole_bits: dict[str, float]
    tile_bits: dict[str, float]
    largest_bits: float

    @property
    def density(self) -> float:
        """Share of non-zeros, whether stored compressed or not."""
        return self.occupancy.density

    @property
    def stored(self) -> float:
        """Words stored for each word of the whole operand."""
        return self.density if self.compressed else 1.0

    @property
    def occupied(self) -> float:
        """Share of the PEs' tiles that are not empty, as far as the format can tell."""
        return self.occupancy.occupied(TILE_WORDS) if self.compressed else 1.0

    @property
    def stored_in_tile(self) -> float:
        """Words in a PE's tile for each word of it: those of the average tile that is not empty."""
        return self.stored / self.occupied

    @property
    def largest_tile_words(self) -> float:
        """Words that a PE's buffer must hold: all of a tile if non-zeros may fall anywhere."""
        if not self.compressed:
            return float(TILE_WORDS)
        if self.occupancy.distribution == "hypergeometric":
            return float(min(TILE_WORDS, self.occupancy.nnz))
        return float(math.ceil(round(TILE_WORDS * self.density, 6)))


@lru_cache(maxsize=256)
def operand(mapping: str, distribution: str, density: float, name: str) -> SparseloopOperand:
    """An operand of a density stored in a format under a mapping."""
    occupancy, geometry = Occupancy(distribution, density), GEOMETRY[mapping]
    if name == "UNC":
        return SparseloopOperand(occupancy, False, {}, {}, 0.0)
    views = {"reported": geometry.stored, "charged": geometry.at_port}
    return SparseloopOperand(
        occupancy,
        True,
        {view: compressed_bits(occupancy, name, geometry, widths) for view, widths in views.items()},
        {view: tile_bits(occupancy, name, geometry, widths) for view, widths in views.items()},
        largest_tile_bits(occupancy, name, geometry),
    )


def operands(run: SparseloopRun) -> dict[str, SparseloopOperand]:
    """A and B of a run."""
    return {
        "A": operand(run.mapping, run.distribution, run.density_a, run.format),
        "B": operand(run.mapping, run.distribution, run.density_b, run.format)
        if run.b_sparse
        else operand(run.mapping, run.distribution, 1.0, "UNC"),
    }


def kept_shares(run: SparseloopRun, a: float, b: float) -> dict[str, float]:
    """Share of each tensor's PE-buffer accesses that the feature keeps, given the densities of A and B.

    `X|Y` in Sparseloop's words: an access of X is made only where Y is not zero.
    """
    return {
        "none": {"A": 1.0, "B": 1.0, "Z": 1.0},
        "cgate": {"A": 1.0, "B": 1.0, "Z": 1.0},
        "gate": {"A": b, "B": a, "Z": a * b},
        "skipA": {"A": 1.0, "B": a, "Z": a},
        "skipAB": {"A": b, "B": a, "Z": a * b},
        "skipA_cgate": {"A": 1.0, "B": a, "Z": a},
    }[run.saf]


def computes(run: SparseloopRun) -> Quantities:
    """Computes that switch, and gated ones, over all PEs."""
    parts = operands(run)
    a, b = parts["A"].density, parts["B"].density
    both_compressed = parts["A"].compressed and parts["B"].compressed
    present = 1.0 - (1.0 - a) * (1.0 - b) if both_compressed else 1.0
    actual, gated = {
        "none": (present, 0.0),
        "cgate": (a * b, present - a * b),
        "gate": (a * b, 0.0),
        "skipA": (a, 0.0),
        "skipAB": (a * b, 0.0),
        "skipA_cgate": (a * b, a - a * b),
    }[run.saf]
    return {"actual_computes": COMPUTES * actual, "gated_computes": COMPUTES * gated}


def accesses(run: SparseloopRun, view: Literal["reported", "charged"] = "reported") -> Quantities:
    """Words read, filled and updated, and metadata bits, at each level; for the PE buffer those of one PE.

    `view`: what Sparseloop reports counts each tile of a PE as one that is not empty; what it charges time and energy
    for leaves empty tiles out, and its metadata entries are as wide as they are at a port.
    """
    geometry, parts = GEOMETRY[run.mapping], operands(run)
    keep = kept_shares(run, parts["A"].density, parts["B"].density)
    found: Quantities = {}
    for name, part in parts.items():
        sent, whole = geometry.glb_reads[name] / WORDS, WORDS * part.stored
        found[f"DRAM_{name}_reads"] = found[f"GLB_{name}_fills"] = whole
        found[f"GLB_{name}_reads"] = whole * sent
        counted = part.occupied if view == "charged" else 1.0
        found[f"Buffer_{name}_fills"] = geometry.pe_fills[name] * part.stored_in_tile * counted
        found |= _reads(name, TURNS * part.stored_in_tile * counted, keep[name], run)
        if part.compressed:
            bits = part.tile_bits[view] * counted
            fills, reads = geometry.pe_fills[name] / TILE_WORDS * bits, TURNS / TILE_WORDS * bits
            found[f"DRAM_{name}_md_read_bits"] = found[f"GLB_{name}_md_fill_bits"] = part.whole_bits[view]
            found[f"GLB_{name}_md_read_bits"] = part.whole_bits[view] * sent
            found[f"Buffer_{name}_md_fill_bits"] = fills
            found[f"Buffer_{name}_md_read_bits"] = reads * keep[name]
            if view == "charged" and run.saf == "gate":
                found[f"Buffer_{name}_md_gated_read_bits"] = reads * (1.0 - keep[name])
    found["DRAM_Z_updates"] = found["GLB_Z_updates"] = float(WORDS)
    found["Buffer_Z_updates"] = TURNS * keep["Z"]
    return found | _reads("Z", float(TURNS - Z_TILE_TURNS), keep["Z"], run)


def _reads(name: str, reads: float, kept: float, run: SparseloopRun) -> Quantities:
    """A PE's reads of a tensor: made, gated and skipped."""
    rest = reads * (1.0 - kept)
    gates = run.saf == "gate"
    return {
        f"Buffer_{name}_reads": reads * kept,
        f"Buffer_{name}_gated_reads": rest if gates else 0.0,
        f"Buffer_{name}_skipped_reads": 0.0 if gates else rest,
    }


def sizes(run: SparseloopRun) -> Quantities:
    """Words and metadata bits that each level must hold."""
    found: Quantities = {}
    for name, part in operands(run).items():
        whole = float(part.occupancy.nnz if part.compressed else WORDS)
        found |= {f"{level}_{name}_tile_words_max": whole for level in ("DRAM", "GLB")}
        found[f"Buffer_{name}_tile_words_max"] = part.largest_tile_words
        if part.compressed:
            found |= {f"{level}_{name}_md_bits_max": part.whole_bits["reported"] for level in ("DRAM", "GLB")}
            found[f"Buffer_{name}_md_bits_max"] = part.largest_bits
    return found


def cycles(done: Quantities, charged: Quantities, bandwidth_limited: bool) -> Quantities:
    """Cycles of the computes, and of the slowest of computes, DRAM, GLB and PE buffer."""
    compute = (done["actual_computes"] + done["gated_computes"]) / PES
    total = compute
    if bandwidth_limited:
        for level, words_per_cycle in WORDS_PER_CYCLE.items():
            total = max(total, *(words / words_per_cycle for words in port_words(charged, level)))
    return {"compute_cycles": compute, "cycles": total}


def port_words(charged: Quantities, level: str) -> tuple[float, float]:
    """Words read and written that take a turn at a level's ports: gated accesses do, skipped ones do not."""
    read = written = 0.0
    for name, count in charged.items():
        if name.startswith(f"{level}_") and "skipped" not in name:
            words = count / WORD_BITS if name.endswith("_bits") else count
            read, written = (read + words, written) if "read" in name else (read, written + words)
    return read, written


def energy(done: Quantities, charged: Quantities) -> Quantities:
    """Energy in pJ by level, and in microjoules in all; gated and skipped accesses cost nothing."""
    found = {"E_MAC_pJ": done["actual_computes"] * MAC_PJ + done["gated_computes"] * GATED_MAC_PJ}
    for level in LEVELS:
        port, instances = ACCESS_PJ[level], PES if level == "Buffer" else 1
        total = 0.0
        for name, count in charged.items():
            if not name.startswith(f"{level}_") or "gated" in name or "skipped" in name:
                continue
            kind = "read" if "read" in name else "write"
            metadata, bits = ("metadata_", count) if name.endswith("_bits") else ("", count * WORD_BITS)
            total += bits / port["bits"] * port[metadata + kind]
        found[f"E_{level}_pJ"] = total * instances
    return found | {"energy_uJ": sum(found.values()) * 1e-6}


def run_quantities(run: SparseloopRun) -> Quantities:
    """Everything that Sparseloop reports of a run, by the names of its reference table.

    Cycles; computes over all PEs; words and metadata bits moved and held (PE buffer: of one PE); energy in pJ.
    """
    done, charged = computes(run), accesses(run, "charged")
    timed = cycles(done, charged, run.bandwidth_limited)
    return timed | done | accesses(run) | sizes(run) | energy(done, charged)
