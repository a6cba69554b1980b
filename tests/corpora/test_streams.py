"""Outputs are whole or not there, and a run that is cut off anywhere goes on where it was and ends the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora import blocks, streams
from aat_plugin.corpora.blocks import Block, joined
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.streams import Made, Run, transform
from aat_plugin.errors import DataError

LINES = [f"line {number} {'x' * (number % 11)}" for number in range(300)]


class CutOff(Exception):
    """Stands for a kill: nothing of ours handles it."""


@dataclass(frozen=True)
class Upper:
    """Upper case, and the length of each line; fails at a block if asked to."""

    fails_at: int | None = None

    def __call__(self, block: Block) -> Made:
        if self.fails_at is not None and block.first + block.lines > self.fails_at:
            raise CutOff
        lines = block.texts()
        sizes = bytes(min(255, len(line)) for line in lines)
        return Made((joined([line.upper() for line in lines]), sizes), {"letters": sum(map(len, lines))})


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 50)
    monkeypatch.setattr(streams, "JOURNAL_SECONDS", 0.0)
    (tmp_path / "in").write_text("".join(f"{line}\n" for line in LINES))
    return tmp_path


def make(folder: Path, work: Upper, fingerprint: str = "f", workers: int = 1) -> dict[str, int]:
    outputs = [folder / "upper", folder / "sizes"]
    with Workers(workers) as processes:
        return transform([folder / "in"], outputs, work, Run(processes, folder / "journal", fingerprint), "")


def check(folder: Path, counts: dict[str, int]) -> None:
    assert (folder / "upper").read_text() == "".join(f"{line.upper()}\n" for line in LINES)
    assert list((folder / "sizes").read_bytes()) == [len(line) for line in LINES]
    assert counts == {"lines": 300, "letters": sum(map(len, LINES))}
    assert sorted(path.name for path in folder.iterdir()) == ["in", "sizes", "upper"]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_outputs_are_the_works_in_order(places, workers):
    check(places, make(places, Upper(), workers=workers))


@pytest.mark.parametrize("fails_at", [1, 40, 150, 300])
def test_a_run_that_was_cut_off_goes_on_where_it_was(places, fails_at, monkeypatch):
    with pytest.raises(CutOff):
        make(places, Upper(fails_at))
    assert not (places / "upper").exists()
    read = []
    monkeypatch.setattr(streams, "read_blocks", lambda *given: (read.append(given[1]), blocks.read_blocks(*given))[1])
    check(places, make(places, Upper()))
    assert read[0] >= fails_at - 12  # lines that are not done again


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 300), max_size=3), st.integers(0, 40), st.sampled_from(["append", "cut", "journal", "none"])
)
def test_whatever_a_kill_leaves_the_end_is_the_same(tmp_path_factory, failures, amount, damage):
    folder = tmp_path_factory.mktemp("stream")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", 50)
        patch.setattr(streams, "JOURNAL_SECONDS", 0.0)
        (folder / "in").write_text("".join(f"{line}\n" for line in LINES))
        for fails_at in failures:
            with pytest.raises(CutOff):
                make(folder, Upper(fails_at))
            unfinished = folder / ".upper.unfinished"
            if damage == "append":  # written after the last note
                with unfinished.open("ab") as file:
                    file.write(b"?" * amount)
            elif damage == "cut":  # lost from the disk's cache
                with unfinished.open("r+b") as file:
                    file.truncate(min(amount, unfinished.stat().st_size))
            elif damage == "journal" and (folder / "journal").exists():
                (folder / "journal").write_text((folder / "journal").read_text()[:amount])
        check(folder, make(folder, Upper()))


def test_other_work_does_not_go_on_with_what_was_left(places):
    with pytest.raises(CutOff):
        make(places, Upper(150))
    check(places, make(places, Upper(), fingerprint="other"))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"fingerprint": 1}', "\x00", json.dumps({"a": 1})])
def test_a_journal_that_is_none_is_passed_over(places, text):
    (places / "journal").write_text(text)
    check(places, make(places, Upper()))


def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(places, monkeypatch):
    def full(self: object, part: bytes) -> int:
        raise OSError(28, "No space left on device")

    class Full:
        write = full

    real = streams._growing
    monkeypatch.setattr(streams, "_growing", lambda path, exists: _replaced(real(path, exists), Full()))
    with pytest.raises(DataError, match=r"cannot write .*upper.*: No space left on device"):
        make(places, Upper())
    monkeypatch.setattr(streams, "_growing", real)
    check(places, make(places, Upper()))


def _replaced(manager, broken):
    """The same context, in which the file cannot be written."""
    from contextlib import contextmanager

    @contextmanager
    def managed():
        with manager as file:
            broken.truncate, broken.seek, broken.flush = file.truncate, file.seek, file.flush
            yield broken

    return managed()
