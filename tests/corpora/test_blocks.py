"""Files side by side in blocks: whatever the block's size, the lines are those of `iterate_lines`."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora import blocks
from aat_plugin.corpora.blocks import DifferentLengths, joined, read_blocks
from aat_plugin.corpora.files import read_lines
from aat_plugin.errors import DataError

texts = st.lists(st.text("aé \r\u2028中", max_size=6), max_size=30)
files = st.tuples(texts, st.booleans(), st.sampled_from(["\n", "\r\n"]))


def content(file: tuple[list[str], bool, str]) -> bytes:
    lines, ends, end = file
    text = end.join(lines) + (end if ends and lines else "")
    return text.encode()


@settings(max_examples=200, deadline=None)
@given(files, st.integers(1, 50), st.booleans())
def test_blocks_hold_the_lines_of_the_file(tmp_path_factory, file, size, bom):
    folder = tmp_path_factory.getbasetemp()
    (folder / "x").write_bytes(b"\xef\xbb\xbf" * bom + content(file))
    (folder / "x.gz").write_bytes(gzip.compress((folder / "x").read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", size)
        for name in ("x", "x.gz"):
            found = list(read_blocks([folder / name]))
            assert [line for block in found for line in block.texts()] == read_lines(folder / "x")
            assert [block.first for block in found] == [1 + sum(b.lines for b in found[:i]) for i in range(len(found))]
            for block in found:  # going on after any block
                later = list(read_blocks([folder / name], block.first - 1 + block.lines, block.ends))
                assert later == found[found.index(block) + 1 :]


@settings(max_examples=200, deadline=None)
@given(files, files, st.integers(1, 50))
def test_two_files_go_side_by_side_and_must_be_of_equal_length(tmp_path_factory, one, other, size):
    folder = tmp_path_factory.getbasetemp()
    paths = folder / "a", folder / "b"
    for path, file in zip(paths, (one, other), strict=True):
        path.write_bytes(content(file))
    lines = [read_lines(path) for path in paths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", size)
        if len(lines[0]) != len(lines[1]):
            with pytest.raises(DifferentLengths, match="must be of equal length"):
                list(read_blocks(paths))
        else:
            found = list(read_blocks(paths))
            for side in (0, 1):
                assert [line for block in found for line in block.texts(side)] == lines[side]


def test_a_wrong_byte_is_named_by_its_line_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 20)
    (tmp_path / "x").write_bytes(b"good line\n" * 50 + b"wr\xe4ng\n" + b"good line\n")
    with pytest.raises(DataError, match=r"x:51: not UTF-8 \(byte 0xe4 at column 3\); .*iconv"):
        [block.texts() for block in read_blocks([tmp_path / "x"])]


def test_the_file_that_cannot_be_read_is_the_one_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\n" * 90000)[:-9])
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"a\n" * 90000))
    with pytest.raises(DataError, match=r"a\.gz is no whole gzip file"):
        list(read_blocks([tmp_path / "a.gz", tmp_path / "b.gz"]))
    with pytest.raises(DataError, match=r"a\.gz is no whole gzip file"):
        list(read_blocks([tmp_path / "b.gz", tmp_path / "a.gz"]))
    with pytest.raises(DataError, match=r"cannot read .*none"):
        list(read_blocks([tmp_path / "b.gz", tmp_path / "none"]))


def test_lines_are_written_as_they_are_read():
    assert joined(["a", "", "ü\u2028"]) == "a\n\nü\u2028\n".encode()
    assert joined([]) == b""
