"""Files that nobody meant to be read: each is read, or refused in one sentence, in little time and memory.

Usage:
    cd tests && ../.venv/bin/python -m fuzz.readers --seconds 60
    cd tests && ../.venv/bin/python -m fuzz.readers --count 20000 --truncations 2500 --seed 7 [FOLDER ...]

Seeds are made by the tests' writers, and taken from the folders that are named. Of each a mutation is read as a
workload, and what is found measured where it says large sizes or by chance. Then come truncations, and once the files
of `hostile` (--hostile). Prints each fault with its file in --keep, and at the end how many were read and refused, the
longest time and the most memory; exit status 1 for any fault.
"""

import argparse
import itertools
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fuzz.hostile import hostile
from fuzz.hostile_binaries import hostile_binaries
from fuzz.mutations import cut_off, mutated
from fuzz.sandbox import Outcome, tried
from fuzz.seeds import Seed, made, of_folder
from workloads import DensityKernel, InputError, SparseKernel, Workload, measure, resolve_workload

Change = Callable[[bytes, random.Random], bytes]
_MEASURED = 0.05
"""Share of what is read that is measured too, beside what says larger sizes than its seed."""
_TOGETHER = 25
"""Cases of a child."""
_MOST_MEASURED = 5
"""Kernels of a workload."""


def read(spec: str, usual: float) -> str:
    """Reads a spec, and measures what was read if a size of it is above the usual one."""
    workload = resolve_workload(spec)
    for kernel in workload.kernels:
        if isinstance(kernel, SparseKernel):
            assert np.isfinite(kernel.a.data).all(), f"{kernel.name} holds what is not finite"
    if largest(workload) > usual:
        for kernel in workload.kernels[:_MOST_MEASURED]:
            measure(kernel)
    return f"{len(workload.kernels)} kernels"


def largest(workload: Workload) -> int:
    """The largest size in a workload, kernels among them."""
    products = [kernel for kernel in workload.kernels if isinstance(kernel, SparseKernel | DensityKernel)]
    return max(len(workload.kernels), *(max(kernel.m, kernel.k) for kernel in products), 0)


class Campaign:
    """Seeds, the largest size of each as it is, and what became of all cases so far."""

    def __init__(self, seeds: list[Seed], keep: Path, box: Path) -> None:
        self.seeds, self.keep, self.box = seeds, keep, box
        self.usual: dict[str, int] = {}
        self.kinds: Counter[str] = Counter()
        self.seconds = self.mib = self.total = 0.0
        self.slowest = self.largest = ""

    def warm(self) -> None:
        """Reads each seed, so that children find all code loaded; some of a user's are there to be refused."""
        for seed in self.seeds:
            try:
                self.usual[seed.name] = largest(resolve_workload(self.placed(seed, seed.files)))
            except InputError:
                self.usual[seed.name] = 5000

    def placed(self, seed: Seed, files: dict[str, bytes], at: int = 0) -> str:
        """Writes files into a folder of their own, and returns the spec that reads them."""
        folder = self.box / f"case{at}"
        shutil.rmtree(folder, ignore_errors=True)
        for below, content in files.items():
            (folder / below).parent.mkdir(parents=True, exist_ok=True)
            (folder / below).write_bytes(content)
        return f"{folder / next(iter(files)) if len(files) == 1 else folder}{seed.product}"

    def run(self, change: Change, rng: random.Random, count: int, until: float) -> None:
        """So many cases, or those until a time."""
        for begin in range(0, count, _TOGETHER):
            if time.monotonic() > until:
                return
            names, works = [], []
            for at in range(min(_TOGETHER, count - begin)):
                seed = rng.choice(self.seeds)
                spec = self.placed(seed, self.changed(seed, change, rng), at)
                most = 0 if rng.random() < _MEASURED else 2 * self.usual[seed.name]
                names.append(f"{begin + at} {change.__name__} {seed.name}")
                works.append(partial(read, spec, most))
            for at, outcome in enumerate(tried(works, InputError)):
                self.add(names[at], outcome, self.box / f"case{at}")
            if (begin + _TOGETHER) % 1000 == 0:
                print(f"{begin + _TOGETHER:,} {change.__name__}: {self}", flush=True)

    def changed(self, seed: Seed, change: Change, rng: random.Random) -> dict[str, bytes]:
        """The files of a seed, one of them changed, and now and then named as another format is."""
        one = rng.choice(list(seed.files))
        renamed = one
        if rng.random() < 0.03:
            renamed = Path(one).stem + Path(rng.choice(list(rng.choice(self.seeds).files))).suffix
        others = {name: content for name, content in seed.files.items() if name != one}
        return {renamed: change(seed.files[one], rng), **others}

    def run_hostile(self) -> None:
        """The files of `hostile` and `hostile_binaries`, once each; what is small is measured too."""
        for name, write in itertools.chain(hostile(self.box), hostile_binaries(self.box)):
            spec = write()
            path = Path(spec.partition("@")[0].partition(":")[0])
            usual = float("inf") if path.parent == self.box and path.is_file() and path.stat().st_size > 10**6 else 0
            self.add(f"hostile {name}", *tried([partial(read, spec, usual)], InputError))
            if path.parent == self.box and path.is_file():
                path.unlink()

    def add(self, name: str, outcome: Outcome, folder: Path | None = None) -> None:
        """Counts a case, and keeps and prints a fault."""
        self.kinds["fault" if outcome.fault else outcome.kind] += 1
        self.total += outcome.seconds
        if outcome.seconds > self.seconds:
            self.seconds, self.slowest = outcome.seconds, name
        if outcome.mib > self.mib:
            self.mib, self.largest = outcome.mib, name
        if outcome.fault:
            place = self.keep / re.sub(r"[^\w.-]", "_", name)[:80]
            if folder is not None:
                shutil.copytree(folder, place, dirs_exist_ok=True, symlinks=True)
            print(f"FAULT {name} ({place}): {outcome.fault}", flush=True)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.kinds.items())) or "nothing"
        most = f"longest {self.seconds:.1f} s ({self.slowest}), most memory {self.mib:.0f} MiB ({self.largest})"
        return f"{kinds}; {most}; {self.total:.0f} s of processor time"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders whose files are seeds too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="mutations end after these")
    parser.add_argument("--count", type=int, default=100_000, help="mutated files, at most")
    parser.add_argument("--truncations", type=int, default=0, help="files that are cut off, behind those")
    parser.add_argument("--hostile", action="store_true", help="first the files of fuzz.hostile, for minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz_readers", help="for faults")
    options = parser.parse_args()
    os.environ["SPARSE_DSE_CACHE"] = "off"
    until = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as temporary:
        box, rng = Path(temporary), random.Random(options.seed)
        seeds = [*made(box), *(seed for folder in options.folders for seed in of_folder(folder))]
        campaign = Campaign(seeds, options.keep, box)
        campaign.warm()
        if options.hostile:
            campaign.run_hostile()
        campaign.run(mutated, rng, options.count, until)
        campaign.run(cut_off, rng, options.truncations, float("inf"))
    print(f"{len(seeds)} seeds: {campaign}")
    return 1 if campaign.kinds["fault"] else 0


if __name__ == "__main__":
    sys.exit(main())
