"""The archive of a system: what goes in comes out, and nothing else is ever written."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora import system
from aat_plugin.errors import DataError

OPTIONS = {"lowercase": True, "tokenise": True, "merges": 3}
MANIFEST = {"format": 1, "kind": "pair", "languages": ["en", "de"], "options": OPTIONS, "versions": {}, "stages": {}}


@pytest.fixture
def prepared(tmp_path):
    """What `aat prepare pair` leaves, in small, and a file that stands for a checkpoint."""
    data = tmp_path / "data"
    (data / "data-bin").mkdir(parents=True)
    for language in ("en", "de"):
        (data / "data-bin" / f"dict.{language}.txt").write_text("a 1\n")
    (data / "bpecodes").write_text("#version: 0.2\na b\nab c\nc d</w>\n")
    (data / "manifest.json").write_text(json.dumps(MANIFEST))
    checkpoint = tmp_path / "averaged.pt"
    checkpoint.write_bytes(b"weights")
    return checkpoint, data


@pytest.mark.parametrize("name", ["system.tar.gz", "system"])
def test_what_is_packed_comes_out(prepared, tmp_path, name):
    names = system.pack(*prepared, tmp_path / name)
    assert sorted(names) == ["bpecodes", "dict.de.txt", "dict.en.txt", "manifest.json", "model.pt"]
    with system.opened(tmp_path / name) as found:
        assert found.model.read_bytes() == b"weights"
        assert (found.source_lang, found.target_lang) == ("en", "de")
        assert found.options == OPTIONS
        assert found.codes is not None
        assert found.encoder()("ABC abcd") == "ab@@ c abc@@ d"
        assert (found.folder / "dict.de.txt").read_text() == "a 1\n"
        folder = found.folder
    assert folder.exists() is (name == "system")
    assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name]


def test_a_checkpoint_with_its_data_is_a_system_too(prepared):
    checkpoint, data = prepared
    with system.opened(checkpoint, data) as found:
        assert found.model == checkpoint
        assert found.encoder()("").split() == []


def test_the_same_files_make_the_same_archive(prepared, tmp_path):
    for name in ("a.tar.gz", "b.tar.gz"):
        system.pack(*prepared, tmp_path / name)
    contents = []
    for name in ("a.tar.gz", "b.tar.gz"):
        with tarfile.open(tmp_path / name) as packed:
            contents.append([(entry.name, entry.mtime, entry.uid, entry.mode) for entry in packed])
    assert contents[0] == contents[1]


def test_nothing_that_is_there_is_overwritten(prepared, tmp_path):
    (tmp_path / "system").mkdir()
    with pytest.raises(DataError, match="is there already"):
        system.pack(*prepared, tmp_path / "system")


@pytest.mark.parametrize(("name", "kind"), [
    ("../escaped", tarfile.REGTYPE), ("/tmp/escaped", tarfile.REGTYPE), ("sub/model.pt", tarfile.REGTYPE),
    ("model.pt", tarfile.SYMTYPE), ("model.pt", tarfile.LNKTYPE), ("bpecodes", tarfile.FIFOTYPE),
    ("dict.en.txt/../../x", tarfile.REGTYPE), ("extra.py", tarfile.REGTYPE),
])  # fmt: skip
def test_an_archive_with_anything_else_is_refused_and_writes_nothing(tmp_path, name, kind):
    archive = tmp_path / "in" / "bad.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as packed:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, "/etc/passwd", 1 if kind == tarfile.REGTYPE else 0
        packed.addfile(entry, io.BytesIO(b"x"))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DataError, match="which is no part of a system"), system.opened(archive):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_what_is_missing_is_named(prepared, tmp_path):
    checkpoint, data = prepared
    for path, match in ((tmp_path / "none.tar.gz", "does not exist"), (tmp_path / "none", "does not exist"),
                         (checkpoint, "give --data too")):
        with pytest.raises(DataError, match=match), system.opened(path):
            pass
    (data / "bpecodes").unlink()
    with pytest.raises(DataError, match=r"bpecodes is missing"):
        system.pack(checkpoint, data, tmp_path / "out.tar.gz")
    with pytest.raises(DataError, match=r"bpecodes is missing"), system.opened(checkpoint, data):
        pass


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_one_line(tmp_path_factory, content, truncate):
    folder = tmp_path_factory.mktemp("fuzz")
    archive = folder / "x.tar.gz"
    if truncate:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
            entry = tarfile.TarInfo("model.pt")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
        archive.write_bytes(buffer.getvalue()[: len(content)])
    else:
        archive.write_bytes(content)
    with pytest.raises(DataError) as raised, system.opened(archive):
        pass
    assert "\n" not in str(raised.value)
