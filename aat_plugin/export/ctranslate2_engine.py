"""Translating with CTranslate2 by our rules: our penalties on its n-best, a limit for each sentence. Section 6.1.

CTranslate2 searches by |Y|^α (or none), stops at `beam` finished hypotheses, and has one limit a call. So:

- "power" and "none" are its own search, and find what ours finds under stop_rule=count;
- "gnmt" is its n-best under |Y|^α, ranked anew by ((5+|Y|)/6)^α; `patience` lets it finish more of them first;
- sentences of one limit go together, so that |x| + 50 is each sentence's own;
- what the limit cuts off is given its end symbol, whose probability CTranslate2 is asked for, as ours forces it;
- at the first token CTranslate2 rules the end symbol out, as ours does, but renormalises the rest, which adds
  -log(1 - P(end)) to every score of the sentence: P(end) is asked for, and the sum taken off again;
- padding is not ruled out, because that would renormalise every step: hypotheses that say it are left out afterwards.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
import torch

from aat_plugin.architecture.products import sums_overflow
from aat_plugin.conventions import CHOICES
from aat_plugin.errors import CheckpointError, ConfigError, choose
from aat_plugin.export.ctranslate2_folder import BLANK
from aat_plugin.translation.length_penalty import length_penalty

logger = logging.getLogger(__name__)

END = "</s>"
Words = Sequence[str]


class Translation(NamedTuple):
    """One hypothesis of a sentence."""

    tokens: list[str]
    """Subwords, without the end symbol."""
    score: float
    """log P / penalty."""
    log_prob: float
    """log P, base e, the end symbol's share included."""


@dataclass(frozen=True)
class Search:
    """How to search; the defaults are the paper's.

    Attributes:
        beam: open hypotheses a sentence.
        alpha: α of the penalty.
        penalty: "gnmt", "power" or "none".
        max_len_a, max_len_b: at most a · |x| + b tokens before the end symbol.
        patience: CTranslate2 stops at patience · beam finished hypotheses; 1 is stop_rule=count. None takes 2 for
            "gnmt", whose ranking is another than that of the search, and 1 else.
    """

    beam: int = 4
    alpha: float = 0.6
    penalty: str = "gnmt"
    max_len_a: float = 1.0
    max_len_b: float = 50.0
    patience: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigError: names the option.
        """
        choose("length_penalty", self.penalty, CHOICES["length_penalty"])
        if self.beam < 1:
            raise ConfigError(f"beam={self.beam}: a search keeps at least one hypothesis")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience={self.patience} must be at least 1")

    @property
    def own_patience(self) -> float:
        """`patience`, or the penalty's."""
        if self.patience is not None:
            return self.patience
        return 2.0 if self.penalty == "gnmt" else 1.0

    @property
    def own_alpha(self) -> float:
        """The exponent of |Y| in CTranslate2's own search."""
        return 0.0 if self.penalty == "none" else self.alpha


def int8_overflows() -> bool:
    """Whether two int8 products of this processor's overflow their sum's 16 bits: CTranslate2 does not heed it."""
    engine = "onednn"  # whose products CTranslate2's are, or do as they do
    return engine in torch.backends.quantized.supported_engines and sums_overflow(engine)


class Engine:
    """A folder of `aat export ctranslate2`, ready to translate.

    Args:
        folder: the model.
        device: "cpu", "cuda" or "auto".
        compute_type: "default" computes as the weights are stored; else one of CTranslate2's, such as "int8".
        threads: for each batch; 0 leaves it to CTranslate2.
        max_tokens: source tokens in a batch.

    Raises:
        CheckpointError: the folder holds no such model.
        ConfigError: a device or type that this machine does not have.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        compute_type: str = "default",
        threads: int = 0,
        max_tokens: int = 4096,
    ) -> None:
        self.longest_source, self.longest_target, self.convention, bits = _notes(folder)
        self.max_tokens = max_tokens
        try:
            self.translator = ctranslate2.Translator(
                str(folder), device=device, compute_type=compute_type, intra_threads=threads, inter_threads=1
            )
        except ValueError as error:
            said = " ".join(str(error).split()).removesuffix(".")
            way_out = "; take --precision float32" if "compute type" in said else ""
            raise ConfigError(f"CTranslate2 cannot run {folder} so: {said}{way_out}") from None
        except RuntimeError as error:
            raise CheckpointError(f"{folder} is damaged ({' '.join(str(error).split())}); export it again") from None
        on_processor = self.translator.device == "cpu"
        if on_processor and "int8" in self.translator.compute_type and bits != 7 and int8_overflows():
            logger.warning(f"{folder}: CTranslate2's sums of int8 products overflow on this processor, which changes "
                           "translations; export with --quantization int8 --int8-bits 7, or take float32")

    def translate(self, sources: Sequence[Words], search: Search | None = None) -> list[list[Translation]]:
        """Translate sentences of subwords.

        Args:
            sources: each without an end symbol.
            search: how; None for the paper's.

        Returns:
            For each sentence its hypotheses, best first, at least one. A source that is empty, or longer than the
            model has positions for, has one empty hypothesis.

        Raises:
            ConfigError: a sentence's limit is below 1.
        """
        how = Search() if search is None else search
        results: list[list[Translation]] = [[Translation([], 0.0, 0.0)] for _ in sources]
        groups: dict[int, list[int]] = {}
        for place, words in enumerate(sources):
            if words and len(words) < self.longest_source:
                groups.setdefault(self._limit(len(words), how), []).append(place)
        for limit, places in groups.items():
            found = self._search([list(sources[place]) for place in places], limit, how)
            for place, hypotheses in zip(places, found, strict=True):
                results[place] = hypotheses or results[place]
        return results

    def _limit(self, length: int, how: Search) -> int:
        limit = min(math.floor(how.max_len_a * length + how.max_len_b), self.longest_target - 1)
        if limit < 1:
            raise ConfigError(f"a source of {length} tokens may have {limit}: raise --max-len-a or --max-len-b")
        return limit

    def _search(self, sources: list[list[str]], limit: int, how: Search) -> list[list[Translation]]:
        results = self.translator.translate_batch(
            sources,
            beam_size=how.beam,
            num_hypotheses=how.beam,
            patience=how.own_patience,
            length_penalty=how.own_alpha,
            max_decoding_length=limit,
            min_decoding_length=1,
            max_input_length=0,
            return_scores=True,
            return_end_token=True,
            max_batch_size=self.max_tokens,
            batch_type="tokens",
        )
        finished: list[list[tuple[list[str], float]]] = []
        cut_off: list[tuple[int, list[str]]] = []
        nothing = self._log_probs(sources, [[] for _ in sources])
        for place, (result, says_nothing) in enumerate(zip(results, nothing, strict=True)):
            finished.append([])
            for words, score in zip(result.hypotheses, result.scores, strict=True):
                if words and words[-1] == END:
                    log_prob = score * len(words) ** how.own_alpha
                    finished[-1].append((words[:-1], log_prob + _log_of_the_rest(says_nothing)))
                else:
                    cut_off.append((place, words))
        ended = self._log_probs([sources[place] for place, _ in cut_off], [words for _, words in cut_off])
        for (place, words), log_prob in zip(cut_off, ended, strict=True):
            finished[place].append((words, log_prob))
        return [rescored(hypotheses, how.penalty, how.alpha) for hypotheses in finished]

    def _log_probs(self, sources: list[list[str]], targets: list[list[str]]) -> list[float]:
        """log P of each target with its end symbol."""
        if not sources:
            return []
        scored = self.translator.score_batch(
            sources,
            targets,
            max_batch_size=self.max_tokens,
            batch_type="tokens",
            max_input_length=0,
        )
        return [float(sum(one.log_probs)) for one in scored]


def _log_of_the_rest(log_prob: float) -> float:
    """log(1 - P), also where P rounds to 1."""
    return math.log1p(-min(math.exp(log_prob), 1 - 1e-12))


def rescored(hypotheses: Sequence[tuple[list[str], float]], penalty: str, alpha: float) -> list[Translation]:
    """Rank an n-best list by our formula, log P / penalty(|Y|); |Y| counts the end symbol.

    Args:
        hypotheses: tokens without the end symbol, and log P with it. What is empty or holds padding is left out.
        penalty: "gnmt", "power" or "none".
        alpha: α.

    Returns:
        Best first; equal ones in the order in which they came.
    """
    ranked = [
        Translation(words, log_prob / length_penalty(penalty, len(words) + 1, alpha), log_prob)
        for words, log_prob in hypotheses
        if words and BLANK not in words
    ]
    return sorted(ranked, key=lambda one: -one.score)


def _notes(folder: Path) -> tuple[int, int, str, int]:
    """Longest source and target in tokens, convention, bits of int8 weights, as `aat export ctranslate2` notes them."""
    file = folder / "config.json"
    try:
        config: Any = json.loads(file.read_text(encoding="utf-8"))
        longest = int(config["max_source_positions"]), int(config["max_target_positions"])
        return *longest, str(config["convention"]), int(config.get("int8_bits", 8))
    except OSError as error:
        raise CheckpointError(
            f"cannot read {file}: {error.strerror}; give a folder of `aat export ctranslate2`"
        ) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CheckpointError(f"{file} is damaged, or not of `aat export ctranslate2`; export it again") from None
