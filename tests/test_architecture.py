"""The shape of the project: who may import whom, how long a file may be, no folder of this machine by name."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("workloads", "hwmodels", "dse", "experiments")
"""Each package imports only itself and those before it."""
LONGEST_FILE = 500
HARDWARE_WORDS = [
    "pe",
    "pes",
    "glb",
    "dram",
    "sram",
    "noc",
    "mac",
    "macs",
    "lane",
    "lanes",
    "bus",
    "buses",
    "bank",
    "banks",
    "accumulator",
    "accumulators",
    "clock",
    "cycle",
    "cycles",
    "energy",
    "area_mm2",
    "latency",
    "dataflow",
    "dataflows",
    "gustavson",
    "hwmodels",
    "technology",
]
"""What a workload has none of. Names in a program are split at underscores before they are compared with these."""
MACHINE_PATH = re.compile(r"(?<![\w.$}>:-])/(?:" + "|".join(("work", "tmp", "root", "home")) + r")(?=/|\b)")


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def all_sources() -> list[Path]:
    return [path for package in ORDER for path in sources(package)]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(tree: ast.AST) -> set[str]:
    """Top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add((node.module or "").split(".")[0])
    return found


def names_in(tree: ast.AST) -> set[str]:
    """Identifiers that a module defines or uses (not the words of its docstrings)."""
    found = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "module"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def test_sources_are_found():
    assert {package for package in ORDER if sources(package)} == set(ORDER)


@pytest.mark.parametrize("path", all_sources(), ids=name_of)
def test_imports_keep_the_order_of_the_packages(path: Path):
    package = path.relative_to(ROOT).parts[0]
    later = set(ORDER[ORDER.index(package) + 1 :]) | {"tests", "reference"}
    imported = imports_of(ast.parse(path.read_text()))
    assert not imported & later, f"{name_of(path)} imports {sorted(imported & later)}"


def test_nothing_imports_experiments():
    """Nothing but the scripts themselves: they share helpers in `experiments.common`, and import no other script."""
    scripts = {f"experiments.{path.stem}" for path in sources("experiments") if path.parent.name == "experiments"}
    for path in all_sources():
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            from_experiments = [module for module in modules if module.split(".")[0] == "experiments"]
            if path.relative_to(ROOT).parts[0] != "experiments":
                assert not from_experiments, name_of(path)
            assert not scripts & set(from_experiments), f"{name_of(path)} imports a script"


@pytest.mark.parametrize("path", sources("workloads"), ids=name_of)
def test_workloads_name_no_hardware(path: Path):
    words = {word for name in names_in(ast.parse(path.read_text())) for word in re.split(r"[_.]", name.lower())}
    assert not words & set(HARDWARE_WORDS), name_of(path)


def test_dse_and_models_name_no_plot():
    for path in sources("workloads") + sources("hwmodels") + sources("dse"):
        assert "matplotlib" not in imports_of(ast.parse(path.read_text())), name_of(path)


def test_the_map_of_a_folder_names_its_modules():
    """But where they are members of one kind: systems, and what is published of them."""
    for path in all_sources():
        folder = path.parent
        if path.name != "__init__.py" or folder.name in ("systems", "published", "experiments"):
            continue
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        modules = {other.stem for other in folder.glob("*.py")} - {"__init__"}
        modules |= {other.parent.name for other in folder.glob("*/__init__.py")}
        unnamed = {module for module in modules if f"`{module}`" not in text}
        assert not unnamed, f"{name_of(path)} does not name {sorted(unnamed)}"


@pytest.mark.parametrize("path", all_sources(), ids=name_of)
def test_no_file_is_long(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST_FILE, f"{name_of(path)} has {lines} lines"


def test_no_tracked_file_names_a_folder_of_this_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert not found, "; ".join(found)


def test_every_file_that_the_developers_page_names_is_there():
    page = (ROOT / "DEVELOPERS.md").read_text()
    named = set(re.findall(r"`((?:workloads|hwmodels|dse|experiments|tests|docs)/[\w./]*)`", page))
    missing = {name for name in named if not (ROOT / name).exists() and "NAME" not in name}
    assert len(named) > 30
    assert not missing, f"DEVELOPERS.md names {sorted(missing)}"
