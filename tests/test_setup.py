"""The set-up files: exact pins, agreeing hashes, existing targets, one clear line for a wrong Python, a whole wheel."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import aat_plugin

ROOT = Path(aat_plugin.__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
FAIRSEQ = (ROOT / "requirements-fairseq.txt").read_text(encoding="utf-8")
SETUP_FILES = ("pyproject.toml", "constraints.txt", "requirements-fairseq.txt", "Makefile", ".ci/run",
               "scripts/install.py", "scripts/find_python.sh", "README.md")


def pins() -> dict[str, str]:
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    return dict(line.lower().split("==") for line in lines)


def normal(requirement: str) -> str:
    """A requirement's name as packaging tools compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()


def test_every_constraint_is_one_exact_version():
    for line in CONSTRAINTS.splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line


def test_everything_that_the_project_asks_for_is_pinned():
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *(one for extra in extras.values() for one in extra)]
    pinned = {normal(name) for name in pins()}
    assert {normal(one) for one in asked} <= pinned


def test_fairseq_is_the_same_version_in_all_three_files():
    for name in ("ve-fairseq", "fairseq-fixed"):
        version = pins()[name]
        assert f"{name}=={version} ;" in FAIRSEQ
        assert any(one.startswith(f"{name}=={version} ;") for one in PROJECT["project"]["dependencies"])


def test_the_two_fairseqs_markers_cover_every_platform_exactly_once():
    markers = dict(re.findall(r"^(ve-fairseq|fairseq-fixed)==\S+ ; (.*?) \\$", FAIRSEQ, flags=re.MULTILINE))
    for sys_platform, platform_machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")):
        values = {"sys_platform": sys_platform, "platform_machine": platform_machine}
        chosen = [name for name, marker in markers.items() if eval(marker, {}, values)]
        assert chosen == ["ve-fairseq" if values == {"sys_platform": "linux", "platform_machine": "x86_64"}
                          else "fairseq-fixed"]


def test_each_fairseq_is_pinned_by_sha_256():
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", FAIRSEQ)) == 3


def test_no_set_up_file_names_a_registry_or_a_folder_of_one_machine():
    for name in SETUP_FILES:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"pypi|pythonhosted|download\.pytorch|https?://", text, flags=re.IGNORECASE), name
        assert not re.search(r"/(root|home|work|opt)/", text), name


@pytest.fixture
def scripts_python(tmp_path):
    """`fake("3.10")` makes an interpreter that says it is of that version; returns its path."""

    def fake(version: str) -> str:
        file = tmp_path / f"python{version}"
        older = "exit 1" if version not in ("3.11", "3.12") else "exit 0"
        file.write_text(f'#!/bin/sh\ncase "$2" in\n  *exit*) {older};;\n  *print*) echo {version};;\nesac\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    return fake


def find_python(*words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path} if path is not None else None
    return subprocess.run([shutil.which("sh"), str(ROOT / "scripts" / "find_python.sh"), *words],
                          capture_output=True, text=True, env=environment, cwd=ROOT / "scripts")


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_a_wrong_python_gets_one_clear_line(version, scripts_python):
    done = find_python(scripts_python(version))
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"aat: PYTHON=\S+ is Python {version}; give a Python 3\.11 or 3\.12, .*\n", done.stderr)


@pytest.mark.parametrize("version", ["3.11", "3.12"])
def test_a_right_python_is_taken(version, scripts_python):
    python = scripts_python(version)
    assert find_python(python).stdout == f"{python}\n"


def test_a_python_that_does_not_run_and_no_python_at_all_get_one_clear_line(tmp_path):
    done = find_python("no-such-python")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "PYTHON=no-such-python does not run" in done.stderr
    done = find_python(path=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no Python 3.11 or 3.12 found" in done.stderr


def test_make_says_the_same_line_and_makes_no_environment(tmp_path, scripts_python):
    venv = tmp_path / "venv"
    done = subprocess.run(["make", "install", f"PYTHON={scripts_python('3.10')}", f"VENV={venv}"],
                          capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert "is Python 3.10; give a Python 3.11 or 3.12" in done.stderr
    assert not venv.exists()


def test_make_help_lists_every_target():
    text = subprocess.run(["make", "help"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    for target in ("help", "install", "demo", "lint", "test", "test-fairseq-fixed", "clean"):
        assert re.search(rf"^  make {target} ", text, flags=re.MULTILINE)


def test_demo_lint_and_test_install_what_they_need(tmp_path):
    """In a place without an environment each begins with the installer; with its stamp, none does."""
    venv = tmp_path / "venv"
    for target in ("demo", "lint", "test"):
        planned = subprocess.run(["make", "-n", target, f"VENV={venv}"], capture_output=True, text=True, cwd=ROOT)
        assert "scripts/install.py" in planned.stdout
    venv.mkdir()
    (venv / ".installed-cuda").touch()
    for target in ("install", "demo", "lint", "test"):
        planned = subprocess.run(["make", "-n", target, f"VENV={venv}"], capture_output=True, text=True, cwd=ROOT)
        assert "scripts/install.py" not in planned.stdout


def test_the_continuous_integration_is_lint_and_test():
    file = ROOT / ".ci" / "run"
    assert file.read_text(encoding="utf-8").rstrip().endswith("exec make lint test")
    assert os.access(file, os.X_OK)


def test_the_source_requirement_is_the_pinned_one_without_its_platform():
    line = [sys.executable, "-c", "import install; print(install.source_requirement(), end='')"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT / "scripts", check=True)
    digest = re.search(r"fairseq-fixed==.*?(--hash=sha256:[0-9a-f]{64})", FAIRSEQ, flags=re.DOTALL).group(1)
    assert done.stdout == f"fairseq-fixed=={pins()['fairseq-fixed']} {digest}\n"


@pytest.mark.slow
def test_a_wheel_carries_the_configs_and_the_types_marker_and_finds_them(tmp_path):
    source = tmp_path / "source"
    for name in ("aat_plugin", "conf"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--wheel-dir", str(tmp_path), str(source)], check=True)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    configs = {str(path.relative_to(ROOT / "conf")) for path in (ROOT / "conf").rglob("*.yaml")}
    assert {f"aat_plugin/conf/{name}" for name in configs} <= names
    assert "aat_plugin/py.typed" in names
    line = [sys.executable, "-c", "from aat_plugin.cli import main; main(['user-dir']); main(['conf-dir'])"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path / "site", check=True)
    site = (tmp_path / "site" / "aat_plugin").resolve()
    assert done.stdout.splitlines() == [str(site), str(site / "conf")]
