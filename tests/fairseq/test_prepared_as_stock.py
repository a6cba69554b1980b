"""`aat prepare` against the stock recipe's own programs, step by step: every file is the same to the byte."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from sacremoses import MosesPunctNormalizer, MosesTokenizer
from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from aat_plugin.cli import main

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

MERGES, LONGEST, RATIO = 150, 60, 1.5


def stock_tokens(path: Path, language: str) -> list[str]:
    normalise, tokenise = MosesPunctNormalizer(language).normalize, MosesTokenizer(language).tokenize
    lines = path.read_text().split("\n")[:-1]
    return [tokenise(normalise(f"{line}\n"), return_str=True) for line in lines]


def stock_clean(sides: list[list[str]]) -> list[list[str]]:
    """clean-corpus-n.perl -ratio 1.5 bpe.train en de train 1 60."""
    kept = []
    for pair in zip(*sides, strict=True):
        source, target = (len(line.split()) for line in pair)
        if 1 <= source <= LONGEST and 1 <= target <= LONGEST and max(source / target, target / source) <= RATIO:
            kept.append(pair)
    return [list(side) for side in zip(*kept, strict=True)]


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_tokens_codes_subwords_cleaning_dictionaries_and_numbers_are_the_same(statmt, tmp_path, fairseq_command):
    ours, stock = tmp_path / "ours", tmp_path / "stock"
    words = ["--bpe", str(MERGES), "--max-len", str(LONGEST), "--ratio", str(RATIO), "--workers", "2"]
    assert main(["prepare", "wmt14_en_de", "-o", str(ours), "--mirror", statmt.as_uri(), "--any-content", *words]) == 0
    stock.mkdir()
    raw = ours / "raw"
    files = {"train": [f"{name}.de-en" for name in ("europarl-v7", "commoncrawl", "news-commentary-v9")],
             "valid": ["newstest2013"]}
    tokens: dict[str, list[list[str]]] = {}
    for split, names in files.items():
        tokens[split] = [[line for name in names for line in stock_tokens(raw / f"{name}.{side}", side)]
                         for side in ("en", "de")]
    tokens["test"] = [stock_tokens(raw / f"newstest2014-deen-{kind}.{side}", side)
                      for kind, side in (("src", "en"), ("ref", "de"))]
    out = io.StringIO()
    learn_bpe(io.StringIO("".join(map(text, tokens["train"]))), out, MERGES, 2)
    assert (ours / "bpecodes").read_text() == out.getvalue()
    cut = BPE(io.StringIO(out.getvalue())).process_line
    for split, sides in tokens.items():
        pieces = [[cut(line) for line in side] for side in sides]
        if split == "train":
            pieces = stock_clean(pieces)
            assert 0 < len(pieces[0]) < len(sides[0])
        for side, name in zip(range(2), ("en", "de"), strict=True):
            assert (ours / "tokens" / f"{split}.{name}").read_text() == text(sides[side])
            assert (ours / ("cleaned" if split == "train" else "subwords") / f"{split}.{name}").read_text() == (
                text(pieces[side]))
            (stock / f"{split}.{name}").write_text(text(pieces[side]))
    prefixes = [f"--{split}pref={stock / split}" for split in tokens]
    fairseq_command("fairseq-preprocess", "-s", "en", "-t", "de", "--joined-dictionary", *prefixes, "--destdir",
                    stock / "bin")
    (stock / "bin" / "preprocess.log").unlink(missing_ok=True)
    made = {path.name: path.read_bytes() for path in (stock / "bin").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (ours / "data-bin").iterdir()}
    shutil.rmtree(stock)
