"""OuterSPACE: outer products written to memory as linked lists, then merged row by row.

Pal et al., "OuterSPACE: An Outer Product Based Sparse Matrix Multiplication Accelerator", HPCA 2018. Parameters as in
TeAAL's artifact (Nayak et al., MICRO 2023); utilisation, power and energy shares from Zhang et al. (SpArch, HPCA 2020).
"""

from dataclasses import dataclass

from hwmodels.cost import Cost
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class OuterSpace(System):
    """256 PEs multiply a column of A by a row of B, each read once; all products go to memory and come back.

    The merge phase sorts the lists of a row by insertion, half of the row's lists passed for each product, on half of
    the PEs. Memory reaches the utilisation that SpArch measured for this machine on 20 matrices. Nothing is fitted.
    """

    pes: int = 256
    merge_pes: int = 128
    clock_ghz: float = 1.5
    node_nm: float = 32.0
    dram_gbps: float = 128.0
    dram_share: float = 0.483
    """SpArch, Table II."""
    value_bytes: float = 8.0
    index_bytes: float = 4.0
    power_w: float = 12.39
    """SpArch, Table II; the paper itself budgets 24 W."""
    area_mm2: float = 86.7

    name = "outerspace"
    title = "OuterSPACE"
    source = "Pal et al., HPCA 2018; SpArch (HPCA 2020), Tables II and III"
    limits = "Stalls of the merge phase: times on uniform matrices are several times what traffic explains."

    def traffic_bytes(self, work: Work) -> dict[str, float]:
        """DRAM bytes of A, B, the products T (written and read) and Z, with a pointer for each fiber."""
        entry = self.value_bytes + self.index_bytes
        return {
            "a": work.a_nonzeros * entry + work.k * self.index_bytes,
            "b": work.b_nonzeros * entry + work.k * self.index_bytes,
            "t": 2 * work.multiplies * entry,
            "z": work.z_nonzeros * entry + work.m * self.index_bytes,
        }

    def cost(self, work: Work) -> Cost:
        """Cost of A times a sparse B: two phases, of which memory bounds both in practice."""
        moved = self.traffic_bytes(work)
        lists = work.multiplies / work.b_nonzeros
        compute = work.multiplies / self.pes + work.multiplies * max(lists / 2, 1.0) / self.merge_pes
        memory = sum(moved.values()) / (self.dram_gbps * self.dram_share) * self.clock_ghz
        energy = self.power_w * 1e3 / self.clock_ghz * max(compute, memory)
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={"compute": compute, "dram": memory},
            energy_pj={  # shares of SpArch's Table III
                "mac": energy * 3.19 / 4.95,
                "glb": energy * 0.35 / 4.95,
                "dram": energy * 1.20 / 4.95,
                "noc": energy * 0.21 / 4.95,
            },
            area_mm2={"mac": 49.1, "glb": 37.5, "noc": 0.1},
            peak_macs_per_cycle=float(self.pes),
            dram_bytes={
                "a": moved["a"],
                "b": moved["b"],
                "z_read": moved["t"] / 2,
                "z_write": moved["z"] + moved["t"] / 2,
            },
        )
