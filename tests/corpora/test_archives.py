"""Only what is asked for comes out of an archive, as a plain file at our own place; everything else stays inside."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora.archives import Wanted, extract
from aat_plugin.errors import DataError


def pack(path, entries, mode="w:gz"):
    """`entries`: name → bytes, or a tar type with a link's target."""
    with tarfile.open(path, mode) as packed:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content
                packed.addfile(entry)
    return path


@pytest.mark.parametrize(("name", "mode"), [("a.tgz", "w:gz"), ("a.tar", "w"), ("a.tar.xz", "w:xz")])
def test_what_is_wanted_comes_out_under_whatever_name_it_has(tmp_path, name, mode):
    entries = [("./dev/x-src.en.sgm", b"<seg>a &amp; b</seg>\n"), ("dev/other", b"no"), ("y.de.gz", b"\x1f\x8b")]
    archive = pack(tmp_path / name, entries, mode)
    out = tmp_path / "out"
    out.mkdir()
    english = Wanted(("dev/x.en", "dev/x-src.en.sgm"), out / "x.en")
    size = extract(archive, [english, Wanted(("y.de.gz",), out / "y.gz")])
    assert size == len(entries[0][1]) + 2
    assert (out / "x.en").read_text() == "a & b\n"
    assert (out / "y.gz").read_bytes() == b"\x1f\x8b"
    assert sorted(path.name for path in out.iterdir()) == ["x.en", "y.gz"]


@pytest.mark.parametrize("kind", [
    (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "other"), (tarfile.CHRTYPE, ""), (tarfile.FIFOTYPE, ""),
    (tarfile.DIRTYPE, ""),
])  # fmt: skip
def test_a_link_or_device_under_a_wanted_name_is_refused(tmp_path, kind):
    archive = pack(tmp_path / "a.tgz", [("other", b"x"), ("wanted", kind)])
    with pytest.raises(DataError, match="'wanted' is no plain file"):
        extract(archive, [Wanted(("wanted",), tmp_path / "out")])
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["../up", "/abs", "a/../../up", "./x/../wanted", "wanted/..", "..", "b"]), max_size=5))
def test_no_name_in_an_archive_becomes_a_path(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("safe")
    inner = folder / "inner"
    inner.mkdir()
    archive = pack(inner / "a.tar", [*((name, b"bad") for name in names), ("wanted", b"good")], "w")
    extract(archive, [Wanted(("wanted",), inner / "out")])
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["inner", "inner/a.tar", "inner/out"]
    assert (inner / "out").read_bytes() == b"good"


def test_what_is_missing_damaged_or_no_archive_is_one_line(tmp_path):
    archive = pack(tmp_path / "a.tgz", [("x", bytes(range(256)) * 400)])
    wanted = [Wanted(("x",), tmp_path / "out")]
    with pytest.raises(DataError, match=r"does not hold y or z"):
        extract(archive, [Wanted(("y", "z"), tmp_path / "out")])
    archive.write_bytes(archive.read_bytes()[:-300])
    with pytest.raises(DataError, match="damaged or no archive"):
        extract(archive, wanted)
    archive.write_text("text")
    with pytest.raises(DataError, match="damaged or no archive"):
        extract(archive, wanted)
    with pytest.raises(DataError, match="cannot read"):
        extract(tmp_path / "none.tgz", wanted)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]
