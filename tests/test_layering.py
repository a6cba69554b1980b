"""The import rules of the design, held by reading every import statement of the package.

Arrows point one way: cli, results, export, conformance → bindings → architecture, training, translation, corpora,
parsing, rivals → conventions, errors. The middle row knows neither fairseq nor Hydra nor one another, so it is read,
tested and reused without them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aat_plugin

PACKAGE = Path(aat_plugin.__file__).resolve().parent
CORE = ("architecture", "training", "translation", "corpora", "parsing", "rivals", "demo")
FIELD_LIBRARIES = {"torch", "numpy", "sacrebleu", "sacremoses", "subword_nmt", "sentencepiece", "nltk", "rich"}
FRAMEWORK = {"fairseq", "fairseq_cli", "hydra", "omegaconf"}
# `results` and `export` may reach bindings; the framework itself is met in bindings alone. `aat doctor` asks fairseq
# what is built, inside its functions.
MAY_IMPORT_FRAMEWORK_LATE = {"cli"}
QUICK = set(sys.stdlib_module_names) | {"typer", "rich", "aat_plugin"}
FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The first folder below the package, or the file's own name at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Full names of what a file imports; `from aat_plugin import x` counts as `aat_plugin.x`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if top_level_only and id(node) in late:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            yield from ([f"{node.module}.{one.name}" for one in node.names] if node.module == "aat_plugin"
                        else [str(node.module)])


def identify(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=identify)
def test_only_bindings_imports_the_framework(path):
    if room(path) == "bindings":
        return
    late_allowed = room(path) in MAY_IMPORT_FRAMEWORK_LATE
    found = {name.partition(".")[0] for name in imports(path, top_level_only=late_allowed)}
    assert not found & FRAMEWORK


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in CORE], ids=identify)
def test_the_core_imports_the_fields_libraries_and_its_own_room(path):
    own = f"aat_plugin.{room(path)}"
    for name in imports(path):
        if name.startswith("aat_plugin"):
            allowed = (own, "aat_plugin.errors", "aat_plugin.conventions")
            assert any(name == one or name.startswith(f"{one}.") for one in allowed), name
        else:
            kernels = {"triton"} if path.stem.startswith("triton_") else set()
            assert name.partition(".")[0] in FIELD_LIBRARIES | kernels | set(sys.stdlib_module_names), name


@pytest.mark.parametrize("path", [path for path in FILES if not path.stem.startswith("triton_")], ids=identify)
def test_what_imports_kernels_does_so_where_they_are_needed(path):
    """Triton is not there beside torch for processors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    first = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not [name for name in first if name.rpartition(".")[2].startswith("triton_")]


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in ("conventions", "errors")], ids=identify)
def test_the_ground_floor_imports_nothing_above_it(path):
    others = set(imports(path)) - {"aat_plugin.errors", "aat_plugin.conventions"}
    assert {name.partition(".")[0] for name in others} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", [path for path in FILES if room(path) == "bindings"], ids=identify)
def test_bindings_do_not_know_the_command_line(path):
    above = ("aat_plugin.cli", "aat_plugin.demo", "aat_plugin.conformance")
    assert not [name for name in imports(path) if name.startswith(above)]


@pytest.mark.parametrize("path", [path for path in FILES if room(path) == "cli"], ids=identify)
def test_the_command_line_imports_nothing_heavy_before_it_runs(path):
    assert {name.partition(".")[0] for name in imports(path, top_level_only=True)} <= QUICK


def test_no_folder_has_a_name_that_fairseq_imports_by_itself_or_that_hides_its_meaning():
    forbidden = {"models", "tasks", "fairseq", "utils", "common", "helpers"}
    folders = {part for path in FILES for part in path.relative_to(PACKAGE).parts[:-1]}
    assert not folders & forbidden


def test_every_module_says_what_it_is():
    silent = [identify(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []
