"""The Wall Street Journal's layouts, made up: found whatever the copy looks like, and named where it is not whole."""

from __future__ import annotations

import gzip

import pytest

from aat_plugin.errors import DataError
from aat_plugin.parsing.treebank import COUNTS, check_counts, find_wsj, iterate_files, wsj_files

TREE = "( (S \n    (NP-SBJ (NNP Section) (CD {0}) )\n    (VP (VBZ has) (NP (-NONE- *T*-1) ))\n    (. .) ))\n\n"


def make(folder, layout: str, sections=range(25), *, upper: bool = False, packed: bool = False, per_section: int = 2):
    """A treebank of so many files a section, two trees each; `layout` has {0} for the section."""
    for section in sections:
        for number in range(per_section):
            home = folder / layout.format(f"{section:02d}")
            home.mkdir(parents=True, exist_ok=True)
            name = f"wsj_{section:02d}{number:02d}.mrg"
            text = "".join(TREE.format(f"{section}-{number}-{tree}") for tree in range(2))
            name = (name.upper() if upper else name) + (".gz" if packed else "")
            (home / name).write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return folder


@pytest.mark.parametrize(("layout", "options"), [
    ("parsed/mrg/wsj/{0}", {}), ("TREEBANK_3/PARSED/MRG/WSJ/{0}", {"upper": True}), ("combined/wsj/{0}", {}),
    ("wsj/{0}", {"packed": True}), ("combined", {}), ("{0}", {}),
])
def test_every_layout_gives_the_same_splits(tmp_path, layout, options):
    files = wsj_files(make(tmp_path, layout, **options))
    assert {split: len(paths) for split, paths in files.items()} == {"train": 40, "valid": 2, "test": 2}
    trees = list(iterate_files(files["train"]))
    assert len(trees) == 80
    assert [tree.words()[1] for tree in trees[:4]] == ["2-0-0", "2-0-1", "2-1-0", "2-1-1"]
    assert next(iterate_files(files["test"])).words()[1] == "23-0-0"


def test_other_layers_of_the_same_sentences_are_not_taken_for_trees(tmp_path):
    make(tmp_path, "parsed/mrg/wsj/{0}")
    for layer in ("raw/wsj/{0}", "tagged/pos/wsj/{0}", "parsed/prd/wsj/{0}"):
        make(tmp_path, layer)
    (tmp_path / "parsed/mrg/wsj/02/readme").write_text("no tree")
    assert all("mrg" in path.parts for paths in find_wsj(tmp_path).values() for path in paths)


def test_the_fuller_of_two_copies_is_taken_and_two_full_ones_are_refused(tmp_path):
    make(tmp_path, "parsed/mrg/wsj/{0}")
    make(tmp_path, "sample/{0}", sections=[2])
    assert len(find_wsj(tmp_path)) == 25
    make(tmp_path, "combined/wsj/{0}")
    with pytest.raises(DataError, match="2 times, in"):
        find_wsj(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        find_wsj(tmp_path / "none")
    with pytest.raises(DataError, match=r"no file such as wsj/02"):
        find_wsj(tmp_path)
    make(tmp_path, "wsj/{0}", sections=[section for section in range(25) if section not in (7, 22)])
    with pytest.raises(DataError, match="lacks section 07, 22"):
        wsj_files(tmp_path)


def test_wrong_numbers_of_trees_are_named_and_the_known_ones_pass():
    check_counts(COUNTS)
    with pytest.raises(DataError) as caught:
        check_counts({"train": 39_831, "valid": 1_700, "test": 2_415})
    assert "train (sections 02 to 21) has 39,831 trees, not 39,832" in str(caught.value)
    assert "test (sections 23 to 23) has 2,415 trees, not 2,416" in str(caught.value)
    assert "valid" not in str(caught.value)
