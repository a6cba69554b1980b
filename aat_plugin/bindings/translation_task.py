"""`aat_translation`: fairseq's translation task, with nothing lost, the plugin's search, and exact randomness.

It reads fairseq's own data-bin unchanged. Read `datasets` for what stock drops, `generator` for the search (Section
6.1), `training.seeding` for dropout (Section 5.4).
"""

import logging
import os
import time
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import torch
from fairseq import utils
from fairseq.data import LanguagePairDataset, data_utils
from fairseq.logging import metrics
from fairseq.optim.adam import Adam, FairseqAdam
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from aat_plugin import conventions
from aat_plugin.bindings import config_check, governed, launch
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.datasets import AatLanguagePairDataset, cut_sizes
from aat_plugin.bindings.flags import governed_flag, stock_switch, switch, truth
from aat_plugin.bindings.generator import ConstraintFor, build_generator
from aat_plugin.bindings.lr_scheduler import warn_about_adam
from aat_plugin.bindings.precision import Precision
from aat_plugin.bindings.update_iterator import update_iterator
from aat_plugin.errors import DataError
from aat_plugin.training import fused_adam
from aat_plugin.training.memory import KeptMemory, peak_gigabytes
from aat_plugin.training.seeding import dropout_seed

logger = logging.getLogger(__name__)


@dataclass
class AatTranslationConfig(TranslationConfig):
    """fairseq's options, and Section 6.1's search."""

    left_pad_source: str = stock_switch("pad the source on the left")
    left_pad_target: str = stock_switch("pad the target on the left", default="False")
    tokens_per_update: int = field(
        default=0, metadata={"help": "Section 5.1: real tokens of each side an update, on any devices (there 25000); "
                             "--max-tokens then only limits a pack. 0: fairseq's batches of --max-tokens"}
    )
    length_groups: int = field(
        default=8, metadata={"help": "with --tokens-per-update: different lengths in an update; 1: all of one length. "
                             "Best as many as devices × update_freq, or a divisor of that"}
    )
    precision: str = field(default="float32", metadata={"help": "float32 | bf16 | int8 (generation): of products"})
    fused_adam: Optional[str] = switch("take Adam's step in one pass (default true)")
    keep_memory: Optional[str] = switch("keep freed memory in the process, on a processor (default true)")
    convention: Optional[str] = governed_flag("paper | t2t_release | t2t_head | fairseq")
    length_penalty: Optional[str] = governed_flag("gnmt: ((5+|Y|)/6)^α | power: |Y|^α | none; α is --lenpen")
    stop_rule: Optional[str] = governed_flag("bound: until no open hypothesis can win | count: at `beam` finished ones")
    length_limit: Optional[str] = governed_flag("--max-len-a/b of each sentence's own length | of the batch's")


@register_task("aat_translation", dataclass=AatTranslationConfig)
class AatTranslationTask(TranslationTask):
    """Translation between two languages. Sections 5 and 6.1."""

    cfg: AatTranslationConfig
    made_with = "fairseq-preprocess"

    @classmethod
    @user_facing
    def setup_task(cls, cfg: DictConfig, **kwargs: Any) -> "AatTranslationTask":
        """Check and settle the whole config (a checkpoint's was when it was made), then load the dictionaries.

        Raises:
            UnknownOptionError: a key that nothing reads.
            ConfigError: a launch that would train several models.
            DataError: no data-bin, or none for these languages.
        """
        if not kwargs.get("from_checkpoint"):
            config_check.check(governed.root_of(cfg))
            launch.check(governed.root_of(cfg))
            _settle_convention(cfg)
        _check_data(cfg, cls.made_with)
        task = super().setup_task(cfg, **kwargs)
        assert isinstance(task, AatTranslationTask)
        return task

    def __init__(self, cfg: Any, src_dict: Any, tgt_dict: Any) -> None:
        super().__init__(cfg, src_dict, tgt_dict)
        self._update_freq = _update_freq(governed.root_of(cfg)) if isinstance(cfg, DictConfig) else [1]
        self._last_seed: int | None = None
        self._run_seed = 0
        self._micro_batch = 0
        self._has_criterion = False
        self._precision = Precision(cfg.precision)
        self._fused_adam = truth("fused_adam", getattr(cfg, "fused_adam", None), default=True)
        self._keep_memory = truth("keep_memory", getattr(cfg, "keep_memory", None), default=True)
        self._memory = KeptMemory(self._keep_memory)
        self._left_pad = (
            truth("left_pad_source", cfg.left_pad_source, default=True),
            truth("left_pad_target", cfg.left_pad_target, default=False),
        )

    @user_facing
    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any) -> None:
        """Load a split of the data-bin; fairseq-generate's (it alone passes the saved task) is kept whole.

        Raises:
            DataError: the split is not there.
        """
        try:
            super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        except FileNotFoundError as missing:
            raise DataError(f"no '{split}' in {self.cfg.data} ({missing}); make it with {self.made_with}") from None
        for_generation = "task_cfg" in kwargs and not self._has_criterion
        dataset = AatLanguagePairDataset.adopt(self.datasets[split], for_generation=for_generation)
        dataset.left_pad_source, dataset.left_pad_target = self._left_pad
        if self.cfg.truncate_source and self.cfg.tokens_per_update:
            dataset.src_sizes = cut_sizes(dataset.src, self.cfg.max_source_positions)
        self.datasets[split] = dataset

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Build the criterion; a task that has one trains or validates and does not generate."""
        self._has_criterion = True
        return super().build_criterion(cfg, from_checkpoint)

    def get_batch_iterator(self, dataset: AatLanguagePairDataset, *args: Any, seed: int = 1, **kwargs: Any) -> Any:
        """fairseq's iterator, whose batches a run resumed after its first epoch finds again.

        Stock builds the batches once and keeps them over the epochs, but seeds their building with the epoch in which
        the process started, so a resumed run trains on others. A data set in shards is built anew in each epoch.
        """
        if not self.has_sharded_data("train"):
            dataset.order_seed = seed + 1
        if self.cfg.tokens_per_update and "grouped_shuffling" in kwargs:  # the trainer names it for training alone
            return update_iterator(self, dataset, self._update_freq, seed=seed, **kwargs)
        return super().get_batch_iterator(dataset, *args, seed=seed, **kwargs)

    def build_dataset_for_inference(
        self, src_tokens: list[Tensor], src_lengths: Any, constraints: Any = None, **kwargs: Any
    ) -> LanguagePairDataset:
        """The data set behind fairseq-interactive and `translate()`; sentences of any length stay."""
        dataset = super().build_dataset_for_inference(src_tokens, src_lengths, constraints=constraints)
        return AatLanguagePairDataset.adopt(dataset, for_generation=True)

    @user_facing
    def filter_indices_by_size(
        self,
        indices: NDArray[np.int64],
        dataset: AatLanguagePairDataset,
        max_positions: Any = None,
        ignore_invalid_inputs: bool = False,
    ) -> NDArray[np.int64]:
        """Leave over-long sentences out of training and validation, counted and named; keep them in generation.

        Args:
            indices: (sentences,).
            dataset: the sentences.
            max_positions: (source, target) limits in tokens.
            ignore_invalid_inputs: skip them with a warning instead of stopping.

        Raises:
            DataError: validation data has over-long sentences and may not skip them.
        """
        if dataset.for_generation:
            return indices
        over = dataset.too_long(indices, max_positions)
        if not len(over):
            return indices
        named = f"{len(over)} of {len(indices)} sentences are over max_positions={max_positions}: {dataset.name(over)}"
        if not ignore_invalid_inputs:
            raise DataError(f"{named}; raise the limit or give --skip-invalid-size-inputs-valid-test")
        logger.warning(f"skipping what is too long to train or validate on: {named}")
        return indices[~np.isin(indices, over)]

    @user_facing
    def build_generator(
        self,
        models: list[Any],
        args: DictConfig | Namespace,
        seq_gen_cls: Any = None,
        extra_gen_cls_kwargs: dict[str, Any] | None = None,
        prefix_allowed_tokens_fn: Any = None,
    ) -> Any:
        """The plugin's beam search over `models`, with fairseq's generation options.

        Raises:
            UnsupportedOptionError: names the option of fairseq's that the search does not have.
        """
        if seq_gen_cls is not None:
            return super().build_generator(models, args, seq_gen_cls, extra_gen_cls_kwargs, prefix_allowed_tokens_fn)
        return build_generator(
            self,
            models,
            args,
            search=self.search_rules(models),
            convention=self._dialect(models),
            precision=self.cfg.precision,
            extra_gen_cls_kwargs=extra_gen_cls_kwargs,
            prefix_allowed_tokens_fn=prefix_allowed_tokens_fn,
            constraint_for=self.constraint_for(),
            keep_memory=self._keep_memory,
        )

    def constraint_for(self) -> ConstraintFor | None:
        """What limits the search's hypotheses; a task of structured outputs overrides this."""
        return None

    def search_rules(self, models: list[Any]) -> dict[str, conventions.Value]:
        """length_penalty, stop_rule and length_limit: the task's own, else those of its or the models' convention."""
        own = {row.field: self.cfg[row.field] for row in conventions.rows("search")}
        return conventions.resolve(self._dialect(models), "search", own)

    def _dialect(self, models: list[Any]) -> str | None:
        """The task's convention, else the one that the models were trained with."""
        trained_with = [model.convention for model in models if isinstance(getattr(model, "convention", None), str)]
        return self.cfg.convention or next(iter(trained_with), None)

    def train_step(
        self, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, ignore_grad: bool = False
    ) -> Any:
        """Forward and backward of one micro-batch, with dropout drawn from (seed, update, micro-batch)."""
        if sample:
            self._memory.working(on_processor=not sample["target"].is_cuda)
        self._seed_dropout(update_num)
        if self._fused_adam and sample and sample["target"].is_cuda:
            _clip_at_once(optimizer)
        loss, sample_size, logged = super().train_step(
            sample, model, self._precision.over(criterion), optimizer, update_num, ignore_grad
        )
        if ignore_grad:  # fairseq forgets this where an empty micro-batch is not a device's last one
            sample_size, logged = sample_size * 0, {name: value * 0 for name, value in logged.items()}
        return loss, sample_size, logged

    def optimizer_step(self, optimizer: Any, model: Any, update_num: int) -> None:
        """fairseq's Adam in one pass over each parameter where that is possible, else the optimizer's own step."""
        plain = type(optimizer) is FairseqAdam and type(optimizer.optimizer) is Adam
        if self._fused_adam and plain and fused_adam.can_step(optimizer.optimizer):
            fused_adam.step(optimizer.optimizer)
        else:
            super().optimizer_step(optimizer, model, update_num)

    def valid_step(self, sample: Any, model: Any, criterion: Any) -> Any:
        """Loss, and BLEU under --eval-bleu, of one batch."""
        return super().valid_step(sample, model, self._precision.over(criterion))

    def reduce_metrics(self, logging_outputs: list[dict[str, Any]], criterion: Any) -> None:
        """fairseq's figures, and what this process took: `processor_s` in seconds, `peak_gb` of main memory in GiB."""
        super().reduce_metrics(logging_outputs, criterion)
        metrics.log_scalar("processor_s", time.process_time(), priority=1600, round=1, weight=0)
        metrics.log_scalar("peak_gb", peak_gigabytes(), priority=1600, round=3, weight=0)

    def _seed_dropout(self, update_num: int) -> None:
        """Seed torch for the next micro-batch.

        The trainer seeds torch with seed + update_num as each update begins, also when a half-precision overflow
        repeats one; a seed that is not our last therefore marks an update's first micro-batch. Devices take turns:
        micro-batch i of device r is number i · devices + r, which is where one device with update_freq finds it.
        """
        current = torch.initial_seed()
        if current != self._last_seed:
            self._micro_batch = 0
            self._run_seed = current - update_num
        together = torch.distributed.is_available() and torch.distributed.is_initialized()
        devices, device = (torch.distributed.get_world_size(), torch.distributed.get_rank()) if together else (1, 0)
        seed = dropout_seed(self._run_seed, update_num, self._micro_batch * devices + device)
        torch.manual_seed(seed)
        self._last_seed = seed
        self._micro_batch += 1


def _clip_at_once(optimizer: Any) -> None:
    """Let fairseq's Adam find the gradients' norm by one call: to launch one a parameter, a GPU stands still 8 ms."""
    if type(optimizer) is not FairseqAdam or "clip_grad_norm" in vars(optimizer):
        return

    def clip(max_norm: float, aggregate_norm_fn: Any = None) -> Tensor:
        moved = [one for one in optimizer.params if one.grad is not None]
        if aggregate_norm_fn is not None or not moved or any(hasattr(one, "expert") for one in moved):
            total: Tensor = FairseqAdam.clip_grad_norm(optimizer, max_norm, aggregate_norm_fn)
            return total
        return fused_adam.clip(moved, max_norm)

    optimizer.clip_grad_norm = clip


def _update_freq(root: DictConfig) -> list[int]:
    """Micro-batches of an update, by epoch; 1 where the task's section stands alone."""
    section = governed.section_of(root, "optimization")
    return [1] if section is None else [int(one) for one in section.update_freq]


def _settle_convention(cfg: DictConfig) -> None:
    """In training, store the search's resolved options, and warn of an Adam that is not the convention's.

    A command that generates has no model in its config: its search follows what the checkpoint's was trained with.
    """
    root = governed.root_of(cfg)
    if root.get("model") is None:
        return
    dialect = governed.dialect_of(cfg)
    governed.store(cfg, "task", {**governed.resolve(cfg, "search"), "convention": dialect})
    model, schedule = governed.section_of(root, "model"), governed.section_of(root, "lr_scheduler")
    ours = model is not None and "convention" in model
    if ours and (schedule is None or "convention" not in schedule):  # our schedule warns by itself
        warn_about_adam(governed.section_of(root, "optimizer"), dialect)


def _check_data(cfg: DictConfig, made_with: str) -> None:
    """Raise DataError, naming the file, where the data-bin or a dictionary is not there."""
    folder = utils.split_paths(cfg.data or "")[0] if cfg.data else ""
    if not os.path.isdir(folder):
        raise DataError(f"data folder '{folder}' does not exist; give one that {made_with} made")
    if cfg.source_lang is None or cfg.target_lang is None:
        cfg.source_lang, cfg.target_lang = data_utils.infer_language_pair(folder)
    if cfg.source_lang is None or cfg.target_lang is None:
        raise DataError(f"no language pair can be read off the files in {folder}; give --source-lang and --target-lang")
    for language in (cfg.source_lang, cfg.target_lang):
        path = os.path.join(folder, f"dict.{language}.txt")
        if not os.path.isfile(path):
            there = ", ".join(sorted(name for name in os.listdir(folder) if name.startswith("dict."))) or "none"
            raise DataError(f"dictionary {path} does not exist (dictionaries there: {there}); check the language codes")
