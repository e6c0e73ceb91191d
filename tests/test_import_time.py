"""What importing the packages loads: a public name brings what it needs, and no library that few runs use."""

import json
import subprocess
import sys

import pytest

SLOW = ("matplotlib", "onnx", "optuna", "pymoo", "sklearn", "distributed", "pandas", "networkx")
SLOW_PARTS = ("scipy.stats", "scipy.special", "scipy.optimize", "scipy.io", "jax.experimental.sparse")
EVERYTHING = "; ".join(f"from {package} import *" for package in ("workloads", "hwmodels", "dse"))


def loaded(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after some code."""
    ask = f"import sys, json; {code}; print(json.dumps(list(sys.modules)))"
    return set(json.loads(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True).stdout))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import workloads, hwmodels, dse", ("jax", "scipy", "numba", "equinox")),
        (EVERYTHING, (*SLOW, *SLOW_PARTS)),
    ],
)
def test_imports_load_no_more_than_they_need(code: str, absent: tuple[str, ...]):
    assert not loaded(code) & set(absent)
