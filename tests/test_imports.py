"""Who imports whom inside each package: no circle of modules or folders, and no private name across folders."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("workloads", "hwmodels", "dse", "experiments")


@cache
def trees() -> dict[str, ast.Module]:
    """Every module by its dotted name; a package's `__init__.py` has the name of the package."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


@cache
def imports() -> dict[str, list[tuple[str, str]]]:
    """(module, name) of every import in each module, at its top or inside a function; no name where it is a module."""
    found = {}
    for module, tree in trees().items():
        found[module] = here = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                here += [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    here.append((inner, "") if inner in trees() else (node.module, alias.name))
    return found


@cache
def folder_of(module: str) -> str:
    """The folder that a module lies in."""
    is_folder = any(other.startswith(f"{module}.") for other in trees())
    return module if is_folder else module.rpartition(".")[0]


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes each of which can be reached from all others of its group, and nodes that point at themselves."""
    reached = {}
    for start in edges:
        seen, ahead = set(), list(edges[start])
        while ahead:
            node = ahead.pop()
            if node not in seen:
                seen.add(node)
                ahead += edges.get(node, ())
        reached[start] = seen
    groups = {tuple(sorted(b for b in reached[a] if a in reached[b])) for a in edges if a in reached[a]}
    return [list(group) for group in sorted(groups)]


def told(groups: Iterable[list[str]]) -> str:
    return "; ".join(" <-> ".join(group) for group in groups)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other(package: str):
    edges = {
        module: {other for other, _ in found if other.partition(".")[0] == package}
        for module, found in imports().items()
        if module.partition(".")[0] == package
    }
    assert not circles(edges), told(circles(edges))


FOLDERS = sorted({folder_of(module) for module in trees()})


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folders_import_each_other(folder: str):
    """The files and folders in a folder, each folder as one: the map of the whole in its `__init__.py` apart."""
    inside = f"{folder}."

    def entry(module: str) -> str:
        return inside + module.removeprefix(inside).partition(".")[0]

    edges: dict[str, set[str]] = {}
    for module, found in imports().items():
        if module.startswith(inside):
            ours = {entry(other) for other, _ in found if other.startswith(inside)}
            edges.setdefault(entry(module), set()).update(ours - {entry(module)})
    assert not circles(edges), told(circles(edges))


def test_private_names_stay_in_their_folder():
    wrong = []
    for module, tree in trees().items():
        used = [(other, name) for other, name in imports()[module] if f".{other}.{name}".count("._")]
        modules = {other.rpartition(".")[2]: other for other, name in imports()[module] if not name}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.startswith("_"):
                used += [(modules[node.value.id], node.attr)] if node.value.id in modules else []
        ours = [(other, name) for other, name in used if other in trees() and folder_of(other) != folder_of(module)]
        wrong += [f"{module}: {other} {name}" for other, name in ours]
    assert not wrong, "; ".join(wrong)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"a", "c"}, "c": {"c"}}) == [["a", "b"], ["c"]]


def definitions(tree: ast.Module) -> list[ast.stmt]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def test_no_module_has_the_name_of_what_it_defines():
    named = [
        module
        for module, tree in trees().items()
        if module.rpartition(".")[2] in {node.name for node in definitions(tree)}
    ]
    assert not named, f"module and function of one name: {', '.join(named)}"


def test_each_class_has_a_name_of_its_own():
    """But the options of the scripts, each called `Config`."""
    owner: dict[str, str] = {}
    for module, tree in trees().items():
        for node in definitions(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Config":
                assert node.name not in owner, f"{node.name} is a class of {owner[node.name]} and of {module}"
                owner[node.name] = module
