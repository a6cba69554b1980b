"""`aat_gru`, `aat_bytenet`, `aat_extended_neural_gpu`, `aat_memory_network`: the rivals' options, and their names.

Options bear the names and defaults of the rivals' configs; sizes that go together are in conf/size/.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Optional

import numpy as np
from fairseq import utils
from fairseq.data import data_utils
from fairseq.dataclass import FairseqDataclass
from fairseq.models import register_model
from numpy.typing import NDArray
from omegaconf import II, DictConfig

from aat_plugin import rivals
from aat_plugin.bindings import governed
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.flags import switch
from aat_plugin.bindings.rivals import FairseqRival, built
from aat_plugin.errors import ConfigError, DataError
from aat_plugin.rivals.lengths import fit_length_ratio

logger = logging.getLogger(__name__)


@dataclass
class AatRivalConfig(FairseqDataclass):
    """What every rival has."""

    embed_dim: int = field(default=512, metadata={"help": "width of the embeddings"})
    dropout: float = field(default=0.1, metadata={"help": "the probability"})
    share_all_embeddings: Optional[str] = switch(
        "one matrix for both embeddings and the projection; default: whether the dictionaries are equal"
    )
    share_decoder_input_output_embed: Optional[str] = switch(
        "one matrix for the target embedding and the projection; default true"
    )
    max_source_positions: int = II("task.max_source_positions")
    max_target_positions: int = II("task.max_target_positions")


@dataclass
class AatUnfoldingConfig(AatRivalConfig):
    """What those have that prepare |t̂| = a·|s| + b places for a target."""

    length_ratio: Optional[float] = field(default=None, metadata={"help": "a of |t̂| = a·|s| + b; default: fitted"})
    length_offset: Optional[float] = field(default=None, metadata={"help": "b of |t̂|; default: fitted, or 0 beside a"})


@dataclass
class AatGruConfig(AatRivalConfig):
    """Bahdanau et al. 2015: their widths, under our names."""

    hidden_size: int = field(default=1024, metadata={"help": "width of the decoder's state, and of both directions'"})
    attention_size: int = field(default=1024, metadata={"help": "width in which states and source are compared"})
    encoder_layers: int = field(default=1, metadata={"help": "layers of the encoder"})
    decoder_layers: int = field(default=1, metadata={"help": "layers of the decoder"})


@dataclass
class AatByteNetConfig(AatUnfoldingConfig):
    """Kalchbrenner et al. 2016: their sizes for translation."""

    embed_dim: int = field(default=1600, metadata={"help": "2d: width of the embeddings and between blocks"})
    encoder_blocks: int = field(default=30, metadata={"help": "residual blocks of the encoder"})
    decoder_blocks: int = field(default=30, metadata={"help": "residual blocks of the decoder"})
    kernel_size: int = field(default=3, metadata={"help": "k: places that a convolution sees"})
    max_dilation: int = field(default=16, metadata={"help": "dilations are 1, 2, 4 … up to this, again and again"})
    block: str = field(default="relu", metadata={"help": "relu | multiplicative"})


@dataclass
class AatExtendedNeuralGpuConfig(AatUnfoldingConfig):
    """Kaiser & Bengio 2016: their sizes for translation."""

    embed_dim: int = field(default=512, metadata={"help": "maps of the memory, and width of the embeddings"})
    num_layers: int = field(default=2, metadata={"help": "units that a step applies, in encoder and decoder each"})
    memory_width: int = field(default=4, metadata={"help": "columns of the memory"})
    kernel_size: int = field(default=3, metadata={"help": "rows that a unit sees"})


@dataclass
class AatMemoryNetworkConfig(AatRivalConfig):
    """Sukhbaatar et al. 2015."""

    num_hops: int = field(default=6, metadata={"help": "K: how often the memory is addressed"})
    query_window: int = field(default=8, metadata={"help": "previous targets that a query is made of"})


class RegisteredRival(FairseqRival):
    """What each of them says of itself.

    Attributes:
        make: sizes → the rival.
        sizes: the class of its sizes.
        unfolds: whether it prepares |t̂| places for a target, fitted to the training data where a and b are not given.
    """

    make: ClassVar[Callable[..., rivals.Rival]]
    sizes: ClassVar[Callable[..., Any]]
    unfolds: ClassVar[bool] = False

    @classmethod
    @user_facing
    def build_model(cls, cfg: DictConfig, task: Any) -> FairseqRival:
        """Build the model that `cfg` describes over the task's dictionaries; a fitted |t̂| is stored in it.

        Raises:
            ConfigError: names the option that cannot work.
            DataError: there is nothing to fit |t̂| to.
        """
        return built(cls, cfg, task, cls.make, cls.sizes, **(_unfolding(cfg, task) if cls.unfolds else {}))


@register_model("aat_gru", dataclass=AatGruConfig)
class AatGru(RegisteredRival):
    """Recurrence with attention."""

    make, sizes = staticmethod(rivals.gru), rivals.GruConfig


@register_model("aat_bytenet", dataclass=AatByteNetConfig)
class AatByteNet(RegisteredRival):
    """Dilated convolutions, unfolded over the encoder's columns."""

    make, sizes, unfolds = staticmethod(rivals.bytenet), rivals.ByteNetConfig, True


@register_model("aat_extended_neural_gpu", dataclass=AatExtendedNeuralGpuConfig)
class AatExtendedNeuralGpu(RegisteredRival):
    """Active memory with an output tape."""

    make, sizes, unfolds = staticmethod(rivals.extended_neural_gpu), rivals.ExtendedNeuralGpuConfig, True


@register_model("aat_memory_network", dataclass=AatMemoryNetworkConfig)
class AatMemoryNetwork(RegisteredRival):
    """Hops over the source, asked by the previous targets."""

    make, sizes = staticmethod(rivals.memory_network), rivals.MemoryNetworkConfig


def _unfolding(cfg: DictConfig, task: Any) -> dict[str, float]:
    """a and b of |t̂|, given or fitted; they are stored, so that a checkpoint needs no corpus."""
    ratio, offset = cfg.length_ratio, cfg.length_offset
    if ratio is None:
        if offset is not None:
            raise ConfigError(f"length_offset={offset} stands alone; give length_ratio too, or neither")
        ratio, offset = fit_length_ratio(*_training_lengths(task))
        logger.info(f"fitted to the training data: |t̂| = {ratio}·|s| + {offset}")
    if ratio < 0:
        raise ConfigError(f"length_ratio={ratio} must be at least 0")
    found = {"length_ratio": float(ratio), "length_offset": float(offset or 0.0)}
    governed.store(cfg, "model", found)
    return found


def _training_lengths(task: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tokens of each training source and target, end symbols included.

    Raises:
        DataError: the training data is not there.
    """
    folder = utils.split_paths(task.cfg.data)[0]
    source, target = task.cfg.source_lang, task.cfg.target_lang
    for pair in (f"{source}-{target}", f"{target}-{source}"):
        sides = [
            data_utils.load_indexed_dataset(f"{folder}/train.{pair}.{language}", dictionary, task.cfg.dataset_impl)
            for language, dictionary in ((source, task.source_dictionary), (target, task.target_dictionary))
        ]
        if all(side is not None for side in sides):
            return np.array(sides[0].sizes), np.array(sides[1].sizes)  # fairseq unmaps them with the data set
    raise DataError(
        f"no training data in {folder} to fit |t̂| = a·|s| + b to; give --length-ratio and --length-offset "
        "(Hydra: model.length_ratio, model.length_offset)"
    )
