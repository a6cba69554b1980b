"""Word-pieces say how they join, are the same every time, and keep frequent words whole."""

from __future__ import annotations

import io
import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sentencepiece", reason="make install brings it")

from aat_plugin.corpora import bpe, system, wordpiece
from aat_plugin.corpora.wordpiece import WordPieces, join, learn
from aat_plugin.errors import DataError
from aat_plugin.translation.generated import join_bpe

SYLLABLES = [a + b for a in "bdgklmnprst" for b in ("a", "ei", "o", "un", "e", "ü")]


@pytest.fixture(scope="module")
def words() -> list[str]:
    """A text of 20,000 words, of 1,500 different ones by Zipf's law."""
    generator = random.Random(3)
    different = ["".join(generator.choices(SYLLABLES, k=generator.randint(1, 5))) for _ in range(1500)]
    return generator.choices(different, [1 / rank for rank in range(1, 1501)], k=20_000)


@pytest.fixture(scope="module")
def counts(words) -> Counter[str]:
    return Counter(words)


@pytest.fixture(scope="module")
def model(counts, tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces") / "wordpiece.model"
    made = learn(counts, 400, path)
    assert made == {"words": len(counts), "pieces": 400}
    return path


def test_frequent_words_are_whole_and_rare_ones_in_pieces_not_in_letters(model, counts):
    cut = WordPieces(model)
    order = [word for word, _ in counts.most_common()]

    def whole(words):
        return sum(cut(word) == f"▁{word}" for word in words) / len(words)

    def length(words):
        pieces = cut(" ".join(words)).split()
        return sum(len(piece.removeprefix("▁")) for piece in pieces) / len(pieces)

    assert whole(order[:30]) == 1
    assert whole(order[-300:]) < 0.1
    assert length(order[-300:]) > 2, "letters a piece; a syllable has two or three"


def trained_directly(words, size, kind):
    """What sentencepiece makes of the text itself, lines of 20 words, with its own candidates."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    lines = (" ".join(words[start : start + 20]) for start in range(0, len(words), 20))
    made = io.BytesIO()
    SentencePieceTrainer.Train(sentence_iterator=lines, model_writer=made, model_type=kind, vocab_size=size,
                               hard_vocab_limit=False, normalization_rule_name="identity", bos_id=-1, eos_id=-1,
                               num_threads=1, minloglevel=2)  # fmt: skip
    return SentencePieceProcessor(model_proto=made.getvalue())


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_they_are_no_more_pieces_than_sentencepiece_makes_of_the_text_itself(model, words, kind):
    direct = trained_directly(words, 400, kind)
    assert direct.GetPieceSize() == WordPieces(model).size
    text = " ".join(words)
    assert len(WordPieces(model)(text).split()) <= len(direct.EncodeAsPieces(text))


def test_the_text_is_no_less_likely_than_under_sentencepieces_own_model(model, words, counts):
    """log P of each word's best pieces, which is what the learning maximises."""
    from sentencepiece import SentencePieceProcessor

    ours, direct = SentencePieceProcessor(model_file=str(model)), trained_directly(words, 400, "unigram")

    def log_likelihood(one):
        scores = {one.IdToPiece(number): one.GetScore(number) for number in range(one.GetPieceSize())}
        return sum(count * sum(scores[piece] for piece in one.EncodeAsPieces(word)) for word, count in counts.items())

    assert log_likelihood(ours) >= log_likelihood(direct)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SYLLABLES) | st.text("aé中&;.ß", min_size=1, max_size=5), max_size=8))
def test_joining_undoes_cutting_whatever_the_words(model, words):
    line = " ".join(words)
    cut = bpe.cutter(model, "wordpiece")(line)
    assert join(cut) == line
    assert join_bpe(cut) == line
    assert all(piece.count("▁") <= 1 and "▁" not in piece[1:] for piece in cut.split())


def test_it_joins_as_fairseq_does(model):
    from fairseq.data.data_utils import post_process

    line = WordPieces(model)("baduna &apos;s 中x , bei")
    assert join(line) == post_process(line, "sentencepiece") == "baduna &apos;s 中x , bei"


def test_the_same_counts_make_the_same_file(model, counts, tmp_path):
    learn(Counter(dict(sorted(counts.items()))), 400, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == model.read_bytes()


def test_what_is_remembered_is_bounded(model, monkeypatch):
    monkeypatch.setattr(wordpiece, "MOST", 3)
    cut = WordPieces(model)
    for number in range(20):
        assert join(cut(f"ba{number} x")) == f"ba{number} x"
        assert len(cut._pieces) <= 3


def test_a_packed_system_cuts_by_its_model(model, tmp_path):
    data = tmp_path / "data"
    (data / "data-bin").mkdir(parents=True)
    for language in ("en", "de"):
        (data / "data-bin" / f"dict.{language}.txt").write_text("a 1\n")
    (data / "wordpiece.model").write_bytes(model.read_bytes())
    options = {"lowercase": False, "tokenise": True, "merges": 400, "pieces": "wordpiece"}
    about = {"format": 1, "kind": "pair", "languages": ["en", "de"], "options": options, "versions": {}, "stages": {}}
    (data / "manifest.json").write_text(json.dumps(about))
    (tmp_path / "model.pt").write_bytes(b"weights")
    assert "wordpiece.model" in system.pack(tmp_path / "model.pt", data, tmp_path / "system.tar.gz")
    with system.opened(tmp_path / "system.tar.gz") as found:
        assert found.pieces == "wordpiece"
        assert found.encoder()("bei, bei.") == WordPieces(model)("bei , bei .")


def test_no_model_and_nothing_to_learn_from_are_one_line(tmp_path):
    (tmp_path / "m").write_bytes(b"no model")
    with pytest.raises(DataError, match="no model of sentencepiece"):
        WordPieces(tmp_path / "m")
    with pytest.raises(DataError, match="cannot read"):
        WordPieces(tmp_path / "none")
    with pytest.raises(DataError, match="no word of two letters"):
        learn(Counter(["a"]), 10, tmp_path / "m")
