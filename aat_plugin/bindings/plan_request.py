"""What `aat plan` asks of an experiment: its config, composed as fairseq would, and the lengths of its data-bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fairseq.data import Dictionary, data_utils
from fairseq.models import ARCH_MODEL_REGISTRY
from numpy.typing import NDArray
from omegaconf import DictConfig

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.bindings.compose import composed
from aat_plugin.bindings.flags import truth
from aat_plugin.bindings.model import AatTransformerModel, transformer_config
from aat_plugin.errors import ConfigError
from aat_plugin.training.fused_loss import CHUNK, HALF_CHUNK


@dataclass(frozen=True)
class Setup:
    """An experiment as it would be trained.

    Attributes:
        experiment: its name.
        overrides: as they were given, and those that the devices need.
        cfg: the whole config.
        gpus: devices.
    """

    experiment: str
    overrides: list[str]
    cfg: DictConfig
    gpus: int

    @property
    def precision(self) -> str:
        """As `precision=` names it."""
        common = self.cfg.common
        by_flag = {"fp16": common.fp16, "bf16_model": common.bf16, "amp": common.amp}
        return next((name for name, on in by_flag.items() if on), str(self.cfg.task.precision))

    @property
    def update_freq(self) -> int:
        """Micro-batches of an update on each device, in the last epoch."""
        return int(self.cfg.optimization.update_freq[-1])

    @property
    def logit_rows(self) -> int | None:
        """Rows of logits at one time; None for all."""
        fused = truth("fused_loss", self.cfg.criterion.get("fused_loss"), default=True)
        if not fused or self.cfg.criterion._name != "aat_label_smoothing":
            return None
        return CHUNK if self.precision == "float32" else HALF_CHUNK

    def model(self, vocabulary: int) -> TransformerConfig:
        """The model over two dictionaries of so many types; one shared one, unless the config says otherwise."""
        dictionary = Dictionary()
        for number in range(vocabulary - len(dictionary)):
            dictionary.add_symbol(str(number))
        return transformer_config(self.cfg.model, dictionary, dictionary)[0]


def setup(folder: Path, experiment: str, overrides: Sequence[str], gpus: int | None) -> Setup:
    """Compose an experiment for a number of devices.

    Args:
        folder: of the experiments and their groups.
        experiment: its name.
        overrides: Hydra's.
        gpus: devices; None for those of the config.

    Raises:
        ConfigError: an unknown experiment or option, or a model that is not the plugin's.
    """
    words = list(overrides)
    if gpus is not None:
        words = [word for word in words if not word.startswith("hardware=")]
        words.append(f"hardware=gpu{max(one for one in (1, 2, 4, 8) if one <= gpus)}")
        if gpus not in (1, 2, 4, 8):
            words.append(f"distributed_training.distributed_world_size={gpus}")
    cfg = composed(folder, experiment, words)
    if not issubclass(ARCH_MODEL_REGISTRY.get(cfg.model._name, object), AatTransformerModel):
        raise ConfigError(f"model {cfg.model._name}: only the plugin's own Transformer can be planned; give system=aat")
    return Setup(experiment, words, cfg, int(cfg.distributed_training.distributed_world_size))


@dataclass(frozen=True)
class Prepared:
    """The lengths of a data-bin's training sentences.

    Attributes:
        source, target: (sentences,), in tokens, end symbol included.
        vocabulary: types of the target dictionary.
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    vocabulary: int


def prepared(cfg: DictConfig) -> Prepared | None:
    """The lengths under `task.data`; None where nothing is prepared there."""
    task = cfg.task
    folder = Path(str(task.data).split(":")[0])
    languages = (task.source_lang, task.target_lang)
    if None in languages and folder.is_dir():
        languages = data_utils.infer_language_pair(str(folder))
    prefix = folder / f"{cfg.dataset.train_subset}.{'-'.join(map(str, languages))}"
    if not all(Path(f"{prefix}.{one}.idx").is_file() and (folder / f"dict.{one}.txt").is_file() for one in languages):
        return None
    source, target = (lengths(f"{prefix}.{one}") for one in languages)
    return Prepared(source, target, len(Dictionary.load(str(folder / f"dict.{languages[1]}.txt"))))


def lengths(prefix: str) -> NDArray[np.int32]:
    """The lengths in one of fairseq's indexed files, (sentences,); a copy, as the mapped ones end with the data set."""
    dataset = data_utils.load_indexed_dataset(prefix, None)  # held until the copy is made
    return np.array(dataset.sizes, dtype=np.int32)


def stock_batches(found: Prepared, max_tokens: int) -> list[NDArray[np.int64]]:
    """fairseq's own batches of these sentences: sorted by target and then source length, filled up to max_tokens."""
    order = np.random.default_rng(1).permutation(len(found.source))
    order = order[np.argsort(found.target[order], kind="mergesort")]
    order = order[np.argsort(found.source[order], kind="mergesort")]
    longest = np.maximum(found.source, found.target).astype(np.int64)
    order = order[longest[order] <= max_tokens]
    return list(data_utils.batch_by_size(order, None, num_tokens_vec=longest[order], max_tokens=max_tokens,
                                         required_batch_size_multiple=8))  # fmt: skip
