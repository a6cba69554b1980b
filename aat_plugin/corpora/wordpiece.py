"""Word-pieces (Wu et al. 2016, which Section 5.1 cites for EN-FR), by sentencepiece's unigram language model.

Wu et al. pick units that raise the training text's likelihood under a unigram model, adding them from below; their code
was never published. sentencepiece (Kudo 2018, of the same group) maximises the same likelihood, pruning from above, and
marks words as they do: `▁` stands before a word, nothing inside it, so that pieces say how they join. It is learned
from Moses' tokens, as BPE is here, and from words' counts, so that memory does not grow with the lines, with candidates
of our own (`seed_pieces`); a word is cut once and then remembered. fairseq joins it with `--remove-bpe sentencepiece`.
docs/prepare.md sets it beside Wu et al.'s and tensor2tensor's. Read `pairs` next.
"""

from __future__ import annotations

import io
from collections import Counter
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from aat_plugin.corpora.files import open_bytes, reading, replacing_bytes
from aat_plugin.corpora.seed_pieces import seed_pieces
from aat_plugin.corpora.words import MOST
from aat_plugin.errors import DataError

WORD = "▁"
MOST_WORDS = 2_000_000
"""Different words that are learned from: the most frequent ones, so that memory is bounded."""
LONGEST = 4_000  # bytes of a word; longer ones are no words
SEEDS = 6
"""Strings that pieces are chosen from, for each piece. With more, whole words win at first and leave rare words nothing
but letters; fewer cost likelihood (docs/prepare.md)."""
THREADS = 2  # of the learning; fixed, because sums in another order would make another model


class WordPieces:
    """Cuts tokenised lines by a model.

    Raises:
        DataError: the file is missing or is no model of sentencepiece's.
    """

    def __init__(self, model: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        with reading(model), open_bytes(model) as file:
            content = file.read()
        self._processor = SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(content)
        except RuntimeError:
            raise DataError(f"{model} is no model of sentencepiece's; prepare the data again") from None
        self._pieces: dict[str, str] = {}

    def __call__(self, line: str) -> str:
        """Pieces separated by blanks; a word's first begins with `▁`."""
        return " ".join([self._pieces.get(word) or self._cut(word) for word in line.split()])

    @property
    def size(self) -> int:
        """How many pieces there are, the unknown one counted."""
        return int(self._processor.GetPieceSize())

    def _cut(self, word: str) -> str:
        if len(self._pieces) >= MOST:
            self._pieces.clear()
        pieces = " ".join(self._processor.EncodeAsPieces(word))
        self._pieces[word] = pieces
        return pieces


def join(line: str) -> str:
    """Undo it: what fairseq's `--remove-bpe sentencepiece` does."""
    return line.replace(" ", "").replace(WORD, " ").strip()


def learn(counts: Counter[str], size: int, model: Path) -> dict[str, int]:
    """Learn a model from words' counts and write it.

    Args:
        counts: how often each word occurs.
        size: pieces that are wanted, single characters among them.
        model: the file.

    Returns:
        How many `words` there were and `pieces` there are, which may be fewer in a small text.

    Raises:
        DataError: there is nothing to learn from.
    """
    from sentencepiece import SentencePieceTrainer

    if not any(len(word) > 1 for word in counts):
        raise DataError("there is no word of two letters to learn word-pieces from; check the training files")
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    known = [(word, count) for word, count in frequent if WORD not in word and len(word.encode()) <= LONGEST]
    made = io.BytesIO()
    with TemporaryDirectory() as folder, chdir(folder):  # the model keeps the path of the seeds: not the folder's name
        found = seed_pieces([(WORD + word, count) for word, count in known], SEEDS * size)
        Path("seeds").write_text("".join(f"{piece}\t{count}\n" for piece, count in found), encoding="utf-8")
        SentencePieceTrainer.Train(
            sentence_iterator=(f"{word}\t{count}" for word, count in known), input_format="tsv", model_writer=made,
            model_type="unigram", vocab_size=size, seed_sentencepieces_file="seeds", hard_vocab_limit=False,
            normalization_rule_name="identity", character_coverage=0.9995, max_sentence_length=2 * LONGEST,
            num_threads=THREADS, bos_id=-1, eos_id=-1, minloglevel=2,
        )  # fmt: skip
    with replacing_bytes(model) as file:
        file.write(made.getvalue())
    return {"words": len(counts), "pieces": WordPieces(model).size}

