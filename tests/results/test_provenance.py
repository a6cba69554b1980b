"""Provenance: what it records is what is so, and it costs neither torch nor fairseq."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib import metadata

from aat_plugin.results import provenance


def test_it_goes_into_json_and_names_command_versions_and_hardware(tmp_path):
    data = tmp_path / "a.txt"
    data.write_bytes(b"one")
    made = json.loads(json.dumps(provenance.collect(["aat demo"], [data], seconds=1.5)))
    assert made["commands"] == ["aat demo"]
    assert made["versions"]["torch"] == metadata.version("torch")
    assert made["hardware"]["cores"] >= 1
    assert made["seconds"] == 1.5
    assert made["data_sha256"] == hashlib.sha256(hashlib.sha256(b"one").digest()).hexdigest()


def test_two_runs_have_two_names():
    assert provenance.collect([], [])["run"] != provenance.collect([], [])["run"]


def test_the_hash_of_the_data_follows_contents_and_order_and_not_names(tmp_path):
    first, second, same = (tmp_path / name for name in "abc")
    for file, content in ((first, b"1"), (second, b"2"), (same, b"1")):
        file.write_bytes(content)
    assert provenance.data_hash([first, second]) == provenance.data_hash([same, second])
    assert provenance.data_hash([first, second]) != provenance.data_hash([second, first])


def test_the_commit_says_when_the_checkout_was_changed(tmp_path, monkeypatch):
    package = tmp_path / "aat_plugin"
    package.mkdir()
    file = package / "__init__.py"
    file.write_text("")
    monkeypatch.setattr(provenance.aat_plugin, "__file__", str(file))
    assert provenance.commit() == "installed"
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    head = provenance.commit()
    assert len(head) == 12
    file.write_text("changed")
    assert provenance.commit() == f"{head}+changes"


def test_the_line_in_words_names_the_run():
    made = provenance.collect([], [])
    assert made["run"] in provenance.in_words(made)
    assert made["plugin"]["commit"] in provenance.in_words(made)


def test_collecting_loads_neither_torch_nor_fairseq():
    program = (
        "import sys; from aat_plugin.results import provenance; provenance.collect([], []);"
        "print(sorted({'torch', 'fairseq', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
