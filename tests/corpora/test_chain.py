"""A chain of files reads as their concatenation, each with an end at its last line, from any place on."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora import blocks, chain
from aat_plugin.corpora.blocks import read_blocks
from aat_plugin.corpora.chain import Chain, open_source, paths_of
from aat_plugin.errors import DataError

parts = st.lists(
    st.tuples(st.lists(st.text("ab\r é", max_size=6), max_size=5), st.booleans(), st.booleans()), min_size=1, max_size=4
)


def written(folder, made):
    """The files, and what reading them one after another must give."""
    paths, whole = [], b""
    for number, (lines, ends, packed) in enumerate(made):
        content = "\n".join(lines).encode() + (b"\n" if ends and lines else b"")
        path = folder / f"{number}{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)
        paths.append(path)
        whole += content + (b"\n" if content and not content.endswith(b"\n") else b"")
    return Chain(tuple(paths)), whole


@settings(max_examples=150, deadline=None)
@given(parts, st.integers(0, 60), st.sampled_from([1, 3, 7, 1 << 20]))
def test_it_reads_as_the_files_one_after_another(tmp_path_factory, made, place, buffer):
    folder = tmp_path_factory.mktemp("chain")
    source, whole = written(folder, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "BUFFER", buffer)
        with open_source(source) as file:
            assert file.read() == whole
        with open_source(source) as file:
            file.seek(min(place, len(whole)))
            assert file.read() == whole[place:]
        with open_source(source) as file:
            assert list(file) == whole.splitlines(keepends=True) if b"\r" not in whole else True


def test_blocks_go_on_where_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 5)
    for name, content in (("a", "one\ntwo"), ("b", ""), ("c", "three\nfour\nfive\n")):
        (tmp_path / name).write_text(content)
    source = Chain(tuple(tmp_path / name for name in "abc"))
    made = list(read_blocks([source]))
    assert [line for block in made for line in block.texts()] == ["one", "two", "three", "four", "five"]
    for block in made:
        rest = read_blocks([source], block.first + block.lines - 1, block.ends)
        seen = [line for other in rest for line in other.texts()]
        assert seen == ["one", "two", "three", "four", "five"][block.first + block.lines - 1 :]


def test_a_missing_part_is_named(tmp_path):
    (tmp_path / "a").write_text("x\n")
    with pytest.raises(DataError, match=r"cannot read .*gone"):
        list(read_blocks([Chain((tmp_path / "a", tmp_path / "gone"))]))
    assert paths_of([tmp_path / "a", Chain((tmp_path / "b", tmp_path / "c"))]) == [tmp_path / name for name in "abc"]
