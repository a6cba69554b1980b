"""Repeated pairs against a set of all pairs, which is what a large corpus has no memory for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora import blocks, duplicates
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.streams import Run

texts = st.lists(st.tuples(st.text("ab ", max_size=2), st.text("xy", max_size=1)), min_size=1, max_size=60)


def unique(folder, pairs, workers: int = 1):
    """What stays, by the three steps."""
    sources = folder / "s", folder / "t"
    for side, path in enumerate(sources):
        path.write_text("\n".join(pair[side] for pair in pairs) + "\n")
    targets = folder / "us", folder / "ut"
    with Workers(workers) as processes:
        run = Run(processes, folder / "journal", "f")
        duplicates.fingerprint(sources, folder / "prints", run, "")
        counted = duplicates.mark_repeated(folder / "prints", folder / "marks")
        counts = duplicates.keep_first(sources, folder / "marks", targets, run, "")
    assert counts == {"lines": len(pairs), "repeated": counted["repeated"]}
    return list(zip(*(path.read_text().split("\n")[:-1] for path in targets), strict=True)), counted["repeated"]


@settings(max_examples=100, deadline=None)
@given(texts, st.sampled_from([1, 5, 1 << 18]), st.sampled_from([1, 7, 1 << 20]))
def test_the_first_of_each_stays(tmp_path_factory, pairs, block, chunk):
    seen, expected = set(), []
    for pair in pairs:
        key = tuple(side.strip() for side in pair)
        if key not in seen:
            expected.append(pair)
        seen.add(key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        patch.setattr(duplicates, "CHUNK", chunk)
        kept, repeated = unique(tmp_path_factory.mktemp("unique"), pairs)
    assert kept == expected
    assert repeated == len(pairs) - len(expected)


def test_lines_are_compared_as_pairs_and_in_parts(tmp_path):
    pairs = [(f"a{number % 700}", f"b{number % 1400}") for number in range(5000)]
    kept, repeated = unique(tmp_path, pairs)
    assert len(kept) == len(set(pairs)) == 1400
    assert repeated == 3600
    prints = np.fromfile(tmp_path / "prints", dtype=">u8")
    assert len(set(prints.tolist())) == 1400
    assert len({value >> 60 for value in prints.tolist()}) == duplicates.PARTS
