"""Energy of the CPU: its own counters where they can be read, else a power for each busy core from data sheets."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from hwmodels.baselines.result import MEASURED, MODELLED
from workloads.errors import InputError

POWERCAP = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")
COUNTED = re.compile(r"package-\d+(-die-\d+)?|dram")
"""RAPL domains that add up without overlap: whole packages, and DRAM. `core` and `uncore` are inside a package, `psys`
around it. Source: Linux, Documentation/power/powercap; David et al., "RAPL", ISLPED 2010."""
LEAST_S = 0.05
"""Least length of a measurement by RAPL, whose counters are updated about every millisecond (Haehnel et al., "Measuring
energy consumption for short code paths using RAPL", SIGMETRICS PER 2012)."""


@dataclass(frozen=True)
class Processor:
    """A processor of the data sheets."""

    name: str
    cores: int
    tdp_w: float
    node: str
    """Technology of its cores."""

    @property
    def core_w(self) -> float:
        """Share of the thermal design power that falls to a core, W."""
        return self.tdp_w / self.cores


PROCESSORS: dict[tuple[str, int, int], Processor] = {
    ("AuthenticAMD", 26, 2): Processor("AMD EPYC 9755", 128, 500.0, "TSMC N4"),
    ("AuthenticAMD", 26, 17): Processor("AMD EPYC 9965", 192, 500.0, "TSMC N3"),
    ("AuthenticAMD", 25, 17): Processor("AMD EPYC 9654", 96, 360.0, "TSMC N5"),
    ("AuthenticAMD", 25, 1): Processor("AMD EPYC 7763", 64, 280.0, "TSMC N7"),
    ("AuthenticAMD", 23, 49): Processor("AMD EPYC 7742", 64, 225.0, "TSMC N7"),
    ("GenuineIntel", 6, 143): Processor("Intel Xeon Platinum 8480+", 56, 350.0, "Intel 7"),
    ("GenuineIntel", 6, 106): Processor("Intel Xeon Platinum 8380", 40, 270.0, "Intel 10 nm"),
    ("GenuineIntel", 6, 85): Processor("Intel Xeon Platinum 8280", 28, 205.0, "Intel 14 nm"),
    ("GenuineIntel", 6, 79): Processor("Intel Xeon E5-2699 v4", 22, 145.0, "Intel 14 nm"),
}
"""(vendor, family, model) as the CPU names itself -> the largest server part of that core. Source: the makers' product
pages. A virtual machine hides the part, not the core; smaller parts of a generation spend more on each core."""
FALLBACK = Processor("Intel Core i7-5930K", 6, 73.0, "Intel 22 nm")
"""A CPU of another kind: 73 W measured, DRAM included, under the dense and sparse kernels that EIE is compared with
(Han et al., ISCA 2016, section V)."""


@dataclass(frozen=True)
class CpuPower:
    """How the energy of a run is had: RAPL counters if there are any, else watts for each busy core."""

    core_w: float
    source: str
    counters: tuple[Path, ...] = ()
    _ranges_uj: dict[Path, int] = field(default_factory=dict)

    @property
    def by(self) -> str:
        """`measured` or `modelled`."""
        return MEASURED if self.counters else MODELLED

    @property
    def least_s(self) -> float:
        """Least length of a measurement, s."""
        return LEAST_S if self.counters else 0.0

    def read_uj(self) -> dict[Path, int]:
        """Every counter now, microjoules."""
        return {path: int((path / "energy_uj").read_text()) for path in self.counters}

    def spent_uj(self, before: dict[Path, int], after: dict[Path, int]) -> float:
        """Energy between two readings, microjoules; a counter that has wrapped around (once) has gone up."""
        total = 0
        for path, was in before.items():
            step = after[path] - was
            total += step if step >= 0 else step + self._ranges_uj[path]
        return float(total)


def cpu_power(watts_per_core: float | None = None, *, powercap: Path = POWERCAP, cpuinfo: Path = CPUINFO) -> CpuPower:
    """The energy meter of this machine: watts that the user gives, else RAPL, else a data sheet's power for each core.

    **Raises** `InputError` for watts that are not positive.
    """
    if watts_per_core is not None:
        if not 0 < watts_per_core < 1e4:
            raise InputError(f"{watts_per_core} W per core of the CPU cannot be; give its power in W.")
        return CpuPower(watts_per_core, f"{watts_per_core:g} W a busy core, as given")
    ranges = {path: int((path / "max_energy_range_uj").read_text()) for path in _readable(powercap)}
    if ranges:
        names = sorted((path / "name").read_text().strip() for path in ranges)
        return CpuPower(0.0, f"RAPL of {', '.join(names)}, everything that runs there included", tuple(ranges), ranges)
    part = PROCESSORS.get(_identity(cpuinfo))
    what = "the largest part of this CPU's core" if part else "measured for EIE; this CPU is not in the table"
    part = part or FALLBACK
    return CpuPower(
        part.core_w,
        f"{part.core_w:.3g} W a busy core: {part.tdp_w:g} W over {part.cores} cores of {part.name} ({what})",
    )


def cpu_name(cpuinfo: Path = CPUINFO) -> str:
    """The CPU's name and, where the name hides the part, its family and model."""
    fields = _fields(cpuinfo)
    name = re.sub(r"\s+", " ", re.sub(r"\((R|TM|tm)\)|CPU|@.*", " ", fields.get("model name", ""))).strip()
    if not name:
        return "unknown CPU"
    hidden = not re.search(r"\d", name)
    return f"{name} (family {fields.get('cpu family')}, model {fields.get('model')})" if hidden else name


def cpu_node(cpuinfo: Path = CPUINFO) -> str:
    """Technology of the CPU's cores, where it is known."""
    part = PROCESSORS.get(_identity(cpuinfo))
    return part.node if part else "unknown"


def usable_cores(cpuinfo: Path = CPUINFO) -> int:
    """Physical cores that this process may use."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    try:
        blocks = [dict(re.findall(r"^([^\t:]+?)\s*: ?(.*)$", b, re.M)) for b in cpuinfo.read_text().split("\n\n")]
    except OSError:
        return len(allowed)
    cores = {
        (block.get("physical id"), block["core id"])
        for block in blocks
        if "core id" in block and int(block["processor"]) in allowed
    }
    return len(cores) or len(allowed)


def _fields(cpuinfo: Path) -> dict[str, str]:
    """What the first CPU says of itself."""
    try:
        first = cpuinfo.read_text().split("\n\n")[0]
    except OSError:
        return {}
    return dict(re.findall(r"^([^\t:]+?)\s*: ?(.*)$", first, re.M))


def _identity(cpuinfo: Path) -> tuple[str, int, int]:
    fields = _fields(cpuinfo)
    try:
        return fields["vendor_id"], int(fields["cpu family"]), int(fields["model"])
    except (KeyError, ValueError):
        return "", 0, 0


def _readable(powercap: Path) -> list[Path]:
    """Folders of the RAPL counters that add up to the machine and may be read (since Linux 5.10 mostly by root)."""
    found = []
    for path in sorted(powercap.glob("intel-rapl:*")):
        try:
            if COUNTED.fullmatch((path / "name").read_text().strip()):
                int((path / "energy_uj").read_text())
                found.append(path)
        except (OSError, ValueError):
            continue
    return found
