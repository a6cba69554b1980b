"""What a checkpoint computes and translates, beside what its exports do: `aat export compare`.

Each row is one home of the model. Its translations are counted against ours *under the same search rules*, and its BLEU
stands beside ours under the same rules; so a difference is the conversion's, or the quantization's, and not the
search's. A last row is CTranslate2 under the paper's penalty and limit, by our ranking of its n-best.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sacrebleu

from aat_plugin.bindings.live_models import COUNTED, LiveModel, open_model
from aat_plugin.bindings.saved_model import read_model
from aat_plugin.errors import choose
from aat_plugin.export.ctranslate2_engine import Engine, Search
from aat_plugin.export.ctranslate2_folder import KINDS, export_ctranslate2
from aat_plugin.export.ctranslate2_translator import together
from aat_plugin.export.reasons import NotExpressibleError
from aat_plugin.export.to_fairseq import export_fairseq

BEAM, ALPHA, LIMIT = 4, 0.6, 50
MAX_TOKENS = 4000
LOGIT_BATCHES = 8
COUNT = "length^0.6, stops at 4 finished, limit 200"
PAPER = "GNMT's penalty on the n-best, limit input + 50"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One home of the model.

    Attributes:
        home: where it runs.
        search: under which rules.
        megabytes: of its files.
        logits: the largest difference of a logit from ours in float32, roundings and all, and
        logits64: in float64, where the conversion alone is left; None where the home shows no logits.
        identical: how many translations are ours, letter for letter.
        sentences: of how many.
        bleu: of its translations, and
        our_bleu: of ours under the same rules.
        reasons: why the model cannot go there; the numbers are 0 then.
    """

    home: str
    search: str
    megabytes: float = 0.0
    logits: float | None = None
    logits64: float | None = None
    identical: int = 0
    sentences: int = 0
    bleu: float = 0.0
    our_bleu: float = 0.0
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Comparison:
    """One checkpoint, one split.

    Args:
        checkpoint: of the plugin.
        data: its data-bin.
        split: of it.
        limit: how many sentences; None for all.
        say: told what is being done.
    """

    def __init__(self, checkpoint: Path, data: Path, split: str, limit: int | None, say: Say) -> None:
        self.checkpoint, self.data, self.split, self.limit, self.say = checkpoint, data, split, limit, say
        read_model(checkpoint)  # what is wrong with the file is said before fairseq opens it
        self.counted = open_model(checkpoint, data, COUNTED)
        self.sources, self.references = self.counted.sentences(split, limit)
        say("translating with the plugin: fairseq's rules")
        self.as_counted = self._translate(self.counted, max_len_a=0, max_len_b=200)

    def _translate(self, live: LiveModel, **flags: Any) -> list[list[str]]:
        found = live.translate(self.split, self.limit, MAX_TOKENS, beam=BEAM, lenpen=ALPHA, **flags)
        return list(found.values())

    def bleu(self, translations: Sequence[Sequence[str]]) -> float:
        """BLEU of subwords put together again, on the tokens as they are."""
        score = sacrebleu.corpus_bleu(
            [together(words) for words in translations],
            [[together(words) for words in self.references]],
            tokenize="none",
            force=True,
        )
        return float(score.score)

    def row(self, home: str, search: str, place: Path, theirs: list[list[str]], ours: list[list[str]]) -> Row:
        """Count and score."""
        files = [place] if place.is_file() else list(place.iterdir())
        return Row(
            home,
            search,
            megabytes=sum(file.stat().st_size for file in files) / 1e6,
            identical=sum(one == other for one, other in zip(theirs, ours, strict=True)),
            sentences=len(ours),
            bleu=self.bleu(theirs),
            our_bleu=self.bleu(ours),
        )

    def stock(self, folder: Path) -> Row:
        """Stock fairseq with its own generator."""
        search, place = COUNT, folder / "stock.pt"
        try:
            export_fairseq(self.checkpoint, place)
        except NotExpressibleError as error:
            return Row("stock fairseq", search, reasons=tuple(error.reasons))
        live = open_model(place, self.data)
        self.say("translating with stock fairseq")
        theirs = self._translate(live, max_len_a=0, max_len_b=200)
        row = self.row("stock fairseq", search, place, theirs, self.as_counted)
        single = self._largest_difference(live)
        for model in (live, self.counted):
            model.double()
        return replace(row, logits=single, logits64=self._largest_difference(live))

    def _largest_difference(self, live: LiveModel) -> float:
        """Of logits, over the first and the last batches: the shortest and the longest sentences."""
        batches = list(self.counted.batches(self.split, self.limit, MAX_TOKENS))
        chosen = batches[: LOGIT_BATCHES // 2] + batches[LOGIT_BATCHES // 2 :][-LOGIT_BATCHES // 2 :]
        largest = 0.0
        for sample in chosen:
            real = sample["target"].ne(self.counted.task.target_dictionary.pad())
            difference = self.counted.logits(sample) - live.logits(sample)
            largest = max(largest, float(difference[real].abs().max()))
        return largest

    def ctranslate2(self, folder: Path, quantization: str) -> list[Row]:
        """CTranslate2 under its own rules and under the paper's."""
        search, place = COUNT, folder / quantization
        home = f"CTranslate2 {quantization}"
        try:
            export_ctranslate2(self.checkpoint, place, quantization, self.data)
        except NotExpressibleError as error:
            return [Row(home, search, reasons=tuple(error.reasons))]
        engine = Engine(place, max_tokens=MAX_TOKENS)
        self.say(f"translating with {home}")
        own = Search(BEAM, ALPHA, "power", 0, 200)
        theirs = [found[0].tokens for found in engine.translate(self.sources, own)]
        rows = [self.row(home, search, place, theirs, self.as_counted)]
        gnmt = [found[0].tokens for found in engine.translate(self.sources, Search(BEAM, ALPHA))]
        return [*rows, self.row(home, PAPER, place, gnmt, self.as_paper)]

    @property
    def as_paper(self) -> list[list[str]]:
        """Ours by the paper's search: GNMT's penalty, the bound, |x| + 50."""
        if not hasattr(self, "_as_paper"):
            rules = {"length_penalty": "gnmt", "stop_rule": "bound", "length_limit": "sentence"}
            live = open_model(self.checkpoint, self.data, rules)
            self.say("translating with the plugin: the paper's rules")
            self._as_paper = self._translate(live, max_len_a=1, max_len_b=LIMIT)
        return self._as_paper


def compare(
    checkpoint: Path, data: Path, split: str, limit: int | None, quantizations: Sequence[str], say: Say
) -> list[Row]:
    """All homes of a checkpoint.

    Args:
        checkpoint: of the plugin.
        data: its data-bin.
        split: of it.
        limit: how many sentences; None for all.
        quantizations: of CTranslate2.
        say: told what is being done.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or foreign.
        DataError: no such data.
        ConfigError: an unknown quantization.
    """
    for quantization in quantizations:
        choose("--quantizations", quantization, KINDS)
    comparison = Comparison(checkpoint, data, split, limit, say)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [comparison.stock(folder)]
        for quantization in quantizations:
            rows += comparison.ctranslate2(folder, quantization)
    return rows

