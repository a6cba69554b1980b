"""`aat doctor`: a sound environment passes, and each thing that it looks for is found when it is there."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from aat_plugin.cli import main, paths
from aat_plugin.cli.diagnosis import framework, machine, packages, plugin

AAT = str(Path(sys.executable).parent / "aat")


def test_this_environment_is_sound_and_the_report_says_which_fairseq_is_imported(tmp_path):
    done = subprocess.run([AAT, "doctor", "--json"], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    report = json.loads(done.stdout)
    assert report["ok"], [one for one in report["findings"] if one["verdict"] == "broken"]
    assert done.returncode == 0
    found = {one["name"]: one["value"] for one in report["findings"]}
    assert found["import"].endswith("fairseq")
    assert found["distribution"].startswith(packages.FAIRSEQS)
    assert found["fairseq.data.data_utils_fast"] == "built"
    assert "aat_transformer" in found["registration"]
    assert found["torch"] == metadata.version("torch")
    assert {"device", "precision", "threads", "configs", "--user-dir", "pins"} <= set(found)


def test_every_finding_that_is_not_fine_says_how_to_mend_it(monkeypatch, capsys):
    monkeypatch.setattr(packages, "installed", lambda name: None)
    monkeypatch.setattr(framework, "installed", lambda name: None)
    assert main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    broken = [one for one in findings if one["verdict"] == "broken"]
    assert {"torch", "numpy", "sacrebleu"} <= {one["name"] for one in broken}
    assert all(one["mend"] for one in broken)


def test_the_table_for_people_counts_what_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(packages, "SHOWN", (*packages.SHOWN, "no-such-distribution"))
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "no-such-distribution: not installed" in text
    assert "1 broken" in text


def test_a_bare_folder_called_fairseq_is_named(tmp_path):
    (tmp_path / "fairseq").mkdir()
    code = "from aat_plugin.cli.diagnosis import framework; print(framework.where())"
    hidden = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(paths.user_dir().parent)!r}); {code}"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )
    assert "bare folder" in hidden.stdout
    assert "broken" in hidden.stdout


def test_an_extension_that_is_not_built_is_broken_only_where_it_is_needed(monkeypatch):
    real = importlib.import_module

    def without(name: str):
        if name in framework.EXTENSIONS:
            raise ImportError("undefined symbol")
        return real(name)

    monkeypatch.setattr(framework.importlib, "import_module", without)
    found = {one.name: one for one in framework.findings()}
    assert found["fairseq.data.data_utils_fast"].verdict == "broken"
    assert found["fairseq.libnat"].verdict == "note"
    assert "undefined symbol" in found["fairseq.libnat"].mend


def test_two_distributions_of_fairseq_at_once_are_broken(monkeypatch):
    monkeypatch.setattr(framework, "installed", lambda name: "1" if name != "fairseq" else None)
    found = framework.findings()[0]
    assert found.verdict == "broken"
    assert "pip uninstall ve-fairseq fairseq-fixed" in found.mend


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ("# a remark\nnumpy==0.0.1\n", [f"numpy {metadata.version('numpy')} (not 0.0.1)"]),
        (f"torch=={metadata.version('torch').partition('+')[0]}\n", []),
        ("no-such-distribution==1.0\n", []),
    ],
)
def test_versions_are_held_against_the_pins_whatever_the_build(pins, expected):
    assert packages.mismatches(pins) == expected


def test_another_plugin_of_the_same_name_in_the_working_directory_is_named(tmp_path):
    assert plugin.clash(tmp_path).verdict == "ok"
    (tmp_path / "aat_plugin").mkdir()
    (tmp_path / "aat_plugin" / "__init__.py").touch()
    assert plugin.clash(tmp_path).verdict == "note"
    assert plugin.clash(paths.user_dir().parent).verdict == "ok"


def test_the_processors_features_are_read_from_the_system():
    file = Path("/proc/cpuinfo")
    flags = file.read_text(encoding="utf-8") if file.is_file() else ""
    assert ("AVX2" in machine.cpu_features()) == (" avx2 " in flags)
