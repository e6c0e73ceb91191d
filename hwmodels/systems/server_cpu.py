"""A server CPU with vendor libraries: a roofline with the efficiencies of dense BLAS and of sparse MKL."""

from dataclasses import dataclass
from math import ceil

from hwmodels.cost import Cost
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from hwmodels.technology import make_technology, scenario
from workloads.errors import InputError


@dataclass(frozen=True)
class ServerCpu(System):
    """Cores with two 256-bit multiply-adds a cycle in single precision; by default an Intel Xeon E5-2699 v4.

    - Dense: `gemm_share` of the peak, or the memory bandwidth, whichever is longer.
    - Sparse A, dense B (CSR): each multiply-add of a row of B also loads and stores a vector of Z, and two loads a
      cycle are all there are, so half of the peak; vectors shorter than 8 waste lanes. A row of B comes from memory
      once if B fits the last-level cache, else for each non-zero of A.
    - Both sparse: `product_cycles` of one core for each product (accumulate, allocate, sort).

    Fitted: `product_cycles`, the median of the A x A times of MKL on 12 cores of an E5-2687W v4 at 3.0 GHz in TeAAL's
    artifact (46 to 214 cycles). Energy: thermal design power while it runs, of which the multiply-adds are Horowitz's
    at the CPU's node, and DRAM by this project's technology. Sources: Intel ARK for cores, clock, bandwidth and power.
    """

    cores: int = 22
    clock_ghz: float = 2.2
    dram_gbps: float = 76.8
    power_w: float = 145.0
    cache_bytes: float = 55e6
    node_nm: float = 14.0
    area_mm2: float = 456.0
    """Die (unverified)."""
    lanes: int = 8
    fmas: int = 2
    gemm_share: float = 0.9
    """Of the peak in large dense products (a guess)."""
    stream_share: float = 0.8
    """Of the bandwidth that a stream of reads reaches (a guess)."""
    core_gbps: float = 12.0
    """What one core draws from memory: ten outstanding lines of 64 bytes over 53 ns (a guess)."""
    product_cycles: float = 59.0
    value_bytes: float = 4.0
    index_bytes: float = 4.0
    call_us: float = 5.0
    """Start of a parallel library call (a guess)."""

    name = "server_cpu"
    title = "Server CPU"
    source = "Intel ARK (Xeon E5-2699 v4); sparse x sparse fitted to MKL times in TeAAL's artifact"
    limits = "No load imbalance, no reuse pattern beyond fits-or-not, clocks fixed, operands start in memory."

    @property
    def peak(self) -> float:
        """Multiply-adds a cycle of all cores."""
        return float(self.cores * self.lanes * self.fmas)

    def cost(self, work: Work) -> Cost:
        """Cost of one call of the library; a dense A goes to BLAS."""
        compute, moved = self._rule(work)
        rate_gbps = min(self.dram_gbps * self.stream_share, self.cores * self.core_gbps)
        busy = {"compute": compute, "dram": sum(moved.values()) / rate_gbps * self.clock_ghz}
        extra = self.call_us * 1e3 * self.clock_ghz
        model = make_technology(scenario(self.node_nm, 1.0, "ddr4", 4, "float"))
        mac_pj = work.multiplies * float(model.mac_energy_pj(8 * self.value_bytes, 8 * self.value_bytes))
        package_pj = self.power_w * 1e3 / self.clock_ghz * (max(busy.values()) + extra)
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            extra_cycles=extra,
            energy_pj={
                "mac": mac_pj,
                "clock": max(package_pj - mac_pj, 0.0),
                "dram": 8 * sum(moved.values()) * float(model.dram_pj_per_bit()),
            },
            area_mm2={"pe_buffer": self.area_mm2},
            peak_macs_per_cycle=self.peak,
            computed_zeros=work.dense_multiplies - work.multiplies if work.a_density == 1 else 0.0,
            dram_bytes=moved,
        )

    def _rule(self, work: Work) -> tuple[float, dict[str, float]]:
        """Cycles of all cores together, and bytes from and to memory."""
        value, entry = self.value_bytes, self.value_bytes + self.index_bytes
        dense_z = work.m * work.n * value
        if work.a_density == 1:
            sizes = {"a": work.a_nonzeros * value, "b": work.k * work.n * value, "z_write": dense_z}
            return work.dense_multiplies / (self.peak * self.gemm_share), sizes
        stored_a = work.a_nonzeros * entry
        if work.b_density == 1:
            multiplies = work.a_nonzeros * ceil(work.n / self.lanes) * self.lanes
            held = work.k * work.n * value
            b = held if held <= self.cache_bytes else max(work.a_nonzeros * work.n * value, held)
            return 2 * multiplies / self.peak, {"a": stored_a, "b": b, "z_write": dense_z}
        held = work.b_nonzeros * entry
        b = held if held <= self.cache_bytes else max(work.multiplies * entry, held)
        moved = {"a": stored_a, "b": b, "z_write": work.z_nonzeros * entry}
        return work.multiplies * self.product_cycles / self.cores, moved


def named_cpu(name: str) -> ServerCpu:
    """A CPU that papers compare with, by its Intel number. **Raises** `InputError` for one that is not listed."""
    if name not in CPUS:
        raise InputError(f"no CPU {name!r}; choose one of: {', '.join(CPUS)}.")
    return CPUS[name]


CPUS = {
    "E5-2699 v4": ServerCpu(),
    "E5-2687W v4": ServerCpu(cores=12, clock_ghz=3.0, power_w=160.0, cache_bytes=30e6),
    "i7-5930K": ServerCpu(cores=6, clock_ghz=3.5, dram_gbps=68.0, power_w=140.0, cache_bytes=15e6, node_nm=22.0),
}
"""Cores, clock, bandwidth, power and cache by Intel ARK."""
