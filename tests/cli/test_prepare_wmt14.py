"""`aat prepare wmt14_en_de|fr` on a mirror in miniature: from any origin the same data, and nothing done twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from aat_plugin.cli import main
from aat_plugin.corpora import wmt14
from aat_plugin.corpora.sources import CORPORA

FAST = ["--bpe", "120", "--any-content", "--workers", "1"]


def prepare(task: str, out: Path, *words: object, status: int = 0) -> None:
    assert main(["prepare", task, "-o", str(out), *FAST, *map(str, words)]) == status


def binarised(folder: Path) -> dict[str, bytes]:
    """All that fairseq reads."""
    return {path.name: path.read_bytes() for path in sorted((folder / "data-bin").iterdir())}


@pytest.fixture(scope="module")
def german(statmt, tmp_path_factory) -> Path:
    """EN-DE, prepared from the mirror."""
    out = tmp_path_factory.mktemp("wmt14") / "de"
    prepare("wmt14_en_de", out, "--mirror", statmt.as_uri())
    return out


def test_every_archive_that_a_part_is_in_is_known():
    for name, task in wmt14.TASKS.items():
        used = {part.archive for parts in task.splits.values() for part in parts}
        assert used == {archive.name for archive in CORPORA[name].files}


def test_the_corpora_are_joined_and_only_training_is_cleaned(german):
    names = ("europarl-v7.de-en.en", "commoncrawl.de-en.en", "news-commentary-v9.de-en.en", "newstest2014-deen-ref.de")
    read = {name: (german / "raw" / name).read_text().split("\n")[:-1] for name in names}
    english = [line for name in names[:3] for line in read[name]]
    counts = json.loads((german / "manifest.json").read_text())["stages"]
    assert counts["tokenise train.en"]["counts"]["lines"] == len(english) == 920
    cleaned = counts["clean train"]["counts"]
    assert cleaned["kept"] + cleaned["empty"] + cleaned["too_long"] + cleaned["too_unlike"] == 920
    assert cleaned["empty"] == 3
    assert cleaned["too_long"] >= 3  # a flaw of each corpus
    assert counts["binarise train.de"]["counts"]["lines"] == cleaned["kept"]
    assert counts["binarise valid.en"]["counts"]["lines"] == 24
    assert counts["binarise test.de"]["counts"]["lines"] == len(read["newstest2014-deen-ref.de"]) == 30


def test_fetched_archives_are_in_the_manifest_and_a_changed_one_is_refused(statmt, tmp_path, capsys):
    mirror, out = tmp_path / "mirror", tmp_path / "out"
    shutil.copytree(statmt, mirror)
    prepare("wmt14_en_de", out, "--mirror", mirror.as_uri())
    seen = json.loads((out / "manifest.json").read_text())["seen"]
    assert len(seen) == 5
    before = binarised(out)
    (out / "raw" / "dev.tgz").unlink()
    prepare("wmt14_en_de", out, "--mirror", mirror.as_uri())  # fetched again: the same
    with tarfile.open(mirror / "wmt14" / "dev.tgz", "w:gz"):
        pass
    (out / "raw" / "dev.tgz").unlink()
    capsys.readouterr()
    prepare("wmt14_en_de", out, "--mirror", mirror.as_uri(), status=2)
    printed = capsys.readouterr().err
    assert "dev.tgz was changed since it was fetched before" in printed
    assert len(printed.strip().splitlines()) == 1
    assert not (out / "raw" / "dev.tgz").exists()
    assert binarised(out) == before


def test_a_published_checksum_and_the_sets_sizes_are_compared(statmt, tmp_path, capsys):
    words = ["prepare", "wmt14_en_de", "-o", str(tmp_path / "a"), "--bpe", "120", "--workers", "1"]
    assert main([*words, "--mirror", statmt.as_uri()]) == 2
    assert "has the checksum" in capsys.readouterr().err
    raw = tmp_path / "raw"
    raw.mkdir()
    for archive in statmt.rglob("*.t*"):
        shutil.copy(archive, raw)
    assert main([*words, "--raw", str(raw)]) == 2
    assert "newstest2013 has 24 lines and should have 3,000" in capsys.readouterr().err


def test_the_users_archives_and_the_users_files_make_the_same(german, statmt, tmp_path, capsys):
    archives, files = tmp_path / "archives", tmp_path / "files"
    for folder in (archives, files):
        folder.mkdir()
    for archive in statmt.rglob("*.t*"):
        shutil.copy(archive, archives)
        with tarfile.open(archive) as packed:
            packed.extractall(files, filter="data")
    for name, raw in (("archives", archives), ("files", files)):
        prepare("wmt14_en_de", tmp_path / name / "out", "--raw", raw)
        assert binarised(tmp_path / name / "out") == binarised(german)
    (files / "commoncrawl.de-en.de").unlink()
    capsys.readouterr()
    prepare("wmt14_en_de", tmp_path / "third", "--raw", files, status=2)
    assert "neither commoncrawl.de-en.de nor training-parallel-commoncrawl.tgz" in capsys.readouterr().err


def test_french_with_word_pieces_and_without_repeated_pairs(statmt, tmp_path, capsys):
    pytest.importorskip("sentencepiece", reason="make install brings it")
    prepare("wmt14_en_fr", tmp_path, "--mirror", statmt.as_uri(), "--pieces", "wordpiece", "--duplicates", "drop",
            "--bpe", 300)
    printed = capsys.readouterr().out
    assert "types of word-pieces, shared" in printed
    assert (tmp_path / "wordpiece.model").is_file()
    pairs = list(zip(*((tmp_path / "unique" / f"train.{side}").read_text().split("\n") for side in ("en", "fr")),
                     strict=True))
    assert len(pairs) == len(set(pairs))
    cut = (tmp_path / "subwords" / "test.fr").read_text().splitlines()
    assert all(line.startswith("▁") for line in cut)
    prepare("wmt14_en_fr", tmp_path, "--mirror", statmt.as_uri(), "--pieces", "wordpiece", "--duplicates", "drop",
            "--bpe", 300)
    done = [line for line in capsys.readouterr().out.splitlines() if line.endswith("lines/s")]
    assert done == []


SLOWLY = """
import sys, time
from aat_plugin.corpora import blocks, parallel, streams
blocks.BLOCK, streams.JOURNAL_SECONDS = 4000, 0.0
in_order = parallel.Workers.in_order
def slowly(self, work, items):
    for made in in_order(self, work, items):
        time.sleep(0.01)
        yield made
parallel.Workers.in_order = slowly
from aat_plugin.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_killed_again_and_again_it_ends_the_same_and_does_nothing_twice(german, statmt, tmp_path):
    words = ["prepare", "wmt14_en_de", "-o", str(tmp_path / "out"), *FAST, "--mirror", statmt.as_uri()]
    done: set[str] = set()
    for kill_after in (1, 7, 3, 2, 4, 1, 3, 5, 4, None):  # stages that are done in one run
        running = subprocess.Popen([sys.executable, "-c", SLOWLY, *words], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert running.stdout is not None
        new: list[str] = []
        for line in running.stdout:
            name, _, said = line.strip().partition(": ")
            if said == "up to date":
                done.discard(name)
            elif said.rpartition(", ")[2].endswith(("lines/s", " s")):
                assert name not in done, f"{name} was done before"
                new.append(name)
            if len(new) == kill_after:
                running.send_signal(signal.SIGKILL)
                break
        running.stdout.close()
        assert running.wait() == (0 if kill_after is None else -signal.SIGKILL)
        done = {*json.loads((tmp_path / "out" / "manifest.json").read_text())["stages"]}
        assert set(new[: (kill_after or len(new)) - 1]) <= done
    assert binarised(tmp_path / "out") == binarised(german)
    assert not list((tmp_path / "out").rglob(".*unfinished"))
