"""`aat_parsing`: from a sentence's words to the symbols of its tree (Section 6.3), on what `aat prepare trees` wrote.

It is `aat_translation` between the languages `words` and `symbols`, with the number of words of each sentence, with
Section 6.3's search (beam 21, α 0.3, |x| + 300 symbols) and, if wanted, with a search that can only say trees.
"""

import logging
from argparse import Namespace
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import torch
from fairseq import utils
from fairseq.tasks import register_task
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from aat_plugin.bindings import generation_flags, parsing_f1
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.bindings.generator import ConstraintFor
from aat_plugin.bindings.over_long import select
from aat_plugin.bindings.parsing_data import (
    MADE_WITH,
    MixedDataset,
    ParsingDataset,
    read_gold,
    read_num_words,
    silver_files,
)
from aat_plugin.bindings.translation_task import AatTranslationConfig, AatTranslationTask
from aat_plugin.corpora.bpe import JOINER
from aat_plugin.corpora.files import reading
from aat_plugin.errors import ConfigError, UnsupportedOptionError
from aat_plugin.parsing.constraint import BracketConstraint, SymbolTable, symbol_table
from aat_plugin.parsing.linearise import Kind
from aat_plugin.parsing.preparation import RECORD, Record, read_record

logger = logging.getLogger(__name__)

SEARCH = {"beam": 21, "lenpen": 0.3}
"""Section 6.3's, where a command or a caller names no other."""


@dataclass
class AatParsingConfig(AatTranslationConfig):
    """The translation task's options, and Section 6.3's."""

    source_lang: Optional[str] = field(default="words", metadata={"help": "source language", "argparse_alias": "-s"})
    target_lang: Optional[str] = field(default="symbols", metadata={"help": "target language", "argparse_alias": "-t"})
    max_extra: int = field(
        default=300, metadata={"help": "symbols that a tree may have beyond its source's tokens (Section 6.3)"}
    )
    constrained: bool = field(default=False, metadata={"help": "let the search say only what is a tree over the words"})
    silver_ratio: float = field(
        default=0.0, metadata={"help": "silver sentences of an epoch for each gold one, drawn anew in each; 0: none"}
    )
    eval_f1: bool = field(default=False, metadata={"help": "greedy F1 and malformed rate during validation"})
    eval_f1_sentences: int = field(
        default=500, metadata={"help": "the fixed sample of each validation set that --eval-f1 decodes; 0: all of it"}
    )


def has_subwords(dictionary: Any) -> bool:
    """Whether a source dictionary holds pieces of words."""
    return any(symbol.endswith(JOINER) for symbol in dictionary.symbols)


@register_task("aat_parsing", dataclass=AatParsingConfig)
class AatParsingTask(AatTranslationTask):
    """Constituency parsing as translation. Section 6.3."""

    cfg: AatParsingConfig
    made_with = MADE_WITH
    _model: Any = None
    _greedy: Any = None

    @classmethod
    def add_args(cls, parser: Any) -> None:
        """The task's flags; the commands that generate get Section 6.3's defaults."""
        super().add_args(parser)
        if "--beam" in parser._option_string_actions:
            parser.set_defaults(**SEARCH)

    @cached_property
    def treebank(self) -> Record:
        """What `aat prepare trees` noted of the treebank.

        Raises:
            DataError: the file is missing or broken.
        """
        path = self._folder / RECORD
        with reading(path):
            return read_record(path.read_text(encoding="utf-8"), str(path))

    @property
    def _folder(self) -> Path:
        return Path(utils.split_paths(self.cfg.data)[0])

    @user_facing
    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any) -> None:
        """Load a split of the data-bin with its numbers of words.

        Raises:
            DataError: the split is not there, or its numbers of words are not.
        """
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        loaded: AatLanguagePairDataset = self.datasets[split]
        if combine and split == self.cfg.train_subset:  # fairseq's trainer alone combines
            self.datasets[split] = self._mixed(loaded) if self.cfg.silver_ratio else loaded
            return
        dataset = ParsingDataset.adopt(loaded, for_generation=loaded.for_generation)
        dataset.num_words = read_num_words(self._folder / f"{split}.num_words", len(dataset))
        if self.cfg.eval_f1 and not loaded.for_generation:
            dataset.gold = read_gold(self._folder / f"{split}.trees", len(dataset), self.cfg.eval_f1_sentences)
        self.datasets[split] = dataset

    def _mixed(self, gold: AatLanguagePairDataset) -> MixedDataset:
        languages = (str(self.cfg.source_lang), str(self.cfg.target_lang))
        pairs = silver_files(self._folder, languages, (self.source_dictionary, self.target_dictionary))
        mixed = MixedDataset.mix(gold, pairs, self.cfg.silver_ratio)
        logger.info(f"mixing {len(gold):,} gold sentences with {self.cfg.silver_ratio:g} silver ones for each, of "
                    f"{sum(len(words) for words, _ in pairs):,}")
        return mixed

    def get_batch_iterator(self, dataset: AatLanguagePairDataset, *args: Any, seed: int = 1, **kwargs: Any) -> Any:
        """The translation task's; a mixture draws by the run's seed."""
        if isinstance(dataset, MixedDataset):
            dataset.seed = seed
        return super().get_batch_iterator(dataset, *args, seed=seed, **kwargs)

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Build the model, which --eval-f1 decodes with."""
        self._model, self._greedy = super().build_model(cfg, from_checkpoint), None
        return self._model

    def valid_step(self, sample: Any, model: Any, criterion: Any) -> Any:
        """Loss, and the counts of --eval-f1, of one batch."""
        loss, sample_size, logging_output = super().valid_step(sample, model, criterion)
        if self.cfg.eval_f1:
            logging_output.update(self._count(sample))
        return loss, sample_size, logging_output

    @user_facing
    def _count(self, sample: Any) -> dict[str, int]:
        """The counts of the batch's sentences that are in the sample of F1; there may be none."""
        gold: list[str | None] = sample.get("gold", [])
        chosen = torch.tensor([line is not None for line in gold], dtype=torch.bool)
        if not chosen.any():
            return parsing_f1.count(self.treebank.linearisation, [])
        pad, end = self.target_dictionary.pad(), self.target_dictionary.eos()
        net_input, kept = select(sample["net_input"], chosen, pad)
        part = {"id": sample["id"][kept], "net_input": net_input, "num_words": sample["num_words"][kept]}
        if self._greedy is None:
            self._greedy = self.build_generator([self._model], Namespace(beam=1))
        said = [[self.target_dictionary[int(one)] for one in entries[0]["tokens"] if int(one) not in (pad, end)]
                for entries in self.inference_step(self._greedy, [self._model], part)]
        lines = [line for line in gold if line is not None]
        return parsing_f1.count(self.treebank.linearisation, zip(said, lines, strict=True))

    def reduce_metrics(self, logging_outputs: list[dict[str, Any]], criterion: Any) -> None:
        """fairseq's figures, and F1 and the malformed rate where sentences were decoded."""
        super().reduce_metrics(logging_outputs, criterion)
        if self.cfg.eval_f1:
            parsing_f1.log(logging_outputs)

    @user_facing
    def build_generator(
        self,
        models: list[Any],
        args: DictConfig | Namespace,
        seq_gen_cls: Any = None,
        extra_gen_cls_kwargs: dict[str, Any] | None = None,
        prefix_allowed_tokens_fn: Any = None,
    ) -> Any:
        """The plugin's search with this task's lengths.

        Args:
            models: one, or an ensemble.
            args: fairseq's generation options, or a namespace of those that differ from Section 6.3's.
            seq_gen_cls, extra_gen_cls_kwargs, prefix_allowed_tokens_fn: as in the translation task.

        Raises:
            UnsupportedOptionError: --max-len-a or --max-len-b, or an option that the search does not have.
        """
        return super().build_generator(
            models, self._with_lengths(args), seq_gen_cls, extra_gen_cls_kwargs, prefix_allowed_tokens_fn
        )

    def _with_lengths(self, args: DictConfig | Namespace) -> Namespace:
        held = dict(OmegaConf.to_container(args) if isinstance(args, DictConfig) else vars(args))  # type: ignore[arg-type]
        stock = generation_flags.defaults()
        for name in ("max_len_a", "max_len_b"):
            if held.get(name, stock[name]) != stock[name]:
                raise UnsupportedOptionError(f"--{name.replace('_', '-')} is not for parsing, where a tree may have as "
                                             "many symbols as its source has tokens, and --max-extra more")
        return Namespace(**{**SEARCH, **held, "max_len_a": 1, "max_len_b": self.cfg.max_extra})

    def leaf_symbols(self) -> list[int]:
        """The ids of the symbols that stand for a source token each, for a model's next_word.

        Raises:
            ConfigError: words are cut into subwords, so that a leaf stands for several tokens.
        """
        if has_subwords(self.source_dictionary):
            raise ConfigError("next_word needs a token a word, and here words are cut into subwords; prepare the trees "
                              "with --bpe 0")
        table = symbol_table(self.treebank.linearisation, self.target_dictionary.symbols, self.target_dictionary.eos())
        leaves: list[int] = table.kind.eq(int(Kind.LEAF)).nonzero().squeeze(1).tolist()
        return leaves

    def constraint_for(self) -> ConstraintFor | None:
        """Under `constrained`, what makes the constraint of a batch from its `num_words`.

        Raises:
            ConfigError: later, for a batch whose words nobody counted.
        """
        if not self.cfg.constrained:
            return None
        end, symbols = self.target_dictionary.eos(), self.target_dictionary.symbols
        table = symbol_table(self.treebank.linearisation, symbols, end)
        tables: dict[torch.device, SymbolTable] = {}

        def make(sample: Any, kept: Tensor, limits: Tensor) -> BracketConstraint:
            if "num_words" not in sample:
                raise ConfigError("--constrained needs the number of words of each sentence, which only prepared data "
                                  "have; use aat parse for other text")
            if limits.device not in tables:
                tables[limits.device] = table.to(limits.device)
            num_words = sample["num_words"].to(limits.device)[kept]
            return BracketConstraint(tables[limits.device], num_words, limits, self.treebank.max_openers)

        return make
