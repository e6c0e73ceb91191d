"""Command lines at the ends of what `--help` says: each must run, or be refused in one sentence, and tell no NaN.

Usage:
    python tests/fuzz/legal_edges.py COUNT SEED

Makes COUNT command lines, the scripts in turn, with `--smoke` and one to three numbers at an end of their ranges, and
runs each in a forked process. The exit status is 1 if one shows a traceback, ends with a status other than 0, 1 (a bar
that fails) or 2, takes more than five minutes or 2 GB, or writes a NaN or an infinity into a table.
"""

import importlib
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from command_lines import LIMIT_BYTES, SCRIPTS, forked, options_of

from experiments.common.cli import main

LIMIT_S = 300.0
END = re.compile(r"(>?)([\d.,]+)\.\.(<?)([\d.,]+)")
OPEN_ENDED = {"crossings.csv"}
"""Tables with infinity for a density that has no upper end."""


def edge_parts(config: type, rng: random.Random) -> Iterator[list[str]]:
    """Options, each with a number at an end of its range."""
    spans = {}
    for name, hint in options_of(config).items():
        spec = next((one for one in getattr(hint, "__metadata__", ()) if hasattr(one, "instance_from_str")), None)
        if spec is not None:
            spans[name] = (END.search(str(spec.metavar)), 1 if spec.nargs == "*" else spec.nargs)
    for name in rng.sample(list(spans), min(len(spans), rng.choice((1, 2, 3)))):
        span, each = spans[name]
        above, low, below, high = span.groups()
        least, most = float(low.replace(",", "")), float(high.replace(",", ""))
        inside = least + 1e-6 * (most - least), most - 1e-6 * (most - least)
        number = rng.choice((inside[0] if above else least, inside[1] if below else most))
        yield [f"--{name.replace('_', '-')}", *[f"{number:.15g}"] * each]


def fault(out: Path, found: tuple[int, str, float, int]) -> str:
    """What is not as it must be; nothing if all is."""
    status, said, seconds, peak_bytes = found
    if "Traceback" in said or status not in (0, 1, 2):
        return f"status {status}"
    if status == 2 and not re.fullmatch(r"error: [^\n]{10,1000}\n", said):
        return "not one sentence"
    if peak_bytes > LIMIT_BYTES or seconds > LIMIT_S:
        return f"{seconds:.0f} s, {peak_bytes / 2**30:.1f} GB"
    for table in out.glob("*.csv"):
        wrong = "nan" if table.name in OPEN_ENDED else "nan|inf"
        if re.search(rf"(^|,)-?({wrong})(,|$)", table.read_text(), re.MULTILINE):
            return f"NaN or infinity in {table.name}"
    return ""


def campaign(count: int, seed: int) -> int:
    """Run all; the exit status."""
    rng, faulty, statuses = random.Random(seed), 0, []
    modules: dict[str, Any] = {name: importlib.import_module(f"experiments.{name}") for name in SCRIPTS}
    for at in range(count):
        script = SCRIPTS[at % len(SCRIPTS)]
        parts = [text for part in edge_parts(modules[script].Config, rng) for text in part]
        with tempfile.TemporaryDirectory(prefix="legal_edges_") as folder:
            out = Path(folder) / "out"
            args = ["--smoke", "--out", str(out / "digits.npz" if script == "train_digits" else out), *parts]
            module = modules[script]
            found = forked(Path(folder), lambda m=module, a=args: main(m.run, m.Config, a), LIMIT_S)
            statuses.append(found[0])
            wrong = fault(out, found)
            faulty += bool(wrong)
            told = found[1][-500:] if wrong or found[0] else ""
            print(
                f"{at}: {wrong or found[0]}: {script} {' '.join(parts)} ({found[2]:.0f} s)\n{told}", end="", flush=True
            )
    counts = ", ".join(f"{statuses.count(status)} with {status}" for status in sorted(set(statuses)))
    print(f"{count} command lines at the ends of ranges ({counts}): {faulty} faulty")
    return int(faulty > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(campaign(int(sys.argv[1]), int(sys.argv[2])))
