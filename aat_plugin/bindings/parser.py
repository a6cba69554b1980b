"""A trained parser behind one method: sentences as words in, trees out (Section 6.3). `aat parse` is built on it.

Words become what the model was trained on (`parsing.preparation.Record`, then subwords), symbols become trees over
exactly the sentence's words (`parsing.repair`). Read `inference` and `parsing_task` next.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import utils
from torch import Tensor

from aat_plugin.bindings.inference import Inference
from aat_plugin.bindings.parsing_data import ParsingDataset
from aat_plugin.bindings.parsing_task import SEARCH, AatParsingTask, has_subwords
from aat_plugin.corpora.bpe import Subwords
from aat_plugin.corpora.pairs import CODES, DATA_BIN
from aat_plugin.errors import CheckpointError, ConfigError, DataError
from aat_plugin.parsing.baselines import flat
from aat_plugin.parsing.parses import TOO_LONG, Parse
from aat_plugin.parsing.raw_text import Style
from aat_plugin.parsing.repair import rebuild


@dataclass(frozen=True)
class ParseSearch:
    """How to search; None takes what the task says: Section 6.3's beam 21, α 0.3, |x| + 300 and a free search, or what
    the model was trained with.

    Attributes:
        beam, lenpen: as fairseq-generate's flags.
        max_extra: symbols that a tree may have beyond its source's tokens.
        constrained: whether only trees can be said.
        nbest: parses a sentence.
        max_tokens: source tokens a batch, padding included.
        precision: of matrix products, `float32`, `bf16` or `int8`; None for float32, whatever the model was trained in.
    """

    beam: int | None = None
    lenpen: float | None = None
    max_extra: int | None = None
    constrained: bool | None = None
    nbest: int = 1
    max_tokens: int = 1000
    precision: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("--beam", self.beam), ("--nbest", self.nbest), ("--max-tokens", self.max_tokens)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} {value} must be at least 1")
        if self.max_extra is not None and self.max_extra < 0:
            raise ConfigError(f"--max-extra {self.max_extra} must be at least 0")


class Parser(Inference):
    """One model of `aat_parsing`, or an ensemble.

    Args:
        checkpoints: their files.
        folder: what `aat prepare trees` made, or its data-bin, or a packed system's folder; None for the one that the
            model was trained on.
        search: see `ParseSearch`.
        device: "cpu", "cuda", or None for what there is.

    Raises:
        CheckpointError: a file is missing, damaged, of other dictionaries or no parser.
        DataError: the dictionaries, treebank.json or the subwords' codes are missing.
        ConfigError: an option that cannot work.
    """

    def __init__(
        self, checkpoints: Sequence[Path], folder: Path | None, search: ParseSearch, device: str | None = None
    ) -> None:
        given = {"max_extra": search.max_extra, "constrained": search.constrained,
                 "precision": search.precision or "float32"}
        overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if folder is not None:
            overrides["data"] = str(folder / DATA_BIN if (folder / DATA_BIN).is_dir() else folder)
        super().__init__(checkpoints, overrides, device)
        if not isinstance(self.task, AatParsingTask):
            raise CheckpointError(f"{checkpoints[0]} is no parser (its task is not aat_parsing); for translation there "
                                  "is aat translate")
        self.asked, self.beam, self.lenpen = search, search.beam or SEARCH["beam"], search.lenpen
        if self.lenpen is None:
            self.lenpen = SEARCH["lenpen"]
        if search.nbest > self.beam:
            raise ConfigError(f"--nbest {search.nbest} is more than --beam {self.beam}; raise the beam")
        self.generator = self.task.build_generator(
            self.models, Namespace(beam=self.beam, lenpen=self.lenpen, nbest=search.nbest)
        )
        words = self.task.source_dictionary
        self._cut = _subwords(Path(utils.split_paths(self.task.cfg.data)[0]), words)
        self._special = {words[index] for index in (words.bos(), words.pad(), words.eos())}

    @property
    def style(self) -> Style:
        """How the treebank writes raw text."""
        return self.task.treebank.style

    @property
    def description(self) -> str:
        """How it searches, in words."""
        kind = "constrained" if self.task.cfg.constrained else "free"
        return f"beam {self.beam}, α {self.lenpen:g}, at most |x| + {self.task.cfg.max_extra} symbols, {kind}"

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[list[Parse]]:
        """The best parses of each sentence, best first, in the sentences' order.

        Args:
            sentences: words, as a tree can hold them (`parsing.raw_text.fit`); a sentence without words has no parse.
        """
        tokens = {place: self.tokens(words) for place, words in enumerate(sentences) if words}
        fit = [place for place, one in tokens.items() if self._fits(one, len(sentences[place]))]
        sources = [tokens[place] for place in fit]
        made = self.task.build_dataset_for_inference(sources, [one.numel() for one in sources])
        dataset = ParsingDataset.adopt(made, for_generation=True)
        dataset.num_words = np.array([len(sentences[place]) for place in fit], dtype=np.int32)
        found = self.search(self.generator, dataset, sources, self.asked.max_tokens)
        entries = dict(zip(fit, found, strict=True))
        parses: list[list[Parse]] = []
        for place, words in enumerate(sentences):
            if place in entries:
                best = entries[place][: self.asked.nbest]
                parses.append([self._parse(entry, words, tokens[place]) for entry in best])
            else:
                parses.append([Parse(flat(words), 0.0, Counter({TOO_LONG: 1}), False)] if words else [])
        return parses

    def tokens(self, words: Sequence[str]) -> Tensor:
        """A source, (src_len,), with end symbol. Padding and the end are not to be had by typing their names."""
        line = self.task.treebank.source(list(words))
        pieces = (self._cut(line) if self._cut is not None else line).split()
        dictionary = self.task.source_dictionary
        known = [dictionary.unk() if piece in self._special else dictionary.index(piece) for piece in pieces]
        return torch.tensor([*known, dictionary.eos()])

    def _limit(self, tokens: Tensor) -> int:
        """The most symbols of a tree: |x| + max_extra, as far as the models have positions."""
        longest = min(int(model.max_decoder_positions()) for model in self.models)
        return min(tokens.numel() - 1 + int(self.task.cfg.max_extra), longest - 1)

    def _fits(self, tokens: Tensor, num_words: int) -> bool:
        """Whether the models have positions for the source, and for a leaf a word."""
        return tokens.numel() <= self.longest_source and num_words <= self._limit(tokens)

    def _parse(self, entry: dict[str, Any], words: Sequence[str], tokens: Tensor) -> Parse:
        dictionary = self.task.target_dictionary
        symbols = [dictionary[index] for index in entry["tokens"].tolist()[:-1]]  # without the end symbol
        at_limit = len(symbols) >= self._limit(tokens)
        # At its limit a free search is cut off wherever it is; a constrained one has its tree complete by then.
        ended = self.task.cfg.constrained or not at_limit
        made = rebuild(self.task.treebank.linearisation, symbols, words, ended=ended)
        return Parse(made.tree, float(entry["score"]), made.repairs, at_limit)


def _subwords(data: Path, dictionary: Any) -> Subwords | None:
    """What cuts words, where the source dictionary has pieces of words.

    Raises:
        DataError: it has, and the codes are not there.
    """
    if not has_subwords(dictionary):
        return None
    for folder in (data, data.parent) if data.name == DATA_BIN else (data,):
        if (folder / CODES).is_file():
            return Subwords(folder / CODES)
    raise DataError(f"{data} has a dictionary of subwords, and no {CODES} lies there or above; give --data the folder "
                    "that aat prepare trees made")
